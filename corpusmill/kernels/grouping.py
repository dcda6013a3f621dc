"""Sort 128-bit keys of documents, and find the documents that share one.

Shapes: M pairs of key and document, R runs of documents that share a key, S documents in these runs.
    high, low  uint64 (M,)    the halves of a key; `high` is a hash, so equal halves mostly mean equal keys
    document   int64 (M,)     global row numbers
    offsets    int64 (R+1,)   run r is members[offsets[r]:offsets[r+1]]
    members    int64 (S,)
"""

from typing import Any

import numpy as np

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.words import UInt64s

_FEW = 48  # so many are sorted by insertion
_MOST_BITS = 11  # 2048 buckets: the ends of all of them stay in the first cache while pairs are dealt out
_SIGN = np.uint64(1 << 63)


@kernel
def _bits(value: Any) -> int:
    """How many bits a uint64 needs."""
    count = 0
    while value:
        value >>= np.uint64(1)
        count += 1
    return count


@kernel
def _insert(keys: UInt64s, places: Int64s, start: int, stop: int) -> None:
    """Sort keys[start:stop] and the places beside them; stable."""
    for i in range(start + 1, stop):
        key, place = keys[i], places[i]
        j = i - 1
        while j >= start and keys[j] > key:
            keys[j + 1] = keys[j]
            places[j + 1] = places[j]
            j -= 1
        keys[j + 1] = key
        places[j + 1] = place


@kernel
def _deal(
    keys: UInt64s,
    places: Int64s,
    start: int,
    stop: int,
    ends: Int64s,
    spare_keys: UInt64s,
    spare_places: Int64s,
) -> int:
    """Deal keys[start:stop] into buckets by the first bits in which they differ; stable.

    Returns:
        How many buckets there are; ends[b] is where bucket b ends. 0 where the section is in order already.
    """
    first = keys[start]
    differ = np.uint64(0)
    descents = 0
    for i in range(start, stop):
        differ |= keys[i] ^ first
        descents += keys[i] < keys[max(i - 1, start)]
    if descents == 0:
        return 0
    room = stop - start
    bits = min(max(_bits(np.uint64(room >> 3)), 6), _MOST_BITS, _bits(differ))
    shift = np.uint64(_bits(differ) - bits)
    mask = np.uint64((1 << bits) - 1)
    ends[: mask + np.uint64(1)] = 0
    for i in range(start, stop):
        ends[keys[i] >> shift & mask] += 1
    total = 0
    for bucket in range(np.int64(mask) + 1):
        total, ends[bucket] = total + ends[bucket], total
    for i in range(start, stop):
        bucket = keys[i] >> shift & mask
        spare_keys[ends[bucket]] = keys[i]
        spare_places[ends[bucket]] = places[i]
        ends[bucket] += 1
    keys[start:stop] = spare_keys[:room]
    places[start:stop] = spare_places[:room]
    return 1 << bits


@kernel
def _sort(keys: UInt64s, places: Int64s, start: int, stop: int, spare_keys: UInt64s, spare_places: Int64s) -> None:
    """Sort keys[start:stop] and the places beside them: radix sort, highest bits first; stable.

    Each deal takes at least six bits (or all that differ), so the worst input costs a constant number of passes.
    """
    ends = np.empty(1 << _MOST_BITS, np.int64)
    waiting = [(start, stop)]  # sections that are to be dealt out
    while len(waiting) > 0:
        begin, end = waiting.pop()
        buckets = _deal(keys, places, begin, end, ends, spare_keys, spare_places)
        at = begin
        for bucket in range(buckets):
            upto = begin + ends[bucket]
            if upto - at > _FEW:
                waiting.append((at, upto))
            elif upto - at > 1:
                _insert(keys, places, at, upto)
            at = upto


