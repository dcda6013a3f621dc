"""Which stream of rows a sample is from, and which of its rows: pure functions of the sample's number.

Samples are numbered from 0 over the whole training. A table of P slots says which stream each sample of a period is
from; a stream's rows are counted through all periods. There is no state, so any sample can be asked for at any time.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from corpusmill.errors import RecipeError

Int64s = npt.NDArray[np.int64]

MOST_SLOTS = 1 << 20
TOLERANCE = 1e-4  # of a stream's share, relative, unless the table would be longer than `MOST_SLOTS`


class Mixture:
    """Samples of K streams by their shares.

    Attributes:
        counts: int64 (K,), slots of each stream in a period.
        streams: int32 (P,), the stream of each slot: the first n samples hold each stream's share of n, less than one
            more or less, whatever n is.
    """

    def __init__(self, shares: Sequence[float]) -> None:
        """Make the table for shares of the samples; their sum does not matter.

        Raises:
            RecipeError: if no share is above 0, or one is too small for a table of `MOST_SLOTS`.
        """
        from corpusmill.kernels.slots import assign

        given = np.asarray(shares, np.float64)
        if not (given > 0).any():
            raise RecipeError(f"data: found the weights {[float(share) for share in shares]}; expected one above 0")
        given /= given.sum()
        self.counts = _slots(given)
        lost = np.flatnonzero((self.counts == 0) & (given > 0))
        if len(lost):
            found = f"part {lost[0] + 1} of {len(given)} would be {given[lost[0]]:.1e} of the rows"
            raise RecipeError(
                f"data: {found}; expected 0 or at least {1 / MOST_SLOTS:.0e}; give it more weight or none"
            )
        self.streams = assign(self.counts)
        order = np.argsort(self.streams, kind="stable")
        firsts = np.cumsum(self.counts) - self.counts
        self._slots = np.split(order, firsts[1:])  # of each stream
        self._numbers = np.empty(len(order), np.int64)  # of each slot among those of its stream
        self._numbers[order] = np.arange(len(order)) - np.repeat(firsts, self.counts)

    def at(self, samples: Int64s) -> tuple[Int64s, Int64s]:
        """The stream of each sample, and which of that stream's rows it is, counted from 0; int64 (n,) each."""
        if len(self.counts) == 1:
            return np.zeros(len(samples), np.int64), samples
        period, slot = np.divmod(samples, len(self.streams))
        stream = self.streams[slot].astype(np.int64)
        return stream, period * self.counts[stream] + self._numbers[slot]

    def before(self, sample: int) -> list[int]:
        """How many of the samples before this one are from each stream."""
        period, slot = divmod(sample, len(self.streams))
        inside = [int(np.searchsorted(slots, slot)) for slots in self._slots]
        return [period * int(count) + here for count, here in zip(self.counts, inside, strict=True)]

    def sample_of(self, stream: int, row: int) -> int:
        """The sample that takes a stream's row of this number; the stream's share is above 0."""
        period, number = divmod(row, int(self.counts[stream]))
        return period * len(self.streams) + int(self._slots[stream][number])


def _slots(shares: npt.NDArray[np.float64]) -> Int64s:
    """Slots of each stream, of the least power of two that gives all shares within `TOLERANCE`, if there is one."""
    period = 1
    while True:
        counts = _rounded(shares, period)
        if period == MOST_SLOTS or (np.abs(counts / period - shares) <= TOLERANCE * shares).all():
            return counts
        period *= 2


def _rounded(shares: npt.NDArray[np.float64], period: int) -> Int64s:
    """Whole slots by largest remainder, of equal ones the first."""
    exact = shares * period
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(counts - exact, kind="stable")
    counts[order[: period - int(counts.sum())]] += 1
    return counts
