"""What took a source or a language that is lost: the stage, the rule, and a document to ask after."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from corpusmill.report.outputs import Run
from corpusmill.report.page.fairness import LEAST, killed
from corpusmill.report.page.totals import Stage, through
from corpusmill.report.survey import survey
from corpusmill.stats import Report
from corpusmill.storage import commit
from corpusmill.storage.layout import StageLayout

SHARDS = 50  # of a stage whose reports are looked at for one source
LOST = 0.95  # share of a source's or a language's documents


class Taken(NamedTuple):
    """What took most of a source.

    Attributes:
        stage: its title. lost: documents of the source that it dropped.
        reason: for which it dropped most documents of the shards that hold this source; empty where they tell none.
        alone: whether these shards hold no other source.
        example: the id of a document dropped for the reason, from one of them, or empty.
    """

    stage: str
    lost: int
    reason: str
    alone: bool
    example: str


class LostLanguage(NamedTuple):
    """A language of which next to nothing is left, and the rule that alone would drop most of it."""

    language: str
    documents: int
    kept: int
    reason: str
    broken: int


def taken(found: Sequence[Stage], source: str) -> Taken:
    """What took a source.

    Args:
        found: the stages that judge documents.
        source: its name, of the first stage's report.
    """
    counts = {stage.title: stage.report.sources.get(source, [0, 0, 0]) for stage in found}
    lost = {title: before - after for title, (before, after, *_) in counts.items()}
    worst = max(found, key=lambda stage: lost[stage.title])  # of equal ones the first
    reports = _reports(worst, source)
    alone = [report for report in reports if set(report.sources) == {source}]
    reasons = Counter[str]()
    for report in alone or reports:
        for step in report.steps.values():
            reasons.update(step.reasons)
    reason = min(reasons, key=lambda name: (-reasons[name], name), default="")
    examples = (example.id for report in alone for example in report.examples.get(reason, ()))
    return Taken(worst.title, lost[worst.title], reason, bool(alone), next(filter(None, examples), ""))


def _reports(stage: Stage, source: str) -> list[Report]:
    """Reports of shards that hold a source."""
    layout, shards = StageLayout.at(stage.output.path), [entry["shard"] for entry in stage.output.manifest["shards"]]
    some = (commit.read_json(layout.sidecar(shard)) for shard in shards[:: -(-len(shards) // SHARDS)])
    read = (Report.from_json(found["report"]) for found in some if found)
    return [report for report in read if source in report.sources]


def killers(run: Run) -> set[str]:
    """The rules that kill a language, as Fairness flags them."""
    return {one.reason for stage in survey(run) for hit in stage.hits for one in killed(stage.title, hit)}


def languages(run: Run) -> list[LostLanguage]:
    """Languages of at least `LEAST` documents that are lost to rules which kill them, the largest first.

    Those that the step which chooses languages takes are not among them.
    """
    hits = [(stage.title, hit) for stage in survey(run) for hit in stage.hits]
    chosen = Counter[str]()
    for _, hit in hits:
        chosen.update(hit.broken if hit.chosen else ())
    worst: dict[str, tuple[int, str]] = {}
    for title, hit in hits:
        for one in killed(title, hit):
            if one.lost > worst.get(one.language, (0, ""))[0]:
                worst[one.language] = (one.lost, one.reason)
    return [
        LostLanguage(row.name, row.documents, row.kept, worst[row.name][1], worst[row.name][0])
        for row in through(run, "languages")
        if row.name in worst and row.documents >= LEAST and row.kept < (1 - LOST) * row.documents
        and 2 * chosen[row.name] < row.documents
    ]  # fmt: skip
