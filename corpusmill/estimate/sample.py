"""Runs a recipe on a sample in a temporary folder, and counts by window what every step did."""

import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill import drive, plan
from corpusmill.drive import Execute, Progress
from corpusmill.estimate import duplicates, timing
from corpusmill.estimate.duplicates import Duplicates
from corpusmill.estimate.windows import Windows
from corpusmill.plan import Plan
from corpusmill.recipe import ErrorBudget, Recipe
from corpusmill.results import StageResult
from corpusmill.spec import members
from corpusmill.stages.work import Stage, Work
from corpusmill.stats import Report
from corpusmill.storage import commit
from corpusmill.storage.inputs import Stored
from corpusmill.storage.read import read
from corpusmill.storage.shards import batches, stored_splits
from corpusmill.tokenize import Packer

Floats = npt.NDArray[np.float64]
COUNTS = ("documents_in", "documents_out", "bytes_in", "bytes_out", "failed")


@dataclass
class StepSample:
    """One step, by window.

    Attributes:
        name, spec: of the step; `read` has no spec. counts: what `stats.StepCounts` has, (G,) each.
        reasons: documents lost for each, (G,). duplicates: what a comparing step found, if it names them.
    """

    name: str
    spec: Any
    counts: dict[str, Floats]
    reasons: dict[str, Floats] = field(default_factory=dict)
    duplicates: Duplicates | None = None


@dataclass
class StageSample:
    """One stage.

    Attributes:
        title: of its folder. steps: of it. files: bytes by kind of file, (G,) each, without what an empty shard takes.
        seconds: of processor that went into each window, (G,), without what a shard costs that has no records;
            `shard_seconds` is that.
        shuffled: bytes that went between its phases.
    """

    title: str
    steps: list[StepSample]
    files: dict[str, Floats]
    seconds: Floats
    shard_seconds: float
    shuffled: int


@dataclass
class Run:
    """A recipe's stages on a sample.

    Attributes:
        stages: those that have documents. tokens: by window, end-of-text included; None where none are asked for.
        token_bytes: of one packed token. encode_seconds: of processor. peak_bytes: of this process, after one batch of
            full size.
    """

    stages: list[StageSample]
    tokens: Floats | None = None
    token_bytes: int = 0
    encode_seconds: float = 0.0
    peak_bytes: int = 0


def run(chosen: Recipe, full: Plan, windows: Windows, folder: str, execute: Execute, progress: Progress) -> Run:
    """Run everything but the packing on the windows; tokens are counted without being packed.

    Args:
        chosen: the recipe.
        full: its plan on the whole input.
        windows: the sample.
        folder: a temporary one.
        execute: as for `drive.run`.
        progress: as for `drive.run`.
    """
    kept = tuple(step for step in chosen.steps if not isinstance(step, members(Packer)))
    budget = ErrorBudget(max_share=1)  # a window is small, and one bad record in it is a large share
    sampled = replace(chosen, steps=kept, output=folder, keep_intermediate=True, errors=budget)
    splits = [split for window in windows.windows for split in window.splits]
    which = np.repeat(np.arange(len(windows.windows)), [len(window.splits) for window in windows.windows])
    splits.append(windows.empty)
    which = np.append(which, len(windows.windows))
    root = f"{folder}/{chosen.name}"
    stages: Any = plan.stages(sampled, root)
    if windows.stored:
        stages = (replace(stages[0], input=Stored()), *stages[1:])
    made = Plan(sampled, root, tuple(splits), stages)
    results = drive.run(made, execute, progress)
    found = Run([])
    for at, (stage, result) in enumerate(zip(made.stages, results, strict=True)):
        sampled_stage = _stage(at, stage, result, which)
        _time(sampled_stage, stage.works(splits), which)
        found.stages.append(sampled_stage)
        splits = stored_splits(stage.layout, result.manifest)
    _lost(found.stages[0].steps[0], windows)
    merged = plan.stages(sampled, f"{folder}/merged")
    spent = timing.seconds(made.stages, merged, results, windows, progress)
    for seen, whole in zip(found.stages, spent, strict=True):
        seen.seconds *= max(0.0, whole - seen.shard_seconds) / max(1e-9, float(seen.seconds.sum()))
    _count_tokens(found, chosen, results[-1], which)
    _full_batch(chosen, full)
    unit = 1 if sys.platform == "darwin" else 1024
    found.peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return found


def _lost(step: StepSample, windows: Windows) -> None:
    """Count what was lost when records were copied as lost by the reader, which it was."""
    for at, window in enumerate(windows.windows):
        for reason, count in window.lost:
            step.counts["documents_in"][at] += count
            if reason:
                step.reasons.setdefault(reason, np.zeros(len(windows.windows)))[at] += count
            else:
                step.counts["failed"][at] += count


