"""How many duplicates a whole input has, fitted to those that were found in a sample.

A copy is found only if both documents are in the sample, so that duplicates must not be scaled like other counts. Those
inside one window are: the whole input has them in the same share. Those between windows grow with the number of
windows; how, is read off the sample itself: rarefaction (Hurlbert 1971) gives what an eighth, a quarter and half of
the windows would have shown, and a power law through them leads to the whole.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from corpusmill.estimate.intervals import Interval, poisson

PARTS = (8, 4, 2, 1)  # the sample is fitted at these fractions of its windows
DOUBLE = 2.0  # copies of one document: their removals per document kept grow by up to this more than in proportion


class Duplicates(NamedTuple):
    """What was found in a sample of G windows.

    Attributes:
        documents: that were compared. windows: G. within: removals that one window alone explains.
        clusters: for each cluster that spans windows, how many it has documents in.
    """

    documents: int
    windows: int
    within: int
    clusters: tuple[int, ...]

    @property
    def across(self) -> int:
        """Removals that no window alone explains."""
        return sum(spanned - 1 for spanned in self.clusters)


class Fit(NamedTuple):
    """A fitted duplication.

    Attributes:
        kept: share of the compared documents of the whole input that stays. in_sample: the same in the sample.
        exponent: of the power law; None where nothing was found between windows. points: (documents, removals between
            windows) of growing parts of the sample.
    """

    kept: Interval
    in_sample: float
    exponent: float | None
    points: tuple[tuple[float, float], ...]


def found(clusters: Sequence[Mapping[int, int]], documents: int, windows: int) -> Duplicates:
    """Sum up clusters, each given as window → documents of it there."""
    within = sum(count - 1 for cluster in clusters for count in cluster.values())
    return Duplicates(documents, windows, within, tuple(len(c) for c in clusters if len(c) > 1))


def fit(seen: Duplicates, times: float) -> Fit:
    """Fit and extend.

    What is fitted is the removals between windows for each document that stays, which may grow without end as the
    share that stays shrinks. The interval reaches from no growth at all, which is what the sample has shown, to growth
    in proportion, twice over: so much more do many copies of one document gain.

    Args:
        seen: in the sample.
        times: the whole input is so many times the sample.
    """
    if not seen.documents:
        return Fit(Interval(1, 0, 1), 1.0, None, ())
    inside = 1 - seen.within / seen.documents
    points = tuple((seen.documents / part, rarefied(seen, part)) for part in PARTS)
    odds = [removed / max(1e-9, documents * inside - removed) for documents, removed in points]
    in_sample = inside / (1 + odds[-1])
    if times <= 1:
        return Fit(Interval(in_sample, in_sample, in_sample), in_sample, None, points)
    exponent = _slope([documents for documents, _ in points], odds) if odds[-1] > 0 else None
    low, high = poisson(seen.across)
    stay = max(1.0, seen.documents * inside - seen.across)
    most = inside / (1 + DOUBLE * high / stay * times)
    least = inside / (1 + low / stay)
    value = inside / (1 + odds[-1] * times ** (exponent or 0.0))
    return Fit(Interval(value, most, least), in_sample, exponent, points)


def unfitted(removed: int, documents: int, times: float) -> Interval:
    """The share that stays, where a step does not say which documents belong together.

    The value is the sample's; the interval is that of `fit`.

    Args:
        removed: documents of the sample.
        documents: that came in.
        times: the whole input is so many times the sample.
    """
    if not documents:
        return Interval(1, 0, 1)
    value = 1 - removed / documents
    if times <= 1:
        return Interval(value, value, value)
    low, high = poisson(removed)
    stay = max(1, documents - removed)
    return Interval(value, 1 / (1 + DOUBLE * high / stay * times), 1 / (1 + low / stay))


def rarefied(seen: Duplicates, part: int) -> float:
    """Removals between windows that a random part of the windows would show on average.

    A cluster in j of G windows shows, among k of them, one removal less than the windows it is seen in, if any.

    Args:
        seen: in all windows.
        part: k is G divided by this; it need not be whole.
    """
    g = seen.windows
    k = g / part
    removed = 0.0
    for spanned in seen.clusters:
        missed = math.exp(_choose(g - spanned, k) - _choose(g, k)) if g - spanned >= k else 0.0
        removed += spanned * k / g - (1 - missed)
    return removed


def _choose(n: float, k: float) -> float:
    """The logarithm of the binomial coefficient."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The least-squares slope between logarithms, from no growth to growth in proportion."""
    known = [(math.log(a), math.log(b)) for a, b in zip(x, y, strict=True) if b > 0]
    if len(known) < 2:
        return 1.0
    mean = [sum(point[axis] for point in known) / len(known) for axis in (0, 1)]
    over = sum((a - mean[0]) * (b - mean[1]) for a, b in known)
    return min(1.0, max(0.0, over / sum((a - mean[0]) ** 2 for a, _ in known)))
