"""Documents: schema, ids, and what can be brought to them."""

import pyarrow as pa
import pytest

from corpusmill import documents


def test_ids_are_stable_and_depend_on_every_part():
    """An id is 32 hexadecimal digits, the same in every run, other for any other part."""
    assert documents.make_id("http://a", "2024", b"x") == "7fa87ceca910b6bd741c47ef0364fc94"
    parts = [
        ("http://a", "2024", b"x"),
        ("http://b", "2024", b"x"),
        ("http://a", None, b"x"),
        ("http://a", "2024", b"y"),
    ]
    assert 4 == len({documents.make_id(*part) for part in parts})


def test_parts_cannot_run_into_each_other():
    """Moving a character from one part to the next gives another id."""
    assert documents.make_id("ab", "c", b"") != documents.make_id("a", "bc", b"")


def test_texts_become_documents():
    """Missing columns are null, ids are made."""
    batch = documents.from_texts(["one", "zwei"], url=["http://a", None])
    assert batch.schema == documents.SCHEMA
    assert ["one", "zwei"] == batch["text"].to_pylist()
    assert batch["id"][0].as_py() == documents.make_id("http://a", None, b"one")


def test_tables_with_chunks_and_further_columns():
    """A table of several chunks becomes one batch; columns that are no document's are dropped."""
    table = pa.table({"text": pa.chunked_array([["a"], ["b", "c"]]), "score": [1, 2, 3]})
    assert ["a", "b", "c"] == documents.conform(table)["text"].to_pylist()
    assert 0 == documents.conform(table.slice(0, 0)).num_rows


def test_large_strings_are_taken():
    """Text from libraries that use 64-bit offsets is cast."""
    assert ["a"] == documents.conform({"text": pa.array(["a"], pa.large_string())})["text"].to_pylist()


def test_pages_keep_their_html():
    """A batch with html and no text is one of pages."""
    assert documents.conform({"html": [b"<p>"]}).schema == documents.PAGE_SCHEMA


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"content": ["a"]}, r"expected a column 'text' \(or 'html'\), found \['content'\]"),
        ({"text": ["a", None]}, "column 'text' has 1 nulls"),
        ({"text": [1, 2]}, "column 'text': expected string"),
    ],
)
def test_what_is_no_document_is_refused(data, message):
    """The message names the column and what was expected."""
    with pytest.raises(ValueError, match=message):
        documents.conform(data)
