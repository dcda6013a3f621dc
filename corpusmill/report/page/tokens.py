"""Tokens: lengths of documents, sources and languages, the mixture, and how full the packed rows are."""

from collections import Counter
from typing import Any

from corpusmill.report.outputs import Run
from corpusmill.report.page import charts
from corpusmill.report.page.sections import Cell, Chart, Row, Section, Share, Table
from corpusmill.report.page.totals import Stage, bytes_per_token, packed
from corpusmill.report.tokens import PER_PARAMETER
from corpusmill.tokenize.pack import usage_from
from corpusmill.tokenize.step import Tokenize

TOP = 30
ENCODED = "As encoded: each document once, those for validation included, whatever a mixture takes of them."
LEAD = (
    "What the model will read. Rows should be full, few documents cut, a mixture as it was asked for, and no source"
    " repeated more often than it bears."
)


def section(run: Run) -> Section | None:
    """Nothing for a run without tokens."""
    stage = packed(run)
    if stage is None or stage.packs is None:
        return None
    name, counts = stage.packs, stage.report.tallies
    ratio = bytes_per_token(run)
    train = counts[f"{name}.train.tokens"]
    figures: list[tuple[str, Cell]] = [("tokens to train on", train)]
    figures.append(("held out for validation", counts[f"{name}.validation.tokens"]))
    if ratio is not None:
        figures.append(("bytes per token", round(ratio, 3)))
    figures.append((f"parameters at {PER_PARAMETER} tokens each", train // PER_PARAMETER))
    kinds = [(kind, stage.report.tallied(f"{name}.{kind}.")) for kind in ("source", "language")]
    tables = [_packing(stage, name), *_mixture(stage, name)]
    tables += [table for kind, told in kinds if len(told) > 1 for table in [_by(kind, told)]]
    return Section(
        name="tokens", title="Tokens and packing", lead=LEAD, figures=figures, charts=_lengths(stage, name, run),
        tables=tables, data={"tallies": stage.report.tallied(f"{name}.")},
    )  # fmt: skip


def _lengths(stage: Stage, name: str, run: Run) -> list[Chart]:
    bins = stage.report.histograms.get(f"{name}.tokens", Counter())
    if len(bins) < 2:
        return []
    step = next((step for step in run.recipe.steps if isinstance(step, Tokenize)), None)
    row = step.sequence_length if step else None
    middle = [charts.quantile(bins, share) for share in (0.05, 0.5, 0.95)]
    told = (
        f"Half of the documents have up to {middle[1]:,.0f} tokens, nine in ten {middle[0]:,.0f} to {middle[2]:,.0f}."
    )
    spec = charts.distribution(bins, {})
    if row:
        spec["layer"] += charts.ruled([{"bound": row, "label": f"a row: {row:,}", "side": "left"}], dashed=True)
    return [Chart(spec=spec, title="Tokens of a document", caption=told, alternative=told, name="token-lengths")]


def _packing(stage: Stage, name: str) -> Table:
    rows: list[list[Any]] = []
    for kind in ("train", "validation"):
        counts = stage.report.tallied(f"{name}.{kind}.")
        if counts:
            usage = usage_from(counts)
            sizes = [usage.documents, usage.tokens, usage.rows, Share(usage.utilisation), usage.padding]
            rows.append([kind, *sizes, usage.cut, usage.cut_needlessly])
    head = [
        "rows for",
        "documents",
        "tokens",
        "rows",
        "places used",
        "padding",
        "documents cut",
        "that would fit a row",
    ]
    return Table(head=head, rows=rows, title="Packing")


def _mixture(stage: Stage, name: str) -> list[Table]:
    told: dict[str, dict[str, int]] = {}
    for key, count in stage.report.tallied(f"{name}.mixture.").items():
        source, _, what = key.rpartition(".")
        told.setdefault(source, {})[what] = count
    if not told:
        return []
    all_ = sum(counts.get("got", 0) for counts in told.values())
    rows = []
    for source, counts in sorted(told.items(), key=lambda item: (-item[1].get("got", 0), item[0])):
        got, there, wanted = counts.get("got", 0), counts["available"], counts["wanted"]
        off = abs(got - wanted) > counts["within"]
        epochs = f"{got / there:.2f}" if there else None
        share = Share(got / all_ if all_ else None)
        cells: list[Cell] = [source, wanted, got, f"± {counts['within']:,}", there, epochs, share]
        rows.append(Row(cells, tone="alarm" if off else ""))
    left = stage.report.steps[name].reasons.get(f"{name}.mixture", 0)
    head = ["source", "asked", "got", "within", "there are", "epochs", "share"]
    note = f"{left:,} documents were left out: the mixture takes a part of their source."
    return [Table(head=head, rows=rows, title="Mixture, in tokens", note=note)]


def _by(kind: str, told: dict[str, int]) -> Table:
    rows = sorted(told.items(), key=lambda item: (-item[1], item[0]))
    total = sum(told.values()) or 1
    cells: list[list[Cell]] = [[key, count, Share(count / total)] for key, count in rows[:TOP]]
    more = max(0, len(rows) - TOP)
    return Table(head=[kind, "tokens", "share"], rows=cells, title=f"Tokens by {kind}", note=ENCODED, more=more)
