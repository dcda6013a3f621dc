"""Sorting keys, and finding the documents that share one."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import grouping

# Few values and extreme ones, so that keys are equal, share a half, or differ in one bit.
HALF = st.one_of(st.integers(0, 3), st.sampled_from([2**63, 2**64 - 1, 1 << 40]), st.integers(0, 2**64 - 1))
DOCUMENT = st.one_of(st.integers(0, 5), st.integers(-(2**63), 2**63 - 1))
PAIRS = st.lists(st.tuples(HALF, HALF, DOCUMENT), max_size=60)


def arrays(pairs):
    """Keys and documents as the kernels take them."""
    columns = [list(column) for column in zip(*pairs, strict=True)] or [[], [], []]
    return np.array(columns[0], np.uint64), np.array(columns[1], np.uint64), np.array(columns[2], np.int64)


def keys(count, kind, seed=0):
    """Large inputs of one kind each: high, low, document."""
    draw = np.random.default_rng(seed)
    random = draw.integers(0, 2**64, (2, count), dtype=np.uint64)
    shuffled = draw.permutation(count)
    some = draw.integers(0, count // 3, count)
    zeros = np.zeros(count, np.uint64)
    return {
        "unique": (random[0], random[1], np.arange(count)),
        "shared": (random[0][some], random[1][some], shuffled // 2),
        "equal": (zeros, zeros, shuffled),
        "equal and sorted": (zeros, zeros, np.arange(count)),
        "equal high": (zeros, random[1], shuffled),
        "equal high, few low": (zeros, random[1] % np.uint64(5), shuffled),
        "small": (random[0] % np.uint64(1000), random[1] % np.uint64(2), shuffled),
        "one bit": (np.uint64(1) << random[0] % np.uint64(64), zeros, shuffled),
        "skewed": (random[0] >> random[1] % np.uint64(64), random[1], -shuffled),
        "reversed": (np.arange(count, dtype=np.uint64)[::-1].copy(), zeros, shuffled),
    }[kind]


def slow_order(high, low, document):
    """Sorted as Python sorts."""
    rows = list(zip(high.tolist(), low.tolist(), document.tolist(), strict=True))
    return sorted(range(len(rows)), key=rows.__getitem__)


def slow_groups(high, low, document):
    """Sets of documents by key, where there are two or more."""
    found = defaultdict(set)
    for a, b, d in zip(high.tolist(), low.tolist(), document.tolist(), strict=True):
        found[a, b].add(d)
    return [sorted(found[key]) for key in sorted(found) if len(found[key]) > 1]


@given(PAIRS)
def test_order_sorts_as_python_does(pairs):
    """Sorted by key, then document; and equal pairs stay in the order given."""
    assert slow_order(*arrays(pairs)) == grouping.order(*arrays(pairs)).tolist()


@pytest.mark.parametrize(
    "kind",
    [
        "unique", "shared", "equal", "equal and sorted", "equal high", "equal high, few low", "small", "one bit",
        "skewed", "reversed",
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", [49, 5000, 300_000])
def test_order_of_many(kind, count):
    """Large inputs, adversarial ones too, are sorted as numpy sorts them."""
    high, low, document = keys(count, kind)
    assert np.array_equal(np.lexsort((document, low, high)), grouping.order(high, low, document))


def test_order_leaves_its_input_alone():
    """Sorting is done on copies."""
    given_ = keys(1000, "shared")
    before = [array.copy() for array in given_]
    grouping.order(*given_)
    assert all(np.array_equal(a, b) for a, b in zip(before, given_, strict=True))


@given(PAIRS)
def test_runs(pairs):
    """A run ends where the key changes."""
    high, low, document = arrays(pairs)
    sorting = grouping.order(high, low, document)
    offsets = grouping.runs(high[sorting], low[sorting])
    rows = list(zip(high[sorting].tolist(), low[sorting].tolist(), strict=True))
    expected = [i for i in range(len(rows)) if i == 0 or rows[i] != rows[i - 1]]
    assert [*expected, len(rows)] == offsets.tolist()


@given(PAIRS)
def test_groups(pairs):
    """Groups are those of a dictionary of sets, by ascending key."""
    offsets, members = grouping.groups(*arrays(pairs))
    found = [members[a:b].tolist() for a, b in itertools.pairwise(offsets)]
    assert slow_groups(*arrays(pairs)) == found
    assert len(members) == offsets[-1]


def test_no_pairs():
    """No pairs have no runs and no groups."""
    none = arrays([])
    assert [] == grouping.order(*none).tolist()
    assert [0] == grouping.runs(none[0], none[1]).tolist()
    assert ([0], []) == tuple(array.tolist() for array in grouping.groups(*none))


def test_a_key_of_a_million_documents_is_one_group():
    """A million equal keys, each twice and in a random order, are one group of a million."""
    high, low, document = keys(2_000_000, "equal")
    offsets, members = grouping.groups(high, low, document // 2)
    assert [0, 1_000_000] == offsets.tolist()
    assert np.array_equal(np.arange(1_000_000), members)
