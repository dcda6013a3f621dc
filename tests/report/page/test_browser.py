"""The page in a real browser: it draws, loads nothing, is reached by keyboard, fits narrow and wide windows."""

from itertools import product
from pathlib import Path

import pytest

from corpusmill.report import outputs, page
from tests.browser import browser
from tests.report.page import hostile

SEEN = """(() => {
  const box = (it) => it.getBoundingClientRect();
  const charts = [...document.querySelectorAll('[data-chart]')];
  return {
    charts: charts.length,
    drawn: charts.filter((c) => { const s = c.querySelector('svg'); return s && box(s).width > 80 && box(s).height > 30; }).length,
    marks: charts.filter((c) => c.querySelector('svg .mark-rect path, svg .mark-line path, svg .mark-symbol path')).length,
    wide: document.documentElement.scrollWidth - innerWidth,
    outside: [...document.querySelectorAll('main *')].filter((it) => !it.closest('.scroll, svg, details:not([open])')
      && box(it).right > innerWidth + 1).map((it) => it.outerHTML.slice(0, 80)),
    broken: window.broken ?? null,
    twice: [...document.querySelectorAll('[id]')].map((it) => it.id).filter((it, at, all) => all.indexOf(it) !== at),
    sections: [...document.querySelectorAll('main > section')].map((it) => it.id),
    links: [...document.querySelectorAll('nav a')].map((it) => it.hash.slice(1)),
    scripts: document.scripts.length,
    headings: [...document.querySelectorAll('h1, h2, h3, h4, h5')].map((it) => Number(it.tagName[1])),
  };
})()"""
CONTRAST = """(() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((v) => v / 255).map((v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  const told = (chosen) => light(getComputedStyle(document.querySelector(chosen)).color);
  const ratio = (ink) => (Math.max(ink, page) + .05) / (Math.min(ink, page) + .05);
  return {page, inks: ['body', '.lead', 'thead th'].map(told).map(ratio)};
})()"""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """The page of a run over hostile documents."""
    run = hostile.run(tmp_path_factory.mktemp("hostile"))
    return page.write(outputs.find(str(run)))


def test_a_browser_shows_all_of_it(file):
    """At 400 and 1,600 pixels, light and dark: charts drawn, nothing asked for or complained of, nothing sticks out."""
    inks = []
    with browser() as chromium:
        for width, theme in product((400, 1600), ("light", "dark")):
            chromium.size(width)
            chromium.theme(theme)
            chromium.open(file)
            chromium.ask("document.querySelectorAll('main details').forEach((it) => { it.open = true; })")
            seen, contrast = chromium.ask(SEEN), chromium.ask(CONTRAST)
            assert chromium.complaints() == []
            assert chromium.requests() == []
            assert seen["charts"] > 10
            assert seen["drawn"] == seen["marks"] == seen["charts"]
            assert seen["wide"] <= 0
            assert seen["outside"] == []
            assert seen["broken"] is None
            assert seen["twice"] == []
            assert seen["scripts"] == 5  # data, three of the chart library, our own
            assert seen["sections"] == seen["links"]
            assert all(below - above <= 1 for above, below in zip(seen["headings"], seen["headings"][1:], strict=False))
            assert min(contrast["inks"]) >= 4.5
            inks.append((theme, contrast["page"]))
        assert all((theme == "light") == (page_light > 0.5) for theme, page_light in inks)
        _keyboard(chromium, seen["sections"])
        _toggle(chromium)
        _print(chromium)


def _keyboard(chromium, sections):
    """Tab reaches every section's link from the top, and Enter goes there."""
    chromium.ask("scrollTo(0, 0); document.activeElement.blur()")
    reached = []
    while len(reached) < len(sections) + 2:
        chromium.press("Tab", 9)
        reached.append(chromium.ask("document.activeElement.hash ?? document.activeElement.id ?? ''").lstrip("#"))
    assert reached[0] == "main"
    assert reached[1:-1] == sections
    chromium.ask(f"document.querySelector('nav a[href=\"#{sections[-1]}\"]').focus()")
    chromium.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", windowsVirtualKeyCode=13, text="\r")
    chromium.wait(f"location.hash === '#{sections[-1]}'")
    chromium.wait(f"document.getElementById('{sections[-1]}').getBoundingClientRect().top < innerHeight")


def _toggle(chromium):
    """The button goes through system, light and dark."""
    seen = []
    for _ in range(3):
        chromium.ask("document.getElementById('theme').click()")
        seen.append(chromium.ask("getComputedStyle(document.documentElement).colorScheme"))
    assert seen == ["light", "dark", "dark"]  # the system was dark last


def _print(chromium):
    """On paper it is light whatever the theme, and nothing is cut off at the side."""
    chromium.size(760)
    chromium.call("Emulation.setEmulatedMedia", media="print")
    assert chromium.ask(CONTRAST)["page"] == 1.0
    assert chromium.ask(SEEN)["wide"] <= 0


def test_hostile_texts_are_shown_as_text(file):
    """What would run, turn round or vanish stands on the page as what it is."""
    written = Path(file).read_text(encoding="utf-8")
    assert "window.broken = 1&lt;/script&gt;" in written
    assert "<script>window.broken" not in written
    assert "⟨U+202E⟩" in written
    assert not {"\0", "\u202e", "\u2066"} & set(written)
    assert "x" * 10_000 not in written
    assert len(written.encode()) < 2_000_000
