"""Intervals of totals and shares hold the truth about as often as they say, however alike the records of a window."""

import numpy as np
import pytest

from corpusmill.estimate import intervals
from corpusmill.estimate.intervals import Interval


@pytest.mark.parametrize("alike", [False, True])
def test_totals_and_shares_hold_the_truth(alike):
    """Of 400 populations whose windows differ much or not at all, the truth lies inside in 90 of 100 and more."""
    pick = np.random.default_rng(5)
    inside = np.zeros(2)
    for _ in range(400):
        rates = pick.beta(1, 2, 500) if alike else np.full(500, 0.3)
        documents = pick.poisson(pick.lognormal(3, 0.5 if alike else 0, 500)) + 1
        kept = pick.binomial(documents, rates)
        chosen = pick.choice(500, 30, replace=False)
        total = intervals.total(kept[chosen], np.ones(30), 500)
        share = intervals.share(kept[chosen], documents[chosen])
        inside += [total.holds(kept.sum()), share.low <= kept.sum() / documents.sum() <= share.high]
        assert total.low <= total.value <= total.high
        assert share.low <= share.value <= share.high
    assert (inside >= 360).all()
    assert (inside < 400).all()  # an interval that always holds says nothing


def test_what_was_read_whole_is_known():
    """A sample of everything has no interval."""
    assert Interval(7, 7, 7) == intervals.total([3, 4], [10, 30], 40)


def test_nothing_seen_is_not_nothing():
    """Where no record of the sample was dropped, some of the whole may be."""
    none = intervals.total([0] * 20, [1] * 20, 200)
    assert (0, 0) == none[:2]
    assert none.high > 30
    share = intervals.share([0] * 20, [50] * 20)
    assert share.value == share.low == 0 < share.high < 0.01
    assert Interval(0, 0, 1) == intervals.share([0, 0], [0, 0])


@pytest.mark.parametrize(("free", "quantile"), [(4, 2.776), (9, 2.262), (19, 2.093), (99, 1.984)])
def test_quantiles_are_those_of_the_tables(free, quantile):
    """Student's t at 97.5 %."""
    assert abs(intervals.student(free) - quantile) < 0.01


@pytest.mark.parametrize(
    ("count", "low", "high"), [(0, 0, 3.689), (1, 0.0253, 5.572), (10, 4.795, 18.39), (100, 81.36, 121.63)]
)
def test_counts_of_rare_events(count, low, high):
    """Byar's approximation is near the exact interval of a Poisson mean."""
    found = intervals.poisson(count)
    assert np.allclose(found, (low, high), rtol=0.02, atol=0.02)
