"""Runs a plan stage by stage on any engine: pending shards, retries, reconciled counts, report and manifest."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from corpusmill import errors, recipe, stats
from corpusmill.plan import Plan, Planned
from corpusmill.spec import intervals, limits, names
from corpusmill.stage import MapStage, Task
from corpusmill.storage import commit, manifest, paths
from corpusmill.storage.layout import StageLayout

ATTEMPTS = 3  # of a stage whose engine lost a worker; committed shards are never redone
POLL = 1.0  # seconds between looks at what is committed

Execute = Callable[[MapStage, Sequence[Task]], None]


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


@dataclass(frozen=True)
class StageResult:
    """A finished stage: its report, seconds of work by step, and how many shards were taken over."""

    layout: StageLayout
    report: stats.Report
    seconds: dict[str, float]
    resumed: int


def run(plan: Plan, execute: Execute, progress: Progress) -> list[StageResult]:
    """Run every stage of a plan that is not yet complete.

    Args:
        plan: from `plan.make`.
        execute: runs tasks of a stage on an engine, in any order, and returns when all are committed.
        progress: is told how far the run is.

    Raises:
        RunError: with what is committed kept; the same call resumes.
    """
    _claim(plan)
    return [_run_stage(planned, execute, progress) for planned in plan.stages]


def _claim(plan: Plan) -> None:
    target = paths.join(plan.root, "recipe.yaml")
    if not paths.exists(target) and paths.exists(plan.root) and paths.listing(plan.root):
        raise errors.OutputError(
            f"{plan.root}: holds files, but no recipe.yaml; it was not made by corpusmill. Choose another output."
        )
    commit.put(target, recipe.resolved(plan.recipe).encode())


def _run_stage(planned: Planned, execute: Execute, progress: Progress) -> StageResult:
    layout, tasks = planned.stage.layout, planned.tasks
    commit.sweep(layout, len(tasks))
    pending = _pending(layout, tasks)
    if pending:  # what an earlier run said of the whole stage no longer holds
        for summary in (layout.manifest, layout.report, layout.timing):
            paths.remove(summary)
    resumed = len(tasks) - len(pending)
    with _watching(planned, pending, progress):
        for attempt in range(ATTEMPTS):
            if not pending:
                break
            _attempt(planned.stage, pending, execute, progress, last=attempt == ATTEMPTS - 1)
            pending = _pending(layout, tasks)
    if pending:
        raise errors.EngineError(
            f"{layout.title}: {len(pending)} of {len(tasks)} shards are missing after {ATTEMPTS} attempts"
            f" (first: {pending[0].shard}); run the same command again to go on"
        )
    return _finish(planned, resumed)


def _attempt(stage: MapStage, pending: Sequence[Task], execute: Execute, progress: Progress, *, last: bool) -> None:
    """One try; only what may go better next time is tried again."""
    commit.clear_failures(stage.layout)
    try:
        with _Telling(stage.layout):
            execute(stage, pending)
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


def _bounds(stage: MapStage) -> dict[str, Any]:
    """The interval of every signal, by language, as it was judged: `[low, high]`."""
    named = zip(names(stage.specs), stage.specs, strict=True)
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
def _watching(planned: Planned, pending: Sequence[Task], progress: Progress) -> Iterator[None]:
    """Tell `progress` what is committed while the stage runs, from the sidecars, on any engine."""
    stop = threading.Event()
    layout, total = planned.stage.layout, len(planned.tasks)
    progress.begin(layout.title, total, total - len(pending), planned.input_bytes)

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


def _finish(planned: Planned, resumed: int) -> StageResult:
    """Add the shards' reports, check that nothing vanished, write report, timing and manifest."""
    layout = planned.stage.layout
    total, seconds, entries = stats.Report(), dict[str, float](), []
    for task in planned.tasks:
        sidecar = commit.committed(layout, task.shard, task.key)
        assert sidecar is not None
        total.add(stats.Report.from_json(sidecar["report"]))
        for step, spent in commit.read_timing(layout, task.shard).items():
            seconds[step] = seconds.get(step, 0.0) + spent
        entries.append({"shard": task.shard, "key": task.key, "split": task.split.to_json(), "files": sidecar["files"]})
    faults = total.faults()
    if faults:
        raise errors.ReconcileError(f"{layout.title}: counts do not add up: {'; '.join(faults)}. This is a bug.")
    commit.put(layout.report, manifest.encode({**total.to_json(), "bounds": _bounds(planned.stage)}))
    commit.put(layout.timing, manifest.encode({"seconds": {k: round(v, 6) for k, v in seconds.items()}}))
    record = manifest.Manifest(stage=layout.title, key=planned.stage.key, parent=None, shards=entries)
    commit.put(layout.manifest, manifest.encode(record.to_json()))
    return StageResult(layout, total, seconds, resumed)
