"""The documents that a packed shard is made of: where their ids lie, and no copy of them."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.stages.mixture import Mixture, Range
from corpusmill.stages.phases import Int64s
from corpusmill.storage.exchange import MappedPart
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.packed import Block, Header, Ids, Int32s
from corpusmill.tokenize import pack


class _Piece(NamedTuple):
    """Documents of one record batch: their shard and file, the rest (n,) each; `ids` are all ids of the batch."""

    shard: int
    mapped: MappedPart
    ids: Ids
    start: Int64s
    length: Int64s
    row: Int32s


class Chosen:
    """A group's documents of one part that come in a pass, in the order of shards and rows.

    Ids stay in the mapped files of the first phase. Memory is 32 bytes for each document, and a single file at
    a time, given back when a block of rows has what it needs of it.

    Attributes:
        seen, come: documents and bytes that there are, and of those that come at all.
        got: tokens by source, end-of-text included, with a mixture.
    """

    def __init__(self, dtype: str) -> None:
        """None yet; ids are of the type `dtype`."""
        self.seen = self.come = (0, 0)
        self.got = Counter[str]()
        self._lie([], dtype)

    def read(self, layout: StageLayout, group: Range, part: int, mixture: Mixture | None, number: int) -> None:
        """Find the documents that come in a pass; without a mixture all of them."""
        found = []
        for shard in range(*group):
            mapped = MappedPart(layout.file("ids", shard), part)
            for batch in mapped.batches:
                rows = self._rows(batch, mixture, number)
                if len(rows):
                    found.append(_piece(shard, mapped, batch, rows))
        self._lie(found, self._documents.arrays[0].dtype.name)

    @property
    def lengths(self) -> Int64s:
        """Ids of each document, (N,)."""
        return self._documents.length

    def block(self, planned: pack.Plan, rows: Int64s, header: Header) -> Block:
        """Some rows, with the documents in them."""
        ids = pack.fill(planned, self._documents, header.eos, rows, padding=header.padding, done=self._release)
        offsets, segments = planned.segments_of(rows)
        document = planned.segment_document[segments]
        return Block(ids, offsets, planned.segment_length[segments], self._shards[document], self._row[document],
                     planned.segment_start[segments])  # fmt: skip

    def _release(self, number: int) -> None:
        self._homes[number].release()

    def _lie(self, found: Sequence[_Piece], dtype: str) -> None:
        counts = [len(piece.row) for piece in found]
        none = np.zeros(0, np.int64)
        home = np.repeat(np.arange(len(found)), counts)
        start = np.concatenate([none, *(piece.start for piece in found)])
        length = np.concatenate([none, *(piece.length for piece in found)])
        arrays = [piece.ids for piece in found] or [np.zeros(0, dtype)]
        self._documents = pack.Documents(arrays, home, start, length)
        self._shards = np.repeat(np.array([piece.shard for piece in found], np.int32), counts)
        self._row = np.concatenate([np.zeros(0, np.int32), *(piece.row for piece in found)])
        self._homes = [piece.mapped for piece in found]

    def _rows(self, batch: pa.RecordBatch, mixture: Mixture | None, number: int) -> Int64s:
        """Which documents of a batch come, and count them."""
        everything = np.arange(batch.num_rows)
        self.seen = _more(self.seen, batch, everything)
        if mixture is None:
            self.come = self.seen
            return everything
        copies = mixture.copies(batch.column("source"), batch.column("place").to_numpy())
        if number == 0:
            self.come = _more(self.come, batch, np.flatnonzero(copies > 0))
        rows = np.flatnonzero(copies > number)
        self.got.update(_by_source(batch, rows))
        return rows


def _piece(shard: int, mapped: MappedPart, batch: pa.RecordBatch, rows: Int64s) -> _Piece:
    lists = batch.column("ids")
    offsets = lists.offsets.to_numpy().astype(np.int64)
    ids = lists.values.to_numpy(zero_copy_only=True)
    return _Piece(shard, mapped, ids, offsets[rows], np.diff(offsets)[rows], batch.column("row").to_numpy()[rows])


def _by_source(batch: pa.RecordBatch, rows: Int64s) -> dict[str, int]:
    """Tokens of some documents by source, end-of-text included."""
    tokens = pc.add(pc.cast(pc.list_value_length(batch.column("ids")), pa.int64()), 1)
    table = pa.table({"source": batch.column("source"), "tokens": tokens}).take(pa.array(rows))
    sums = table.group_by("source", use_threads=False).aggregate([("tokens", "sum")])
    return dict(zip(sums["source"].to_pylist(), sums["tokens_sum"].to_pylist(), strict=True))


def _more(counts: tuple[int, int], batch: pa.RecordBatch, rows: Int64s) -> tuple[int, int]:
    sizes = batch.column("bytes").to_numpy()[rows]
    return counts[0] + len(rows), counts[1] + int(sizes.sum())
