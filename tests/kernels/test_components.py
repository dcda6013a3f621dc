"""Union-find, and the operations of star rounds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import components
from tests.dedup.graphs import EDGES, RUNS, ends, slow_labels


def packed(runs):
    """Offsets and members of runs given as lists."""
    offsets = np.cumsum([0, *map(len, runs)]).astype(np.int64)
    return offsets, np.array([d for run in runs for d in run], np.int64)


@given(EDGES)
def test_labels_are_the_smallest_documents(edges):
    """Union-find gives each document the smallest document that can be reached from it."""
    parent = np.arange(40)
    components.union_find(parent, *ends(edges))
    assert slow_labels(40, edges) == components.roots(parent).tolist()


@given(RUNS)
def test_runs_are_star_edges(runs):
    """Joining runs is joining the star edges of each, given as edges or not."""
    edges = [(run[0], other) for run in runs for other in run]
    parent = np.arange(40)
    components.union_runs(parent, *packed(runs))
    assert slow_labels(40, edges) == components.roots(parent).tolist()
    a, b = components.stars(*packed(runs))
    assert [(other, run[0]) for run in runs for other in run[1:]] == list(zip(a.tolist(), b.tolist(), strict=True))


@given(EDGES)
def test_edges_are_sorted_and_each_once(edges):
    """Loops and repeats go."""
    expected = sorted({(a, b) for a, b in edges if a != b})
    assert expected == list(zip(*(found.tolist() for found in components.sort_edges(*ends(edges))), strict=True))


def neighbours(edges):
    """The documents beside each."""
    found = {}
    for a, b in edges:
        found.setdefault(a, set()).add(b)
        found.setdefault(b, set()).add(a)
    return found


def undirected(edges):
    """Each edge once, larger end first."""
    return {(max(edge), min(edge)) for edge in edges if edge[0] != edge[1]}


def check(result, expected, before):
    """The new edges are those expected, larger end first, and are counted as changed if and only if some are new."""
    found = list(zip(result[0].tolist(), result[1].tolist(), strict=True))
    assert expected == set(found)
    assert (result[2] > 0) == (expected != before)


@given(EDGES)
def test_large_star(edges):
    """The paper's words: the larger neighbours of u are joined to the least of u and its neighbours."""
    before = undirected(edges)
    beside = neighbours(before)
    expected = {(v, min({u, *beside[u]})) for u in beside for v in beside[u] if v > u}
    both = sorted(before | {(b, a) for a, b in before})
    check(components.large_star(*ends(both)), expected, before)


@given(EDGES)
def test_small_star(edges):
    """The paper's words: u and its smaller neighbours are joined to the least of them."""
    before = undirected(edges)
    beside = neighbours(before)
    smaller = {u: {v for v in beside[u] if v < u} for u in beside}
    expected = {(v, min(few)) for u, few in smaller.items() if few for v in few | {u} if v != min(few)}
    check(components.small_star(*ends(sorted(before))), expected, before)


@given(st.permutations(range(40)))
def test_a_path_in_any_order_is_one_component(path):
    """Whatever numbers a path goes through, its label is the smallest."""
    parent = np.arange(40)
    components.union_find(parent, np.array(path[1:]), np.array(path[:-1]))
    assert [0] * 40 == components.roots(parent).tolist()
