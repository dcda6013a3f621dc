"""Tests of reading WARC, ARC and WET archives."""

import gzip
import random
import zlib
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from fastwarc.stream_io import BrotliWriter
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill import documents
from corpusmill.storage.inputs import Warc, Wet
from corpusmill.storage.read import read
from corpusmill.storage.splits import plan_splits
from corpusmill.storage.warc import WHOLE
from tests.storage.archives import HTML, account, arc_record, every, http, members, pages, record


def made(tmp_path: Path, *records: bytes, name: str = "a.warc.gz", **options: float) -> Warc:
    """An archive of records as the only file of an input."""
    path = tmp_path / name
    path.write_bytes(members(list(records)) if name.endswith("gz") else b"".join(records))
    return Warc(paths=(str(path),), **options)


def told(tmp_path: Path, block: bytes, **options: float):
    """The account of an archive with one response."""
    return account(made(tmp_path, record(block), **options))


def test_page(tmp_path):
    """A page becomes a row with its id, address, date, character set and place."""
    source = made(tmp_path, record(b"x", "warcinfo", 1), record(http(), number=7))
    second = len(members([record(b"x", "warcinfo", 1)]))
    expected = {
        "id": "00000000-0000-0000-0000-000000000007",
        "html": HTML,
        "charset": "utf-8",
        "url": "https://a.example/7",
        "source": "warc",
        "date": datetime(2024, 5, 1, 10, 20, 30, tzinfo=UTC),
        "file": "a.warc.gz",
        "offset": second,
    }
    found = account(source)
    assert [expected] == found.rows
    assert {"warcinfo": 1} == found.skipped


def test_schema(tmp_path):
    """Pages come in the page schema, also where there is none."""
    source = made(tmp_path, record(b"x", "warcinfo"))
    (part,) = read(source, plan_splits(source)[0])
    assert documents.PAGE_SCHEMA == part.batch.schema
    assert part.batch.num_rows == 0


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (http(status="404 Not Found"), "read.status=404"),
        (http(status="301 Moved"), "read.status=301"),
        (http(content_type="image/PNG; q=1"), "read.content_type=image/png"),
        (http(b"User-agent: *", content_type="text/plain"), "read.content_type=text/plain"),
        (http(b"no markup at all", content_type=""), "read.content_type=unknown"),
        (http(b""), "read.bytes<1"),
        (b"", "read.bytes<1"),
        (http(b"x" * 1001), "read.bytes>1000"),
        (http(b"x" * 200_000), "read.bytes>1000"),
        (http(gzip.compress(b"x" * 1001), Content_Encoding="gzip"), "read.bytes>1000"),
        (http(zstandard.compress(b"x" * 1001), Content_Encoding="zstd"), "read.bytes>1000"),
        (http(b"x" * 200_000, content_type="image/png"), "read.content_type=image/png"),
    ],
)
def test_rejected(tmp_path, block, reason):
    """A response that is no usable page is counted under its reason."""
    assert {reason: 1} == told(tmp_path, block, max_page_mb=0.001).reasons


@pytest.mark.parametrize(
    ("kind", "reasons", "skipped"),
    [
        ("revisit", {"read.record_type=revisit": 1}, {}),
        ("conversion", {"read.record_type=conversion": 1}, {}),
        ("continuation", {"read.record_type=continuation": 1}, {}),
        ("request", {}, {"request": 1}),
        ("metadata", {}, {"metadata": 1}),
        ("monkeys", {}, {"unknown": 1}),
    ],
)
def test_record_types(tmp_path, kind, reasons, skipped):
    """Pages of another kind are rejected; records that are no pages are skipped."""
    found = account(made(tmp_path, record(b"abc", kind)))
    assert reasons == found.reasons
    assert skipped == found.skipped


def test_dns(tmp_path):
    """A look-up of a name is no page."""
    block = record(b"20240501 a.example", WARC_Target_URI="dns:a.example", Content_Type="text/dns")
    assert {"dns": 1} == account(
        made(tmp_path, block.replace(b"WARC-Target-URI: https://a.example/0\r\n", b""))
    ).skipped


def test_resource(tmp_path):
    """A resource is a page if its type is HTML."""
    page = record(HTML, "resource", 1).replace(b"application/http; msgtype=response", b"text/html; charset=latin1")
    image = record(b"\x89PNG", "resource", 2).replace(b"application/http; msgtype=response", b"image/png")
    found = account(made(tmp_path, page, image))
    assert [(HTML, "latin1")] == [(row["html"], row["charset"]) for row in found.rows]
    assert {"read.content_type=image/png": 1} == found.reasons


