"""What happened to one document: every value, every bound, and the verdict, stage by stage, from the ledgers alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill import plan
from corpusmill.documents import Address
from corpusmill.errors import OutputError
from corpusmill.report.outputs import Run, StageOutput
from corpusmill.report.page.writing import beside, visible
from corpusmill.report.passages import passages
from corpusmill.report.trace import Packed, Place, places, row_named, trace
from corpusmill.spec import Bounds, intervals, limits, number

SHOWN = 5  # records of one id or URL


@dataclass(frozen=True)
class Found:
    """A ledger row and where it lies; `number` counts stages from 1, `kept` the documents kept before it."""

    stage: str
    number: int
    shard: int
    file: str
    kept: int
    row: dict[str, Any]

    @property
    def record(self) -> tuple[Any, ...]:
        """What tells the record from others, in every stage."""
        return self.row["id"], self.shard, self.row["offset"]


Hits = Callable[[pa.Table], pa.ChunkedArray]


def answer(run: Run, query: str, *, text: bool = False) -> list[Group | Text]:
    """What happened to the documents that are meant.

    Args:
        run: the run.
        query: an id, a URL, or a row of a packed shard such as `train/00000.arrow:17`.
        text: also its text before and after each stage, masked.

    Raises:
        OutputError: if no record has it. UsageError: if there is no such row.
    """
    row = row_named(run, query)
    ways = search(run, query) if row is None else search_row(run, *row)
    shown = ways[:SHOWN] if row is None else ways
    told = _packed(run, shown)
    read = passages if text else _no_text
    found: list[Group | Text] = [
        part for way in shown for part in (Group(explain(run, way), *told(way), *read(run, way)), Text(""))
    ]
    if len(ways) > len(shown):
        found.append(Text(f"and {len(ways) - SHOWN} more records with this id or URL"))
    return found


def _no_text(_: Run, __: Sequence[Found]) -> tuple[Text, ...]:
    return ()


def search(run: Run, query: str) -> list[list[Found]]:
    """The ledger rows of an id or a URL: for each record, its rows in the order of the stages.

    Raises:
        OutputError: if no record has it.
    """

    def meant(keys: pa.Table) -> pa.ChunkedArray:
        return pc.or_kleene(pc.equal(keys["id"], query), pc.equal(keys["url"], query))

    ways: dict[tuple[Any, ...], list[Found]] = {}
    for stage in run.stages:
        for entry in stage.manifest["shards"]:
            for found in _search(stage, entry, meant):
                ways.setdefault(found.record, []).append(found)
    if not ways:
        records = run.stages[0].report().records
        raise OutputError(
            f"{query}: no record of this run has this id or URL ({records:,} records looked at);"
            " give the id or the URL exactly as in the crawl, with its scheme"
        )
    return list(ways.values())


def search_row(run: Run, path: str, row: int) -> list[list[Found]]:
    """The ledger rows of all documents in a row of a packed shard, in the order of their tokens."""
    ways: dict[tuple[Any, ...], list[Found]] = {}
    ids: dict[int, set[str]] = {}
    for segment in trace(run, path, [row]):
        ways[segment.ledger["id"], segment.address.shard, segment.ledger["offset"]] = []
        ids.setdefault(segment.address.shard, set()).add(segment.ledger["id"])
    for stage in run.stages:
        for entry in stage.manifest["shards"]:
            if entry["shard"] in ids:
                wanted = pa.array(sorted(ids[entry["shard"]]), pa.string())
                for found in _search(stage, entry, partial(_is_in, wanted)):
                    if found.record in ways:
                        ways[found.record].append(found)
    return list(ways.values())


def _is_in(wanted: pa.Array, keys: pa.Table) -> pa.ChunkedArray:
    return pc.is_in(keys["id"], wanted)


def _search(stage: StageOutput, entry: dict[str, Any], meant: Hits) -> Iterator[Found]:
    if "ledger" not in entry["files"]:  # packed tokens
        return
    shard = entry["shard"]
    found = pc.fill_null(meant(stage.ledger(shard, ["id", "url"])), fill_value=False)
    rows = np.flatnonzero(found.to_numpy())  # Arrow's own indices_nonzero crashes where a ledger has no rows
    if not len(rows):
        return
    ledger = stage.ledger(shard)
    for at, row in zip(rows.tolist(), ledger.take(pa.array(rows)).to_pylist(), strict=True):
        kept = ledger["reason"].slice(0, at).null_count
        yield Found(stage.title, int(stage.title[:2]), shard, entry["split"]["path"], kept, row)


def explain(run: Run, way: Sequence[Found]) -> Group:
    """One record's way through the stages as a table for each."""
    first = way[0]
    head = [
        Text(visible(first.row["url"] or "(no URL)"), "bold"),
        Text(f"id {visible(first.row['id'])}"),
        Text(f"read from {first.file} at byte {first.row['offset']}"),
    ]
    return Group(*head, *(part for found in way for part in _stage(run, found)))


