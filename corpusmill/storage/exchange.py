"""Indexed files: records by partition, as batches of an Arrow file, read back by number.

They are how keys, sketches and verdicts (never text) get from shards to partitions and back. The footer of an Arrow
file holds the offset of every batch, so that a partition is one read by range (or a few: a writer whose records
exceed `ROUND_BYTES` writes all partitions several times). S shards make S files, whatever the number of partitions.
"""

import mmap
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.errors import OutputError
from corpusmill.storage import paths
from corpusmill.storage.write import FileStats, WholeFile, telling

ROUND_BYTES = 64_000_000  # of records that a writer of several partitions holds
STREAM_BYTES = 4_000_000  # of records that a writer of one partition holds: enough for a batch not to be small
PARTS = "parts"


class IndexedFile(WholeFile):
    """An indexed file in the making; it appears under its name only when `finish` is called.

    Equal records added in equal batches give equal bytes. Memory is `ROUND_BYTES`, the last batch and its largest
    column twice; for a single partition `STREAM_BYTES` and the last batch.

    Raises:
        StorageError: if the file cannot be written.
    """

    def __init__(self, path: str, schema: pa.Schema, parts: int, told: Mapping[str, str] | None = None) -> None:
        """Prepare to write records of `schema` in `parts` partitions; `told` goes into the file's metadata."""
        super().__init__(path)
        self.schema = schema.with_metadata({PARTS: str(parts), **(told or {})})
        self.parts = parts
        self._waiting: list[pa.RecordBatch] = []
        self._places: list[npt.NDArray[Any]] = []
        self._place = np.min_scalar_type(parts)  # 16 bits sort several times faster than 64
        self._bytes = 0
        self._most = ROUND_BYTES if parts > 1 else min(ROUND_BYTES, STREAM_BYTES)

    def __enter__(self) -> Self:
        """Nothing is made before the first round."""
        return self

    def add(self, batch: pa.RecordBatch, partition: npt.NDArray[np.int64] | None = None) -> None:
        """Add N records; `partition` (N,) says where each goes, by default to the first."""
        if not batch.num_rows:
            return
        self.rows += batch.num_rows
        self._waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=self.schema))
        if self.parts > 1:
            places = np.zeros(batch.num_rows, self._place) if partition is None else partition.astype(self._place)
            self._places.append(places)
        self._bytes += batch.nbytes
        if self._bytes >= self._most:
            self._round()

    def finish(self) -> FileStats:
        """Write the rest and put the file in place under its name."""
        if self._waiting or self._writer is None:
            self._round()
        return self._put()

    def _round(self) -> None:
        """Write what is waiting: one batch per partition."""
        with telling(self.path):
            if self._writer is None:
                self._writer = pa.ipc.new_file(self._target.open(), self.schema)
        empty = pa.RecordBatch.from_pylist([], schema=self.schema)
        waiting, self._waiting, self._bytes = [*self._waiting, empty], [], 0
        if self.parts == 1:
            self._write(one_batch(waiting if len(waiting) > 2 else waiting[:1]))
            return
        places, self._places = self._places, []
        if all((place == place[0]).all() for place in places):
            self._join(waiting, [int(place[0]) for place in places])
            return
        partition = np.concatenate(places)
        order = pa.array(np.argsort(partition, kind="stable"))
        ends = np.cumsum(np.bincount(partition, minlength=self.parts)).tolist()
        moved = _moved(waiting, order)
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            self._write(moved.slice(start, end - start))

    def _join(self, waiting: list[pa.RecordBatch], partitions: list[int]) -> None:
        """Batches that belong to one partition each are joined, which is many times faster than moving records."""
        empty = waiting.pop()
        for part in range(self.parts):
            here = [batch for batch, its in zip(waiting, partitions, strict=True) if its == part]
            self._write(one_batch(here or [empty]))

    def _write(self, batch: pa.RecordBatch) -> None:
        with telling(self.path):
            self._writer.write_batch(batch)


