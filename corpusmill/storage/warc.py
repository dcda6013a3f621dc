"""WARC, ARC and WET archives: from stored bytes to pages and documents.

Records are framed here and not by fastwarc's iterator, because a split begins in the middle of a file and because
damage must be counted: the iterator stops at the first bad head, does not tell a cut record from a whole one, and
knows no ARC. fastwarc opens the rarer compressions (.zst, .lz4) and content encodings (br, zstd), and is the oracle of
the tests. Framing costs about 30 µs a record.
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from corpusmill.documents import PAGE_SCHEMA, SCHEMA, make_id
from corpusmill.errors import RecordError
from corpusmill.storage import paths, responses
from corpusmill.storage.archive import ARC_LINE, HEAD_LIMIT, SCAN, Cutter, Record, Trouble
from corpusmill.storage.gzipped import MAGIC, runs
from corpusmill.storage.inputs import Warc, Wet, max_bytes
from corpusmill.storage.read import Batcher, Read, parse_date
from corpusmill.storage.splits import Split
from corpusmill.storage.stream import DamagedError, Stream, Watched

CHUNK = 1 << 20
PIECE = 16 << 10  # of a decompressor whose failing call loses its output
ZSTD = (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + i]) + b"\x2a\x4d\x18" for i in range(16)))
LZ4 = b"\x04\x22\x4d\x18"
WHOLE = "compressed as a whole, not by record: the first shard reads all of it"
SKIPPED = frozenset({"warcinfo", "request", "metadata"})
PAGES = frozenset({"response", "resource", "revisit", "conversion", "continuation"})


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


def take_page(record: Record, source: str, limit: int, out: Batcher) -> None:
    """Put one record where it belongs: a page, a rejected or dead page record, or a record that is no page."""
    if _set_aside(record, out, frozenset({"response", "resource"})):
        return
    url, name = _url(record), _name(record)
    try:
        kind, charset, body = _page(record, limit)
    except _RejectedError as rejected:
        out.reject(name, url, record.offset, f"read.{rejected}")
    except responses.TooLargeError:
        out.reject(name, url, record.offset, f"read.bytes>{limit}")
    except RecordError as error:
        out.die(name, url, record.offset, f"{type(error).__name__}: {error}", record.body)
    else:
        if kind not in responses.HTML:
            out.reject(name, url, record.offset, f"read.content_type={kind or 'unknown'}")
        elif not body:
            out.reject(name, url, record.offset, "read.bytes<1")
        else:
            out.row(
                id=name,
                html=body,
                charset=charset,
                url=url,
                source=source,
                date=_date(record),
                file=out.file,
                offset=record.offset,
            )


def take_text(record: Record, source: str, limit: int, out: Batcher) -> None:
    """Put one record of a WET archive where it belongs."""
    if _set_aside(record, out, frozenset({"conversion"})):
        return
    url, name = _url(record), _name(record)
    kind = responses.media_type(record.fields.get("content-type", "text/plain"))
    if kind != "text/plain":
        out.reject(name, url, record.offset, f"read.content_type={kind or 'unknown'}")
    elif record.length > limit:
        out.reject(name, url, record.offset, f"read.bytes>{limit}")
    elif not record.body:
        out.reject(name, url, record.offset, "read.bytes<1")
    else:
        try:
            text = record.body.decode()
        except UnicodeDecodeError as error:
            out.die(name, url, record.offset, f"UnicodeDecodeError: {error}", record.body)
            return
        out.row(id=name, text=text, url=url, source=source, date=_date(record), file=out.file, offset=record.offset)


class _RejectedError(Exception):
    """A page record that is not used; says why."""


def _set_aside(record: Record, out: Batcher, wanted: frozenset[str]) -> bool:
    """Deal with records that are no pages (skipped) or pages of another kind (rejected)."""
    if record.kind == "":
        error = "RecordError: expected a WARC-Type, found none"
        out.die(_name(record), _url(record), record.offset, error, record.body)
    elif record.kind in SKIPPED or record.kind not in PAGES:
        out.skip(record.kind if record.kind in SKIPPED else "unknown")
    elif record.kind in {"response", "resource"} and (_url(record) or "").lower().startswith("dns:"):
        out.skip("dns")
    elif record.kind not in wanted:
        out.reject(_name(record), _url(record), record.offset, f"read.record_type={record.kind}")
    else:
        return False
    return True


def _page(record: Record, limit: int) -> tuple[str, str | None, bytes]:
    """Media type, claimed charset and decoded body of a response or resource."""
    declared = record.fields.get("content-type", "")
    is_http = record.kind == "response" and (
        "application/http" in declared.lower() or responses.STATUS.match(record.body[:200]) is not None
    )
    if not is_http:
        if record.length > limit:
            raise responses.TooLargeError
        return _kind(declared, record, record.body), responses.charset(declared), record.body
    if not record.body:
        raise _RejectedError("bytes<1")
    response = responses.parse_response(record.body)
    if response.status != 200:
        raise _RejectedError(f"status={response.status}")
    value = response.fields.get("content-type", "")
    if value and responses.media_type(value) not in responses.HTML:
        raise _RejectedError(f"content_type={responses.media_type(value) or 'unknown'}")
    if record.length > len(record.body):
        raise responses.TooLargeError
    body = responses.decode_body(response, limit)
    return _kind(value, record, body), responses.charset(value), body


def _kind(value: str, record: Record, body: bytes) -> str:
    """The media type as declared, else as the crawler identified it, else as the body looks."""
    kind = responses.media_type(value) or responses.media_type(record.fields.get("warc-identified-payload-type", ""))
    return kind or ("text/html" if responses.is_markup(body) else "")


def _url(record: Record) -> str | None:
    """The record's address; some writers put it in angle brackets."""
    url = record.fields.get("warc-target-uri", "").strip()
    url = url[1:-1] if url.startswith("<") and url.endswith(">") else url
    return url or None


def _name(record: Record) -> str:
    """The document's id: WARC-Record-ID without its wrapping, else a hash of address, date and payload."""
    found = record.fields.get("warc-record-id", "").strip().strip("<>").strip().removeprefix("urn:uuid:")
    return found or make_id(_url(record), record.fields.get("warc-date"), record.body)


def _date(record: Record) -> int | None:
    return parse_date(record.fields.get("warc-date", ""))
