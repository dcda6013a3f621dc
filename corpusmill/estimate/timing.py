"""What the work on a sample costs when it is done in batches as large as a run's.

A window has some forty records, and every step and every file costs a little however small the batch. So that this is
not multiplied, the sample goes through all stages once more, as one shard, and only its time is looked at.
"""

import time
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill.drive import Progress, run_work
from corpusmill.estimate.windows import Windows
from corpusmill.results import StageResult
from corpusmill.stages.work import Phase, Stage, Task
from corpusmill.storage import commit, paths
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.read import BATCH_BYTES, read
from corpusmill.storage.shards import stored_splits
from corpusmill.storage.splits import Split

FIXED = {"read", "write"}  # what gathering tasks take for opening files, however little is in them


def seconds(
    stages: Sequence[Stage],
    merged: Sequence[Stage],
    results: Sequence[StageResult],
    windows: Windows,
    progress: Progress,
) -> list[float]:
    """Processor seconds of each stage on the whole sample.

    Args:
        stages: as the sample ran them.
        merged: the same in another folder, where nothing is yet.
        results: of the sample.
        windows: the sample.
        progress: is told of the stages.
    """
    found = [_first(stages[0], windows)]
    splits = [_joined(results[0], merged[0])]
    for stage in merged[1:]:
        if not splits[0].end:  # nothing is left
            found.append(0.0)
            continue
        works, spent = stage.works(splits), 0.0
        for work in works:
            run_work(work, _here, progress)
            for task in work.tasks:
                told = commit.read_timing(work.phase.layout, task.shard)
                gathers = task.split is None
                spent += sum(value for name, value in told.items() if not (gathers and name in FIXED))
        last = works[-1]
        made = [commit.committed(last.phase.layout, task.shard, task.key) or {} for task in last.tasks]
        entries = [{"shard": task.shard, **told} for task, told in zip(last.tasks, made, strict=True)]
        splits = stored_splits(stage.layout, Manifest(stage.layout.title, "", None, entries))
        found.append(spent)
    return found


def _here(phase: Phase, tasks: Sequence[Task]) -> None:
    run = phase.build()
    for task in tasks:
        run(task)


def _first(stage: Any, windows: Windows) -> float:
    """The first stage: its chain over batches of full size, and what reading takes."""
    from corpusmill.steps import Chain

    chain = Chain(stage.specs, stage.names)
    waiting: list[pa.RecordBatch] = []
    warm = False
    begin, spent = time.process_time(), 0.0
    for split in (*(split for window in windows.windows for split in window.splits), None):
        waiting += [] if split is None else [part.batch for part in read(stage.input, split) if part.batch.num_rows]
        if waiting and (split is None or sum(batch.nbytes for batch in waiting) >= BATCH_BYTES):
            batch = pa.Table.from_batches(waiting).combine_chunks().to_batches()[0]
            waiting = []
            if not warm:  # loads the kernels, which is no work
                spent += time.process_time() - begin
                chain(batch.slice(0, 2))
                begin, warm = time.process_time(), True
            chain(batch)
    return spent + time.process_time() - begin


def _joined(result: StageResult, target: Stage) -> Split:
    """The documents and ledgers of a stage as those of one shard, in another folder."""
    shards = [entry["shard"] for entry in result.manifest.shards]
    for kind in ("documents", "ledger"):
        path = target.layout.file(kind, 0)
        paths.local(path).parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(path, pq.read_schema(result.layout.file(kind, shards[0]))) as writer:
            for shard in shards:
                writer.write_table(pq.read_table(result.layout.file(kind, shard)))
    path = target.layout.documents(0)
    size = paths.local(path).stat().st_size
    return Split(path, 0, result.report.kept, size, size, "sample")
