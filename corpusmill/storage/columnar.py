"""Parquet and Arrow IPC files: split at row groups and record batches; only the columns that are named are read."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from math import ceil
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.documents import SCHEMA
from corpusmill.errors import InputError, StorageError
from corpusmill.storage import paths
from corpusmill.storage.inputs import Arrow, Parquet
from corpusmill.storage.read import Batcher, Read
from corpusmill.storage.rows import RowTaker, no_text, targets
from corpusmill.storage.splits import Split

ROWS = 256  # rows decoded at once: long texts must not add up
STREAM_NOTE = "Arrow streams cannot be split"


def plan_columnar(source: Parquet | Arrow, path: str, size: int, fingerprint: str) -> list[Split]:
    """Cut one file into runs of row groups or record batches of about `split_mb`; reads its footer.

    Raises:
        InputError: if the file is not of the format, or has no text column.
    """
    target = max(1, round(source.split_mb * 1_000_000))
    with opening(path, source) as file:
        if isinstance(source, Parquet):
            columns = locate(path, file.schema_arrow, source.fields)
            return _group(path, _stored(file.metadata, columns), target, size, fingerprint)
        locate(path, file.schema, source.fields)
        if not hasattr(file, "num_record_batches"):
            return [Split(path, 0, 1, size, size, fingerprint, STREAM_NOTE if size > target else "")]
        count = file.num_record_batches
    if not count:
        return [Split(path, 0, 0, size, size, fingerprint)]
    ends = [size * i // count for i in range(count + 1)]
    return _group(path, [b - a for a, b in pairwise(ends)], target, size, fingerprint)


def _group(path: str, sizes: list[int], target: int, size: int, fingerprint: str) -> list[Split]:
    """Splits of neighbours that hold about the same, at most `target` unless one alone holds more."""
    parts = max(1, ceil(sum(sizes) / target))
    even = sum(sizes) / parts
    found: list[Split] = []
    start = done = 0
    for at in range(len(sizes)):
        done += sizes[at]
        if done >= even * (len(found) + 1) or at == len(sizes) - 1:
            length = sum(sizes[start : at + 1])
            found.append(Split(path, start, at + 1, size, length, fingerprint))
            start = at + 1
    return found or [Split(path, 0, 0, size, 0, fingerprint)]


def _stored(metadata: Any, columns: Mapping[str, list[str]]) -> list[int]:
    """Stored bytes of the wanted columns of each row group."""
    roots = {path[0] for path in columns.values()}
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    return [
        sum(
            group.column(i).total_compressed_size
            for i in range(group.num_columns)
            if group.column(i).path_in_schema.split(".")[0] in roots
        )
        for group in groups
    ]


@contextmanager
def opening(path: str, source: Parquet | Arrow) -> Iterator[Any]:
    """A Parquet file, an IPC file, or an IPC stream, opened for reading by ranges.

    Raises:
        InputError: if it is not of the format.
    """
    import pyarrow.parquet as pq

    local = paths.is_local(path)
    if paths.info(path)["size"] == 0:
        raise InputError(f"{path}: the file is empty; expected {source.format}")
    with pa.memory_map(str(paths.local(path))) if local else paths.open_read(path, ranges=True) as file:
        try:
            if isinstance(source, Parquet):
                opened = pq.ParquetFile(file, pre_buffer=not local, memory_map=local)
            else:
                opened = _open_ipc(file)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InputError(f"{path}: expected {source.format}: {str(error).splitlines()[0]}") from error
        yield opened


def _open_ipc(file: Any) -> Any:
    magic = file.read(6)
    file.seek(0)
    return pa.ipc.open_file(file) if magic == b"ARROW1" else pa.ipc.open_stream(file)


def locate(path: str, schema: pa.Schema, fields: Mapping[str, str]) -> dict[str, list[str]]:
    """For each document column that the file has, where it lies: names from the top down.

    Raises:
        InputError: if there is no text column, or `fields` names one that is not there.
    """
    found: dict[str, list[str]] = {}
    for column, name in targets(fields).items():
        place = _place(schema, name)
        if place is not None:
            found[column] = place
        elif column == "text" or column in fields:
            raise (
                no_text(path, name, _leaves(schema))
                if column == "text"
                else InputError(
                    f"{path}: fields: {column}: expected a column '{name}', found {', '.join(_leaves(schema))}"
                )
            )
    return found


def _place(schema: pa.Schema, name: str) -> list[str] | None:
    if name in schema.names:
        return [name]
    top, *rest = name.split(".")
    if top not in schema.names:
        return None
    kind = schema.field(top).type
    for part in rest:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return None
        kind = kind.field(part).type
    return [top, *rest]


def _leaves(schema: pa.Schema, prefix: str = "") -> list[str]:
    names: list[str] = []
    for field in schema:
        inner = pa.types.is_struct(field.type) and field.type.num_fields
        names += _leaves(list(field.type), f"{prefix}{field.name}.") if inner else [prefix + field.name]
    return names


def read_columnar(source: Parquet | Arrow, split: Split) -> Iterator[Read]:
    """The documents of a split's row groups or record batches; `offset` is the row number in the file."""
    out = Batcher(SCHEMA, paths.name(split.path), split)
    taker = RowTaker(source, out)
    with opening(split.path, source) as file:
        columns = locate(split.path, file.schema_arrow if isinstance(source, Parquet) else file.schema, source.fields)
        for part, parts, row, batch in _batches(file, split, columns, out):
            values = {name: _plain(batch, place) for name, place in columns.items()}
            for at in range(batch.num_rows):
                taker.take({name: column[at] for name, column in values.items()}, row + at)
            if out.full:
                yield out.give(split.length * part // parts)
    yield from out.finish()


def _batches(
    file: Any, split: Split, columns: Mapping[str, list[str]], out: Batcher
) -> Iterator[tuple[int, int, int, pa.RecordBatch]]:
    """The split's rows, a few at a time: parts done, parts in all, the first row's number, the rows.

    A part that cannot be decoded is an incident, and the next one is read.
    """
    sizes, parts = _parts(file, split, columns)
    row = sum(sizes[: split.start])
    for done, part in enumerate(parts):
        at = row
        try:
            for batch in part():
                yield done, len(parts), at, batch
                at += batch.num_rows
        except (pa.ArrowInvalid, OSError) as error:
            if not paths.is_local(split.path) or getattr(error, "errno", None):
                raise StorageError(f"{split.path}: cannot be read ({error}); run again") from error
            lost = sizes[split.start + done] + row - at if sizes else 0
            out.incident(
                at, f"{lost or 'an unknown number of'} rows cannot be decoded: {str(error).splitlines()[0]}", 0
            )
        row = row + sizes[split.start + done] if sizes else at


Part = Callable[[], Iterator[pa.RecordBatch]]


def _parts(file: Any, split: Split, columns: Mapping[str, list[str]]) -> tuple[list[int], list[Part]]:
    """Rows of each of the file's parts up to the split's end, and a way to read each of the split's parts."""
    inside = range(split.start, split.end)
    if hasattr(file, "iter_batches"):
        wanted = sorted({".".join(place) for place in columns.values()})
        sizes = [file.metadata.row_group(i).num_rows for i in range(split.end)]
        options = {"columns": wanted, "use_threads": False}
        return sizes, [partial(file.iter_batches, ROWS, row_groups=[i], **options) for i in inside]
    if hasattr(file, "num_record_batches"):
        sizes = [file.get_batch(i).num_rows for i in range(split.end)]
        return sizes, [partial(_sliced, file, i) for i in inside]
    return [], [partial(_sliced, file, None)]


def _sliced(file: Any, number: int | None) -> Iterator[pa.RecordBatch]:
    """One record batch, or all of a stream, a few rows at a time."""
    for batch in iter(file) if number is None else (file.get_batch(number),):
        for at in range(0, batch.num_rows, ROWS):
            yield batch.slice(at, ROWS)


def _plain(batch: pa.RecordBatch, place: list[str]) -> list[Any]:
    """A column as Python values; strings as bytes, so that invalid UTF-8 can be told apart row by row."""
    column = batch.column(place[0])
    for part in place[1:]:
        column = pc.struct_field(column, part)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or column.type == pa.string_view():
        column = column.cast(pa.large_binary())
    elif pa.types.is_string(column.type):
        column = column.cast(pa.binary())
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("ms", column.type.tz), safe=False)
    return column.to_pylist()  # type: ignore[no-any-return]
