"""Two runs side by side: their funnels, the drift of every signal, what changed most, and what one keeps alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from corpusmill.report import drift, fates, outputs
from corpusmill.report.drift import Drift
from corpusmill.report.fates import Fates, Side
from corpusmill.report.outputs import Run
from corpusmill.report.page.totals import stages, through
from corpusmill.report.settings import Setting, differing
from corpusmill.stats import StepCounts

MOVED = 10  # languages, domains and sources that are listed


class Beside(NamedTuple):
    """A step in both runs; None where a run has no such step."""

    name: str
    a: StepCounts | None
    b: StepCounts | None


class Moved(NamedTuple):
    """A language, domain or source: documents that came in and were kept, in A and in B."""

    name: str
    a: tuple[int, int]
    b: tuple[int, int]


@dataclass(frozen=True)
class Comparison:
    """Two runs.

    Attributes:
        a, b: their folders. waiting: the stages that they have not finished, by side. settings: where their
            recipes differ. funnel: steps in order.
        drifts: the largest first. gone: as `drift.gone`.
        moved: `languages`, `domains`, `sources` → those whose share of the kept documents changed most.
        fates: what became of the same records.
    """

    a: str
    b: str
    waiting: dict[Side, list[str]]
    settings: list[Setting]
    funnel: list[Beside]
    drifts: list[Drift]
    gone: list[str]
    moved: dict[str, list[Moved]]
    fates: Fates

    def alarms(self, limit: float) -> list[Drift]:
        """The signals whose drift is above a limit, and above what chance gives; what is `gone` is an alarm, too."""
        return [one for one in self.drifts if one.above(limit)]


def compare(a: Run, b: Run) -> Comparison:
    """Compare two runs, as far as they are finished; nothing is run or measured again.

    Raises:
        OutputError: if a file is missing or damaged, or stages do not fit together.
    """
    for run in (a, b):
        outputs.check(run)
    moved = {what: list(_moved(a, b, what)) for what in drift.NAMED}
    waiting: dict[Side, list[str]] = {"A": outputs.waiting(a), "B": outputs.waiting(b)}
    found = drift.drifts(a, b), drift.gone(a, b), moved, fates.fates(a, b)
    return Comparison(a.root, b.root, waiting, differing(a.recipe, b.recipe), _funnel(a, b), *found)


def _funnel(a: Run, b: Run) -> list[Beside]:
    """The steps of A in order, each step of B's own behind the one that it follows."""
    counts = [_steps(run) for run in (a, b)]
    order = list(counts[0])
    at = 0
    for name in counts[1]:
        if name in order:
            at = order.index(name) + 1
        else:
            order.insert(at, name)
            at += 1
    return [Beside(name, *(of.get(name) for of in counts)) for name in order]


def _steps(run: Run) -> dict[str, StepCounts]:
    """By name; of later stages, what read the stage before is no step."""
    found: dict[str, StepCounts] = {}
    for stage in stages(run):
        for name, counts in stage.report.steps.items():
            found.setdefault(name, counts)
    return found


def _moved(a: Run, b: Run, what: str) -> Iterator[Moved]:
    rows = [{row.name: (row.documents, row.kept) for row in through(run, what)} for run in (a, b)]
    whole = [max(1, sum(kept for _, kept in of.values())) for of in rows]
    found = [Moved(name, rows[0].get(name, (0, 0)), rows[1].get(name, (0, 0))) for name in {**rows[0], **rows[1]}]

    def change(one: Moved) -> float:
        return abs(one.b[1] / whole[1] - one.a[1] / whole[0])

    yield from sorted((one for one in found if change(one)), key=lambda one: (-change(one), one.name))[:MOVED]


def to_json(found: Comparison, limit: float | None) -> dict[str, Any]:
    """The comparison as plain data; `limit` is that of the alarm."""
    told = found.fates
    alarm = None if limit is None else {
        "limit": limit, "above": [one.name for one in found.alarms(limit)], "gone": found.gone
    }  # fmt: skip
    return {
        "a": found.a,
        "b": found.b,
        "waiting": found.waiting,
        "settings": [one._asdict() for one in found.settings],
        "funnel": [{"step": s.name, "a": _counts(s.a), "b": _counts(s.b)} for s in found.funnel],
        "drift": [
            {**one._asdict(), "classes": [list(c) for c in one.classes], "reading": one.reading} for one in found.drifts
        ],
        "gone": found.gone,
        "moved": {what: [one._asdict() for one in rows] for what, rows in found.moved.items()},
        "records": {
            "by": told.by, "matched": told.matched, "kept_by_both": told.kept, "dropped_by_both": told.dropped,
            "only_in": {side: {"records": n, "kept": kept} for side, (n, kept) in told.only.items()},
        },
        "changes": [
            {**change._asdict(), "documents": count, "examples": [e._asdict() for e in told.examples[change]]}
            for change, count in told.changes.items()
        ],
        "alarm": alarm,
    }  # fmt: skip


def _counts(step: StepCounts | None) -> dict[str, Any] | None:
    return None if step is None else {**vars(step), "reasons": dict(sorted(step.reasons.items()))}
