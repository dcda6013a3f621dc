"""Tests of comparing two outputs."""

import json
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill import documents
from corpusmill.errors import OutputError
from corpusmill.storage.verify import compare
from corpusmill.storage.write import put, write_table
from tests.storage.packing import header, some_documents, write


@pytest.fixture
def pair(tmp_path):
    """Two equal outputs but for their times."""
    for name in "ab":
        root = f"{tmp_path}/{name}"
        texts = [f"text {n}" for n in range(3000)]
        write_table(f"{root}/01-x/documents/00000.parquet", [documents.from_texts(texts)], documents.SCHEMA)
        put(f"{root}/01-x/report.json", json.dumps({"counts": {"kept": [1, 2]}}).encode())
        put(f"{root}/01-x/timing.json", name.encode())
        put(f"{root}/01-x/timing/00000.json", name.encode())
        put(f"{root}/01-x/documents/.tmp-host-1-x", name.encode())
        put(f"{root}/recipe.yaml", b"name: x\n")
    return tmp_path / "a", tmp_path / "b"


def told(pair) -> list[str]:
    """The differences as lines."""
    return [str(difference) for difference in compare(*map(str, pair))]


def test_equal(pair):
    """Equal outputs have no differences, whatever their times."""
    assert told(pair) == []


def test_missing(pair):
    """A file that only one has is named."""
    (pair[1] / "01-x" / "more.json").write_bytes(b"{}")
    (pair[1] / "recipe.yaml").unlink()
    assert told(pair) == [f"01-x/more.json: only in {pair[1]}", f"recipe.yaml: only in {pair[0]}"]


def test_differing_row(pair):
    """The first differing row and column of a table are told."""
    texts = [f"text {n}" for n in range(3000)]
    texts[2500] = "other"
    batch = documents.from_texts(texts, id=[documents.make_id(None, None, f"text {n}".encode()) for n in range(3000)])
    write_table(str(pair[1] / "01-x/documents/00000.parquet"), [batch], documents.SCHEMA)
    assert told(pair) == ["01-x/documents/00000.parquet: row 2500, column text: 'text 2500' and 'other'"]


def test_differing_rows(pair):
    """So is a different number of rows."""
    texts = [f"text {n}" for n in range(2048)]
    write_table(str(pair[1] / "01-x/documents/00000.parquet"), [documents.from_texts(texts)], documents.SCHEMA)
    assert told(pair) == ["01-x/documents/00000.parquet: 3000 and 2048 rows; the first 2048 are equal"]


def test_differing_columns(pair):
    """So are different columns, and a file that is no table."""
    path = pair[1] / "01-x/documents/00000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.append_column("extra", pa.nulls(3000)), path)
    assert told(pair) == ["01-x/documents/00000.parquet: the columns differ: extra"]
    path.write_bytes(b"junk")
    assert "cannot be read" in told(pair)[0]


def test_differing_bytes(pair):
    """Equal values in other bytes are a difference as well."""
    path = pair[1] / "01-x/documents/00000.parquet"
    pq.write_table(pq.read_table(path), path)
    assert "the bytes differ, the values do not" in told(pair)[0]


def test_differing_json(pair):
    """The place of a differing value in JSON is told."""
    put(str(pair[1] / "01-x/report.json"), json.dumps({"counts": {"kept": [1, 3]}}).encode())
    assert told(pair) == ["01-x/report.json: counts.kept[1]: 2 and 3"]
    put(str(pair[1] / "01-x/report.json"), json.dumps({"counts": {"kept": [1, 2], "new": 1}}).encode())
    assert told(pair) == ["01-x/report.json: counts.new: only in one of them"]


def test_no_output(tmp_path):
    """A folder without files cannot be compared."""
    with pytest.raises(OutputError, match="expected a folder with the files of a run, found none"):
        compare(str(tmp_path), str(tmp_path / "none"))


def test_packed_shards(tmp_path):
    """What their headers say, then the first row that differs; other files are not said to have equal values."""
    folders = [tmp_path / name for name in "abc"]
    documents = some_documents(40)
    for folder in folders:
        folder.mkdir()
    write(folders[0] / "0.arrow", documents)
    write(folders[1] / "0.arrow", documents, header(recipe_key="other", strategy="pad"))
    write(folders[2] / "0.arrow", [*documents[:-1], [7, 7]])
    assert told(folders[:2]) == ["0.arrow: strategy: 'best_fit' and 'pad'"]
    (difference,) = told(folders[::2])
    assert re.fullmatch(r"0\.arrow: row \d+, column input_ids: .*", difference)
    write(folders[2] / "0.arrow", documents, header(recipe_key="other"))
    assert told(folders[::2]) == ["0.arrow: recipe_key: 'key' and 'other'"]
    for folder in folders:
        (folder / "0.arrow").unlink()
        (folder / "recipe.yaml").write_text(f"name: {folder.name}\n")
    assert told(folders[:2]) == ["recipe.yaml: the bytes differ (8 and 8 bytes)"]
