"""How far the distributions of two runs lie apart: the population stability index, read off their reports."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.report.outputs import Run
from corpusmill.report.page.totals import with_documents
from corpusmill.stats import bin_edges

CLASSES = 10  # of about as many documents each, as is usual for this index
SMALLEST = 0.01  # share of a language, domain or source that is a class of its own
MOST = 30  # classes of names
SOME, MUCH = 0.1, 0.25  # the usual reading (Siddiqi 2006, Credit Risk Scorecards)
HALF = 0.5  # a document added to each class, so that an empty one can be compared
NORMAL = 1.6448536269514722  # 95 % of a normal distribution lie below
OTHERS = "(others)"
NAMED = ("languages", "domains", "sources")

Floats = npt.NDArray[np.float64]


class Class(NamedTuple):
    """A class of values: what it is called, and the documents of both runs in it."""

    name: str
    a: int
    b: int


class Drift(NamedTuple):
    """The drift of one signal.

    Attributes:
        name: `step.signal`, or `languages`, `domains`, `sources`. psi: the index. chance: below which it stays in 95 of
            100 comparisons of runs that do not differ, for so few documents.
        a, b: documents measured in each run. medians: of both, to the width of a bin; None for names.
        classes: in order of the values, or the names with the most documents first.
    """

    name: str
    psi: float
    chance: float
    a: int
    b: int
    medians: tuple[float, float] | None
    classes: list[Class]

    @property
    def reading(self) -> str:
        """The index in words; what chance alone may give counts for nothing."""
        if self.psi <= max(SOME, self.chance):
            return "stable"
        return "some drift" if self.psi <= MUCH else "drifted"

    def above(self, limit: float) -> bool:
        """Whether it is an alarm: above the limit and above what chance gives."""
        return self.psi > max(limit, self.chance)


def drifts(a: Run, b: Run) -> list[Drift]:
    """All signals that both runs have measured, and languages, domains and sources; the largest drift first."""
    histograms = [_histograms(run) for run in (a, b)]
    found = [
        of_values(name, bins, histograms[1][name]) for name, bins in histograms[0].items() if name in histograms[1]
    ]
    names = [{what: _names(run, what) for what in NAMED} for run in (a, b)]
    found += [of_names(what, names[0][what], names[1][what]) for what in NAMED if names[0][what] and names[1][what]]
    return sorted(found, key=lambda one: (-one.psi, one.name))


def gone(a: Run, b: Run) -> list[str]:
    """What cannot be compared since a run has nothing of it, in words; a run that came out empty drifts from all.

    Args:
        a: a run.
        b: another; what it measured and A did not is new, and not told.
    """
    found = []
    for side, run in (("A", a), ("B", b)):
        records, kept = with_documents(run)[0].report.records, with_documents(run)[-1].report.kept
        if not kept:
            found.append(f"{side} keeps none of its {records:,} records" if records else f"{side} has no records")
    before, after = (
        {**_histograms(run), **{what: names for what in NAMED if (names := _names(run, what))}} for run in (a, b)
    )
    return found + [f"gone: {name}: measured in A, and nowhere in B" for name in sorted({*before} - {*after})]


def _histograms(run: Run) -> dict[str, Counter[int]]:
    """Of all stages; a signal's name has its step in it, and steps have names of their own."""
    return {name: bins for stage in with_documents(run) for name, bins in stage.report.histograms.items() if bins}


def _names(run: Run, what: str) -> dict[str, int]:
    """Documents that came in, by name."""
    return {name: counts[0] for name, counts in getattr(with_documents(run)[0].report, what).items()}


def of_values(name: str, a: Mapping[int, int], b: Mapping[int, int]) -> Drift:
    """The drift between two histograms of `stats.bins`.

    Neighbouring bins are joined until each class holds about a tenth of both runs, which count alike however many
    documents they have.

    Args:
        name: of the signal.
        a: bin → documents, not empty.
        b: the same of the other run.
    """
    bins = sorted({*a, *b})
    counts = np.array([[of.get(index, 0) for index in bins] for of in (a, b)], np.float64)
    shares = (counts / counts.sum(axis=1, keepdims=True)).mean(axis=0)
    middle = np.cumsum(shares) - shares / 2  # so that a bin with many documents stays alone, and so do its neighbours
    which = np.unique(np.minimum((middle * CLASSES).astype(np.int64), CLASSES - 1), return_inverse=True)[1]
    classes = []
    for number in range(int(which[-1]) + 1):
        at = np.flatnonzero(which == number)
        low, high = bin_edges(bins[at[0]])[0], bin_edges(bins[at[-1]])[1]
        label = f"{low:.4g}" if bins[at[0]] == bins[at[-1]] and low in (0, 1) else f"{low:.4g} to {high:.4g}"
        classes.append(Class(label, int(counts[0, at].sum()), int(counts[1, at].sum())))
    return _drift(name, classes, (_median(bins, counts[0]), _median(bins, counts[1])))


def of_names(name: str, a: Mapping[str, int], b: Mapping[str, int]) -> Drift:
    """The drift between two counts by name; names with few documents in both runs are one class.

    Args:
        name: of what is named.
        a: name → documents, not empty.
        b: the same of the other run.
    """
    whole = [max(1, sum(of.values())) for of in (a, b)]
    share = {key: (a.get(key, 0) / whole[0] + b.get(key, 0) / whole[1]) / 2 for key in {*a, *b}}
    own = sorted((key for key in share if share[key] >= SMALLEST), key=lambda key: (-share[key], key))[:MOST]
    classes = [Class(key, a.get(key, 0), b.get(key, 0)) for key in own]
    rest = [whole[n] - sum(of.get(key, 0) for key in own) for n, of in enumerate((a, b))]
    if any(rest):
        classes.append(Class(OTHERS, *rest))
    return _drift(name, classes, None)


def _drift(name: str, classes: list[Class], medians: tuple[float, float] | None) -> Drift:
    counts = np.array([[one.a, one.b] for one in classes], np.float64).T
    a, b = (int(total) for total in counts.sum(axis=1))
    return Drift(name, psi(counts[0], counts[1]), chance(len(classes), a, b), a, b, medians, classes)


def psi(a: Sequence[float] | Floats, b: Sequence[float] | Floats) -> float:
    """The population stability index of two counts of the same classes, sum of (p - q) ln(p / q).

    Args:
        a: (K,), documents by class.
        b: (K,), the same of the other run.
    """
    counts = np.array([a, b], np.float64) + HALF
    p, q = counts / counts.sum(axis=1, keepdims=True)
    return float(np.sum((p - q) * np.log(p / q)))


def chance(classes: int, a: int, b: int) -> float:
    """What the index of two samples of one distribution stays below in 95 of 100 cases.

    It is about (1/a + 1/b) times a chi-squared of K - 1 degrees of freedom (Yurdakul 2018, Statistical Properties of
    Population Stability Index), whose quantile is approximated as Wilson and Hilferty (1931) did.

    Args:
        classes: K.
        a: documents in all.
        b: documents in all of the other run.
    """
    free = classes - 1
    if free < 1 or not a or not b:
        return 0.0
    part = 2 / (9 * free)
    return float(free * (1 - part + NORMAL * math.sqrt(part)) ** 3 * (1 / a + 1 / b))


def _median(bins: Sequence[int], counts: Floats) -> float:
    at = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    low, high = bin_edges(bins[min(at, len(bins) - 1)])
    return low if high - low <= 1 and low == round(low) else (low + high) / 2
