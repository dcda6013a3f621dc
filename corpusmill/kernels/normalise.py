"""Normalised text for shingles: case folded, and all that is no word made into spaces.

The tables come from a file in this package (written by tools/normalise_tables.py) and not from the running Python,
so that the same text gives the same shingles under every Python.

Shapes: N documents, B bytes.
    offsets  int64 (N+1,)  data uint8 (B,)   as in `buffers`
    points   int32 (0x110000,)   what a code point becomes in a word; 0 where it separates words
"""

from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.unicode import LETTER, NUMBER, POINTS, decode, tables

Int32s = npt.NDArray[np.int32]

MARK, NONSPACING, DIGIT, CASED, CASE_IGNORABLE, STARTER = 1, 2, 4, 8, 16, 32  # bits of the file


class File(NamedTuple):
    """What the file says: by code point, or of some code points only.

    Attributes:
        bits: uint8 (0x110000,), as named above.
        lower: int32 (0x110000,), simple lower case.
        decomposed: canonical decompositions, whole, but for Hangul syllables.
        classes: canonical combining classes of marks that are not nonspacing.
    """

    bits: Bytes
    lower: Int32s
    decomposed: dict[int, list[int]]
    classes: dict[int, int]


@cache
def file() -> File:
    """Read the file, once per process. Shared: do not write to its tables."""
    found = File(np.zeros(POINTS, np.uint8), np.arange(POINTS, dtype=np.int32), {}, {})
    text = resources.files("corpusmill.kernels").joinpath("normalise.txt").read_text(encoding="ascii")
    for line in text.splitlines():
        kind, *fields = line.split()
        if kind == "#":
            continue
        point, *rest = (int(field, 16) for field in fields)
        if kind == "bits":
            found.bits[point : rest[0] + 1] = rest[1]
        elif kind == "lower":
            found.lower[point] = rest[0]
        elif kind == "decomposed":
            found.decomposed[point] = rest
        else:
            found.classes[point] = rest[0]
    return found


@cache
def plain_points() -> Int32s:
    """Letters, marks and numbers in simple lower case; everything else separates. Shared: do not write to it."""
    inside = (tables().kinds & (LETTER | NUMBER) != 0) | (file().bits & MARK != 0)
    return np.where(inside, file().lower, 0).astype(np.int32)


@cache
def ascii_points() -> Int32s:
    """ASCII letters, digits and `_` as they are; everything else separates. Shared: do not write to it."""
    found = np.zeros(POINTS, np.int32)
    for point in range(128):
        if chr(point).isalnum() or chr(point) == "_":
            found[point] = point
    return found


@kernel
def encode(point: int, out: Bytes, at: int) -> int:
    """Write a code point as UTF-8 at out[at:]; returns the place after it."""
    if point < 0x80:
        out[at] = point
        return at + 1
    if point < 0x800:
        out[at] = 0xC0 | point >> 6
        out[at + 1] = 0x80 | point & 0x3F
        return at + 2
    if point < 0x10000:
        out[at] = 0xE0 | point >> 12
        out[at + 1] = 0x80 | point >> 6 & 0x3F
        out[at + 2] = 0x80 | point & 0x3F
        return at + 3
    out[at] = 0xF0 | point >> 18
    out[at + 1] = 0x80 | point >> 12 & 0x3F
    out[at + 2] = 0x80 | point >> 6 & 0x3F
    out[at + 3] = 0x80 | point & 0x3F
    return at + 4


@kernel
def fold(offsets: Int64s, data: Bytes, points: Int32s) -> tuple[Int64s, Bytes]:
    """The words of each document, mapped by `points` and joined by one space.

    Returns:
        Offsets (N+1,) and UTF-8 bytes.
    """
    rows = len(offsets) - 1
    placed = np.zeros(rows + 1, np.int64)
    out = np.empty(3 * (offsets[rows] - offsets[0]) // 2 + rows, np.uint8)  # two bytes may become three
    size = 0
    for row in range(rows):
        at: Any = offsets[row]
        first = size
        waiting = False  # for a word, to set a space before it
        while at < offsets[row + 1]:
            point, at = decode(data, at)
            if points[point] == 0:
                waiting = size > first
                continue
            if waiting:
                out[size] = 0x20
                size += 1
                waiting = False
            size = encode(points[point], out, size)
        placed[row + 1] = size
    return placed, out[:size]


@kernel
def join(data: Bytes, offsets: Int64s, starts: Int32s, ends: Int32s) -> tuple[Int64s, Bytes]:
    """The given words of each document, joined by one space.

    Args:
        data: (B,). offsets: (N+1,), of words. starts, ends: (W,).

    Returns:
        Offsets (N+1,) and bytes.
    """
    rows = len(offsets) - 1
    placed = np.zeros(rows + 1, np.int64)
    total = len(starts)
    for word in range(len(starts)):
        total += ends[word] - starts[word]
    out = np.empty(total, np.uint8)
    size = 0
    for row in range(rows):
        for word in range(offsets[row], offsets[row + 1]):
            if word > offsets[row]:
                out[size] = 0x20
                size += 1
            for at in range(starts[word], ends[word]):
                out[size] = data[at]
                size += 1
        placed[row + 1] = size
    return placed, out[:size]
