"""Lint: what in a run is likely a mistake, and what to do about it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from corpusmill.report import funnel, mixtures
from corpusmill.report.outputs import Run, waiting
from corpusmill.report.page import lost
from corpusmill.report.page.nearest import ask
from corpusmill.report.page.sections import Cell, Name, Row, Section, Table, anchor
from corpusmill.report.page.totals import Stage, bounds_of, packed, stages, with_documents
from corpusmill.report.page.writing import decimal, percent
from corpusmill.spec import Bounds, number
from corpusmill.stats import bin_edges
from corpusmill.storage.read import incident

ENOUGH = funnel.MANY  # documents after which it says something that a rule never fired
NAMED, MORE = 3, 12  # languages of a finding that are told with their figures, and those that are named
LEAD_SOME = "What looks like a mistake, the gravest first, each with what to do about it."
LEAD_NONE = (
    "Nothing looks like a mistake: every rule fired or saw few documents, no source and no language was lost,"
    " nothing was damaged."
)


class Finding(NamedTuple):
    """One thing that may be wrong; `grave` says that the output is likely not what was wanted."""

    what: str
    subject: str
    found: str
    advice: str
    to: str = ""
    grave: bool = False


def section(run: Run) -> Section:
    """All findings."""
    found = findings(run)
    rows = [
        Row([item.what, Name(item.subject, item.to), item.found, item.advice], tone="alarm" if item.grave else "")
        for item in found
    ]
    head = ["what", "where", "found", "what to do"]
    tables = [Table(head=head, rows=rows, align="llll")] if rows else []
    figures: list[tuple[str, Cell]] = []
    if rows:
        grave = sum(item.grave for item in found)
        figures = [("grave", grave), ("worth a look", len(found) - grave)]
    data = {"findings": [list(item[:2]) for item in found]}
    lead = LEAD_SOME if found else LEAD_NONE
    return Section(name="lint", title="Worth a look", lead=lead, figures=figures, tables=tables, data=data)


def findings(run: Run) -> list[Finding]:
    """What may be wrong with a run, the gravest first."""
    found = [*_waiting(run)]
    for stage in stages(run):
        found += [*_emptied(stage), *_damage(stage), *_idle(stage), *_out_of_range(stage), *_faults(stage)]
    found += [*_sources(run), *_languages(run)]
    return sorted(found, key=lambda item: not item.grave)


def _waiting(run: Run) -> Iterator[Finding]:
    for title in waiting(run):
        told = "the recipe asks for this stage; all figures are of those before it"
        yield Finding("not finished", title, told, "run the recipe again to go on", grave=True)


def _faults(stage: Stage) -> Iterator[Finding]:
    for fault in stage.report.faults():
        yield Finding("counts do not add up", stage.title, fault, "this is a bug; please report it", grave=True)


def _emptied(stage: Stage) -> Iterator[Finding]:
    for name, step in stage.report.steps.items():
        if step.documents_in and not step.documents_out:
            most = step.reasons.most_common(1)
            told = f"dropped all {step.documents_in:,} documents" + (f", most for {most[0][0]}" if most else "")
            advice = "loosen its bound, or look at the step before: it may have left no text"
            yield Finding("removed everything", name, told, advice, anchor("step", name), grave=True)


def _damage(stage: Stage) -> Iterator[Finding]:
    report = stage.report
    if report.incident_count:
        told = f"{report.incident_count:,}, the first: {incident(report.incidents[0])}"
        yield Finding(
            "damaged input", stage.title, told, "fetch these files again; what lies before the damage is in", grave=True
        )
    if report.dead:
        failed = ", ".join(f"{name} {step.failed:,}" for name, step in report.steps.items() if step.failed)
        told = f"{report.dead:,} of {report.records:,} records" + (f" ({failed})" if failed else "")
        folder = f"{stage.output.path}/dead"
        yield Finding("dead letters", stage.title, told, f"the error and the bytes of each lie in {folder}")


def _idle(stage: Stage) -> Iterator[Finding]:
    """Rules that dropped nothing though they saw many documents, and steps that did nothing at all."""
    bounds = bounds_of(stage)
    for name, step in stage.report.steps.items():
        if step.documents_in < ENOUGH or name in {"read", stage.packs}:
            continue
        if not (step.reasons or step.failed or step.bytes_in != step.bytes_out):
            told = f"dropped and changed nothing of {step.documents_in:,} documents"
            yield Finding(
                "never fired", name, told, "tighten it, or leave it out and save its time", anchor("step", name)
            )
            continue
        rules = {
            signal: table for signal, table in bounds.items() if signal.rpartition(".")[0] == name and _ends(table)
        }
        idle = [signal for signal, table in rules.items() if not _fired(signal, table, step.reasons)]
        if idle:
            seen = (f"{signal.rpartition('.')[2]} (seen: {_range(stage, signal)})" for signal in idle)
            told = f"no document of {step.documents_in:,} was dropped by {', '.join(seen)}"
            advice = "fine for a safety limit, or where an earlier rule takes the same; else tighten it"
            yield Finding("rules that never fired", name, told, advice, anchor("signal", idle[0]))


def _range(stage: Stage, signal: str) -> str:
    bins = stage.report.histograms.get(signal)
    if not bins:
        return "nothing"
    low, high = bin_edges(min(bins))[0], bin_edges(max(bins))[0]
    return decimal(low) if low == high else f"{decimal(low)} to {decimal(high)}"


def _ends(table: Mapping[str, Bounds]) -> bool:
    return any(end is not None for interval in table.values() for end in interval)


def _fired(signal: str, table: Mapping[str, Bounds], reasons: Mapping[str, int]) -> bool:
    step, _, name = signal.rpartition(".")
    return any(f"{step}.{reason}" in reasons for interval in table.values() for reason in interval.breaks(name))


def _out_of_range(stage: Stage) -> Iterator[Finding]:
    """Bounds that no value of the signal can meet or miss: a share's above 1, or all documents on one side."""
    for signal, table in bounds_of(stage).items():
        bins = stage.report.histograms.get(signal, Counter())
        if sum(bins.values()) < ENOUGH:
            continue
        low, high = bin_edges(min(bins))[0], bin_edges(max(bins))[0]
        is_share = low >= 0 and high <= 1 and len(bins) > 2  # more than yes and no
        for language, (least, most) in sorted(table.items()):
            where = "" if language == "*" else f" for {language}"
            told = f"[{number(least)}, {number(most)}]{where}; values seen: {_range(stage, signal)}"
            past = (
                language == "*" and len(table) == 1 and ((least or low) > high or (low if most is None else most) < low)
            )
            if past:
                advice = "no document lies inside: check the bound's unit and its side"
                yield Finding("bound out of range", signal, told, advice, anchor("signal", signal), grave=True)
            elif is_share and max(least or 0, most or 0) > 1:
                advice = "the signal looks like a share from 0 to 1: 30 % is 0.3"
                yield Finding("bound out of range", signal, told, advice, anchor("signal", signal))


