"""Documents of token ids into rows of one length.

A document's tokens are its ids and the end-of-text after them, so a document of n ids has n + 1. Where its tokens lie
is planned from the lengths alone; rows are then filled in any order and a few at a time, so that memory is a plan and
a block, however large the shard is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Ids = npt.NDArray[Any]  # uint16 or uint32
Strategy = Literal["concat", "best_fit", "pad"]


class Usage(NamedTuple):
    """What rows are made of; sums over shards are sums of the fields.

    Attributes:
        documents: how many.
        tokens: of all documents, end-of-text included.
        rows: how many.
        padding: places in rows that no document fills.
        cut: documents that lie in more than one row.
        cut_needlessly: those of them that would fit into one.
    """

    documents: int
    tokens: int
    rows: int
    padding: int
    cut: int
    cut_needlessly: int

    @property
    def utilisation(self) -> float:
        """The share of places that hold a document's token; 1 where there are no rows."""
        places = self.tokens + self.padding
        return self.tokens / places if places else 1.0


class Plan(NamedTuple):
    """Which tokens lie in which row: R rows of S segments.

    Attributes:
        sequence_length: tokens of a row, L.
        sizes: int64 (N,), tokens of each document, end-of-text included.
        segment_offsets: int64 (R+1,), row r holds the segments from `segment_offsets[r]` to `segment_offsets[r + 1]`.
        segment_document: int64 (S,), whose tokens.
        segment_start: int64 (S,), from which of the document's tokens on.
        segment_length: int64 (S,), how many; the last of a document is its end-of-text.
    """

    sequence_length: int
    sizes: Int64s
    segment_offsets: Int64s
    segment_document: Int64s
    segment_start: Int64s
    segment_length: Int64s

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.segment_offsets) - 1

    def usage(self) -> Usage:
        """Count rows, padding and cuts."""
        tokens = int(self.sizes.sum())
        cut = np.bincount(self.segment_document, minlength=len(self.sizes)) > 1
        needless = int((cut & (self.sizes <= self.sequence_length)).sum())
        padding = self.rows * self.sequence_length - tokens
        return Usage(len(self.sizes), tokens, self.rows, padding, int(cut.sum()), needless)

    def segments_of(self, rows: Int64s) -> tuple[Int64s, Int64s]:
        """The segments of some rows (n,) one after the other: offsets (n+1,) and the numbers of the segments."""
        starts = self.segment_offsets[rows]
        counts = self.segment_offsets[rows + 1] - starts
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        return offsets, np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)


def token_dtype(vocabulary_size: int) -> np.dtype[Any]:
    """The smallest type that holds the ids 0 .. vocabulary_size - 1: uint16, else uint32.

    Raises:
        ValueError: if neither does.
    """
    for dtype in (np.dtype(np.uint16), np.dtype(np.uint32)):
        if 0 < vocabulary_size <= np.iinfo(dtype).max + 1:
            return dtype
    raise ValueError(f"a vocabulary of {vocabulary_size} ids; expected between 1 and 4294967296")


def narrow(ids: Ids, vocabulary_size: int) -> Ids:
    """The ids in the type of their vocabulary.

    Raises:
        ValueError: if an id is not one of the vocabulary.
    """
    dtype = token_dtype(vocabulary_size)
    highest = int(ids.max()) if len(ids) else 0
    if highest >= vocabulary_size or (len(ids) and int(ids.min()) < 0):
        wrong = highest if highest >= vocabulary_size else int(ids.min())
        raise ValueError(f"token id {wrong} in a vocabulary of {vocabulary_size}; this is not the tokenizer's output")
    return ids.astype(dtype, copy=False)


def plan(lengths: npt.NDArray[Any], sequence_length: int, strategy: Strategy) -> Plan:
    """Decide where tokens go.

    Args:
        lengths: (N,), ids of each document, end-of-text not counted.
        sequence_length: tokens of a row, at least 2.
        strategy: `concat` lays the documents one after the other and cuts them at row ends; only the last row is
            padded. `best_fit` keeps a document that fits in one piece: longer ones are cut into full rows and a rest,
            and rests and whole documents, longest first, go where they leave the least room (Ding et al. 2024).
            `pad` gives each document a row of its own, long ones several.

    Raises:
        ValueError: for a sequence length below 2, another strategy, or a negative length.
    """
    from corpusmill.kernels import packing

    if sequence_length < 2:
        raise ValueError(f"sequence_length is {sequence_length}; expected at least 2, an id and the end-of-text")
    if strategy not in get_args(Strategy):
        raise ValueError(f"strategy is {strategy!r}; expected one of {', '.join(get_args(Strategy))}")
    if len(lengths) and int(lengths.min()) < 0:
        raise ValueError(f"a document of {lengths.min()} ids; expected 0 or more")
    sizes = lengths.astype(np.int64) + 1
    if strategy == "concat":
        return Plan(sequence_length, sizes, *packing.concat(sizes, sequence_length))
    if strategy == "best_fit":
        return Plan(sequence_length, sizes, *packing.best_fit(sizes, sequence_length))
    document, start, length = packing.pieces(sizes, sequence_length)
    return Plan(sequence_length, sizes, np.arange(len(document) + 1), document, start, length)


