"""The funnel: documents, bytes and tokens from the crawl to packed rows, every step and reason, and that it adds up."""

from collections.abc import Iterator
from typing import Any

from corpusmill.report.outputs import Run
from corpusmill.report.page import charts
from corpusmill.report.page.sections import Bytes, Cell, Chart, Name, Row, Section, Share, Table, anchor
from corpusmill.report.page.totals import Stage, bytes_per_token, packed, stages, text_begins
from corpusmill.report.page.writing import percent
from corpusmill.report.progress import megabytes
from corpusmill.stats import StepCounts
from corpusmill.storage.read import incident

REASONS = 40  # of a step; a reason is a bound, so there are rarely more
LEAD = "What came in, what is left, and which step took the rest. Open a reason's name to see documents it dropped."


def section(run: Run) -> Section:
    """The funnel over all stages."""
    found = stages(run)
    ratio = bytes_per_token(run)
    rows = [row for stage in found for row in _stage(stage, ratio, text_begins(run), found[0].report.records)]
    steps = [(f"{stage.title[:2]} {name}", step) for stage in found for name, step in _own(stage)]
    seen = [(name, step.documents_in, step.documents_out) for name, step in steps if not _idle(step)]
    first, last = found[0].report, found[-1].report
    words = f"From {first.records:,} records {last.kept:,} documents are left. " + "; ".join(
        f"{name} keeps {after:,} of {before:,}" for name, before, after in seen
    )
    chart = Chart(
        spec=charts.kept_of(seen), alternative=words, name="funnel-chart", title="Documents into and out of each step",
        caption="Grey is what a step dropped. Steps that changed nothing are left out.",
    )  # fmt: skip
    head = ["step", "documents in", "out", "lost", "share lost", "of the crawl", "bytes in", "bytes out", "tokens"]
    table = Table(
        head=head, rows=rows, title="Every step and reason",
        note=f"Bytes: of the crawl as stored, of HTML before extraction, of UTF-8 text after it. {_tokens_note(ratio)}",
    )  # fmt: skip
    return Section(
        name="funnel", title="Funnel", lead=LEAD, figures=_figures(run, found), charts=[chart],
        tables=[table, _sums(found)], notes=_notes(found), data=_data(found),
    )  # fmt: skip


def _own(stage: Stage) -> list[tuple[str, StepCounts]]:
    """The steps of a stage; later stages read what the one before has written, which is no step of the recipe."""
    steps = stage.report.steps.items()
    return [(name, step) for name, step in steps if name != "read" or stage.title.startswith("01-")]


def _idle(step: StepCounts) -> bool:
    """A step that passed everything on as it was."""
    return step.documents_in == step.documents_out and not step.reasons and step.bytes_in == step.bytes_out


def _tokens_note(ratio: float | None) -> str:
    if ratio is None:
        return "No tokens: the recipe packs none, or has not yet."
    return f"Tokens before packing are bytes divided by this run's own {ratio:.3f} bytes per token, hence the ≈."


def _figures(run: Run, found: list[Stage]) -> list[tuple[str, Cell]]:
    first, last, rows = found[0].report, found[-1].report, packed(run)
    documents = [stage for stage in found if not stage.packs][-1].report
    text = list(documents.steps.values())[-1].bytes_out if documents.steps else 0
    figures: list[tuple[str, Cell]] = [
        ("records read", first.records),
        ("documents kept", last.kept),
        ("kept", Share(last.kept / first.records if first.records else None)),
        ("text kept", Bytes(text)),
    ]
    if rows is not None and rows.packs:
        counts = rows.report.tallies
        kinds = ("train", "validation")
        figures.append(("tokens packed", sum(counts[f"{rows.packs}.{kind}.tokens"] for kind in kinds)))
        figures.append(("packed rows", sum(counts[f"{rows.packs}.{kind}.rows"] for kind in kinds)))
    return figures


