"""Learning rates and steps as functions of counters."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import RecipeError
from corpusmill.train.config import Batches, Schedule
from corpusmill.train.schedule import Steps, rate


def test_cosine_by_hand():
    """Up linearly, 1 at the end of warm-up, the mean half-way down, 10 % at the end."""
    schedule = Schedule(shape="cosine", warmup=0.2, final=0.1)
    found = [rate(schedule, done) for done in (0.05, 0.1, 0.2, 0.6, 1.0)]
    assert found == pytest.approx([0.25, 0.5, 1.0, 0.55, 0.1])
    assert rate(schedule, 0.4) == pytest.approx(0.1 + 0.9 * (1 + math.cos(math.pi / 4)) / 2)


def test_warm_up_stable_decay_by_hand():
    """Flat between warm-up and decay, then linear to what is left; constant stays."""
    schedule = Schedule(shape="wsd", warmup=0.1, decay=0.2, final=0.0)
    assert [rate(schedule, done) for done in (0.1, 0.5, 0.8, 0.9, 1.0)] == pytest.approx([1, 1, 1, 0.5, 0])
    assert rate(Schedule(shape="constant", warmup=0), 0.7) == 1.0
    assert rate(Schedule(shape="wsd", warmup=0, decay=0), 1.0) == 1.0
    assert rate(Schedule(warmup=1.0), 1.0) == 1.0


def test_steps_of_a_ramp_by_hand():
    """2 rows to 4 rows' tokens, 4 from there, 8 in the end; the last step may see more than was asked."""
    steps = Steps.of(Batches(rows=8, micro_rows=2, ramp=((0, 2), (40, 4), (130, 8))), 10, 300)
    assert [steps.at(step) for step in range(7)] == [(0, 2), (2, 2), (4, 4), (8, 4), (12, 4), (16, 8), (24, 8)]
    assert (steps.count, steps.samples, steps.tokens) == (7, 32, 320)


@given(
    st.lists(st.tuples(st.integers(1, 500), st.integers(1, 9)), max_size=4),
    st.integers(1, 9), st.integers(1, 2000), st.integers(1, 7), st.integers(1, 400),
)  # fmt: skip
def test_each_sample_is_in_one_step(ramp, rows, tokens, length, most):
    """Steps follow each other without gap for any ramp, and end at the first that sees enough, or where data ends."""
    starts = [0]
    for gap, _ in ramp:
        starts.append(starts[-1] + gap)
    sizes = [size for _, size in ramp] + [rows]
    batches = Batches(rows=rows, micro_rows=1, ramp=tuple(zip(starts, sizes, strict=True)))
    steps = Steps.of(batches, length, tokens)
    expected = 0
    for step in range(steps.count):
        first, size = steps.at(step)
        assert first == expected
        assert first * length < tokens
        due = [rows_then for start, rows_then in zip(starts, sizes, strict=True) if start <= first * length]
        assert size == due[-1]
        expected += size
    assert steps.samples == expected
    assert expected * length >= tokens
    if most >= sizes[0]:
        short = Steps.of(batches, length, tokens, most)
        assert short.samples <= most
        assert short.count == steps.count or short.at(short.count)[0] + short.at(short.count)[1] > most


def test_what_makes_no_steps_is_told():
    """A ramp that never gets to the full rows, and data for less than a step."""
    with pytest.raises(RecipeError, match=r"found 4 rows at its end, but 8 in batches.rows"):
        Steps.of(Batches(rows=8, micro_rows=1, ramp=((0, 4),)), 10, 100)
    with pytest.raises(RecipeError, match=r"found 5 rows of 10 tokens; expected at least one step of 8"):
        Steps.of(Batches(rows=8, micro_rows=1), 10, 100, most_samples=5)
