"""Tests of reading JSON lines."""

import bz2
import gzip
import json
import lzma
import random
from datetime import UTC, datetime
from functools import partial

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill import documents
from corpusmill.errors import InputError
from corpusmill.storage.inputs import Jsonl
from corpusmill.storage.jsonl import WHOLE, cut_lines
from corpusmill.storage.splits import plan_splits
from tests.storage.archives import account, every


def made(tmp_path, *lines: bytes, name="a.jsonl", **options) -> Jsonl:
    """A file of lines as the only one of an input."""
    path = tmp_path / name
    path.write_bytes(b"\n".join(lines))
    return Jsonl(paths=(str(path),), **options)


def doc(text, **more) -> bytes:
    """One object as a line."""
    return json.dumps({"text": text, **more}, ensure_ascii=False).encode()


def test_document(tmp_path):
    """Fields of our names become columns; offsets are bytes."""
    second = doc("Grüße", id=7, url="https://a.example/", date="2024-02-03", language="de", source="s", title=None)
    found = account(made(tmp_path, doc("one"), second, b""))
    one, two = found.rows
    assert one["id"] == documents.make_id(None, None, b"one")
    assert one["source"] == "jsonl"
    assert one["date"] is None
    expected = {
        "id": "7", "text": "Grüße", "url": "https://a.example/", "source": "s", "language": "de", "title": None,
        "date": datetime(2024, 2, 3, tzinfo=UTC), "file": "a.jsonl", "offset": len(doc("one")) + 1,
        "cluster": None, "cluster_size": None,
    }  # fmt: skip
    assert expected == two
    assert found.skipped == {}


def test_fields(tmp_path):
    """Other names are mapped, and dots reach into objects unless a name has the dot itself."""
    line = json.dumps({"content": "hello", "meta": {"url": "u", "when": {"t": 1700000000}}, "meta.lang": "en"}).encode()
    fields = {"text": "content", "url": "meta.url", "date": "meta.when.t", "language": "meta.lang", "title": "meta.no"}
    (row,) = account(made(tmp_path, line, fields=fields)).rows
    assert ("hello", "u", "en", None) == (row["text"], row["url"], row["language"], row["title"])
    assert datetime.fromtimestamp(1700000000, UTC) == row["date"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b'{"text": "cut', "JSONDecodeError: Unterminated string"),
        (b"not json", "JSONDecodeError: Expecting value"),
        (b'["a"]', "TypeError: expected a JSON object, found a list"),
        (b'{"text": null}', "TypeError: expected a text, found null"),
        (b'{"text": 3}', "TypeError: expected a text, found a number"),
        (b'{"text": {"a": 1}}', "TypeError: expected a text, found an object"),
        (b'{"other": "a"}', "TypeError: the text is missing"),
        (b'{"text": "\xff"}', "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff"),
        (b'{"text": "\\ud800"}', "UnicodeEncodeError: 'utf-8' codec can't encode"),
        (b'{"text": ' + b"[" * 100_000, "RecursionError"),
    ],
)
def test_dead(tmp_path, line, error):
    """A line that is no document is a dead letter, and the lines around it are read."""
    found = account(made(tmp_path, doc("before"), line, doc("after")))
    assert ["before", "after"] == [row["text"] for row in found.rows]
    assert found.dead[0].startswith(error)


def test_nul_is_kept(tmp_path):
    """NULs and escapes in a text are kept."""
    (row,) = account(made(tmp_path, b'{"text": "a\\u0000b\\n\\ud83d\\ude00"}')).rows
    assert row["text"] == "a\x00b\n\U0001f600"


def test_empty_blank_and_long(tmp_path):
    """Empty and overlong texts are rejected, also where the line is longer than what is held; blank lines are skipped."""
    source = made(
        tmp_path, doc(""), b"", b"  \r", doc("x" * 1001), doc("y" * 3_000_000), doc("ok"), max_document_mb=0.001
    )
    found = account(source)
    assert found.reasons == {"read.bytes<1": 1, "read.bytes>1000": 2}
    assert found.skipped == {"blank": 2}
    assert ["ok"] == [row["text"] for row in found.rows]


