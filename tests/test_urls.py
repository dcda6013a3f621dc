import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill import urls
from tests.kernels import reference_url

PIECES = st.sampled_from(
    [
        *"/?#&=.:@ \t[]%",
        "//",
        "://",
        "http",
        "https",
        "www.",
        "WWW.",
        "example.com",
        "a",
        "B",
        "80",
        "443",
        "8080",
        "utm_source=x",
        "UTM_",
        "fbclid",
        "gclid=1",
        "_ga",
        "é",
        "例え",
        "\x00",
        "mc_",
        "mc_cid=2",
    ]
)
URLS = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=30)


def one(url: str) -> str:
    return urls.canonical(pa.array([url]))[0].as_py()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("https://www.Example.com/", "example.com"),
        ("HTTP://example.com:80/A/b/?utm_source=x&b=2&a=1#top", "example.com/A/b?b=2&a=1"),
        ("https://user:secret@example.com:443/a", "example.com/a"),
        ("http://example.com:8080/a", "example.com:8080/a"),
        ("//example.com./a//", "example.com/a"),
        ("example.com/?fbclid=1&&x", "example.com?x"),
        ("example.com/a?b=utm_source", "example.com/a?b=utm_source"),
        ("http://www.com/", "www.com"),
        ("http://www.www.a.com/", "a.com"),
        ("http://[2001:DB8::1]:443/x", "[2001:db8::1]/x"),
        ("  http://例え.jp/É?É=1 ", "例え.jp/É?É=1"),
        ("http://http://example.com", "example.com"),
        ("", ""),
        ("#", ""),
        ("http://", ""),
    ],
)
def test_canonical_by_hand(given, expected):
    """Each part of the form, worked by hand."""
    assert expected == one(given)


def test_null_stays_null():
    """A document without URL keeps none; neighbours are not touched."""
    assert ["a.com", None, "b.com"] == urls.canonical(pa.array(["http://a.com", None, "b.com/"])).to_pylist()
    assert [] == urls.canonical(pa.array([], pa.string())).to_pylist()


def test_sliced_array():
    """A slice gives the slice of the result."""
    whole = pa.array(["http://a.com", "http://b.com/", "http://c.com"])
    assert ["b.com", "c.com"] == urls.canonical(whole.slice(1)).to_pylist()


@given(st.lists(URLS, max_size=5))
@example(["http://u@//www.a.b/ #x", "a?utm_&", "//////a", "?#?"])
def test_equals_the_reference_and_stays(texts):
    """The kernel agrees with the slow reading on all of Unicode, and its result is its own canonical form."""
    found = urls.canonical(pa.array(texts, pa.string()))
    assert [reference_url.canonical(text) for text in texts] == found.to_pylist()
    assert found.to_pylist() == urls.canonical(found).to_pylist()
