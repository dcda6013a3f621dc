"""What happened to one document: every value, every bound, and the verdict, stage by stage, from the ledgers alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc
from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill import plan
from corpusmill.errors import OutputError
from corpusmill.report.outputs import Run
from corpusmill.spec import Bounds, intervals, limits, number

SHOWN = 5  # records of one id or URL


@dataclass(frozen=True)
class Found:
    """A ledger row and where it lies; `number` counts stages from 1."""

    stage: str
    number: int
    shard: int
    file: str
    row: dict[str, Any]


def search(run: Run, query: str) -> list[list[Found]]:
    """The ledger rows of an id or a URL: for each record, its rows in the order of the stages.

    Raises:
        OutputError: if no record has it.
    """
    ways: dict[tuple[Any, ...], list[Found]] = {}
    for found in _search(run, query):
        ways.setdefault((found.row["id"], found.shard, found.row["offset"]), []).append(found)
    if not ways:
        records = run.stages[0].report().records
        raise OutputError(
            f"{query}: no record of this run has this id or URL ({records:,} records looked at);"
            " give the id or the URL exactly as in the crawl, with its scheme"
        )
    return list(ways.values())


def _search(run: Run, query: str) -> Iterator[Found]:
    for stage in run.stages:
        for shard in stage.manifest["shards"]:
            if "ledger" not in shard["files"]:  # packed tokens
                continue
            keys = stage.ledger(shard["shard"], ["id", "url"])
            hits = pc.or_kleene(pc.equal(keys["id"], query), pc.equal(keys["url"], query))
            rows = pc.indices_nonzero(pc.fill_null(hits, fill_value=False))
            if len(rows):
                for row in stage.ledger(shard["shard"]).take(rows).to_pylist():
                    yield Found(stage.title, int(stage.title[:2]), shard["shard"], shard["split"]["path"], row)


def explain(run: Run, way: list[Found]) -> Group:
    """One record's way through the stages as a table for each."""
    first = way[0]
    head = [
        Text(first.row["url"] or "(no URL)", "bold"),
        Text(f"id {first.row['id']}"),
        Text(f"read from {first.file} at byte {first.row['offset']}"),
    ]
    return Group(*head, *(part for found in way for part in _stage(run, found)))


def _stage(run: Run, found: Found) -> Iterator[Text | Table]:
    row = found.row
    place = Text(f"{found.stage}, shard {found.shard}, record {row['row']}: ")
    yield place.append_text(_verdict(row))
    called, specs = plan.cut(run.recipe.steps)[found.number - 1]
    for name in called:
        yield from _evidence(name, row)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("step", "signal", "value", "bounds", ""):
        table.add_column(name, justify="right" if name == "value" else "left")
    for name, step in zip(called, specs, strict=True):
        for signal, limit in limits(step).items():
            value = row[f"{name}.{signal}"]
            bounds = _bounds(limit, row["language"])
            mark = _mark(name, signal, value, bounds, row["reason"])
            shown = "not measured" if value is None else number(value)
            interval = Text("" if bounds is None else f"[{number(bounds[0])}, {number(bounds[1])}]")
            table.add_row(name, signal, shown, interval, mark)
    if table.row_count:
        yield table


def _evidence(name: str, row: dict[str, Any]) -> Iterator[Text]:
    """What a dedup or contamination stage says of a document."""
    if row.get(f"{name}.item"):
        yield Text(f"  holds {row[f'{name}.item']} (evaluation set and line)")
    if row.get(f"{name}.kept"):
        run, similarity = row[f"{name}.kept_in"], row[f"{name}.similarity"]
        yield Text(f"  in its place stays {row[f'{name}.kept']}" + (f" of the earlier run {run}" if run else ""))
        how = "" if similarity is None else f"similarity {number(similarity)}, "
        yield Text(f"  {how}{row[f'{name}.method']}; kept by {row[f'{name}.policy']}")
    elif (row.get(f"{name}.cluster_size") or 0) > 1:
        yield Text(f"  stands for {row[f'{name}.cluster_size']} documents, itself included")


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
