"""Exact dedup as a stage: keys by partition, the best document of each key, removal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import stats
from corpusmill.dedup import exact, keep
from corpusmill.dedup.exact import ExactDedup
from corpusmill.stages.alarms import check_losses
from corpusmill.stages.earlier import Earlier, key_range
from corpusmill.stages.phases import (
    ByKey,
    Corpus,
    Inlet,
    Made,
    Parts,
    address,
    committing,
    part_work,
    shard_work,
)
from corpusmill.stages.removal import VERDICTS, Removal
from corpusmill.stages.signal_values import SignalValues
from corpusmill.stages.single import SingleStage
from corpusmill.stages.work import Clock, Task, Work, digest
from corpusmill.storage.exchange import IndexedFile, one_batch
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches
from corpusmill.storage.splits import Split

VERSION = "1"  # of the index
PART_BYTES = 128_000_000  # of keys that one task of the second phase holds
RECORD_BYTES = 80  # of one document's key, about

KEYS = pa.schema(
    [
        ("high", pa.uint64()),
        ("low", pa.uint64()),
        ("row", pa.int32()),
        ("rank", pa.int64()),
        ("tie", pa.uint64()),
        ("size", pa.int64()),
        ("id", pa.string()),
    ]
)


@dataclass(frozen=True)
class ExactStage(SingleStage):
    """Removes all but one of the documents with equal keys."""

    step: ExactDedup
    values: SignalValues | None
    earlier: tuple[Earlier, ...]

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """Keys by shard, owners by partition, removal by shard."""
        corpus = Corpus.of(self.key, splits)
        parts = max(1, -(-corpus.documents * RECORD_BYTES // PART_BYTES))
        keys = Keys(self.layout.phase(1, "keys"), self.step, self.name, parts, self.values)
        inlet = Inlet(keys.layout, "keys", corpus.shards)
        owners = Owners(self.layout.phase(2, "owners"), inlet, self.name, corpus.offsets, parts, self.earlier)
        removal = Removal(
            self.layout, Inlet(owners.layout, "verdicts", parts), self.name,
            (("exact", f"{self.name}.duplicate"),), keep.name(self.step.keep), self.masking,
        )  # fmt: skip
        return [
            shard_work(keys, digest([self.key, parts]), splits),
            part_work(owners, corpus.key, parts),
            shard_work(removal, corpus.key, splits),
        ]

    def close(self, report: stats.Report) -> dict[str, Any]:
        """Stop if a source or domain lost too much."""
        check_losses(self.layout.title, self.name, self.step.alarm, report)
        return {}


@dataclass(frozen=True)
class Keys:
    """Writes the keys of a shard's documents, by range of keys."""

    layout: StageLayout
    step: ExactDedup
    name: str
    parts: int
    values: SignalValues | None

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        assert task.split is not None
        wanted = dict.fromkeys(["id", "cluster_size", *exact.columns(self.step.by), *keep.columns(self.step.keep)])
        values = self.values.read(task.shard) if self.values else None
        row = 0
        told = {"version": VERSION, "step": "exact_dedup", "by": self.step.by}
        with IndexedFile(self.layout.file("keys", task.shard), KEYS, self.parts, told) as file:
            for batch in batches(task.split.path, list(wanted)):
                part = None if values is None else values[row : row + batch.num_rows]
                keys = self._keys(batch, row, keep.rank(batch, self.step.keep, part))
                file.add(keys, key_range(keys.column("high").to_numpy(), self.parts))
                row += batch.num_rows
            written = file.finish()
        clock.note(f"{self.name}.keys")
        return Made({"keys": written}, row, task.split.length)

    def _keys(self, batch: pa.RecordBatch, first: int, ranks: Any) -> pa.RecordBatch:
        high, low, valid = exact.keys(batch, self.step.by)
        ids = batch.column("id")
        columns = [
            pa.array(high), pa.array(low), pa.array(np.arange(first, first + len(high), dtype=np.int32)),
            pa.array(ranks), pa.array(keep.tie(ids)), batch.column("cluster_size").fill_null(1), ids,
        ]  # fmt: skip
        return pa.RecordBatch.from_arrays(columns, schema=KEYS).filter(pa.array(valid))


