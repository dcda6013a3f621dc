"""Shingles: every n consecutive words or characters of a document as one 64-bit hash.

The hash of a word is `words._hash` of its bytes. The hash of a shingle is the polynomial of its parts' hashes, first
part highest, mixed; it depends on nothing else. `dedup.shingles.shingle_hash` says the same in plain Python.

Shapes: N documents, B bytes, W words or characters, S shingles.
    offsets  int64 (N+1,)  data uint8 (B,)   as in `buffers`
    hashes   uint64 (W,) or (S,)
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.eights import (
    BELOW,
    LOW_SEVEN,
    ascii_digits,
    ascii_equal,
    ascii_letters,
    peek,
    trailing_bytes,
)
from corpusmill.kernels.normalise import Int32s, encode
from corpusmill.kernels.unicode import decode
from corpusmill.kernels.words import HIGH, UInt64s, _finish, load, mix

BASE = np.uint64(0xD1342543DE82EF95)  # of the polynomial: odd, and 5 modulo 8, so that its powers repeat last
CHARACTER = np.uint64(0x9E3779B97F4A7C15)  # added to a code point before it is mixed


INSERTED = 48  # keys that are sorted by insertion
DEALT_BITS = 16  # most first bits by which keys are dealt out


@kernel
def _hash_scratch(scratch: Bytes, size: int) -> Any:
    """`words._hash` of scratch[:size], which has eight bytes of room behind."""
    value = np.uint64(0)
    at = 0
    while at + 8 <= size:
        value = mix(value ^ load(scratch, at))
        at += 8
    return _finish(value, load(scratch, at) & BELOW[size - at], size)


@kernel
def _map_word(data: Bytes, at: int, stop: int, points: Int32s, scratch: Bytes) -> tuple[int, int]:
    """Write the mapped word at `at` into `scratch`; returns where it ends and its mapped size."""
    size = 0
    place: Any = at
    while place < stop:
        point, after = decode(data, place)
        if points[point] == 0:
            break
        size = encode(points[point], scratch, size)
        place = after
    return place, size


@kernel
def word_hashes(offsets: Int64s, data: Bytes, points: Int32s, small: Any, extra: Any) -> tuple[Int64s, UInt64s]:
    """Hash each word of each document: runs of code points that `points` maps, mapped.

    ASCII is read eight bytes at a time: its words consist of letters, digits and one character more.

    Args:
        offsets: (N+1,). data: (B,). points: (0x110000,), agrees with the next two on ASCII.
        small: uint64, the bits 0x20 where ASCII letters become small, or 0.
        extra: uint64, eight times the further ASCII character that belongs to words (a letter, if there is none).

    Returns:
        Offsets (N+1,) and hashes (W,).
    """
    rows = len(offsets) - 1
    longest = 0
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    scratch = np.empty(2 * longest + 16, np.uint8)
    words = np.zeros(rows + 1, np.int64)
    hashes = np.empty((offsets[rows] - offsets[0] + rows + 1) // 2, np.uint64)
    count = 0
    for row in range(rows):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            begin, size = at, 8
            value = folded = eight = inside = np.uint64(0)
            while at < stop:
                eight = peek(data, at, stop)
                low = eight & LOW_SEVEN
                letters = ascii_letters(low)
                inside = (letters | ascii_digits(low) | ascii_equal(low, extra)) & ~eight
                size = trailing_bytes(~inside & HIGH)
                folded = eight | letters >> np.uint64(2) & small
                if size < 8:
                    break
                value = mix(value ^ folded)
                at += 8
            if size == 8:  # the document ends with the word's last full eight
                hashes[count] = _finish(value, np.uint64(0), at - begin)
                count += 1
            elif eight >> np.uint64(8 * size) & np.uint64(0x80):
                at, size = _map_word(data, begin, stop, points, scratch)
                if size:
                    hashes[count] = _hash_scratch(scratch, size)
                    count += 1
                else:
                    _, at = decode(data, at)
            else:
                hashes[count] = _finish(value, folded & BELOW[size], at - begin + size)
                count += at - begin + size > 0
                # On to the next word, or to what is not ASCII, as far as these eight bytes show it.
                at += trailing_bytes((inside | eight & HIGH) & ~BELOW[size])
        words[row + 1] = count
    return words, hashes[:count]


@kernel
def character_hashes(offsets: Int64s, data: Bytes) -> tuple[Int64s, UInt64s]:
    """Hash each code point of each document.

    Returns:
        Offsets (N+1,) and hashes (W,).
    """
    rows = len(offsets) - 1
    characters = np.zeros(rows + 1, np.int64)
    hashes = np.empty(offsets[rows] - offsets[0], np.uint64)
    count = 0
    for row in range(rows):
        at: Any = offsets[row]
        while at < offsets[row + 1]:
            point, at = decode(data, at)
            hashes[count] = mix(np.uint64(point) + CHARACTER)
            count += 1
        characters[row + 1] = count
    return characters, hashes[:count]


@kernel
def combine(offsets: Int64s, hashes: UInt64s, size: int) -> tuple[Int64s, UInt64s]:
    """Hash every `size` consecutive parts of each document; a document with fewer has none.

    Args:
        offsets: (N+1,), the parts of each document. hashes: (W,), of the parts. size: at least 1.

    Returns:
        Offsets (N+1,) and hashes (S,), in order of the text.
    """
    rows = len(offsets) - 1
    placed = np.zeros(rows + 1, np.int64)
    for row in range(rows):
        placed[row + 1] = placed[row] + max(offsets[row + 1] - offsets[row] - size + 1, 0)
    leaving = np.uint64(1)
    for _ in range(size - 1):
        leaving *= BASE
    out = np.empty(placed[rows], np.uint64)
    for row in range(rows):
        first = offsets[row]
        if offsets[row + 1] - first < size:
            continue
        value = np.uint64(0)
        for part in range(first, first + size - 1):
            value = value * BASE + hashes[part]
        for shingle in range(placed[row], placed[row + 1]):
            part = first + shingle - placed[row]
            value = value * BASE + hashes[part + size - 1]
            out[shingle] = mix(value)
            value -= hashes[part] * leaving
    return placed, out


@kernel
def _sort_bucket(keys: npt.NDArray[np.uint32], start: int, stop: int) -> None:
    """Sort a few keys by insertion, many by a real sort."""
    if stop - start > INSERTED:
        keys[start:stop].sort()
        return
    for i in range(start + 1, stop):
        key, j = keys[i], i - 1
        while j >= start and keys[j] > key:
            keys[j + 1] = keys[j]
            j -= 1
        keys[j + 1] = key


@kernel
def sorted_sets(offsets: Int64s, hashes: UInt64s) -> tuple[Int64s, npt.NDArray[np.uint32]]:
    """The different high 32 bits of each document's hashes, in order.

    The high bits, since signatures of 32 bits are made of the low ones: two shingles that are one to a signature are
    then still two here. Hashes are spread evenly, so dealing them out by their first bits nearly sorts them.

    Args:
        offsets: (N+1,). hashes: (S,).

    Returns:
        Offsets (N+1,) and uint32 hashes.
    """
    rows = len(offsets) - 1
    longest = 0
    for row in range(rows):
        longest = max(longest, offsets[row + 1] - offsets[row])
    keys = np.empty(longest, np.uint32)
    ends = np.empty(1 << DEALT_BITS, np.int64)
    placed = np.zeros(rows + 1, np.int64)
    out = np.empty(len(hashes), np.uint32)
    count = 0
    for row in range(rows):
        first, last = offsets[row], offsets[row + 1]
        bits = 1
        while 1 << bits < last - first and bits < DEALT_BITS:
            bits += 1
        shift = np.uint64(64 - bits)
        ends[: 1 << bits] = 0
        for i in range(first, last):
            ends[hashes[i] >> shift] += 1
        total = 0
        for bucket in range(1 << bits):
            total, ends[bucket] = total + ends[bucket], total
        for i in range(first, last):
            bucket = hashes[i] >> shift
            keys[ends[bucket]] = np.uint32(hashes[i] >> np.uint64(32))
            ends[bucket] += 1
        start, begin = 0, count
        for bucket in range(1 << bits):
            if ends[bucket] - start > 1:
                _sort_bucket(keys, start, ends[bucket])
            for i in range(start, ends[bucket]):
                if count == begin or keys[i] != out[count - 1]:
                    out[count] = keys[i]
                    count += 1
            start = ends[bucket]
        placed[row + 1] = count
    return placed, out[:count].copy()
