"""Documents that change sides under other bounds: how many for which reason, and examples with their values."""

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.report.asked import Asked, stage_steps
from corpusmill.report.judgements import Mask, Records, Steps
from corpusmill.report.outputs import Run
from corpusmill.report.ways import NONE, Range, Standing

Side = Literal["gained", "lost"]


class Group(NamedTuple):
    """Documents that change sides in one stage: `reason` is why they were dropped, or would be."""

    stage: str
    side: Side
    reason: str


class Changed(NamedTuple):
    """One document that changes sides; `perhaps` where the ledger does not know all that it would have to pass."""

    key: int
    id: str
    url: str | None
    value: float | None
    perhaps: bool


class Sides:
    """Watches a what-if answer, see `whatif.Watch`.

    Attributes:
        counts: documents of each group. examples: a few of each; which, depends on shard and row alone.
    """

    def __init__(self, run: Run, asked: Asked, examples: int) -> None:
        """Keep up to `examples` documents of each group."""
        self.counts: dict[Group, Range] = {}
        self.examples: dict[Group, list[Changed]] = {}
        self._titles = [stage.title for stage in run.stages]
        self._signals = [
            {**_signals(stage_steps(stage, run.recipe)), **_signals(stage_steps(stage, asked.recipe))}
            for stage in run.stages
        ]
        self._most = examples

    def __call__(self, stage: int, shard: int, records: Records, standing: Standing) -> None:
        """Take a part of a ledger."""
        kept = records.ends == len(records.steps.names)
        codes, reasons = records.reasons
        back = ~kept & standing.alive()
        for code in np.unique(codes[back]):
            group = Group(self._titles[stage], "gained", reasons[code])
            self._take(group, back & (codes == code), shard, records, standing, self._signals[stage])
        gone = kept & (standing.why >= 0)
        for code in np.unique(standing.why[gone]):
            group = Group(self._titles[stage], "lost", standing.reasons[code])
            self._take(group, gone & (standing.why == code), shard, records, standing, self._signals[stage])

    def _take(
        self, group: Group, rows: Mask, shard: int, records: Records, standing: Standing, signals: Mapping[str, str]
    ) -> None:
        every = int(np.count_nonzero(rows))
        self.counts[group] = self.counts.get(group, NONE).plus(
            every - int(np.count_nonzero(rows & standing.maybe)), every
        )
        there = self.examples.setdefault(group, [])
        at = np.flatnonzero(rows)
        keys = _keys(shard, at + records.first)
        few = np.argsort(keys, kind="stable")[: self._most]
        if len(there) == self._most and self._most:
            few = few[keys[few] < there[-1].key]
        if not len(few):
            return
        ids, urls = (records.texts(name).take(at[few]).to_pylist() for name in ("id", "url"))
        signal = signals.get(group.reason)
        found = np.full(len(few), np.nan) if signal is None else records.values(signal)[at[few]]
        values = [None if math.isnan(value) else value for value in found.tolist()]
        perhaps = standing.maybe[at[few]].tolist()
        new = map(Changed, keys[few].tolist(), ids, urls, values, perhaps)
        self.examples[group] = sorted([*there, *new], key=lambda one: (one.key, one.id))[: self._most]


def _signals(steps: Steps) -> dict[str, str]:
    return {rule.reason: rule.signal for rule in steps.rules}


def _keys(shard: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A number for each record that looks drawn by chance (Steele et al. 2014, splitmix64), and is always the same."""
    x = (np.uint64(shard) << np.uint64(40)) + rows.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
