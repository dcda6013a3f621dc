"""The lines of an extracted page: which belong to its content, and how they are written down.

Reads the reduced HTML that resiliparse gives: one block or list item per line, and no tags but headings, `p`, `ul`,
`ol`, `li`, `pre`, `br` and `a href`.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import unescape

TAG = re.compile(r'<(/?)(h[1-6]|p|ul|ol|li|pre|br|a)(?: href="([^"]*)")?>')
SENTENCE_END = re.compile(r"[.!?…。！？:;)\"”»]$")  # noqa: RUF001 - full-width marks end sentences, too

LONG = 140  # code points from which on a line is prose by itself
SENTENCE = 60  # code points from which on a line is prose if it ends like a sentence
LINKED = 0.5  # share of link text above which a line is not prose
SHARE = 0.6  # of all text, which trimming must leave: pages without prose (lists, tables) are not trimmed


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a page.

    Attributes:
        text: as written in the result, with its list marker. size, linked: code points of text, and of link text.
        heading: inside `h1` to `h6`.
    """

    text: str
    size: int
    linked: int
    heading: bool


@dataclass(slots=True)
class _Reader:
    """What is open while lines are read."""

    bullets: bool
    links: bool
    lists: list[int] = field(default_factory=list)  # per open list: -1 for bullets, else the last number
    marker: str = ""  # of a list item that has had no text yet
    href: str | None = None
    pre: bool = False
    heading: bool = False

    def tag(self, closing: bool, name: str, href: str | None) -> str:
        """Take note of a tag; return the text that stands for it."""
        written = ""
        if name == "a":
            written = f" ({unescape(self.href)})" if closing and self.links and self.href else ""
            self.href = None if closing else href or ""
        elif name == "pre":
            self.pre = not closing
        elif name in {"ul", "ol"}:
            self._list(closing, -1 if name == "ul" else 0)
        elif name == "li":
            self.marker = "" if closing else self._item()
        elif name[0] == "h":
            self.heading = not closing
        return written

    def _list(self, closing: bool, start: int) -> None:
        if not closing:
            self.lists.append(start)
            return
        self.marker = ""
        del self.lists[-1:]

    def _item(self) -> str:
        if not self.lists or not self.bullets:
            return ""
        indent = "  " * (len(self.lists) - 1)
        if self.lists[-1] < 0:
            return indent + "• "
        self.lists[-1] += 1
        return f"{indent}{self.lists[-1]}. "


def read(markup: str, *, bullets: bool, links: bool) -> list[Line]:
    """The lines of reduced HTML, blank ones included.

    Args:
        markup: what `extract_plain_text(…, preserve_formatting="minimal_html", links=True)` gave.
        bullets: write "•" or the number before list items.
        links: write link targets in brackets.
    """
    reader = _Reader(bullets, links)
    return [_line(raw, reader) for raw in markup.split("\n")]


def _line(raw: str, reader: _Reader) -> Line:
    heading, pre = reader.heading, reader.pre
    parts, marker, linked = [], "", 0
    for text, closing, name, href in _pieces(raw):
        parts.append(text)
        if text and not text.isspace():
            linked += len(text.strip()) if reader.href is not None else 0
            marker, reader.marker = marker or reader.marker, ""
        if name:
            parts.append(reader.tag(bool(closing), name, href))
        heading, pre = heading or reader.heading, pre or reader.pre
    written = unescape("".join(parts))
    written = marker + (written.rstrip() if pre else written.strip())
    return Line(written, len(written), linked, heading)


def _pieces(raw: str) -> Iterator[tuple[str, str, str, str | None]]:
    """Each text of a line with the tag after it: text, "/" if closing, name ("" at the end of the line), href."""
    at = 0
    for tag in TAG.finditer(raw):
        yield raw[at : tag.start()], tag[1], tag[2], tag[3]
        at = tag.end()
    yield raw[at:], "", "", None


def size(lines: Sequence[Line]) -> int:
    """Code points of text in all lines."""
    return sum(line.size for line in lines)


def trim(lines: Sequence[Line]) -> Sequence[Line]:
    """Cut what stands before the first and after the last line of prose, headings of the first one kept.

    What main-content rules leave of menus, sharing bars, teasers and notices stands at the two ends. Nothing is cut
    where that would cost more than `1 - SHARE` of the text.
    """
    prose = [at for at, line in enumerate(lines) if is_prose(line)]
    if not prose:
        return lines
    begin = prose[0]
    while begin > 0 and (lines[begin - 1].heading or not lines[begin - 1].size):
        begin -= 1
    kept = lines[begin : prose[-1] + 1]
    return kept if size(kept) >= SHARE * size(lines) else lines


def is_prose(line: Line) -> bool:
    """A long line, or a shorter one that ends like a sentence, with little link text."""
    sentence = line.size >= SENTENCE and SENTENCE_END.search(line.text) is not None
    return (line.size >= LONG or sentence) and line.linked <= LINKED * line.size


def write(lines: Sequence[Line]) -> str:
    """The text of the lines."""
    return "\n".join(line.text for line in lines)
