"""Unicode properties of all code points as flat tables, and UTF-8 decoding for kernels.

The tables come from a file in this package (Unicode 17, written by tools/unicode_tables.py) and not from the
running Python, so that the same text gives the same signals under every Python.

Shapes: B bytes.
    word_break  uint8 (0x110000,)   Word_Break class of UAX #29, as numbered below
    kinds       uint8 (0x110000,)   bits LETTER, NUMBER, SPACE, PICTOGRAPH, ALPHABETIC_MARK
"""

from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel

POINTS = 0x110000

LETTER = 1  # general category L*, which is str.isalpha
NUMBER = 2  # general category N*
SPACE = 4  # str.isspace
PICTOGRAPH = 8  # Extended_Pictographic
ALPHABETIC_MARK = 16  # Alphabetic, but no letter: vowel signs, Roman numerals, circled letters

OTHER, CR, LF, NEWLINE, EXTEND, ZWJ, FORMAT, WSEGSPACE, REGIONAL_INDICATOR, KATAKANA = range(10)
ALETTER, HEBREW_LETTER, NUMERIC, EXTENDNUMLET, SINGLE_QUOTE, DOUBLE_QUOTE, MIDLETTER, MIDNUM, MIDNUMLET = range(10, 19)


class Tables(NamedTuple):
    """One property per table, indexed by code point."""

    word_break: Bytes
    kinds: Bytes


@cache
def tables() -> Tables:
    """Read the tables; takes some milliseconds, once per process. They are shared: do not write to them."""
    found = Tables(np.zeros(POINTS, np.uint8), np.zeros(POINTS, np.uint8))
    for first, last, number, bits in _ranges("unicode.txt"):
        found.word_break[int(first, 16) : int(last, 16) + 1] = int(number)
        found.kinds[int(first, 16) : int(last, 16) + 1] = int(bits)
    return found


def _ranges(name: str) -> list[list[str]]:
    text = resources.files("corpusmill.kernels").joinpath(name).read_text(encoding="ascii")
    return [line.split() for line in text.splitlines() if not line.startswith("#")]


@kernel
def decode(data: Bytes, at: int) -> Any:
    """Give the code point that begins at byte `at` of valid UTF-8, and the place after it."""
    first = data[at] & 0xFF
    if first < 0x80:
        return first, at + 1
    second = data[at + 1] & 0x3F
    if first < 0xE0:
        return (first & 0x1F) << 6 | second, at + 2
    third = data[at + 2] & 0x3F
    if first < 0xF0:
        return (first & 0x0F) << 12 | second << 6 | third, at + 3
    return (first & 0x07) << 18 | second << 12 | third << 6 | data[at + 3] & 0x3F, at + 4


@kernel
def lengths(offsets: Int64s, data: Bytes) -> Int64s:
    """Count the code points of each document, shape (N,)."""
    out = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(out)):
        count = 0
        for at in range(offsets[row], offsets[row + 1]):
            count += (data[at] & 0xC0) != 0x80
        out[row] = count
    return out