def _stage(at: int, stage: Stage, result: StageResult, which: npt.NDArray[np.int64]) -> StageSample:
    groups = int(which[-1])
    specs = dict(zip(stage.names, stage.specs, strict=True))
    steps: dict[str, StepSample] = {}
    files: dict[str, Floats] = {}
    for entry in result.manifest.shards:
        window = which[entry["shard"]]
        if window == groups:
            continue
        told = commit.read_json(result.layout.sidecar(entry["shard"])) or {}
        report = Report.from_json(told["report"])
        for name, counts in report.steps.items():
            if name == "read" and at:  # it reads what the stage before has counted
                continue
            step = steps.setdefault(name, StepSample(name, specs.get(name), {c: np.zeros(groups) for c in COUNTS}))
            for column, values in step.counts.items():
                values[window] += getattr(counts, column)
            for reason, count in counts.reasons.items():
                step.reasons.setdefault(reason, np.zeros(groups))[window] += count
        empty = result.manifest.shards[-1]["files"]
        for kind, facts in entry["files"].items():
            files.setdefault(kind, np.zeros(groups))[window] += max(0, facts["bytes"] - empty[kind]["bytes"])
    for name, step in steps.items():
        if name in specs:
            step.duplicates = _duplicates(name, result, which)
    return StageSample(result.layout.title, list(steps.values()), files, np.zeros(groups), 0.0, _shuffled(result))


def _time(stage: StageSample, works: Sequence[Work], which: npt.NDArray[np.int64]) -> None:
    """Note what the tasks of a stage took; the last shard is empty and tells what each costs at least.

    Where it is the first of its worker it loads the kernels, too; then the quickest of the others is nearer.
    """
    groups = len(stage.seconds)
    for work in works:
        if work.tasks[0].split is None:
            continue
        seconds = np.array([sum(commit.read_timing(work.phase.layout, task.shard).values()) for task in work.tasks])
        if len(seconds) > 2:
            seconds[0] = min(seconds[0], seconds[1:].max())  # the first one loads the kernels
        least = float(seconds.min())
        stage.shard_seconds += least
        np.add.at(stage.seconds, which[:-1][which[:-1] < groups], seconds[:-1] - least)


def _shuffled(result: StageResult) -> int:
    """Bytes of what the phases of a stage left for each other."""
    folders = Path(result.layout.folder).glob("[0-9][0-9]-*")
    return sum(file.stat().st_size for folder in folders for file in folder.rglob("*.arrow"))


def _duplicates(name: str, result: StageResult, which: npt.NDArray[np.int64]) -> Duplicates | None:
    """The clusters of a step that says for each removed document which one stays; None for other steps."""
    shards = [entry["shard"] for entry in result.manifest.shards]
    columns = [f"{name}.kept", f"{name}.kept_in"]
    if not shards or not set(columns) <= set(pq.read_schema(result.layout.ledger(shards[0])).names):
        return None
    stays, removed, earlier, count = dict[str, int](), list[tuple[str, int]](), 0, 0
    for shard in shards:
        rows = pq.read_table(result.layout.ledger(shard), columns=["id", "reason", *columns])
        count += rows.num_rows
        for identifier, reason, kept, kept_in in zip(*(c.to_pylist() for c in rows.columns), strict=True):
            if reason is None:
                stays[identifier] = int(which[shard])
            elif kept_in is not None:
                earlier += 1
            else:
                removed.append((kept, int(which[shard])))
    clusters: dict[str, Counter[int]] = {}
    for kept, window in removed:
        clusters.setdefault(kept, Counter([stays[kept]] if kept in stays else [])).update([window])
    found = duplicates.found(list(clusters.values()), count, int(which[-1]))
    unclear = len(removed) - found.within - found.across  # where several documents have one id
    return found._replace(within=found.within + earlier + max(0, unclear))


def _count_tokens(found: Run, chosen: Recipe, result: StageResult, which: npt.NDArray[np.int64]) -> None:
    """Encode what is left of the sample, where the recipe packs tokens."""
    packers: Sequence[Any] = [step for step in chosen.steps if isinstance(step, members(Packer))]
    if not packers:
        return
    from corpusmill.kernels import buffers
    from corpusmill.tokenize import pack
    from corpusmill.tokenize.encode import Encoder

    tokenizer = packers[0].load()
    encoder = Encoder(tokenizer)
    tokens = found.tokens = np.zeros(int(which[-1]))
    found.token_bytes = int(pack.token_dtype(tokenizer.size).itemsize)
    encoder(buffers.text(pa.array(["A text that loads or compiles the kernels, which is no work."])))
    for entry in result.manifest.shards:
        for batch in batches(result.layout.documents(entry["shard"]), ["text"]):
            begin = time.process_time()
            offsets, _ = encoder(buffers.text(batch.column("text")))
            found.encode_seconds += time.process_time() - begin
            if batch.num_rows:
                tokens[which[entry["shard"]]] += int(offsets[-1]) + batch.num_rows


def _full_batch(chosen: Recipe, full: Plan) -> None:
    """Send one batch of the size that a run has through the first stage, so that it takes the memory of a worker."""
    from corpusmill.steps import Chain

    first: Any = full.stages[0]
    chain = Chain(first.specs, first.names)
    for part in read(chosen.input, full.splits[0]):
        chain(part.batch)
        break