def _moved(waiting: list[pa.RecordBatch], order: pa.Array) -> pa.RecordBatch:
    """The records of all batches in another order; the list is emptied, so that one column at a time is there twice."""
    schema = waiting[0].schema
    columns = [[batch.column(at) for batch in waiting] for at in range(len(schema))]
    waiting.clear()
    moved = [pa.chunked_array(columns.pop(0)).combine_chunks().take(order) for _ in range(len(schema))]
    return pa.RecordBatch.from_arrays(moved, schema=schema)


def read_part(path: str, partition: int) -> Iterator[pa.RecordBatch]:
    """The records of one partition; columns are views of the mapped file where it is local.

    Raises:
        OutputError: if the file is missing, not whole, or has no such partition.
    """
    with reading(path) as file:
        yield from _part_of(file, path, partition)


def _part_of(file: Any, path: str, partition: int) -> Iterator[pa.RecordBatch]:
    parts = int(_told(file).get(PARTS, 1))
    if not 0 <= partition < parts:
        raise OutputError(f"{path}: expected at least {partition + 1} partitions, found {parts}")
    for number in range(partition, file.num_record_batches, parts):
        batch = file.get_batch(number)
        if batch.num_rows:
            yield batch


class MappedPart:
    """The records of one partition as views of a mapped file, whose memory can be given back between looks at them.

    A file that is not local is copied to a temporary one first: views of it are wanted here and there.

    Attributes:
        batches: valid as long as they are held.

    Raises:
        OutputError: if the file is missing, not whole, or has no such partition.
    """

    def __init__(self, path: str, partition: int) -> None:
        """Map the file."""
        with _telling_of(path), _here(path) as file:
            if not os.fstat(file.fileno()).st_size:
                raise pa.ArrowInvalid("it is empty")
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self.batches = list(_part_of(pa.ipc.open_file(pa.py_buffer(self._map)), path, partition))

    def release(self) -> None:
        """Give the file's pages back, where the system can; what is looked at next is read again."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)  # mapped read-only from a file, so nothing is lost


def read_by_part(path: str) -> Iterator[tuple[int, pa.RecordBatch]]:
    """All records of an indexed file with their partitions, in the order of the file."""
    with reading(path) as file:
        parts = int(_told(file).get(PARTS, 1))
        for number in range(file.num_record_batches):
            batch = file.get_batch(number)
            if batch.num_rows:
                yield number % parts, batch


def read_all(path: str) -> Iterator[pa.RecordBatch]:
    """All records of an indexed file, partition by partition within each round."""
    with reading(path) as file:
        for number in range(file.num_record_batches):
            yield file.get_batch(number)


def metadata(path: str) -> Mapping[str, str]:
    """What the writer of a file said about it."""
    with reading(path) as file:
        return _told(file)


def one_batch(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Batches of one schema as one; at least one must be given."""
    if len(batches) == 1:
        return batches[0]
    table = pa.Table.from_batches(batches).combine_chunks()
    columns = [column.combine_chunks() for column in table.columns]
    return pa.RecordBatch.from_arrays(columns, schema=batches[0].schema)


@contextmanager
def reading(path: str) -> Iterator[Any]:
    """An indexed file, opened.

    Raises:
        OutputError: if it is missing or not whole.
    """
    local = paths.is_local(path)
    with (
        _telling_of(path),
        pa.memory_map(str(paths.local(path))) if local else paths.open_read(path, ranges=True) as file,
    ):
        yield pa.ipc.open_file(file)


@contextmanager
def _telling_of(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise OutputError(f"{path}: no such file; delete its stage's folder and run the recipe again") from error
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise OutputError(f"{path}: not a whole Arrow file ({reason}); delete it and run its recipe again") from error


@contextmanager
def _here(path: str) -> Iterator[Any]:
    """A file on this machine with the same bytes."""
    with paths.open_read(path) as found:
        if paths.is_local(path):
            yield found
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(found, copy, ROUND_BYTES)
            copy.flush()
            yield copy


def _told(file: Any) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (file.schema.metadata or {}).items()}
