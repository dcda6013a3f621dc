"""Text and title with resiliparse."""

import random

import numpy as np
import pytest

from corpusmill.errors import CorpusmillError
from corpusmill.extract import Resiliparse
from corpusmill.signals import judge
from corpusmill.spec import Bounds
from tests.data import shared
from tests.extract.helpers import ARTICLE, PROSE, pages


def extract(html: str, **options: object) -> str:
    """The text of one page."""
    measured = Resiliparse(**options).build()(pages(html))  # type: ignore[arg-type]
    assert not measured.failed
    return measured.columns["text"][0].as_py()


def test_an_article() -> None:
    """Content stays, in its lines; navigation, header, footer, scripts and sharing go."""
    expected = [
        "The harbour",
        (PROSE * 3).strip(),
        "• one stone, laid at low water, for every family that gave a boat;",
        "• two stones for a net",
        (PROSE * 2).strip(),
        "tide  = 3",
        "  ebb = 4",
        PROSE.strip(),
    ]
    assert expected == [line for line in extract(ARTICLE).split("\n") if line]


def test_title_and_signals() -> None:
    """The title is one line; characters are code points of the text."""
    measured = Resiliparse().build()(pages(ARTICLE, "<p>é漢🙂</p>"))
    assert ["The harbour", ""] == measured.columns["title"].to_pylist()
    texts = measured.columns["text"].to_pylist()
    assert "é漢🙂" == texts[1]
    assert [len(text) for text in texts] == measured.signals["characters"].tolist()
    assert [len(ARTICLE.encode()), len("<p>é漢🙂</p>".encode())] == measured.signals["html_bytes"].tolist()


def test_content_is_a_choice() -> None:
    """`whole` has everything visible, `main` what resiliparse's rules leave, `best` without stray ends."""
    page = ARTICLE.replace("</article>", "<p>Tagged: boats</p></article>")
    whole, main, best = (extract(page, content=content) for content in ("whole", "main", "best"))
    assert "Imprint & contact" in whole
    assert "Boats" in whole
    assert "Boats" not in main
    assert "Tagged: boats" in main
    assert "Tagged: boats" not in best
    assert PROSE.strip() in best


def test_missed_main_content_is_fetched_from_the_whole_page() -> None:
    """A page whose content sits in what looks like a side bar is taken whole, without navigation."""
    page = f"<body><nav>Menu of all things</nav><p>Intro</p><div class='sidebar'><p>{PROSE * 9}</p></div></body>"
    assert PROSE not in extract(page, content="main")
    assert (PROSE * 9).strip() == extract(page).split("\n")[-1]
    assert "Menu" not in extract(page)


@pytest.mark.parametrize(
    ("option", "html", "extra"),
    [
        ("alt_texts", "<p>text <img alt='a boat' src=x></p>", "a boat"),
        ("links", "<p>text <a href='/boat'>here</a></p>", "/boat"),
        ("form_fields", "<form>text <input type=text value='a boat'></form>", "a boat"),
        ("noscript", "<p>text</p><noscript>a boat</noscript>", "a boat"),
        ("comments", f"<p>{PROSE}</p><div class='comments'><p>a boat</p></div>", "a boat"),
    ],
)
def test_options_are_off_by_default(option: str, html: str, extra: str) -> None:
    """Each option adds what it says."""
    assert extra not in extract(html, content="main")
    assert extra in extract(html, content="main", **{option: True})


def test_without_formatting_the_text_is_one_line() -> None:
    """Words stay apart."""
    html = "<p>one</p><ul><li>two<li>three</ul>"
    assert "one two three" == extract(html, formatting=False, list_bullets=False, content="whole")


def test_pages_without_text_are_dropped_with_that_reason() -> None:
    """No text, no bytes, too many tags: the first broken bound, in field order."""
    step = Resiliparse(tags=Bounds(None, 3))
    verdict = judge(step, step.build()(pages("<p></p>", "", "<p>1<p>2<p>3<p>4", "text")).signals)
    reasons = [verdict.reasons[code] if code >= 0 else "" for code in verdict.codes]
    assert ["characters<1", "html_bytes<1", "tags>3", ""] == reasons


def test_huge_and_hostile_pages_are_dropped_before_they_are_parsed() -> None:
    """50 MB, 100,000 levels of depth, 100,000 attributes, a million tags: none reaches the parser."""
    hostile = [b"x" * 50_000_000, b"<div>" * 100_000, b"<p " + b"a=1 " * 100_000 + b">x", b"<p>x" * 1_000_000]
    step = Resiliparse()
    view = pages(*hostile)
    verdict = judge(step, step.build()(view).signals)
    assert ["html_bytes>8000000", "nesting>50000000", "nesting>50000000", "tags>500000"] == [
        verdict.reasons[code] for code in verdict.codes
    ]


def test_an_empty_batch() -> None:
    """Nothing in, nothing out, with the right types."""
    measured = Resiliparse().build()(pages())
    assert 0 == len(measured.columns["text"])
    assert "string" == str(measured.columns["title"].type)
    assert all(values.shape == (0,) for values in measured.signals.values())


def test_the_same_page_gives_the_same_text_in_any_company() -> None:
    """Neither order nor neighbours matter."""
    html = [ARTICLE, "<p>é", "", "<table><tr><td>a<td>b</table>", ARTICLE[:700]]
    extractor = Resiliparse().build()
    whole = extractor(pages(*html)).columns["text"].to_pylist()
    alone = [extractor(pages(page)).columns["text"][0].as_py() for page in html]
    backwards = extractor(pages(*reversed(html))).columns["text"].to_pylist()
    assert whole == alone == backwards[::-1]


def test_broken_pages_never_raise() -> None:
    """Cut, overwritten and shuffled pages give text that Arrow can hold and finite signals."""
    source, chance = ARTICLE.encode(), random.Random(7)
    parts = [
        b"<",
        b"</",
        b"<!--",
        b"\x00",
        b"&#xD800;",
        b"&#0;",
        b"\xff",
        b"<svg>",
        b"<template>",
        b"<a href='\n'>",
        b"<li>",
    ]
    broken = [source[: chance.randrange(len(source))] for _ in range(50)]
    for _ in range(200):
        page = bytearray(source)
        for _ in range(20):
            at = chance.randrange(len(page))
            page[at : at + chance.randrange(3)] = chance.choice(parts)
        broken.append(bytes(page))
    broken.extend(chance.randbytes(chance.randrange(2000)) for _ in range(100))
    measured = Resiliparse().build()(pages(*broken))
    assert not measured.failed
    measured.columns["text"].validate(full=True)
    assert not any("\x00" in text for text in measured.columns["text"].to_pylist())
    assert all(np.isfinite(values).all() for values in measured.signals.values())


def test_moby_dick() -> None:
    """A book from a page of the public archive: nine in ten of its words, in order."""
    folder = shared("cs336-data-fixtures")
    wanted = (folder / "moby_extracted.txt").read_text().split()
    found = extract((folder / "moby.html").read_text()).split()
    assert len(found) > 0.9 * len(wanted)
    assert set(wanted[1000:3000]) <= set(found)


def test_unknown_options_are_refused() -> None:
    """A mistyped option is an error, not a default."""
    with pytest.raises((TypeError, CorpusmillError)):
        Resiliparse(main_contents=True)  # type: ignore[call-arg]
