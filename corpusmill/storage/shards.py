"""Reading back what a stage has written: its documents, as splits and as batches."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill.errors import OutputError
from corpusmill.storage import paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.read import Read
from corpusmill.storage.splits import Split


def stored_splits(layout: StageLayout, manifest: Manifest) -> list[Split]:
    """The documents of a finished stage, one split per shard: `end` is its rows, the fingerprint its sha256.

    A stage that leaves no documents, such as packed tokens, has none.
    """
    found = []
    for entry in manifest.shards:
        if "documents" not in entry["files"]:
            continue
        facts = entry["files"]["documents"]
        path = layout.documents(entry["shard"])
        found.append(Split(path, 0, facts["rows"], facts["bytes"], facts["bytes"], facts["sha256"]))
    return found


def read_stored(split: Split) -> Iterator[Read]:
    """The documents of one shard as a reader gives them."""
    row, told = 0, 0
    for batch in batches(split.path):
        numbers = np.arange(row, row + batch.num_rows, dtype=np.int64)
        row += batch.num_rows
        upto = split.length * row // max(split.end, 1)
        yield Read(batch, numbers, bytes=upto - told)
        told = upto
    if told < split.length:
        yield Read(
            pa.RecordBatch.from_pylist([], schema=_documents()), np.zeros(0, np.int64), bytes=split.length - told
        )


def batches(path: str, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of a stored Parquet file, a row group (about 16 MB) at a time; only some columns if asked.

    Raises:
        OutputError: if the file is missing or not whole.
    """
    with _opened(path) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=list(columns) if columns else None, use_threads=False)
            yield from table.combine_chunks().to_batches()


@contextmanager
def _opened(path: str) -> Iterator[Any]:
    import pyarrow.parquet as pq

    local = paths.is_local(path)
    try:
        with pa.memory_map(str(paths.local(path))) if local else paths.open_read(path, ranges=True) as file:
            yield pq.ParquetFile(file, pre_buffer=not local)
    except FileNotFoundError as error:
        raise OutputError(f"{path}: no such file; the stage before is not whole, run the recipe again") from error
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise OutputError(
            f"{path}: expected Parquet as a stage writes it: {reason}; delete it and run again"
        ) from error


def _documents() -> pa.Schema:
    from corpusmill.documents import SCHEMA

    return SCHEMA
