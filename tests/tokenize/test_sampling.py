"""Which documents are sampled: budgets worked out by hand, cuts to within one document, weights as written."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import UsageError
from corpusmill.tokenize import sampling
from corpusmill.tokenize.sampling import Budget, Ends
from corpusmill.tokenize.splits import BUCKETS, bucket

SIZES = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 10**12), min_size=1)


@pytest.mark.parametrize(
    ("available", "weights", "most", "expected"),
    [
        ({"a": 600, "b": 300}, {}, 300, {"a": 200, "b": 100}),
        ({"a": 600, "b": 300}, {}, 1000, {"a": 600, "b": 300}),
        ({"a": 1000, "b": 1000}, {"a": 3, "b": 1}, 1000, {"a": 750, "b": 250}),
        # 250, 250, 500: a is short of 150, which b and c divide by 1 to 2.
        ({"a": 100, "b": 1000, "c": 1000}, {"a": 1, "b": 1, "c": 2}, 1000, {"a": 100, "b": 300, "c": 600}),
        # then c is short of 100 as well, and b takes it.
        ({"a": 100, "b": 1000, "c": 500}, {"a": 1, "b": 1, "c": 2}, 1000, {"a": 100, "b": 400, "c": 500}),
        ({"a": 100, "b": 100}, {"a": 1, "b": 0}, 1000, {"a": 100, "b": 0}),
        ({"a": 900, "b": 900, "c": 900}, {"a": 2, "*": 1}, 400, {"a": 200, "b": 100, "c": 100}),
        ({"a": 0, "b": 10}, {"a": 9, "b": 1}, 5, {"a": 0, "b": 5}),
    ],
)
def test_budgets_by_hand(available, weights, most, expected):
    """In proportion to weights; who has too little gives all, and the others divide the rest."""
    found = sampling.budgets(available, weights, most)
    assert expected == {source: budget.sample for source, budget in found.items()}


def test_a_tenth_is_held_out_and_at_most_fifty_megabytes():
    """Of each source in proportion to its sample."""
    found = sampling.budgets({"a": 10**9, "b": 10**9}, {"a": 3, "b": 1}, 400)
    assert {"a": Budget(300, 30), "b": Budget(100, 10)} == found
    found = sampling.budgets({"a": 10**12, "b": 10**12}, {"a": 3, "b": 1}, 10**10)
    assert {"a": 37_500_000, "b": 12_500_000} == {source: budget.held for source, budget in found.items()}


@given(SIZES, st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1e6)), st.integers(1, 10**12))
def test_budgets_are_met(available, weights, most):
    """No source gives more than it has; all together are the whole sample, or all that those with a weight have."""
    chosen = {source: weights.get(source, 1.0) for source in available} if weights else {}
    found = {source: budget.sample for source, budget in sampling.budgets(available, chosen, most).items()}
    assert all(found[source] <= size for source, size in available.items())
    there = sum(size for source, size in available.items() if not chosen or chosen[source])
    assert min(most, there) - len(available) <= sum(found.values()) <= min(most, there)


def test_the_cut_by_hand():
    """As many as fit, in the order of places; then at least one document to judge by, if there is one."""
    places, sizes = np.array([0.9, 0.1, 0.5, 0.5]), np.array([40, 10, 20, 5])
    assert Ends(0.5, 0.9) == sampling.cut(places, sizes, Budget(34, 4))  # both at 0.5 or none
    assert Ends(0.9, 1.0) == sampling.cut(places, sizes, Budget(35, 4))
    assert Ends(1.0, 1.0) == sampling.cut(places, sizes, Budget(75, 8))
    assert Ends(0.0, 0.5) == sampling.cut(places, sizes, Budget(9, 1))
    assert Ends(0.0, 0.0) == sampling.cut(places, sizes, Budget(0, 0))


@given(
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 50)), min_size=1, max_size=60),
    st.integers(1, 2000), st.integers(1, 200), st.randoms(use_true_random=False),
)  # fmt: skip
def test_the_cut_is_as_large_as_may_be(documents, most, held, pick):
    """At most the budget, one place more would exceed it, order plays no part, and `reach` finds all that is needed."""
    places, sizes = (np.array(column) for column in zip(*documents, strict=True))
    budget = Budget(most, held)
    found = sampling.cut(places, sizes, budget)
    order = list(range(len(places)))
    pick.shuffle(order)
    assert found == sampling.cut(places[order], sizes[order], budget)
    assert sizes[places < found.sample].sum() <= most
    if found.sample < 1:
        assert sizes[places <= max(found.sample, places.min())].sum() > most
        assert found.held > found.sample
    buckets = bucket(places)
    upto = sampling.reach(np.bincount(buckets, sizes, BUCKETS).astype(np.int64), budget)
    near = sampling.cut(places[buckets < upto], sizes[buckets < upto], budget)
    assert sizes[places < near.sample].sum() == sizes[places < found.sample].sum()
    assert sizes[(places < near.held) & (buckets < upto)].sum() == sizes[places < found.held].sum()


def test_weights_are_read():
    """Sources may hold an equals sign; the last one counts."""
    assert {"web": 2.0, "a=b": 0.5, "*": 0.0} == sampling.parse_weights("web=2, a=b=0.5,*=0")


@pytest.mark.parametrize(
    "text", ["web", "web=", "=2", "web=x", "web=-1", "web=nan", "web=inf", "a=1,a=2", "a=0,b=0", ""]
)
def test_weights_that_are_none(text):
    """The message says what was found and how it is written."""
    with pytest.raises(UsageError, match=r"--weights: found .*expected"):
        sampling.parse_weights(text)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"web": 1, "wik": 1}, "found 'wik', and no document is of that source; did you mean 'wiki'"),
        ({"web": 1, "zzz": 1, "*": 1}, "found 'zzz', .*; there are: web, wiki"),
        ({"web": 1}, "no weight for wiki; give each source one"),
    ],
)
def test_weights_that_do_not_suit_the_sources(weights, message):
    """Nothing is left out or added by a slip of the pen."""
    with pytest.raises(UsageError, match=message):
        sampling.budgets({"web": 10, "wiki": 10}, weights, 5)
