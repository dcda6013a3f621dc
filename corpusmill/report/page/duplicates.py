"""Duplicates: what each stage that compares documents removed, in clusters of which size, and from which source."""

from collections import Counter
from typing import Any

from corpusmill.report import duplicates as told
from corpusmill.report.outputs import Run
from corpusmill.report.page import charts
from corpusmill.report.page.sections import Cell, Chart, Name, Row, Section, Share, Table, anchor
from corpusmill.report.page.totals import Stage, stages
from corpusmill.report.page.writing import percent
from corpusmill.stats import EXCERPT, StepCounts

TOP = 20  # sources, and clusters of a step
OPEN = 5  # rows of a table that need not be folded
LEAD = (
    "Few large clusters are templates or mirrors; many pairs are re-crawls. A source that loses much more than the"
    " others is a copy of another one."
)


def section(run: Run) -> Section | None:
    """All stages that compare documents or lines."""
    found = [(stage, name) for stage in stages(run) for name in stage.report.steps if _compares(stage, name)]
    if not found:
        return None
    made = [_step(stage, name) for stage, name in found]
    rows = [_removed(stage, name) for stage, name in found]
    head = ["step", "documents in", "removed", "share", "bytes removed", "clusters", "lines or runs cut"]
    notes = [note for _, _, notes in made for note in notes]
    return Section(
        name="duplicates", title="Duplicates", lead=LEAD,
        charts=[chart for made_charts, _, _ in made for chart in made_charts],
        tables=[Table(head=head, rows=rows, title="What was removed"), *(t for _, tables, _ in made for t in tables)],
        notes=notes, data={name: _data(stage, name, stage.report.steps[name]) for stage, name in found},
    )  # fmt: skip


def _compares(stage: Stage, name: str) -> bool:
    return f"{name}.cluster_size" in stage.report.histograms or f"{name}.copies" in stage.report.tallies


def _removed(stage: Stage, name: str) -> list[Any]:
    step = stage.report.steps[name]
    lost = step.documents_in - step.documents_out
    clusters = sum(told.cluster_sizes(stage.report.histograms.get(f"{name}.cluster_size", Counter())).values())
    size = step.bytes_in - step.bytes_out
    copies = stage.report.tallies.get(f"{name}.copies")
    share = Share(lost / step.documents_in if step.documents_in else None)
    return [Name(name), step.documents_in, lost, share, size, clusters or None, copies]


def _data(stage: Stage, name: str, step: StepCounts) -> dict[str, Any]:
    sizes = told.cluster_sizes(stage.report.histograms.get(f"{name}.cluster_size", Counter()))
    return {"removed": step.documents_in - step.documents_out, "clusters": sizes}


def _step(stage: Stage, name: str) -> tuple[list[Chart], list[Table], list[str]]:
    report = stage.report
    drawn, tables, notes = [], [], []
    sizes = told.cluster_sizes(report.histograms.get(f"{name}.cluster_size", Counter()))
    if sizes:
        words = ", ".join(f"{count:,} of {label}" for label, count in sizes.items())
        drawn.append(Chart(
            spec=charts.bars(list(sizes.items()), "clusters", ",d"), title="clusters by number of documents",
            group=name, half=True,
            caption=f"{sum(sizes.values()):,} documents stand for others too, those of earlier stages counted.",
            alternative=f"{name}: clusters by documents: {words}.", name=anchor("clusters", name),
        ))  # fmt: skip
    similarity = report.histograms.get(f"{name}.similarity", Counter())
    if len(similarity) > 1:
        drawn.append(Chart(
            spec=charts.distribution(similarity, {}), title="similarity of what was removed", group=name, half=True,
            caption="To the document that stays in its place.", name=anchor("similarity", name),
            alternative=f"{name}: similarity of removed documents, median {charts.quantile(similarity, 0.5):.3g}.",
        ))  # fmt: skip
    precision = told.estimated_precision(name, report)
    if precision is not None:
        notes.append(f"{name}: {percent(precision)} of removals are expected to reach the threshold with what stays.")
    methods = report.tallied(f"{name}.removed.")
    if methods:
        notes.append(
            f"{name}: decided by " + ", ".join(f"{method} {n:,}" for method, n in sorted(methods.items())) + "."
        )
    if report.tallies.get(f"{name}.capped"):
        notes.append(
            f"{name}: {report.tallies[f'{name}.capped']:,} times a document that stays was not entered in a full band."
        )
    tables += _largest(name, stage)
    tables += _sources(name, stage)
    return drawn, tables, notes


def _largest(name: str, stage: Stage) -> list[Table]:
    largest = [e for e in stage.report.largest.get(f"{name}.cluster_size", ()) if (e.value or 0) > 1]
    if not largest:
        return []
    rows: list[list[Cell]] = [[int(e.value or 0), e.url or e.id, _line(e.excerpt)] for e in largest[:TOP]]
    head = ["documents", "what stays", "its beginning"]
    return [Table(head=head, rows=rows, align="rll", title=f"{name}: largest clusters", folded=len(rows) > OPEN)]


def _line(excerpt: str) -> str:
    return excerpt if len(excerpt) < EXCERPT else f"{excerpt[: EXCERPT - 1]}…"


def _sources(name: str, stage: Stage) -> list[Table]:
    lost = [(source, before, before - kept) for source, (before, kept, _) in stage.report.sources.items() if before]
    if len(lost) < 2 or not any(gone for _, _, gone in lost):
        return []
    worst = sorted(lost, key=lambda item: (-item[2], item[0]))
    rows = [Row([source, before, gone, Share(gone / before)]) for source, before, gone in worst[:TOP]]
    head = ["source", "documents", "removed", "share"]
    return [Table(head=head, rows=rows, title=f"{name}: loss by source", more=max(0, len(worst) - TOP))]
