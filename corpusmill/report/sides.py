"""Documents that change sides under other bounds: how many for which reason, and examples with values and texts."""

import math
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.extract import Extractor
from corpusmill.report.asked import Asked, stage_steps
from corpusmill.report.judgements import Mask, Records, Steps
from corpusmill.report.outputs import Run
from corpusmill.report.texts import Place, Texts, enterable
from corpusmill.report.ways import NONE, Range, Standing
from corpusmill.spec import members
from corpusmill.stats import EXCERPT, GAP
from corpusmill.storage.splits import Split

MOST_READ = 16_000_000  # stored bytes that are read for a text
Side = Literal["gained", "lost"]


class Group(NamedTuple):
    """Documents that change sides in one stage: `reason` is why they were dropped, or would be."""

    stage: str
    side: Side
    reason: str


class Changed(NamedTuple):
    """One document that changes sides; `perhaps` where the ledger does not know all that it would have to pass.

    `text` is its beginning, masked, from the documents of the run or from the input, or a passage of it that the run's
    report has; None where there is none of them.
    """

    key: int
    id: str
    url: str | None
    value: float | None
    perhaps: bool
    text: str | None = None


class Sides:
    """Watches a what-if answer, see `whatif.Watch`.

    Attributes:
        counts: documents of each group. examples: a few of each; which, depends on shard and row alone, but for
            those that only the report has a text of, which come first.
    """

    def __init__(self, run: Run, asked: Asked, examples: int) -> None:
        """Keep up to `examples` documents of each group."""
        self.counts: dict[Group, Range] = {}
        self.examples: dict[Group, list[Changed]] = {}
        self._run = run
        self._titles = [stage.title for stage in run.stages]
        self._reports = [cache(stage.report) for stage in run.stages]
        self._kept: Counter[tuple[int, int]] = Counter()  # stage and shard → documents kept in the parts so far
        self._places: dict[tuple[Group, int], Place] = {}  # by key, where the texts of examples lie
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
        self._kept[stage, shard] += int(np.count_nonzero(kept))

    def read(self) -> None:
        """Read the beginnings of the examples' texts from the documents that lie there, once all parts are seen."""
        texts = Texts(self._run)
        for group, examples in self.examples.items():
            source = self._source(group)
            places = [self._places[group, one.key] for one in examples]
            if source is not None:
                found = texts.before(
                    source + 2, places, [one.id for one in examples]
                )  # what went into the stage behind
            else:
                found = [
                    self._as_read(texts, place) if one.text is None and group.stage == self._titles[0] else None
                    for one, place in zip(examples, places, strict=True)
                ]
            self.examples[group] = [
                one if text is None else one._replace(text=" ".join(text.split())[:EXCERPT])
                for one, text in zip(examples, found, strict=True)
            ]

    def _as_read(self, texts: Texts, place: Place) -> str | None:
        """A text of the input, where it is no HTML and little has to be read for it."""
        stage, chosen = self._run.stages[0], self._run.recipe
        (entry,) = (entry for entry in stage.manifest["shards"] if entry["shard"] == place.shard)
        split = Split.from_json(entry["split"])
        if any(isinstance(step, members(Extractor)) for step in chosen.steps):
            return None
        if split.length > MOST_READ and not enterable(chosen.input, split):
            return None
        row = stage.ledger(place.shard, ["id", "row", "offset"]).slice(place.row, 1).to_pylist()[0]
        return texts.source(place.shard, row).text

    def _source(self, group: Group) -> int | None:
        """The stage whose documents have the texts of a group: its own, or the one before it; None without any."""
        stage = self._titles.index(group.stage) - (group.side == "gained")
        return None if stage < 0 or self._run.stages[stage].manifest["pruned"] else stage

    def _known(self, group: Group) -> dict[str, str]:
        """Passages by id that the report has of documents of a group, where their texts are not there."""
        if self._source(group) is not None:
            return {}
        report = self._reports[self._titles.index(group.stage)]()
        if group.side == "gained":
            found = [*report.examples.get(group.reason, ()), *report.nearest_dropped.get(group.reason, ())]
        else:
            found = [*report.examples.get("kept", ()), *(e for some in report.nearest_kept.values() for e in some)]
        return {one.id: " ".join(one.excerpt.replace(GAP, "…").split())[:EXCERPT] for one in reversed(found)}

    def _take(
        self, group: Group, chosen: Mask, shard: int, records: Records, standing: Standing, signals: Mapping[str, str]
    ) -> None:
        every = int(np.count_nonzero(chosen))
        self.counts[group] = self.counts.get(group, NONE).plus(
            every - int(np.count_nonzero(chosen & standing.maybe)), every
        )
        there = self.examples.setdefault(group, [])
        at = np.flatnonzero(chosen)
        keys, known = _keys(shard, at + records.first), self._known(group)
        without = np.ones(len(at), bool)
        if known:
            without = ~pc.is_in(records.texts("id"), pa.array(sorted(known), pa.string())).to_numpy()[at]
        few = np.lexsort((keys, without))[: self._most]
        if len(there) == self._most and self._most:
            last = (there[-1].text is None, there[-1].key)
            few = np.array([n for n in few.tolist() if (bool(without[n]), int(keys[n])) < last], np.int64)
        if not len(few):
            return
        ids, urls = (records.texts(name).take(at[few]).to_pylist() for name in ("id", "url"))
        kept = records.ends == len(records.steps.names)
        before = self._kept[self._titles.index(group.stage), shard] + np.cumsum(kept) - 1
        rows = at + records.first if group.side == "gained" else before[at]
        for n in few.tolist():
            self._places[group, int(keys[n])] = Place(shard, int(rows[n]))
        signal = signals.get(group.reason)
        found = np.full(len(few), np.nan) if signal is None else records.values(signal)[at[few]]
        values = [None if math.isnan(value) else value for value in found.tolist()]
        perhaps = standing.maybe[at[few]].tolist()
        new = map(Changed, keys[few].tolist(), ids, urls, values, perhaps, map(known.get, ids))
        order = sorted([*there, *new], key=lambda one: (one.text is None, one.key, one.id))
        self.examples[group] = order[: self._most]


def _signals(steps: Steps) -> dict[str, str]:
    return {rule.reason: rule.signal for rule in steps.rules}


def _keys(shard: int, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A number for each record that looks drawn by chance (Steele et al. 2014, splitmix64), and is always the same."""
    x = (np.uint64(shard) << np.uint64(40)) + rows.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(1)).astype(np.int64)
