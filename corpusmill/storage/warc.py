"""WARC, ARC and WET archives: the records that begin in a split.

Records are framed here and not by fastwarc's iterator, because a split begins in the middle of a file and because
damage must be counted: the iterator stops at the first bad head, does not tell a cut record from a whole one, and
knows no ARC. fastwarc opens the rarer compressions (.zst, .lz4) and content encodings (br, zstd), and is the oracle of
the tests. Framing costs about 30 µs a record.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from corpusmill.documents import PAGE_SCHEMA, SCHEMA
from corpusmill.storage import paths
from corpusmill.storage.archive import ARC_LINE, HEAD_LIMIT, SCAN, Cutter, Record, Trouble
from corpusmill.storage.gzipped import MAGIC, runs
from corpusmill.storage.inputs import Warc, Wet, max_bytes
from corpusmill.storage.pages import take_page, take_text
from corpusmill.storage.read import Batcher, Read
from corpusmill.storage.splits import Split
from corpusmill.storage.stream import DamagedError, Stream, Watched

CHUNK = 1 << 20
PIECE = 16 << 10  # of a decompressor whose failing call loses its output
ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + i]) + b"\x2a\x4d\x18" for i in range(16)))
LZ4 = b"\x04\x22\x4d\x18"
WHOLE = "compressed as a whole, not by record: the first shard reads all of it"


def read_archive(source: Warc | Wet, split: Split) -> Iterator[Read]:
    """The pages (Warc) or texts (Wet) of the records that begin in the split."""
    limit = max_bytes(source)
    out = Batcher(PAGE_SCHEMA if isinstance(source, Warc) else SCHEMA, paths.name(split.path), split)
    take = take_page if isinstance(source, Warc) else take_text
    with paths.open_read(split.path) as file:
        for item, done in _items(file, split, limit, out):
            for trouble in item.troubles if isinstance(item, Record) else (item,):
                out.incident(*trouble)
            if isinstance(item, Record):
                take(item, source.source, limit, out)
            if out.full:
                yield out.give(done)
    yield from out.finish()


def _items(file: BinaryIO, split: Split, limit: int, out: Batcher) -> Iterator[tuple[Record | Trouble, int]]:
    """Records and damage of a split, each with the count of stored bytes passed over."""
    magic = file.read(10)
    gz = magic.startswith(MAGIC)
    head = _first_bytes(file, gz)
    cutter = Cutter(arc=bool(ARC_LINE.match(head)), limit=limit)
    if gz:
        yield from _from_gzip(file, split, cutter)
    elif magic.startswith((LZ4, *ZSTD)):
        if split.start == 0:
            if split.end < split.size:
                out.incident(0, WHOLE, 0)
            yield from _from_decoder(file, magic.startswith(LZ4), cutter)
    else:
        yield from _from_plain(file, split, cutter)


def _first_bytes(file: BinaryIO, gz: bool) -> bytes:
    """The beginning of a file, inflated."""
    from corpusmill.storage.gzipped import PROBE, Window, probe

    window = Window(file, 0)
    return probe(window.peek(4 * PROBE)) if gz else bytes(window.peek(PROBE))


def _from_gzip(file: BinaryIO, split: Split, cutter: Cutter) -> Iterator[tuple[Record | Trouble, int]]:
    for run in runs(file, split.start, split.end, cutter.begins):
        for item in cutter.records(Stream(run.more), None, run.offset, None):
            yield item, run.offset - split.start
        run.finish()
        if run.offset == 0 and split.end < split.size == run.last:
            yield Trouble(0, WHOLE, 0), run.last
        for damage in run.damages:
            yield Trouble(damage.offset, damage.what, max(0, run.last - damage.offset)), run.last - split.start


def _from_decoder(file: BinaryIO, lz4: bool, cutter: Cutter) -> Iterator[tuple[Record | Trouble, int]]:
    unpacker = Unpacker(file, lz4=lz4)
    for item in cutter.records(Stream(unpacker.more), None, 0, None):
        yield item, file.tell()
    if unpacker.failed:
        what = f"cannot be decompressed after {unpacker.given} bytes: {unpacker.failed}"
        yield Trouble(0, what, 0), file.tell()


class Unpacker:
    """A .zst or .lz4 file as a stream that ends at the first damage; fastwarc also knows zstd's WARC dictionaries."""

    def __init__(self, file: BinaryIO, *, lz4: bool) -> None:
        """Begin at the file's first byte."""
        self.failed = ""
        self.given = 0
        self._file = file
        self._lz4 = lz4
        self._read = self._open()

    def more(self) -> bytes:
        """The next piece, `b""` at the end or at the damage."""
        if self.failed:
            return b""
        try:
            data = self._read(PIECE)
        except DamagedError as error:
            self.failed = str(error)
            data = self._rest()
        self.given += len(data)
        return data

    def _open(self) -> Callable[[int], bytes]:
        from fastwarc.stream_io import Lz4Reader, ZstdReader

        self._file.seek(0)
        watched = Watched(self._file)
        return watched.passing((Lz4Reader if self._lz4 else ZstdReader)(watched).read)

    def _rest(self) -> bytes:
        """What lies between the last whole piece and the damage, byte by byte from a fresh start."""
        read, rest = self._open(), bytearray()
        left = self.given
        try:
            while left:
                left -= len(read(min(left, PIECE)))
            while byte := read(1):
                rest += byte
        except DamagedError:
            pass
        return bytes(rest)


def _from_plain(file: BinaryIO, split: Split, cutter: Cutter) -> Iterator[tuple[Record | Trouble, int]]:
    start = 0 if split.start == 0 else find_record(file, split.start, split.end, cutter)
    if start is None:
        return
    end = None if split.end == split.size else find_record(file, split.end, split.size, cutter)
    file.seek(start)
    stream = Stream(lambda: file.read(CHUNK))
    for item in cutter.records(stream, start, start, end):
        yield item, start + stream.position - split.start


def find_record(file: BinaryIO, start: int, end: int, cutter: Cutter) -> int | None:
    """Where the first record that can be entered from outside begins in bytes [start, end), or None.

    Such a record follows a blank line (WARC) or a line end (ARC), and its length leads to another record or to the
    file's end: a page that shows a record in its text is not taken for one.
    """
    at = max(0, start - 4)  # a record's start is known by the blank line before it
    while at < end:
        file.seek(at)
        data = file.read(SCAN)
        for match in cutter.start.finditer(data):
            if start <= at + match.end() < end and _leads_on(file, at + match.end(), cutter):
                return at + match.end()
        if len(data) < SCAN:
            return None
        at += SCAN - 9000  # longer than any start
    return None


def _leads_on(file: BinaryIO, at: int, cutter: Cutter) -> bool:
    """True if the record at byte `at` ends where another begins, or the file ends."""
    file.seek(at)
    length = cutter.whole_length(file.read(HEAD_LIMIT))
    if length is None:
        return False
    file.seek(at + length)
    after = file.read(8400).lstrip(b"\r\n")
    return not after or cutter.begins(after)
