"""Makes HTML of sections. Nothing else does, and all text goes through `writing.escaped`: the web's pages are hostile.

The page is one file: look, script, chart library and figures lie in it. Its policy (CSP) allows the scripts by their
digests and nothing from anywhere else, so that it can neither load nor send anything.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

from corpusmill import __version__
from corpusmill.report.page.sections import Card, Cell, Chart, Name, Passage, Row, Section, Share, Table
from corpusmill.report.page.writing import LONGEST_PASSAGE, escaped, figure, visible

HERE = Path(__file__).parent
LIBRARIES = ("vega", "vega-lite", "vega-embed")  # in the order in which they need each other
MARKS = {
    "hit": "mark",
    "cut": "del",
    "masked": "span",
    "added": "ins",
    "missing": "del",
    "more": "span",
    "code": "code",
}


def html(title: str, about: str, sections: Sequence[Section], kind: str = "run") -> str:
    """The page.

    Args:
        title: of the page.
        about: a line below it.
        sections: in order.
        kind: what it shows, for its head.
    """
    charts = [chart for section in sections for chart in section.charts]
    scripts = [*(_library(name) for name in LIBRARIES if charts), (HERE / "page.js").read_text("utf-8")]
    body = _Body(sections)
    return Template((HERE / "page.html").read_text("utf-8")).substitute(
        policy=_policy(scripts),
        title=escaped(title),
        about=f'<p class="about">{escaped(about, LONGEST_PASSAGE)}</p>' if about else "",
        kind=escaped(kind),
        style=(HERE / "page.css").read_text("utf-8"),
        contents="\n".join(f'<li><a href="#{s.name}">{escaped(s.title)}</a></li>' for s in sections),
        sections="\n".join(body.section(section) for section in sections),
        charts=_json([_clean(dict(chart.spec)) for chart in charts]),
        scripts="\n".join(f"<script>{script}</script>" for script in scripts),
        version=escaped(__version__),
        thanks=" Charts by Vega-Lite (BSD-3-Clause)." if charts else "",
    )


def _library(name: str) -> str:
    code = (HERE / "vendor" / name / f"{name}.min.js").read_text("utf-8")
    return "".join(line for line in code.splitlines(keepends=True) if not line.startswith("//# sourceMappingURL"))


def _policy(scripts: Sequence[str]) -> str:
    digests = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    nothing = ("default-src", "base-uri", "form-action")
    ruled = [
        *(f"{name} 'none'" for name in nothing),
        f"script-src {allowed}",
        "style-src 'unsafe-inline'",
        "img-src data:",
    ]
    return "; ".join(ruled)


def _json(data: Any) -> str:
    """JSON that can stand in a script element: no `<`, so nothing in it ends the element or opens a comment."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")


def _clean(data: Any) -> Any:
    """The same data with all its texts visible."""
    if isinstance(data, str):
        return visible(data)
    if isinstance(data, dict):
        return {visible(str(key)): _clean(value) for key, value in data.items()}
    return [_clean(value) for value in data] if isinstance(data, (list, tuple)) else data


def _name(text: str) -> str:
    """A name ready for HTML, which breaks between its words if it is too long for a line."""
    return re.sub(r"(?<=[^\W\d])[._](?=\w)", r"\g<0><wbr>", escaped(text))


