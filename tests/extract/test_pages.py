"""What is done around every engine."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.extract import Resiliparse
from corpusmill.extract.pages import MAX_TITLE, Page, clean, clean_title, measure_pages
from corpusmill.spec import Bounds
from tests.extract.helpers import pages


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\rc\u2028d\u2029e\x85f", "a\nb\nc\nd\ne\nf"),
        ("a \t\n\n\n\nb  ", "a\n\nb"),
        ("  a", "a"),
        ("a\n   b", "a\n   b"),  # indentation is content: lists and code
        ("e\u0301", "é"),
        ("\u212b", "Å"),
        ("a\x00b\x1bc\x7fd\x9fe", "abcde"),
        ("in\u00adfor\ufeffma\ud800tion", "information"),
        ("a\u00a0b\u200bc", "a\u00a0b\u200bc"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("", ""),
    ],
)
def test_canonical_form(text: str, expected: str) -> None:
    """Lines, spaces, Unicode form and controls, by hand."""
    assert expected == clean(text)


@given(st.text(st.characters(exclude_categories=())))
def test_cleaning_is_idempotent(text: str) -> None:
    """Clean text stays as it is, is NFC, and can be stored."""
    once = clean(text)
    assert once == clean(once)
    assert unicodedata.is_normalized("NFC", once)
    assert once.encode() is not None


def test_titles_are_one_short_line() -> None:
    """White space becomes single spaces, and a title is at most `MAX_TITLE` code points."""
    assert "a b c" == clean_title(" a\n b\t\u00a0c ")
    assert MAX_TITLE == len(clean_title("x" * 10_000))


def test_pages_outside_the_guards_are_not_parsed() -> None:
    """Size, tags and nesting are judged before the library sees the page, and both ends are inside."""
    seen: list[str] = []

    def parse(html: str) -> Page:
        seen.append(html)
        return Page(html, "")

    step = Resiliparse(html_bytes=Bounds(1, 20), tags=Bounds(None, 2), nesting=Bounds(None, 1))
    view = pages("", "x" * 20, "x" * 21, "<p><p>", "<p><p><p>", "<b><b>", "<b><b></b>", "<b a c d>")
    measured = measure_pages(view, step, parse, ())
    assert ["x" * 20, "<p><p>", "<b><b>"] == seen
    assert [0, 20, 0, 6, 0, 6, 0, 0] == measured.signals["characters"].tolist()
    assert [0, 20, 21, 6, 9, 6, 10, 9] == measured.signals["html_bytes"].tolist()
    assert [0, 0, 0, 2, 3, 2, 3, 1] == measured.signals["tags"].tolist()
    assert [0, 0, 0, 0, 0, 1, 3, 3] == measured.signals["nesting"].tolist()


def test_only_named_failures_become_dead_letters() -> None:
    """What the library raises for a page fails that page; anything else is a bug and comes through."""

    def parse(html: str) -> Page:
        raise {"v": ValueError, "k": KeyError}[html](html)

    measured = measure_pages(pages("v", "v"), Resiliparse(), parse, (ValueError,))
    assert {0: "ValueError: v", 1: "ValueError: v"} == dict(measured.failed)
    assert all(np.isfinite(values).all() for values in measured.signals.values())
    with pytest.raises(KeyError):
        measure_pages(pages("k"), Resiliparse(), parse, (ValueError,))


def test_control_characters_never_reach_the_library() -> None:
    """Parsers refuse them or turn them into replacement characters."""
    seen: list[str] = []
    measure_pages(pages(b"a\x00\x08\tb\x7f\n"), Resiliparse(), lambda html: seen.append(html) or Page("", ""), ())
    assert ["a\tb\n"] == seen
