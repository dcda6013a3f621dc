"""Word tables: where words begin and end in UTF-8, and what is counted of each.

Shapes: N documents, B bytes, W words.
    offsets  int64 (N+1,)   words of document i are [offsets[i], offsets[i+1])
    starts   int32 (W,)     bytes from the start of `data` (a batch holds less than 2 GB)
    ends     int32 (W,)
    hashes   uint64 (W,)    of the word's bytes
    chars    int32 (W,)     code points
    kinds    uint8 (W,)     bits of `unicode.kinds` of all its code points, or-ed
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import space_at
from corpusmill.kernels.unicode import LETTER, NUMBER, decode

Int32s = npt.NDArray[np.int32]
UInt64s = npt.NDArray[np.uint64]

# Eight bytes of text are read as one number, first byte lowest; these have one value in each byte.
ONES = np.uint64(0x0101010101010101)
HIGH = np.uint64(0x8080808080808080)
_ABOVE_SPACE = ONES * np.uint64(0x21)
_LOWER_CASE = ONES * np.uint64(0x20)
_FROM_A = ONES * np.uint64(0x80 - ord("a"))
_BEYOND_Z = ONES * np.uint64(0x80 - ord("z") - 1)
_FROM_0 = ONES * np.uint64(0x80 - ord("0"))
_BEYOND_9 = ONES * np.uint64(0x80 - ord("9") - 1)
_BELOW = np.array([(1 << 8 * size) - 1 for size in range(8)], np.uint64)  # masks of the first bytes
# Odd constants of no structure: one to tell lengths apart, and the two of the finalizer.
_LENGTH = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@kernel
def mix(value: Any) -> Any:
    """Spread every bit of a uint64 over all others."""
    value ^= value >> np.uint64(30)
    value *= _MIX_1
    value ^= value >> np.uint64(27)
    value *= _MIX_2
    return value ^ (value >> np.uint64(31))


@kernel
def load(data: Bytes, at: int) -> Any:
    """Read data[at:at+8] as a uint64, first byte lowest.

    Compiles to one instruction: with an unsigned index numba leaves out its look for negative ones.
    """
    i = np.uint64(at)
    return (
        np.uint64(data[i])
        | np.uint64(data[i + np.uint64(1)]) << np.uint64(8)
        | np.uint64(data[i + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[i + np.uint64(3)]) << np.uint64(24)
        | np.uint64(data[i + np.uint64(4)]) << np.uint64(32)
        | np.uint64(data[i + np.uint64(5)]) << np.uint64(40)
        | np.uint64(data[i + np.uint64(6)]) << np.uint64(48)
        | np.uint64(data[i + np.uint64(7)]) << np.uint64(56)
    )


@kernel
def _finish(value: Any, tail: Any, size: int) -> Any:
    """End a word's hash: what its full eights gave, its last bytes filled up with zeros, and its size."""
    return mix((value ^ tail) + np.uint64(size) * _LENGTH)


@kernel
def _hash(data: Bytes, start: int, stop: int) -> Any:
    """Hash data[start:stop] eight bytes at a time."""
    value = tail = np.uint64(0)
    at = start
    while at + 8 <= stop:
        value = mix(value ^ load(data, at))
        at += 8
    for place in range(stop - 1, at - 1, -1):
        tail = tail << np.uint64(8) | np.uint64(data[place])
    return _finish(value, tail, stop - start)


@kernel
def hash_texts(offsets: Int64s, data: Bytes) -> UInt64s:
    """Hash N whole texts; offsets (N+1,), data (B,), gives (N,)."""
    out = np.empty(len(offsets) - 1, np.uint64)
    for row in range(len(out)):
        out[row] = _hash(data, offsets[row], offsets[row + 1])
    return out


@kernel
def _describe(data: Bytes, start: int, stop: int, kinds: Bytes) -> tuple[Any, int, Any]:
    """Hash, code points and kinds of one word."""
    chars = 0
    kind = np.uint8(0)
    for at in range(start, stop):
        byte = data[at]
        if byte < 0x80:
            kind |= kinds[byte]
        elif byte >= 0xC0:
            point, _ = decode(data, at)
            kind |= kinds[point]
        chars += (byte & 0xC0) != 0x80
    return _hash(data, start, stop), chars, kind


@kernel
def describe(data: Bytes, starts: Int32s, ends: Int32s, kinds: Bytes) -> tuple[UInt64s, Int32s, Bytes]:
    """Hash each word, count its code points, and gather the kinds of its code points.

    Two different words of one document share a hash with probability about (words squared) / 2**65.

    Args:
        data: (B,). starts, ends: (W,). kinds: table of code points.

    Returns:
        Hashes (W,), chars (W,), kinds (W,).
    """
    count = len(starts)
    hashes = np.empty(count, np.uint64)
    chars = np.empty(count, np.int32)
    found = np.empty(count, np.uint8)
    for word in range(count):
        hashes[word], chars[word], found[word] = _describe(data, starts[word], ends[word], kinds)
    return hashes, chars, found


