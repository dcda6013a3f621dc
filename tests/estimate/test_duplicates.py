"""Duplicates of a whole input from those of a sample: rarefaction is exact, the interval holds the truth."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from corpusmill.estimate import duplicates
from corpusmill.estimate.duplicates import Duplicates


def test_rarefaction_is_the_mean_over_all_parts():
    """What half and a quarter of eight windows show on average, by looking at every choice of them."""
    clusters = [{0, 3}, {1, 2, 5, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {4, 6}]
    seen = Duplicates(100, 8, 3, tuple(map(len, clusters)))
    for part, k in ((2, 4), (4, 2), (1, 8), (8, 1)):
        shown = [sum(max(0, len(c & set(some)) - 1) for c in clusters) for some in combinations(range(8), k)]
        assert abs(duplicates.rarefied(seen, part) - np.mean(shown)) < 1e-9


def test_clusters_are_told_apart_by_window():
    """Copies in one window are within it; a cluster counts once for each further window it is in."""
    seen = duplicates.found([Counter({0: 3}), Counter({0: 1, 4: 2, 5: 1})], 50, 8)
    assert Duplicates(50, 8, 3, (3,)) == seen
    assert 2 == seen.across


def sampled(cluster_of, windows, chosen):
    """Sample windows of equal size of a corpus whose documents have these clusters; what it shows and the truth."""
    parts = np.array_split(cluster_of, windows)
    groups: dict = {}
    for at, number in enumerate(chosen):
        for cluster in parts[number].tolist():
            groups.setdefault(cluster, Counter())[at] += 1
    count = sum(len(parts[n]) for n in chosen)
    several = [group for group in groups.values() if group.total() > 1]
    return duplicates.found(several, count, len(chosen)), len(np.unique(cluster_of)) / len(cluster_of)


@pytest.mark.parametrize("kind", ["pairs", "tens", "near", "zipf", "none"])
def test_the_truth_lies_in_the_interval(kind):
    """Far copies, neighbouring copies, clusters of all sizes, none at all: in 38 of 40 samples of a twentieth."""
    pick = np.random.default_rng(11)
    inside = 0
    for _ in range(40):
        documents = 40_000
        if kind == "near":
            cluster_of = np.repeat(np.arange(documents // 2), 2)
        elif kind == "zipf":
            cluster_of = np.where(pick.random(documents) < 0.4, pick.zipf(1.5, documents), -1 - np.arange(documents))
        else:
            copies = {"pairs": 2, "tens": 10, "none": 1}[kind]
            cluster_of = pick.permutation(documents) // copies
        seen, truth = sampled(cluster_of, 1000, pick.choice(1000, 50, replace=False))
        fit = duplicates.fit(seen, 20)
        assert fit.kept.low <= fit.kept.value <= fit.kept.high <= 1
        assert abs(fit.in_sample - (1 - (seen.within + seen.across) / seen.documents)) < 1e-9
        inside += fit.kept.low <= truth <= fit.kept.high
        if kind == "pairs" and fit.exponent is not None:
            assert fit.exponent > 0.95
            assert abs(fit.kept.value - 0.5) < 0.25
        if kind == "near":
            assert abs(fit.kept.value - 0.5) < 0.02
    assert inside >= 38


def test_a_sample_of_everything_is_taken_as_it_is():
    """Nothing is added where the sample is the input; nothing is known where nothing was compared."""
    seen = Duplicates(100, 10, 5, (3, 3))
    assert (0.91, 0.91, 0.91) == pytest.approx(tuple(duplicates.fit(seen, 1.0).kept))
    assert (1, 0, 1) == duplicates.fit(Duplicates(0, 10, 0, ()), 3.0).kept
    assert (0.9, 0.9, 0.9) == duplicates.unfitted(10, 100, 1.0)
    low, high = duplicates.unfitted(10, 100, 50.0)[1:]
    assert low < 0.2 < 0.9 < high < 1
