"""What happened to one document: every value, every bound, and the verdict, from the ledger alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.errors import OutputError
from corpusmill.report.outputs import Run
from corpusmill.spec import Bounds, intervals, limits, names, number

SHOWN = 5  # records of one URL


@dataclass(frozen=True)
class Found:
    """A ledger row and where it lies."""

    stage: str
    shard: int
    file: str
    row: dict[str, Any]


def search(run: Run, query: str) -> list[Found]:
    """Ledger rows of an id or a URL, in order of stage, shard and row.

    Raises:
        OutputError: if no record has it.
    """
    found = list(_search(run, query))
    if not found:
        records = sum(stage.report().records for stage in run.stages)
        raise OutputError(
            f"{query}: no record of this run has this id or URL ({records:,} records looked at);"
            " give the id or the URL exactly as in the crawl, with its scheme"
        )
    return found


def _search(run: Run, query: str) -> Iterator[Found]:
    for stage in run.stages:
        for shard in stage.manifest["shards"]:
            keys = stage.ledger(shard["shard"], ["id", "url"])
            hits = pc.or_kleene(pc.equal(keys["id"], query), pc.equal(keys["url"], query))
            rows = pc.indices_nonzero(pc.fill_null(hits, fill_value=False))
            if len(rows):
                for row in stage.ledger(shard["shard"]).take(rows).to_pylist():
                    yield Found(stage.title, shard["shard"], shard["split"]["path"], row)


def explain(run: Run, found: Found) -> Group:
    """One record's way through the chain as a table."""
    row = found.row
    head = [
        Text(row["url"] or "(no URL)", "bold"),
        Text(f"id {row['id']}"),
        Text(f"read from {found.file} at byte {row['offset']}"),
        Text(f"{found.stage}, shard {found.shard}, record {row['row']}"),
        _verdict(row),
    ]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("step", "signal", "value", "bounds", ""):
        table.add_column(name, justify="right" if name == "value" else "left")
    for name, step in zip(names(run.recipe.steps), run.recipe.steps, strict=True):
        for signal, limit in limits(step).items():
            value = row[f"{name}.{signal}"]
            bounds = _bounds(limit, row["language"])
            mark = _mark(name, signal, value, bounds, row["reason"])
            shown = "not measured" if value is None else number(value)
            interval = Text("" if bounds is None else f"[{number(bounds[0])}, {number(bounds[1])}]")
            table.add_row(name, signal, shown, interval, mark)
    return Group(*head, table)


def _verdict(row: dict[str, Any]) -> Text:
    reason = row["reason"]
    if reason is None:
        return Text("kept", "green")
    return Text(f"dropped: {reason}" if not reason.endswith(".failed") else f"dead letter: {reason}", "red")


def _bounds(limit: Any, language: str | None) -> Bounds | None:
    table = intervals(limit)
    return table.get(language or "*", table.get("*"))


def _mark(name: str, signal: str, value: float | None, bounds: Bounds | None, reason: str | None) -> Text:
    """Whether a value lies inside; a bound broken after the document was gone is said to be so."""
    if value is None or bounds is None:
        return Text("")
    broken = [r for r, out in zip(bounds.breaks(signal), _outside(value, bounds), strict=True) if out]
    if not broken:
        return Text("inside", "green")
    decided = any(reason == f"{name}.{item}" for item in broken)
    return Text("dropped here" if decided else "outside, but already dropped", "red" if decided else "yellow")


def _outside(value: float, bounds: Bounds) -> tuple[bool, bool]:
    low, high = bounds
    return low is not None and value < low, high is not None and value > high
