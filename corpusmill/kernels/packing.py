"""Plan how documents of token ids lie in rows of one length, and copy stretches of them.

A document of n ids has n + 1 tokens: its ids and the end-of-text after them. A segment is a stretch of one document's
tokens in one row.

Shapes: N documents, T ids, R rows of L tokens, S segments.
    sizes    int64 (N,)     tokens of each document, end-of-text included
    offsets  int64 (R+1,)   row r holds the segments offsets[r]:offsets[r+1], from its left end on
    document, start, length  int64 (S,)   whose tokens, from which of them on, how many
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel

Flags = npt.NDArray[np.bool_]
Ids = npt.NDArray[Any]  # uint16 or uint32
Segments = tuple[Int64s, Int64s, Int64s, Int64s]  # offsets, document, start, length


@kernel
def concat(sizes: Int64s, room: int) -> Segments:
    """Lay the documents one after the other, cut at row ends.

    Args:
        sizes: (N,), at least 1. room: L.
    """
    total = sizes.sum()
    rows = (total + room - 1) // room
    most = len(sizes) + rows  # each row end cuts at most one document
    offsets = np.zeros(rows + 1, np.int64)
    document, start, length = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    row = column = count = 0
    for d in range(len(sizes)):
        done = 0
        while done < sizes[d]:
            taken = min(sizes[d] - done, room - column)
            document[count], start[count], length[count] = d, done, taken
            count += 1
            done += taken
            column += taken
            if column == room:
                row, column = row + 1, 0
                offsets[row] = count
    offsets[rows] = count
    return offsets, document[:count].copy(), start[:count].copy(), length[:count].copy()


@kernel
def pieces(sizes: Int64s, room: int) -> tuple[Int64s, Int64s, Int64s]:
    """Cut each document into full rows and a rest; one that fits is one piece.

    Args:
        sizes: (N,), at least 1. room: L.

    Returns:
        document, start and length (P,), in order of the documents.
    """
    count = 0
    for d in range(len(sizes)):
        count += (sizes[d] + room - 1) // room
    document, start, length = np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64)
    at = 0
    for d in range(len(sizes)):
        for done in range(0, sizes[d], room):
            document[at], start[at], length[at] = d, done, min(room, sizes[d] - done)
            at += 1
    return document, start, length


@kernel
def _longest_first(length: Int64s, room: int) -> Int64s:
    """The order of pieces by falling length, equal ones as they come: a counting sort."""
    ends = np.zeros(room + 2, np.int64)
    for size in length:
        ends[room - size + 1] += 1
    for place in range(room + 1):
        ends[place + 1] += ends[place]
    order = np.empty(len(length), np.int64)
    for piece in range(len(length)):
        place = room - length[piece]
        order[ends[place]] = piece
        ends[place] += 1
    return order


@kernel
def _least(tree: Flags, leaves: int, at: int) -> int:
    """The lowest leaf from `at` on that is set, -1 where none is; a node is set where a leaf below it is."""
    node = at + leaves
    if tree[node]:
        return at
    while node > 1:
        if node & 1 == 0 and tree[node + 1]:
            node += 1
            while node < leaves:
                node *= 2
                if not tree[node]:
                    node += 1
            return node - leaves
        node >>= 1
    return -1


@kernel
def _set(tree: Flags, leaves: int, at: int) -> None:
    """Set a leaf."""
    node = at + leaves
    while node > 0 and not tree[node]:
        tree[node] = True
        node >>= 1


@kernel
def _unset(tree: Flags, leaves: int, at: int) -> None:
    """Clear a leaf."""
    node = at + leaves
    tree[node] = False
    while node > 1 and not tree[node] and not tree[node ^ 1]:
        node >>= 1
        tree[node] = False


@kernel
def _fit(length: Int64s, order: Int64s, room: int) -> tuple[int, Int64s]:
    """Choose a row for each piece, in the order given: that with the least room in which it fits, else a new one.

    Of rows with equal room that which has had it longest is taken. A tree over the amounts of room finds the least
    that some row has in log2 L steps.

    Returns:
        The number of rows R, and the row of each piece, int64 (P,).
    """
    leaves = 1
    while leaves < room + 1:
        leaves *= 2
    tree = np.zeros(2 * leaves, np.bool_)
    first, last = np.full(room + 1, -1, np.int64), np.full(room + 1, -1, np.int64)  # queues of rows by room
    after = np.empty(len(order), np.int64)  # the next row of the queue
    chosen = np.empty(len(order), np.int64)
    rows = 0
    for piece in order:
        size = length[piece]
        found = _least(tree, leaves, size)
        if found < 0:
            row, rest = rows, room - size
            rows += 1
        else:
            row, rest = first[found], found - size
            if row == last[found]:
                first[found] = last[found] = -1
                _unset(tree, leaves, found)
            else:
                first[found] = after[row]
        chosen[piece] = row
        if rest > 0:
            if first[rest] < 0:
                first[rest] = row
                _set(tree, leaves, rest)
            else:
                after[last[rest]] = row
            last[rest] = row
    return rows, chosen


@kernel
def best_fit(sizes: Int64s, room: int) -> Segments:
    """Lay the documents by best fit, longest first; only those longer than a row are cut (Ding et al. 2024).

    Args:
        sizes: (N,), at least 1. room: L.

    Returns:
        Segments; those of a row from the longest to the shortest, equal ones in order of the documents.
    """
    document, start, length = pieces(sizes, room)
    order = _longest_first(length, room)
    rows, chosen = _fit(length, order, room)
    offsets = np.zeros(rows + 1, np.int64)
    for row in chosen:
        offsets[row + 1] += 1
    for row in range(rows):
        offsets[row + 1] += offsets[row]
    ends = offsets[:-1].copy()
    placed = np.empty(len(order), np.int64)
    for piece in order:
        placed[ends[chosen[piece]]] = piece
        ends[chosen[piece]] += 1
    return offsets, document[placed], start[placed], length[placed]


@kernel
def gather(tokens: Ids, row: Int64s, column: Int64s, length: Int64s, target: Int64s, out: Ids) -> None:
    """Copy segments out of rows, or out of one long row.

    Args:
        tokens: (R, L). row, column, length: (S,), where each segment lies. target: (S,), where it goes in `out`.
        out: (T,), of the type of `tokens`.
    """
    for s in range(len(row)):
        out[target[s] : target[s] + length[s]] = tokens[row[s], column[s] : column[s] + length[s]]
