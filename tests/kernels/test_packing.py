"""Packing: each kernel beside a slow twin."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.kernels import packing

SIZES = st.lists(st.one_of(st.integers(1, 8), st.integers(1, 40)), max_size=60)


def slow_concat(sizes, room):
    """Rows as lists of (document, start, length), token by token."""
    tokens = [(d, t) for d, size in enumerate(sizes) for t in range(size)]
    rows = []
    for begin in range(0, len(tokens), room):
        row = []
        for d, t in tokens[begin : begin + room]:
            if row and row[-1][0] == d:
                row[-1][2] += 1
            else:
                row.append([d, t, 1])
        rows.append([tuple(segment) for segment in row])
    return rows


def slow_pieces(sizes, room):
    """Pieces as (document, start, length)."""
    return [(d, t, min(room, size - t)) for d, size in enumerate(sizes) for t in range(0, size, room)]


def slow_best_fit(sizes, room):
    """Every row is looked at for every piece; a row is [room left, when it came to that, segments]."""
    rows = []
    for now, piece in enumerate(sorted(slow_pieces(sizes, room), key=lambda piece: -piece[2])):
        fitting = [row for row in rows if row[0] >= piece[2]]
        row = min(fitting, key=lambda row: row[:2], default=None)
        if row is None:
            row = [room, now, []]
            rows.append(row)
        row[0] -= piece[2]
        row[1] = now
        row[2].append(piece)
    return [row[2] for row in rows]


def as_rows(offsets, *columns):
    """What a kernel gives, as lists."""
    segments = list(zip(*(column.tolist() for column in columns), strict=True))
    return [segments[a:b] for a, b in itertools.pairwise(offsets)]


@settings(deadline=None)
@given(SIZES, st.integers(1, 20))
def test_concat(sizes, room):
    """Documents one after the other, cut at row ends."""
    assert slow_concat(sizes, room) == as_rows(*packing.concat(np.array(sizes, np.int64), room))


@settings(deadline=None)
@given(SIZES, st.integers(1, 20))
def test_pieces(sizes, room):
    """Full rows and a rest."""
    columns = packing.pieces(np.array(sizes, np.int64), room)
    assert slow_pieces(sizes, room) == list(zip(*(column.tolist() for column in columns), strict=True))


@settings(deadline=None, max_examples=300)
@given(SIZES, st.integers(1, 40))
def test_best_fit(sizes, room):
    """The least room that is enough, the row that has had it longest."""
    assert slow_best_fit(sizes, room) == as_rows(*packing.best_fit(np.array(sizes, np.int64), room))


@settings(deadline=None)
@given(st.data(), st.integers(2, 12), st.sampled_from([np.uint16, np.uint32]))
def test_gather(data, room, dtype):
    """Rows that hold the tokens that segments name give the documents back, whatever order the rows lie in."""
    documents = data.draw(st.lists(st.lists(st.integers(0, 60000), min_size=1, max_size=20), max_size=12))
    segments = packing.best_fit(np.array([len(document) for document in documents], np.int64), room)
    rows = np.array(data.draw(st.permutations(range(len(segments[0]) - 1))), np.int64)
    laid = as_rows(*segments)
    out = np.full((len(rows), room), 65001, dtype)
    for at, row in enumerate(rows):
        tokens = [token for d, start, length in laid[row] for token in documents[d][start : start + length]]
        out[at, : len(tokens)] = tokens

    places = {row: at for at, row in enumerate(rows.tolist())}
    found = sorted(
        (d, start, places[row], sum(segment[2] for segment in segments_of_row[:nth]), length)
        for row, segments_of_row in enumerate(laid)
        for nth, (d, start, length) in enumerate(segments_of_row)
    )
    row, column, length = (np.array([entry[i] for entry in found], np.int64) for i in (2, 3, 4))
    joined = np.empty(int(length.sum()), dtype)
    packing.gather(out, row, column, length, np.cumsum(length) - length, joined)
    assert [token for document in documents for token in document] == joined.tolist()


def test_many_pieces_of_many_sizes():
    """The tree over room at its real depth: nothing lost, no row too full, and no more rows than first fit opens."""
    draw = np.random.default_rng(5)
    sizes = np.minimum(draw.lognormal(6, 1.2, 20_000).astype(np.int64) + 1, 50_000)
    offsets, document, start, length = packing.best_fit(sizes, 2048)
    filled = np.add.reduceat(length, offsets[:-1])
    assert filled.max() <= 2048
    assert sizes.tolist() == np.bincount(document, length, len(sizes)).astype(np.int64).tolist()
    assert len(offsets) - 1 <= -(-int(sizes.sum()) // 2048) + 20
    assert 1 == np.bincount(document)[sizes <= 2048].max()
    assert set((start % 2048).tolist()) == {0}
