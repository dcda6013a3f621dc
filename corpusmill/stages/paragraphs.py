"""Paragraph dedup as a stage: n-grams counted, a Bloom filter per group of shards, the scan in order, and the cut."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.dedup import paragraphs
from corpusmill.dedup.paragraphs import ParagraphDedup
from corpusmill.signals import Measured
from corpusmill.spans import Spans
from corpusmill.stages.judged import Judged
from corpusmill.stages.phases import Corpus, Inlet, Made, Parts, committing, part_work, shard_work
from corpusmill.stages.single import SingleStage
from corpusmill.stages.work import Clock, Task, Work
from corpusmill.storage import commit, exchange
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches
from corpusmill.storage.splits import Split
from corpusmill.storage.write import FileStats
from corpusmill.view import View

GROUPS = 16  # of shards that are scanned side by side, each with a filter of its own on disk

BITS = pa.schema([("bits", pa.uint64())])
SHARES = pa.schema([("row", pa.int32()), ("share", pa.float64()), ("starts", pa.list_(pa.int64())),
                    ("ends", pa.list_(pa.int64()))])  # fmt: skip


@dataclass(frozen=True)
class ParagraphStage(SingleStage):
    """Cuts paragraphs whose n-grams stood earlier in the corpus."""

    step: ParagraphDedup

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """Counts by shard, filters by group, the scan by group, the cut by shard."""
        corpus = Corpus.of(self.key, splits)
        ends = np.linspace(0, corpus.shards, min(GROUPS, corpus.shards) + 1).astype(int).tolist()
        layouts = [self.layout.phase(number, name) for number, name in enumerate(("counts", "filters", "shares"), 1)]
        shared = (self.step, self.name, layouts[0], corpus.splits, tuple(ends))
        groups = len(ends) - 1
        inlet = Inlet(layouts[2], "shares", groups)
        return [
            shard_work(Counts(layouts[0], self.step, self.name), self.key, splits),
            part_work(Filters(layouts[1], *shared), corpus.key, groups),
            part_work(Shares(layouts[2], *shared, layouts[1]), corpus.key, groups),
            shard_work(
                Judged(self.layout, self.step, self.name, self.key, (inlet,), measure, self.masking), corpus.key, splits
            ),
        ]


@dataclass(frozen=True)
class Counts:
    """Counts the n-grams of a shard, where the recipe does not say how many there are."""

    layout: StageLayout
    step: ParagraphDedup
    name: str

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        assert task.split is not None
        total = 0
        if self.step.expected_ngrams is None:
            for view in _views(task.split):
                total += len(paragraphs.ngram_hashes(view, self.step).hashes)
        clock.note(f"{self.name}.counts")
        return Made({}, task.split.end, task.split.length, {f"{self.name}.ngrams": total})


@dataclass(frozen=True)
class _Grouped:
    """A phase whose task is a group of neighbouring shards: those from `ends[g]` to `ends[g + 1]`."""

    layout: StageLayout
    step: ParagraphDedup
    name: str
    counts: StageLayout
    splits: tuple[Split, ...]
    ends: tuple[int, ...]

    def empty(self) -> Any:
        """A filter for the whole corpus."""
        sidecars = (commit.read_json(self.counts.sidecar(shard)) for shard in range(len(self.splits)))
        total = sum(found["report"]["tallies"][f"{self.name}.ngrams"] for found in sidecars if found)
        return paragraphs.empty_filter(self.step, total)

    def shards(self, group: int) -> range:
        """The shards of a group."""
        return range(self.ends[group], self.ends[group + 1])


@dataclass(frozen=True)
class Filters(_Grouped):
    """Writes the Bloom filter of each group; the last group's is never asked for, and not made."""

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        bits, documents = self.empty(), 0
        for shard in self.shards(task.shard) if task.shard < len(self.ends) - 2 else ():
            for view in _views(self.splits[shard]):
                paragraphs.fill(bits, view, self.step)
                documents += len(view)
        clock.note(f"{self.name}.filters")
        with IndexedFile(self.layout.file("bits", task.shard), BITS, 1) as file:
            file.add(pa.RecordBatch.from_arrays([pa.array(bits)], schema=BITS))
            written = file.finish()
        clock.note("write")
        return Made({"bits": written}, documents)


@dataclass(frozen=True)
class Shares(_Grouped):
    """Goes through the documents of a group in order, with all that came before it in the filter."""

    filters: StageLayout

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        bits, documents = self.empty(), 0
        for group in range(task.shard):
            done = 0
            for batch in exchange.read_all(self.filters.file("bits", group)):
                bits[done : done + batch.num_rows] |= batch.column("bits").to_numpy()
                done += batch.num_rows
        clock.note("read")
        with IndexedFile(self.layout.file("shares", task.shard), SHARES, len(self.splits)) as file:
            for shard in self.shards(task.shard):
                row = 0
                for view in _views(self.splits[shard]):
                    found = _shares(paragraphs.scan(bits, view, self.step), row, len(view))
                    file.add(found, np.full(len(view), shard))
                    row += len(view)
                documents += row
            written = file.finish()
        clock.note(f"{self.name}.shares")
        return Made({"shares": written}, documents)


def _shares(found: Measured, first: int, count: int) -> pa.RecordBatch:
    spans = found.edits
    assert spans is not None
    offsets = np.searchsorted(spans.rows, np.arange(count + 1)).astype(np.int32)
    lists = [pa.ListArray.from_arrays(pa.array(offsets), pa.array(column)) for column in (spans.starts, spans.ends)]
    rows = np.arange(first, first + count, dtype=np.int32)
    share = np.asarray(found.signals["duplicated_share"], np.float64)
    return pa.RecordBatch.from_arrays([pa.array(rows), pa.array(share), *lists], schema=SHARES)


def _views(split: Split) -> Any:
    from corpusmill import documents

    for batch in batches(split.path, ["id", "text"]):
        yield View(documents.conform(batch))


def measure(_: Task, parts: Parts) -> "Cutting":
    """The measure that cuts what the scan has found."""
    return Cutting([batch for _, batch in parts["shares"]])


class Cutting:
    """Gives the found shares and spans for one batch after the other."""

    def __init__(self, found: list[pa.RecordBatch]) -> None:
        empty = pa.RecordBatch.from_pylist([], schema=SHARES)
        self._all = exchange.one_batch([empty, *(pa.RecordBatch.from_arrays(b.columns, schema=SHARES) for b in found)])
        self._first = 0

    def __call__(self, view: View) -> Measured:
        """The spans and the signal of the next batch."""
        mine = self._all.slice(self._first, len(view))
        self._first += len(view)
        starts, ends = mine.column("starts"), mine.column("ends")
        rows = np.repeat(np.arange(len(view)), np.diff(starts.offsets.to_numpy()))
        spans = Spans(rows, starts.flatten().to_numpy(), ends.flatten().to_numpy())
        return Measured({"duplicated_share": mine.column("share").to_numpy()}, edits=spans)

    def finish(self, _: StageLayout, __: int) -> dict[str, FileStats]:
        """Nothing more."""
        return {}
