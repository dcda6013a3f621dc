"""The pages of `corpusmill serve` but the report: a search, a document, a fault. All text of them is escaped."""

import html
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from corpusmill import plan
from corpusmill.report import page
from corpusmill.report.explain import Found as Visit
from corpusmill.report.explain import bounds_of, interval
from corpusmill.report.outputs import Run
from corpusmill.report.page.writing import decimal, escaped, figure
from corpusmill.report.serve_search import AT_END, DROPPED, KEPT, PAGE, Found, Ledgers, Query, Row
from corpusmill.spec import limits

LONGEST = 25_000  # code points of a document's text, masks included
REASONS = 200  # in the list of a stage
OWN = """
form.search {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .9rem 1.1rem; align-items: end;
  margin: 1.75rem 0;
}
form.search label { display: block; font-size: .82rem; color: var(--muted); }
form.search input, form.search select, form.search button {
  width: 100%; height: 2.5rem; margin-top: .2rem; padding: .4rem .55rem; font: inherit; font-size: .95rem;
  color: var(--ink); background: var(--raised); border: 1px solid var(--line); border-radius: 4px;
}
form.search button {
  background: var(--accent); border-color: var(--accent); color: var(--page); cursor: pointer;
}
.pages { display: flex; gap: 1.5rem; margin: 1rem 0; }
.verdict { margin: 1rem 0 0; }
h1.address { font-size: 1.5rem; }
"""


class Reading(NamedTuple):
    """A text of a document and where it is from; None with a note why there is none."""

    heading: str
    text: str | None


def style() -> str:
    """The look: that of the report, and of forms."""
    return (Path(page.__file__).parent / "page.css").read_text("utf-8") + OWN


def search(ledgers: Ledgers, query: Query, found: Found, urls: Sequence[str | None]) -> str:
    """The form, and what was found.

    Args:
        ledgers: of the run.
        query: what was looked for.
        found: a page of it.
        urls: of its rows, masked.
    """
    head = ["document", "language", "verdict", "bytes", *([query.signal] if query.signal else [])]
    cells = "".join(_row(query, row, url) for row, url in zip(found.rows, urls, strict=True))
    sides = ["l", "l", "l", "r", "r"]
    titles = "".join(f'<th scope="col" class="{s}">{escaped(h)}</th>' for s, h in zip(sides, head, strict=False))
    table = (
        '<div class="scroll" tabindex="0" role="region" aria-label="Documents"><table><thead><tr>'
        f"{titles}</tr></thead><tbody>{cells}</tbody></table></div>"
    )
    counted = f"{found.total:,} record{'' if found.total == 1 else 's'}"
    told = f"<p class='note'>{counted} of {escaped(query.stage)}; the verdict is this stage's.</p>"
    body = f"{_form(ledgers, query)}<section id='found'><h2>Documents</h2>{told}{table if found.rows else ''}"
    return _whole(ledgers.run, "Search", f"{body}{_pages(query, found.total)}</section>")


def document(run: Run, way: Sequence[Visit], url: str | None, readings: Iterable[Reading]) -> str:
    """One record: what each stage said of it, and its text.

    Args:
        run: the run.
        way: its ledger rows.
        url: masked.
        readings: its texts, masked.
    """
    first = way[0]
    facts = f"id {first.row['id']}, read from {first.file} at byte {first.row['offset']}"
    parts = [f"<p class='about'><bdi>{escaped(facts)}</bdi></p>"]
    parts += [_stage(run, visit) for visit in way]
    parts.append("<section id='text'><h2>Text</h2><p class='lead'>Personal data is masked, as in all reports.</p>")
    for reading in readings:
        parts.append(f"<h3>{escaped(reading.heading)}</h3>")
        if reading.text is not None:
            parts.append(f"<p class='text' dir='auto'>{escaped(reading.text, LONGEST)}</p>")
    return _whole(run, url or first.row["id"], "".join([*parts, "</section>"]), "address")


def fault(run: Run, message: str) -> str:
    """What went wrong."""
    return _whole(run, "That did not work", f"<p class='lead'>{escaped(message)}</p>")


def _whole(run: Run, title: str, body: str, kind: str = "title") -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{escaped(title)}, {escaped(run.recipe.name)}, corpusmill</title>"
        f'<link rel="icon" href="data:,"><style>{style()}</style></head><body>'
        '<a class="skip" href="#main">Skip to the content</a>'
        f'<aside><p class="brand">corpusmill <span>{escaped(run.recipe.name)}</span></p>'
        '<nav aria-label="Pages" class="contents"><ol><li><a href="/">Report</a></li>'
        '<li><a href="/search">Search</a></li></ol></nav></aside>'
        f'<main id="main" tabindex="-1"><header><h1 class="{kind}"><bdi>{escaped(title)}</bdi></h1></header>'
        f"{body}</main></body></html>"
    )


