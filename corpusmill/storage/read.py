"""Reading a split: batches of documents or pages, and an account of every record that is in neither."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.errors import StorageError
from corpusmill.storage.inputs import Arrow, HuggingFace, Input, Jsonl, Parquet, Stored, Warc, Wet
from corpusmill.storage.splits import Split

BATCH_BYTES = 16_000_000  # of payload per batch
BATCH_RECORDS = 20_000  # records per batch, used or not: an archive of redirects must not pile up
DEAD_BYTES = 1 << 20  # of a dead record's payload that are kept
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rejected(NamedTuple):
    """A page record that is not used, and why, e.g. `read.status=404`."""

    number: int
    id: str
    url: str | None
    offset: int
    reason: str


class Dead(NamedTuple):
    """A page record that could not be read."""

    number: int
    id: str
    url: str | None
    offset: int
    stage: str
    error: str
    payload: bytes


class Incident(NamedTuple):
    """Damage in a file that is not one record's: the base name, where, what, and how many bytes are lost."""

    path: str
    offset: int
    what: str
    bytes: int


@dataclass(frozen=True)
class Read:
    """A part of a split, in the split's order.

    Records seen = rows + rejected + dead + skipped, for each part and so for the split.

    Attributes:
        batch: `documents.PAGE_SCHEMA` (warc) or `documents.SCHEMA`, N rows, about 16 MB of payload.
        numbers: shape (N,), int64, ascending: which of the split's page records each row is. Rejected and dead
            records have their numbers from the same count.
        rejected, dead: page records that are no rows.
        incidents: damage that is not one record.
        skipped: records that are no pages at all, by type.
        bytes: of the stored file, passed over since the last part; they add up to `Split.length`.
    """

    batch: pa.RecordBatch
    numbers: npt.NDArray[np.int64]
    rejected: list[Rejected] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    bytes: int = 0


def read(source: Input | Stored, split: Split) -> Iterator[Read]:
    """Read one split of an input, batch by batch.

    Raises:
        StorageError: if the file cannot be read for a reason outside its records.
        InputError: if it is not of the format, or has no text column.
    """
    try:
        yield from _reader(source, split)
    except OSError as error:
        raise StorageError(f"{split.path}: cannot be read ({error}); committed shards are kept, run again") from error


def _reader(source: Input | Stored, split: Split) -> Iterator[Read]:
    match source:
        case Warc() | Wet():
            from corpusmill.storage.warc import read_archive

            return read_archive(source, split)
        case Jsonl():
            from corpusmill.storage.jsonl import read_lines

            return read_lines(source, split)
        case Parquet() | Arrow():
            from corpusmill.storage.columnar import read_columnar

            return read_columnar(source, split)
        case Stored():
            from corpusmill.storage.shards import read_stored

            return read_stored(split)
        case HuggingFace():
            from corpusmill.storage.huggingface import read_dataset

            return read_dataset(source, split)


class Batcher:
    """Gathers what a reader finds and gives it out as `Read`s of bounded size."""

    def __init__(self, schema: pa.Schema, file: str, split: Split) -> None:
        """Gather rows of `schema` of one file's split."""
        self.schema = schema
        self.file = file
        self.number = 0  # page records seen
        self._split = split
        self._told = 0
        self._clear()

    def row(self, **columns: Any) -> None:
        """A page record that is a document or page; columns that are not given are null."""
        self._numbers.append(self.number)
        self.number += 1
        body = columns.get("html", columns.get("text"))
        self._size += len(body) if body else 0
        self._rows.append(columns)

    def reject(self, record: str, url: str | None, offset: int, reason: str) -> None:
        """A page record that is not used."""
        self._rejected.append(Rejected(self.number, record, url, offset, reason))
        self.number += 1

    def die(self, record: str, url: str | None, offset: int, error: str, payload: bytes) -> None:
        """A page record that cannot be read."""
        kept = payload[:DEAD_BYTES]
        self._dead.append(Dead(self.number, record, url, offset, "read", error, kept))
        self._size += len(kept)
        self.number += 1

    def skip(self, kind: str) -> None:
        """A record that is no page."""
        self._skipped[kind] += 1

    def incident(self, offset: int, what: str, lost: int) -> None:
        """Damage that is not one record."""
        self._incidents.append(Incident(self.file, offset, what, lost))

    @property
    def full(self) -> bool:
        """True when it is time to give out a part."""
        return self._size >= BATCH_BYTES or self._count() >= BATCH_RECORDS

    def give(self, done: int) -> Read:
        """A part; `done` is how many of the split's stored bytes have been passed over in all."""
        done = max(self._told, min(done, self._split.length))
        names = self.schema.names
        arrays = [pa.array([row.get(name) for row in self._rows], self.schema.field(name).type) for name in names]
        part = Read(
            pa.RecordBatch.from_arrays(arrays, schema=self.schema),
            np.array(self._numbers, np.int64),
            self._rejected,
            self._dead,
            self._incidents,
            dict(sorted(self._skipped.items())),
            done - self._told,
        )
        self._told = done
        self._clear()
        return part

    def finish(self) -> Iterator[Read]:
        """The last part, if there is anything left to tell."""
        if self._count() or self._incidents or self._told < self._split.length:
            yield self.give(self._split.length)

    def _count(self) -> int:
        return len(self._rows) + len(self._rejected) + len(self._dead) + self._skipped.total()

    def _clear(self) -> None:
        self._rows: list[dict[str, Any]] = []
        self._numbers: list[int] = []
        self._rejected: list[Rejected] = []
        self._dead: list[Dead] = []
        self._incidents: list[Incident] = []
        self._skipped: Counter[str] = Counter()
        self._size = 0


def parse_date(value: str) -> int | None:
    """A date as archives and web corpora write it, as milliseconds since 1970 in UTC; None if it is none.

    Understands ISO 8601 with any part of the time, with or without a zone (taken as UTC), and ARC's 14 digits.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        text = text[:14] if len(text) == 17 else text  # some ARC writers add milliseconds
        if len(text) not in {8, 12, 14}:
            return None
        text = f"{text[:8]}T{text[8:]}" if len(text) > 8 else text
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return milliseconds(found)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 in UTC, exactly; a moment without a zone is taken as UTC."""
    span = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH
    return (span.days * 86_400 + span.seconds) * 1000 + span.microseconds // 1000


def incident(item: tuple[str, int, str]) -> str:
    """One incident of a report as text: a file, where in it, and what."""
    file, offset, what = item
    return f"{what} in {file} at byte {offset:,}"
