"""Cuts: how many tokens of a source come, and of which documents."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.tokenize.cuts import cut, turned, turned_counts
from corpusmill.tokenize.splits import BUCKETS, bucket

DOCUMENTS = st.lists(st.tuples(st.integers(0, 2**53 - 1), st.integers(1, 5000)), min_size=1, max_size=60)


@given(DOCUMENTS, st.floats(0, 3), st.text(max_size=3))
def test_what_comes_is_what_was_wanted_within_a_bucket(made, epochs, seed):
    """Whole passes exactly, the rest to within the tokens of the bucket with the cut; copies differ by one at most."""
    places = np.array([number / 2**53 for number, _ in made])
    sizes = np.array([size for _, size in made])
    counts = np.bincount(bucket(places), sizes, BUCKETS).astype(np.int64)
    wanted = int(epochs * sizes.sum())
    found = cut(wanted, turned_counts(counts, seed))
    copies = found.copies(turned(places, seed))
    assert abs(int((copies * sizes).sum()) - wanted) <= found.within
    assert {found.passes, found.passes + 1} >= set(copies.tolist())
    assert wanted // sizes.sum() == found.passes
    assert found.within in {0, *np.unique(counts)}


def test_places_turn_as_buckets_do():
    """A document lies in the turned bucket that its tokens are counted in; another seed chooses others."""
    places = np.random.default_rng(0).integers(0, 2**53, 5000) / 2**53
    for seed in ("0", "1", "b"):
        moved = turned_counts(np.bincount(bucket(places), minlength=BUCKETS), seed)
        assert np.bincount(bucket(turned(places, seed)), minlength=BUCKETS).tolist() == moved.tolist()
    assert (turned(places, "0") != turned(places, "1")).all()
    assert 0 <= turned(places, "0").min() <= turned(places, "0").max() < 1


def test_edges():
    """Nothing there, nothing wanted, everything wanted, a cut inside a bucket."""
    counts = np.zeros(BUCKETS, np.int64)
    assert (0, 0.0, 0) == cut(0, counts)
    counts[[10, 20]] = [30, 10]
    assert (0, 0.0, 0) == cut(0, counts)
    assert (1, 0.0, 0) == cut(40, counts)
    assert (2, 10.5 / BUCKETS, 30) == cut(95, counts)
    assert (0, 11 / BUCKETS, 30) == cut(30, counts)
    assert (0, 20.5 / BUCKETS, 10) == cut(35, counts)
    assert [1.0, 1.0, 10.5 / BUCKETS, 0.0] == [cut(95, counts).share(number) for number in range(4)]
