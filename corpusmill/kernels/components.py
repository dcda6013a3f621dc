"""Connected components: union-find in memory, and the two operations of star rounds on a part of the edges.

Shapes: D documents numbered from 0, E edges, R runs, S members of runs.
    parent   int64 (D,)    a document nearer to the root, itself for a root; a root is the smallest of its tree
    a, b     int64 (E,)    the two ends of each edge
    offsets  int64 (R+1,), members int64 (S,)   run r is members[offsets[r]:offsets[r+1]]
"""

from typing import Any

import numpy as np

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.grouping import order


@kernel
def find(parent: Int64s, document: Any) -> Any:
    """Find the root of a document's tree, and halve the path to it."""
    while parent[document] != document:
        parent[document] = parent[parent[document]]
        document = parent[document]
    return document


@kernel
def union(parent: Int64s, one: Any, other: Any) -> None:
    """Join two trees; the smaller root stays one."""
    one, other = find(parent, one), find(parent, other)
    if one < other:
        parent[other] = one
    else:
        parent[one] = other


@kernel
def union_find(parent: Int64s, a: Int64s, b: Int64s) -> None:
    """Join the trees of the two ends of each edge, in place.

    Args:
        parent: (D,), `np.arange(D)` to begin with. a, b: (E,), document numbers below D.
    """
    for edge in range(len(a)):
        union(parent, a[edge], b[edge])


@kernel
def union_runs(parent: Int64s, offsets: Int64s, members: Int64s) -> None:
    """Join the trees of all documents of each run, in place: star edges from its first member to the others.

    Args:
        parent: (D,), `np.arange(D)` to begin with. offsets: (R+1,). members: (S,), document numbers below D.
    """
    for run in range(len(offsets) - 1):
        for at in range(offsets[run] + 1, offsets[run + 1]):
            union(parent, members[offsets[run]], members[at])


@kernel
def roots(parent: Int64s) -> Int64s:
    """Find the component of each document: the smallest document in it.

    Args:
        parent: (D,), as `union_find` and `union_runs` left it; its paths get shorter.

    Returns:
        int64 (D,).
    """
    labels = np.empty(len(parent), np.int64)
    for document in range(len(parent)):
        labels[document] = find(parent, document)
    return labels


@kernel
def stars(offsets: Int64s, members: Int64s) -> tuple[Int64s, Int64s]:
    """Make star edges of runs: from the first member of each to every other.

    Args:
        offsets: (R+1,). members: (S,).

    Returns:
        a, b (E,): b is the first member of a run and a another one of it.
    """
    a = np.empty(len(members), np.int64)
    b = np.empty(len(members), np.int64)
    edges = 0
    for run in range(len(offsets) - 1):
        for at in range(offsets[run] + 1, offsets[run + 1]):
            a[edges], b[edges] = members[at], members[offsets[run]]
            edges += 1
    return a[:edges].copy(), b[:edges].copy()


@kernel
def sort_edges(a: Int64s, b: Int64s) -> tuple[Int64s, Int64s]:
    """Sort edges by (a, b); repeated ones and those from a document to itself are left out.

    Args:
        a, b: (E,), document numbers, none negative.

    Returns:
        a, b of the edges that are left.
    """
    places = order(a.view(np.uint64), b.view(np.uint64), b)
    new_a, new_b = np.empty(len(a), np.int64), np.empty(len(a), np.int64)
    edges = 0
    for place in places:
        one, other = a[place], b[place]
        if one != other and (edges == 0 or new_a[edges - 1] != one or new_b[edges - 1] != other):
            new_a[edges], new_b[edges] = one, other
            edges += 1
    return new_a[:edges].copy(), new_b[:edges].copy()


@kernel
def large_star(a: Int64s, b: Int64s) -> tuple[Int64s, Int64s, int]:
    """Hang the larger neighbours of each document on its smallest neighbour, or on itself if it is smaller.

    Args:
        a, b: (E,), sorted by (a, b), each once, none with itself: all neighbours b of the documents a.

    Returns:
        a, b of the new edges, b < a; and how many of these were not there before.
    """
    new_a, new_b = np.empty(len(a), np.int64), np.empty(len(a), np.int64)
    edges = changed = 0
    start = 0
    while start < len(a):
        document = a[start]
        least = min(document, b[start])
        stop = start
        while stop < len(a) and a[stop] == document:
            if b[stop] > document:
                new_a[edges], new_b[edges] = b[stop], least
                edges += 1
                changed += least != document
            stop += 1
        start = stop
    return new_a[:edges].copy(), new_b[:edges].copy(), changed


@kernel
def small_star(a: Int64s, b: Int64s) -> tuple[Int64s, Int64s, int]:
    """Hang each document and its smaller neighbours on the smallest of these.

    Args:
        a, b: (E,), sorted by (a, b), each once, b < a: all smaller neighbours b of the documents a.

    Returns:
        a, b of the new edges, b < a; and how many of these were not there before.
    """
    new_a, new_b = np.empty(len(a), np.int64), np.empty(len(a), np.int64)
    changed = 0
    start = 0
    while start < len(a):
        document, least = a[start], b[start]
        new_a[start], new_b[start] = document, least
        stop = start + 1
        while stop < len(a) and a[stop] == document:
            new_a[stop], new_b[stop] = b[stop], least
            changed += 1
            stop += 1
        start = stop
    return new_a, new_b, changed
