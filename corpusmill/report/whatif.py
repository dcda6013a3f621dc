"""What a run would have kept under other bounds: answered from its ledgers, without reading or measuring a document.

Exact wherever the ledger knows the values. Where a costly step never saw a record, and where a stage compares
documents of which some are others now, the answer is a range or named as an approximation.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from corpusmill.errors import OutputError
from corpusmill.filters.language import Language
from corpusmill.report import judgements, outputs
from corpusmill.report.asked import Asked, stage_steps
from corpusmill.report.judgements import CORPUS_EDITORS, EDITORS, Int64s, Mask, Records, Steps
from corpusmill.report.outputs import Run, StageOutput
from corpusmill.report.ways import NONE, Judge, Range, Standing, StepWay, compared
from corpusmill.stats import StepCounts

# Is shown every part of every ledger with how its records stand when the stage is done: stage number, shard, records.
Watch: TypeAlias = Callable[[int, int, Records, Standing], None]
Leaving: TypeAlias = dict[int, tuple[Mask, Mask]]  # shard → which documents leave a stage for certain, which perhaps


@dataclass
class StageAnswer:
    """A stage as it was run and as it would be.

    Attributes:
        title: of the stage. before: what its report counts by step. ways: the same under the question.
        kept: documents that leave it. size: bytes of their texts. size_before: as it was.
        gained, lost: documents that this stage dropped and would keep (perhaps), and the other way round.
        approximate: step → why its counts are not exact.
    """

    title: str
    before: dict[str, StepCounts]
    ways: list[StepWay]
    kept: Range = NONE
    size: Range = NONE
    size_before: int = 0
    gained: Range = NONE
    lost: Range = NONE
    approximate: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """All stages that have a ledger.

    Attributes:
        waiting: stages that the run has not finished.
        tokens_before: tokens of the documents that the run encoded; None where it packs none. tokens: as it would be,
            at the run's own tokens per byte.
    """

    stages: list[StageAnswer]
    tokens_before: int | None
    tokens: Range | None
    waiting: list[str] = field(default_factory=list)


@dataclass
class _Extra:
    """Documents that the run never had in this stage: newly kept by an earlier one."""

    documents: Range = NONE
    size: Range = NONE


def answer(run: Run, asked: Asked, watch: Watch | None = None) -> Answer:
    """Send every record of every ledger through the bounds asked for; with the run's own, gives its own funnel.

    Memory is a part of a ledger (some 16 MB), and two bytes for each document of a stage.

    Args:
        run: a finished run.
        asked: the question.
        watch: is shown every part of every ledger.

    Raises:
        OutputError: if a file is missing or damaged, or stages do not fit together.
    """
    outputs.check(run)
    found: list[StageAnswer] = []
    entering: Leaving | None = None
    extra, edited = _Extra(), list[str]()
    for number, stage in enumerate(run.stages):
        if not judgements.shards(stage):  # packed tokens
            continue
        steps, other = stage_steps(stage, run.recipe), stage_steps(stage, asked.recipe)
        changed = bool(extra.documents.high) or any(not sure.all() for sure, _ in (entering or {}).values())
        told = StageAnswer(stage.title, stage.report().steps, [StepWay(name) for name in steps.names])
        told.approximate = _approximate(steps, asked, edited, changed=changed)
        work = _Stage(stage, steps, Judge(steps, other, asked.dropped), entering, told)
        work.go(partial(watch, number) if watch else None, changed=changed)
        extra = work.pass_extra(extra)
        entering = work.leaving
        found.append(told)
    return Answer(found, *_tokens(run, found[-1].size), outputs.waiting(run))


@dataclass
class _Stage:
    """One stage on its way.

    Attributes:
        stage, steps: as run. judge: of the steps asked for. entering: by shard, how the records of its ledger stand;
            None where they are read from the input. answer: is filled. leaving: the same for the stage behind.
        newly: documents that it would keep and did not.
    """

    stage: StageOutput
    steps: Steps
    judge: Judge
    entering: Leaving | None
    answer: StageAnswer
    leaving: Leaving = field(default_factory=dict)
    newly: _Extra = field(default_factory=_Extra)

    def go(self, watch: Callable[[int, Records, Standing], None] | None, *, changed: bool) -> None:
        """Send all shards through."""
        shaky = self._shaky() if changed and not self.steps.judged else pa.array([], pa.string())
        for shard in judgements.shards(self.stage):
            leaving: list[tuple[Mask, Mask]] = [(np.zeros(0, bool), np.zeros(0, bool))]
            for records, standing in self._standing(shard):
                if self.steps.judged:
                    self.judge(records, standing, self.answer.ways)
                else:
                    compared(records, standing, self.answer.ways[0], shaky, dropped=self.judge.dropped[0])
                leaving.append(self._leave(records, standing))
                if watch is not None:
                    watch(shard, records, standing)
            sure, maybe = zip(*leaving, strict=True)
            self.leaving[shard] = np.concatenate(sure), np.concatenate(maybe)

    def _standing(self, shard: int) -> Iterator[tuple[Records, Standing]]:
        """Each part of a ledger with how its records enter."""
        before = None if self.entering is None else self.entering.get(shard, (np.zeros(0, bool),) * 2)
        count = 0
        for records in judgements.read(self.stage, self.steps, shard):
            count = records.first + records.count
            here = slice(records.first, count)
            sure, maybe = (np.ones(records.count, bool), np.zeros(records.count, bool)) if before is None else (
                before[0][here], before[1][here]
            )  # fmt: skip
            if len(sure) == records.count:
                yield records, Standing.entering(records, sure, maybe)
        if before is not None and count != len(before[0]):
            raise OutputError(
                f"{self.stage.path}: shard {shard} has {count} documents, and the stage before kept {len(before[0])};"
                " the stages are not of one run, run the recipe again"
            )

    def _shaky(self) -> pa.Array:
        """Ids of documents that the stage had, and may not have under the question."""
        found: list[pa.Array] = []
        for shard in judgements.shards(self.stage):
            for records, standing in self._standing(shard):
                found += records.texts("id").filter(pa.array(~standing.sure)).chunks
        return pa.chunked_array(found, pa.string()).combine_chunks()

    def _leave(self, records: Records, standing: Standing) -> tuple[Mask, Mask]:
        """Count those that leave; gives how those stand that the next ledger has."""
        kept = records.ends == len(self.steps.names)
        answer, sizes = self.answer, records.sizes
        sure, all_ = standing.sure, standing.alive()
        answer.kept = answer.kept.plus(*standing.count())
        answer.size = answer.size.plus(*_size(sizes, sure, all_))
        answer.size_before += int(sizes[kept].sum())
        gained = _count(sure & ~kept, all_ & ~kept)
        answer.gained = answer.gained.plus(*gained)
        ended = kept & (standing.why >= 0)
        answer.lost = answer.lost.plus(*_count(ended, ended | (kept & standing.maybe)))
        self.newly.documents = self.newly.documents.plus(*gained)
        self.newly.size = self.newly.size.plus(*_size(sizes, sure & ~kept, all_ & ~kept))
        return sure[kept], standing.maybe[kept]

    def pass_extra(self, extra: _Extra) -> _Extra:
        """Send documents through that this stage never had; of them nothing is known but their number and size."""
        documents, size = extra.documents, extra.size
        for number, way in enumerate(self.answer.ways):
            way.into = way.into.plus(*documents)
            compares = not self.steps.judged and not self.judge.dropped[number]
            if self.judge.can_drop(number) or compares:
                way.unseen += documents.high
                documents, size = Range(0, documents.high), Range(0, size.high)
            way.out = way.out.plus(*documents)
        self.answer.kept = self.answer.kept.plus(*documents)
        self.answer.size = self.answer.size.plus(*size)
        return _Extra(documents.plus(*self.newly.documents), size.plus(*self.newly.size))


def _count(low: Mask, high: Mask) -> Range:
    return Range(int(np.count_nonzero(low)), int(np.count_nonzero(high)))


def _size(sizes: Int64s, low: Mask, high: Mask) -> Range:
    return Range(int(sizes[low].sum()), int(sizes[high].sum()))


def _approximate(steps: Steps, asked: Asked, edited: list[str], *, changed: bool) -> dict[str, str]:
    """Step → why its counts are not exact.

    Args:
        steps: of a stage, as run.
        asked: the question.
        changed: whether other documents enter the stage.
        edited: steps so far whose edits would be others; those of this stage are added.
    """
    found: dict[str, str] = {}
    no_language = False
    for number, (name, step) in enumerate(zip(steps.names, steps.specs, strict=True)):
        of = [rule for rule in steps.rules if rule.step == number]
        if name not in asked.dropped and (of or not steps.judged):
            if edited:
                found[name] = f"its values are of texts as {' and '.join(edited)} left them in the run"
            elif changed and not steps.judged:
                found[name] = "it compares documents, and others would enter it"
            elif changed and isinstance(step, CORPUS_EDITORS):
                found[name] = "it looks at other documents too, and others would enter it"
            elif any(rule.by_language for rule in of) and (no_language or (steps.language or -1) > number):
                found[name] = "it is judged by the languages that another step named in the run"
        no_language |= isinstance(step, Language) and name in asked.dropped
        if isinstance(step, EDITORS if name in asked.dropped else CORPUS_EDITORS if changed else ()):
            edited.append(name)
    return found


def _tokens(run: Run, size: Range) -> tuple[int | None, Range | None]:
    """Tokens that the run encoded, and those of texts of another size at as many bytes per token."""
    for stage in run.stages:
        report = stage.report()
        for name, step in report.steps.items():
            parts = [report.tallies[f"{name}.{kind}"] for kind in ("tokens", "train.tokens", "validation.tokens")]
            tokens = parts[0] or parts[1] + parts[2]  # with a mixture, some are packed twice or not at all
            if tokens and step.bytes_in:
                return tokens, Range(*(end * tokens // step.bytes_in for end in size))
    return None, None
