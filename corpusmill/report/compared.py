"""The comparison of two runs: tables on the screen, and sections of a page."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.report.compare import Beside, Comparison
from corpusmill.report.drift import MUCH, SOME, Drift
from corpusmill.report.fates import Example
from corpusmill.report.outputs import unfinished
from corpusmill.report.page.sections import Card, Cell, Name, Passage, Piece, Row, Section, Share, Tone
from corpusmill.report.page.sections import Table as PageTable
from corpusmill.report.page.writing import against, bounded, decimal, short, visible
from corpusmill.stats import StepCounts

SIGNALS = 25  # of which the drift is shown on the screen
WIDTH = 120  # characters of a line about a document
VALUE = 50  # characters of a setting's value, on the screen
CHANGES = 12  # reasons for which documents change sides, on the screen
TONES = {"stable": "", "some drift": "yellow", "drifted": "red"}
READING = (
    f"PSI to {SOME}: stable; to {MUCH}: some drift; above: drifted. By chance: what runs that do not differ stay below"
    " in 95 of 100 comparisons; a PSI below it says nothing."
)


def shown(found: Comparison) -> Group:
    """Everything, ready to print."""
    head = [Text(f"A  {visible(found.a)}"), Text(f"B  {visible(found.b)}")]
    notes = [Text(line, "yellow") for line in _waiting(found)]
    drift: list[Any] = [Text(""), _drift(found), *_gone(found), Text(READING, "dim")]
    return Group(*head, *notes, *_settings(found), Text(""), _funnel(found), *drift, *_moved(found), *_fates(found))


def _settings(found: Comparison) -> Iterator[Text | Table]:
    """Where the recipes differ."""
    yield Text("")
    if not found.settings:
        yield Text("settings that differ: none")
        return
    table = _table("settings that differ", "setting", "A", "B")
    for one in found.settings[:SIGNALS]:
        table.add_row(one.name, *(short(visible(value or "none"), VALUE) for value in (one.a, one.b)))
    yield table
    if len(found.settings) > SIGNALS:
        yield Text(f"and {len(found.settings) - SIGNALS} more; --json and --html have them all", "dim")


def _gone(found: Comparison) -> Iterator[Text]:
    for line in found.gone[:SIGNALS]:
        yield Text(line, "red")
    if len(found.gone) > SIGNALS:
        yield Text(f"and {len(found.gone) - SIGNALS} more; --json and --html have them all", "dim")


def _waiting(found: Comparison) -> Iterator[str]:
    for side, titles in found.waiting.items():
        if titles:
            yield f"{side} is not whole: {unfinished(titles)}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for number, name in enumerate(columns):
        table.add_column(name, justify="right" if number else "left", no_wrap=True)
    return table


def _funnel(found: Comparison) -> Table:
    table = _table("funnel", "step", "A in", "A out", "A lost", "B in", "B out", "B lost", "change")
    for step in found.funnel:
        cells = [cell for side in (step.a, step.b) for cell in _step(side)]
        table.add_row(Text(step.name, "bold"), *cells, _points(_lost(step.a), _lost(step.b)))
        for reason, (a, b) in _reasons(step).items():
            told = [f"{share:.1%}" if share is not None else "" for share in (a, b)]
            change = _points(a, b)
            short_name = reason.removeprefix(f"{step.name}.")
            table.add_row(*(Text(t, "dim") for t in (f"  {short_name}", "", "", told[0], "", "", told[1], change)))
    return table


def _step(step: StepCounts | None) -> tuple[str, str, str]:
    if step is None:
        return "", "", "no such step"
    lost = _lost(step)
    return f"{step.documents_in:,}", f"{step.documents_out:,}", "" if lost is None else f"{lost:.1%}"


def _lost(step: StepCounts | None) -> float | None:
    return None if step is None or not step.documents_in else 1 - step.documents_out / step.documents_in


def _reasons(step: Beside) -> dict[str, tuple[float | None, float | None]]:
    """Each reason's share of the documents that came in."""
    names = sorted({r for side in (step.a, step.b) if side is not None for r in side.reasons})
    return {name: (_share(step.a, name), _share(step.b, name)) for name in names}


