"""What a sample in windows says of the whole, with 95 % intervals that come from the spread between windows.

Records of one window are alike, so counting them as if drawn one by one would promise too much. A total is a ratio
estimate with the windows as clusters (Cochran 1977, Sampling Techniques, ch. 2.11 and 9A), a share is Wilson's
interval (1927) for as many documents as the sample is worth (Korn and Graubard 1998).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

NORMAL = 1.959963984540054  # between minus this and this lie 95 % of a normal distribution
NONE_SEEN = 3.69  # of a Poisson variable of this mean, 0 is seen in 2.5 % of cases

Floats = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """An estimate and the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def times(self, other: "Interval") -> "Interval":
        """The product of two; its interval holds that of any two values of theirs."""
        return Interval(self.value * other.value, self.low * other.low, self.high * other.high)

    def holds(self, truth: float) -> bool:
        """Whether a value lies inside; whole counts may be off by the half that rounding takes."""
        return self.low - 0.5 <= truth <= self.high + 0.5


ONE = Interval(1, 1, 1)


def total(counts: Sequence[float] | Floats, sizes: Sequence[float] | Floats, whole: float) -> Interval:
    """The sum over the whole input.

    Args:
        counts: (G,), seen in each window.
        sizes: (G,), bytes of each window.
        whole: bytes of the input.
    """
    y, w = np.asarray(counts, np.float64), np.asarray(sizes, np.float64)
    seen, size = float(y.sum()), float(w.sum())
    left = max(0.0, 1 - size / whole)  # of the input that was not read; what was read is known
    value = seen * whole / size
    if not left:
        return Interval(value, value, value)
    if not seen:
        return Interval(0, 0, NONE_SEEN * whole / size)
    spread = _spread(y - seen / size * w) * left
    part = student(len(y) - 1) * math.sqrt(spread) / seen
    if part < 1:  # on the scale of logarithms: totals of few large windows are skewed
        return Interval(value, max(seen, value * math.exp(-part)), value * math.exp(part))
    return Interval(value, seen, value * (1 + part))


def share(part: Sequence[float] | Floats, of: Sequence[float] | Floats) -> Interval:
    """The share of documents that something happened to.

    Args:
        part: (G,), documents in each window that it happened to.
        of: (G,), documents in each window.
    """
    hits, documents = np.asarray(part, np.float64), np.asarray(of, np.float64)
    count = float(documents.sum())
    if not count:
        return Interval(0, 0, 1)
    p = float(hits.sum()) / count
    effective = count
    if 0 < p < 1:
        variance = _spread(hits - p * documents) / count**2
        effective = min(count, p * (1 - p) / variance) if variance else count
    z = student(len(hits) - 1)
    middle = (p + z * z / (2 * effective)) / (1 + z * z / effective)
    half = z / (1 + z * z / effective) * math.sqrt(p * (1 - p) / effective + (z / (2 * effective)) ** 2)
    return Interval(p, max(0.0, min(p, middle - half)), min(1.0, max(p, middle + half)))


def poisson(count: float) -> tuple[float, float]:
    """The 95 % interval of a Poisson mean of which `count` was seen (Byar's approximation)."""
    low = count * (1 - 1 / (9 * count) - NORMAL / (3 * math.sqrt(count))) ** 3 if count else 0.0
    more = count + 1
    return max(0.0, low), more * (1 - 1 / (9 * more) + NORMAL / (3 * math.sqrt(more))) ** 3


def student(free: int) -> float:
    """The 97.5 % quantile of Student's t, to a hundredth from four degrees on (Abramowitz and Stegun 26.7.5)."""
    z, n = NORMAL, max(1, free)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / n + second / n**2 + third / n**3


def _spread(residuals: Floats) -> float:
    """The variance of a sum over windows."""
    count = len(residuals)
    return float(np.sum(residuals**2)) * count / max(1, count - 1)
