"""Gzip members: found from any byte offset, inflated piece by piece, each damage told with its place.

Archives hold one member per record, so a member's start is where a reader can enter. zlib's own gzip mode loses the
bytes it has when a check sum is wrong, so headers and trailers are read here.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAGIC = b"\x1f\x8b\x08"
FEED = 16 << 10  # compressed bytes given to zlib at once: what follows a member is copied, so keep it short
CHUNK = 1 << 20  # bytes read from the file at once
PIECE = 64 << 10  # inflated bytes given out at once
SHOWN = 1 << 10  # inflated bytes that do
CHECK_SUM = "wrong gzip check sum"
PROBE = 4 << 10  # compressed bytes that show whether a member holds a record

Looks = Callable[[bytes], bool]


class Window:
    """A file read forward in chunks, with the place of every byte known."""

    def __init__(self, file: BinaryIO, at: int) -> None:
        """Stand at byte `at`."""
        self._file = file
        self._data = b""
        self._from = at
        self.at = at
        file.seek(at)

    def peek(self, count: int) -> memoryview:
        """Up to `count` next bytes, left in place."""
        while self._from + len(self._data) - self.at < count:
            chunk = self._file.read(CHUNK)
            if not chunk:
                break
            self._data = self._data[self.at - self._from :] + chunk
            self._from = self.at
        begin = self.at - self._from
        return memoryview(self._data)[begin : begin + count]

    def move(self, at: int) -> None:
        """Stand at byte `at`; going back is for damaged places only."""
        if self._from <= at <= self._from + len(self._data):
            self.at = at
        else:
            self.__init__(self._file, at)  # type: ignore[misc]


@dataclass
class Damage:
    """A place that could not be inflated: from `offset` on, in compressed bytes."""

    offset: int
    what: str


class Member:
    """One gzip member on its way through zlib."""

    def __init__(self, window: Window) -> None:
        """Begin at the window's place; `damage` is set at once if no member begins there."""
        self.offset = window.at
        self.damage: Damage | None = None
        self.ended = False
        self._window = window
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._tail = b""
        self._crc = 0
        self._size = 0
        length = header_length(window.peek(PROBE))
        if length is None:
            self._fail("bytes that are no gzip member")
        else:
            window.at += length

    def read(self) -> bytes:
        """The next inflated piece, `b""` at the end or at a damage."""
        while not self.ended:
            feed = self._tail or self._window.peek(FEED)
            if not len(feed):
                self._fail("truncated gzip member")
                break
            try:
                data = self._inflate.decompress(feed, PIECE)
            except zlib.error:
                self._fail("corrupt gzip member")
                break
            self._advance(len(feed))
            self._crc = zlib.crc32(data, self._crc)
            self._size += len(data)
            if self._inflate.eof:
                self._finish()
            if data:
                return data
        return b""

    def _advance(self, fed: int) -> None:
        """Stand behind what zlib has used; what it holds back for lack of room is fed again."""
        if not self._tail:
            self._window.at += fed
        self._tail = self._inflate.unconsumed_tail

    def _finish(self) -> None:
        self.ended = True
        self._window.at -= len(self._inflate.unused_data)
        trailer = self._window.peek(8)
        if len(trailer) < 8:
            self.damage = Damage(self._window.at, "truncated gzip member")
        elif struct.unpack("<II", trailer) != (self._crc, self._size & 0xFFFFFFFF):
            self.damage = Damage(self._window.at, CHECK_SUM)
        self._window.at += len(trailer)

    def _fail(self, what: str) -> None:
        self.ended = True
        self.damage = Damage(max(self.offset, self._window.at - len(self._tail)), what)


def header_length(data: memoryview) -> int | None:
    """The length of the gzip header that `data` begins with (RFC 1952), or None."""
    if len(data) < 10 or data[:3] != MAGIC or data[3] & 0xE0:
        return None
    flags, at = data[3], 10
    if flags & 4:
        at += 2 + int.from_bytes(data[10:12], "little")
    for flag in 8, 16:
        if flags & flag:
            end = bytes(data).find(b"\0", at)
            if end < 0:
                return None
            at = end + 1
    at += 2 if flags & 2 else 0
    return at if at <= len(data) else None


def find_member(window: Window, looks: Looks) -> int | None:
    """The place of the first member from the window's place on that inflates to something that `looks` right."""
    while True:
        data = bytes(window.peek(CHUNK))
        begin = window.at
        if len(data) < 18:  # no member is shorter
            window.move(begin + len(data))
            return None
        hit = data.find(MAGIC)
        while hit >= 0:
            window.move(begin + hit)
            if looks(probe(window.peek(PROBE))):
                window.move(begin + hit)
                return begin + hit
            hit = data.find(MAGIC, hit + 1)
        window.move(begin + max(1, len(data) - len(MAGIC) + 1))


def probe(data: memoryview) -> bytes:
    """What the member that `data` begins with inflates to, as far as `data` shows; `b""` if it is none."""
    length = header_length(data)
    if length is None:
        return b""
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[length:], SHOWN)
    except zlib.error:
        return b""


class Run:
    """A member that begins with a record and the members after it that do not: a stream to cut records from.

    Attributes:
        offset: where it begins in the file.
        damages: what was found so far.
        last: where it ends in the file; the place of its first unreadable byte, or of the next run, after `finish`.
    """

    def __init__(self, window: Window, looks: Looks) -> None:
        """Begin at the window's place."""
        self.offset = self.last = window.at
        self.damages: list[Damage] = []
        self._window = window
        self._looks = looks
        self._member = Member(window)
        self._lost = self._ended = False
        self._note()

    def more(self) -> bytes:
        """The next inflated piece, `b""` at the end."""
        while not self._lost and not self._ended:
            data = self._member.read()
            self._note()
            if data:
                return data
            ahead = self._window.peek(PROBE)
            self._ended = self._lost or not len(ahead) or self._looks(probe(ahead))
            if self._ended:
                break
            self._member = Member(self._window)
            self._note()
        return b""

    def finish(self) -> int | None:
        """Read to the end; gives the place of the next run, or None if there is none."""
        while self.more():
            pass
        found: int | None = self._window.at
        if self._lost:
            self._window.move(self._member.offset + 1)
            found = find_member(self._window, self._looks)
        self.last = self._window.at if found is None else found
        return found

    def _note(self) -> None:
        """Take over a damage; unless the stream can be trusted to go on behind it, the run ends."""
        damage, self._member.damage = self._member.damage, None
        if damage is not None:
            self.damages.append(damage)
            self._lost = damage.what != CHECK_SUM or not self._goes_on()

    def _goes_on(self) -> bool:
        """True if a member follows the one with a wrong check sum, and that one has not swallowed a record's start."""
        behind = self._window.at
        follows = header_length(self._window.peek(PROBE)) is not None
        self._window.move(self._member.offset + 1)
        found = find_member(self._window, self._looks)
        self._window.move(behind)
        return follows and (found is None or found >= behind)


def runs(file: BinaryIO, start: int, end: int, looks: Looks) -> Iterator[Run]:
    """The runs that begin in bytes [start, end) of a file; each must be finished before the next is asked for.

    A file's first byte begins a run whatever it holds; every other start is one that `find_member` would find, so that
    neighbouring ranges agree on who reads what.
    """
    window = Window(file, start)
    offset = start if start == 0 else find_member(window, looks)
    while offset is not None and offset < end and len(window.peek(1)):
        run = Run(window, looks)
        yield run
        offset = run.finish()