def _packed(run: Run, ways: Sequence[Sequence[Found]]) -> Callable[[Sequence[Found]], list[Text]]:
    """What there is to tell of the packed tokens of a record."""
    packed = Packed.find(run)
    if packed is None:  # a recipe without such a step; or its shards went with a takedown
        waiting = [title for title in plan.titles(run.recipe.steps) if title not in {s.title for s in run.stages}]
        notes = [Text(f"{title}: not finished; run the recipe again", "yellow") for title in waiting]
        return lambda way: notes if way[-1].row["reason"] is None else []
    last = int(packed.before.title[:2])
    if packed.is_stale():
        return lambda _: [Text(f"{packed.stage.title}: older than {packed.before.title}; run the recipe again", "red")]
    kept = [way[-1] for way in ways if way[-1].number == last and way[-1].row["reason"] is None]
    found = places(run, [Address(document.shard, document.kept) for document in kept])

    def told(way: Sequence[Found]) -> list[Text]:
        if way[-1] not in kept:
            return []
        there = found.get(Address(way[-1].shard, way[-1].kept), ())
        if not there:  # a mixture may take a part of a source
            return [Text(f"{packed.stage.title}: left out: the mixture takes a part of its source")]
        return [_place(packed.stage.title, place) for place in there]

    return told


def _place(title: str, place: Place) -> Text:
    (first, stop), (own, end) = place.tokens, place.document_tokens
    held = "held out for validation: " if place.kind == "validation" else ""
    where = f"{place.kind}/{place.shard:05d}.arrow, row {place.row}, tokens {first}-{stop - 1}"
    return Text(f"{title}: {held}{where} (its own {own}-{end - 1})")


def _stage(run: Run, found: Found) -> Iterator[Text | Table]:
    row = found.row
    place = Text(f"{found.stage}, shard {found.shard}, record {row['row']}: ")
    yield place.append_text(_verdict(row))
    called, specs = plan.cut(run.recipe.steps)[found.number - 1]
    for name in called:
        yield from _evidence(name, row)
    dialects = dialects_of(called, specs)
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("step", "signal", "value", "bounds", ""):
        table.add_column(name, justify="right" if name == "value" else "left")
    for name, step in zip(called, specs, strict=True):
        shown_name = f"{name} ({dialects[name]})" if name in dialects else name
        for signal, limit in limits(step).items():
            value = row[f"{name}.{signal}"]
            bounds = bounds_of(limit, row["language"])
            mark = _mark(name, signal, value, bounds, row["reason"])
            shown = "not measured" if value is None else beside(value, *(bounds or ()), form=number)
            table.add_row(shown_name, signal, shown, Text("" if bounds is None else interval(bounds)), mark)
    if table.row_count:
        yield table


def dialects_of(called: Sequence[str], specs: Sequence[Any]) -> dict[str, str]:
    """By step the reading of its rules, where there are several: the same signal may have another value in another."""
    return {name: step.dialect for name, step in zip(called, specs, strict=True) if hasattr(step, "dialect")}


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


def bounds_of(limit: Any, language: str | None) -> Bounds | None:
    """The interval of a signal for a language; None where it has none."""
    table = intervals(limit)
    return table.get(language or "*", table.get("*"))


def interval(bounds: Bounds) -> str:
    """Bounds as a recipe writes them."""
    return f"[{number(bounds[0])}, {number(bounds[1])}]"


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