@dataclass(frozen=True)
class Owners(ByKey):
    """Finds, for every key of a range, the document that stays; earlier runs' documents always do."""

    parts: int
    earlier: tuple[Earlier, ...]

    def prepare(self) -> Callable[[Task, Parts, Clock], Made]:
        """Nothing to load."""
        return self._make

    def _make(self, task: Task, parts: Parts, clock: Clock) -> Made:
        table, document = self._gather(task.shard, parts)
        clock.note("read")
        verdicts, document, clusters = owners(table, document, [item.name for item in self.earlier])
        shard, rows = address(document, self.offsets)
        verdicts = verdicts.set_column(0, VERDICTS.field("row"), pa.array(rows))
        clock.note(f"{self.name}.owners")
        with IndexedFile(self.layout.file("verdicts", task.shard), VERDICTS, len(self.offsets) - 1) as file:
            file.add(verdicts, shard)
            written = file.finish()
        clock.note("write")
        tallies = {f"{self.name}.clusters": clusters}
        return Made({"verdicts": written}, table.num_rows, tallies=tallies)

    def _gather(self, part: int, parts: Parts) -> tuple[pa.RecordBatch, Any]:
        """All keys of the range; documents of earlier runs are numbered -1 for the first run, -2 for the next."""
        tables, numbers = [pa.RecordBatch.from_pylist([], schema=KEYS)], [np.zeros(0, np.int64)]
        for shard, batch in parts[self.keys.name]:
            tables.append(pa.RecordBatch.from_arrays(batch.columns, schema=KEYS))
            numbers.append(batch.column("row").to_numpy().astype(np.int64) + self.offsets[shard])
        for at, run in enumerate(self.earlier):
            for _, batch in run.key_range("keys", part, self.parts):
                tables.append(pa.RecordBatch.from_arrays(batch.columns, schema=KEYS))
                numbers.append(np.full(batch.num_rows, -1 - at, np.int64))
        return one_batch(tables), np.concatenate(numbers)


def owners(table: pa.RecordBatch, document: Any, earlier: Sequence[str]) -> tuple[pa.RecordBatch, Any, int]:
    """Verdicts over all documents of some keys, with `row` still to be filled in.

    Args:
        table: M keys, of `KEYS`.
        document: int64 (M,), the document's number; -1, -2, … for those of earlier runs, which always stay.
        earlier: the names of those runs.

    Returns:
        The verdicts, the documents they are about, and the number of clusters.
    """
    column = {
        name: table.column(name).to_numpy(zero_copy_only=False) for name in ("high", "low", "rank", "tie", "size")
    }
    old = document < 0
    rank = np.where(old, np.iinfo(np.int64).min, column["rank"])
    order = np.lexsort((document, column["tie"], rank, column["low"], column["high"]))
    high, low = column["high"][order], column["low"][order]
    first = np.ones(len(order), bool)
    first[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    run = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    several = (np.diff(np.append(starts, len(order))) > 1)[run]
    best = order[starts[run]]
    sizes = np.add.reduceat(column["size"][order], starts) if len(order) else np.zeros(0, np.int64)
    stays = first & several & ~old[order]
    removed = ~first & several & ~old[order]
    at = np.flatnonzero(stays | removed)
    gone, kept = removed[at], best[at]
    kept_in = np.array([*earlier, None], object)[np.where(document[kept] < 0, -1 - document[kept], len(earlier))]
    ids = table.column("id").take(pa.array(kept))
    columns = [
        pa.nulls(len(at), pa.int32()),
        pc.if_else(pa.array(gone), ids, None),
        pc.if_else(pa.array(gone), pa.array(kept_in, pa.string()), None),
        pa.array(np.ones(len(at)), mask=~gone),
        pc.if_else(pa.array(gone), "exact", None),
        pa.array(sizes[run[at]], mask=gone),
    ]
    clusters = int((first & several).sum())
    return pa.RecordBatch.from_arrays(columns, schema=VERDICTS), document[order[at]], clusters
