"""An order without a list."""

import numpy as np
import pytest

from corpusmill.tokenize.order import Order, key_of


def test_every_small_order_is_a_permutation():
    """All counts up to 5000, another key each."""
    for count in range(1, 5001):
        found = Order(count, key_of("small", count)).between(0, count)
        seen = np.zeros(count, bool)
        seen[found] = True
        assert seen.all(), count


@pytest.mark.parametrize("count", [1 << 20, (1 << 20) + 1, 1_299_709, (1 << 21) - 1])
def test_large_orders_are_permutations(count):
    """At powers of two and between them."""
    found = Order(count, key_of("large")).between(0, count)
    assert np.array_equal(np.arange(count), np.sort(found))


def test_places_are_computed_alone():
    """A part of an order is that part of the whole; huge counts cost nothing."""
    order = Order(1000, key_of("a"))
    whole = order.between(0, 1000)
    places = np.array([999, 0, 5, 5])
    assert whole[places].tolist() == order.at(places).tolist()
    assert whole[200:300].tolist() == order.between(200, 300).tolist()
    huge = Order(10**15, key_of("a")).between(10**14, 10**14 + 10_000)
    assert len(set(huge.tolist())) == 10_000
    assert 0.45 < (huge / 10**15).mean() < 0.55


def test_the_order_is_the_same_for_ever():
    """Shards that were written keep their order: these numbers never change."""
    assert 1553924667713053080 == key_of("seed", 1)
    assert [4, 1, 9, 3, 5, 6, 2, 8, 0, 7] == Order(10, key_of("seed", 1)).between(0, 10).tolist()
    assert [841903817814, 705893518524, 391891204170] == Order(10**12, key_of("seed", 1)).between(0, 3).tolist()


def test_keys_differ_by_their_parts():
    """Words and numbers are told apart, and so are their borders."""
    keys = [key_of("a", "b"), key_of("ab"), key_of("b", "a"), key_of("a", 1), key_of("a", "1"), key_of("a")]
    assert len(keys) == len(set(keys))
    assert not np.array_equal(Order(100, keys[0]).between(0, 100), Order(100, keys[1]).between(0, 100))


def test_places_are_spread_evenly():
    """Over many keys each thing stands at each place about equally often (chi squared, 99 degrees of freedom)."""
    counts = np.zeros((10, 10))
    for seed in range(2000):
        counts[np.arange(10), Order(10, key_of("even", seed)).between(0, 10)] += 1
    assert ((counts - 200) ** 2 / 200).sum() < 150
    neighbours = sum(
        (np.abs(np.diff(Order(1000, key_of("near", seed)).between(0, 1000))) == 1).sum() for seed in range(100)
    )
    assert 120 < neighbours < 280  # 2 of 999 pairs in each order, were it drawn at random


@pytest.mark.parametrize("count", [-1, (1 << 62) + 1])
def test_counts_out_of_range(count):
    """Said, not wrapped."""
    with pytest.raises(ValueError, match=r"things; expected 0 to"):
        Order(count, 0)


def test_keys_and_places_out_of_range():
    """A key has 64 bits, a place lies below the count."""
    with pytest.raises(ValueError, match="expected 64 bits"):
        Order(3, 1 << 64)
    with pytest.raises(IndexError, match="places 0 to 3 in an order of 3"):
        Order(3, 0).between(0, 4)
    with pytest.raises(IndexError):
        Order(0, 0).at(np.array([0]))
    assert [] == Order(0, 0).between(0, 0).tolist()
