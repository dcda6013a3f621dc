"""The counts behind the Gopher quality rules."""

import statistics

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.gopher_quality import STOP_WORDS
from corpusmill.kernels import buffers, gopher, lines, unicode, words
from tests.kernels import reference_gopher as reference
from tests.kernels.reference_words import SAMPLES

MARKS = "#.. . …•-*\n\r\u2028 a漢"
TEXTS = st.lists(st.one_of(st.text(), st.text(alphabet=SAMPLES), st.text(alphabet=MARKS)))
STOPS = st.lists(st.sampled_from([*STOP_WORDS, "The", "tHAT", "th\x00", "the\x00", "thé", "withwith", "x", "#", "１"]))


def view(texts):
    """Texts as the kernels see them, from a slice of a larger array."""
    return buffers.text(pa.array(["päd.", *texts]).slice(1))


@given(TEXTS)
def test_symbols(texts):
    """Each kind of symbol is counted as str.count counts it."""
    assert [reference.symbols(t) for t in texts] == gopher.count_symbols(*view(texts)).tolist()


def test_symbols_of_worked_texts():
    """Four dots are one ellipsis, six are two, and the two ways of writing one may share a dot."""
    texts = ["....", "......", "... . .", "#…#", ""]
    assert [[0, 1, 0], [0, 2, 0], [0, 1, 1], [2, 1, 0], [0, 0, 0]] == gopher.count_symbols(*view(texts)).tolist()


ENDS = [("...", "…"), ("...", "…", ". . ."), ("…",), ("…]", "read more", "x..", "-»"), ()]
LINES = st.lists(
    st.text(st.sampled_from("\n.…]readmoREADMO\u212a\u0130»-x \u2028")) | st.sampled_from(["Read MORE", " rx.. "])
)


@given(TEXTS | LINES, st.sampled_from(ENDS), st.booleans(), st.booleans())
def test_lines(texts, ends, blank, whole):
    """Lines of str.splitlines are counted as the twin counts them, stripped or whole."""
    text = view(texts)
    offsets, *ranges = lines.splitlines(*text)
    starts, stops = ranges if whole else lines.strip(text.data, *ranges)
    bullets = np.array([ord(c) for c in "•-漢"])
    found = gopher.count_lines(text.data, offsets, starts, stops, bullets, gopher.marks(ends), blank)
    pieces = [[line if whole else line.strip() for line in t.splitlines()] for t in texts]
    assert [reference.lines(t, "•-漢", ends, blank=blank) for t in pieces] == found.tolist()


def test_marks_have_no_capitals():
    """A mark that would never be found is refused."""
    with pytest.raises(ValueError, match="found capitals in"):
        gopher.marks(["…", "Read more"])


@given(TEXTS)
def test_median_of_the_lengths_of_words(texts):
    """The median is that of the standard library; no words have 0."""
    text = view(texts)
    offsets, _, _, _, chars, _ = words.split_whitespace(*text, unicode.tables().kinds)
    expected = [statistics.median(map(len, t.split())) if t.split() else 0 for t in texts]
    assert expected == gopher.median_chars(offsets, chars).tolist()


def count_words(texts, symbol, any_case, letters=unicode.LETTER):
    """The counts of the words of texts."""
    text = view(texts)
    offsets, starts, ends, _, chars, kinds = words.split_whitespace(*text, unicode.tables().kinds)
    raw = text.data.tobytes()
    symbols = np.array([raw[a:b].decode() in symbol for a, b in zip(starts, ends, strict=True)], bool)
    stops = gopher.stop_words(STOP_WORDS)
    return gopher.count_words(
        text.data, offsets, starts, ends, chars, kinds, symbols, stops, any_case, letters
    ).tolist()


@given(st.lists(st.one_of(st.text(alphabet=SAMPLES), STOPS.map(" ".join))), st.booleans())
def test_words(texts, any_case):
    """Words are counted as the twin counts them."""
    expected = [reference.words(t.split(), {"#", "."}, list(STOP_WORDS), any_case=any_case) for t in texts]
    assert expected == count_words(texts, {"#", "."}, any_case)


@given(st.lists(st.text(alphabet="aé漢Ⅳⓐ\u0903\u0301²1. ")))
def test_words_with_alphabetic_characters(texts):
    """Roman numerals, circled letters and vowel signs count where they are asked for, accents and digits do not."""
    expected = [reference.words(t.split(), set(), [], any_case=False, marks="Ⅳⓐ\u0903") for t in texts]
    found = count_words(texts, set(), False, unicode.LETTER | unicode.ALPHABETIC_MARK)
    assert expected == found


@given(st.lists(st.text(alphabet="#.[…]x-» ") | st.sampled_from(["# ## #a #a#", "[...] ... .... […] (…)"])))
def test_symbol_words(texts):
    """Words that are symbols are counted as the twin counts them."""
    text = view(texts)
    offsets, starts, ends, _, chars, _ = words.split_whitespace(*text, unicode.tables().kinds)
    ellipses = ("...", "[...]", "…", "[…]", "-»", "read more")
    found = gopher.count_symbol_words(text.data, offsets, starts, ends, chars, gopher.marks(ellipses))
    assert [reference.symbol_words(t.split(), ellipses) for t in texts] == found.tolist()


def test_stop_words_of_a_worked_text():
    """Stop words are whole words; without any_case only small letters count; repeats are counted apart."""
    text = "the The theme the, with WITH\x00 of of"
    assert [[8, 28, 8, 4, 3]] == count_words([text], set(), False)
    assert [[8, 28, 8, 5, 3]] == count_words([text], set(), True)


def test_stop_words_that_cannot_be_placed():
    """A list that is too long for the table is refused."""
    with pytest.raises(ValueError, match="70 stop words cannot be placed in 64 places"):
        gopher.stop_words([f"w{n}" for n in range(70)])
