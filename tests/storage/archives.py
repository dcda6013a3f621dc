"""Archives for tests, written by hand, and the whole account of what a reader finds in one."""

import gzip
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from corpusmill.storage.inputs import Input
from corpusmill.storage.read import Incident, read
from corpusmill.storage.splits import Split, identify, plan_splits

HTML = b"<html><body><p>Some text.</p></body></html>"


def head(kind: str = "response", number: int = 0, **fields: str) -> dict[str, str]:
    """The fields of a usual record; those given replace or, if empty, remove theirs."""
    usual = {
        "WARC-Type": kind,
        "WARC-Target-URI": f"https://a.example/{number}",
        "WARC-Date": "2024-05-01T10:20:30Z",
        "WARC-Record-ID": f"<urn:uuid:00000000-0000-0000-0000-{number:012d}>",
        "Content-Type": "application/http; msgtype=response",
    }
    return {name: value for name, value in {**usual, **fields}.items() if value}


def record(body: bytes, kind: str = "response", number: int = 0, **fields: str) -> bytes:
    """A WARC record, not compressed."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in head(kind, number, **fields).items()]
    text = "\r\n".join(["WARC/1.0", *lines, f"Content-Length: {len(body)}"])
    return text.encode() + b"\r\n\r\n" + body + b"\r\n\r\n"


def http(
    body: bytes = HTML, status: str = "200 OK", content_type: str = "text/html; charset=utf-8", **fields: str
) -> bytes:
    """An HTTP response."""
    lines = [f"Content-Type: {content_type}"] if content_type else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines]).encode() + b"\r\n\r\n" + body


def arc_record(url: str, body: bytes, content_type: str = "text/html") -> bytes:
    """An ARC 1.0 record, not compressed."""
    return f"{url} 192.0.2.1 20080430204825 {content_type} {len(body)}\n".encode() + body + b"\n"


def members(records: list[bytes]) -> bytes:
    """Records as one gzip member each."""
    return b"".join(gzip.compress(data, 6, mtime=0) for data in records)


def pages(count: int = 8) -> list[bytes]:
    """Pages with a request before and an error page after some of them."""
    found = [record(b"software: test\r\n", "warcinfo", 900, Content_Type="application/warc-fields")]
    for number in range(count):
        found.append(record(b"GET / HTTP/1.1\r\n\r\n", "request", 500 + number))
        found.append(record(http(HTML + b" " * number), "response", number))
        if number % 3 == 0:
            found.append(record(http(b"gone", "404 Not Found"), "response", 100 + number))
    return found


@dataclass
class Account:
    """All that a reader tells of a file. `records` are (what became of it, id, offset, payload or reason)."""

    records: list[tuple[str, str, int, Any]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def reasons(self) -> dict[str, int]:
        """Rejected records by reason."""
        return dict(Counter(told for what, _, _, told in self.records if what == "rejected"))

    @property
    def dead(self) -> list[str]:
        """The errors of dead records."""
        return [told for what, _, _, told in self.records if what == "dead"]

    @property
    def damage(self) -> list[tuple[int, str, int]]:
        """Incidents without the file's name."""
        return [(incident.offset, incident.what, incident.bytes) for incident in self.incidents]


def account(source: Input, splits: list[Split] | None = None) -> Account:
    """Read all splits of an input; checks what must hold for each: numbers without a gap, bytes that add up."""
    told = Account()
    for split in plan_splits(source) if splits is None else splits:
        length, numbers = 0, []
        for part in read(source, split):
            rows = part.batch.to_pylist()
            body = "html" if "html" in part.batch.schema.names else "text"
            found = [(int(n), ("row", r["id"], r["offset"], r[body])) for n, r in zip(part.numbers, rows, strict=True)]
            found += [(x.number, ("rejected", x.id, x.offset, x.reason)) for x in part.rejected]
            found += [(x.number, ("dead", x.id, x.offset, x.error)) for x in part.dead]
            found.sort(key=lambda pair: pair[0])
            numbers += [number for number, _ in found]
            told.records += [entry for _, entry in found]
            told.rows += rows
            told.incidents += part.incidents
            told.skipped.update(part.skipped)
            length += part.bytes
        assert list(range(len(numbers))) == numbers
        assert split.length == length
    return told


def every(path: Path, step: int) -> list[Split]:
    """The splits of a file at every `step` bytes."""
    size, fingerprint = identify(str(path))
    ends = [*range(0, max(size, 1), step), size]
    return [Split(str(path), a, b, size, b - a, fingerprint) for a, b in pairwise(ends)]
