"""Rows shifted by one, beside a slow twin."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels.training_rows import IGNORED, shift

EOS = 60_000
DOCUMENT = st.tuples(st.integers(1, 6), st.integers(0, 2))  # length here, first token here


def slow(ids, documents):
    """Inputs, targets and segments of one row, token by token."""
    inputs, targets, segments = [], [], []
    for length, start in documents:
        for token in range(length):
            at = len(inputs)
            inputs.append(EOS if token == 0 else ids[at - 1])
            targets.append(IGNORED if token == 0 and start else ids[at])
        segments.append(length)
    rest = len(ids) - len(inputs)
    for _ in range(rest):
        at = len(inputs)
        inputs.append(ids[at - 1] if at else EOS)
        targets.append(IGNORED)
    return inputs, targets, segments + [rest] * (rest > 0)


@given(st.lists(st.lists(DOCUMENT, max_size=4), min_size=1, max_size=5), st.integers(0, 9), st.data())
def test_rows_are_shifted_within_documents(rows, more, data):
    """For any documents, paddings, orders of rows, and both types of ids."""
    length = max(sum(size for size, _ in row) for row in rows) + more
    if not length:
        return
    dtype = data.draw(st.sampled_from([np.uint16, np.uint32]))
    ids = np.random.default_rng(0).integers(0, EOS, (len(rows), length)).astype(dtype)
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    sizes = np.array([size for row in rows for size, _ in row], np.int32)
    starts = np.array([start for row in rows for _, start in row], np.int32)
    wanted = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=6))
    places = np.array(data.draw(st.permutations(range(len(wanted)))), np.int64)
    inputs, targets = np.zeros((2, len(wanted), length), np.int64)
    segments, begins = shift(ids, offsets, sizes, starts, np.array(wanted, np.int64), places, EOS, inputs, targets)
    for number, (row, place) in enumerate(zip(wanted, places, strict=True)):
        own = segments[begins[number] : begins[number + 1]].tolist()
        assert slow(ids[row].tolist(), rows[row]) == (inputs[place].tolist(), targets[place].tolist(), own)
