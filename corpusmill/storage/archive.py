"""Records cut out of WARC and ARC streams: heads, lengths, and what to do where they are wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from corpusmill.storage.stream import Stream

HEAD_LIMIT = 64 << 10  # bytes of a record's head; a longer one is no head
SCAN = 256 << 10  # bytes looked at together when a record's start is searched
MARGIN = 64 << 10  # bytes of a body kept beyond the limit, for the HTTP head in it

BLANK_LINE = re.compile(rb"\n\r?\n")
WARC_LINE = re.compile(rb"WARC/\d+\.\d+[ \t]*\r?\n")
ARC_LINE = re.compile(
    rb"(?P<url>[A-Za-z][A-Za-z0-9+.-]*:[^\r\n]{0,8000}?) (?P<ip>(?:\d{1,3}\.){3}\d{1,3}) (?P<date>\d{14}|\d{8,17}|-)"
    rb" (?P<type>[^\r\n ]*)(?: [^\r\n]*?)? (?P<length>\d{1,12})[ \t]*\r?\n"
)
# A start that a reader can enter by, met by searching: after a blank line (WARC) or a line end (ARC).
WARC_START = re.compile(rb"\r?\n\r?\n(?=WARC/\d+\.\d+[ \t]*\r?\n[\x21-\x7e]+:)")
ARC_START = re.compile(rb"\n(?=" + re.sub(rb"\?P<\w+>", rb"?:", ARC_LINE.pattern) + rb")")


class Trouble(NamedTuple):
    """Damage in a stream: its place in the file, what it is, and how many bytes (inflated) are lost."""

    offset: int
    what: str
    bytes: int


@dataclass
class Record:
    """One record.

    Attributes:
        offset: where it begins in the file; for gzip, the offset of the member that holds it.
        kind: `WARC-Type` in lower case, "" if there is none; for ARC what such a record would be called in a WARC.
        fields: the head's fields by lower-case name, the first of each.
        body: what follows the head, cut at the reader's limit.
        length: the body's whole length in bytes.
    """

    offset: int
    kind: str
    fields: dict[str, str]
    body: bytes
    length: int
    troubles: list[Trouble] = field(default_factory=list)


@dataclass(frozen=True)
class Cutter:
    """Cuts one format's records; `limit` is how many bytes of a body are kept."""

    arc: bool
    limit: int

    @property
    def start(self) -> re.Pattern[bytes]:
        """What a record's start looks like from the outside."""
        return ARC_START if self.arc else WARC_START

    def begins(self, data: bytes) -> bool:
        """True if a record begins with `data`."""
        return bool((ARC_LINE if self.arc else WARC_LINE).match(data))

    def whole_length(self, data: bytes) -> int | None:
        """The length of the record that `data` begins with, head and body; None if its head does not say."""
        if self.arc:
            line = ARC_LINE.match(data)
            return line.end() + int(line.group("length")) if line else None
        head = head_length(data)
        body = None if head is None else content_length(parse_fields(data[:head]))
        return None if head is None or body is None else head + body

    def records(self, stream: Stream, base: int | None, offset: int, end: int | None) -> Iterator[Record | Trouble]:
        """All records of a stream, and the damage between them.

        Args:
            stream: inflated bytes.
            base: the file offset of the stream's first byte where the file is not compressed, else None.
            offset: the offset to report where it is.
            end: stop before a record that begins here or later (not compressed only).
        """
        while True:
            self._skip_blank(stream)
            at = offset if base is None else base + stream.position
            if not stream.fill(1) or (end is not None and at >= end):
                return
            head = self._head(stream)
            if head is None:
                yield Trouble(at, "bytes that are no record", self._resync(stream))
                continue
            yield self._record(stream, head, at)

    def _skip_blank(self, stream: Stream) -> None:
        while True:
            ahead = stream.peek(64)
            blank = len(ahead) - len(ahead.lstrip(b"\r\n"))
            if not blank:
                return
            stream.skip(blank)

    def _head(self, stream: Stream) -> bytes | None:
        """Take a record's head, or nothing."""
        if not self.begins(stream.peek(512)) and not self.begins(stream.peek(8300)):
            return None
        if self.arc:
            line = ARC_LINE.match(stream.peek(8300))
            return stream.take(line.end()) if line else None
        ahead, size = b"", 2 << 10
        while size <= HEAD_LIMIT:
            ahead = stream.peek(size)
            length = head_length(ahead)
            if length is not None:
                return stream.take(length)
            if len(ahead) < size:
                break
            size *= 2
        return stream.take(len(ahead)) if len(ahead) < size and self._plausible(ahead) else None

    def _plausible(self, ahead: bytes) -> bool:
        """True for a head that the end of the file cut off after its first field."""
        return ahead.count(b"\n") >= 2

    def _record(self, stream: Stream, head: bytes, at: int) -> Record:
        fields = arc_fields(head) if self.arc else parse_fields(head)
        record = Record(at, fields.get("warc-type", "").lower(), fields, b"", 0)
        declared = content_length(fields)
        if declared is None:
            record.troubles.append(Trouble(at, "record without a valid Content-Length", 0))
            self._take_undeclared(stream, record)
            return record
        record.body = stream.take(min(declared, self.limit + MARGIN))
        record.length = len(record.body) + stream.skip(declared - len(record.body))
        if record.length < declared or not self._ends_well(stream):
            self._cut_short(stream, record, declared)
        return record

    def _ends_well(self, stream: Stream) -> bool:
        """True if the record is followed by the end, or by a record after blank lines."""
        rest = stream.peek(64).lstrip(b"\r\n")
        return not rest or rest.startswith(b"WARC/") or (self.arc and self.begins(stream.peek(8300).lstrip(b"\r\n")))

    def _cut_short(self, stream: Stream, record: Record, declared: int) -> None:
        """A declared length that does not lead to the next record: look whether one begins inside the body."""
        whole = record.length == len(record.body)
        gap = b"\r\n\r\n"  # the head's end, behind which the next record may begin at once
        inside = self.start.search(gap + record.body + stream.peek(512)) if whole else None
        if inside and inside.end() < len(gap) + len(record.body):
            stream.give_back(record.body[inside.end() - len(gap) :])
            record.body = record.body[: max(0, inside.start() - len(gap))]
            record.length = len(record.body)
        if record.length < declared:
            record.troubles.append(Trouble(record.offset, "record ends early", declared - record.length))

    def _take_undeclared(self, stream: Stream, record: Record) -> None:
        """The body of a record without a length goes on to the next record's start."""
        kept = bytearray()
        while stream.fill(1) and not self.begins(stream.peek(512).lstrip(b"\r\n")):
            before = min(self._to_start(stream), SCAN)
            piece = stream.take(before)
            record.length += len(piece)
            kept += piece[: max(0, self.limit + MARGIN - len(kept))]
        record.body = bytes(kept)

    def _to_start(self, stream: Stream) -> int:
        """How many of the next bytes lie before a record's start; those of a whole scan if none begins in it."""
        ahead = stream.peek(SCAN)
        found = self.start.search(ahead)
        if found:
            return found.end()
        return len(ahead) if len(ahead) < SCAN else SCAN - 9000

    def _resync(self, stream: Stream) -> int:
        """Pass over bytes until a record begins; gives how many."""
        lost = stream.skip(1)
        while stream.fill(1):
            before = self._to_start(stream)
            ends = before < len(stream.peek(SCAN)) and self.begins(stream.peek(before + 8300)[before:])
            lost += stream.skip(before)
            if ends:
                break
        return lost