def _languages(run: Run) -> Iterator[Finding]:
    """Languages that are lost, by the rule that takes most of them."""
    by_rule: dict[str, list[lost.LostLanguage]] = {}
    for one in lost.languages(run):
        by_rule.setdefault(one.reason, []).append(one)
    for reason, group in by_rule.items():
        named = [f"{one.language}: {one.kept:,} of {one.documents:,} documents are left, {one.broken:,} break it"
                 for one in group[:NAMED]]  # fmt: skip
        if len(group) > NAMED:
            named.append(f"and {', '.join(one.language for one in group[NAMED : NAMED + MORE])}")
        if len(group) > NAMED + MORE:
            named.append(f"and {len(group) - NAMED - MORE:,} more languages")
        what = "language lost" if len(group) == 1 else f"{len(group)} languages lost"
        grave = sum(one.documents for one in group) >= ENOUGH
        advice = "give them bounds that fit them, or a recipe of their own; see Fairness"
        yield Finding(what, reason, "; ".join(named), advice, "fairness", grave=grave)


def _lost(run: Run, source: str, count: int, kept: int, taken: lost.Taken) -> Finding:
    """A source that is lost, or nearly: where, for what, and how to ask further."""
    told = f"{kept:,} of {count:,} documents are left ({percent(kept / count)})" if kept else f"all {count:,} documents"
    where = f"all in {taken.stage}" if taken.lost == count - kept else f"{taken.lost:,} of them in {taken.stage}"
    told += f"; dropped {where}" if kept else f" were dropped, {where}"
    if taken.reason:
        told += ", most there for" if taken.alone else "; the shards that hold it lost most to"
        told += f" {taken.reason}"
    to = anchor("reason", taken.reason) if taken.reason else "domains"
    advice = [f"ask after a document of it: {ask(run, taken.example)}"] if taken.example else []
    if taken.reason in lost.killers(run):
        to, advice = "fairness", ["this rule kills languages, see Fairness", *advice]
    advised = "; ".join(advice) or "look at what is dropped there"
    return Finding("source nearly lost" if kept else "source lost", source, told, advised, to, grave=not kept)


def _sources(run: Run) -> Iterator[Finding]:
    documents = with_documents(run)
    before, after = documents[0].report.sources, documents[-1].report.sources
    for source, (count, *_) in sorted(before.items()):
        kept = after.get(source, [0, 0, 0])[1]
        if count and (not kept or (count >= ENOUGH and kept < (1 - lost.LOST) * count)):
            yield _lost(run, source, count, kept, lost.taken(documents, source))
    packing = packed(run)
    for source, wanted in mixtures.nothing_came(packing.packs or "", packing.report).items() if packing else ():
        told = f"{wanted:,} tokens asked by the mixture, none got"
        yield Finding("source gives nothing", source, told, mixtures.NOTHING_CAME, "tokens", grave=True)
    if packing and not packing.report.tallies[f"{packing.packs}.train.tokens"]:
        yield Finding("no tokens", packing.title, "no row to train on", "a larger input, or a shorter row", grave=True)
