"""Indexed files: records by partition, as batches of an Arrow file, read back by number.

They are how keys, sketches and verdicts (never text) get from shards to partitions and back. The footer of an Arrow
file holds the offset of every batch, so that a partition is one read by range (or a few: a writer whose records
exceed `ROUND_BYTES` writes all partitions several times). S shards make S files, whatever the number of partitions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.errors import OutputError
from corpusmill.storage import paths
from corpusmill.storage.write import FileStats, Temporary, telling

ROUND_BYTES = 64_000_000  # of records that a writer holds
PARTS = "parts"


class IndexedFile:
    """An indexed file in the making; it appears under its name only when `finish` is called.

    Equal records added in equal batches give equal bytes. Memory is `ROUND_BYTES` and the last batch.

    Raises:
        StorageError: if the file cannot be written.
    """

    def __init__(self, path: str, schema: pa.Schema, parts: int, told: Mapping[str, str] | None = None) -> None:
        """Prepare to write records of `schema` in `parts` partitions; `told` goes into the file's metadata."""
        self.path = path
        self.schema = schema.with_metadata({PARTS: str(parts), **(told or {})})
        self.parts = parts
        self.rows = 0
        self._target = Temporary(path)
        self._waiting: list[pa.RecordBatch] = []
        self._places: list[npt.NDArray[np.int64]] = []
        self._bytes = 0
        self._writer: Any = None

    def __enter__(self) -> Self:
        """Nothing is made before the first round."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Remove the temporary file if the file was not finished."""
        self._target.discard()

    def add(self, batch: pa.RecordBatch, partition: npt.NDArray[np.int64] | None = None) -> None:
        """Add N records; `partition` (N,) says where each goes, by default to the first."""
        if not batch.num_rows:
            return
        self.rows += batch.num_rows
        self._waiting.append(pa.RecordBatch.from_arrays(batch.columns, schema=self.schema))
        self._places.append(np.zeros(batch.num_rows, np.int64) if partition is None else partition)
        self._bytes += batch.nbytes
        if self._bytes >= ROUND_BYTES:
            self._round()

    def finish(self) -> FileStats:
        """Write the rest and put the file in place under its name."""
        if self._waiting or self._writer is None:
            self._round()
        with telling(self.path):
            self._writer.close()
            size, digest = self._target.put()
        return FileStats(self.rows, size, digest)

    def _round(self) -> None:
        """Write what is waiting: one batch per partition."""
        empty = pa.RecordBatch.from_pylist([], schema=self.schema)
        records = one_batch([*self._waiting, empty])
        partition = np.concatenate([*self._places, np.zeros(0, np.int64)])
        order = pa.array(np.argsort(partition, kind="stable"))
        moved = records if self.parts == 1 else records.take(order)
        ends = np.cumsum(np.bincount(partition, minlength=self.parts)).tolist()
        with telling(self.path):
            if self._writer is None:
                self._writer = pa.ipc.new_file(self._target.open(), self.schema)
            for start, end in zip([0, *ends[:-1]], ends, strict=True):
                self._writer.write_batch(moved.slice(start, end - start))
        self._waiting, self._places, self._bytes = [], [], 0


def read_part(path: str, partition: int) -> Iterator[pa.RecordBatch]:
    """The records of one partition; columns are views of the mapped file where it is local.

    Raises:
        OutputError: if the file is missing, not whole, or has no such partition.
    """
    with reading(path) as file:
        parts = int(_told(file).get(PARTS, 1))
        if not 0 <= partition < parts:
            raise OutputError(f"{path}: expected at least {partition + 1} partitions, found {parts}")
        for number in range(partition, file.num_record_batches, parts):
            batch = file.get_batch(number)
            if batch.num_rows:
                yield batch


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
    try:
        with pa.memory_map(str(paths.local(path))) if local else paths.open_read(path, ranges=True) as file:
            yield pa.ipc.open_file(file)
    except FileNotFoundError as error:
        raise OutputError(f"{path}: no such file; run the recipe again to make it") from error
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise OutputError(f"{path}: not a whole Arrow file ({reason}); delete it and run its recipe again") from error


def _told(file: Any) -> dict[str, str]:
    return {key.decode(): value.decode() for key, value in (file.schema.metadata or {}).items()}
