"""The document: its Arrow schema, its ids, and batches of it."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

DATE = pa.timestamp("ms", tz="UTC")

# One curated document. `file` and `offset` say where it was read: the file's base name, and the byte
# offset of its record in that file (its row number for columnar files). After a dedup stage, `cluster_size` is the
# number of input documents that this one stands for, itself included, and `cluster` names them: its own id where
# they are more than one, else null.
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("source", pa.string()),
        pa.field("date", DATE),
        pa.field("language", pa.string()),
        pa.field("title", pa.string()),
        pa.field("file", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("cluster", pa.string()),
        pa.field("cluster_size", pa.int64()),
    ]
)

# One fetched page, before an extract step gives it its text. `charset` is what the HTTP header claims.
PAGE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("html", pa.binary(), nullable=False),
        pa.field("charset", pa.string()),
        pa.field("url", pa.string()),
        pa.field("source", pa.string()),
        pa.field("date", DATE),
        pa.field("file", pa.string()),
        pa.field("offset", pa.int64()),
    ]
)


class Address(NamedTuple):
    """Where a document lies within one manifest: the join key inside a run."""

    shard: int
    row: int


def make_id(url: str | None, date: str | None, payload: bytes) -> str:
    """A stable 128-bit id of a record that brings none of its own, as 32 hexadecimal digits.

    Args:
        url: the page's address as recorded, or None.
        date: the fetch date as recorded (not parsed, so that no time-zone rule can change the id), or None.
        payload: the record's body; only its digest enters.
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in (url or "").encode("utf-8", "surrogatepass"), (date or "").encode(), hashlib.blake2b(payload).digest():
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def from_texts(texts: Iterable[str], **columns: Sequence[Any]) -> pa.RecordBatch:
    """A batch of documents from texts, for use in Python and in tests.

    Args:
        texts: one string per document.
        **columns: values for other columns of `SCHEMA`; `id` defaults to `make_id` of url and text.
    """
    return conform({"text": list(texts), **columns})


def conform(data: pa.RecordBatch | pa.Table | Mapping[str, Sequence[Any]]) -> pa.RecordBatch:
    """Bring a batch, a table or a mapping of columns to `SCHEMA` (or `PAGE_SCHEMA` if it has `html` and no `text`).

    Missing columns become nulls, a missing `id` is made from url and text, further columns are dropped.

    Raises:
        ValueError: if there is neither a `text` nor an `html` column, or one has nulls or another type.
    """
    if isinstance(data, pa.RecordBatch) and data.schema.equals(SCHEMA):
        return data
    columns = _columns(data)
    schema = SCHEMA if "text" in columns or "html" not in columns else PAGE_SCHEMA
    body = "text" if schema is SCHEMA else "html"
    if body not in columns:
        raise ValueError(f"expected a column 'text' (or 'html'), found {sorted(columns) or 'no columns'}")
    rows = len(columns[body])
    columns[body] = _cast(columns[body], schema.field(body))
    if "id" not in columns:
        columns["id"] = pa.array(_ids(columns, body), pa.string())
    arrays = []
    for field in schema:
        value = columns.get(field.name)
        array = pa.nulls(rows, field.type) if value is None else _cast(value, field)
        if not field.nullable and array.null_count:
            raise ValueError(f"column '{field.name}' has {array.null_count} nulls; every document needs one")
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _columns(data: pa.RecordBatch | pa.Table | Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    if isinstance(data, pa.Table):
        data = data.combine_chunks()
        return {name: _one_chunk(data.column(name)) for name in data.column_names}
    if isinstance(data, pa.RecordBatch):
        return dict(zip(data.schema.names, data.columns, strict=True))
    return dict(data)


def _one_chunk(column: pa.ChunkedArray) -> pa.Array:
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks)
        if column.num_chunks
        else pa.array([], column.type)
    )


def _cast(value: Any, field: pa.Field) -> pa.Array:
    try:
        return value.cast(field.type) if isinstance(value, pa.Array) else pa.array(value, field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"column '{field.name}': expected {field.type}: {error}") from error


def _ids(columns: Mapping[str, Any], body: str) -> list[str]:
    urls = columns.get("url")
    plain = [None] * len(columns[body]) if urls is None else [_plain(url) for url in urls]
    bodies = (value or b"" for value in columns[body].cast(pa.binary()).to_pylist())
    return [make_id(url, None, value) for url, value in zip(plain, bodies, strict=True)]


def _plain(value: Any) -> Any:
    return value.as_py() if isinstance(value, pa.Scalar) else value
