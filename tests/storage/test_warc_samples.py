"""Every sample archive, malformed ones too: nothing crashes, nothing vanishes, the splits agree."""

import json
from collections import Counter

import pytest
from fastwarc.warc import ArchiveIterator

from corpusmill.storage.inputs import Warc, Wet
from corpusmill.storage.pages import SKIPPED
from corpusmill.storage.warc import WHOLE
from tests.data import SHARED
from tests.storage.archives import account, every

FOLDER = SHARED / "warc-samples"
SAMPLES = sorted(path for path in FOLDER.glob("*/*") if path.is_file())
NAMES = [f"{path.parent.name}/{path.name}" for path in SAMPLES]
pytestmark = pytest.mark.skipif(not SAMPLES, reason="needs shared/data/warc-samples beside the checkout")

# Files in which fastwarc's iterator stops early or reads past damage: bad heads, wrong lengths, ARC. What we find in
# them is written out below, from a look at the files.
DAMAGED = {
    "cc/cc-arc-2008-sample.arc.gz": (146, 0),
    "heritrix/aut-example.arc.gz": (300, 0),
    "malformed/warcio-bad.arc": (0, 1),
    "malformed/warcio-example-space-in-url.arc": (2, 1),
    "malformed/warcio-example-trunc.warc": (4, 1),
    "malformed/warcio-example.arc": (2, 0),
    "malformed/warcio-example.arc.gz": (2, 0),
    "odd/ipwb-baconIpsum_chunked_httpTrailors.warc": (6, 0),
    "odd/ipwb-broken.warc": (6, 1),
    "odd/ukwa-IAH-20080430204825-00000-blackbook-truncated.arc": (9, 0),
    "odd/ukwa-IAH-20080430204825-00000-blackbook-truncated.arc.gz": (9, 0),
    "cc/resiliparse-clipped.warc.gz": (1, 2),
    "cc/resiliparse-block-sized-records.warc.gz": (3, 0),
    "malformed/jhove-invalid-invalid-warcfile-fields-missing.warc": (1, 1),
    "malformed/jhove-invalid-invalid-warcfile-duplicate-fields.warc": (1, 0),
    "malformed/jhove-invalid-invalid-warcfile-fields-empty.warc": (1, 1),
    "malformed/jhove-invalid-invalid-warcfile-fields-invalidformat.warc": (1, 1),
    "malformed/jhove-invalid-invalid-warcrecord-1.warc": (6, 2),
    "malformed/jhove-invalid-invalid-warcrecord-3.warc": (6, 3),
    "malformed/jhove-valid-valid-warcfile-fields-continuation.warc": (1, 0),
    "malformed/jhove-valid-valid-warcfile-fields-metainfo.warc": (1, 0),
    "malformed/jhove-valid-valid-warcfile-fields-warcinfo.warc": (1, 0),
    "malformed/jhove-valid-valid-warcfile-upper-lower-case.warc": (3, 2),
    "malformed/jhove-valid-valid-warcfile-utf8.warc": (1, 0),
}


def source(path):
    """The input that fits a sample's name."""
    return (Wet if ".wet" in path.name else Warc)(paths=(str(path),))


def oracle(path) -> Counter[str]:
    """Records by type as fastwarc reads them; dns responses apart."""
    found: Counter[str] = Counter()
    with path.open("rb") as file:
        for record in ArchiveIterator(file, parse_http=False):
            kind = str(record.record_type).rpartition(".")[2]
            is_dns = (record.headers.get("WARC-Target-URI") or "").startswith("dns:")
            found["dns" if is_dns and kind in {"response", "resource"} else kind] += 1
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=NAMES)
def test_nothing_vanishes(path):
    """Records seen are rows, rejected, dead or skipped, as many as fastwarc reads or as were counted by hand."""
    found = account(source(path))
    seen = len(found.records) + found.skipped.total()
    name = f"{path.parent.name}/{path.name}"
    if "warcheaderversion" in name or "diagnosis" in name or path.stat().st_size == 0:
        assert seen + len(found.damage) >= min(1, path.stat().st_size // 4)
    elif name in DAMAGED:
        assert DAMAGED[name] == (seen, len(found.damage))
    else:
        expected = oracle(path)
        assert expected.total() == seen
        assert {kind: expected[kind] for kind in {*SKIPPED, "dns"} if expected[kind]} == {
            kind: count for kind, count in found.skipped.items() if kind != "unknown"
        }


@pytest.mark.parametrize("path", SAMPLES, ids=NAMES)
def test_splits_agree(path):
    """Cut anywhere, the splits find what the whole file shows, its damage included."""
    size = path.stat().st_size
    step = 100_000 if size > 450_000 else 5000 if size > 50_000 else 211
    whole, parts = account(source(path)), account(source(path), every(path, step))
    assert whole.records == parts.records
    assert whole.skipped == parts.skipped
    assert whole.damage == [damage for damage in parts.damage if damage[1] != WHOLE]


def test_arc_and_warc_of_one_crawl():
    """The same crawl as ARC and as WARC gives the same pages."""
    arc, warc = (account(Warc(paths=(str(FOLDER / f"heritrix/aut-example.{kind}.gz"),))) for kind in ("arc", "warc"))
    assert [row["html"] for row in arc.rows] == [row["html"] for row in warc.rows]
    assert [row["url"] for row in arc.rows] == [row["url"] for row in warc.rows]
    assert arc.reasons == warc.reasons
    assert arc.skipped["dns"] == warc.skipped["dns"] == 38


def test_payloads_equal_fastwarc():
    """Decoded pages are those that fastwarc decodes."""
    path = FOLDER / "cc/dolma-sample-0000.warc.gz"
    expected = {}
    with path.open("rb") as file:
        for record in ArchiveIterator(file, parse_http=True, auto_decode="all"):
            if record.http_headers and record.http_content_type == "text/html":
                expected[record.record_id.removeprefix("<urn:uuid:").removesuffix(">")] = record.reader.read()
    found = {row["id"]: row["html"] for row in account(Warc(paths=(str(path),))).rows}
    assert len(expected) == 22
    assert expected == found


def test_index_is_complete():
    """Every file that the index names is among the samples."""
    index = [json.loads(line)["file"] for line in (FOLDER / "INDEX.jsonl").read_text().splitlines()]
    assert set(index) == set(NAMES)
