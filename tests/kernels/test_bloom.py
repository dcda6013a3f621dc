"""The Bloom filter finds what was added, and little else: as much as it says."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import bloom
from corpusmill.kernels.words import mix

ALL = (1 << 64) - 1
HASHES = st.lists(st.integers(0, 60), max_size=60)


def keys(count, start=0):
    """Well mixed hashes, all different."""
    out = np.arange(start, start + count, dtype=np.uint64)
    for shift, odd in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        out = (out ^ out >> np.uint64(shift)) * np.uint64(odd)
    return out ^ out >> np.uint64(31)


def hashes_of(values):
    """One hash for each small number."""
    return keys(1000)[np.array(values, np.int64)]


class Plain:
    """The filter over Python ints: a key sets bits (block, place) in a set."""

    def __init__(self, blocks, probes):
        self.blocks, self.probes, self.bits = blocks, probes, set()

    def places(self, value):
        """The bits of a key."""
        block = value * self.blocks >> 64
        found = []
        for probe in range(self.probes):
            turn, place = divmod(probe, 7)
            drawn = int(mix(np.uint64(value + (turn + 1) * 0xD6E8FEB86659FD93 & ALL)))
            found.append((block, drawn >> 9 * place & 511))
        return found

    def holds(self, value):
        """Whether all its bits are set."""
        return all(place in self.bits for place in self.places(value))

    def add(self, value):
        """Set its bits."""
        self.bits.update(self.places(value))

    def words(self):
        """The filter as the kernel has it."""
        out = np.zeros(8 * self.blocks, np.uint64)
        for block, place in self.bits:
            out[8 * block + place // 64] |= np.uint64(1) << np.uint64(place % 64)
        return out


@given(HASHES, st.integers(1, 5), st.integers(1, 16))
def test_the_filter_is_its_plain_definition(values, blocks, probes):
    """Bits, answers of each step and answers at the end equal those of a set of places, in a filter much too small."""
    given_keys = hashes_of(values)
    plain, bits = Plain(blocks, probes), bloom.empty(blocks)
    expected = []
    for value in given_keys.tolist():
        expected.append(plain.holds(value))
        plain.add(value)
    assert bloom.check_and_add(bits, given_keys, probes).tolist() == expected
    assert bits.tolist() == plain.words().tolist()
    others = keys(200, 5000)
    assert bloom.contains(bits, others, probes).tolist() == [plain.holds(value) for value in others.tolist()]
    again = bloom.empty(blocks)
    bloom.add(again, given_keys[::-1].copy(), probes)
    assert again.tolist() == bits.tolist()


@given(HASHES, HASHES, st.integers(1, 9))
def test_filters_are_joined_by_or(first, second, probes):
    """The union of two filters is the filter of both their keys."""
    one, other, both = bloom.empty(3), bloom.empty(3), bloom.empty(3)
    bloom.add(one, hashes_of(first), probes)
    bloom.add(other, hashes_of(second), probes)
    bloom.add(both, hashes_of([*first, *second]), probes)
    assert (one | other).tolist() == both.tolist()


@given(st.lists(HASHES, max_size=6), st.booleans())
def test_groups_are_looked_at_whole_and_then_added(groups, update):
    """A key that stands twice in one group was not seen before for that."""
    offsets = np.cumsum([0, *map(len, groups)])
    bits, plain = bloom.empty(2), Plain(2, 4)
    hashes = hashes_of([value for group in groups for value in group])
    expected = []
    for a, b in itertools.pairwise(offsets):
        expected.append(sum(plain.holds(value) for value in hashes[a:b].tolist()))
        if update:
            for value in hashes[a:b].tolist():
                plain.add(value)
    assert bloom.count_seen(bits, offsets, hashes, 4, update).tolist() == expected
    assert bits.tolist() == plain.words().tolist()


@pytest.mark.parametrize("rate", [0.3, 0.05, 0.01, 0.001])
def test_the_false_positive_rate_is_the_stated_one(rate):
    """Of a million keys that were never added, as many are found as was said, within five standard deviations."""
    count, asked = 300_000, 1_000_000
    made = bloom.size(count, rate)
    bits = bloom.empty(made.blocks)
    bloom.add(bits, keys(count), made.probes)
    assert bloom.contains(bits, keys(count), made.probes).all()
    found = bloom.contains(bits, keys(asked, count), made.probes).mean()
    stated = bloom.false_positive_rate(count / made.blocks, made.probes)
    # The filter itself is one draw of many: its blocks' loads add about as much again for the smallest rates.
    spread = 5 * (stated * (1 - stated) / asked) ** 0.5 + 0.01 * stated
    assert abs(found - stated) <= spread
    assert stated <= rate


def test_sizes_come_near_the_unblocked_filter():
    """One per cent takes 9.92 bits a key, 0.33 more than a filter without blocks; the filter is as small as it can be."""
    per_block, probes = bloom.best(0.01)
    assert (round(512 / per_block, 2), probes) == (9.92, 6)
    assert bloom.false_positive_rate(per_block + 0.02, probes) > 0.01
    assert bloom.size(1, 0.01) == (1, 6)


def test_impossible_filters_are_refused():
    """Rates out of range, no keys, and filters that no machine holds."""
    for rate in (0, 1, 1e-9, 0.6):
        with pytest.raises(ValueError, match=r"expected a number from 0\.000001 to 0\.5"):
            bloom.size(10, rate)
    with pytest.raises(ValueError, match="found 0; expected 1 or more"):
        bloom.size(0, 0.01)
    with pytest.raises(ValueError, match="expect fewer keys or take a higher rate"):
        bloom.size(10**13, 0.01)


def test_blocks_lie_on_cache_lines():
    """A look-up then touches one line."""
    for blocks in (1, 7, 100_000):
        bits = bloom.empty(blocks)
        assert (len(bits), bits.ctypes.data % 64, bits.any()) == (8 * blocks, 0, False)


@given(st.lists(HASHES, max_size=5), st.integers(1, 6), st.integers(1, 6))
def test_grams_are_runs_of_words(groups, ngram, least):
    """Equal runs of words have equal hashes and others do not; short groups are one run, or none."""
    least = min(least, ngram)
    offsets = np.cumsum([0, *map(len, groups)])
    words = hashes_of([value for group in groups for value in group])
    found, hashes = bloom.hash_grams(offsets, words, ngram, least)
    runs = []
    for k, group in enumerate(groups):
        mine = [tuple(group[i : i + ngram]) for i in range(len(group) - ngram + 1)]
        mine = mine or ([tuple(group)] if len(group) >= least else [])
        assert found[k + 1] - found[k] == len(mine)
        runs += mine
    assert len(runs) == len(hashes)
    assert len(set(runs)) == len(set(hashes.tolist())) == len(set(zip(runs, hashes.tolist(), strict=True)))


def test_a_gram_hash_is_the_polynomial_of_its_words():
    """The rolling value equals the one that is made anew for each run."""
    words = keys(50)
    _, hashes = bloom.hash_grams(np.array([0, 50]), words, 13, 13)
    expected = []
    for at in range(38):
        value = 0
        for word in words[at : at + 13].tolist():
            value = value * 0xA0761D6478BD642F + word & ALL
        expected.append(int(mix(np.uint64(value + 13 * 0x9E3779B97F4A7C15 & ALL))))
    assert hashes.tolist() == expected