def _form(ledgers: Ledgers, query: Query) -> str:
    titles = [stage.title for stage in ledgers.stages]
    groups = [(title, list(ledgers.reasons[title])[:REASONS]) for title in titles]
    reasons = _options(["", KEPT, DROPPED, AT_END], query.reason) + "".join(
        f'<optgroup label="{escaped(title)}">{_options(named, query.reason)}</optgroup>'
        for title, named in groups
        if named
    )
    signals = "".join(
        f'<optgroup label="{escaped(title)}">{_options(ledgers.columns[title], query.signal)}</optgroup>'
        for title in titles
    )
    told = query.fields()
    fields = [
        ("Id or address has", _input("text", query.text)),
        ("Domain", _input("domain", query.domain)),
        ("Stage", f'<select name="stage">{_options(titles, query.stage)}</select>'),
        ("Verdict or reason", f'<select name="reason">{reasons}</select>'),
        ("Language", f'<select name="language">{_options(["", *ledgers.languages], query.language)}</select>'),
        ("Signal", f'<select name="signal">{_options([""], query.signal)}{signals}</select>'),
        ("from", _input("low", told.get("low", ""))),
        ("to", _input("high", told.get("high", ""))),
    ]
    shown = "".join(f"<label>{escaped(name)}{field}</label>" for name, field in fields)
    return f'<form class="search" method="get" action="/search" role="search">{shown}<button>Search</button></form>'


def _input(name: str, value: str) -> str:
    return f'<input name="{name}" value="{_asked(value)}" autocomplete="off">'


def _asked(value: str) -> str:
    """A value that comes back with the next request: escaped, but not made visible or shorter."""
    return html.escape(value.replace("\0", ""))  # which no page can hold


def _options(values: Iterable[str], chosen: str) -> str:
    return "".join(
        f'<option value="{_asked(value)}"{" selected" if value == chosen else ""}>{escaped(value) or "any"}</option>'
        for value in values
    )


def _row(query: Query, row: Row, url: str | None) -> str:
    to = urlencode({"stage": query.stage, "shard": row.shard, "record": row.record})
    value = f'<td class="r">{escaped(figure(row.value))}</td>' if query.signal else ""
    return (
        f'<tr><th scope="row" class="l"><a href="/document?{_asked(to)}"><bdi>{escaped(url or row.id)}</bdi></a></th>'
        f'<td class="l">{escaped(row.language or "")}</td><td class="l">{escaped(row.reason or "kept")}</td>'
        f'<td class="r">{escaped(figure(row.size))}</td>{value}</tr>'
    )


def _pages(query: Query, total: int) -> str:
    told = {**query.fields()}
    links = []
    for name, number, there in (("Earlier", query.page - 1, query.page > 1), ("Later", query.page + 1,
                                total > query.page * PAGE)):  # fmt: skip
        if there:
            to = urlencode({**told, "page": number})
            links.append(f'<a href="/search?{_asked(to)}">{name}</a>')
    return f'<nav class="pages" aria-label="Pages of the result">{"".join(links)}</nav>' if links else ""


def _stage(run: Run, visit: Visit) -> str:
    reason = visit.row["reason"]
    verdict = "dead letter" if reason and reason.endswith(".failed") else "dropped"
    told = f"{verdict}: {reason}" if reason else "kept"
    called, specs = plan.cut(run.recipe.steps)[visit.number - 1]
    rows = []
    for name, step in zip(called, specs, strict=True):
        for signal, limit in limits(step).items():
            value, bounds = visit.row[f"{name}.{signal}"], bounds_of(limit, visit.row["language"])
            shown = "not measured" if value is None else decimal(value)
            ends = "" if bounds is None else interval(bounds)
            rows.append(
                f'<tr><th scope="row" class="l">{escaped(f"{name}.{signal}")}</th><td class="r">{escaped(shown)}</td>'
                f'<td class="l">{escaped(ends)}</td></tr>'
            )
        told_of = {f"{name}.{signal}" for signal in limits(step)}
        rows += [
            f'<tr><th scope="row" class="l">{escaped(column)}</th>'
            f'<td class="r">{escaped(str(value))}</td><td></td></tr>'
            for column, value in visit.row.items()
            if column.startswith(f"{name}.") and column not in told_of and value is not None
        ]
    head = "".join(
        f'<th scope="col" class="{s}">{n}</th>' for n, s in (("signal", "l"), ("value", "r"), ("bounds", "l"))
    )
    table = (
        f"<details><summary>what was found</summary><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></details>"
    )
    return f"<p class='verdict'><strong>{escaped(visit.stage)}</strong> {escaped(told)}</p>{table if rows else ''}"
