"""Word boundaries of UAX #29."""

import itertools

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import boundaries, buffers, unicode
from tests.kernels import reference_words
from tests.kernels.reference_words import SAMPLES

TEXTS = st.one_of(st.text(), st.text(alphabet=SAMPLES))


def segments(text):
    """The segments of one text by the kernel."""
    data = buffers.text(pa.array([text])).data
    at, found = 0, []
    while at < len(data):
        end = boundaries.segment_end(data, at, len(data), *unicode.tables())
        found.append(data[at:end].tobytes().decode())
        at = end
    return found


def words(texts):
    """The words of each text by the kernel, from a slice of a larger array."""
    text = buffers.text(pa.array(["päd a", *texts]).slice(1))
    offsets, starts, ends = boundaries.split_uax29(*text, *unicode.tables())
    raw = text.data.tobytes()
    found = [raw[a:b].decode() for a, b in zip(starts, ends, strict=True)]
    return [found[a:b] for a, b in itertools.pairwise(offsets)]


# Worked from the rules; the same as uniseg 0.10.1 gives.
CASES = [
    ("can't 3.14 a:b", ["can't", " ", "3.14", " ", "a:b"]),
    ("l'objectif d’un", ["l'objectif", " ", "d’un"]),
    ("a. 1,000 x_1 _", ["a", ".", " ", "1,000", " ", "x_1", " ", "_"]),
    ("\r\n\n  x", ["\r\n", "\n", "  ", "x"]),
    ("🇦🇧🇨 👩🏽\u200d❤️", ["🇦🇧", "🇨", " ", "👩🏽\u200d❤️"]),
    ('א"ב א" ב\'', ['א"ב', " ", "א", '"', " ", "ב'"]),
    ("カタ漢字", ["カタ", "漢", "字"]),
    ("e\u0301\u00adx \u0301y", ["e\u0301\u00adx", " \u0301", "y"]),
    ("\n\u0301a 1'a", ["\n", "\u0301", "a", " ", "1", "'", "a"]),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_worked_segments(text, expected):
    """Texts fall into segments as the rules say."""
    assert expected == segments(text)


@given(TEXTS)
def test_segments_are_those_of_the_rules(text):
    """The kernel breaks where the rules, looked up place by place, break."""
    places = reference_words.boundaries(text)
    assert [text[i:j] for i, j in itertools.pairwise(places)] == segments(text)


@given(st.lists(TEXTS))
def test_words_are_segments_with_a_letter_or_number(texts):
    """Words are the segments that hold a letter or a number."""
    assert [reference_words.uax29_words(t) for t in texts] == words(texts)


def test_more_words_than_expected():
    """A text of one-letter words needs more room than is made at first, and gets it."""
    assert [["字"] * 5000, ["a"] * 5000] == words(["字" * 5000, "a " * 5000])