def test_byte_order_mark(tmp_path):
    """A byte order mark at the beginning is no part of the first line."""
    assert ["a"] == [row["text"] for row in account(made(tmp_path, b"\xef\xbb\xbf" + doc("a"))).rows]


@pytest.mark.parametrize("step", [1, 3, 10, 37, 1000])
def test_splits_join(tmp_path, step):
    """The splits' documents are those of the file, wherever it is cut."""
    lines = [doc("x" * random.Random(n).randrange(40), n=n) for n in range(30)]
    lines[4:4] = [b"", b"bad"]
    source = made(tmp_path, *lines)
    whole, parts = account(source), account(source, every(tmp_path / "a.jsonl", step))
    assert whole.records == parts.records
    assert whole.skipped == parts.skipped


@given(st.binary(), st.integers(1, 9), st.integers(1, 20))
@settings(deadline=None)
def test_cut_lines(data, piece, limit):
    """Lines, offsets and lengths are those of a plain split, in whatever pieces the data comes."""
    pieces = iter([data[i : i + piece] for i in range(0, len(data), piece)])
    found = list(cut_lines(lambda: next(pieces, b""), 100, limit))
    expected = data.split(b"\n")
    if not expected[-1]:
        expected.pop()
    at = 100
    for line, whole in zip(found, expected, strict=True):
        assert (at, len(whole)) == (line.offset, line.length)
        assert whole.startswith(line.data)
        assert line.data == whole or len(whole) > limit
        at += len(whole) + 1


QUICK = {
    "gz": partial(gzip.compress, compresslevel=1),
    "zst": zstandard.compress,
    "bz2": partial(bz2.compress, compresslevel=1),
    "xz": partial(lzma.compress, preset=0),
}
PACKERS = {"gz": gzip.compress, "zst": zstandard.compress, "bz2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("suffix", PACKERS)
def test_compressed(tmp_path, suffix):
    """Compressed lines are one shard, which the plan says; several compressed parts in a row are read as one."""
    data = b"\n".join(doc(f"text {n}") for n in range(50)) + b"\n"
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(PACKERS[suffix](data[:300]) + PACKERS[suffix](data[300:]))
    source = Jsonl(paths=(str(path),), split_mb=0.0001)
    (split,) = plan_splits(source)
    assert split.note == f"{suffix} files cannot be split"
    assert [f"text {n}" for n in range(50)] == [row["text"] for row in account(source).rows]


def test_compressed_without_saying_so(tmp_path):
    """A compressed file whose name does not show it is read by its first split, which says so."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(b"\n".join(doc(f"{n}") for n in range(50))))
    found = account(Jsonl(paths=(str(path),)), every(path, 50))
    assert len(found.rows) == 50
    assert [(0, WHOLE, 0)] == found.damage


@pytest.mark.parametrize("suffix", PACKERS)
def test_truncated(tmp_path, suffix):
    """A compressed file that ends early keeps the lines that were readable, and tells of it."""
    lines = [doc(random.Random(n).randbytes(60).hex()) for n in range(20_000)]
    path = tmp_path / f"a.jsonl.{suffix}"
    path.write_bytes(QUICK[suffix](b"\n".join(lines))[:-100])
    found = account(Jsonl(paths=(str(path),)))
    assert len(found.rows) > 5_000
    assert len(found.incidents) == 1


def test_misnamed_text(tmp_path):
    """A file whose objects have no text field stops the run with what it has and how to map it."""
    source = made(tmp_path, *[json.dumps({"id": "a", "content": {"body": "x"}}).encode()] * 3)
    with pytest.raises(InputError) as caught:
        account(source)
    message = str(caught.value)
    assert "expected a field 'text' with the text, found content.body, id" in message
    assert "input: {fields: {text: " in message


def test_late_missing_text(tmp_path):
    """Where some objects have a text, those without are dead letters."""
    source = made(tmp_path, *[b'{"a": 1}'] * 5, doc("x"), *[b'{"a": 1}'] * 20)
    assert len(account(source).dead) == 25
