"""JSON lines: split at newlines, one document per object, every bad line a dead letter."""

import bz2
import json
import lzma
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from corpusmill.documents import SCHEMA, make_id
from corpusmill.storage import gzipped, paths
from corpusmill.storage.inputs import Jsonl, max_bytes
from corpusmill.storage.read import Batcher, Read
from corpusmill.storage.rows import MISSING, RowTaker, describe, no_text, targets
from corpusmill.storage.splits import Split
from corpusmill.storage.stream import DamagedError, Watched

CHUNK = 1 << 20
FEED = 64 << 10  # compressed bytes given to zstd at once
LINE_OVERHEAD = 1 << 20  # bytes that a line may have beyond its text
KEPT = 64 << 10  # bytes kept of a line that is too long, for its id
TRIAL = 10  # objects without a text field at a split's start that show that the field is misnamed
WHOLE = "compressed as a whole: the first shard reads all of it"
BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line without its newline; of one that is too long only the beginning. `length` is the whole line's."""

    offset: int
    data: bytes
    length: int


def read_lines(source: Jsonl, split: Split) -> Iterator[Read]:
    """The documents of the lines that begin in the split.

    Raises:
        InputError: if the first objects have no text field at all.
    """
    out = Batcher(SCHEMA, paths.name(split.path), split)
    taker = _LineTaker(source, split, out)
    with paths.open_read(split.path) as file:
        for line, done in _lines(file, split, max_bytes(source) + LINE_OVERHEAD, out):
            taker.take(line)
            if out.full:
                yield out.give(done)
    taker.finish()
    yield from out.finish()


class _LineTaker:
    """Parses lines and puts them where they belong."""

    def __init__(self, source: Jsonl, split: Split, out: Batcher) -> None:
        self._limit = max_bytes(source)
        self._path, self._first = split.path, split.start == 0
        self._targets = targets(source.fields)
        self._rows = RowTaker(source, out)
        self._out = out
        self._without: list[str] | None = []  # fields of objects seen so far, while none had a text
        self._tried = 0

    def take(self, line: Line) -> None:
        data = line.data.removeprefix(BOM) if line.offset == 0 else line.data
        if not data.strip():
            self._out.skip("blank")
        elif line.length > len(line.data):
            name = make_id(None, str(line.length), line.data)
            self._out.reject(name, None, line.offset, f"read.bytes>{self._limit}")
        else:
            self._parse(data, line.offset)

    def _parse(self, data: bytes, offset: int) -> None:
        try:
            record = json.loads(data.decode())
        except (ValueError, RecursionError) as error:
            self._out.die(make_id(None, None, data), None, offset, f"{type(error).__name__}: {error}", data)
            return
        if not isinstance(record, dict):
            fault = f"TypeError: expected a JSON object, found {describe(record)}"
            self._out.die(make_id(None, None, data), None, offset, fault, data)
            return
        values = {column: dig(record, name) for column, name in self._targets.items()}
        self._try(values["text"], record)
        self._rows.take({name: value for name, value in values.items() if value is not MISSING}, offset, data)

    def _try(self, text: Any, record: dict[str, Any]) -> None:
        """Stop if the text field seems to be misnamed."""
        if self._without is None:
            return
        if text is not MISSING:
            self._without = None
            return
        self._without = sorted({*self._without, *flat(record)})
        self._tried += 1
        if self._tried == TRIAL:
            raise no_text(self._path, self._targets["text"], self._without)

    def finish(self) -> None:
        """A file of fewer objects, none of them with a text, is misnamed as well."""
        if self._without and self._first:
            raise no_text(self._path, self._targets["text"], self._without)


def dig(record: dict[str, Any], name: str) -> Any:
    """A field by its name, or by dots into nested objects; `MISSING` if it is not there."""
    if name in record:
        return record[name]
    value: Any = record
    for part in name.split("."):
        if not isinstance(value, dict) or part not in value:
            return MISSING
        value = value[part]
    return value


def flat(record: dict[str, Any], prefix: str = "") -> list[str]:
    """The names of all fields, nested ones with dots."""
    names = []
    for key, value in record.items():
        names += flat(value, f"{prefix}{key}.") if isinstance(value, dict) and value else [f"{prefix}{key}"]
    return names


