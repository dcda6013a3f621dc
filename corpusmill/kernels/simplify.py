"""datatrove's normalisation of text for shingles, over UTF-8.

Shapes: N documents, B bytes.
    offsets  int64 (N+1,)  data uint8 (B,)   as in `buffers`
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.eights import LOW_SEVEN, ascii_digits, ascii_letters, trailing_bytes
from corpusmill.kernels.normalise import (
    CASE_IGNORABLE,
    CASED,
    DIGIT,
    NONSPACING,
    STARTER,
    Int32s,
    encode,
    file,
)
from corpusmill.kernels.unicode import POINTS, SPACE, decode, tables
from corpusmill.kernels.words import HIGH, ONES, load

_CLASSED = 64  # kept by `simplify`, with a canonical combining class
_DROPPED = -1
_SIGMA, _FINAL_SIGMA = 0x3A3, 0x3C2
# What datatrove 0.10 takes for punctuation, beside all of ASCII that is no letter or digit and U+0080 to U+009F.
_PUNCTUATION = (
    "\xab\xb4\xbb\u2013\u2014\u2019\u201c\u201d\u201e\u2026\u2236\u2501\u25ba\u3001\u3002\u3008\u3009\u300a\u300b\u300c"
    "\u300d\u3010\u3011\uff01\uff05\uff08\uff09\uff0c\uff0e\uff11\uff1a\uff1b\uff1f\uff5e"
)
_SEPARATORS = np.array([0x2E, 0x2C, 0x60C, 0x66B, 0x2396, 0x2397, 0x2398], np.int32)  # of decimals
_SPACES = ONES * np.uint64(0x20)
_ZERO = 0x30
# Hangul syllables: first, and first code points and counts of their leading, vowel and trailing parts.
_HANGUL, _LEADING, _VOWEL, _TRAILING = 0xAC00, 0x1100, 0x1161, 0x11A7
_VOWELS, _TRAILINGS, _SYLLABLES = 21, 28, 11172


class Simplified(NamedTuple):
    """What `simplify` does to a code point.

    Attributes:
        points: int32 (0x110000,), the code point it becomes; -1 to drop it; -2 - k for run k of `runs`.
        bits: uint8 (0x110000,), properties, of the code point before and (from NONSPACING on) of what it becomes.
        offsets: int32 (R+1,), where the runs begin in `runs`, int32: code points.
        classed, classes: int32 (C,), kept code points with a combining class, in order, and the class.
    """

    points: Int32s
    bits: Bytes
    offsets: Int32s
    runs: Int32s
    classed: Int32s
    classes: Int32s


@cache
def simplified() -> Simplified:
    """The tables of `simplify`; takes some ten milliseconds, once per process. Shared: do not write to them."""
    found = file()
    nonspacing = found.bits & NONSPACING != 0
    single = np.where(nonspacing, _DROPPED, np.arange(POINTS)).astype(np.int32)
    runs: list[list[int]] = []
    for point, parts in found.decomposed.items():
        kept = [part for part in parts if not nonspacing[part]]
        single[point] = kept[0] if len(kept) == 1 else -2 - len(runs) if kept else _DROPPED
        if len(kept) > 1:
            runs.append(kept)
    syllables = np.arange(_SYLLABLES)
    single[_HANGUL : _HANGUL + _SYLLABLES] = -2 - len(runs) - syllables
    vowels, trailing = _VOWEL + syllables // _TRAILINGS % _VOWELS, syllables % _TRAILINGS
    leading = _LEADING + syllables // (_VOWELS * _TRAILINGS)
    syllable_parts = np.stack([leading, vowels, _TRAILING + trailing], axis=1)
    runs += [row if last else row[:2] for row, last in zip(syllable_parts.tolist(), trailing.tolist(), strict=True)]
    points = single[found.lower]
    points[tables().kinds & SPACE != 0] = 0x20
    points[[*(p for p in range(0xA0) if not chr(p).isalnum()), *map(ord, _PUNCTUATION)]] = 0x20
    bits = found.bits.copy()
    bits[list(found.classes)] |= _CLASSED
    offsets = np.cumsum([0, *map(len, runs)], dtype=np.int32)
    classed = np.array(sorted(found.classes), np.int32)
    classes = np.array([found.classes[point] for point in sorted(found.classes)], np.int32)
    return Simplified(points, bits, offsets, np.array([p for run in runs for p in run], np.int32), classed, classes)


@kernel
def _after_number(data: Bytes, at: int, stop: int, bits: Bytes) -> Any:
    """Where the number at `at` ends: digits, and once a separator with digits after it."""
    for part in range(2):
        while at < stop:
            point, after = decode(data, at)
            if not bits[point] & DIGIT:
                break
            at = after
        if at >= stop or part:
            break
        point, after = decode(data, at)
        if after >= stop or not np.any(point == _SEPARATORS):
            break
        point, _ = decode(data, after)
        if not bits[point] & DIGIT:
            break
        at = after
    return at


@kernel
def _is_final(data: Bytes, start: int, at: int, stop: int, bits: Bytes) -> bool:
    """Whether the capital sigma at `at` ends a word, as `str.lower` has it."""
    place = at
    cased = False
    while place > start:
        place -= 1
        while data[place] & 0xC0 == 0x80:
            place -= 1
        point, _ = decode(data, place)
        if not bits[point] & CASE_IGNORABLE:
            cased = bits[point] & CASED != 0
            break
    if not cased:
        return False
    ahead: Any = at + 2
    while ahead < stop:
        point, ahead = decode(data, ahead)
        if not bits[point] & CASE_IGNORABLE:
            return not bits[point] & CASED
    return True


@kernel
def _class_of(point: int, classed: Int32s, classes: Int32s) -> int:
    """The canonical combining class of a code point that `simplify` keeps."""
    place = np.searchsorted(classed, point)
    return int(classes[place]) if place < len(classed) and classed[place] == point else 0


@kernel
def _put(point: int, out: Bytes, size: int, begin: int, table: Simplified) -> tuple[int, int]:
    """Write a code point after out[:size], and sort it into the run of combining marks that began at `begin`.

    Returns:
        The new size, and where the run begins now.
    """
    end = encode(point, out, size)
    if not table.bits[point] & _CLASSED:
        return end, end
    rank = _class_of(point, table.classed, table.classes)
    place = size
    while place > begin:
        before = place - 1
        while out[before] & 0xC0 == 0x80:
            before -= 1
        other, _ = decode(out, before)
        if _class_of(other, table.classed, table.classes) <= rank:
            break
        place = before
    length = end - size
    for at in range(size - 1, place - 1, -1):
        out[at + length] = out[at]
    encode(point, out, place)
    return end, begin


@kernel
def _simplify_one(
    data: Bytes, at: int, row: tuple[int, int], out: Bytes, size: int, begin: int, table: Simplified
) -> Any:
    """Simplify what begins at `at`: a number or a code point; returns the place after it, the size and the run."""
    start, stop = row
    point, after = decode(data, at)
    if table.bits[point] & DIGIT:
        after = _after_number(data, at, stop, table.bits)
        out[size] = _ZERO
        return after, size + 1, size + 1
    if point == _SIGMA and _is_final(data, start, at, stop, table.bits):
        size = encode(_FINAL_SIGMA, out, size)
        return after, size, size
    target = table.points[point]
    if target >= 0:
        size, begin = _put(target, out, size, begin, table)
    elif target == _DROPPED:
        if table.bits[point] & STARTER:
            begin = size
    else:
        for place in range(table.offsets[-2 - target], table.offsets[-1 - target]):
            size, begin = _put(table.runs[place], out, size, begin, table)
    return after, size, begin


@kernel
def simplify(offsets: Int64s, data: Bytes, table: Simplified) -> tuple[Int64s, Bytes]:
    """Normalise as datatrove does: lower case, numbers to 0, punctuation to spaces, NFD without nonspacing marks.

    A number is a run of decimal digits of any script with at most one decimal separator inside. White space becomes
    spaces and is not collapsed. Source: `datatrove.utils.text.simplify_text` of datatrove 0.10 with its defaults.

    Returns:
        Offsets (N+1,) and UTF-8 bytes.
    """
    rows = len(offsets) - 1
    placed = np.zeros(rows + 1, np.int64)
    out = np.empty(3 * (offsets[rows] - offsets[0]) + 8, np.uint8)  # Hangul grows threefold, nothing more
    size = 0
    for row in range(rows):
        start, stop = offsets[row], offsets[row + 1]
        at: Any = start
        begin = size
        while at < stop:
            room: Any = 0
            if at + 8 <= len(data):
                eight = load(data, at)
                low = eight & LOW_SEVEN
                letters = ascii_letters(low)
                room = min(trailing_bytes((ascii_digits(low) | eight) & HIGH), stop - at)
            if room > 0:
                mask = (letters >> np.uint64(7)) * np.uint64(0xFF)
                eight = (eight | _SPACES) & mask | _SPACES & ~mask
                for place in range(8):  # bytes after `room` are written over
                    out[size + place] = np.uint8(eight >> np.uint64(8 * place) & np.uint64(0xFF))
                at += room
                size += room
                begin = size
            else:
                at, size, begin = _simplify_one(data, at, (start, stop), out, size, begin, table)
        placed[row + 1] = size
    return placed, out[:size]
