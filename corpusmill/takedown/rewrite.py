"""A shard's files without the documents that are taken down: a row group at a time, with equal bytes each time."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.stages.earlier import key_range
from corpusmill.storage import exchange, paths
from corpusmill.storage.exchange import PARTS, IndexedFile
from corpusmill.storage.shards import batches
from corpusmill.storage.write import FileStats, ParquetFile
from corpusmill.takedown.wanted import Wanted

TAKEDOWN = "takedown"  # the reason, and the step that the report counts it under

Int64s = npt.NDArray[np.int64]


class Rewritten(NamedTuple):
    """The new file, and how many rows and bytes of text it lacks."""

    stats: FileStats
    rows: int
    bytes: int


def documents(source: str, target: str, wanted: Wanted) -> Rewritten:
    """Kept documents, without those that are meant."""
    rows, size = 0, 0

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        nonlocal rows, size
        gone = pa.array(wanted.matches(batch.column("id"), batch.column("url")))
        rows += gone.true_count
        size += pc.sum(pc.binary_length(batch.column("text").filter(gone))).as_py() or 0
        return batch.filter(pc.invert(gone))

    return Rewritten(_parquet(source, target, change), rows, size)


def first_ledger(source: str, target: str, meant: Int64s) -> FileStats:
    """The first stage's ledger: rows stay, their URL goes, and what was kept has the reason `takedown`.

    Args:
        source: a Parquet file.
        target: where to write.
        meant: positions of the rows, ascending.
    """
    first = 0

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        nonlocal first
        mask = _mask(meant, first, batch.num_rows)
        first += batch.num_rows
        kept = pc.and_(mask, batch.column("reason").is_null())
        batch = _replace(batch, "reason", pc.if_else(kept, TAKEDOWN, batch.column("reason")))
        return _replace(batch, "url", pc.if_else(mask, None, batch.column("url")))

    return _parquet(source, target, change)


def later_ledger(source: str, target: str, meant: Int64s) -> FileStats:
    """A later stage's ledger: the documents no longer come in, so their rows go, and `row` counts on without them."""
    first = 0

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        nonlocal first
        left = batch.filter(pc.invert(_mask(meant, first, batch.num_rows)))
        first += batch.num_rows
        return _replace(left, "row", pa.array(renumbered(left.column("row").to_numpy(), meant)))

    return _parquet(source, target, change)


def first_dead(source: str, target: str, wanted: Wanted) -> FileStats:
    """Dead letters of the first stage: rows stay, and lose their URL, their bytes and the message, which may quote."""

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        mask = pa.array(wanted.matches(batch.column("id"), batch.column("url")))
        for name, value in (("url", None), ("payload", None), ("error", TAKEDOWN)):
            batch = _replace(
                batch, name, pc.if_else(mask, pa.scalar(value, batch.column(name).type), batch.column(name))
            )
        return batch

    return _parquet(source, target, change)


def later_dead(source: str, target: str, meant: Int64s) -> FileStats:
    """Dead letters of a later stage, without those of documents that no longer come in."""

    def change(batch: pa.RecordBatch) -> pa.RecordBatch:
        rows = batch.column("row").to_numpy()
        left = batch.filter(pa.array(~np.isin(rows, meant)))
        return _replace(left, "row", pa.array(renumbered(left.column("row").to_numpy(), meant)))

    return _parquet(source, target, change)


def signatures(source: str, target: str, meant: Int64s) -> FileStats:
    """An index of one row per document, without those that are meant."""
    first = 0
    with _like(source, target, None) as file:
        for batch in exchange.read_all(source):
            file.add(batch.filter(pc.invert(_mask(meant, first, batch.num_rows))))
            first += batch.num_rows
        return file.finish()


def keys(source: str, target: str, meant: Int64s, parts: int) -> FileStats:
    """An index of keys by range: without the keys of the rows that are meant, and in `parts` ranges."""
    with _like(source, target, parts) as file:
        for batch in _in_order(source):
            rows = batch.column("row").to_numpy()
            left = batch.filter(pa.array(~np.isin(rows, meant)))
            number = renumbered(left.column("row").to_numpy(), meant)
            left = _replace(left, "row", pa.array(number.astype(rows.dtype)))
            file.add(left, key_range(left.column("high").to_numpy(), parts))
        return file.finish()


def parts_of(path: str) -> int:
    """How many partitions an indexed file has."""
    return int(exchange.metadata(path)[PARTS])


def renumbered(rows: npt.NDArray[Any], gone: Int64s) -> Int64s:
    """The numbers of rows, none of which is gone, when those in `gone` (ascending) are no longer counted."""
    return rows.astype(np.int64) - np.searchsorted(gone, rows)


def _in_order(source: str) -> Iterator[pa.RecordBatch]:
    for part in range(parts_of(source)):
        yield from exchange.read_part(source, part)


def _like(source: str, target: str, parts: int | None) -> IndexedFile:
    """A file of the same kind, in as many partitions unless told otherwise."""
    told = dict(exchange.metadata(source))
    own = int(told.pop(PARTS))
    with exchange.reading(source) as file:
        schema = file.schema.remove_metadata()
    return IndexedFile(target, schema, parts or own, told)


def _parquet(source: str, target: str, change: Callable[[pa.RecordBatch], pa.RecordBatch]) -> FileStats:
    import pyarrow.parquet as pq

    with paths.open_read(source) as file:
        schema = pq.read_schema(file).remove_metadata()
    with ParquetFile(target, schema) as out:
        for batch in batches(source):
            changed = change(batch)
            out.write(pa.RecordBatch.from_arrays(changed.columns, schema=schema))
        return out.finish()


def _mask(meant: Int64s, first: int, count: int) -> pa.Array:
    """Which of `count` rows from `first` on are meant."""
    mask = np.zeros(count, bool)
    mask[meant[slice(*np.searchsorted(meant, [first, first + count]))] - first] = True
    return pa.array(mask)


def _replace(batch: pa.RecordBatch, name: str, values: pa.Array) -> pa.RecordBatch:
    return batch.set_column(batch.schema.get_field_index(name), batch.schema.field(name), values)
