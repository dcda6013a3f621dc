"""Runs a plan stage by stage on any engine: pending shards, retries, reconciled counts, report and manifest."""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from corpusmill import errors, recipe, stats
from corpusmill.plan import Plan, ready, refuse
from corpusmill.pruning import finished, prune
from corpusmill.redact import Redactor
from corpusmill.results import StageResult
from corpusmill.spec import intervals, limits, members
from corpusmill.stages.phases import add_counts
from corpusmill.stages.work import Phase, Stage, Task, Work
from corpusmill.storage import commit, manifest, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.shards import stored_splits
from corpusmill.storage.splits import Split

ATTEMPTS = 3  # of a stage whose engine lost a worker; committed shards are never redone
POLL = 1.0  # seconds between looks at what is committed

Execute = Callable[[Phase, Sequence[Task]], None]


class Progress(Protocol):
    """Told how far a stage is; all numbers are totals so far, from committed shards."""

    def begin(self, stage: str, shards: int, done: int, input_bytes: int) -> None:
        """A stage begins, of which `done` shards were committed by an earlier run."""

    def update(self, shards: int, documents: int, read: int) -> None:
        """Shards committed, records in them, bytes of the source read for them."""

    def retry(self, why: str) -> None:
        """The engine stopped; what is not committed is tried again."""

    def end(self) -> None:
        """The stage is complete or has stopped."""


def run(plan: Plan, execute: Execute, progress: Progress) -> list[StageResult]:
    """Run every stage of a plan that is not yet complete.

    Args:
        plan: from `plan.make`.
        execute: runs tasks of a stage on an engine, in any order, and returns when all are committed.
        progress: is told how far the run is.

    Raises:
        RunError: with what is committed kept; the same call resumes.
        RecipeError: for tokens that the sources cannot give; where that is known beforehand, with nothing touched.
    """
    asked = refuse_early(plan)
    _claim(plan)
    done = finished(plan)
    if done is not None:
        return done
    results: list[StageResult] = []
    splits, parent = list(plan.splits), None
    for number, stage in enumerate(plan.stages):
        if number >= asked:
            refuse(stage, splits)
        result = _run_stage(stage, splits, parent, execute, progress)
        _check_handover(results, result)
        results.append(result)
        splits, parent = stored_splits(stage.layout, result.manifest), result.manifest
    if not plan.recipe.keep_intermediate:
        results = [*(prune(result) for result in results[:-1]), results[-1]]
    return results


def refuse_early(plan: Plan) -> int:
    """Refuse what is known beforehand to be impossible, while all that an earlier run has left is whole.

    Returns:
        How many stages were asked: those whose input is there.

    Raises:
        RecipeError: for tokens that the sources cannot give.
    """
    asked = 0
    for stage, splits in ready(plan):
        refuse(stage, splits)
        asked += 1
    return asked


def _check_handover(before: Sequence[StageResult], result: StageResult) -> None:
    if before and before[-1].report.kept != result.report.records:
        raise errors.ReconcileError(
            f"{result.layout.title}: {result.report.records} documents came in, but {before[-1].layout.title}"
            f" kept {before[-1].report.kept}. This is a bug."
        )


def _claim(plan: Plan) -> None:
    target = paths.join(plan.root, "recipe.yaml")
    if not paths.exists(target) and paths.exists(plan.root) and paths.listing(plan.root):
        raise errors.OutputError(
            f"{plan.root}: holds files, but no recipe.yaml; it was not made by corpusmill. Choose another output."
        )
    commit.put(target, recipe.resolved(plan.recipe).encode())


def _run_stage(
    stage: Stage, splits: Sequence[Split], parent: Manifest | None, execute: Execute, progress: Progress
) -> StageResult:
    works = stage.works(splits)
    resumed = 0
    layout = stage.layout
    for work in works:
        apart = getattr(work.phase, "apart", False)  # what an earlier run left of the stage stays whole meanwhile
        resumed = run_work(work, execute, progress, () if apart else (layout.manifest, layout.report, layout.timing))
    return _finish(stage, works, parent, resumed)


def run_work(work: Work, execute: Execute, progress: Progress, summaries: Sequence[str] = ()) -> int:
    """Run the tasks of one phase that are not committed.

    Args:
        work: a phase, of a stage or by itself.
        execute: as for `run`.
        progress: is told how far the phase is.
        summaries: files that say something of all tasks; they go if there is anything to do.

    Returns:
        How many tasks were committed before.

    Raises:
        RunError: with what is committed kept; the same call resumes.
    """
    layout, tasks = work.phase.layout, work.tasks
    commit.sweep(layout, len(tasks))
    pending = _pending(layout, tasks)
    if pending:  # what an earlier run said of the whole stage no longer holds
        for summary in summaries:
            paths.remove(summary)
    resumed = len(tasks) - len(pending)
    with _watching(work, pending, progress):
        for attempt in range(ATTEMPTS):
            if not pending:
                break
            _attempt(work.phase, pending, execute, progress, last=attempt == ATTEMPTS - 1)
            pending = _pending(layout, tasks)
    if pending:
        raise errors.EngineError(
            f"{layout.title}: {len(pending)} of {len(tasks)} shards are missing after {ATTEMPTS} attempts"
            f" (first: {pending[0].shard}); run the same command again to go on"
        )
    return resumed


