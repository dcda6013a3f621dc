"""Text and title with trafilatura."""

import random
import sys

import numpy as np
import pytest

from corpusmill.errors import ResourceError
from corpusmill.extract import Trafilatura
from corpusmill.signals import judge
from tests.extract.helpers import ARTICLE, PROSE, pages

pytest.importorskip("trafilatura", reason="the extra 'trafilatura' is not installed")


def extract(html: str, **options: object) -> str:
    """The text of one page."""
    measured = Trafilatura(**options).build()(pages(html))  # type: ignore[arg-type]
    assert not measured.failed
    return measured.columns["text"][0].as_py()


def test_an_article() -> None:
    """Content stays; navigation, header, footer and scripts go."""
    text = extract(ARTICLE)
    assert PROSE.strip() in text
    assert "two stones for a net" in text
    assert not any(word in text for word in ("Boats", "Imprint", "hidden"))


def test_title_and_signals() -> None:
    """The title is one line; characters are code points of the text."""
    measured = Trafilatura().build()(pages(ARTICLE))
    assert ["The harbour"] == measured.columns["title"].to_pylist()
    assert [len(measured.columns["text"][0].as_py())] == measured.signals["characters"].tolist()


@pytest.mark.parametrize("html", ["", "<p></p>", "\x00", "<!-- only this -->"])
def test_pages_that_give_nothing_are_dropped_not_dead(html: str) -> None:
    """The library's None is an empty text, which `characters` drops."""
    step = Trafilatura()
    measured = step.build()(pages(html))
    assert not measured.failed
    assert [""] == measured.columns["text"].to_pylist()
    assert 0 <= judge(step, measured.signals).codes[0]


@pytest.mark.parametrize(
    ("options", "extra"),
    [({"links": True}, "(/stone)"), ({"formatting": True}, "# The harbour"), ({"tables": True}, "low water")],
)
def test_options_add_what_they_say(options: dict[str, bool], extra: str) -> None:
    """Links, Markdown and tables."""
    table = "<table><tr><td>low water</td><td>three</td></tr></table>"
    page = ARTICLE.replace("<pre>", f"{table}<p>{PROSE}<a href='/stone'>A stone</a>. {PROSE}</p><pre>")
    off = extract(page, tables=False)
    assert extra not in off.replace("laid at low water", "")
    assert extra in extract(page, **options).replace("laid at low water", "")


def test_pages_do_not_remember_each_other() -> None:
    """Segments repeated on other pages stay, also with `deduplicate`, whose memory would otherwise span pages."""
    measured = Trafilatura(deduplicate=True).build()(pages(*[ARTICLE] * 6))
    texts = measured.columns["text"].to_pylist()
    assert texts[0]
    assert [texts[0]] * 6 == texts


def test_too_many_tags_are_dropped_before_they_are_parsed() -> None:
    """The library's time grows with the square of the paragraphs."""
    step = Trafilatura()
    verdict = judge(step, step.build()(pages("<p>" * 50_001)).signals)
    assert "tags>50000" == verdict.reasons[verdict.codes[0]]


def test_broken_pages_never_raise() -> None:
    """Cut and overwritten pages give text that Arrow can hold and finite signals."""
    source, chance = ARTICLE.encode(), random.Random(7)
    parts = [
        b"<",
        b"</",
        b"<!--",
        b"\x00",
        b"\x01",
        b"&#1;",
        b"&#xD800;",
        b"\xff",
        b"<svg>",
        b"<table>",
        b"<a href='//['>",
    ]
    broken = [source[: chance.randrange(len(source))] for _ in range(20)]
    for _ in range(100):
        page = bytearray(source)
        for _ in range(20):
            at = chance.randrange(len(page))
            page[at : at + chance.randrange(3)] = chance.choice(parts)
        broken.append(bytes(page))
    measured = Trafilatura().build()(pages(*broken))
    assert not measured.failed
    measured.columns["text"].validate(full=True)
    assert all(np.isfinite(values).all() for values in measured.signals.values())


def test_an_empty_batch() -> None:
    """Nothing in, nothing out."""
    measured = Trafilatura().build()(pages())
    assert 0 == len(measured.columns["text"])
    assert all(values.shape == (0,) for values in measured.signals.values())


def test_a_missing_library_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional; asking for the step without it says what to install."""
    monkeypatch.setitem(sys.modules, "trafilatura", None)
    with pytest.raises(ResourceError, match=r"pip install 'corpusmill\[trafilatura\]'"):
        Trafilatura().build()
