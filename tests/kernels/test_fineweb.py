"""The counts of FineWeb's rules equal their plain definition, on all of Unicode."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers
from corpusmill.kernels.fineweb import count_lines
from corpusmill.kernels.lines import lines
from tests.kernels import reference_fineweb as reference

MARKS = ".?。\u061f\U00011f43"
TEXTS = st.lists(
    st.text(
        st.one_of(st.sampled_from("\n\n\r \u2028\u3000ab\0é😀" + MARKS), st.characters(exclude_categories=["Cs"])),
        max_size=40,
    ),
    max_size=6,
)


def counts(texts, short):
    """The kernel's counts, one tuple per text."""
    text = buffers.text(pa.array(texts, pa.string()))
    table = lines(*text)
    marks = np.zeros(0x110000, bool)
    marks[[ord(mark) for mark in MARKS]] = True
    found = count_lines(
        text.data,
        table.offsets,
        table.starts,
        table.ends,
        table.inner_starts == table.inner_ends,
        table.characters,
        table.repeated,
        marks,
        short,
    )
    return list(zip(*(array.tolist() for array in found), strict=True))


@given(TEXTS, st.integers(0, 6))
def test_counts_are_those_of_the_plain_definition(texts, short):
    """Each count equals the one taken over Python strings."""
    assert counts(texts, short) == [reference.line_counts(text, MARKS, short) for text in texts]


def test_counts_worked_by_hand():
    """Blank lines count only as characters; trailing space hides the mark; first copies are no repeats."""
    text = "One.\n  \nTwo. \nOne.\nOne.\nfour five"
    assert counts([text, "", "\n"], 4) == [(5, 3, 3, 8, 28), (0, 0, 0, 0, 0), (0, 0, 0, 0, 0)]


def test_a_mark_of_four_bytes_is_seen():
    """A mark beyond the basic plane ends a line."""
    assert counts(["a\U00011f43\nb。\nc\U00011f42"], 0) == [(3, 2, 0, 0, 6)]