def head_length(data: bytes) -> int | None:
    """The length of the head that `data` begins with, its blank line included; None if it does not end here."""
    blank = BLANK_LINE.search(data)
    return blank.end() if blank else None


def parse_fields(head: bytes) -> dict[str, str]:
    """The fields of a WARC or HTTP head by lower-case name, the first line left out, the first of each name kept.

    Folded lines are joined; lines without a colon are passed over. UTF-8 where it is valid, else Latin-1.
    """
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    fields: dict[str, str] = {}
    name = ""
    for line in text.split("\n")[1:]:
        if line.startswith((" ", "\t")) and name:
            fields[name] = f"{fields[name]} {line.strip()}".strip()
            continue
        key, colon, value = line.partition(":")
        name = key.strip().lower() if colon else ""
        if name in fields:
            name = ""
        elif name:
            fields[name] = value.strip()
    return fields


def content_length(fields: dict[str, str]) -> int | None:
    """The declared length of a record's body, or None if it is missing or no number."""
    value = fields.get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else None


def arc_fields(line: bytes) -> dict[str, str]:
    """The head line of an ARC record as the fields that a WARC record would have."""
    match = ARC_LINE.match(line)
    assert match is not None, line
    text = {name: value.decode("utf-8", "replace") for name, value in match.groupdict().items()}
    scheme = text["url"].partition(":")[0].lower()
    kinds = {"filedesc": "warcinfo", "dns": "response", "http": "response", "https": "response"}
    kind = "text/dns" if scheme == "dns" else "application/http" if scheme.startswith("http") else text["type"]
    return {
        "warc-type": kinds.get(scheme, "resource"),
        "warc-target-uri": text["url"],
        "warc-date": text["date"],
        "content-type": kind,
        "content-length": text["length"],
    }
