"""Documents taken out of the rows of a packed shard, whole and in order of their addresses."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.errors import OutputError
from corpusmill.storage.packed import Ids, Shard

Int64s = npt.NDArray[np.int64]

CHUNK_TOKENS = 16_000_000  # of documents that are taken out at once


class Documents(NamedTuple):
    """Whole documents: document i is ids[offsets[i]:offsets[i+1]], its end-of-text included.

    Attributes:
        shards, rows: (n,), their addresses in the stage that was packed, ascending.
        offsets: int64 (n+1,).
        ids: (T,), uint16 or uint32.
    """

    shards: Int64s
    rows: Int64s
    offsets: Int64s
    ids: Ids


class _Segments(NamedTuple):
    """All segments of a shard, sorted by address; int64 (S,) each."""

    block: Int64s
    row: Int64s  # in the block
    column: Int64s
    length: Int64s
    shard: Int64s
    source_row: Int64s
    start: Int64s


def documents(shard: Shard) -> Iterator[Documents]:
    """The documents of a packed shard, about `CHUNK_TOKENS` at once, padding left out.

    Memory is a chunk, and 56 bytes for each segment.

    Raises:
        OutputError: if a document is not whole in this shard.
    """
    from corpusmill.kernels.packing import gather

    all_segments = _sorted_segments(shard)
    block, row, column, length, source_shard, source_row, _ = all_segments
    before = np.cumsum(length) - length
    first = np.flatnonzero(np.diff(source_shard, prepend=-1) | np.diff(source_row, prepend=-1))
    _check_whole(shard.path, all_segments, first, before)
    cuts = np.append(first, len(length))  # document i has the segments cuts[i]:cuts[i+1]
    ends = np.append(before, length.sum())[cuts]  # and begins at token ends[i]
    at = 0
    while at < len(first):
        stop = max(int(np.searchsorted(ends, ends[at] + CHUNK_TOKENS, "right")) - 1, at + 1)
        ids = np.empty(ends[stop] - ends[at], shard.header.dtype)
        for number, rows in enumerate(shard.blocks):
            here = np.flatnonzero(block[cuts[at] : cuts[stop]] == number) + cuts[at]
            gather(rows.ids, row[here], column[here], length[here], before[here] - ends[at], ids)
        chosen = first[at:stop]
        yield Documents(source_shard[chosen], source_row[chosen], ends[at : stop + 1] - ends[at], ids)
        at = stop


def _sorted_segments(shard: Shard) -> _Segments:
    found: list[list[npt.NDArray[Any]]] = [[np.zeros(0, np.int64)] * len(_Segments._fields)]
    for number, block in enumerate(shard.blocks):
        counts = np.diff(block.offsets)
        before = np.cumsum(block.lengths, dtype=np.int64) - block.lengths
        row = np.repeat(np.arange(len(counts)), counts)
        column = before - before[block.offsets[row]]
        found.append([np.full(len(row), number), row, column, block.lengths, block.shards, block.rows, block.starts])
    columns = [np.concatenate(parts).astype(np.int64) for parts in zip(*found, strict=True)]
    order = np.lexsort((columns[6], columns[5], columns[4]))
    return _Segments(*(column[order] for column in columns))


def _check_whole(path: str, segments: _Segments, first: Int64s, before: Int64s) -> None:
    """Each document begins with its token 0 and goes on where its last segment ended."""
    counts = np.diff(np.append(first, len(before)))
    wrong = np.flatnonzero(segments.start != before - np.repeat(before[first], counts))
    if len(wrong):
        address = f"row {segments.source_row[wrong[0]]} of shard {segments.shard[wrong[0]]}"
        raise OutputError(f"{path}: the document of {address} is not whole in this shard; pack again")
