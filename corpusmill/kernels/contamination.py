"""Looking for the word n-grams of evaluation sets in documents.

Words are runs of code points that a table maps to something, compared by what they are mapped to; an n-gram is n of
them in sequence, whatever stands between.

Shapes: N documents, B bytes, E entries (n-grams of evaluation sets), G lengths of n-grams, H hits.
    offsets  int64 (N+1,)  data uint8 (B,)   as in `buffers`
    points   int32 (0x110000,)   what a code point becomes in a word; 0 where it separates words
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.unicode import decode
from corpusmill.kernels.words import mix

UInt64s = npt.NDArray[np.uint64]
Int32s = npt.NDArray[np.int32]

# Odd, so that multiplying loses nothing: FNV's prime, for the code points of a word; and the base of the polynomial
# of its words that an n-gram is, so that it rolls.
_POINT = np.uint64(0x100000001B3)
_WORD = np.uint64(0x9E3779B97F4A7C15)
_FILTER_BITS = 16  # per entry: of the n-grams that are not in the set, at most one in 16 gets past the filter


class NgramSet(NamedTuple):
    """The hashes of E n-grams, to be looked up.

    Attributes:
        lengths: int64 (G,), the different lengths in words, rising.
        keys: uint64 (S,), open addressing by the first bits of the key, with S a power of two above 2 E.
        entries: int32 (S,), the entry in each slot, -1 where it is empty.
        bits: uint64 (F,), a filter for each length, so that those of few entries stay in the cache: the bit is set
            that the first bits of a key name. filters: int64 (G+1,), where the filters begin in `bits`; each has a
            power of two of them.
    """

    lengths: Int64s
    keys: UInt64s
    entries: Int32s
    bits: UInt64s
    filters: Int64s


@kernel
def _shift(size: int) -> Any:
    """How far a key is shifted to name one of `size` places, a power of two from 2 on."""
    shift = 64
    while size > 1:
        size //= 2
        shift -= 1
    return np.uint64(shift)


@kernel
def _power(exponent: int) -> Any:
    value = np.uint64(1)
    for _ in range(exponent):
        value *= _WORD
    return value


@kernel
def _split(data: Bytes, first: int, stop: int, points: Int32s, hashes: UInt64s, starts: Int64s, ends: Int64s) -> int:
    """Write hash, start and end of each word of data[first:stop] into the last three; returns how many there are."""
    count = 0
    at: Any = first
    inside = False
    value = np.uint64(0)
    while at < stop:
        here = at
        point: Any = data[at]
        at += 1
        if point >= 0x80:
            point, at = decode(data, here)
        point = points[point]
        if point:
            if not inside:
                starts[count] = here
                value = np.uint64(0)
                inside = True
            value = (value ^ np.uint64(point)) * _POINT
        elif inside:
            hashes[count], ends[count] = mix(value), here
            count += 1
            inside = False
    if inside:
        hashes[count], ends[count] = mix(value), stop
        count += 1
    return count


@kernel
def _most_words(offsets: Int64s) -> int:
    """Words of the longest document, if all were one byte."""
    most = 0
    for row in range(len(offsets) - 1):
        most = max(most, (offsets[row + 1] - offsets[row] + 1) // 2)
    return most


@kernel
def ngrams(offsets: Int64s, data: Bytes, points: Int32s, longest: int, shortest: int) -> tuple[Int64s, Int64s, UInt64s]:
    """Hash the n-grams of each passage: of `longest` words, or the whole passage where it has fewer words.

    Args:
        offsets: (N+1,). data: (B,). points: table of code points.
        longest: words in an n-gram, at least 1. shortest: passages of fewer words have none; at least 1.

    Returns:
        Lengths (N,): words in each n-gram of the passage, 0 where it has none. Offsets (N+1,) and hashes of its
        n-grams, in the order of the text.
    """
    rows = len(offsets) - 1
    most = _most_words(offsets)
    words, starts, ends = np.empty(most, np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    lengths = np.zeros(rows, np.int64)
    out = np.zeros(rows + 1, np.int64)
    hashes = np.empty((len(data) + rows) // 2 + 1, np.uint64)
    count = 0
    for row in range(rows):
        size = _split(data, offsets[row], offsets[row + 1], points, words, starts, ends)
        length = min(size, longest)
        if length >= shortest:
            lengths[row] = length
            for begin in range(size - length + 1):
                value = np.uint64(0)
                for word in range(begin, begin + length):
                    value = value * _WORD + words[word]
                hashes[count] = value
                count += 1
        out[row + 1] = count
    return lengths, out, hashes[:count]


@kernel
def _fill(wanted: UInt64s, filter_of: Int64s, keys: UInt64s, entries: Int32s, bits: UInt64s, filters: Int64s) -> None:
    """Put each key into the first free slot from its own, and set its bit of its filter."""
    shift = _shift(len(keys))
    for entry in range(len(wanted)):
        slot = np.int64(wanted[entry] >> shift)
        while entries[slot] >= 0:
            slot = (slot + 1) & (len(keys) - 1)
        keys[slot] = wanted[entry]
        entries[slot] = entry
        begin, end = filters[filter_of[entry]], filters[filter_of[entry] + 1]
        bit = wanted[entry] >> _shift((end - begin) * 64)
        bits[begin + np.int64(bit >> np.uint64(6))] |= np.uint64(1) << (bit & np.uint64(63))


def _power_of_two(least: int) -> int:
    return 1 << max(least - 1, 0).bit_length()


def ngram_set(keys: UInt64s, lengths: Int64s) -> NgramSet:
    """A set of n-grams that `find` looks up; entry e is keys[e].

    Args:
        keys: (E,), different hashes as `ngrams` gives them; at most 2**28.
        lengths: (E,), the words in each.
    """
    used, filter_of, counts = np.unique(lengths, return_inverse=True, return_counts=True)
    sizes = [_power_of_two(-(-_FILTER_BITS * size // 64)) for size in counts.tolist()]
    filters = np.append(0, np.cumsum(sizes)).astype(np.int64)
    slots = _power_of_two(2 * len(keys) + 1) if len(keys) else 2
    found = NgramSet(
        used.astype(np.int64),
        np.zeros(slots, np.uint64),
        np.full(slots, -1, np.int32),
        np.zeros(filters[-1], np.uint64),
        filters,
    )
    _fill(keys, filter_of.astype(np.int64), *found[1:])
    return found


@kernel
def _look_up(key: Any, shift: Any, keys: UInt64s, entries: Int32s) -> Any:
    """The entry of a key, or -1."""
    slot = np.int64(key >> shift)
    while entries[slot] >= 0 and keys[slot] != key:
        slot = (slot + 1) & (len(keys) - 1)
    return entries[slot]


@kernel
def _longer(values: Int64s) -> Int64s:
    """The same values with room for as many again."""
    out = np.empty(2 * len(values), np.int64)
    out[: len(values)] = values
    return out


@kernel
def _find(offsets: Int64s, data: Bytes, points: Int32s, wanted: NgramSet) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    rows = len(offsets) - 1
    most = _most_words(offsets)
    words, starts, ends = np.empty(most, np.uint64), np.empty(most, np.int64), np.empty(most, np.int64)
    slot_shift = _shift(len(wanted.keys))
    out = np.zeros(rows + 1, np.int64)
    found, begins, stops = np.empty(64, np.int64), np.empty(64, np.int64), np.empty(64, np.int64)
    count = 0
    for row in range(rows):
        size = _split(data, offsets[row], offsets[row + 1], points, words, starts, ends)
        for number in range(len(wanted.lengths)):
            length = wanted.lengths[number]
            bits = wanted.bits[wanted.filters[number] : wanted.filters[number + 1]]
            shift = _shift(len(bits) * 64)
            leaving = _power(length - 1)
            value = np.uint64(0)
            for word in range(min(length - 1, size)):
                value = value * _WORD + words[word]
            for first in range(size - length + 1):
                value = value * _WORD + words[first + length - 1]
                key = value
                value -= words[first] * leaving
                bit = key >> shift
                if (bits[bit >> np.uint64(6)] >> (bit & np.uint64(63))) & np.uint64(1) == 0:
                    continue
                entry = _look_up(key, slot_shift, wanted.keys, wanted.entries)
                if entry < 0:
                    continue
                if count == len(found):
                    found, begins, stops = _longer(found), _longer(begins), _longer(stops)
                found[count], begins[count], stops[count] = entry, starts[first], ends[first + length - 1]
                count += 1
        out[row + 1] = count
    return out, found[:count], begins[:count], stops[:count]


def find(offsets: Int64s, data: Bytes, points: Int32s, wanted: NgramSet) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Find every n-gram of a set in N documents.

    An n-gram that is not in the set is taken for one that is with probability E / 2**64.

    Returns:
        Offsets (N+1,) of each document's hits, and for each hit its entry, its first byte and the byte after its
        last in `data`, (H,) each. The hits of a document are ordered by length in words, then place.
    """
    return _find(offsets, data, points, wanted)
