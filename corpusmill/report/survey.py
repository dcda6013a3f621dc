"""One pass over the ledgers: whom each rule hits, by language, and which rules hit the same documents."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.filters.language import Language
from corpusmill.report import judgements, outputs
from corpusmill.report.asked import stage_steps
from corpusmill.report.judgements import Int64s, Mask, Records, Rule, Steps
from corpusmill.report.outputs import Run, StageOutput
from corpusmill.report.sweep import inside, thresholds
from corpusmill.report.ways import NONE, Range
from corpusmill.stats import Report
from corpusmill.storage.manifest import encode

SAMPLE = 2_000_000  # records of a stage that are looked at: whole shards, evenly chosen
CURVES = 6  # rules of a stage whose keep-rate is counted over the bound
NOT_NAMED = "(not named)"

Counts = Counter[str]  # documents by language


@dataclass
class Alone:
    """What only one rule, or one step, removes: documents, and bytes of their texts.

    The low end counts those that every other rule was measured on.
    """

    documents: Range = NONE
    size: Range = NONE

    def add(self, rows: Mask, unsure: Mask, sizes: Int64s) -> None:
        """Count more."""
        sure = rows & ~unsure
        self.documents = self.documents.plus(int(np.count_nonzero(sure)), int(np.count_nonzero(rows)))
        self.size = self.size.plus(int(sizes[sure].sum()), int(sizes[rows].sum()))


@dataclass
class Hit:
    """One rule: the documents that it was measured on and those that break it, by language.

    Attributes:
        reason: as the ledger writes it. step: its name. chosen: whether its step is there to choose languages.
        alone: what only it removes; None where documents are compared with each other.
        decided: documents dropped for this reason, in the whole run.
    """

    reason: str
    step: str
    chosen: bool
    decided: int
    alone: Alone | None
    measured: Counts = field(default_factory=Counter)
    broken: Counts = field(default_factory=Counter)


class Curve(NamedTuple):
    """Documents kept by bound, for certain and perhaps; both (B,) like the bounds."""

    rule: Rule
    bounds: npt.NDArray[np.float64]
    low: Int64s
    high: Int64s


@dataclass
class StageSurvey:
    """A stage.

    Attributes:
        title: of the stage. looked_at, records: of its ledger rows those that were read, and all.
        kept, size: documents that it keeps, and their bytes, among those looked at.
        languages: documents with a text, by language. hits: by rule. steps: what only one step removes.
        pairs: (R, R), documents that break both of two rules, in the order of `hits`; empty where none are judged.
    """

    title: str
    looked_at: int
    records: int
    hits: list[Hit]
    steps: dict[str, Alone]
    pairs: Int64s
    curves: list[Curve]
    kept: int = 0
    size: int = 0
    languages: Counts = field(default_factory=Counter)


def survey(run: Run) -> list[StageSurvey]:
    """All stages that have a ledger; for a run that was just looked at, the answer is remembered.

    Reads up to `SAMPLE` records of each stage, a part of a ledger (some 16 MB) at a time.

    Raises:
        OutputError: if a ledger is missing.
    """
    return _survey(run.root, encode([stage.manifest for stage in run.stages]))


@lru_cache(maxsize=1)
def _survey(root: str, _: bytes) -> list[StageSurvey]:
    run = outputs.find(root)
    return [_stage(stage, stage_steps(stage, run.recipe)) for stage in run.stages if judgements.shards(stage)]


def _stage(stage: StageOutput, steps: Steps) -> StageSurvey:
    rows = {entry["shard"]: entry["files"]["ledger"]["rows"] for entry in stage.manifest["shards"]}
    every = max(1, -(-sum(rows.values()) // SAMPLE))
    chosen = judgements.shards(stage)[::every]
    report = stage.report()
    decided = Counter[str]()
    for counts in report.steps.values():
        decided.update(counts.reasons)
    curves = _curves(steps.rules, report, decided)
    found = StageSurvey(
        stage.title, sum(rows[shard] for shard in chosen), sum(rows.values()), _hits(steps, decided),
        {name: Alone() for name in steps.names} if steps.judged else {},
        np.zeros((len(steps.rules),) * 2, np.int64), curves,
    )  # fmt: skip
    for shard in chosen:
        for records in judgements.read(stage, steps, shard):
            _take(found, steps, records)
    return found


def _hits(steps: Steps, decided: Counts) -> list[Hit]:
    if steps.judged:
        return [
            Hit(rule.reason, steps.names[rule.step], isinstance(steps.specs[rule.step], Language), decided[rule.reason],
                Alone())
            for rule in steps.rules
        ]  # fmt: skip
    return [Hit(reason, steps.names[0], False, decided[reason], None) for reason in sorted(decided)]


def _curves(rules: Sequence[Rule], report: Report, decided: Counts) -> list[Curve]:
    """Empty curves of the rules that decide most."""
    plain = [rule for rule in rules if not rule.by_language and decided[rule.reason]]
    most = sorted(plain, key=lambda rule: (-decided[rule.reason], rule.reason))[:CURVES]
    found = []
    for rule in most:
        bounds = np.array(sorted({*thresholds(report, rule.signal), *rule.ends.values()}))
        found.append(Curve(rule, bounds, *np.zeros((2, len(bounds)), np.int64)))
    return found


def _take(found: StageSurvey, steps: Steps, records: Records) -> None:
    """Count one part of a ledger."""
    judged = (records.ends >= 0) & ~records.failed
    kept = records.ends == len(steps.names)
    found.kept += int(np.count_nonzero(kept))
    found.size += int(records.sizes[kept].sum())
    found.languages.update(_by_language(records, judged & (records.ends > steps.knows_text(len(steps.specs)))))
    if not steps.judged:
        codes, reasons = records.reasons
        for hit in found.hits:
            hit.measured.update(_by_language(records, judged))
            if hit.reason in reasons:
                hit.broken.update(_by_language(records, judged & (codes == reasons.index(hit.reason))))
        return
    broken = np.zeros((len(steps.rules), records.count), bool)
    unsure = np.zeros(records.count, bool)
    for number in sorted({rule.step for rule in steps.rules}):
        seen = judged & records.seen(number)
        unsure |= judged & ~seen
        measured = _by_language(records, seen)
        for at, rule in enumerate(steps.rules):
            if rule.step == number:
                broken[at] = seen & records.broken(rule)
                found.hits[at].measured.update(measured)
                found.hits[at].broken.update(_by_language(records, broken[at]))
    _together(found, steps, records, broken, judged, unsure)


def _together(found: StageSurvey, steps: Steps, records: Records, broken: Mask, judged: Mask, unsure: Mask) -> None:
    """Count what rules remove alone, and what they share."""
    count = broken.sum(axis=0)
    for hit, rows in zip(found.hits, broken, strict=True):
        if hit.alone is not None:
            hit.alone.add(rows & (count == 1), unsure, records.sizes)
    for number, name in enumerate(steps.names):
        mine = broken[[rule.step == number for rule in steps.rules]].sum(axis=0)
        found.steps[name].add((mine > 0) & (mine == count), unsure, records.sizes)
    several = broken[:, count > 1].astype(np.float32)  # exact up to 2**24 documents, and a part has fewer
    found.pairs += (several @ several.T).astype(np.int64)
    reasons = [hit.reason for hit in found.hits]
    for curve in found.curves:
        at = reasons.index(curve.rule.reason)
        rows = judged & ((count == 0) | (broken[at] & (count == 1)))
        seen = records.seen(curve.rule.step)
        values = np.where(seen, records.values(curve.rule.signal), np.nan)
        above, sure = curve.rule.above, rows & ~unsure
        curve.low[:] += inside(values[sure], records.sizes[sure], curve.bounds, above=above)[0]
        curve.high[:] += inside(values[rows], records.sizes[rows], curve.bounds, above=above)[0]


def _by_language(records: Records, rows: Mask) -> dict[str, int]:
    codes, names = records.languages
    counts = np.bincount(codes[rows], minlength=len(names) + 1).tolist()
    return {name: count for name, count in zip((*names, NOT_NAMED), counts, strict=True) if count}