def _stage(stage: Stage, ratio: float | None, text_from: str, crawl: int) -> Iterator[Row]:
    report = stage.report
    told = report.kept + report.dropped + report.dead
    yield Row([stage.title, report.records, report.kept, told - report.kept, _share(told - report.kept, report.records),
               _share(told - report.kept, crawl), None, None, None], tone="total")  # fmt: skip
    html = stage.title.startswith("01-") and text_from in report.steps
    for name, step in _own(stage):
        html = html and name != text_from
        lost = step.documents_in - step.documents_out
        tokens = f"≈ {step.bytes_out / ratio:,.0f}" if ratio and not html and not stage.packs else None
        yield Row([Name(name, anchor("step", name)), step.documents_in, step.documents_out, lost or None,
                   _share(lost, step.documents_in), _share(lost, crawl), Bytes(step.bytes_in), Bytes(step.bytes_out),
                   tokens])  # fmt: skip
        reasons = sorted(step.reasons.items(), key=lambda item: (-item[1], item[0]))
        for reason, count in reasons[:REASONS]:
            shown = Name(reason.removeprefix(f"{name}."), anchor("reason", reason))
            shares = _share(count, step.documents_in), _share(count, crawl)
            yield Row([shown, None, None, count, *shares, None, None, None], level=1)
        if len(reasons) > REASONS:
            rest = sum(count for _, count in reasons[REASONS:])
            yield Row([f"and {len(reasons) - REASONS} more reasons", None, None, rest, *[None] * 5], level=1)
        if step.failed:
            share = _share(step.failed, step.documents_in)
            cells: list[Cell] = ["failed: dead letters", None, None, step.failed, share, _share(step.failed, crawl)]
            yield Row([*cells, None, None, None], level=1, tone="alarm")
    yield from _packed_rows(stage)


def _packed_rows(stage: Stage) -> Iterator[Row]:
    for kind in ("train", "validation"):
        counts = {
            what: stage.report.tallies[f"{stage.packs}.{kind}.{what}"] for what in ("documents", "rows", "tokens")
        }
        if stage.packs and counts["rows"]:
            cells: list[Cell] = [f"{kind}: {counts['rows']:,} packed rows", None, counts["documents"], *[None] * 5]
            yield Row([*cells, counts["tokens"]], level=1)


def _share(part: int, whole: int) -> Share:
    return Share(part / whole if whole and part else None)


def _sums(found: list[Stage]) -> Table:
    """Each stage's equation, and that a stage received what the one before kept."""
    rows: list[Row] = []
    before: int | None = None
    for stage in found:
        report = stage.report
        faults = report.faults()
        if before is not None and before != report.records:
            faults.append(f"{before:,} were kept by the stage before")
        parts = [report.kept, report.dropped, report.dead]
        verdict = "; ".join(faults) or "yes"
        rows.append(
            Row([Name(stage.title), report.records, *parts, sum(parts), verdict], tone="alarm" if faults else "")
        )
        before = report.kept
    return Table(
        head=["stage", "records in", "kept", "dropped", "dead letters", "sum", "adds up"], rows=rows, align="lrrrrrl",
        title="Nothing vanished",
        note="Records in = kept + dropped + dead letters; a stage's records are what the stage before kept; at every"
             " step what went in is what came out plus what has a reason.",
    )  # fmt: skip


def _notes(found: list[Stage]) -> list[str]:
    first = found[0].report
    notes = []
    if first.skipped:
        others = ", ".join(f"{count:,} {kind}" for kind, count in sorted(first.skipped.items()))
        notes.append(f"Records in the input that are no pages, and are not counted above: {others}.")
    if first.incident_count:
        notes.append(f"{first.incident_count:,} incidents in the input, the first: {incident(first.incidents[0])}.")
    if first.bytes_read:
        passed = percent(first.kept / (first.records or 1))
        notes.append(f"{megabytes(first.bytes_read)} of input were read, as stored; {passed} of its records passed the"
                     " first stage.")  # fmt: skip
    return notes


def _data(found: list[Stage]) -> dict[str, Any]:
    return {
        stage.title: {
            **{name: getattr(stage.report, name) for name in ("records", "kept", "dropped", "dead")},
            "steps": [
                {"step": name, **vars(step), "reasons": dict(sorted(step.reasons.items()))}
                for name, step in stage.report.steps.items()
            ],
        }
        for stage in found
    }
