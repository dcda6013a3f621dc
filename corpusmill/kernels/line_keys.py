r"""128-bit keys of lines and of runs of sentences, and which copy of each stays.

Lines are those between "\n". Positions are in the batch's text unless said otherwise.

Shapes: N documents, B bytes, L lines, S sentences, U units (lines or runs of sentences), M occurrences of keys.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import Flags, Int32s, space_at, strip_range
from corpusmill.kernels.sentences import sentence_break
from corpusmill.kernels.unicode import decode
from corpusmill.kernels.words import HIGH, UInt64s, load, mix

# Two odd starts without structure: the halves of a key are two hashes that go their own ways.
_START_HIGH = np.uint64(0x9AE16A3B2F90404F)
_START_LOW = np.uint64(0xC3A5C85C97CB3127)
_APART = np.uint64(0xB492B66FBE98F273)
_LENGTH = np.uint64(0x9E3779B97F4A7C15)

_CASED = 0x1E922  # no code point from here on has a lower case (Adlam's are the last)
_DOTTED_I = 0x130  # the one whose lower case is two code points: i and U+0307, in UTF-8 69 CC 87
_DOTTED_BYTES = np.uint64(0x87CC69)
_AT_A = np.uint64(0x0101010101010101 * (0x80 - ord("A")))
_PAST_Z = np.uint64(0x0101010101010101 * (0x80 - ord("Z") - 1))


@cache
def lower_case() -> Int32s:
    """The lower case of each code point below 0x1E922 as a table; made once per process in some milliseconds.

    The forms of sigma are one, whatever stands beside them: sigma is the lower case of all three. It is Python's
    `str.lower` but for that (Unicode 14 and 15, which do not differ here).
    """
    apart = {0x3A3: 0x3C3, 0x3C2: 0x3C3, _DOTTED_I: -1}
    points = [" " if point in apart else chr(point) for point in range(_CASED)]
    table = np.frombuffer("".join(points).lower().encode("utf-32-le", "surrogatepass"), np.int32).copy()
    table[list(apart)] = list(apart.values())
    table.setflags(write=False)
    return table


@kernel
def _lower_eight(eight: Any) -> Any:
    """Eight ASCII bytes with A to Z in lower case."""
    capital = (eight + _AT_A) & ~(eight + _PAST_Z) & HIGH
    return eight | capital >> np.uint64(2)


@kernel
def _encode(point: int) -> tuple[Any, Any]:
    """A code point outside ASCII in UTF-8, first byte lowest, and its length in bits."""
    value = np.uint64(point)
    last = np.uint64(0x80) | value & np.uint64(0x3F)
    third = np.uint64(0x80) | value >> np.uint64(6) & np.uint64(0x3F)
    if point < 0x800:
        return np.uint64(0xC0) | value >> np.uint64(6) | last << np.uint64(8), np.uint64(16)
    second = np.uint64(0x80) | value >> np.uint64(12) & np.uint64(0x3F)
    if point < 0x10000:
        lead = np.uint64(0xE0) | value >> np.uint64(12)
        return lead | third << np.uint64(8) | last << np.uint64(16), np.uint64(24)
    lead = np.uint64(0xF0) | value >> np.uint64(18)
    return lead | second << np.uint64(8) | third << np.uint64(16) | last << np.uint64(24), np.uint64(32)


@kernel
def _next(data: Bytes, at: int, lower: Int32s) -> tuple[Any, Any, int]:
    """The code point at `at` in lower case, as UTF-8 and its bits, and the place after it."""
    point, after = decode(data, at)
    small: Any = np.int64(lower[point]) if point < len(lower) else np.int64(point)
    if small == -1:
        return _DOTTED_BYTES, np.uint64(24), after
    if small < 0x80:
        return np.uint64(small), np.uint64(8), after
    found, bits = _encode(small)
    return found, bits, after


@kernel
def _absorb(high: Any, low: Any, word: Any) -> tuple[Any, Any]:
    return mix(high ^ word), mix(low + word * _APART)


@kernel
def key(data: Bytes, start: int, end: int, lower: Int32s) -> tuple[Any, Any]:
    """A 128-bit key of data[start:end] in lower case, eight bytes of the result at a time.

    Two different ranges share it with a chance of about 2**-128; it is no defence against made-up collisions.

    Args:
        data: (B,), UTF-8. lower: `lower_case()`, or an empty table to leave the text as it is.
    """
    high, low = _START_HIGH, _START_LOW
    held, bits = np.uint64(0), np.uint64(0)  # what was read and not yet absorbed, below 64 bits
    size = np.uint64(0)
    at = start
    fold = len(lower) > 0
    while at < end:
        if at + 8 <= end:
            eight = load(data, at)
            if not fold or not eight & HIGH:
                small = _lower_eight(eight) if fold else eight
                high, low = _absorb(high, low, held | small << bits)
                held = small >> np.uint64(1) >> (np.uint64(63) - bits)
                size += np.uint64(64)
                at += 8
                continue
        if fold:
            found, more, at = _next(data, at, lower)
        else:
            found, more = np.uint64(data[at]), np.uint64(8)
            at += 1
        held |= found << bits
        bits += more
        size += more
        if bits >= 64:
            high, low = _absorb(high, low, held)
            bits -= np.uint64(64)
            held = found >> (more - bits) if bits else np.uint64(0)
    high, low = _absorb(high, low, held)
    return mix(high + size * _LENGTH), mix(low ^ size * _LENGTH)


@kernel
def _count_words(data: Bytes, start: int, end: int, most: int) -> int:
    """The words between white space in data[start:end], at most `most`."""
    count, inside = 0, False
    at = start
    while at < end and count < most:
        length = space_at(data, at, end)
        if length:
            inside = False
            at += length
        else:
            count += not inside
            inside = True
            at += 1
    return count


class Units(NamedTuple):
    """The units of N documents and their keys.

    Attributes:
        offsets: int64 (N+1,), the units of document i are offsets[i] to offsets[i+1], by start.
        starts, ends: int64 (U,), bytes from the start of the document's text.
        high, low: uint64 (U,), the halves of the key.
    """

    offsets: Int64s
    starts: Int64s
    ends: Int64s
    high: UInt64s
    low: UInt64s


@kernel
def line_units(
    offsets: Int64s, data: Bytes, lines: Int64s, starts: Int32s, ends: Int32s, least: int, lower: Int32s
) -> Units:
    """The lines with at least `least` (1 or more) words, each with the key of the line without white space at its ends.

    Args:
        offsets: (N+1,). data: (B,). lines: (N+1,), starts, ends: (L,), from `lines.split`. lower: as in `key`.
    """
    found = np.zeros(len(offsets), np.int64)
    first, last = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    high, low = np.empty(len(starts), np.uint64), np.empty(len(starts), np.uint64)
    unit = 0
    for row in range(len(offsets) - 1):
        for line in range(lines[row], lines[row + 1]):
            start, end = strip_range(data, starts[line], ends[line])
            if start < end and (least <= 1 or _count_words(data, start, end, least) >= least):
                first[unit], last[unit] = starts[line] - offsets[row], ends[line] - offsets[row]
                high[unit], low[unit] = key(data, start, end, lower)
                unit += 1
        found[row + 1] = unit
    return Units(found, first[:unit].copy(), last[:unit].copy(), high[:unit].copy(), low[:unit].copy())


@kernel
def split_sentences(data: Bytes, starts: Int32s, ends: Int32s, abbreviations: UInt64s) -> tuple[Int64s, Int32s, Int32s]:
    """The sentences of each line by the rules of `kernels.sentences`, without white space at their ends.

    Args:
        data: (B,). starts, ends: (L,). abbreviations: from `sentences.pack`.

    Returns:
        Offsets (L+1,), and starts and ends (S,); a blank line has none.
    """
    room = len(starts)
    for i in range(len(data)):
        room += (data[i] == 0x2E) | (data[i] == 0x3F) | (data[i] == 0x21)
    found = np.zeros(len(starts) + 1, np.int64)
    first, last = np.empty(room, np.int32), np.empty(room, np.int32)
    count = 0
    for line in range(len(starts)):
        begin, end = strip_range(data, starts[line], ends[line])
        at = begin
        while at < end:
            if data[at] != 0x2E and data[at] != 0x3F and data[at] != 0x21:
                at += 1
                continue
            broken, at = sentence_break(data, begin, at, end, abbreviations)
            if broken:
                while not space_at(data, at, end):  # closing quotes and brackets
                    at += 1
                first[count], last[count] = begin, at
                count += 1
                begin = strip_range(data, at, end)[0]
                at = begin
        if begin < end:
            first[count], last[count] = begin, end
            count += 1
        found[line + 1] = count
    return found, first[:count].copy(), last[:count].copy()


@kernel
def window_units(
    offsets: Int64s, data: Bytes, owned: Int64s, starts: Int32s, ends: Int32s, span: int, least: int, lower: Int32s
) -> Units:
    """Each run of `span` sentences of a document with at least `least` words; white space between them is no matter.

    Args:
        offsets: (N+1,). data: (B,). owned: (N+1,), the sentences of each document. starts, ends: (S,).
        span, least: 1 or more. lower: as in `key`.
    """
    found = np.zeros(len(offsets), np.int64)
    first, last = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    high, low = np.empty(len(starts), np.uint64), np.empty(len(starts), np.uint64)
    keys = np.empty((len(starts), 2), np.uint64)
    words = np.ones(len(starts), np.int64)
    for k in range(len(starts)):
        keys[k, 0], keys[k, 1] = key(data, starts[k], ends[k], lower)
        if least > span:
            words[k] = _count_words(data, starts[k], ends[k], least)
    unit = 0
    for row in range(len(offsets) - 1):
        for k in range(owned[row], owned[row + 1] - span + 1):
            if words[k : k + span].sum() < least:
                continue
            first[unit], last[unit] = starts[k] - offsets[row], ends[k + span - 1] - offsets[row]
            up, down = keys[k, 0], keys[k, 1]
            for other in range(k + 1, k + span):
                up, down = mix(up * _LENGTH + keys[other, 0]), mix(down * _APART + keys[other, 1])
            high[unit], low[unit] = up, down
            unit += 1
        found[row + 1] = unit
    return Units(found, first[:unit].copy(), last[:unit].copy(), high[:unit].copy(), low[:unit].copy())


@kernel
def first_copies(high: UInt64s, low: UInt64s, tie: UInt64s, document: Int64s, unit: Int64s, spread: bool) -> Flags:
    """Of all occurrences of a key, flag the one with the smallest (tie, document, unit).

    Linear in time and memory (16 to 24 bytes an occurrence), however often one key occurs.

    Args:
        high, low, tie, document, unit: (M,), in any order; M is below 2**31. spread: mix the ties with the keys.
    """
    rank = tie.copy()
    if spread:
        for i in range(len(rank)):
            rank[i] = mix(mix(tie[i]) ^ high[i])
    slots = 2
    while slots < 2 * len(high):
        slots *= 2
    table = np.full(slots, -1, np.int32)
    for i in range(len(high)):
        slot = np.int64(
            mix(high[i] ^ low[i] * _APART) & np.uint64(slots - 1)
        )  # a partition's keys may share plain bits
        while True:
            best = table[slot]
            if best < 0:
                table[slot] = i
                break
            if high[best] == high[i] and low[best] == low[i]:
                if (rank[i], document[i], unit[i]) < (rank[best], document[best], unit[best]):
                    table[slot] = i
                break
            slot = (slot + 1) & (slots - 1)
    first = np.zeros(len(high), np.bool_)
    for best in table:
        if best >= 0:
            first[best] = True
    return first
