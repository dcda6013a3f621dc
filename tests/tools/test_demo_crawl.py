"""The demo's crawl, made from what is on the machine."""

import ast
import hashlib
import importlib.util
import io
import sys
from collections import Counter
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

SCRIPT = Path(__file__).parents[2] / "tools/demo_crawl.py"


def load():
    """The script as a module; it is not part of the package."""
    spec = importlib.util.spec_from_file_location("demo_crawl", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


demo_crawl = load()


@pytest.fixture(scope="module")
def crawl(tmp_path_factory):
    """A small crawl."""
    folder = tmp_path_factory.mktemp("crawl")
    pages = demo_crawl.collect(250)
    demo_crawl.write(demo_crawl.responses(pages), folder, 3)
    return pages, sorted(folder.glob("*.warc.gz"))


def records(path):
    """Type, address and HTTP status of each record."""
    for record in ArchiveIterator(io.BytesIO(path.read_bytes()), parse_http=True):
        status = record.http_headers.status_code if record.http_headers else None
        yield record.headers["WARC-Type"], record.headers.get("WARC-Target-URI"), status


def test_nothing_third_party_is_imported() -> None:
    """The script works before anything is installed, and reads packages without running them."""
    tree = ast.parse(SCRIPT.read_text())
    imported = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    imported |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert "importlib" in imported
    assert imported <= set(sys.stdlib_module_names)


def test_archives_hold_what_a_crawl_holds(crawl) -> None:
    """Every archive begins with warcinfo; each answer has its request; there are errors, redirects, images, revisits."""
    _, archives = crawl
    assert 3 == len(archives)
    kinds = Counter()
    for path in archives:
        found = list(records(path))
        assert "warcinfo" == found[0][0]
        requests = [url for kind, url, _ in found if kind == "request"]
        assert requests == [url for kind, url, _ in found if kind in {"response", "revisit"}]
        kinds.update((kind, status) for kind, _, status in found)
    assert {200, 301, 404} <= {status for kind, status in kinds if kind == "response"}
    assert kinds["revisit", 200] > 0


def test_digests_are_those_of_the_payload(crawl) -> None:
    """The payload digest is the SHA-1 of the body as sent, in base 32."""
    _, archives = crawl
    checked = 0
    for path in archives:
        for record in ArchiveIterator(io.BytesIO(path.read_bytes()), parse_http=False):
            if record.record_type == WarcRecordType.response:
                body = record.reader.read().split(b"\r\n\r\n", 1)[1]
                assert demo_crawl.sha1(body) == record.headers["WARC-Payload-Digest"]
                checked += 1
    assert checked > 250


def test_pages_are_different_and_long_enough(crawl) -> None:
    """One page per address, no page without text, and licences and READMEs among them."""
    pages, _ = crawl
    assert 250 == len(pages) == len({page.url for page in pages})
    assert all(sum(len(text.split()) for _, text in page.sections) >= demo_crawl.MIN_WORDS for page in pages)
    assert any(page.path == "index.html" for page in pages)
    assert any(page.path.startswith("legal/") for page in pages)


def test_the_same_machine_gives_the_same_bytes(crawl, tmp_path) -> None:
    """No clock, no chance, no order of folders enters."""
    _, archives = crawl
    demo_crawl.write(demo_crawl.responses(demo_crawl.collect(250)), tmp_path, 3)
    again = sorted(tmp_path.glob("*.warc.gz"))
    assert [hashlib.sha256(path.read_bytes()).digest() for path in archives] == [
        hashlib.sha256(path.read_bytes()).digest() for path in again
    ]


def test_docstrings_are_read_without_running_the_code() -> None:
    """A page for the module with its functions, and one for each class with its methods; broken source gives none."""
    source = (
        '"""About the module."""\nraise SystemExit\ndef one(a, b):\n    """First."""\n'
        'class Two:\n    """Second."""\n    def three(self):\n        """Third."""\n    def four(self): pass\n'
    )
    assert [
        ("m.Two", [("", "Second."), ("three(self)", "Third.")]),
        ("m", [("", "About the module."), ("one(a, b)", "First.")]),
    ] == list(demo_crawl.documented("m", source))
    assert [] == list(demo_crawl.documented("m", "def broken(:"))


def test_text_becomes_html() -> None:
    """Paragraphs, headings of both kinds, lists, code; markup in the text is escaped."""
    text = "One <b>\ntwo.\n\nHead\n----\nbody `x`\n\n# Top\n\n- a\n- b\n\n>>> 1 < 2\nTrue\n\nMail me@here.example"
    assert [
        "<p>One &lt;b&gt; two.</p>",
        "<h2>Head</h2>",
        "<p>body <code>x</code></p>",
        "<h2>Top</h2>",
        "<ul>\n<li>a</li>\n<li>b</li>\n</ul>",
        "<pre><code>&gt;&gt;&gt; 1 &lt; 2\nTrue</code></pre>",
        '<p>Mail <a href="mailto:me@here.example">me@here.example</a></p>',
    ] == list(demo_crawl.blocks(text))
