"""What a page must do in a browser: draw its charts, ask for nothing, fit the window, be reached with the keyboard.

Each check gives what is wrong in words; nothing is wrong with a page that gives nothing.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

from tools.browser import Browser

WIDTHS, THEMES = (400, 1600), ("light", "dark")  # pixels
LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3, level AA
SEEN = """(() => {
  const box = (it) => it.getBoundingClientRect();
  const charts = [...document.querySelectorAll('[data-chart]')];
  const drawn = (c) => { const s = c.querySelector('svg'); return s && box(s).width > 80 && box(s).height > 30; };
  const marked = (c) => c.querySelector('svg .mark-rect path, svg .mark-line path, svg .mark-symbol path');
  const ids = [...document.querySelectorAll('[id]')].map((it) => it.id);
  return {
    charts: charts.length,
    notDrawn: charts.filter((c) => !drawn(c) || !marked(c)).map((c) => c.getAttribute('aria-label')),
    wide: document.documentElement.scrollWidth - innerWidth,
    outside: [...document.querySelectorAll('main *')].filter((it) => !it.closest('.scroll, svg, details:not([open])')
      && box(it).right > innerWidth + 1).map((it) => it.outerHTML.slice(0, 80)),
    cutOff: charts.flatMap((c) => [...c.querySelectorAll('svg text, svg .role-legend-symbol path')]
      .filter((it) => box(it).width && (box(it).right > innerWidth + 1 || box(it).left < -1))
      .map((it) => `${it.textContent || 'a legend'}: ${c.getAttribute('aria-label').slice(0, 80)}`)),
    broken: window.broken ?? null,
    twice: ids.filter((it, at) => ids.indexOf(it) !== at),
    sections: [...document.querySelectorAll('main > section')].map((it) => it.id),
    links: [...document.querySelectorAll('nav a')].map((it) => it.hash.slice(1)),
    scripts: document.scripts.length,
    headings: [...document.querySelectorAll('h1, h2, h3, h4, h5')].map((it) => Number(it.tagName[1])),
  };
})()"""
CONTRAST = """(() => {
  const one = (v) => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).map((v) => one(v / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  const told = ['body', '.lead', 'thead th'].map((it) => document.querySelector(it)).filter(Boolean);
  const ratio = (ink) => (Math.max(ink, page) + .05) / (Math.min(ink, page) + .05);
  return {page, inks: told.map((it) => ratio(light(getComputedStyle(it).color)))};
})()"""


@dataclass(frozen=True)
class Look:
    """A page as one window shows it.

    Attributes:
        width: of the window, in pixels.
        theme: `light` or `dark`, as the system says.
        seconds: from opening the file to its last chart.
        charts: on the page.
        sections: their anchors, in order.
        complaints: of the console, and exceptions.
        requests: URLs that the page asked for.
        problems: all that is wrong, these two among it.
    """

    width: int
    theme: str
    seconds: float
    charts: int
    sections: tuple[str, ...]
    complaints: tuple[str, ...]
    requests: tuple[str, ...]
    problems: tuple[str, ...]


def looks(browser: Browser, page: str | Path) -> Iterator[Look]:
    """The page at every width and in every theme, all that is folded opened."""
    for width, theme in product(WIDTHS, THEMES):
        yield look(browser, page, width, theme)


def look(browser: Browser, page: str | Path, width: int, theme: str) -> Look:
    """Open the page and see what there is."""
    browser.size(width)
    browser.theme(theme)
    start, late = time.perf_counter(), []
    try:
        browser.open(page)
    except TimeoutError as error:
        late = [f"its charts are not drawn: {error}"]
    seconds = time.perf_counter() - start
    browser.ask("document.querySelectorAll('main details').forEach((it) => { it.open = true; })")
    seen, contrast = browser.ask(SEEN), browser.ask(CONTRAST)
    complaints, requests = browser.complaints(), browser.requests()
    wrong = [*late, *(f"complaint: {told}" for told in complaints), *(f"request: {url}" for url in requests),
             *_wrong(seen), *_inks(contrast, theme)]  # fmt: skip
    return Look(
        width, theme, seconds, seen["charts"], tuple(seen["sections"]), tuple(complaints), tuple(requests), tuple(wrong)
    )


def _wrong(seen: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"not drawn: {chart}" for chart in seen["notDrawn"])
    yield from (f"sticks out of the window: {element}" for element in seen["outside"])
    yield from (f"cut off in a chart: {told}" for told in seen["cutOff"])
    yield from (f"two elements have the id {name!r}" for name in seen["twice"])
    if seen["wide"] > 0:
        yield f"it scrolls sideways, by {seen['wide']} pixels"
    if seen["broken"] is not None:
        yield "a text of the corpus ran as a script: window.broken is set"
    if seen["scripts"] != (wanted := 5 if seen["charts"] else 2):  # data, ours, three of the chart library
        yield f"{seen['scripts']} scripts, expected {wanted}"
    if not seen["sections"] or seen["sections"] != seen["links"]:
        yield f"sections {seen['sections']}, but links to {seen['links']}"
    if any(below - above > 1 for above, below in pairwise(seen["headings"])):
        yield f"a level of headings is left out: {seen['headings']}"


def _inks(contrast: Mapping[str, Any], theme: str) -> Iterator[str]:
    if min(contrast["inks"]) < LEAST_CONTRAST:
        yield f"contrast of {min(contrast['inks']):.2f}, expected {LEAST_CONTRAST} or more"
    if (theme == "light") != (contrast["page"] > 0.5):
        yield f"the system is {theme}, the page is not: luminance {contrast['page']:.2f}"


def used(browser: Browser) -> Iterator[str]:
    """What is wrong with how the open page is used, by keyboard and button in a wide window, and how it is printed."""
    browser.size(1600)
    browser.wait("document.querySelector('.contents').open")  # a narrow window folds it
    sections = browser.ask(SEEN)["sections"]
    yield from _keyboard(browser, sections)
    yield from _toggle(browser)
    yield from _print(browser)


def _keyboard(browser: Browser, sections: list[str]) -> Iterator[str]:
    """Tab reaches every section's link from the top, and Enter goes there."""
    browser.ask("scrollTo(0, 0); document.activeElement.blur()")
    reached: list[str] = []
    while len(reached) < len(sections) + 2:
        browser.press("Tab", 9)
        reached.append(browser.ask("document.activeElement.hash ?? document.activeElement.id ?? ''").lstrip("#"))
    if reached != ["main", *sections, "theme"]:
        yield f"Tab reaches {reached}, expected main, {', '.join(sections)}, theme"
        return
    last = sections[-1]
    browser.ask(f"document.querySelector('nav a[href=\"#{last}\"]').focus()")
    browser.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", windowsVirtualKeyCode=13, text="\r")
    try:
        browser.wait(f"location.hash === '#{last}'")
        browser.wait(f"document.getElementById('{last}').getBoundingClientRect().top < innerHeight")
    except TimeoutError as error:
        yield f"Enter does not go to the section: {error}"


def _toggle(browser: Browser) -> Iterator[str]:
    """The button goes through light and dark, back to the system's theme."""
    browser.theme("dark")
    seen = []
    for _ in range(3):
        browser.ask("document.getElementById('theme').click()")
        seen.append(browser.ask("getComputedStyle(document.documentElement).colorScheme"))
    if seen[:2] != ["light", "dark"]:
        yield f"the button for the theme goes through {seen[:2]}, expected light, dark"
    if (page := browser.ask(CONTRAST)["page"]) > 0.5:
        yield f"back at the system's theme, which is dark, the page is not: luminance {page:.2f}"


def _print(browser: Browser) -> Iterator[str]:
    """On paper it is light whatever the theme, and nothing is cut off at the side."""
    browser.size(760)
    browser.call("Emulation.setEmulatedMedia", media="print")
    if (page := browser.ask(CONTRAST)["page"]) != 1.0:
        yield f"it is not printed on white: luminance {page:.2f}"
    if (wide := browser.ask(SEEN)["wide"]) > 0:
        yield f"printed, {wide} pixels are cut off at the side"
    browser.call("Emulation.setEmulatedMedia", media="")