def _share(step: StepCounts | None, reason: str) -> float | None:
    return None if step is None or not step.documents_in else step.reasons[reason] / step.documents_in


def _points(a: float | None, b: float | None) -> str:
    """By how much a share changes, in percentage points."""
    return "" if a is None or b is None or a == b else f"{100 * (b - a):+.1f}"


def _drift(found: Comparison) -> Table:
    table = _table("drift", "signal", "PSI", "by chance", "median A", "median B", "")
    for one in found.drifts[:SIGNALS]:
        medians = ["", ""] if one.medians is None else [decimal(value) for value in one.medians]
        told = Text(one.reading, TONES[one.reading])
        table.add_row(Text(one.name, "bold"), f"{one.psi:.3f}", f"{one.chance:.3f}", *medians, told)
    if len(found.drifts) > SIGNALS:
        table.add_row(Text(f"and {len(found.drifts) - SIGNALS} more, of less drift", "dim"))
    return table


def _moved(found: Comparison) -> Iterator[Text | Table]:
    for what, rows in found.moved.items():
        if not rows:
            continue
        table = _table(f"{what} whose share of the kept changed most", "", "A in", "A kept", "B in", "B kept")
        for name, a, b in rows:
            table.add_row(Text(visible(short(name, 60))), *(f"{count:,}" for count in (*a, *b)))
        yield from (Text(""), table)


def _fates(found: Comparison) -> Iterator[Text]:
    yield from (Text(""), *(Text(line) for line in _records(found)))
    for change, count in list(found.fates.changes.items())[:CHANGES]:
        other = "B" if change.keeps == "A" else "A"
        yield Text(f"\n{count:,} kept in {change.keeps}, dropped in {other} for {change.reason}", "bold")
        for one in found.fates.examples[change]:
            value = "" if one.value is None else f"{against(one.value, change.reason)}  "
            yield Text(f"  {value}{visible((one.url or one.id)[:WIDTH])}")
            yield Text(f"    {visible(one.text[:WIDTH])}", "dim")
    if len(found.fates.changes) > CHANGES:
        yield Text(f"\nand {len(found.fates.changes) - CHANGES} more reasons; --json and --html have them all")


def _records(found: Comparison) -> Iterator[str]:
    told = found.fates
    both = f"{told.kept:,} kept by both, {told.dropped:,} dropped by both"
    yield f"{told.matched:,} records are in both (by {told.by}): {both}"
    for side, (records, kept) in told.only.items():
        yield f"{records:,} records are in {side} alone, of which it keeps {kept:,}"
    for side in ("A", "B"):
        count = sum(n for change, n in told.changes.items() if change.keeps == side)
        yield f"{count:,} records of both are kept in {side} alone"


def page(found: Comparison) -> list[Section]:
    """The same as sections of a page."""
    return [_page_settings(found), _page_funnel(found), _page_drift(found), _page_moved(found), _page_fates(found)]


def _page_settings(found: Comparison) -> Section:
    rows: list[Any] = [[Name(one.name), one.a or "none", one.b or "none"] for one in found.settings]
    lead = "Where the recipes differ, defaults included; a step that only one has is there or none."
    tables = [PageTable(head=["setting", "A", "B"], rows=rows)] if rows else []
    notes = [] if rows else ["Nowhere: both runs have the same recipe."]
    return Section(name="settings", title="Settings that differ", lead=lead, tables=tables, notes=notes)