def _lines(file: BinaryIO, split: Split, limit: int, out: Batcher) -> Iterator[tuple[Line, int]]:
    """The split's lines, each with the count of stored bytes passed over."""
    magic = file.read(6)
    unpack = _decoder(file, magic, out)
    if unpack is not None:
        if split.start == 0:
            if split.end < split.size:
                out.incident(0, WHOLE, 0)
            for line in cut_lines(unpack, 0, limit):
                yield line, file.tell()
        return
    start = max(0, split.start - 1)  # a line begins after a newline, which may be the byte before the split
    file.seek(start)
    lines = cut_lines(lambda: file.read(CHUNK), start, limit)
    if split.start:
        next(lines, None)
    for line in lines:
        if line.offset >= split.end:
            break
        yield line, line.offset + line.length + 1 - split.start


def cut_lines(more: Callable[[], bytes], at: int, limit: int) -> Iterator[Line]:
    """Lines of a stream that begins at offset `at`; memory is bounded by `limit` however long a line is."""
    rest, dropped = b"", 0  # the line begun, and how many bytes of it are not kept
    while chunk := more():
        *whole, last = chunk.split(b"\n")
        for piece in whole:
            data, length = rest + piece, len(rest) + dropped + len(piece)
            too_long = dropped > 0 or length > limit
            yield Line(at, data[:KEPT] if too_long else data, length)
            at += length + 1
            rest, dropped = b"", 0
        if dropped:
            dropped += len(last)
        else:
            rest += last
        if len(rest) > limit:
            dropped += len(rest) - len(rest[:KEPT])
            rest = rest[:KEPT]
    if rest or dropped:
        yield Line(at, rest, len(rest) + dropped)


def _decoder(file: BinaryIO, magic: bytes, out: Batcher) -> Callable[[], bytes] | None:
    """What unpacks a compressed file piece by piece, noting damage in `out`; None for a plain file."""
    file.seek(0)
    if magic.startswith(gzipped.MAGIC):
        return _gzip(file, out)
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return _guarded(_zstd(file), DamagedError, out)
    if magic.startswith(b"BZh"):
        watched = Watched(file)
        return _guarded(watched.passing(bz2.BZ2File(watched).read), DamagedError, out)
    if magic.startswith(b"\xfd7zXZ\x00"):
        return _guarded(lzma.LZMAFile(file).read, (lzma.LZMAError, EOFError), out)
    return None


def _gzip(file: BinaryIO, out: Batcher) -> Callable[[], bytes]:
    """All members as one stream; after a damage nothing can be trusted to begin a line, so it ends there."""
    run = gzipped.Run(gzipped.Window(file, 0), lambda _: False)

    def more() -> bytes:
        data = run.more()
        for damage in run.damages:
            out.incident(damage.offset, damage.what, 0)
        run.damages.clear()
        return data

    return more


def _zstd(file: BinaryIO) -> Callable[[int], bytes]:
    """Reads the frames of a file one after the other; the package's own reader takes a cut file for a whole one."""
    import zstandard

    frame: Any = None

    def read(_: int) -> bytes:
        nonlocal frame
        out = b""
        while not out:
            feed = frame.unused_data if frame is not None and frame.eof else b""
            feed = feed or file.read(FEED)
            if not feed:
                if frame is not None and not frame.eof:
                    raise DamagedError("the last frame is cut")
                break
            if frame is None or frame.eof:
                frame = zstandard.ZstdDecompressor().decompressobj()
            try:
                out = frame.decompress(feed)
            except zstandard.ZstdError as error:
                raise DamagedError(str(error)) from error
        return out

    return read


def _guarded(
    read: Callable[[int], bytes], errors: type[Exception] | tuple[type[Exception], ...], out: Batcher
) -> Callable[[], bytes]:
    """Reading that ends where the data is damaged, and notes it."""
    ended = False
    unpacked = 0

    def more() -> bytes:
        nonlocal ended, unpacked
        if ended:
            return b""
        try:
            data = read(CHUNK)
        except errors as error:
            out.incident(0, f"cannot be decompressed after {unpacked} bytes: {error}", 0)
            data = b""
        unpacked += len(data)
        ended = not data
        return data

    return more