class Documents(NamedTuple):
    """Where the ids of N documents lie: document i is arrays[home[i]][start[i]:start[i] + length[i]].

    Attributes:
        arrays: at least one, (T,) each, all uint16 or all uint32; may be mapped files.
        home, start, length: int64 (N,).
    """

    arrays: Sequence[Ids]
    home: Int64s
    start: Int64s
    length: Int64s

    @classmethod
    def of(cls, offsets: npt.NDArray[Any], ids: Ids) -> "Documents":
        """All in one array: document i is ids[offsets[i]:offsets[i+1]]."""
        lengths = np.diff(offsets).astype(np.int64)
        return cls([ids], np.zeros(len(lengths), np.int64), np.asarray(offsets[:-1], np.int64), lengths)


def fill(
    planned: Plan,
    documents: Documents,
    eos: int,
    rows: Int64s | None = None,
    *,
    padding: int | None = None,
    done: Callable[[int], None] | None = None,
) -> Ids:
    """Fill rows.

    Args:
        planned: from the lengths of these documents.
        documents: where their ids lie.
        eos: the id of end-of-text.
        rows: int64 (n,), which rows in which order; by default all.
        padding: the id that fills rows up; by default `eos`. Which places are padding follows from the plan.
        done: is told of each array, by number, when these rows need it no more; they are read one after the other.

    Returns:
        (n, L), of the type of the ids.

    Raises:
        ValueError: if the documents are not those that were planned, or an id does not fit the type.
    """
    dtype = documents.arrays[0].dtype
    most = np.iinfo(dtype).max
    filler = eos if padding is None else padding
    if not (0 <= eos <= most and 0 <= filler <= most):
        raise ValueError(f"end-of-text {eos} and padding {filler} do not both fit {dtype} (0 to {most})")
    chosen = np.arange(planned.rows) if rows is None else rows
    out = np.full(len(chosen) * planned.sequence_length, filler, dtype)
    offsets, segments = planned.segments_of(chosen)
    document, start, length = (column[segments] for column in planned[3:])
    sizes = planned.sizes[document]
    if len(documents.length) != len(planned.sizes) or not np.array_equal(documents.length[document] + 1, sizes):
        raise ValueError("these are not the documents that were planned; plan again from their lengths")
    before = np.cumsum(length) - length
    row = np.repeat(np.arange(len(chosen)), np.diff(offsets))
    target = row * planned.sequence_length + before - before[offsets[row]]
    last = start + length == sizes
    out[target[last] + length[last] - 1] = eos
    for number in _copied(documents, document, start, length - last, target, out):
        if done is not None:
            done(number)
    return out.reshape(-1, planned.sequence_length)


def _copied(
    documents: Documents, document: Int64s, start: Int64s, length: Int64s, target: Int64s, out: Ids
) -> Iterator[int]:
    """Copy segments of documents to their places, (S,) each: array by array, whose number is given, front to end."""
    from corpusmill.kernels.packing import gather

    home, source = documents.home[document], documents.start[document] + start
    order = np.lexsort((source, home))
    ends = np.searchsorted(home[order], np.arange(len(documents.arrays)), "right")
    for number in np.unique(home):
        here = order[ends[number - 1] if number else 0 : ends[number]]
        line = _read_only(documents.arrays[number])[None]
        gather(line, np.zeros(len(here), np.int64), source[here], length[here], target[here], out)
        yield int(number)


def usage_from(counts: Mapping[str, int]) -> Usage:
    """The inverse of `Usage._asdict`, e.g. of counts that were added up over shards."""
    return Usage(**{name: counts[name] for name in Usage._fields})


def _read_only(array: Ids) -> Ids:
    """A view that cannot be written, always, or numba would compile the kernel for both kinds."""
    view = np.asarray(array).view()  # a memmap as the plain array that it is
    view.setflags(write=False)
    return view
