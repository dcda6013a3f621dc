"""Tests of reading Parquet and Arrow files."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.errors import InputError
from corpusmill.storage.columnar import plan_columnar
from corpusmill.storage.inputs import Arrow, Parquet
from corpusmill.storage.splits import identify, plan_splits
from tests.storage.archives import account

TABLE = pa.table(
    {
        "id": [f"d{n}" for n in range(1000)],
        "text": [f"text number {n} " * 20 for n in range(1000)],
        "meta": [{"url": f"https://a.example/{n}", "n": n} for n in range(1000)],
        "big": ["unused"] * 1000,
    }
)


def write(path, kind, table=TABLE, rows=100):
    """A table in one of the formats, as an input."""
    if kind == "parquet":
        pq.write_table(table, path, row_group_size=rows)
        return Parquet
    opened = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with opened(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return Arrow


@pytest.mark.parametrize("kind", ["parquet", "file", "stream"])
@pytest.mark.parametrize("split_mb", [0.001, 0.02, 100])
def test_all_rows(tmp_path, kind, split_mb):
    """The splits give every row once, in order, with its number in the file and mapped nested fields."""
    path = tmp_path / "a.data"
    source = write(path, kind)(paths=(str(path),), split_mb=split_mb, fields={"url": "meta.url"})
    rows = account(source).rows
    assert TABLE["id"].to_pylist() == [row["id"] for row in rows]
    assert TABLE["text"].to_pylist() == [row["text"] for row in rows]
    assert list(range(1000)) == [row["offset"] for row in rows]
    assert rows[7]["url"] == "https://a.example/7"
    assert {row["file"] for row in rows} == {"a.data"}
    count = len(plan_splits(source))
    assert (count == 1) == (split_mb == 100 or kind == "stream")


def test_bytes_are_those_of_the_columns_read(tmp_path):
    """A Parquet split's length counts only the columns that are read."""
    path = tmp_path / "a.parquet"
    write(path, "parquet")
    text, whole = (
        sum(
            s.length for s in plan_columnar(Parquet(paths=(str(path),), fields=fields), str(path), *identify(str(path)))
        )
        for fields in ({}, {"url": "meta.url"})
    )
    assert 0 < text < whole < path.stat().st_size


@pytest.mark.parametrize(
    "kind",
    [pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())],
)
def test_kinds_of_strings(tmp_path, kind):
    """Text may be stored as any kind of string, or as bytes in UTF-8."""
    table = pa.table({"text": pa.array(["a", "Grüße"], pa.string()).cast(kind)})
    path = tmp_path / "a.arrow"
    source = write(path, "file", table)(paths=(str(path),))
    assert ["a", "Grüße"] == [row["text"] for row in account(source).rows]


@pytest.mark.parametrize("kind", ["parquet", "file"])
def test_bad_rows(tmp_path, kind):
    """Nulls, other types and invalid UTF-8 are dead letters, empty texts are rejected, the rest is read."""
    bad = pa.array([b"ok", b"\xff", None, b""], pa.binary())
    table = pa.table({"text": pa.Array.from_buffers(pa.string(), 4, bad.buffers())})
    path = tmp_path / "a.data"
    found = account(write(path, kind, table)(paths=(str(path),)))
    assert ["ok"] == [row["text"] for row in found.rows]
    assert found.reasons == {"read.bytes<1": 1}
    assert ["UnicodeDecodeError", "TypeError"] == [error.split(":")[0] for error in found.dead]


def test_dates(tmp_path):
    """Dates may be timestamps of any unit, days, or strings."""
    when = datetime(2024, 5, 1, 10, 20, 30, tzinfo=UTC)
    columns = {
        "ns": pa.array([when], pa.timestamp("ns", "UTC")),
        "s": pa.array([when.replace(tzinfo=None)], pa.timestamp("s")),
        "text": pa.array(["2024-05-01T10:20:30Z"]),
    }
    for name, column in columns.items():
        path = tmp_path / f"{name}.parquet"
        source = write(path, "parquet", pa.table({"text": ["a"], "when": column}))
        assert [when] == [row["date"] for row in account(source(paths=(str(path),), fields={"date": "when"})).rows]


@pytest.mark.parametrize("kind", ["parquet", "file"])
def test_no_text_column(tmp_path, kind):
    """A file without the text column stops the plan, with what it has and a near name."""
    path = tmp_path / "a.data"
    source = write(path, kind, pa.table({"texts": ["a"], "meta": [{"url": "u"}]}))
    with pytest.raises(InputError) as caught:
        plan_splits(source(paths=(str(path),)))
    assert str(caught.value) == (
        f"{path}: expected a field 'text' with the text, found meta.url, texts. Is it 'texts'?"
        " Name it in the recipe: input: {fields: {text: texts}}"
    )


def test_unknown_mapped_column(tmp_path):
    """A mapped column that is not there stops the plan."""
    path = tmp_path / "a.parquet"
    source = write(path, "parquet")
    with pytest.raises(
        InputError, match=r"fields: url: expected a column 'link', found id, text, meta\.url, meta\.n, big"
    ):
        plan_splits(source(paths=(str(path),), fields={"url": "link"}))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"not a table at all", b"ARROW1\0\0 cut"])
@pytest.mark.parametrize("kind", [Parquet, Arrow])
def test_no_table(tmp_path, data, kind):
    """A file of another format stops the plan with its name."""
    path = tmp_path / "a.data"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.data: "):
        plan_splits(kind(paths=(str(path),)))


def test_damaged_row_group(tmp_path):
    """A row group that cannot be decoded is an incident, and the others are read."""
    path = tmp_path / "a.parquet"
    source = write(path, "parquet")(paths=(str(path),))
    chunk = pq.ParquetFile(path).metadata.row_group(3).column(1)
    data = bytearray(path.read_bytes())
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(data)
    found = account(source)
    assert len(found.rows) == 900
    assert [300] == [offset for offset, _, _ in found.damage]
    assert "100 rows cannot be decoded" in found.damage[0][1]
    assert found.rows[300]["offset"] == 400


def test_empty_table(tmp_path):
    """A table without rows gives no documents."""
    for kind in ("parquet", "file", "stream"):
        path = tmp_path / f"{kind}.data"
        assert account(write(path, kind, TABLE.slice(0, 0))(paths=(str(path),))).records == []
