"""Folding, datatrove's normalisation, and joining of words."""

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers, normalise, simplify, unicode, words
from tests.kernels.reference_normalise import SAMPLES, bigcode, datatrove, plain, same_unicode

TEXTS = st.lists(st.one_of(st.text(), st.text(alphabet=SAMPLES), st.text(alphabet="aZ3., -\n", max_size=60)))
VALID = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]


def as_text(texts):
    """The texts from a slice of a larger array."""
    return buffers.text(pa.array(["Ä1", *texts]).slice(1))


def as_strings(found):
    """Offsets and bytes as strings."""
    return buffers.strings(*found).to_pylist()


def folded(texts, points):
    """`fold`, as strings."""
    return as_strings(normalise.fold(*as_text(texts), points))


def simplified(texts):
    """`simplify`, as the words of strings."""
    return [found.split() for found in as_strings(simplify.simplify(*as_text(texts), simplify.simplified()))]


@same_unicode
@given(TEXTS)
def test_plain_words(texts):
    """Words are runs of letters, marks and numbers, in lower case."""
    assert [" ".join(plain(text)) for text in texts] == folded(texts, normalise.plain_points())


@given(TEXTS)
def test_bigcode_words(texts):
    """Words are runs of ASCII letters, digits and underscores."""
    assert [" ".join(bigcode(text)) for text in texts] == folded(texts, normalise.ascii_points())


@same_unicode
@given(TEXTS)
def test_datatrove_words(texts):
    """The kernel gives the words that the published steps give."""
    assert [datatrove(text) for text in texts] == simplified(texts)


@same_unicode
def test_every_code_point():
    """Each code point alone and between letters."""
    texts = [f"{chr(point)} a{chr(point)}b" for point in VALID]
    found = folded(texts, normalise.plain_points())
    assert [] == [hex(p) for p, t, f in zip(VALID, texts, found, strict=True) if " ".join(plain(t)) != f]
    found = simplified(texts)
    assert [] == [hex(p) for p, t, f in zip(VALID, texts, found, strict=True) if datatrove(t) != f]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It cost 1,234.56 and 3.5.", "it cost 0 0 and 0"),
        ("٣٫٥ 1.2.3 7.x", "0 0 0 0 x"),
        ("Ａ１Ｂ café Ärger e\u0301a", "ａ0ｂ cafe arger ea"),
        ("ΟΔΟΣ ΟΔΟΣ. ΣΑ Σ ΑΣ\u0301Α", "οδος οδος σα σ ασα"),
        ("각 İ", "\u1100\u1161\u11a8 i"),
        ("don’t stop—me…now", "don t stop me now"),
    ],
)
def test_known_datatrove_words(text, expected):
    """Numbers with one separator, digits of other scripts, diacritics, final sigmas, Hangul, punctuation."""
    assert [expected.split()] == simplified([text])


@same_unicode
@given(st.lists(st.text(alphabet="ΣσaA.\xad\u0345ʰ 1'", max_size=12)))
def test_final_sigmas(texts):
    """A capital sigma becomes small as in `str.lower`, across what case ignores."""
    assert [datatrove(text) for text in texts] == simplified(texts)


@same_unicode
@given(st.lists(st.text(alphabet="a\u302e\u302f\u1715\u0301\u0903\U0001d165\U0001d16d\U0001d15e\u0e33", max_size=12)))
def test_marks_are_sorted(texts):
    """Marks that stay are in canonical order, whatever is dropped between them."""
    assert [datatrove(text) for text in texts] == simplified(texts)


@given(TEXTS)
def test_joined_words(texts):
    """Words are joined by one space, none at the ends."""
    text = as_text(texts)
    found = words.split_whitespace(*text, unicode.tables().kinds)
    assert [" ".join(t.split()) for t in texts] == as_strings(normalise.join(text.data, *found[:3]))


def test_encode_writes_every_code_point():
    """Every code point as Python writes it."""
    out = np.zeros(4, np.uint8)
    for point in VALID[::7]:
        size = normalise.encode(point, out, 0)
        assert chr(point).encode() == out[:size].tobytes()


def test_the_file_is_of_one_unicode_version():
    """The file says which, and simple lower case leaves no capital letter that has a small one."""
    file = normalise.file()
    known = [point for point in VALID if unicodedata.category(chr(point)) == "Lu" and chr(point).lower() != chr(point)]
    assert [] == [hex(point) for point in known if file.lower[point] == point]
