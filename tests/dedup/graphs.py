"""Graphs of 40 documents for the tests of components, and a slow search through them."""

import numpy as np
from hypothesis import strategies as st

DOCUMENT = st.integers(0, 39)
EDGES = st.lists(st.tuples(DOCUMENT, DOCUMENT), max_size=60)
RUNS = st.lists(st.lists(DOCUMENT, min_size=2, max_size=6, unique=True).map(sorted), max_size=20)


def ends(edges):
    """Edges given as pairs, as two arrays."""
    return np.array([a for a, _ in edges], np.int64), np.array([b for _, b in edges], np.int64)


def slow_labels(count, edges):
    """The smallest document that can be reached from each."""
    beside = {d: {d} for d in range(count)}
    for a, b in edges:
        beside[a].add(b)
        beside[b].add(a)
    label = {}
    for start in range(count):
        waiting = [start]
        while waiting:
            document = waiting.pop()
            if document not in label:
                label[document] = start
                waiting.extend(beside[document])
    return [label[d] for d in range(count)]
