"""Decontamination as a stage: how often each evaluation n-gram is in the corpus, then what is dropped or cut."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill import documents, resources, stats
from corpusmill.dedup import decontaminate
from corpusmill.dedup.decontaminate import Decontaminate, Table, Tally
from corpusmill.signals import Measured
from corpusmill.stages.judged import Judged
from corpusmill.stages.phases import Corpus, Inlet, Int64s, Made, Parts, committing, shard_work
from corpusmill.stages.single import SingleStage
from corpusmill.stages.work import Clock, Task, Work
from corpusmill.storage import commit, exchange
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches
from corpusmill.storage.splits import Split
from corpusmill.storage.write import FileStats
from corpusmill.view import View

COUNTS = pa.schema([("entry", pa.int64()), ("documents", pa.int64())])
TALLY = pa.schema([("kind", pa.string()), ("number", pa.int64()), ("documents", pa.int64())])


@dataclass(frozen=True)
class ContaminationStage(SingleStage):
    """Drops documents that hold parts of evaluation sets, or cuts these out; says what each set's items met with."""

    step: Decontaminate

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """Counts by shard, then the decision by shard, which reads all counts."""
        corpus = Corpus.of(self.key, splits)
        counts = Counts(self.layout.phase(1, "counts"), self.step, self.name)
        measuring = Measuring(self.step, Inlet(counts.layout, "counts", corpus.shards))
        decided = Judged(self.layout, self.step, self.name, self.key, (), measuring, self.masking)
        return [shard_work(counts, self.key, splits), shard_work(decided, corpus.key, splits)]

    def close(self, report: stats.Report) -> dict[str, Any]:
        """The table of contamination."""
        table = load(self.step)
        shards = self._shards()
        frequencies = total_counts(Inlet(self.layout.phase(1, "counts"), "counts", shards), table)
        total = reduce(add, (read_tally(self.layout.file("tally", shard), table) for shard in range(shards)))
        rows = decontaminate.contamination(total, frequencies, self.step, table)
        assert report
        return {"contamination": [row._asdict() for row in rows]}

    def _shards(self) -> int:
        return len(commit.sidecars(self.layout))


def load(step: Decontaminate) -> Table:
    """The n-grams of the evaluation sets."""
    return decontaminate.load(step, resources.read)


@dataclass(frozen=True)
class Counts:
    """Counts in how many documents of a shard each entry is."""

    layout: StageLayout
    step: Decontaminate
    name: str

    def build(self) -> Callable[[Task], None]:
        """Load the evaluation sets."""
        table = load(self.step)
        return committing(self.layout, lambda task, clock: self._make(task, clock, table))

    def _make(self, task: Task, clock: Clock, table: Table) -> Made:
        assert task.split is not None
        total: Int64s = np.zeros(len(table.entry_offsets) - 1, np.int64)
        for batch in batches(task.split.path, ["id", "text"]):
            total += decontaminate.count(decontaminate.hits(View(documents.conform(batch)), table), table)
        entries = np.flatnonzero(total)
        with IndexedFile(self.layout.file("counts", task.shard), COUNTS, 1) as file:
            file.add(pa.RecordBatch.from_arrays([pa.array(entries), pa.array(total[entries])], schema=COUNTS))
            written = file.finish()
        clock.note(f"{self.name}.counts")
        return Made({"counts": written}, task.split.end, task.split.length)


def total_counts(counts: Inlet, table: Table) -> Int64s:
    """In how many documents of the corpus each entry is; (E,)."""
    total: Int64s = np.zeros(len(table.entry_offsets) - 1, np.int64)
    for path in counts.paths():
        for batch in exchange.read_all(path):
            total[batch.column("entry").to_numpy()] += batch.column("documents").to_numpy()
    return total


@dataclass(frozen=True)
class Measuring:
    """Makes the measure of a shard; sets and counts are read once per worker."""

    step: Decontaminate
    counts: Inlet

    def __call__(self, _: Task, __: Parts) -> "Deciding":
        """The measure of the next shard."""
        return Deciding(self.step, self._table, self._frequencies)

    @cached_property
    def _table(self) -> Table:
        return load(self.step)

    @cached_property
    def _frequencies(self) -> Int64s:
        return total_counts(self.counts, self._table)


class Deciding:
    """Judges one batch after the other, and counts for the table."""

    def __init__(self, step: Decontaminate, table: Table, frequencies: Int64s) -> None:
        self._step, self._table, self._frequencies = step, table, frequencies
        sets, items = len(table.benchmarks), len(table.item_lines)
        self._tally = Tally(np.zeros(sets, np.int64), np.zeros(items, np.int64), np.zeros(items, np.int64))

    def __call__(self, view: View) -> Measured:
        """Signals, spans and the item that was found, of the next batch."""
        found = decontaminate.hits(view, self._table)
        matched = decontaminate.matches(found, self._frequencies, self._step, self._table)
        self._tally += decontaminate.tally(matched, self._table)
        measured = decontaminate.decide(view, found, self._frequencies, self._step)
        return Measured(measured.signals, edits=measured.edits, evidence={"item": self._items(matched, len(view))})

    def _items(self, matched: decontaminate.Matches, count: int) -> pa.Array:
        """`set:line` of the item of which most was found; the first among equals."""
        names: list[str | None] = [None] * count
        order = np.lexsort((matched.items, -matched.found, matched.rows))
        table = self._table
        for at in order[::-1].tolist():
            item = int(matched.items[at])
            name = table.benchmarks[int(table.item_benchmarks[item])]
            names[int(matched.rows[at])] = f"{name}:{int(table.item_lines[item])}"
        return pa.array(names, pa.string())

    def finish(self, layout: StageLayout, shard: int) -> dict[str, FileStats]:
        """Write what was counted of this shard."""
        with IndexedFile(layout.file("tally", shard), TALLY, 1) as file:
            for kind, counts in vars(self._tally).items():
                some = np.flatnonzero(counts)
                columns = [pa.array([kind] * len(some), pa.string()), pa.array(some), pa.array(counts[some])]
                file.add(pa.RecordBatch.from_arrays(columns, schema=TALLY))
            return {"tally": file.finish()}


def read_tally(path: str, table: Table) -> Tally:
    """The inverse of what a shard has written."""
    sizes = {"documents": len(table.benchmarks), "found": len(table.item_lines), "whole": len(table.item_lines)}
    counts = {kind: np.zeros(size, np.int64) for kind, size in sizes.items()}
    for batch in exchange.read_all(path):
        for kind, number, found in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            counts[kind][number] = found
    return Tally(**counts)