class _Body:
    """The sections as HTML; knows all anchors, so that a name is a link only where there is something to go to."""

    def __init__(self, sections: Sequence[Section]) -> None:
        cards = (card.name for section in sections for card in section.examples)
        charts = (chart.name for section in sections for chart in section.charts)
        self._anchors = {section.name for section in sections} | {*cards, *charts} - {""}
        self._chart = 0

    def section(self, section: Section) -> str:
        """One section."""
        name = escaped(section.name)
        parts = [f'<section id="{name}" aria-labelledby="{name}-title" tabindex="-1">']
        parts.append(f'<h2 id="{name}-title">{escaped(section.title)}</h2>')
        parts.append(f'<p class="lead">{escaped(section.lead, LONGEST_PASSAGE)}</p>')
        if section.figures:
            pairs = (
                f"<div><dt>{escaped(what)}</dt><dd>{self._cell(value)}</dd></div>" for what, value in section.figures
            )
            parts.append(f'<dl class="figures">{"".join(pairs)}</dl>')
        for group, charts in groupby(section.charts, key=lambda chart: chart.group):
            parts.append(f"<h3>{_name(group)}</h3>" if group else "")
            parts.append(
                f'<div class="charts">{"".join(self._figure(c, "h4" if group else "h3") for c in charts)}</div>'
            )
        parts += [self._table(table) for table in section.tables]
        for group, cards in groupby(
            section.examples, key=lambda card: (card.group, card.name if not card.group else "")
        ):
            parts.append(self._cards(group[0], list(cards)))
        parts += [f'<p class="note">{escaped(note, LONGEST_PASSAGE)}</p>' for note in section.notes]
        return "\n".join(part for part in [*parts, "</section>"] if part)

    def _figure(self, chart: Chart, heading: str) -> str:
        number, self._chart = self._chart, self._chart + 1
        named = f' id="{escaped(chart.name)}"' if chart.name else ""
        title = f"<{heading}>{_name(chart.title)}</{heading}>" if chart.title else ""
        words = escaped(chart.alternative, LONGEST_PASSAGE)
        half = ' class="half"' if chart.half else ""
        return (
            f"<figure{named}{half}>{title}"
            f'<div class="chart" data-chart="{number}" role="img" aria-label="{words}"><p>{words}</p></div>'
            f"<figcaption>{escaped(chart.caption, LONGEST_PASSAGE)}</figcaption></figure>"
        )

    def _table(self, table: Table) -> str:
        sides = ["r" if side == "r" else "l" for side in table.align or "l" + "r" * (len(table.head) - 1)]
        head = "".join(f'<th scope="col" class="{s}">{escaped(h)}</th>' for s, h in zip(sides, table.head, strict=True))
        rows = [row if isinstance(row, Row) else Row(row) for row in table.rows]
        body = "".join(self._row(row, sides) for row in rows)
        title = escaped(table.title)
        more = f'<p class="note">and {table.more:,} more</p>' if table.more else ""
        note = f'<p class="note">{escaped(table.note, LONGEST_PASSAGE)}</p>' if table.note else ""
        label = title or escaped(", ".join(table.head))
        made = (
            f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">'
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{more}{note}"
        )
        if table.folded:
            return f"<details><summary>{label}</summary>{made}</details>"
        return f"<h3>{title}</h3>{made}" if title else made

    def _row(self, row: Row, sides: Sequence[str]) -> str:
        classes = " ".join(filter(None, (f"level-{row.level}" if row.level else "", row.tone)))
        cells = "".join(
            f'<{tag} class="{side}"{scope}>{self._cell(cell)}</{tag}>'
            for side, cell, (tag, scope) in zip(sides, row.cells, _tags(len(sides)), strict=True)
        )
        return f'<tr class="{classes}">{cells}</tr>' if classes else f"<tr>{cells}</tr>"

    def _cell(self, cell: Cell) -> str:
        told = escaped(figure(cell))
        if isinstance(cell, Share) and cell.value is not None:
            width = max(0.0, min(1.0, cell.value))
            return f'<span class="share" style="--share:{width:.4f}">{told}</span>'
        if isinstance(cell, Name):
            code = f"<code>{_name(cell.text)}</code>"
            return f'<a href="#{escaped(cell.to)}">{code}</a>' if cell.to in self._anchors else code
        return _name(cell) if isinstance(cell, str) else told

    def _cards(self, group: str, cards: Sequence[Card]) -> str:
        made = "".join(self._card(card) for card in cards)
        named = f' id="{escaped(cards[0].name)}"' if cards[0].name else ""
        inside = f'<div class="cards">{made}</div>'
        if not group:
            return f"<div{named}>{inside}</div>"
        summary = f'<summary>{_name(group)} <span class="count">{len(cards)}</span></summary>'
        return f"<details{named}>{summary}{inside}</details>"

    def _card(self, card: Card) -> str:
        facts = "".join(
            f"<div><dt>{escaped(what)}</dt><dd>{self._cell(value)}</dd></div>" for what, value in card.facts
        )
        passages = "".join(_passage(passage) for passage in card.passages)
        ask = f'<p class="ask"><code>{escaped(card.ask, LONGEST_PASSAGE)}</code></p>' if card.ask else ""
        return (
            f'<article class="card"><p class="of"><bdi>{escaped(card.title)}</bdi></p>'
            f"{f'<dl class=facts>{facts}</dl>' if facts else ''}"
            f'<div class="passages">{passages}</div>{ask}</article>'
        )


def _tags(count: int) -> Iterator[tuple[str, str]]:
    yield "th", ' scope="row"'
    for _ in range(count - 1):
        yield "td", ""


def _passage(passage: Passage) -> str:
    heading = f'<p class="heading">{escaped(passage.heading)}</p>' if passage.heading else ""
    left, parts = LONGEST_PASSAGE, []
    for piece in passage.pieces:
        if left <= 0:
            parts.append('<span class="more">…</span>')
            break
        told = escaped(piece.text, left)
        left -= len(piece.text)
        tag = MARKS.get(piece.mark)
        parts.append(f'<{tag} class="{piece.mark}">{told}</{tag}>' if tag else told)
    return f'<div class="passage">{heading}<p class="text" dir="auto">{"".join(parts)}</p></div>'