@kernel
def _break_ties(
    keys: UInt64s, places: Int64s, low: UInt64s, document: Int64s, start: int, stop: int, spare: UInt64s, room: Int64s
) -> None:
    """Sort places[start:stop], whose high halves are equal, by (low, document); `keys` is overwritten."""
    if stop - start <= _FEW:
        for i in range(start + 1, stop):
            place = places[i]
            j = i - 1
            while j >= start and (
                low[places[j]] > low[place] or (low[places[j]] == low[place] and document[places[j]] > document[place])
            ):
                places[j + 1] = places[j]
                j -= 1
            places[j + 1] = place
        return
    for i in range(start, stop):
        keys[i] = np.uint64(document[places[i]]) ^ _SIGN
    _sort(keys, places, start, stop, spare, room)
    for i in range(start, stop):
        keys[i] = low[places[i]]
    _sort(keys, places, start, stop, spare, room)


@kernel
def order(high: UInt64s, low: UInt64s, document: Int64s) -> Int64s:
    """Find the permutation that sorts pairs by (high, low, document); equal ones stay in the order given.

    Time is linear in M for any keys, and memory is at most 32 bytes a pair, the result included.

    Args:
        high, low: (M,). document: (M,).

    Returns:
        int64 (M,): pair `order[0]` comes first.
    """
    count = len(high)
    keys = high.copy()
    places = np.arange(count)
    spare_keys, spare_places = np.empty(count, np.uint64), np.empty(count, np.int64)
    if count > 1:
        _sort(keys, places, 0, count, spare_keys, spare_places)
    start = 0
    while start < count:
        stop = start + 1
        while stop < count and keys[stop] == keys[start]:
            stop += 1
        if stop - start > 1:
            _break_ties(keys, places, low, document, start, stop, spare_keys, spare_places)
        start = stop
    return places


@kernel
def runs(high: UInt64s, low: UInt64s) -> Int64s:
    """Find the runs of equal keys in sorted keys, runs of one too.

    Args:
        high, low: (M,), sorted.

    Returns:
        Offsets int64 (R+1,); [0] where there are no keys.
    """
    count = 0
    for i in range(len(high)):
        count += i == 0 or high[i] != high[i - 1] or low[i] != low[i - 1]
    offsets = np.empty(count + 1, np.int64)
    run = 0
    for i in range(len(high)):
        if i == 0 or high[i] != high[i - 1] or low[i] != low[i - 1]:
            offsets[run] = i
            run += 1
    offsets[run] = len(high)
    return offsets


@kernel
def shared(high: UInt64s, low: UInt64s, document: Int64s, sorting: Int64s) -> tuple[Int64s, Int64s]:
    """Find the keys that two or more different documents have.

    Args:
        high, low: (M,). document: (M,). sorting: (M,), as `order` gives it.

    Returns:
        Offsets (R+1,) and members (S,): the documents of each run, ascending, each once, R runs of two or more.
    """
    count = len(sorting)
    offsets = np.zeros(count // 2 + 1, np.int64)
    members = np.empty(count, np.int64)
    run = kept = 0
    start = 0
    while start < count:
        first = sorting[start]
        members[kept] = document[first]
        size = 1
        stop = start + 1
        while stop < count and high[sorting[stop]] == high[first] and low[sorting[stop]] == low[first]:
            if document[sorting[stop]] != members[kept + size - 1]:
                members[kept + size] = document[sorting[stop]]
                size += 1
            stop += 1
        if size > 1:
            kept += size
            run += 1
            offsets[run] = kept
        start = stop
    return offsets[: run + 1].copy(), members[:kept].copy()


def groups(high: UInt64s, low: UInt64s, document: Int64s) -> tuple[Int64s, Int64s]:
    """Group the documents that share a key; keys of one document alone are left out.

    Args:
        high, low: (M,). document: (M,), in any order; a document may come twice with one key.

    Returns:
        Offsets (R+1,) and members (S,): runs ascending by key, documents ascending in each, each once.
    """
    return shared(high, low, document, order(high, low, document))
