"""Which documents a tokenizer is trained on: by a keyed hash of the id, so many bytes of each source.

A document has a place from 0 to 1 (`splits.places`), and each source a cut: documents below it are the sample. Those in
a slice next to the cut are held out, to judge the tokenizer by. So being chosen depends on the id, the source and the
cut, never on shards, order or workers; a larger sample holds a smaller one.

Bytes are of UTF-8 text. Places are counted in buckets first, so that no more is read than what is near the cut.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.errors import UsageError, near
from corpusmill.tokenize.splits import ANY_SOURCE

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]

KEY = "tokenizer sample"  # of the places; another than that of any validation split
HELD_SHARE = 10  # the held-out slice is one part in so many of the sample,
HELD_BYTES = 50_000_000  # and at most so large


class Budget(NamedTuple):
    """Bytes of one source: what the sample may have, and about how much more is held out."""

    sample: int
    held: int


class Ends(NamedTuple):
    """Where a source's parts end: below `sample` documents are in the sample, from there to below `held` held out."""

    sample: float
    held: float


def parse_weights(text: str) -> dict[str, float]:
    """Weights by source from `web=2,wiki=1`; `*` stands for every source that is not named.

    Raises:
        UsageError: for another form, a source twice, a negative weight, or nothing but zeros.
    """
    weights: dict[str, float] = {}
    for part in text.split(","):
        source, equals, number = (piece.strip() for piece in part.rpartition("="))
        weight = _number(number)
        if not equals or not source or source in weights or not 0 <= weight < math.inf:
            raise UsageError(
                f"--weights: found {part.strip()!r}; expected SOURCE=WEIGHT with each source once and a weight from 0,"
                " as in web=2,wiki=1"
            )
        weights[source] = weight
    if not any(weights.values()):
        raise UsageError(f"--weights: found {text!r}; expected a weight above 0 for some source")
    return weights


def budgets(available: Mapping[str, int], weights: Mapping[str, float], most: int) -> dict[str, Budget]:
    """Divide the sample among sources in proportion to weights; who has too little gives all it has.

    What a source cannot give is divided among the others in the same way, until all is given or nothing is left.

    Args:
        available: bytes by source.
        weights: by source or `*`; empty for weights that are the sources' own bytes.
        most: bytes of the sample in all.

    Returns:
        One budget for each source; the samples add up to at most `most`.

    Raises:
        UsageError: a weight for a source that is not there, or a source without a weight.
    """
    shares = _weights(available, weights)
    given = dict.fromkeys(sorted(available), 0)
    open_, left = {source for source in given if shares[source] and available[source]}, most
    while open_:
        whole = sum(shares[source] for source in open_)
        part = {source: left * shares[source] / whole for source in open_}
        full = {source for source in open_ if available[source] <= part[source]}
        for source in full or open_:
            given[source] = available[source] if full else int(part[source])
        left -= sum(available[source] for source in full)
        open_ = open_ - full if full else set()
    total = sum(given.values())
    held = {source: math.ceil(min(Fraction(1, HELD_SHARE), Fraction(HELD_BYTES, total)) * n) if n else 0
            for source, n in given.items()}  # fmt: skip
    return {source: Budget(n, held[source]) for source, n in given.items()}


def reach(sizes: Int64s, budget: Budget) -> int:
    """How many of the first buckets hold all documents of a sample, and those held out.

    Args:
        sizes: int64 (`splits.BUCKETS`,), bytes of one source by bucket.
        budget: of that source.
    """
    if not budget.sample:
        return 0
    return min(int(np.searchsorted(np.cumsum(sizes), budget.sample + budget.held)) + 1, len(sizes))


def cut(places: Float64s, sizes: Int64s, budget: Budget) -> Ends:
    """Where to cut one source, so that the sample is as large as it may be, to within one document.

    Documents at one place, which have the same id, are chosen together.

    Args:
        places: float64 (N,), of the documents below `reach`, in any order.
        sizes: int64 (N,), their bytes.
        budget: of the source.
    """
    if not budget.sample or not len(places):
        return Ends(0.0, 0.0)
    order = np.argsort(places, kind="stable")
    distinct, first = np.unique(places[order], return_index=True)
    ends = np.cumsum(np.add.reduceat(sizes[order], first))
    inside = int(np.searchsorted(ends, budget.sample, "right"))
    before = int(ends[inside - 1]) if inside else 0
    held = int(np.searchsorted(ends, before + budget.held)) + 1  # the document that fills it belongs to it
    bounds = np.append(distinct, 1.0)
    return Ends(float(bounds[inside]) if inside else 0.0, float(bounds[min(max(held, inside), len(distinct))]))


def _weights(available: Mapping[str, int], weights: Mapping[str, float]) -> dict[str, Fraction]:
    if not weights:
        return {source: Fraction(size) for source, size in available.items()}
    for source in sorted(set(weights) - set(available) - {ANY_SOURCE}):
        there = near(source, available) or f"; there are: {', '.join(sorted(available)) or 'none'}"
        raise UsageError(f"--weights: found {source!r}, and no document is of that source{there}")
    missing = sorted(set(available) - set(weights))
    if missing and ANY_SOURCE not in weights:
        raise UsageError(
            f"--weights: no weight for {', '.join(missing)}; give each source one (0 leaves it out), or '*=1' for all"
            " others"
        )
    return {source: Fraction(weights.get(source, weights.get(ANY_SOURCE, 0.0))) for source in available}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
