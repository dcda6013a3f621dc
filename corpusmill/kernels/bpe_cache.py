"""Documents to ids: each pre-token is looked up by its bytes in a cache, and merged only where it is new.

What the cache holds decides speed and nothing else: an entry is used only if its bytes are those of the pre-token.

Shapes: N documents, B bytes, T ids, S slots (a power of two).
    entries  uint64 (4 * S,)   open addressing; of each slot
                               0  the first 8 bytes, or the hash of more than 15
                               1  length << 56 | bytes 9 to 15, or 0xFF << 56 | length << 48 | place in `long_bytes`;
                                  0 where the slot is free
                               2  the two ids (second << 32 | first), or place in `more_ids`
                               3  the number of ids
    long_bytes  uint8 (L,)     pre-tokens of 16 to 255 bytes, end to end; longer ones are not stored
    more_ids    uint32 (M,)    ids of pre-tokens that have more than two, end to end
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels import pretokens
from corpusmill.kernels.bpe import ROOM, UInt32s, UInt64s, merge
from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.eights import BELOW, peek
from corpusmill.kernels.pretokens import Shape, piece_end
from corpusmill.kernels.words import load, mix

Flags = npt.NDArray[np.bool_]

LONGEST = 255  # bytes of a pre-token that is stored
_INLINE = 15
_BLOCK = 256  # pre-tokens cut at a time
_FIRST_SLOTS, _FIRST_BYTES, _FIRST_IDS = 1 << 16, 1 << 19, 1 << 18
_BYTES_EACH, _IDS_EACH = 16, 8  # room per entry, at most
_LONG = np.uint64(0xFF)
_LOW = np.uint64(0xFFFFFFFF)
_PLACE = np.uint64((1 << 48) - 1)
_K1, _K2 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
# Of the progress: the document, the place in it, ids so far; entries, long bytes and further ids in the cache.
_ROW, _AT, _SIZE, _USED, _BYTES, _IDS = range(6)


class Merges(NamedTuple):
    """What pre-tokens are merged by: `byte_ids` and `table` as in `kernels.bpe`."""

    byte_ids: Int64s
    table: UInt64s


class Store(NamedTuple):
    """The arrays of a cache, as above."""

    entries: UInt64s
    long_bytes: Bytes
    more_ids: UInt32s


@kernel
def _slot(low: Any, high: Any, mask: Any) -> Any:
    """Where the search for a key begins."""
    value = low * _K1 ^ (high + (low >> np.uint64(29))) * _K2
    value ^= value >> np.uint64(32)
    value *= _K1
    return (value >> np.uint64(32)) & mask


@kernel
def _key(data: Bytes, at: int, end: int) -> tuple[Any, Any]:
    """The first two numbers of the entry of data[at:end], at most LONGEST bytes, without a place in `long_bytes`."""
    size = end - at
    if size <= 8:
        low = load(data, at) & BELOW[size] if at + 8 <= len(data) else peek(data, at, end)
        return low, np.uint64(size) << np.uint64(56)
    if size <= _INLINE:
        return load(data, at), peek(data, at + 8, end) | np.uint64(size) << np.uint64(56)
    value = np.uint64(size)
    while at + 8 <= end:
        value = mix(value ^ load(data, at))
        at += 8
    if at < end:
        value = mix(value ^ peek(data, at, end))
    return value, _LONG << np.uint64(56) | np.uint64(size) << np.uint64(48)


@kernel
def _find(entries: UInt64s, long_bytes: Bytes, data: Bytes, at: int, end: int, low: Any, high: Any) -> Any:
    """The slot of data[at:end], whose key is given, or the free one where it belongs."""
    mask = np.uint64(len(entries) // 4 - 1)
    slot = _slot(low, high, mask)
    while True:
        first = slot << np.uint64(2)
        found = entries[first + np.uint64(1)]
        if found == 0:
            return first
        if entries[first] == low:
            if found == high and end - at <= _INLINE:
                return first
            if end - at > _INLINE and found & ~_PLACE == high:
                place = np.int64(found & _PLACE)
                same = True
                for i in range(end - at):
                    same &= long_bytes[place + i] == data[at + i]
                if same:
                    return first
        slot = (slot + np.uint64(1)) & mask


@kernel
def _insert(
    entries: UInt64s, long_bytes: Bytes, more_ids: UInt32s, progress: Int64s,
    first: Any, low: Any, high: Any, data: Bytes, at: int, end: int, ids: UInt32s, begin: int, stop: int,
) -> None:  # fmt: skip
    """Store the ids[begin:stop] of data[at:end] in a free slot; there is room."""
    if end - at > _INLINE:
        place = progress[_BYTES]
        for i in range(end - at):
            long_bytes[place + i] = data[at + i]
        progress[_BYTES] = place + end - at
        high |= np.uint64(place)
    count = stop - begin
    if count <= 2:
        value = np.uint64(ids[begin])
        if count == 2:
            value |= np.uint64(ids[begin + 1]) << np.uint64(32)
    else:
        value = np.uint64(progress[_IDS])
        for i in range(count):
            more_ids[progress[_IDS] + i] = ids[begin + i]
        progress[_IDS] += count
    entries[first] = low
    entries[first + np.uint64(1)] = high
    entries[first + np.uint64(2)] = value
    entries[first + np.uint64(3)] = np.uint64(count)
    progress[_USED] += 1


@kernel
def _cut(
    data: Bytes, at: int, stop: int, classes: Bytes, family: int, digits: int, last_spaces: bool,
    ends: Int64s, lows: UInt64s, highs: UInt64s,
) -> int:  # fmt: skip
    """Cut as many pre-tokens as there is room for; gives how many. A key of 0 is one that is not stored."""
    count = 0
    while at < stop and count < len(ends):
        end = piece_end(data, at, stop, classes, family, digits, last_spaces)
        ends[count] = end
        if end - at <= LONGEST:
            lows[count], highs[count] = _key(data, at, end)
        else:
            lows[count], highs[count] = np.uint64(0), np.uint64(0)
        count += 1
        at = end
    return count


@kernel
def _encode(
    offsets: Int64s, data: Bytes, skipped: Flags, classes: Bytes, family: int, digits: int, last_spaces: bool,
    byte_ids: Int64s, table: UInt64s, entries: UInt64s, long_bytes: Bytes, more_ids: UInt32s,
    may_grow: bool, progress: Int64s, out: UInt32s, placed: Int64s,
) -> bool:  # fmt: skip
    """Go on from `progress`; False where the cache has to grow first."""
    room = np.empty(ROOM, np.uint64)
    ends, lows, highs = np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.uint64)
    mask = np.uint64(len(entries) // 4 - 1)
    size = progress[_SIZE]
    at = progress[_AT]
    for row in range(progress[_ROW], len(offsets) - 1):
        stop = offsets[row + 1]
        if skipped[row]:
            at = stop
        while at < stop:
            # Cut first, look up then: the processor can wait for several entries at a time.
            count = _cut(data, at, stop, classes, family, digits, last_spaces, ends, lows, highs)
            for piece in range(count):
                end, low, high = ends[piece], lows[piece], highs[piece]
                first = _slot(low, high, mask) << np.uint64(2)
                if high == 0:
                    size = merge(data, at, end, byte_ids, table, out, size, room)
                    at = end
                    continue
                if entries[first] != low or entries[first + np.uint64(1)] != high:
                    first = _find(entries, long_bytes, data, at, end, low, high)
                if entries[first + np.uint64(1)]:
                    value = entries[first + np.uint64(2)]
                    ids = np.int64(entries[first + np.uint64(3)])
                    if ids <= 2:
                        out[np.uint64(size)] = value & _LOW
                        out[np.uint64(size + 1)] = value >> np.uint64(32)
                    else:
                        for i in range(ids):
                            out[size + i] = more_ids[np.int64(value) + i]
                    size += ids
                    at = end
                    continue
                fits = (
                    8 * progress[_USED] < len(entries)
                    and progress[_BYTES] + LONGEST <= len(long_bytes)
                    and progress[_IDS] + LONGEST <= len(more_ids)
                )
                if may_grow and not fits:
                    progress[_ROW], progress[_AT], progress[_SIZE] = row, at, size
                    return False
                begin = size
                size = merge(data, at, end, byte_ids, table, out, size, room)
                if fits:
                    _insert(entries, long_bytes, more_ids, progress, first, low, high, data, at, end, out, begin, size)
                at = end
        placed[row + 1] = size
    progress[_SIZE] = size
    return True


@kernel
def _copy_entries(entries: UInt64s, into: UInt64s) -> None:
    """Put all entries into a larger array."""
    mask = np.uint64(len(into) // 4 - 1)
    for old in range(0, len(entries), 4):
        low, high = entries[old], entries[old + 1]
        if high == 0:
            continue
        if high >> np.uint64(56) == _LONG:
            high &= ~_PLACE
        slot = _slot(low, high, mask)
        while into[slot << np.uint64(2) | np.uint64(1)]:
            slot = (slot + np.uint64(1)) & mask
        for i in range(4):
            into[(slot << np.uint64(2)) + np.uint64(i)] = entries[old + i]


@kernel
def _seed(
    offsets: Int64s, data: Bytes, ids: UInt32s, entries: UInt64s, long_bytes: Bytes, more_ids: UInt32s,
    progress: Int64s,
) -> None:  # fmt: skip
    """Store one id for each of the given pre-tokens; there is room."""
    for row in range(len(ids)):
        at, end = offsets[row], offsets[row + 1]
        low, high = _key(data, at, end)
        first = _find(entries, long_bytes, data, at, end, low, high)
        if entries[first + np.uint64(1)] == 0:
            _insert(entries, long_bytes, more_ids, progress, first, low, high, data, at, end, ids, row, row + 1)


@kernel
def hold(offsets: Int64s, data: Bytes, first: int, second: int) -> Flags:
    """Tell for each document whether byte `first` stands before byte `second` in it (-1: any, or none); bool (N,)."""
    out = np.zeros(len(offsets) - 1, np.bool_)
    for row in range(len(out)):
        found = 0
        if second < 0:
            for at in range(offsets[row], offsets[row + 1]):
                found |= data[at] == first
        else:
            for at in range(offsets[row], offsets[row + 1] - 1):
                found |= (data[at] == first) & (data[at + 1] == second)
        out[row] = found != 0
    return out


class Cache:
    """Pre-tokens and their ids, kept from batch to batch; grows up to `most` entries, then stays as it is.

    At most 112 bytes an entry: 64 of the slots, which are half free, the rest for what is long. Not for two threads.
    """

    def __init__(self, merges: Merges, shape: Shape, most: int) -> None:
        """Start empty; `most` is rounded up to a power of two, at least 32768."""
        self.merges = merges
        self.shape = shape
        self._slots = max(_FIRST_SLOTS, 1 << (2 * most - 1).bit_length())
        self._store = Store(
            np.zeros(4 * _FIRST_SLOTS, np.uint64), np.zeros(_FIRST_BYTES, np.uint8), np.zeros(_FIRST_IDS, np.uint32)
        )
        self._progress = np.zeros(6, np.int64)
        self._out = np.empty(0, np.uint32)
        self._progress[_BYTES] = 1  # place 0 stays free: no stored key of a long pre-token equals one without a place

    def __len__(self) -> int:
        """Entries so far."""
        return int(self._progress[_USED])

    def seed(self, offsets: Int64s, data: Bytes, ids: UInt32s) -> None:
        """Store pre-tokens that are one id whatever the merges say.

        Args:
            offsets: (P+1,). data: their bytes, at most LONGEST each, none empty. ids: (P,).
        """
        while not self._fits(len(self) + len(ids), int(self._progress[_BYTES]) + len(data)):
            self._slots = max(self._slots, len(self._store.entries) // 2)
            self._grow()
        _seed(offsets, data, ids, *self._store, self._progress)

    def _fits(self, entries: int, long_bytes: int) -> bool:
        return 8 * entries <= len(self._store.entries) and long_bytes + LONGEST <= len(self._store.long_bytes)

    def encode(self, offsets: Int64s, data: Bytes, skipped: Flags) -> tuple[Int64s, UInt32s]:
        """Encode documents.

        Args:
            offsets: (N+1,). data: (B,). skipped: (N,), documents that get no ids here.

        Returns:
            Offsets (N+1,) and ids (T,).
        """
        if len(self._out) < len(data) + 2:  # an id stands for a byte at least; kept, because fresh memory costs time
            self._out = np.empty(len(data) + 2, np.uint32)
        placed = np.zeros(len(offsets), np.int64)
        self._progress[:_USED] = 0
        classes = pretokens.classes()
        tables = (*self.shape, *self.merges)
        while True:
            may_grow = len(self._store.entries) < 4 * self._slots
            done = _encode(
                offsets, data, skipped, classes, *tables, *self._store, may_grow, self._progress, self._out, placed
            )
            if done:
                return placed, self._out[: placed[-1]].copy()
            self._grow()

    def _grow(self) -> None:
        """Four times the slots, as far as they go, and room for what is long in proportion."""
        entries = np.zeros(min(4 * len(self._store.entries), 4 * self._slots), np.uint64)
        _copy_entries(self._store.entries, entries)
        held = len(entries) // 8
        long_bytes = np.zeros(held * _BYTES_EACH, np.uint8)
        more_ids = np.zeros(held * _IDS_EACH, np.uint32)
        long_bytes[: self._progress[_BYTES]] = self._store.long_bytes[: self._progress[_BYTES]]
        more_ids[: self._progress[_IDS]] = self._store.more_ids[: self._progress[_IDS]]
        self._store = Store(entries, long_bytes, more_ids)
