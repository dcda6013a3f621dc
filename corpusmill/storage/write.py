"""Writing files whole: Parquet with one spelling, put in place in one move, removed if anything goes wrong."""

import errno
import hashlib
import io
import os
import socket
import tempfile
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa

from corpusmill.errors import StorageError
from corpusmill.storage import paths

ROW_GROUP_BYTES = 16_000_000  # Arrow bytes per row group; the last batch of a group may exceed it
ZSTD_LEVEL = 3
TEMPORARY = ".tmp-"
PLAIN = frozenset({"text", "html", "payload"})  # columns whose values hardly repeat and whose extremes say nothing


@dataclass(frozen=True)
class FileStats:
    """What was written: rows, stored bytes, and the sha256 of those bytes in hexadecimal digits."""

    rows: int
    bytes: int
    sha256: str


def write_table(path: str, batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> FileStats:
    """Write batches as one Parquet file; see `ParquetFile`."""
    with ParquetFile(path, schema) as file:
        for batch in batches:
            file.write(batch)
        return file.finish()


class WholeFile:
    """A file in the making by a writer of Arrow's; it appears under its name only when it is put there.

    Leaving the `with` block before that removes what was written.
    """

    def __init__(self, path: str) -> None:
        """Prepare to write to the fsspec URL `path`; folders are made as needed."""
        self.path = path
        self.rows = 0
        self._target = Temporary(path)
        self._writer: Any = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Remove the temporary file if the file was not finished."""
        self._target.discard()

    def _put(self) -> FileStats:
        """End the file and put it in place under its name."""
        with telling(self.path):
            self._writer.close()
            size, digest = self._target.put()
        return FileStats(self.rows, size, digest)


class ParquetFile(WholeFile):
    """A Parquet file in the making; it appears under its name only when `finish` is called.

    Equal batches give equal bytes: fixed row groups, fixed compression, no times, one thread. Memory is one row group.
    Leaving the `with` block without `finish` removes what was written.

    Raises:
        StorageError: if the disk is full or the file cannot be written.
    """

    def __init__(self, path: str, schema: pa.Schema) -> None:
        """Prepare to write `schema` to the fsspec URL `path`; folders are made as needed."""
        super().__init__(path)
        self.schema = schema
        self._pending: list[pa.RecordBatch] = []
        self._pending_bytes = 0

    def __enter__(self) -> Self:
        """Open the temporary file."""
        import pyarrow.parquet as pq

        columns = [field.name for field in self.schema if field.name not in PLAIN]
        strings = [name for name in columns if pa.types.is_string(self.schema.field(name).type)]
        with ExitStack() as stack:  # a disk may be full from the first byte on
            stack.callback(self._target.discard)
            with telling(self.path):
                self._writer = pq.ParquetWriter(
                    self._target.open(), self.schema, version="2.6", compression="zstd", compression_level=ZSTD_LEVEL,
                    use_dictionary=strings, write_statistics=columns, data_page_size=1 << 20,
                )  # fmt: skip
            stack.pop_all()
        return self

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows; they reach the disk a row group at a time."""
        if not batch.num_rows:
            return
        self.rows += batch.num_rows
        self._pending.append(batch)
        self._pending_bytes += batch.nbytes
        if self._pending_bytes >= ROW_GROUP_BYTES:
            self._flush()

    def finish(self) -> FileStats:
        """Write the rest and put the file in place under its name."""
        self._flush()
        return self._put()

    def _flush(self) -> None:
        if not self._pending:
            return
        table = pa.Table.from_batches(self._pending, schema=self.schema)
        self._pending, self._pending_bytes = [], 0
        with telling(self.path):
            self._writer.write_table(table, row_group_size=table.num_rows)


class Temporary:
    """A file written beside its target (or, for an object store, in the local temporary folder) and put there whole."""

    def __init__(self, path: str) -> None:
        """Prepare for the target `path`; nothing is made yet."""
        self.path = path
        self._file: _Hashing | None = None
        self._name: Path | None = None

    def open(self) -> BinaryIO:
        """Make the temporary file."""
        folder = Path(tempfile.gettempdir())
        if paths.is_local(self.path):
            folder = paths.local(self.path).parent
            folder.mkdir(parents=True, exist_ok=True)
        self._name = folder / f"{TEMPORARY}{socket.gethostname()}-{os.getpid()}-{paths.name(self.path)}"
        self._file = _Hashing(self._name.open("wb", buffering=0))
        return self._file  # type: ignore[return-value]

    def put(self) -> tuple[int, str]:
        """Close, and put the file under its name; gives its size and sha256."""
        assert self._file is not None
        assert self._name is not None
        self._file.sync()
        if paths.is_local(self.path):
            self._name.replace(paths.local(self.path))
        else:
            fs, inner = paths.filesystem(self.path)
            fs.makedirs(fs._parent(inner), exist_ok=True)
            fs.put_file(str(self._name), inner)
            self._name.unlink()
        size, digest, self._file, self._name = self._file.size, self._file.digest.hexdigest(), None, None
        return size, digest

    def discard(self) -> None:
        """Remove what was written, unless it has been put in place."""
        if self._file is not None and self._name is not None:
            self._file.abandon()
            self._name.unlink(missing_ok=True)
            self._file = None


class _Hashing(io.RawIOBase):
    """A file that counts and digests what is written to it."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.size = 0
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if self.raw.closed:  # a Parquet writer ends its file even when it is thrown away
            return len(view)
        done = 0
        while done < len(view):
            done += self.raw.write(view[done:])
        self.digest.update(view)
        self.size += len(view)
        return len(view)

    def tell(self) -> int:
        return self.size

    def abandon(self) -> None:
        """Close without keeping; what is still written goes nowhere."""
        self.raw.close()

    def sync(self) -> None:
        """Make sure that the bytes are on the disk, not only on their way."""
        os.fsync(self.raw.fileno())
        self.raw.close()


class telling:  # noqa: N801, reads as a statement
    """Turns an operating system's error about `path` into a StorageError that says what to do."""

    def __init__(self, path: str) -> None:
        """Speak of `path`."""
        self.path = path

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Translate."""
        if not isinstance(error, OSError):
            return
        advice = "look at the path and its permissions, then run again"
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            advice = "free space and run again"
        reason = error.strerror or str(error)
        raise StorageError(f"{self.path}: cannot be written ({reason}); {advice}; committed shards are kept") from error


def put(path: str, data: bytes) -> None:
    """Write a small file whole: readers see the old content or the new, never a part.

    Raises:
        StorageError: if it cannot be written.
    """
    target = Temporary(path)
    try:
        with telling(path):
            target.open().write(data)
            target.put()
    finally:
        target.discard()