def brotli(data: bytes, tmp_path: Path) -> bytes:
    """Data in Brotli."""
    with BrotliWriter(str(tmp_path / "x.br")) as writer:
        writer.write(data)
    return (tmp_path / "x.br").read_bytes()


ENCODED = {
    "gzip": gzip.compress(HTML),
    "x-gzip": gzip.compress(HTML),
    "deflate": zlib.compress(HTML),
    "Deflate": zlib.compress(HTML)[2:-4],
    "zstd": zstandard.compress(HTML),
    "gzip, deflate": zlib.compress(gzip.compress(HTML)),
    "identity": HTML,
    "utf-8": HTML,
}


@pytest.mark.parametrize("name", ENCODED)
def test_content_encoding(tmp_path, name):
    """Content encodings are undone, the last named first."""
    assert [HTML] == [row["html"] for row in told(tmp_path, http(ENCODED[name], Content_Encoding=name)).rows]


def test_brotli(tmp_path):
    """Brotli is undone as well."""
    block = http(brotli(HTML, tmp_path), Content_Encoding="br")
    assert [HTML] == [row["html"] for row in told(tmp_path, block).rows]


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_stored_decoded(tmp_path, name):
    """A body that the crawler stored decoded under its old head is taken as it is."""
    assert [HTML] == [row["html"] for row in told(tmp_path, http(HTML, Content_Encoding=name)).rows]


def test_damaged_encoding(tmp_path):
    """What is readable of a damaged body is kept; one that is not readable at all is a dead letter."""
    body = HTML + random.Random(1).randbytes(3000)
    packed = gzip.compress(body, mtime=0)
    cut = told(tmp_path, http(packed[:-900], Content_Encoding="gzip")).rows[0]["html"]
    assert body[: len(cut)] == cut
    assert len(cut) > 1000
    dead = told(tmp_path, http(b"\x1f\x8b\x08" + b"\xff" * 50, Content_Encoding="gzip")).dead
    assert ["RecordError: Content-Encoding cannot be undone"] == [
        error.split(":")[0] + ":" + error.split(":")[1] for error in dead
    ]


def test_unknown_encoding(tmp_path):
    """An encoding that nothing can undo is a dead letter that names it."""
    (error,) = told(tmp_path, http(b"abc", Content_Encoding="rot13")).dead
    assert error == "RecordError: Content-Encoding 'rot13' is not known; expected gzip, deflate, br or zstd"


@pytest.mark.parametrize(
    "body",
    [
        b"5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n",
        b"5;x=y\r\nabcde\r\n 3 \r\nfgh\r\n0\r\nTrailer: x\r\n\r\n",
        b"5\nabcde\n3\nfgh\n0\n\n",
        b"5\r\nabcde\r\n3\r\nfgh",
        b"5\r\nabcde\r\n400\r\nfgh",
        b"abcdefgh",
    ],
)
def test_chunked(tmp_path, body):
    """Chunks are joined, tolerantly; a body that is not chunked is kept as it is."""
    found = told(tmp_path, http(body, Transfer_Encoding="chunked"))
    assert [b"abcdefgh"] == [row["html"] for row in found.rows]


def test_chunked_and_packed(tmp_path):
    """Chunks are joined before the content encoding is undone."""
    packed = gzip.compress(HTML)
    body = b"%x\r\n" % 10 + packed[:10] + b"\r\n%x\r\n" % (len(packed) - 10) + packed[10:] + b"\r\n0\r\n\r\n"
    block = http(body, Transfer_Encoding="chunked", Content_Encoding="gzip")
    assert [HTML] == [row["html"] for row in told(tmp_path, block).rows]


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", None),
        ("text/html;charset=ISO-8859-1", "iso-8859-1"),
        ("text/html; Charset = 'windows-1252'", "windows-1252"),
        ('application/xhtml+xml; charset="UTF-8"', "utf-8"),
        ("text/html; charset=", None),
    ],
)
def test_charset(tmp_path, content_type, expected):
    """The claimed character set is passed on, not applied."""
    assert [expected] == [row["charset"] for row in told(tmp_path, http(content_type=content_type)).rows]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf", b"\n <!-- hi -->\n", b'<?xml version="1.0"?>'])
