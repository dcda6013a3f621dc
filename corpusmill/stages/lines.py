"""Line dedup as a stage: keys of lines by partition, the copies that go, and the cut."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.dedup import keep
from corpusmill.dedup.lines import LineDedup
from corpusmill.signals import Measured
from corpusmill.stages.earlier import key_range
from corpusmill.stages.judged import Judged
from corpusmill.stages.phases import ByKey, Corpus, Inlet, Made, Parts, address, committing, part_work, shard_work
from corpusmill.stages.single import SingleStage
from corpusmill.stages.work import Clock, Task, Work, digest
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches
from corpusmill.storage.splits import Split
from corpusmill.storage.write import FileStats
from corpusmill.view import View

PART_BYTES = 256_000_000  # of text whose units one task of the second phase holds

KEYS = pa.schema(
    [("high", pa.uint64()), ("low", pa.uint64()), ("row", pa.int32()), ("unit", pa.int32()), ("tie", pa.uint64())]
)
CUTS = pa.schema([("row", pa.int32()), ("unit", pa.int32())])  # units that go


@dataclass(frozen=True)
class LineStage(SingleStage):
    """Cuts lines, or runs of sentences, that stand elsewhere in the corpus."""

    step: LineDedup

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """Keys by shard, copies by range of keys, the cut by shard."""
        corpus = Corpus.of(self.key, splits)
        stored = sum(split.length for split in splits)
        parts = max(1, -(-2 * stored // PART_BYTES))  # text is stored in about half its size
        keys = Keys(self.layout.phase(1, "keys"), self.step, self.name, parts)
        inlet = Inlet(keys.layout, "keys", corpus.shards)
        copies = Copies(self.layout.phase(2, "copies"), inlet, self.name, corpus.offsets, self.step)
        cut = Judged(
            self.layout,
            self.step,
            self.name,
            self.key,
            (Inlet(copies.layout, "cuts", parts),),
            Measuring(self.step),
            self.masking,
        )
        return [
            shard_work(keys, digest([self.key, parts]), splits),
            part_work(copies, corpus.key, parts),
            shard_work(cut, corpus.key, splits),
        ]


@dataclass(frozen=True)
class Keys:
    """Writes a key for every unit of a shard's documents."""

    layout: StageLayout
    step: LineDedup
    name: str
    parts: int

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        assert task.split is not None
        row = 0
        with IndexedFile(self.layout.file("keys", task.shard), KEYS, self.parts) as file:
            for batch in batches(task.split.path, ["id", "text"]):
                keys = _keys(batch, row, self.step)
                file.add(keys, key_range(keys.column("high").to_numpy(), self.parts))
                row += batch.num_rows
            written = file.finish()
        clock.note(f"{self.name}.keys")
        return Made({"keys": written}, row, task.split.length, {f"{self.name}.units": file.rows})


def _keys(batch: pa.RecordBatch, first: int, step: LineDedup) -> pa.RecordBatch:
    from corpusmill.dedup import lines
    from corpusmill.kernels import buffers

    units = lines.keys(buffers.text(batch.column("text")), step)
    counts = np.diff(units.offsets)
    row = np.repeat(np.arange(batch.num_rows, dtype=np.int32), counts)
    number = np.arange(len(row)) - np.repeat(units.offsets[:-1], counts)
    tie = keep.tie(batch.column("id"))[row]
    columns = [units.high, units.low, row + np.int32(first), number.astype(np.int32), tie]
    return pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=KEYS)


@dataclass(frozen=True)
class Copies(ByKey):
    """Finds the copies that go, for one range of keys."""

    step: LineDedup

    def prepare(self) -> Callable[[Task, Parts, Clock], Made]:
        """Nothing to load."""
        return self._make

    def _make(self, task: Task, parts: Parts, clock: Clock) -> Made:
        from corpusmill.dedup import lines

        kinds = (np.uint64, np.uint64, np.int64, np.int64, np.uint64)
        found = [tuple(np.zeros(0, kind) for kind in kinds)]
        for shard, batch in parts[self.keys.name]:
            columns = [batch.column(name).to_numpy().astype(kind) for name, kind in zip(KEYS.names, kinds, strict=True)]
            columns[2] += self.offsets[shard]
            found.append(tuple(columns))
        high, low, document, unit, tie = (np.concatenate(column) for column in zip(*found, strict=True))
        clock.note("read")
        gone = lines.owners(high, low, document, tie, unit, self.step)
        document, unit = document[gone], unit[gone]
        shard_of, rows = address(document, self.offsets)
        clock.note(f"{self.name}.copies")
        with IndexedFile(self.layout.file("cuts", task.shard), CUTS, len(self.offsets) - 1) as file:
            cuts = [pa.array(rows), pa.array(unit.astype(np.int32))]
            file.add(pa.RecordBatch.from_arrays(cuts, schema=CUTS), shard_of)
            written = file.finish()
        clock.note("write")
        return Made({"cuts": written}, len(high), tallies={f"{self.name}.copies": int(gone.sum())})


@dataclass(frozen=True)
class Measuring:
    """Makes the measure of a shard."""

    step: LineDedup

    def __call__(self, _: Task, parts: Parts) -> "Cutting":
        """The measure that cuts what the parts name."""
        found = [batch for _, batch in parts["cuts"]]
        rows = [np.zeros(0, np.int64), *(batch.column("row").to_numpy().astype(np.int64) for batch in found)]
        units = [np.zeros(0, np.int64), *(batch.column("unit").to_numpy().astype(np.int64) for batch in found)]
        row, unit = np.concatenate(rows), np.concatenate(units)
        order = np.argsort(row, kind="stable")
        return Cutting(self.step, row[order], unit[order])


class Cutting:
    """Cuts the named units of one batch after the other."""

    def __init__(self, step: LineDedup, rows: Any, units: Any) -> None:
        self._step, self._rows, self._units, self._first = step, rows, units, 0

    def __call__(self, view: View) -> Measured:
        """The spans and signals of the next batch."""
        from corpusmill.dedup import lines

        found = lines.keys(view.text, self._step)
        mine = slice(*np.searchsorted(self._rows, [self._first, self._first + len(view)]))
        drop = np.zeros(found.offsets[-1], bool)
        drop[found.offsets[self._rows[mine] - self._first] + self._units[mine]] = True
        self._first += len(view)
        return lines.cut(view.text, found, drop, self._step)

    def finish(self, _: StageLayout, __: int) -> dict[str, FileStats]:
        """Nothing more."""
        return {}
