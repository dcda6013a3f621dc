"""Splitting at white space, and describing words."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers, unicode, words
from tests.kernels.reference_words import SAMPLES

TEXTS = st.lists(st.one_of(st.text(), st.text(alphabet=SAMPLES), st.text(alphabet="ab1.\x01 \n\t", max_size=60)))


def split(texts):
    """The words of each text, and their table, from a slice of a larger array."""
    text = buffers.text(pa.array(["päd", *texts]).slice(1))
    table = words.split_whitespace(*text, unicode.tables().kinds)
    raw = text.data.tobytes()
    found = [raw[a:b].decode() for a, b in zip(table[1], table[2], strict=True)]
    return [found[a:b] for a, b in zip(table[0], table[0][1:], strict=False)], table, text


@given(TEXTS)
def test_words_are_those_of_str_split(texts):
    """The splitter finds what str.split finds."""
    assert [t.split() for t in texts] == split(texts)[0]


@pytest.mark.parametrize("space", [chr(c) for c in range(0x3001) if chr(c).isspace()])
def test_every_white_space_character_splits(space):
    """Each character of white space ends a short and a long word."""
    assert [["ab", "longer than eight".replace(" ", "_")]] == split([f"ab{space}longer_than_eight{space}"])[0]


def test_control_characters_are_words():
    """Control characters that are no white space belong to words, as for str.split."""
    assert [["\x00\x08\x0e\x1b\x7f", "a\x00b"]] == split(["\x00\x08\x0e\x1b\x7f a\x00b"])[0]


def test_no_documents_and_empty_documents():
    """An empty batch and empty texts have no words."""
    assert [] == split([])[0]
    assert [[], [], []] == split(["", " \n", "\u3000"])[0]


@given(TEXTS)
def test_split_describes_as_describe_does(texts):
    """The fast way through short ASCII words gives the numbers of the plain way."""
    _, table, text = split(texts)
    for fast, plain in zip(
        table[3:], words.describe(text.data, table[1], table[2], unicode.tables().kinds), strict=True
    ):
        assert plain.tolist() == fast.tolist()


@given(TEXTS)
def test_descriptions(texts):
    """Code points are counted as len counts them, and kinds are those of any character in the word."""
    found, table, _ = split(texts)
    flat = [w for t in found for w in t]
    kinds = unicode.tables().kinds
    assert [len(w) for w in flat] == table[4].tolist()
    assert [int(np.bitwise_or.reduce([kinds[ord(c)] for c in w])) for w in flat] == table[5].tolist()


@given(st.lists(st.text(alphabet="ab\x00é", min_size=1, max_size=20), max_size=40))
def test_hashes_tell_words_apart(texts):
    """Two words have the same hash if and only if they are the same, also where they differ by trailing zeros."""
    found, table, _ = split([" ".join(texts)])
    assert len(set(found[0])) == len(set(table[3].tolist()))
    assert len(set(zip(found[0], table[3].tolist(), strict=True))) == len(set(found[0]))


@given(TEXTS)
def test_consist_of(texts):
    """A word consists of a set when all its characters are in it."""
    points = np.zeros(unicode.POINTS, bool)
    points[[ord(c) for c in "ab.…\u0301"]] = True
    found, table, text = split(texts)
    expected = [all(points[ord(c)] for c in w) for t in found for w in t]
    assert expected == words.consist_of(text.data, table[1], table[2], points).tolist()


@given(TEXTS)
def test_hold(texts):
    """A word holds one of a set when any of its characters is in it."""
    points = np.zeros(unicode.POINTS, bool)
    points[[ord(c) for c in "b.…\u0301"]] = True
    found, table, text = split(texts)
    expected = [sum(any(points[ord(c)] for c in w) for w in t) for t in found]
    assert expected == words.hold(text.data, table[0], table[1], table[2], points).tolist()
