"""Edits as byte spans."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill import spans


def make(triples, which=None, replacements=(b"",)):
    """Spans from (row, start, end)."""
    columns = [np.array([t[i] for t in triples], np.int64) for i in range(3)]
    return spans.Spans(*columns, None if which is None else np.array(which, np.int64), replacements)


def test_cut_and_replace():
    """Spans are cut by default, or become their replacement; rows without spans stay."""
    texts = pa.array(["hello world", "same", "größe"])
    assert ["hello", "same", "gröe"] == spans.apply(texts, make([(0, 5, 11), (2, 4, 6)])).to_pylist()
    masked = make([(0, 0, 5), (0, 6, 11)], [1, 0], [b"<B>", b"<A>"])
    assert ["<A> <B>", "same", "größe"] == spans.apply(texts, masked).to_pylist()


def test_slices_are_cut_from_their_own_start():
    """A sliced array is edited as if it stood alone."""
    assert ["ld"] == spans.apply(pa.array(["hello", "world"]).slice(1), make([(0, 0, 3)])).to_pylist()


@pytest.mark.parametrize("triples", [[(0, 3, 2)], [(0, 0, 6)], [(0, 2, 4), (0, 3, 5)], [(1, 0, 1), (0, 0, 1)]])
def test_bad_spans_are_refused(triples):
    """Reversed, outside, overlapping or unordered spans never touch a text."""
    with pytest.raises(ValueError, match="spans must lie within their rows, in order, without overlap"):
        spans.apply(pa.array(["hello", "world"]), make(triples))


@st.composite
def edits(draw):
    """Texts, and disjoint ordered spans of whole code points with replacements."""
    texts = draw(st.lists(st.text(max_size=20), min_size=1, max_size=5))
    found, which = [], []
    new = draw(st.lists(st.text(max_size=4), min_size=1, max_size=3))
    for row, text in enumerate(texts):
        marks = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
        for start, end in zip(marks[::2], marks[1::2], strict=False):
            found.append((row, len(text[:start].encode()), len(text[:end].encode()), start, end))
            which.append(draw(st.integers(0, len(new) - 1)))
    return texts, found, which, new


@given(edits())
def test_splicing_equals_slicing_strings(case):
    """Editing bytes gives what editing each string by hand does."""
    texts, found, which, new = case
    expected = []
    for row, text in enumerate(texts):
        for (at, _, _, start, end), index in reversed(list(zip(found, which, strict=True))):
            if at == row:
                text = text[:start] + new[index] + text[end:]  # noqa: PLW2901
        expected.append(text)
    made = make([f[:3] for f in found], which, [n.encode() for n in new])
    assert expected == spans.apply(pa.array(texts), made).to_pylist()


def test_where_replacements_lie_afterwards():
    """The places in the edited text, row by row."""
    texts = pa.array(["abcdef", "nothing", "uvwxyz"])
    edits = spans.Spans(
        np.array([0, 0, 2]), np.array([1, 4, 0]), np.array([2, 5, 3]), np.array([0, 1, 1]), (b"", b"<LONG>")
    )
    edited = spans.apply(texts, edits)
    assert ["acd<LONG>f", "nothing", "<LONG>xyz"] == edited.to_pylist()
    found = [edited[row].as_py()[a:b] for row, a, b in zip(edits.rows, *spans.placed(edits), strict=True)]
    assert ["", "<LONG>", "<LONG>"] == found
