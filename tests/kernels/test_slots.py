"""Slots of a mixture: each stream keeps its share at any time."""

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels.slots import assign


def slow(counts):
    """Tijdeman's rule in fractions."""
    period, streams = sum(counts), len(counts)
    room = Fraction(1, 2 * streams - 2)
    taken, found = [0] * streams, []
    for n in range(1, period + 1):
        owed = [Fraction(count, period) * n - had for count, had in zip(counts, taken, strict=True)]
        able = [k for k in range(streams) if counts[k] and owed[k] >= room]
        chosen = min(able, key=lambda k: (1 - room - owed[k]) / counts[k])
        taken[chosen] += 1
        found.append(chosen)
    return found


@given(st.lists(st.integers(0, 12), min_size=2, max_size=6).filter(any))
def test_the_rule(counts):
    """As the rule in fractions says."""
    assert slow(counts) == assign(np.array(counts, np.int64)).tolist()


def farthest(counts):
    """How far a stream ever is from its share, in slots; each has its count in the end."""
    found = assign(np.array(counts, np.int64))
    taken = np.cumsum(found[:, None] == np.arange(len(counts)), axis=0)
    due = np.arange(1, len(found) + 1)[:, None] * np.array(counts) / sum(counts)
    assert counts == taken[-1].tolist()
    return np.abs(taken - due).max()


@given(st.lists(st.integers(0, 400), min_size=1, max_size=12).filter(any))
def test_no_stream_is_ever_a_slot_from_its_share(counts):
    """After any number of slots."""
    assert farthest(counts) < 1


def test_a_long_period_of_very_unlike_streams():
    """Nothing overflows where the table is as long as it may be."""
    assert farthest([1, 2, 1 << 10, (1 << 20) - (1 << 10) - 3]) < 1
