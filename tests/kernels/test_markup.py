"""How much work a page makes, counted on its bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import markup
from tests.kernels.reference_markup import burden

PIECES = [
    *(
        "<div>",
        "</div>",
        "<p>",
        "</p>",
        "<br/>",
        "<B>",
        "</b>",
        "<script>",
        "</script>",
        "<STYLE >",
        "</style>",
        "<!--",
    ),
    *(
        "-->",
        "<a href='x' b=\"y>z\" c>",
        "<",
        ">",
        "</",
        "/",
        "'",
        '"',
        "=",
        " ",
        "\n",
        "text",
        "é漢🙂",
        "<longtagname>",
        "<svg>",
        "</svg>",
        "<path/>",
        "<math x=/>",
        "<g />",
        "<Colgroup>",
        "<optgroupx>",
    ),
    *("</scripty>", "<p\x00q>", "<!doctype html>", "< div>", "<1>", "<x", "<i"),
]


def count(*pages: bytes) -> list[tuple[int, int]]:
    """Tags and nesting of each page, by the kernel."""
    offsets = np.cumsum([0, *map(len, pages)])
    tags, nesting = markup.burden(offsets, np.frombuffer(b"".join(pages), np.uint8))
    return list(zip(tags.tolist(), nesting.tolist(), strict=True))


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (b"", (0, 0)),
        (b"a < b and c > d", (0, 0)),
        (b"<p>one<p>two", (2, 0)),  # paragraphs close each other
        (b"<div><div><b>x</b></div></div>", (6, 0 + 1 + 2 + 3 + 2 + 1)),
        (b"</div></div><div>", (3, 0)),  # stray closing tags close nothing
        (b"<div><br><br></div>", (4, 0 + 1 + 1 + 1)),
        (b"<a b c d>", (1, 0 + 1 + 2)),
        (b"<a b='<p><p>' c>", (1, 1)),
        (b"<!-- <div> --><div>", (1, 0)),
        (b"<script>'<div>'</script><i>", (3, 0)),
        (b"<script><div><div><div>", (1, 0)),
        (b"<svg><path/><path /></svg>", (4, 0 + 1 + 1 + 1)),  # self-closing counts in svg
        (b"<div/><div/>", (2, 0 + 1)),  # and nowhere else
        (b"<svg><p><a/><a/>", (4, 0 + 1 + 1 + 2)),  # nor after an element that ends the svg
        (b"<svg><foreignObject><a/><a/>", (4, 0 + 1 + 2 + 3)),
        (b"<svg></svg><a/><a/>", (4, 0 + 1 + 0 + 1)),
        (b"<", (0, 0)),
        (b"<d", (1, 0)),
    ],
)
def test_worked_pages(page: bytes, expected: tuple[int, int]) -> None:
    """Tags and the sum of open elements, by hand."""
    assert [expected] == count(page)


def test_quadratic_pages_stand_out() -> None:
    """Ten times the opening tags are a hundred times the nesting."""
    (_, small), (_, large) = count(b"<div>" * 1000, b"<div>" * 10_000)
    assert 1000 * 999 // 2 == small
    assert 10_000 * 9_999 // 2 == large


def test_pages_do_not_leak_into_each_other() -> None:
    """An unclosed comment, script or quote ends with its page."""
    assert [(0, 0), (1, 0), (1, 0), (1, 0)] == count(b"<!-- ", b"<script>", b"<a b='", b"<p>")


@given(st.lists(st.lists(st.sampled_from(PIECES)).map("".join) | st.text()))
def test_equals_its_twin(pages: list[str]) -> None:
    """The kernel agrees with the readable definition, on soup and on all of Unicode."""
    encoded = [page.encode("utf-8", "surrogatepass") for page in pages]
    assert [burden(page) for page in encoded] == count(*encoded)
