"""The answer to a what-if question: tables for people, plain data for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill import loader
from corpusmill.report.asked import Asked
from corpusmill.report.outputs import unfinished
from corpusmill.report.page.writing import against, visible
from corpusmill.report.progress import megabytes
from corpusmill.report.sides import Sides
from corpusmill.report.sweep import Curve
from corpusmill.report.traced import CONTROL
from corpusmill.report.ways import Range
from corpusmill.report.whatif import Answer, StageAnswer
from corpusmill.spec import ANY_LANGUAGE, number

BAR = 40  # characters of a full bar
WIDTH = 100  # characters of a URL


def shown(asked: Asked, answer: Answer, sides: Sides) -> Group:
    """The new funnel beside the old, what changes sides, and what is not exact."""
    parts: list[Any] = [Text(line) for line in question(asked) or ["nothing is changed: the run as it was"]]
    for stage in answer.stages:
        parts += [Text(""), _funnel(stage)]
    return Group(*parts, Text(""), *(Text(line) for line in _sums(answer)), *_sides(sides), *_notes(answer))


def question(asked: Asked) -> list[str]:
    """What was asked, a line for each change."""
    told = [
        f"{name}: {loader.inline(old)} as run, {loader.inline(new)} asked" for name, (old, new) in asked.limits.items()
    ]
    return told + [f"{name}: left out" for name in sorted(asked.dropped)]


def _funnel(stage: StageAnswer) -> Table:
    table = Table(
        title=stage.title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim"
    )
    for name in ("step", "in", "out", "in, asked", "out, asked", "change", ""):
        table.add_column(name, justify="left" if name in ("step", "") else "right", no_wrap=True)
    for way in stage.ways:
        before = stage.before[way.name]
        own = Range(before.documents_out, before.documents_out)
        mark = "approximate" if way.name in stage.approximate else ""
        table.add_row(
            Text(way.name, "bold"), f"{before.documents_in:,}", f"{before.documents_out:,}", span(way.into),
            span(way.out), change(own, way.out), Text(mark, "yellow"),
        )  # fmt: skip
        for reason in sorted({*before.reasons, *way.reasons}):
            old, new = before.reasons.get(reason, 0), way.reasons.get(reason, Range(0, 0))
            if Range(old, old) != new:
                short = reason.removeprefix(f"{way.name}.")
                told = [f"-{old:,}" if old else "", "", f"-{span(new)}" if new.high else "", "", ""]
                table.add_row(Text(f"  {short}", "dim"), "", *(Text(item, "dim") for item in told))
        if way.unseen:
            table.add_row(Text("  not measured here", "yellow"), "", "", "", Text(f"0 to -{way.unseen:,}", "yellow"))
    return table


def _sums(answer: Answer) -> Iterator[str]:
    last = answer.stages[-1]
    kept = last.ways[-1].name if last.ways else "read"
    before = last.before[kept].documents_out
    yield f"documents  {before:,} → {span(last.kept)}  ({change(Range(before, before), last.kept) or 'the same'})"
    size = Range(last.size_before, last.size_before)
    told = " to ".join(dict.fromkeys(megabytes(end) for end in last.size))
    yield f"text       {megabytes(last.size_before)} → {told}  ({change(size, last.size) or 'the same'})"
    if answer.tokens is not None and answer.tokens_before is not None:
        tokens = Range(answer.tokens_before, answer.tokens_before)
        asked = f"{span(answer.tokens)}  ({change(tokens, answer.tokens) or 'the same'})"
        yield f"tokens     {answer.tokens_before:,} → {asked}, at the run's own bytes per token"


def _sides(sides: Sides) -> Iterator[Text | Table]:
    for group, count in sides.counts.items():
        yield Text("")
        what = "would be kept that were dropped for" if group.side == "gained" else "would be dropped for"
        yield Text(f"{group.stage}: {span(count)} {what} {group.reason}", "bold")
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(justify="right")
        table.add_column(no_wrap=True)
        table.add_column()
        for one in sides.examples[group]:
            value = "" if one.value is None else against(one.value, group.reason, number)
            told = (one.url or one.id).translate(CONTROL)[:WIDTH]
            table.add_row(value, Text(told), Text("perhaps" if one.perhaps else "", "yellow"))
            if one.text:
                table.add_row("", Text(_beginning(visible(one.text)), "dim"))
        if table.row_count:
            yield table


def _beginning(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _notes(answer: Answer) -> Iterator[Text]:
    found = notes(answer)
    if found:
        yield Text("")
    for line in found:
        yield Text(line, "yellow")


def notes(answer: Answer) -> list[str]:
    """What is not whole or not exact, and why."""
    found: dict[str, list[str]] = {}
    for stage in answer.stages:
        for step, why in stage.approximate.items():
            found.setdefault(why, []).append(step)
    told = [unfinished(answer.waiting)] if answer.waiting else []
    told += [f"approximate: {', '.join(steps)}: {why}" for why, steps in found.items()]
    if any(stage.kept.low != stage.kept.high for stage in answer.stages):
        told.append(
            "ranges: some records were never seen by a later step, because an earlier one had dropped them, or were"
            " removed for a document that may be gone; the low end drops them all, the high end keeps them all"
        )
    return told


def to_json(asked: Asked, answer: Answer, sides: Sides, curves: Sequence[Curve]) -> dict[str, Any]:
    """The same as plain data; every count that is asked for is a pair [low, high]."""
    return {
        "asked": {
            "limits": {k: [loader.plain(old), loader.plain(new)] for k, (old, new) in asked.limits.items()},
            "dropped": sorted(asked.dropped),
        },
        "stages": [_stage_json(stage) for stage in answer.stages],
        "tokens": {"run": answer.tokens_before, "asked": answer.tokens},
        "sides": [
            {**group._asdict(), "documents": count, "examples": [one._asdict() for one in sides.examples[group]]}
            for group, count in sides.counts.items()
        ],
        "sweep": [curve_json(curve) for curve in curves],
        "notes": notes(answer),
        "waiting": answer.waiting,
    }


def _stage_json(stage: StageAnswer) -> dict[str, Any]:
    steps = [
        {
            "step": way.name,
            "run": {**vars(stage.before[way.name]), "reasons": dict(sorted(stage.before[way.name].reasons.items()))},
            "asked": {
                "documents_in": way.into, "documents_out": way.out, "failed": way.failed, "unseen": way.unseen,
                "reasons": dict(sorted(way.reasons.items())),
            },
            "approximate": stage.approximate.get(way.name),
        }
        for way in stage.ways
    ]  # fmt: skip
    text = {"run": stage.size_before, "asked": stage.size}
    return {"stage": stage.title, "steps": steps, "kept": stage.kept, "bytes": text, "gained": stage.gained,
            "lost": stage.lost}  # fmt: skip


def curve_json(curve: Curve) -> dict[str, Any]:
    """A curve as plain data."""
    points = [{"bound": p.bound, "documents": p.kept, "bytes": p.size} for p in curve.points]
    return {"signal": curve.signal, "end": "high" if curve.above else "low", "stage": curve.stage,
            "records": curve.records, "run": curve.own, "points": points}  # fmt: skip


def curve_shown(curve: Curve) -> Group:
    """A curve as a table with bars; the bounds as run are marked."""
    end = "at most" if curve.above else "at least"
    about = f"{curve.signal} {end}: documents that {curve.stage} keeps, of {curve.records:,} records"
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("bound", "documents", "share", "text", "", "keep-rate"):
        table.add_column(name, justify="left" if name in ("", "keep-rate") else "right", no_wrap=True)
    marks: dict[float, list[str]] = {}
    for language, bound in curve.own.items():
        marks.setdefault(bound, []).append("as run" if language == ANY_LANGUAGE else f"as run: {language}")
    for point in curve.points:
        share = point.kept.low / curve.records if curve.records else 0.0
        most = point.kept.high / curve.records if curve.records else 0.0
        bar = "█" * round(share * BAR) + "░" * (round(most * BAR) - round(share * BAR))
        table.add_row(
            number(point.bound), span(point.kept), " to ".join(dict.fromkeys((f"{share:.1%}", f"{most:.1%}"))),
            " to ".join(dict.fromkeys(megabytes(end) for end in point.size)), ", ".join(marks.get(point.bound, [])),
            bar,
        )  # fmt: skip
    return Group(Text(about, "bold"), table)


def span(count: Range) -> str:
    """A count, or the two ends of its range."""
    return f"{count.low:,}" if count.low == count.high else f"{count.low:,} to {count.high:,}"


def change(before: Range, after: Range) -> str:
    """How much a count changes, as percentages of what it was; nothing where it does not."""
    if before == after or not before.high:
        return "" if before == after else "new"
    return " to ".join(dict.fromkeys(f"{end / before.high - 1:+.1%}" for end in after))