@kernel
def _first_stop(eight: Any, room: int) -> Any:
    """Bytes before the first space of `eight` or its end at `room`, 8 if there is none; -1 for a slow look."""
    if eight & HIGH:
        return -1
    stops = (eight - _ABOVE_SPACE) & HIGH  # the lowest bit is exact; those above it may be wrong
    if room < 8:
        stops |= np.uint64(0x80) << np.uint64(8 * room)
    if stops == 0:
        return 8
    lowest = stops & (~stops + np.uint64(1))
    size = (((lowest - np.uint64(1)) & ONES) * ONES >> np.uint64(56)) - np.uint64(1)
    byte = eight >> (size << np.uint64(3)) & np.uint64(0xFF)
    if byte != 0x20 and np.int64(size) < room and not ((byte >= 0x09 and byte <= 0x0D) or byte >= 0x1C):
        return -1  # a control character, which is no white space
    return np.int64(size)


@kernel
def _ascii_kinds(eight: Any) -> int:
    """Bits of the kinds of eight ASCII bytes; zero bytes have none."""
    lower = eight | _LOWER_CASE
    letters = (lower + _FROM_A) & ~(lower + _BEYOND_Z) & HIGH
    digits = (eight + _FROM_0) & ~(eight + _BEYOND_9) & HIGH
    return (LETTER if letters else 0) | (NUMBER if digits else 0)


@kernel
def _word_end(data: Bytes, at: int, stop: int) -> int:
    """Where the word at `at` ends: at white space or at `stop`."""
    while at < stop:
        byte = data[at]
        if byte <= 0x20 or byte >= 0xC2:
            if space_at(data, at, stop):
                return at
        at += 1
    return stop


@kernel
def _most_words(offsets: Int64s, data: Bytes) -> int:
    """At least as many as there are words: places where a white space character may end, and document starts."""
    most = len(offsets)
    for at in range(len(data) - 1):
        byte, after = data[at], data[at + 1]
        most += ((byte <= 0x20) & (after > 0x20)) | (byte == 0xC2) | (byte == 0xE1) | (byte == 0xE2) | (byte == 0xE3)
        # A control character may be a word of its own.
        most += (after <= 0x20) & (after != 0x20) & (after != 0x0A)
    return most


@kernel
def split_whitespace(
    offsets: Int64s, data: Bytes, kinds: Bytes
) -> tuple[Int64s, Int32s, Int32s, UInt64s, Int32s, Bytes]:
    """Find and describe the words of `str.split()`: runs of anything but Unicode white space.

    Args:
        offsets: (N+1,). data: (B,). kinds: table of code points.

    Returns:
        Offsets (N+1,), starts, ends, hashes, chars, kinds (W,) as `describe` gives them.
    """
    rows = len(offsets) - 1
    capacity = _most_words(offsets, data)  # exact but for odd characters: fresh memory costs more than the count
    words = np.zeros(rows + 1, np.int64)
    starts = np.empty(capacity, np.int32)
    ends = np.empty(capacity, np.int32)
    hashes = np.empty(capacity, np.uint64)
    chars = np.empty(capacity, np.int32)
    found = np.empty(capacity, np.uint8)
    word = 0
    for row in range(rows):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            space = space_at(data, at, stop)
            if space:
                at += space
                continue
            begin, size, kind = at, -1, 0
            value = np.uint64(0)
            while at + 8 <= len(data):
                eight = load(data, at)
                size = _first_stop(eight, stop - at)
                if size < 8:
                    break
                value = mix(value ^ eight)
                kind |= _ascii_kinds(eight)
                at += 8
                size = -1
            starts[word] = begin
            if size >= 0:
                eight &= _BELOW[size]
                at += size
                hashes[word] = _finish(value, eight, at - begin)
                chars[word] = at - begin
                found[word] = kind | _ascii_kinds(eight)
            else:
                at = _word_end(data, at, stop)
                hashes[word], chars[word], found[word] = _describe(data, begin, at, kinds)
            ends[word] = at
            word += 1
        words[row + 1] = word
    return words, starts[:word], ends[:word], hashes[:word], chars[:word], found[:word]


@kernel
def consist_of(data: Bytes, starts: Int32s, ends: Int32s, points: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tell for each word whether all its code points are in a set.

    Args:
        data: (B,). starts, ends: (W,). points: (0x110000,), the set.

    Returns:
        bool (W,).
    """
    out = np.ones(len(starts), np.bool_)
    for word in range(len(starts)):
        at: Any = starts[word]
        while at < ends[word]:
            point, at = decode(data, at)
            if not points[point]:
                out[word] = False
                break
    return out


@kernel
def hold(data: Bytes, offsets: Int64s, starts: Int32s, ends: Int32s, points: npt.NDArray[np.bool_]) -> Int64s:
    """Count the words of each document that hold a code point of a set.

    Args:
        data: (B,). offsets: (N+1,). starts, ends: (W,). points: (0x110000,), the set.

    Returns:
        int64 (N,).
    """
    out = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(out)):
        for word in range(offsets[row], offsets[row + 1]):
            at: Any = starts[word]
            while at < ends[word]:
                point, at = decode(data, at)
                if points[point]:
                    out[row] += 1
                    break
    return out


@kernel
def begin_with(data: Bytes, starts: Int32s, kinds: Bytes, wanted: int) -> npt.NDArray[np.bool_]:
    """Tell for each word whether its first code point is of one of the `wanted` kinds (bits); bool (W,)."""
    out = np.empty(len(starts), np.bool_)
    for word in range(len(starts)):
        point, _ = decode(data, starts[word])
        out[word] = (kinds[point] & wanted) != 0
    return out
