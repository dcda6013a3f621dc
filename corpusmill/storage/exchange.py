"""Indexed files: records sorted by partition, one Arrow record batch each, read back by number.

They are how keys, sketches and verdicts (never text) get from shards to partitions and back. The footer of an Arrow
file holds the offset of every batch, so that one partition is one read by range. S shards make S files, whatever the
number of partitions.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.errors import OutputError
from corpusmill.storage import paths
from corpusmill.storage.write import FileStats, Temporary, telling


def write_parts(path: str, parts: Sequence[pa.RecordBatch], schema: pa.Schema) -> FileStats:
    """Write one record batch per partition; equal batches give equal bytes.

    Args:
        path: fsspec URL.
        parts: one per partition, in order, empty ones included.
        schema: of all of them; its metadata is kept in the file.

    Raises:
        StorageError: if the file cannot be written.
    """
    target = Temporary(path)
    try:
        with telling(path):
            with pa.ipc.new_file(target.open(), schema) as writer:
                for part in parts:
                    writer.write_batch(part)
            size, sha256 = target.put()
    finally:
        target.discard()
    return FileStats(sum(part.num_rows for part in parts), size, sha256)


def divide(batch: pa.RecordBatch, partition: npt.NDArray[np.int64], partitions: int) -> list[pa.RecordBatch]:
    """Rows by partition, in their order within each.

    Args:
        batch: N rows.
        partition: (N,), which partition each row goes to.
        partitions: how many there are.
    """
    order = np.argsort(partition, kind="stable")
    ends = np.cumsum(np.bincount(partition, minlength=partitions))
    moved = batch.take(pa.array(order))
    return [moved.slice(a, b - a) for a, b in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True)]


def read_part(path: str, partition: int) -> pa.RecordBatch:
    """One partition of an indexed file; columns are views of the mapped file where it is local.

    Raises:
        OutputError: if the file is missing, not whole, or has no such partition.
    """
    with reading(path) as file:
        return _part(path, file, partition)


def read_parts(path: str) -> Iterator[pa.RecordBatch]:
    """All partitions of an indexed file in order."""
    with reading(path) as file:
        for partition in range(file.num_record_batches):
            yield _part(path, file, partition)


def metadata(path: str) -> Mapping[str, str]:
    """What the writer of a file said about it."""
    with reading(path) as file:
        return {key.decode(): value.decode() for key, value in (file.schema.metadata or {}).items()}


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


def _part(path: str, file: Any, partition: int) -> pa.RecordBatch:
    if not 0 <= partition < file.num_record_batches:
        raise OutputError(f"{path}: expected at least {partition + 1} partitions, found {file.num_record_batches}")
    return file.get_batch(partition)