def test_sniffed(tmp_path, start):
    """A body without a type is a page if it begins as pages do."""
    assert [start + HTML] == [row["html"] for row in told(tmp_path, http(start + HTML, content_type="")).rows]


@pytest.mark.parametrize(
    "block",
    [
        b"HTTP/1.1 200 OK\nContent-Type: text/html\n\n" + HTML,
        b"HTTP/1.1 200\r\nContent-Type: text/html\r\n\r\n" + HTML,
        b"HTTP/1.0 200 OK\r\nno colon here\r\nContent-Type: text/html\r\n\xff: \xfe\r\n\r\n" + HTML,
        b"HTTP/1.1 200 OK\r\ncontent-type:\r\n text/html\r\n\r\n" + HTML,
        b"HTTP/2 200\r\nCONTENT-TYPE: TEXT/HTML\r\n\r\n" + HTML,
        b"\r\nHTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + HTML,
    ],
)
def test_odd_heads(tmp_path, block):
    """Heads that break the rules in common ways are read."""
    assert [HTML] == [row["html"] for row in told(tmp_path, block).rows]


def test_no_status_line(tmp_path):
    """A response without a status line is a dead letter with its payload."""
    source = made(tmp_path, record(b"<html>no head</html>"))
    (part,) = read(source, plan_splits(source)[0])
    (dead,) = part.dead
    assert dead.error == (
        "RecordError: expected an HTTP status line such as 'HTTP/1.1 200 OK', found b'<html>no head</html>'"
    )
    assert dead.payload == b"<html>no head</html>"
    assert dead.stage == "read"


def test_missing_fields(tmp_path):
    """A page without id, address or date is kept; its id is the hash of what it has."""
    bare = record(http()).split(b"\r\n")
    lines = [line for line in bare if not line.startswith((b"WARC-Record", b"WARC-Target", b"WARC-Date"))]
    (row,) = account(made(tmp_path, b"\r\n".join(lines))).rows
    assert documents.make_id(None, None, http()) == row["id"]
    assert (None, None) == (row["url"], row["date"])


def test_address_in_brackets(tmp_path):
    """Addresses that a writer put in angle brackets are freed of them."""
    source = made(tmp_path, record(http()).replace(b"https://a.example/0", b"<https://a.example/0>"))
    assert ["https://a.example/0"] == [row["url"] for row in account(source).rows]


def test_no_type(tmp_path):
    """A record that does not say its type is a dead letter."""
    found = account(made(tmp_path, record(http()).replace(b"WARC-Type: response\r\n", b"")))
    assert ["RecordError: expected a WARC-Type, found none"] == found.dead


def test_arc(tmp_path):
    """ARC records are read as the responses they are."""
    block = http()
    data = [
        arc_record(
            "filedesc://x.arc", b"1 0 Test\nURL IP-address Archive-date Content-type Archive-length\n", "text/plain"
        ),
        arc_record("dns:a.example", b"20080430204825\n192.0.2.1\n", "text/dns"),
        arc_record("http://a.example/with space", block),
        arc_record("http://a.example/2", http(status="404 Gone")),
    ]
    for name in ("a.arc", "a.arc.gz"):
        found = account(made(tmp_path, *data, name=name))
        (row,) = found.rows
        assert row["url"] == "http://a.example/with space"
        assert row["date"] == datetime(2008, 4, 30, 20, 48, 25, tzinfo=UTC)
        assert row["id"] == documents.make_id("http://a.example/with space", "20080430204825", block)
        assert found.reasons == {"read.status=404": 1}
        assert found.skipped == {"warcinfo": 1, "dns": 1}
        assert found.damage == []


def test_wet(tmp_path):
    """The texts of a WET archive become documents."""
    text = "Grüße, 世界\n"
    path = tmp_path / "a.wet.gz"
    good = record(text.encode(), "conversion", 1).replace(b"application/http; msgtype=response", b"text/plain")
    latin = record(text[:5].encode("latin-1"), "conversion", 2).replace(
        b"application/http; msgtype=response", b"text/plain"
    )
    empty = record(b"", "conversion", 3).replace(b"application/http; msgtype=response", b"text/plain")
    path.write_bytes(members([record(b"x", "warcinfo"), good, latin, empty, record(http(), number=4)]))
    found = account(Wet(paths=(str(path),)))
    assert [text] == [row["text"] for row in found.rows]
    assert found.reasons == {"read.bytes<1": 1, "read.record_type=response": 1}
    assert [error.split(":")[0] for error in found.dead] == ["UnicodeDecodeError"]


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.arc", "a.arc.gz"])
@pytest.mark.parametrize("step", [1, 7, 100, 1000, 100_000])
def test_splits_join(tmp_path, name, step):
    """The splits' records are those of the file, wherever it is cut."""
    records = pages(5)
    if "arc" in name and "warc" not in name:
        records = [arc_record(f"http://a.example/{n}", http(HTML * (n + 1))) for n in range(8)]
    source = made(tmp_path, *records, name=name)
    if step == 1 and len(records) > 10:
        step = 3
    whole, parts = account(source), account(source, every(Path(source.paths[0]), step))
    assert whole.records == parts.records
    assert whole.skipped == parts.skipped
    assert len(whole.rows) in {5, 8}
    assert parts.damage == []


