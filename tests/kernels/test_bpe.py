"""Merging beside the obvious loop."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import bpe

PIECES = st.one_of(
    st.binary(min_size=1, max_size=40), st.text("ab", min_size=1, max_size=3 * bpe.SHORT).map(str.encode)
)


def obvious(piece, byte_ids, merges):
    """Merge the pair of least rank, the leftmost first, until none is left."""
    ids = [byte_ids[byte] for byte in piece]
    while True:
        ranked = [(merges[pair][0], place) for place, pair in enumerate(pairwise(ids)) if pair in merges]
        if not ranked:
            return ids
        place = min(ranked)[1]
        ids[place : place + 2] = [merges[ids[place], ids[place + 1]][1]]


@st.composite
def models(draw):
    """Byte ids in some order, and merges of ids there are so far, ranked in another order than they were made."""
    byte_ids = draw(st.permutations(range(256))) if draw(st.booleans()) else list(range(256))
    known = [byte_ids[ord(letter)] for letter in "ab"]
    pairs = {}
    for number in range(draw(st.integers(0, 30))):
        pair = draw(st.sampled_from(known)), draw(st.sampled_from(known))
        if pair not in pairs:
            pairs[pair] = 256 + number
            known.append(256 + number)
    order = draw(st.permutations(range(len(pairs))))
    return byte_ids, {pair: (rank, merged) for rank, (pair, merged) in zip(order, pairs.items(), strict=True)}


def merged(piece, byte_ids, merges):
    """`merge` in the middle of a text, into the middle of ids."""
    rows = [(left, right, rank, number) for (left, right), (rank, number) in merges.items()]
    table = bpe.make_table(*np.array(rows, np.uint64).reshape(-1, 4).T.copy())
    data = np.frombuffer(b"ab" + piece + b"ab", np.uint8)
    out, room = np.zeros(len(piece) + 3, np.uint32), np.zeros(bpe.ROOM, np.uint64)
    size = bpe.merge(data, 2, 2 + len(piece), np.array(byte_ids, np.int64), table, out, 3, room)
    return out[3:size].tolist()


@given(models(), PIECES)
def test_merges_are_those_of_the_obvious_loop(model, piece):
    """For pieces short and long, and any ranks."""
    assert obvious(piece, *model) == merged(piece, *model)


def test_both_ways_give_the_same():
    """A piece at the bound between looking through all pairs and the heap, and much longer ones."""
    merges = {(97, 97): (3, 256), (256, 256): (1, 257), (97, 98): (0, 258), (257, 97): (2, 259)}
    for size in (bpe.SHORT - 1, bpe.SHORT, bpe.SHORT + 1, 1000):
        for piece in (b"a" * size, b"aab" * (size // 3), b"x" * size):
            assert obvious(piece, list(range(256)), merges) == merged(piece, list(range(256)), merges)
