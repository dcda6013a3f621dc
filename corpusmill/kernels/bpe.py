"""Byte pair encoding of one pre-token: the pair of least rank is merged, the leftmost first, until none is left.

Shapes: P pairs.
    table     uint64 (2 * 2**k,)   open addressing; the pair of ids (left << 32 | right), then (rank << 32 | merged id)
    byte_ids  int64 (256,)         the id of each byte
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel

UInt64s = npt.NDArray[np.uint64]
UInt32s = npt.NDArray[np.uint32]

NO_PAIR = np.uint64(0xFFFFFFFFFFFFFFFF)
SHORT = 96  # bytes up to which looking through all pairs is faster than a heap
ROOM = 5 * SHORT
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


@kernel
def _slot(pair: Any, mask: Any) -> Any:
    """Where the search for a pair begins."""
    value = pair * _GOLDEN
    return (value ^ (value >> _HALF)) & mask


@kernel
def make_table(left: UInt64s, right: UInt64s, ranks: UInt64s, merged: UInt64s) -> UInt64s:
    """The table of P pairs, all (P,); of a pair that is given twice the last holds."""
    slots = 16
    while slots < 2 * len(left):
        slots *= 2
    mask = np.uint64(slots - 1)
    table = np.empty(2 * slots, np.uint64)
    table[:] = NO_PAIR
    for row in range(len(left)):
        pair = left[row] << _HALF | right[row]
        slot = _slot(pair, mask)
        while table[np.uint64(2) * slot] != NO_PAIR and table[np.uint64(2) * slot] != pair:
            slot = (slot + np.uint64(1)) & mask
        table[np.uint64(2) * slot] = pair
        table[np.uint64(2) * slot + np.uint64(1)] = ranks[row] << _HALF | merged[row]
    return table


@kernel
def _look(table: UInt64s, left: Any, right: Any) -> Any:
    """Rank and merged id of a pair, or NO_PAIR."""
    mask = np.uint64(len(table) // 2 - 1)
    pair = left << _HALF | right
    slot = _slot(pair, mask)
    while True:
        found = table[np.uint64(2) * slot]
        if found == pair:
            return table[np.uint64(2) * slot + np.uint64(1)]
        if found == NO_PAIR:
            return NO_PAIR
        slot = (slot + np.uint64(1)) & mask


@kernel
def _merge_short(
    data: Bytes, at: int, stop: int, byte_ids: Int64s, table: UInt64s, out: UInt32s, size: int, room: UInt64s
) -> int:
    """Merge data[at:stop], at most SHORT bytes, into out[size:]; gives the new size."""
    count = stop - at
    ids, merged = room[:SHORT], room[SHORT : 2 * SHORT]
    ranks = room[2 * SHORT : 3 * SHORT]  # rank << 32 | place: the least is the leftmost pair of least rank
    after, before = room[3 * SHORT : 4 * SHORT], room[4 * SHORT :]
    for i in range(count):
        ids[i] = byte_ids[data[at + i]]
        after[i] = i + 1
        before[i] = i - 1
    for i in range(count - 1):
        _rank(table, ids, merged, ranks, i, i + 1)
    while True:
        best = NO_PAIR
        for i in range(count - 1):  # no branch, so that it is done eight places at a time
            best = min(best, ranks[i])
        if best == NO_PAIR:
            break
        place = np.int64(best & _LOW)
        gone = np.int64(after[place])
        right = np.int64(after[gone])
        ids[place] = merged[place]
        after[place] = right
        ranks[gone] = NO_PAIR
        ranks[place] = NO_PAIR
        if right < count:
            before[right] = place
            _rank(table, ids, merged, ranks, place, right)
        if place > 0:
            _rank(table, ids, merged, ranks, np.int64(before[place]), place)
    place = np.int64(0)
    while place < count:
        out[size] = ids[place]
        size += 1
        place = np.int64(after[place])
    return size


@kernel
def _rank(table: UInt64s, ids: UInt64s, merged: UInt64s, ranks: UInt64s, left: Any, right: Any) -> None:
    """Look up the pair at two places."""
    found = _look(table, ids[left], ids[right])
    merged[left] = found & _LOW
    ranks[left] = NO_PAIR if found == NO_PAIR else (found & ~_LOW) | np.uint64(left)


@kernel
def _push(heap: UInt64s, count: int, value: Any) -> int:
    """Put a value into a heap of `count`; gives the new count."""
    child = count
    while child and heap[(child - 1) // 2] > value:
        heap[child] = heap[(child - 1) // 2]
        child = (child - 1) // 2
    heap[child] = value
    return count + 1


@kernel
def _pop(heap: UInt64s, count: int) -> int:
    """Take the least value, heap[0], out of a heap of `count`; gives the new count."""
    count -= 1
    value = heap[count]
    place = 0
    while True:
        child = 2 * place + 1
        if child >= count:
            break
        if child + 1 < count and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = value
    return count


@kernel
def _merge_long(data: Bytes, at: int, stop: int, byte_ids: Int64s, table: UInt64s, out: UInt32s, size: int) -> int:
    """Merge data[at:stop], of any length, into out[size:]; gives the new size. Takes time of B log B."""
    count = stop - at
    ids = np.empty(count, np.uint64)
    pairs = np.empty(count, np.uint64)  # of a place and the next that is left
    after, before = np.arange(1, count + 1), np.arange(-1, count - 1)
    heap = np.empty(3 * count, np.uint64)  # rank << 32 | place; a value whose pair is gone is passed over
    waiting = 0
    for i in range(count):
        ids[i] = byte_ids[data[at + i]]
    pairs[count - 1] = NO_PAIR
    for i in range(count - 1):
        pairs[i] = _look(table, ids[i], ids[i + 1])
        if pairs[i] != NO_PAIR:
            waiting = _push(heap, waiting, (pairs[i] & ~_LOW) | np.uint64(i))
    while waiting:
        top = heap[0]
        waiting = _pop(heap, waiting)
        place: Any = np.int64(top & _LOW)
        if pairs[place] == NO_PAIR or (pairs[place] ^ top) >> _HALF:
            continue
        gone = after[place]
        ids[place] = pairs[place] & _LOW
        pairs[gone] = NO_PAIR
        after[place] = after[gone]
        if after[gone] < count:
            before[after[gone]] = place
        for left in (before[place], place):
            if left >= 0:
                right = after[left]
                pairs[left] = _look(table, ids[left], ids[right]) if right < count else NO_PAIR
                if pairs[left] != NO_PAIR:
                    waiting = _push(heap, waiting, (pairs[left] & ~_LOW) | np.uint64(left))
    place = np.int64(0)
    while place < count:
        out[size] = ids[place]
        size += 1
        place = after[place]
    return size


@kernel
def merge(
    data: Bytes, at: int, stop: int, byte_ids: Int64s, table: UInt64s, out: UInt32s, size: int, room: UInt64s
) -> int:
    """Merge the pre-token data[at:stop] into out[size:], which has room for its bytes.

    Args:
        data: (B,). byte_ids, table: as above. room: (ROOM,), written over.

    Returns:
        The new size.
    """
    if stop - at > SHORT:
        return _merge_long(data, at, stop, byte_ids, table, out, size)
    return _merge_short(data, at, stop, byte_ids, table, out, size, room)