@pytest.mark.parametrize("step", [20, 300])
def test_page_that_shows_a_record(tmp_path, step):
    """A page with the text of a WARC record in it is one page, wherever the file is cut."""
    body = HTML + b"\r\n\r\nWARC/1.0\r\nWARC-Type: response\r\nContent-Length: 5\r\n\r\nhello, and more of the page"
    source = made(
        tmp_path, record(http(), number=1), record(http(body), number=2), record(http(), number=3), name="a.warc"
    )
    whole, parts = account(source), account(source, every(tmp_path / "a.warc", step))
    assert [HTML, body, HTML] == [row["html"] for row in whole.rows]
    assert whole.records == parts.records


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_damaged_splits_join(tmp_path_factory, data):
    """Whatever happens to some bytes of an archive, nothing crashes and the splits find what the whole file shows."""
    zipped = data.draw(st.booleans())
    records = pages(4)
    raw = bytearray(members(records) if zipped else b"".join(records))
    at = data.draw(st.integers(0, len(raw) - 1))
    match data.draw(st.sampled_from(["flip", "cut", "delete", "insert"])):
        case "flip":
            raw[at] ^= data.draw(st.integers(1, 255))
        case "cut":
            del raw[at:]
        case "delete":
            del raw[at : at + data.draw(st.integers(1, 300))]
        case "insert":
            raw[at:at] = data.draw(st.binary(min_size=1, max_size=50))
    path = tmp_path_factory.mktemp("damaged") / "a.warc"
    path.write_bytes(bytes(raw))
    source = Warc(paths=(str(path),))
    whole, parts = account(source), account(source, every(path, data.draw(st.integers(50, 1500))))
    assert whole.records == parts.records
    assert whole.skipped == parts.skipped
    assert whole.damage == [found for found in parts.damage if found[1] != WHOLE]


def test_other_records_survive(tmp_path):
    """A corrupt member costs its own record and no other."""
    records = [record(http(random.Random(n).randbytes(2000)), number=n) for n in range(5)]
    data = bytearray(members(records))
    start = len(members(records[:2]))
    data[start + 1000 : start + 1100] = b"\xff" * 100
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    found = account(Warc(paths=(str(path),)))
    whole = [name[-1] for what, name, _, _ in found.records if what == "row"]
    assert {"0", "1", "3", "4"} <= set(whole)
    assert any("gzip" in what for _, what, _ in found.damage)


def test_truncated_member(tmp_path):
    """A file that ends in a member keeps what was readable and tells of the rest."""
    body = random.Random(1).randbytes(5000)
    data = members([record(http(), number=1), record(http(body), number=2)])
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data[:-2000])
    found = account(Warc(paths=(str(path),)))
    assert HTML == found.rows[0]["html"]
    assert body.startswith(found.rows[1]["html"])
    assert len(found.rows[1]["html"]) > 2000
    assert ["record ends early", "truncated gzip member"] == [what for _, what, _ in found.damage]


def test_wrong_check_sum(tmp_path):
    """A wrong check sum is an incident; the record and those after it are read."""
    data = bytearray(members([record(http(), number=1)]) + members([record(http(), number=2)]))
    data[len(members([record(http(), number=1)])) - 8] ^= 1
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    found = account(Warc(paths=(str(path),)))
    assert len(found.rows) == 2
    assert ["wrong gzip check sum"] == [what for _, what, _ in found.damage]


def test_one_member(tmp_path):
    """A file compressed as a whole is read by its first split, which says so."""
    path = tmp_path / "a.warc.gz"
    path.write_bytes(gzip.compress(b"".join(pages(5)), mtime=0))
    source = Warc(paths=(str(path),))
    whole, parts = account(source), account(source, every(path, 100))
    assert whole.records == parts.records
    assert whole.damage == []
    assert [(0, WHOLE, 0)] == parts.damage


