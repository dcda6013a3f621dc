"""Star rounds give the labels of union-find."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.dedup import components
from corpusmill.kernels.components import roots, union_find
from tests.dedup.graphs import EDGES, ends, slow_labels


def rounds(store, count, a, b, partitions=1, sources=1):
    """Labels of all documents by star rounds."""
    for source in range(sources):
        components.add_edges(store, source, partitions, a[source::sources], b[source::sources])
    return components.labels(count, components.star_rounds(store, partitions))


def union_labels(count, a, b):
    """Labels of all documents by union-find."""
    parent = np.arange(count)
    union_find(parent, a, b)
    return roots(parent)


@given(EDGES, st.integers(1, 5), st.integers(1, 3))
def test_star_rounds_give_the_smallest_documents(edges, partitions, sources):
    """However edges are cut into sources and partitions, labels are those of a search through the graph."""
    store = components.MemoryEdges()
    assert slow_labels(40, edges) == rounds(store, 40, *ends(edges), partitions, sources).tolist()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("edges", [5_000, 10_000, 40_000])
def test_random_graphs(tmp_path, seed, edges):
    """Sparse, critical and dense random graphs, in memory and in a folder."""
    a, b = np.random.default_rng(seed).integers(0, 20_000, (2, edges))
    expected = union_labels(20_000, a, b)
    assert np.array_equal(expected, rounds(components.MemoryEdges(), 20_000, a, b, 7, 3))
    assert np.array_equal(expected, rounds(components.FolderEdges(tmp_path), 20_000, a, b, 7, 3))


@pytest.mark.parametrize("kind", ["ascending", "shuffled"])
def test_a_path_of_200_000(kind):
    """A long path, the worst case of propagation from neighbour to neighbour, ends."""
    path = np.arange(200_000)
    if kind == "shuffled":
        path = np.random.default_rng(0).permutation(path)
    labels = rounds(components.MemoryEdges(), 200_000, path[1:], path[:-1], 4)
    assert not labels.any()


def test_stars_need_two_phases():
    """A star around its largest document is one component, and is done after few phases."""
    store = Watched()
    a, b = np.full(1000, 1000), np.arange(1000)
    assert not rounds(store, 1001, a, b, 3).any()
    assert max(store.phases) <= 4


class Watched(components.MemoryEdges):
    """A store that remembers which phases were written, and how many edges a read gave at most."""

    def __init__(self):
        super().__init__()
        self.phases, self.most = set(), 0

    def write(self, phase, source, offsets, a, b):
        """Note the phase."""
        self.phases.add(phase)
        super().write(phase, source, offsets, a, b)

    def read(self, phase, partition):
        """Note the size."""
        found = super().read(phase, partition)
        self.most = max(self.most, len(found[0]))
        return found


def test_a_step_holds_one_partition():
    """Where no component is large, a partition is a share of the edges."""
    pairs = np.arange(100_000)
    store = Watched()
    expected = pairs // 4 * 4
    assert np.array_equal(expected, rounds(store, 100_000, pairs, expected, 10))
    assert store.most < 2 * 2 * len(pairs) // 10


def test_a_step_done_twice_changes_nothing(tmp_path):
    """A step that was killed and is tried again writes the same edges over the first ones."""
    store = components.FolderEdges(tmp_path)
    a, b = np.random.default_rng(1).integers(0, 50, (2, 60))
    for _ in range(2):
        components.add_edges(store, 0, 2, a, b)
    found = []
    for _ in range(2):
        components.star_step(store, 0, 1, 2)
        found.append([array.tolist() for array in (*store.read(1, 0), *store.read(1, 1))])
    assert found[0] == found[1]
    assert any(found[0])


def test_nothing_is_left_in_the_folder(tmp_path):
    """Phases are dropped when they are done with, the last one when its labels were taken."""
    rounds(components.FolderEdges(tmp_path), 10, *ends([(1, 2), (2, 3)]), 2)
    assert [] == list(tmp_path.iterdir())


def test_no_edges():
    """Without edges each document is its own component."""
    assert [0, 1, 2] == rounds(components.MemoryEdges(), 3, *ends([]), 2).tolist()


def test_wrong_edges_are_refused():
    """Negative documents and impossible numbers of partitions are told."""
    with pytest.raises(ValueError, match="found document -1 in source 0"):
        components.add_edges(components.MemoryEdges(), 0, 1, *ends([(3, -1)]))
    with pytest.raises(ValueError, match="found 0 partitions"):
        components.add_edges(components.MemoryEdges(), 0, 0, *ends([]))
