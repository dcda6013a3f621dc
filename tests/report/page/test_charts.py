"""Histograms and their bounds: no count is lost or split."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill import stats
from corpusmill.report.page import charts
from corpusmill.spec import Bounds

VALUES = st.one_of(
    st.lists(st.floats(0, 1).map(lambda value: round(value, 6)), min_size=1),
    st.lists(st.integers(0, 30).map(float), min_size=1),
    st.lists(st.integers(0, 10**7).map(float), min_size=1),
    st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 6)), min_size=1),
)


@given(VALUES)
def test_bars_hold_every_value_once(values):
    """Counts of the bars and the zeros beside them are all documents; bars touch or part, and each holds its values."""
    made = charts.histogram(stats.bins(np.array(values)))
    assert sum(count for _, _, count in made.bars) + made.zeros == len(values)
    assert all(low < high for low, high, _ in made.bars)
    assert all(before[1] <= after[0] for before, after in zip(made.bars, made.bars[1:], strict=False))
    assert len(made.bars) <= 2 * charts.BARS + 2
    for low, high, count in made.bars:
        last = (low, high) == made.bars[-1][:2]
        inside = sum(low <= value < high or (last and value == high) for value in values if value or not made.zeros)
        assert inside == count


def test_zeros_that_dwarf_the_rest_stand_aside():
    """More than a third of zeros are told, not drawn."""
    assert charts.histogram({0: 90, 1025: 10}).zeros == 90
    assert charts.histogram({0: 10, 1041: 90}).zeros == 0


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_quantiles_are_right_to_a_bin(share):
    """Read off the bins within 4 %."""
    values = np.exp(np.random.default_rng(1).normal(5, 1, 5000))
    assert charts.quantile(stats.bins(values), share) == pytest.approx(np.quantile(values, share), rel=0.04)


def test_bounds_are_drawn_where_they_are():
    """Both ends; between whole numbers beside the last one inside; languages by name; nothing below zero on a log axis."""
    few = stats.bins(np.array([1.0, 2, 2, 3, 9]))
    spec = charts.distribution(few, {"*": Bounds(2, 8)})
    rules = spec["layer"][1]["data"]["values"]
    assert [(rule["bound"], rule["label"]) for rule in rules] == [(1.5, "≥ 2"), (8.5, "≤ 8")]
    verdicts = {row["values"]: row["verdict"] for row in spec["layer"][0]["data"]["values"]}
    assert verdicts == {"1": "outside", "2": "inside", "3": "inside", "9": "outside"}
    both = charts.distribution(few, {"en": Bounds(2, None), "*": Bounds(3, None)})
    assert [rule["label"] for rule in both["layer"][1]["data"]["values"]] == ["≥ 2 en", "≥ 3 *"]
    many = stats.bins(np.arange(1, 5000, 7.0))
    assert len(charts.distribution(many, {"*": Bounds(0, None)})["layer"]) == 1
