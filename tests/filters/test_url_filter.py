import bz2
import gzip
import lzma

import numpy as np
import pytest
import zstandard

from corpusmill import documents
from corpusmill.errors import ResourceError
from corpusmill.filters import url_lists
from corpusmill.filters.url_filter import UrlFilter
from corpusmill.signals import judge
from corpusmill.view import View
from tests.data import shared

NONE = {"words": (), "soft_words": (), "substrings": ()}


@pytest.fixture
def lists(tmp_path):
    """Write a list file and give its path."""

    def write(name: str, *entries: str) -> tuple[str, ...]:
        path = tmp_path / name
        path.write_text("\n".join(entries))
        return (str(path),)

    return write


def reasons(step: UrlFilter, *urls: str | None) -> list[str | None]:
    measured = step.build()(View(documents.from_texts(["text"] * len(urls), url=list(urls))))
    verdict = judge(step, measured.signals)
    return [None if code < 0 else verdict.reasons[code] for code in verdict.codes]


def test_domain_covers_its_subdomains(lists):
    """Host and parents are compared, whatever the case; other endings of the name are not."""
    step = UrlFilter(domains=lists("d", "# bad ones", "Example.com", "", "*.wild.net", ".dot.org", "xxx"), **NONE)
    bad = ["http://example.com/a", "https://WWW.a.b.EXAMPLE.com:8080", "http://wild.net", "http://a.dot.org", "a.xxx/"]
    good = ["http://notexample.com", "http://example.com.au/", "http://a.com/?u=example.com", "http://com/"]
    assert ["domain_listed>0"] * 5 + [None] * 4 == reasons(step, *bad, *good)


def test_url_covers_what_lies_below_it(lists):
    """A listed URL stands for its page and those under it, in any spelling."""
    step = UrlFilter(urls=lists("u", "https://www.a.com/Bad/", "b.com/x?id=1"), **NONE)
    bad = ["http://A.com/bad", "a.com/BAD/page?x=1", "a.com/bad?utm_source=x", "b.com/x/?id=1&n=2"]
    good = ["http://a.com/", "http://a.com/badminton", "http://b.com/x", "http://b.com/x?id=12", "c.a.com/bad"]
    assert ["url_listed>0"] * 4 + [None] * 5 == reasons(step, *bad, *good)


def test_hard_soft_and_inner_words(lists):
    """One hard word, two different soft words, or one substring drop; one soft word, however often, does not."""
    step = UrlFilter(
        words=lists("w", "Bad"), soft_words=lists("s", "red", "blue", "green"), substrings=lists("i", "E-vil")
    )
    urls = ["a.com/BAD.html", "badger.com", "a.com/red/red", "red-blue.com", "dEv-i.Lish.com", "a.com/e/v/i"]
    found = ["words_found>0", None, None, "soft_words_found>1", "substrings_found>0", None]
    assert found == reasons(step, *urls)


def test_document_without_url_passes(lists):
    """No address is on no list."""
    assert [None, None] == reasons(UrlFilter(domains=lists("d", "a.com")), None, "")


def test_allow_lists_let_only_theirs_pass(lists):
    """Domains with subdomains, URLs exactly; a document without URL is not on an allow list."""
    step = UrlFilter(allow_domains=lists("d", "a.com"), allow_urls=lists("u", "http://b.com/one"), **NONE)
    no = "allowed<1"
    urls = ["x.a.com/p", "b.com/one/", "b.com/one/below", "b.com", None]
    assert [None, None, no, no, no] == reasons(step, *urls)


def test_exempt_domains_escape_the_lists(lists):
    """An exempt domain is dropped by no list, its neighbours are."""
    step = UrlFilter(words=lists("w", "bad"), exempt_domains=lists("e", "good.org"), soft_words=(), substrings=())
    assert [None, "words_found>0"] == reasons(step, "x.good.org/bad", "other.org/bad")


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.compress, bytes])
def test_lists_may_be_compressed(tmp_path, compress):
    """The first bytes tell how; a byte-order mark is no part of the first entry."""
    path = tmp_path / "list"
    path.write_bytes(compress(b"\xef\xbb\xbfa.com\r\nb.com\r\n"))
    step = UrlFilter(domains=(str(path),), **NONE)
    assert ["domain_listed>0", "domain_listed>0", None] == reasons(step, "a.com", "b.com", "c.com")