def _attempt(phase: Phase, pending: Sequence[Task], execute: Execute, progress: Progress, *, last: bool) -> None:
    """One try; only what may go better next time is tried again."""
    commit.clear_failures(phase.layout)
    try:
        with _Telling(phase.layout):
            execute(phase, pending)
    except errors.EngineError as error:
        if last:
            raise
        progress.retry(str(error))


class _Telling:
    """Prefers the error that a shard noted to what the engine says about it."""

    def __init__(self, layout: StageLayout) -> None:
        self._layout = layout

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Raise the noted error, if there is one, in place of the engine's."""
        failure = commit.first_failure(self._layout) if isinstance(error, Exception) else None
        if failure:
            raise _typed(failure) from error


def _bounds(stage: Stage) -> dict[str, Any]:
    """The interval of every signal, by language, as it was judged: `[low, high]`."""
    named = zip(stage.names, stage.specs, strict=True)
    return {
        f"{name}.{signal}": {language: list(bounds) for language, bounds in intervals(limit).items()}
        for name, step in named
        for signal, limit in limits(step).items()
    }


def _typed(failure: dict[str, Any]) -> errors.CorpusmillError:
    kind = getattr(errors, str(failure["error"]), None)
    if kind is None:
        return errors.RunError(f"{failure['error']}: {failure['message']}. This is a bug; please report it.")
    return kind(failure["message"])  # type: ignore[no-any-return]


def _pending(layout: StageLayout, tasks: Sequence[Task]) -> list[Task]:
    return [task for task in tasks if commit.committed(layout, task.shard, task.key) is None]


@contextmanager
def _watching(work: Work, pending: Sequence[Task], progress: Progress) -> Iterator[None]:
    """Tell `progress` what is committed while the stage runs, from the sidecars, on any engine."""
    stop = threading.Event()
    layout, total = work.phase.layout, len(work.tasks)
    progress.begin(layout.label, total, total - len(pending), work.input_bytes)

    def watch() -> None:
        open_tasks, shards, documents, read = list(pending), total - len(pending), 0, 0
        last_look = False
        while not last_look:
            last_look = stop.wait(POLL)
            there = set(commit.sidecars(layout))
            for task in [task for task in open_tasks if task.shard in there]:
                sidecar = commit.committed(layout, task.shard, task.key)
                if sidecar:
                    open_tasks.remove(task)
                    shards += 1
                    documents += sidecar["report"]["records"]
                    read += sidecar["report"]["bytes_read"]
            progress.update(shards, documents, read)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        progress.end()


def _finish(stage: Stage, works: Sequence[Work], parent: Manifest | None, resumed: int) -> StageResult:
    """Add the shards' reports, check that nothing vanished, write report, timing and manifest."""
    layout = stage.layout
    total, seconds, entries = stats.Report(), dict[str, float](), []
    for work in works:
        _add_seconds(seconds, work)
    for work in works[:-1]:
        for task in work.tasks:
            counted = commit.committed(work.phase.layout, task.shard, task.key)
            assert counted is not None
            add_counts(total, counted["report"])
    for task in works[-1].tasks:
        sidecar = commit.committed(layout, task.shard, task.key)
        assert sidecar is not None
        total.add(stats.Report.from_json(sidecar["report"]))
        split = None if task.split is None else task.split.to_json()
        if split is not None:
            split["path"] = paths.relative(split["path"], layout.root)
        entries.append({"shard": task.shard, "key": task.key, "split": split, "files": sidecar["files"]})
    faults = total.faults()
    if faults:
        raise errors.ReconcileError(f"{layout.title}: counts do not add up: {'; '.join(faults)}. This is a bug.")
    further = stage.close(total)
    commit.put(layout.report, manifest.encode({**total.to_json(), "bounds": _bounds(stage), **further}))
    commit.put(layout.timing, manifest.encode({"seconds": {k: round(v, 6) for k, v in seconds.items()}}))
    before = None if parent is None else hashlib.sha256(manifest.encode(parent.to_json())).hexdigest()
    record = Manifest(layout.title, stage.key, before, entries, _text(stage, parent))
    commit.put(layout.manifest, manifest.encode(record.to_json()))
    return StageResult(layout, record, total, seconds, resumed, further)


def _text(stage: Stage, parent: Manifest | None) -> str:
    """What the manifest says of the stage's texts."""
    redacts = any(isinstance(step, members(Redactor)) for step in stage.specs)
    return "redacted" if redacts or (parent is not None and parent.text == "redacted") else "raw"


def _add_seconds(seconds: dict[str, float], work: Work) -> None:
    for task in work.tasks:
        for step, spent in commit.read_timing(work.phase.layout, task.shard).items():
            seconds[step] = seconds.get(step, 0.0) + spent
