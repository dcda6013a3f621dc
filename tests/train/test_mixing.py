"""Mixtures: shares of samples, and their numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.errors import RecipeError
from corpusmill.train.mixing import MOST_SLOTS, TOLERANCE, Mixture

SHARES = st.lists(st.floats(0.01, 100), min_size=1, max_size=7)


@settings(max_examples=25)
@given(SHARES)
def test_shares_of_a_period(shares):
    """Each share is met within the tolerance."""
    counts = Mixture(shares).counts
    wanted = np.array(shares) / sum(shares)
    assert np.abs(counts / counts.sum() - wanted).max() <= max(TOLERANCE, 1 / MOST_SLOTS)


@settings(max_examples=25)
@given(SHARES, st.integers(0, 1 << 40))
def test_any_window_keeps_the_shares(shares, first):
    """Wherever it begins, however short it is: within two rows, less than one at either end."""
    mixture = Mixture(shares)
    streams, _ = mixture.at(np.arange(first, first + 300))
    taken = np.cumsum(streams[:, None] == np.arange(len(shares)), axis=0)
    due = np.arange(1, 301)[:, None] * mixture.counts / mixture.counts.sum()
    assert np.abs(taken - due).max() < 2


@settings(max_examples=25)
@given(SHARES, st.integers(0, 1 << 40))
def test_rows_of_a_stream_are_counted_without_gaps(shares, first):
    """Numbers go on from what was before, and lead back to the sample."""
    mixture = Mixture(shares)
    streams, numbers = mixture.at(np.arange(first, first + 100))
    before = mixture.before(first)
    for stream in range(len(shares)):
        mine = numbers[streams == stream].tolist()
        assert list(range(before[stream], before[stream] + len(mine))) == mine
    assert [first + at for at in range(100)] == [
        mixture.sample_of(int(stream), int(number)) for stream, number in zip(streams, numbers, strict=True)
    ]


def test_what_cannot_be_mixed():
    """No weight at all, and one that would never come."""
    with pytest.raises(RecipeError, match="expected one above 0"):
        Mixture([0, 0])
    with pytest.raises(RecipeError, match=r"part 2 of 2 would be 1\.0e-08 of the rows; expected 0 or at least 1e-06"):
        Mixture([1, 1e-8])
    assert {0} == set(Mixture([1, 0]).at(np.arange(50))[0].tolist())