def test_long_lists_are_read_in_blocks(lists, monkeypatch):
    """Entries on both sides of a cut are found, and a fault has its line in the file."""
    monkeypatch.setattr(url_lists, "BLOCK", 7)
    step = UrlFilter(
        domains=lists("d", "a.com", "bb.com", "", "ccc.com"), urls=lists("u", "d.com/1", "d.com/2"), **NONE
    )
    assert None not in reasons(step, "a.com", "bb.com", "ccc.com", "d.com/1", "d.com/2")
    with pytest.raises(ResourceError, match="line 4: 'x/y'"):
        UrlFilter(domains=lists("d", "a.com", "bb.com", "", "x/y"), **NONE).build()


def test_damaged_list_is_refused(tmp_path):
    """A list cut in the middle is not half a list."""
    for compress in gzip.compress, lzma.compress:
        path = tmp_path / compress.__module__
        path.write_bytes(compress(b"a.com\n" * 1000)[:-12])
        with pytest.raises(ResourceError, match="cannot be decompressed"):
            UrlFilter(domains=(str(path),)).build()


@pytest.mark.parametrize(
    ("field", "entry", "message"),
    [
        ("domains", "a.com/page", r"line 2: 'a.com/page' is not a domain"),
        ("domains", "0.0.0.0 a.com", r"line 2: '0.0.0.0 a.com' is not a domain"),
        ("words", "two words", r"line 2: 'two words' is not one word"),
        ("soft_words", "a-b", r"line 2: 'a-b' is not one word"),
        ("substrings", "-x-", r"line 2: '-x-': a substring needs two letters"),
        ("substrings", "né", r"line 2: 'né': a substring needs"),
    ],
)
def test_entries_that_cannot_match_are_refused(lists, field, entry, message):
    """The message has the line and the entry."""
    with pytest.raises(ResourceError, match=message):
        UrlFilter(**{field: lists("l", "fine", entry)}).build()


def test_missing_list():
    """A list that is not there stops before anything is read."""
    with pytest.raises(ResourceError, match=r"no/list\.txt: no such file"):
        UrlFilter(domains=("no/list.txt",)).build()


def test_references_are_all_lists():
    """The stage key depends on every list."""
    step = UrlFilter(
        domains=("a",), urls=("b",), allow_domains=("c",), allow_urls=("d",), exempt_domains=("e",), **NONE
    )
    assert ("a", "b", "c", "d", "e") == step.references()
    assert ("url_words.txt", "url_soft_words.txt", "url_substrings.txt") == UrlFilter().references()


def test_packaged_lists_spare_ordinary_pages():
    """Names that trip crude word lists pass; plain cases do not."""
    good = ["https://www.essex.ac.uk/", "https://scunthorpe.gov.uk/adult-education", "https://a.com/sex-education"]
    bad = ["https://XXX.example.com/", "https://a.com/free-porn-videos", "https://a.com/casino/poker"]
    assert [None] * 3 == reasons(UrlFilter(), *good)
    assert None not in reasons(UrlFilter(), *bad)


def test_ut1_lists_are_read_whole():
    """Each entry of real lists is found again."""
    path = shared("ut1-blocklists/gambling.domains.gz")
    entries = gzip.decompress(path.read_bytes()).decode().split()
    step = UrlFilter(domains=(str(path),))
    measured = step.build()(View(documents.from_texts(["x"] * len(entries), url=[f"http://a.{e}/" for e in entries])))
    assert np.all(measured.signals["domain_listed"] == 1)


def test_works_on_pages_before_extraction():
    """Only the address is read, so the step may stand before an extractor."""
    page = documents.conform({"html": [b"<p>x"], "url": ["https://a.com/porn/x"]})
    assert [1.0] == UrlFilter().build()(View(page)).signals["words_found"].tolist()