def _page_funnel(found: Comparison) -> Section:
    rows: list[Any] = []
    for step in found.funnel:
        cells: list[Cell] = [Name(step.name)]
        for side in (step.a, step.b):
            counts = (None, None) if side is None else (side.documents_in, side.documents_out)
            cells += [*counts, Share(_lost(side))]
        rows.append([*cells, _points(_lost(step.a), _lost(step.b))])
        for reason, (a, b) in _reasons(step).items():
            name = Name(reason.removeprefix(f"{step.name}."))
            rows.append(Row([name, None, None, Share(a), None, None, Share(b), _points(a, b)], level=1, tone="quiet"))
    head = ["step", "A in", "A out", "A lost", "B in", "B out", "B lost", "points"]
    lead = "The same steps in both runs; the last column is by how many percentage points more is lost in B."
    return Section(
        name="funnel", title="Side by side", lead=lead, tables=[PageTable(head=head, rows=rows)],
        notes=[f"A: {found.a}", f"B: {found.b}", *_waiting(found)],
    )  # fmt: skip


def _page_drift(found: Comparison) -> Section:
    rows: list[Any] = []
    for one in found.drifts:
        a, b = one.medians or (None, None)
        tone: Tone = "alarm" if one.reading == "drifted" else ""
        rows.append(Row([Name(one.name), one.psi, one.chance, one.a, one.b, a, b, one.reading], tone=tone))
    head = ["signal", "PSI", "by chance", "A measured", "B measured", "A median", "B median", "reading"]
    tables = [PageTable(head=head, rows=rows, align="lrrrrrrl"), *map(_classes, _drifted(found))]
    drifted = len([one for one in found.drifts if one.reading == "drifted"])
    figures: list[tuple[str, Cell]] = [("signals", len(found.drifts)), ("drifted", drifted)]
    if found.gone:
        figures.append(("gone", len(found.gone)))
    lead = "How far each distribution of B lies from that of A, over the documents that reached the step."
    data = {one.name: one.psi for one in found.drifts}
    return Section(
        name="drift", title="Drift", lead=lead, figures=figures, tables=tables, notes=[*found.gone, READING],
        data={"psi": data},
    )  # fmt: skip


def _drifted(found: Comparison) -> list[Drift]:
    return [one for one in found.drifts if one.reading != "stable"][:SIGNALS]


def _classes(one: Drift) -> PageTable:
    rows: list[list[Cell]] = [
        [Name(c.name), Share(c.a / max(1, one.a)), Share(c.b / max(1, one.b))] for c in one.classes
    ]
    return PageTable(head=["values", "A", "B"], rows=rows, title=f"{one.name}, PSI {one.psi:.3f}", folded=True)


def _page_moved(found: Comparison) -> Section:
    tables = [
        PageTable(head=[what, "A in", "A kept", "B in", "B kept"], rows=[[n, *a, *b] for n, a, b in rows])
        for what, rows in found.moved.items()
        if rows
    ]
    lead = "Languages, domains and sources whose share of the kept documents changed most."
    return Section(name="moved", title="What changed most", lead=lead, tables=tables)


def _page_fates(found: Comparison) -> Section:
    told = found.fates
    rows = [[c.keeps, "B" if c.keeps == "A" else "A", Name(c.reason), count] for c, count in told.changes.items()]
    table = PageTable(head=["kept in", "dropped in", "for", "documents"], rows=rows, align="lllr")
    cards = [
        _card(f"{count:,} kept in {c.keeps}, dropped in the other for {c.reason}", one)
        for c, count in told.changes.items()
        for one in told.examples[c]
    ]
    lead = "The same records in both runs: what one keeps and the other drops, and why."
    return Section(
        name="fates", title="What one keeps and the other drops", lead=lead, tables=[table] if rows else [],
        examples=cards, notes=list(_records(found)),
    )  # fmt: skip


def _card(group: str, one: Example) -> Card:
    facts: list[tuple[str, Cell]] = [] if one.value is None else [("value", bounded(one.value, group))]
    return Card(title=one.url or one.id, passages=[Passage([Piece(one.text)])], facts=facts, group=group)
