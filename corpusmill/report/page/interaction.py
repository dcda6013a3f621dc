"""Interaction: what only one rule removes, what rules share, and what a looser bound would keep."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any, NamedTuple

from corpusmill.report.outputs import Run
from corpusmill.report.page.sections import Cell, Chart, Name, Section, Share, Table, anchor
from corpusmill.report.survey import Alone, Curve, Hit, StageSurvey, survey
from corpusmill.report.ways import Range
from corpusmill.spec import number

ROWS, PAIRS = 40, 20
LEAD = (
    "Most bad documents break several rules. What only one rule removes is what dropping it would bring back; a rule"
    " that removes nothing alone is there for other corpora."
)
ALONE = (
    "Alone: documents that break this rule and no other of its stage. Where a later, costly step never measured a"
    " document, it may drop it too: then the count is a range. What is brought back goes on to later stages, where"
    " deduplication may take a part of it. Text is bytes of UTF-8; tokens go with it."
)


class Pair(NamedTuple):
    """Two rules of a stage and the documents that break both."""

    stage: str
    a: Hit
    b: Hit
    both: int

    @property
    def jaccard(self) -> float:
        """Of the documents that break either."""
        return self.both / (self.a.broken.total() + self.b.broken.total() - self.both)


def section(run: Run) -> Section | None:
    """What rules remove alone and together; None where no rule has hit anything."""
    stages = [stage for stage in survey(run) if any(hit.alone and hit.broken for hit in stage.hits)]
    if not stages:
        return None
    charts = [_chart(stage, curve) for stage in stages for curve in stage.curves if len(curve.bounds) > 2]
    tables = [table for stage in stages for table in _tables(stage)]
    sampled = [
        f"{stage.title}: {stage.looked_at:,} of {stage.records:,} records looked at, in whole shards evenly chosen."
        for stage in stages
        if stage.looked_at < stage.records
    ]
    ask = "corpusmill what-if OUT --drop STEP, or STEP.SIGNAL=[LOW,HIGH], answers for the whole run."
    data = {
        stage.title: {
            hit.reason: {
                "decided": hit.decided, "breaks": hit.broken.total(), "alone": list(hit.alone.documents),
                "bytes": list(hit.alone.size),
            }
            for hit in stage.hits
            if hit.alone and hit.broken
        }
        for stage in stages
    }  # fmt: skip
    return Section(
        name="interaction", title="Interaction", lead=LEAD, charts=charts, tables=tables, notes=[ALONE, ask, *sampled],
        data=data,
    )  # fmt: skip


def pairs(stage: StageSurvey) -> list[Pair]:
    """Rules that share documents, the most alike first."""
    found = [
        Pair(stage.title, stage.hits[a], stage.hits[b], int(stage.pairs[a, b]))
        for a, b in combinations(range(len(stage.pairs)), 2)
        if stage.pairs[a, b]
    ]
    return sorted(found, key=lambda pair: (-pair.jaccard, -pair.both, pair.a.reason, pair.b.reason))


def _tables(stage: StageSurvey) -> Iterator[Table]:
    hits = sorted(
        (hit for hit in stage.hits if hit.alone and hit.broken),
        key=lambda hit: (-_high(hit.alone), -hit.broken.total(), hit.reason),
    )
    rows = [_row(Name(hit.reason, anchor("reason", hit.reason)), hit, stage) for hit in hits[:ROWS]]
    head = ["rule", "dropped for it", "break it", "alone", "drop this rule: documents", "text"]
    yield Table(
        head=head, rows=rows, title=f"{stage.title}: what each rule removes alone", more=max(0, len(hits) - ROWS)
    )
    steps = sorted(stage.steps.items(), key=lambda item: (-item[1].documents.high, item[0]))
    told: list[list[Cell]] = [
        [Name(name, anchor("step", name)), _span(alone.documents), _more(alone.documents, stage.kept),
         _more(alone.size, stage.size)]
        for name, alone in steps
        if alone.documents.high
    ]  # fmt: skip
    if told:
        head = ["step", "alone", "drop this step: documents", "text"]
        yield Table(head=head, rows=told, title=f"{stage.title}: what each step removes alone")
    shared = pairs(stage)
    cells: list[list[Cell]] = [
        [Name(pair.a.reason), Name(pair.b.reason), pair.both, Share(pair.both / pair.a.broken.total()),
         Share(pair.both / pair.b.broken.total())]
        for pair in shared[:PAIRS]
    ]  # fmt: skip
    if cells:
        head = ["rule", "and rule", "break both", "of the first", "of the second"]
        yield Table(
            head=head, rows=cells, align="llrrr", title=f"{stage.title}: rules that remove the same", folded=True,
            more=max(0, len(shared) - PAIRS),
        )  # fmt: skip


def _row(name: Name, hit: Hit, stage: StageSurvey) -> list[Cell]:
    assert hit.alone is not None
    alone = hit.alone
    told = [_more(alone.documents, stage.kept), _more(alone.size, stage.size)]
    return [name, hit.decided, hit.broken.total(), _span(alone.documents), *told]


def _high(alone: Alone | None) -> int:
    return 0 if alone is None else alone.documents.high


def _span(count: Range) -> Cell:
    return count.low if count.low == count.high else f"{count.low:,} to {count.high:,}"


def _more(count: Range, whole: int) -> str:
    """How much more would be kept, as a percentage of what is."""
    if not whole:
        return "" if not count.high else "all of it"
    if not count.low:
        return f"up to +{count.high / whole:.1%}" if count.high else ""
    return " to ".join(dict.fromkeys(f"+{end / whole:.1%}" for end in count))


def _chart(stage: StageSurvey, curve: Curve) -> Chart:
    """The keep-rate of a stage over one bound, with the bound as run."""
    rule, total = curve.rule, max(1, stage.looked_at)
    (own,) = rule.ends.values()
    data: list[dict[str, Any]] = [
        {"bound": bound, "low": low / total, "high": high / total, "documents": low}
        for bound, low, high in zip(curve.bounds.tolist(), curve.low.tolist(), curve.high.tolist(), strict=True)
    ]
    positive = [one["bound"] for one in data if one["bound"] > 0]
    wide = len(positive) == len(data) and positive[-1] > 64 * positive[0]
    x = {"field": "bound", "type": "quantitative", "title": _end(rule.above), "scale": {"type": "log"} if wide else {}}
    y = {"type": "quantitative", "title": "kept", "axis": {"format": "%"}}
    spec = {
        "height": 140,
        "layer": [
            {"data": {"values": data}, "mark": {"type": "area", "opacity": 0.25},
             "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}}},
            {"data": {"values": data}, "mark": {"type": "line", "point": True, "tooltip": True},
             "encoding": {"x": x, "y": {**y, "field": "low"}}},
            {"data": {"values": [{"bound": own}]}, "mark": {"type": "rule", "strokeDash": [4, 3]},
             "encoding": {"x": x}},
        ],
    }  # fmt: skip
    first, last = data[0], data[-1]
    words = (
        f"{rule.signal} {_end(rule.above)} {number(first['bound'])} keeps {first['low']:.1%} of {total:,} records,"
        f" {number(last['bound'])} keeps {last['low']:.1%}; as run it is {number(own)}."
    )
    caption = "Records that the stage keeps, by this bound, with all others as run; the dashed line is the run's own."
    return Chart(
        spec=spec, caption=caption, alternative=words, title=f"{rule.signal} {_end(rule.above)}",
        group="Keep-rate by bound", half=True,
    )  # fmt: skip


def _end(above: bool) -> str:
    return "at most" if above else "at least"
