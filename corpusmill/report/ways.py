"""The way of a stage's records through other bounds: counts that are exact where the ledger knows, ranges elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.report.judgements import Mask, Records, Steps


class Range(NamedTuple):
    """A count that lies between two numbers; they are equal where it is known."""

    low: int
    high: int

    def plus(self, low: int, high: int) -> "Range":
        """With more on both ends."""
        return Range(self.low + low, self.high + high)


NONE = Range(0, 0)


@dataclass
class StepWay:
    """What went into a step and why it went no further, under the bounds asked for.

    `unseen` documents have no values here, and may go on or end for any of the step's reasons.
    """

    name: str
    unseen: int = 0
    into: Range = NONE
    out: Range = NONE
    failed: Range = NONE
    reasons: dict[str, Range] = field(default_factory=dict)

    def lose(self, reason: str, sure: Mask, maybe: Mask) -> None:
        """Count records that end here."""
        low, all_ = int(np.count_nonzero(sure)), int(np.count_nonzero(sure | maybe))
        if all_:
            self.reasons[reason] = self.reasons.get(reason, NONE).plus(low, all_)


@dataclass
class Standing:
    """How records stand: `sure` (N,) are there for certain, `maybe` (N,) perhaps; who is in neither is gone.

    `why` (N,) is an index into `reasons` for those that a rule of this pass ended, -1 elsewhere.
    """

    sure: Mask
    maybe: Mask
    why: npt.NDArray[np.int32]
    reasons: list[str]

    @classmethod
    def entering(cls, records: Records, sure: Mask, maybe: Mask) -> "Standing":
        """Before the first step; what the reader rejected is out."""
        there = records.ends >= 0
        return cls(sure & there, maybe & there, np.full(records.count, -1, np.int32), [])

    def alive(self) -> Mask:
        """Those that are there, perhaps or for certain."""
        return self.sure | self.maybe

    def drop(self, rows: Mask, reason: str, way: StepWay) -> None:
        """End some records for a reason."""
        way.lose(reason, self.sure & rows, self.maybe & rows)
        self.end(rows, reason)

    def end(self, rows: Mask, reason: str) -> None:
        """Take records out without counting them."""
        self.why[rows & self.alive()] = len(self.reasons)
        self.reasons.append(reason)
        self.sure &= ~rows
        self.maybe &= ~rows

    def doubt(self, rows: Mask) -> None:
        """What of these was certain is so no more."""
        self.maybe |= self.sure & rows
        self.sure &= ~rows

    def count(self) -> Range:
        """How many are there."""
        low = int(np.count_nonzero(self.sure))
        return Range(low, low + int(np.count_nonzero(self.maybe)))


class Judge:
    """Sends records of a judged stage through the steps of a question."""

    def __init__(self, run: Steps, asked: Steps, dropped: frozenset[str]) -> None:
        """Compare the steps as run with those asked for, which have the same names."""
        self.run, self.asked = run, asked
        self.dropped = [name in dropped for name in run.names]
        steps = range(len(run.names))
        self._rules = [[rule for rule in asked.rules if rule.step == number] for number in steps]
        before = [[rule for rule in run.rules if rule.step == number] for number in steps]
        self._same = [a == b for a, b in zip(self._rules, before, strict=True)]

    def can_drop(self, number: int) -> bool:
        """Whether a step may end any document."""
        return bool(self._rules[number]) and not self.dropped[number]

    def __call__(self, records: Records, standing: Standing, ways: Sequence[StepWay]) -> None:
        """Count and end records step by step; `standing` is changed."""
        for number, way in enumerate(ways):
            way.into = way.into.plus(*standing.count())
            if not self.dropped[number]:
                self._fail(records, standing, number, way)
                self._judge(records, standing, number, way)
            way.out = way.out.plus(*standing.count())

    def _fail(self, records: Records, standing: Standing, number: int, way: StepWay) -> None:
        dead = records.failed & (records.ends == number)
        if dead.any():
            sure, all_ = (int(np.count_nonzero(rows & dead)) for rows in (standing.sure, standing.alive()))
            way.failed = way.failed.plus(sure, all_)
            standing.end(dead, f"{way.name}.failed")

    def _judge(self, records: Records, standing: Standing, number: int, way: StepWay) -> None:
        """What reached an unchanged step ended as it did; all else is judged by its values."""
        anew = standing.alive()
        if self._same[number]:
            self._as_before(records, standing, number, way)
            anew = standing.alive() & ((records.ends < number) | records.failed)
        if not self._rules[number] or not anew.any():
            return
        seen = records.seen(number)
        for rule in self._rules[number]:
            if (anew & seen).any():
                hit = anew & seen & records.broken(rule)
                if hit.any():
                    standing.drop(hit, rule.reason, way)
                    anew &= ~hit
        way.unseen += int(np.count_nonzero(anew & ~seen))
        standing.doubt(anew & ~seen)

    def _as_before(self, records: Records, standing: Standing, number: int, way: StepWay) -> None:
        codes, reasons = records.reasons
        here = (records.ends == number) & ~records.failed
        for code in np.unique(codes[here]):
            standing.drop(here & (codes == code), reasons[code], way)


def compared(records: Records, standing: Standing, way: StepWay, shaky: pa.Array, *, dropped: bool) -> None:
    """Send records through a stage that compares documents; those removed for one that may be gone may stay.

    Args:
        records: of its ledger.
        standing: of them; is changed.
        way: is counted.
        shaky: ids of documents that may be gone.
        dropped: whether the step is left out.
    """
    way.into = way.into.plus(*standing.count())
    if not dropped:
        codes, reasons = records.reasons
        freed = np.zeros(records.count, bool)
        if len(shaky):
            gone = pc.is_in(records.texts(f"{way.name}.kept"), shaky).to_numpy()
            freed = gone & records.texts(f"{way.name}.kept_in").is_null().to_numpy() & (records.ends == 0)
            standing.doubt(freed)
        for code in np.unique(codes[codes >= 0]):
            standing.drop((codes == code) & ~freed, reasons[code], way)
        for code in np.unique(codes[freed & standing.alive()]):
            some = standing.maybe & freed & (codes == code)
            way.lose(reasons[code], np.zeros(len(some), bool), some)
    way.out = way.out.plus(*standing.count())
