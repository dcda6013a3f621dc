"""Lines over UTF-8: where they begin and end, what they hold, which of them repeat.

Shapes: N documents, B bytes, L lines, K ranges.
    offsets  int64 (N+1,)  data uint8 (B,)   as in `buffers`
    starts, ends  int32 (K,)   byte positions in `data`; a range is data[starts[k]:ends[k]]
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel

Int32s = npt.NDArray[np.int32]
Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

# Odd 64-bit constants with well mixed bits (the golden ratio's, and two of MurmurHash3's finaliser).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xFF51AFD7ED558CCD)
_MIX_2 = np.uint64(0xC4CEB9FE1A85EC53)


@kernel
def space_at(data: Bytes, i: int, end: int) -> int:
    """The length in bytes of the whitespace character that begins at `i`, or 0 (`str.isspace`)."""
    byte = data[i]
    if byte <= 0x20:
        return 1 if byte == 0x20 or 0x09 <= byte <= 0x0D or 0x1C <= byte <= 0x1F else 0
    if byte < 0xC2:
        return 0
    if byte == 0xC2:  # U+0085, U+00A0
        return 2 if i + 1 < end and (data[i + 1] == 0x85 or data[i + 1] == 0xA0) else 0
    if byte < 0xE1 or byte > 0xE3 or i + 2 >= end:
        return 0
    second, third = data[i + 1], data[i + 2]
    if byte == 0xE1:  # U+1680
        return 3 if second == 0x9A and third == 0x80 else 0
    if byte == 0xE3:  # U+3000
        return 3 if second == 0x80 and third == 0x80 else 0
    if second == 0x81:  # U+205F
        return 3 if third == 0x9F else 0
    if second != 0x80:
        return 0
    # U+2000 to U+200A, U+2028, U+2029, U+202F
    return 3 if 0x80 <= third <= 0x8A or third == 0xA8 or third == 0xA9 or third == 0xAF else 0


@kernel
def space_before(data: Bytes, start: int, i: int) -> int:
    """The length in bytes of the whitespace character that ends just before `i`, or 0."""
    if i <= start:
        return 0
    if data[i - 1] < 0x80:
        return space_at(data, i - 1, i)
    if i - 2 >= start and data[i - 2] == 0xC2:
        return space_at(data, i - 2, i)
    if i - 3 >= start and 0xE1 <= data[i - 3] <= 0xE3:
        return space_at(data, i - 3, i)
    return 0


@kernel
def split(offsets: Int64s, data: Bytes) -> tuple[Int64s, Int32s, Int32s]:
    r"""Split every document on "\n" as `str.split` does; an empty document is one empty line.

    Returns:
        Offsets (N+1,) of each document's lines, and their starts and ends (L,), without the "\n".
    """
    count = len(offsets) - 1
    total = count
    for i in range(len(data)):
        total += data[i] == 0x0A
    lines = np.zeros(count + 1, np.int64)
    starts = np.empty(total, np.int32)
    ends = np.empty(total, np.int32)
    at = 0
    for row in range(count):
        starts[at] = offsets[row]
        for i in range(offsets[row], offsets[row + 1]):
            if data[i] == 0x0A:
                ends[at] = i
                at += 1
                starts[at] = i + 1
        ends[at] = offsets[row + 1]
        at += 1
        lines[row + 1] = at
    return lines, starts, ends


@kernel
def break_at(data: Bytes, i: int, end: int) -> int:
    r"""The length in bytes of the line boundary that begins at `i`, or 0 (`str.splitlines`; "\r\n" is one)."""
    byte = data[i]
    if byte < 0x80:
        if byte == 0x0D:
            return 2 if i + 1 < end and data[i + 1] == 0x0A else 1
        return 1 if 0x0A <= byte <= 0x0C or 0x1C <= byte <= 0x1E else 0
    if byte == 0xC2:  # U+0085
        return 2 if i + 1 < end and data[i + 1] == 0x85 else 0
    if byte == 0xE2 and i + 2 < end and data[i + 1] == 0x80:  # U+2028, U+2029
        return 3 if data[i + 2] == 0xA8 or data[i + 2] == 0xA9 else 0
    return 0


@kernel
def splitlines(offsets: Int64s, data: Bytes) -> tuple[Int64s, Int32s, Int32s]:
    """Split every document as `str.splitlines` does; an empty document has no line.

    Returns:
        Offsets (N+1,) of each document's lines, and their starts and ends (L,), without their boundaries.
    """
    count = len(offsets) - 1
    total = count
    for i in range(len(data)):
        byte = data[i]
        total += (byte >= 0x0A) & (byte <= 0x1E) | (byte == 0xC2) | (byte == 0xE2)
    lines = np.zeros(count + 1, np.int64)
    starts = np.empty(total, np.int32)
    ends = np.empty(total, np.int32)
    at = 0
    for row in range(count):
        i, end = offsets[row], offsets[row + 1]
        start = i
        while i < end:
            byte = data[i]
            if byte > 0x1E and byte != 0xC2 and byte != 0xE2:
                i += 1
                continue
            length = break_at(data, i, end)
            if length:
                starts[at] = start
                ends[at] = i
                at += 1
                i += length
                start = i
            else:
                i += 1
        if start < end:
            starts[at] = start
            ends[at] = end
            at += 1
        lines[row + 1] = at
    return lines, starts[:at].copy(), ends[:at].copy()


@kernel
def strip_range(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """The range without white space at its ends, as `str.strip` has it."""
    while start < end:
        length = space_at(data, start, end)
        if not length:
            break
        start += length
    while end > start:
        length = space_before(data, start, end)
        if not length:
            break
        end -= length
    return start, end


@kernel
def strip(data: Bytes, starts: Int32s, ends: Int32s) -> tuple[Int32s, Int32s]:
    """The ranges without the whitespace at both ends (`str.strip`); an all-white range ends empty, at its end."""
    inner_starts = np.empty_like(starts)
    inner_ends = np.empty_like(ends)
    for k in range(len(starts)):
        start, end = strip_range(data, starts[k], ends[k])
        inner_starts[k] = start
        inner_ends[k] = end
    return inner_starts, inner_ends


@kernel
def count_characters(data: Bytes, starts: Int32s, ends: Int32s) -> Int32s:
    """The number of code points in each range, shape (K,)."""
    characters = np.empty_like(starts)
    for k in range(len(starts)):
        count = 0
        for i in range(starts[k], ends[k]):
            count += (data[i] & 0xC0) != 0x80
        characters[k] = count
    return characters


@kernel
def hash_range(data: Bytes, start: int, end: int) -> np.uint64:
    """A 64-bit hash of data[start:end]; two different ranges collide with a chance of about 2**-64."""
    value = np.uint64(end - start) * _GOLDEN
    i = start
    while i + 8 <= end:  # the eight loads below compile to one
        word = (
            np.uint64(data[i])
            | np.uint64(data[i + 1]) << np.uint64(8)
            | np.uint64(data[i + 2]) << np.uint64(16)
            | np.uint64(data[i + 3]) << np.uint64(24)
            | np.uint64(data[i + 4]) << np.uint64(32)
            | np.uint64(data[i + 5]) << np.uint64(40)
            | np.uint64(data[i + 6]) << np.uint64(48)
            | np.uint64(data[i + 7]) << np.uint64(56)
        )
        value = (value ^ word) * _MIX_1
        value ^= value >> np.uint64(32)
        i += 8
    word = np.uint64(0)
    while i < end:
        word = word << np.uint64(8) | np.uint64(data[i])
        i += 1
    value = (value ^ word) * _MIX_1
    value ^= value >> np.uint64(33)
    value *= _MIX_2
    return value ^ (value >> np.uint64(29))


@kernel
def hash_ranges(data: Bytes, starts: Int32s, ends: Int32s) -> Hashes:
    """`hash_range` of each range, shape (K,)."""
    hashes = np.empty(len(starts), np.uint64)
    for k in range(len(starts)):
        hashes[k] = hash_range(data, starts[k], ends[k])
    return hashes


@kernel
def repeats(offsets: Int64s, hashes: Hashes) -> Flags:
    """Which elements are equal to an earlier element of the same document, by their hashes.

    Args:
        offsets: (N+1,), the elements of each document. hashes: (K,).

    Returns:
        Flags (K,), False for every first copy.
    """
    widest = 1
    for row in range(len(offsets) - 1):
        widest = max(widest, offsets[row + 1] - offsets[row])
    slots = 2
    while slots < 2 * widest:
        slots *= 2
    # Open addressing; a slot belongs to the document whose number + 1 it holds, so nothing is ever cleared.
    owners = np.zeros(slots, np.int32)
    keys = np.empty(slots, np.uint64)
    again = np.zeros(len(hashes), np.bool_)
    for row in range(len(offsets) - 1):
        mask = 2
        while mask < 2 * (offsets[row + 1] - offsets[row]):
            mask *= 2
        mask -= 1  # small documents stay in the front of the table, which stays in the cache
        for k in range(offsets[row], offsets[row + 1]):
            slot = np.int64(hashes[k] & np.uint64(mask))
            while owners[slot] == row + 1 and keys[slot] != hashes[k]:
                slot = (slot + 1) & mask
            again[k] = owners[slot] == row + 1
            owners[slot] = row + 1
            keys[slot] = hashes[k]
    return again


class Lines(NamedTuple):
    r"""The lines of N documents, split on "\n"; starts and ends are positions in the batch's text.

    Attributes:
        offsets: int64 (N+1,), the lines of document i are offsets[i] to offsets[i+1].
        starts, ends: int32 (L,), without the "\n".
        inner_starts, inner_ends: int32 (L,), without whitespace at both ends; equal for a blank line.
        characters: int32 (L,), code points from start to end.
        hashes: uint64 (L,), of the bytes from start to end.
        repeated: bool (L,), whether an earlier line of the document is the same (by its hash).
    """

    offsets: Int64s
    starts: Int32s
    ends: Int32s
    inner_starts: Int32s
    inner_ends: Int32s
    characters: Int32s
    hashes: Hashes
    repeated: Flags


def lines(offsets: Int64s, data: Bytes) -> Lines:
    """The whole line table of documents: offsets (N+1,), data (B,)."""
    per_document, starts, ends = split(offsets, data)
    inner_starts, inner_ends = strip(data, starts, ends)
    hashes = hash_ranges(data, starts, ends)
    return Lines(
        per_document,
        starts,
        ends,
        inner_starts,
        inner_ends,
        count_characters(data, starts, ends),
        hashes,
        repeats(per_document, hashes),
    )
