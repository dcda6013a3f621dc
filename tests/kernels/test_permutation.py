"""A permutation of n numbers: each once, and the same as by Python's integers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.kernels import permutation

WORD = (1 << 64) - 1


def slow_mix(value):
    """SplitMix64's finalizer."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & WORD
    value = (value ^ value >> 27) * 0x94D049BB133111EB & WORD
    return value ^ value >> 31


def slow_keys(key):
    """The keys of the rounds."""
    return [slow_mix((key + (r + 1) * 0x9E3779B97F4A7C15) & WORD) for r in range(permutation.ROUNDS)]


def slow(place, count, keys):
    """One place, with integers of any size."""
    bits = (count - 1).bit_length()
    low = bits // 2
    value = place
    while True:
        left, right = value >> low, value & (1 << low) - 1
        for r, key in enumerate(keys):
            if r % 2 == 0:
                left ^= slow_mix(right ^ key) & (1 << bits - low) - 1
            else:
                right ^= slow_mix(left ^ key) & (1 << low) - 1
        value = left << low | right
        if value < count:
            return value


@settings(deadline=None)
@given(st.data(), st.integers(0, WORD), st.one_of(st.integers(1, 100), st.integers(1, 1 << 62)))
def test_like_pythons_integers(data, key, count):
    """Any count up to the largest."""
    places = data.draw(st.lists(st.integers(0, count - 1), max_size=10))
    keys = permutation.round_keys(np.uint64(key))
    assert slow_keys(key) == keys.tolist()
    found = permutation.permute(np.array(places, np.int64), count, keys)
    assert [slow(place, count, slow_keys(key)) for place in places] == found.tolist()
