"""The Unicode tables and decoding."""

import sys
import unicodedata

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers, unicode

ASSIGNED = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c)) not in {"Cn", "Cs"}]


def test_letters_are_those_of_str_isalpha():
    """For every character that this Python knows, LETTER is str.isalpha."""
    kinds = unicode.tables().kinds
    assert [] == [c for c in ASSIGNED if bool(kinds[ord(c)] & unicode.LETTER) != c.isalpha()]


def test_numbers_are_those_of_the_general_category():
    """For every character that this Python knows, NUMBER is general category N."""
    kinds = unicode.tables().kinds
    assert [] == [c for c in ASSIGNED if bool(kinds[ord(c)] & unicode.NUMBER) != (unicodedata.category(c)[0] == "N")]


def test_alphabetic_marks():
    """Letter numbers, vowel signs and circled letters are alphabetic without being letters; no letter is one."""
    kinds = unicode.tables().kinds
    assert [1] * 4 == [bool(kinds[ord(c)] & unicode.ALPHABETIC_MARK) for c in "Ⅳⓐ\u0903\u0345"]
    assert [0] * 6 == [bool(kinds[ord(c)] & unicode.ALPHABETIC_MARK) for c in "aª漢1²\u0301"]
    letter_numbers = [c for c in ASSIGNED if unicodedata.category(c) == "Nl"]
    assert [] == [c for c in letter_numbers if not kinds[ord(c)] & unicode.ALPHABETIC_MARK]
    assert not np.any((kinds & unicode.ALPHABETIC_MARK != 0) & (kinds & unicode.LETTER != 0))


def test_white_space_is_that_of_str_isspace():
    """SPACE is str.isspace for all code points."""
    found = np.flatnonzero(unicode.tables().kinds & unicode.SPACE)
    assert [c for c in range(0x110000) if chr(c).isspace()] == found.tolist()


def test_word_break_classes():
    """Well-known characters have their Word_Break class of the standard."""
    expected = {
        "\r": unicode.CR, "\n": unicode.LF, "\u2028": unicode.NEWLINE, "\u0301": unicode.EXTEND,
        "\u200d": unicode.ZWJ, "\xad": unicode.FORMAT, " ": unicode.WSEGSPACE, "🇦": unicode.REGIONAL_INDICATOR,
        "ァ": unicode.KATAKANA, "é": unicode.ALETTER, "א": unicode.HEBREW_LETTER, "7": unicode.NUMERIC,
        "_": unicode.EXTENDNUMLET, "'": unicode.SINGLE_QUOTE, '"': unicode.DOUBLE_QUOTE, ":": unicode.MIDLETTER,
        ",": unicode.MIDNUM, ".": unicode.MIDNUMLET, "漢": unicode.OTHER, "-": unicode.OTHER, "\xa0": unicode.OTHER,
    }  # fmt: skip
    assert expected == {c: unicode.tables().word_break[ord(c)] for c in expected}


def test_decode_reads_every_code_point():
    """Every code point comes back from its UTF-8, with its length."""
    for point in [*range(0xD800), *range(0xE000, 0x110000, 13), 0x10FFFF]:
        data = np.frombuffer(chr(point).encode(), np.uint8)
        assert (point, len(data)) == unicode.decode(data, 0)


@given(st.lists(st.text()))
def test_lengths_are_those_of_len(texts):
    """Code points are counted as len counts them, also in a sliced batch."""
    text = buffers.text(pa.array(["paß", *texts]).slice(1))
    assert [len(t) for t in texts] == unicode.lengths(*text).tolist()
