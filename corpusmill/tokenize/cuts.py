"""Which documents of a source a training run sees how often, so that their tokens are those of a mixture.

A source that gives more tokens than it has is gone through whole as often as that takes, and for the rest, documents
whose place lies below a cut come once more. A place is a number from 0 to below 1 made from the document's id
(`splits.places`), so that the choice has nothing to do with shards or order. The cut is found from counts of tokens
in buckets of places, and lies within a bucket as far as the tokens that are wanted reach into it.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.tokenize.order import key_of
from corpusmill.tokenize.splits import BUCKETS

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

KEY = "mixture"  # of the places; the same for all seeds, so that ids are hashed once


class Cut(NamedTuple):
    """How often the documents of a source come.

    Attributes:
        passes: times that all of them come.
        below: documents whose turned place is below it come once more, from 0 to 1.
        within: tokens of the bucket that the cut lies in; what comes differs from what was wanted by at most so many.
    """

    passes: int
    below: float
    within: int

    def copies(self, places: Float64s) -> Int64s:
        """How often documents at turned places come; int64 (N,)."""
        return self.passes + (places < self.below).astype(np.int64)

    def share(self, number: int) -> float:
        """About which share of the source's tokens comes in a pass, numbered from 0."""
        return 1.0 if number < self.passes else self.below if number == self.passes else 0.0


def cut(wanted: int, counts: Int64s) -> Cut:
    """Where to cut a source.

    Args:
        wanted: tokens.
        counts: int64 (BUCKETS,), tokens by bucket, turned.
    """
    ends = np.cumsum(counts)
    total = int(ends[-1])
    if not total:
        return Cut(0, 0.0, 0)
    passes, rest = divmod(wanted, total)
    if not rest:
        return Cut(passes, 0.0, 0)
    at = int(np.searchsorted(ends, rest))  # the first bucket at whose end there are enough
    inside = (rest - int(ends[at] - counts[at])) / int(counts[at])
    return Cut(passes, (at + inside) / BUCKETS, int(counts[at]))


def turned(places: Float64s, seed: str) -> Float64s:
    """Places as a seed sees them: moved round by whole buckets, so that another seed chooses other documents."""
    moved: Float64s = (places - _turn(seed) / BUCKETS) % 1.0  # exact: all are multiples of 2**-53
    return moved


def turned_counts(counts: Int64s, seed: str) -> Int64s:
    """Counts by bucket, moved as `turned` moves places; the last axis is that of the buckets."""
    return np.roll(counts, -_turn(seed), axis=-1)


def _turn(seed: str) -> int:
    return key_of(seed, KEY) % BUCKETS