@pytest.mark.parametrize("size", [64, 1000, 30_000])
def test_members_of_blocks(tmp_path, size):
    """Members that are blocks of a fixed size, not records, are read as one stream."""
    data = b"".join(pages(6))
    path = tmp_path / "a.warc.gz"
    path.write_bytes(members([data[i : i + size] for i in range(0, len(data), size)]))
    found = account(Warc(paths=(str(path),)))
    assert [row["html"] for row in found.rows] == [HTML + b" " * n for n in range(6)]
    assert found.damage == []


def test_zstd(tmp_path):
    """WARC.zst is read by the first split."""
    path = tmp_path / "a.warc.zst"
    path.write_bytes(b"".join(zstandard.compress(data) for data in pages(5)))
    source = Warc(paths=(str(path),))
    whole, parts = account(source), account(source, every(path, 500))
    assert len(whole.rows) == 5
    assert whole.records == parts.records


def test_truncated_zstd(tmp_path):
    """A WARC.zst that ends early keeps what was readable."""
    path = tmp_path / "a.warc.zst"
    data = b"".join(zstandard.compress(data) for data in pages(5))
    path.write_bytes(data[:-20])
    found = account(Warc(paths=(str(path),)))
    assert len(found.rows) >= 4
    assert found.damage


def test_junk_between(tmp_path):
    """Bytes between records are counted and passed over."""
    one, two = record(http(), number=1), record(http(), number=2)
    junk = b"junk " * 20
    found = account(made(tmp_path, one, junk, b"\r\n\r\n", two, name="a.warc"))
    assert len(found.rows) == 2
    assert [(len(one), "bytes that are no record", len(junk) + 4)] == found.damage


def test_too_long_a_length(tmp_path):
    """A length that reaches into the next record is cut where that begins."""
    one = record(http(), number=1).replace(b"Content-Length: %d" % len(http()), b"Content-Length: 300")
    found = account(made(tmp_path, one, *[record(http(), number=n) for n in (2, 3)], name="a.warc"))
    assert [HTML, HTML, HTML] == [row["html"] for row in found.rows]
    assert [(0, "record ends early", 300 - len(http()))] == found.damage


def test_no_length(tmp_path):
    """A record without a length goes on to the next one."""
    one = record(http(), number=1).replace(b"Content-Length: %d\r\n" % len(http()), b"")
    found = account(made(tmp_path, one, record(http(), number=2), name="a.warc"))
    assert ["1", "2"] == [row["id"][-1] for row in found.rows]
    assert [(0, "record without a valid Content-Length", 0)] == found.damage


@pytest.mark.parametrize("data", [b"", b"\n", b"\x1f\x8b", b"WARC", b"\x00" * 5000, b"\x1f\x8b\x08" + b"\x00" * 5000])
def test_no_archive(tmp_path, data):
    """A file that is no archive gives no records, and says so unless it is empty."""
    path = tmp_path / "a.warc.gz"
    path.write_bytes(data)
    found = account(Warc(paths=(str(path),)))
    assert found.records == []
    assert bool(data.strip()) == bool(found.damage)


def test_large_page_is_not_held(tmp_path):
    """A page of 50 MB is dropped with its size as the reason, and the next one is read."""
    path = tmp_path / "a.warc.gz"
    path.write_bytes(members([record(http(b"x" * 50_000_000), number=1), record(http(), number=2)]))
    found = account(Warc(paths=(str(path),)))
    assert {"read.bytes>16000000": 1} == found.reasons
    assert len(found.rows) == 1


def test_batches_are_cut_by_bytes(tmp_path):
    """Batches hold about 16 MB of payload."""
    body = b"x" * 5_000_000
    source = made(tmp_path, *[record(http(body), number=n) for n in range(9)])
    sizes = [part.batch.num_rows for part in read(source, plan_splits(source)[0])]
    assert [4, 4, 1] == sizes


def test_nul_and_odd_bytes(tmp_path):
    """NULs and invalid UTF-8 in a page are passed on; in heads they do no harm."""
    body = b"<html>\x00\xff\xfe</html>"
    found = account(made(tmp_path, record(http(body)).replace(b"a.example/0", b"a.example/\xff\x00")))
    assert [body] == [row["html"] for row in found.rows]
