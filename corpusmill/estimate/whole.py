"""What a run would give and cost, from a sample of its input: the funnel with intervals, tokens, sizes, hours."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from corpusmill import plan
from corpusmill.dedup.lines import LineDedup
from corpusmill.dedup.paragraphs import ParagraphDedup
from corpusmill.drive import Execute, Progress
from corpusmill.errors import UsageError
from corpusmill.estimate import copies, duplicates, intervals, sample, windows
from corpusmill.estimate.duplicates import Fit
from corpusmill.estimate.intervals import ONE, Interval
from corpusmill.estimate.machines import Machine
from corpusmill.estimate.sample import Run, StageSample, StepSample
from corpusmill.estimate.windows import Windows
from corpusmill.recipe import Recipe
from corpusmill.storage import paths

Way = Literal["scaled", "fitted", "at least"]
LEAST = 100  # records of a sample
HOUR = 3600.0
NOTHING = Interval(0, 0, 0)


@dataclass
class StepEstimate:
    """One step of the whole run.

    Attributes:
        name: of the step. into, out: documents. size: bytes that leave it. lost: share of the documents that came in.
        reasons: the same by reason, as in the sample. way: `scaled` as the sample; `fitted`, for duplicates; or
            `at least` as in the sample, where more text brings more copies and nothing could be fitted.
    """

    name: str
    into: Interval
    out: Interval
    size: Interval
    lost: Interval
    reasons: dict[str, Interval]
    way: Way


@dataclass
class Estimate:
    """A whole run.

    Attributes:
        recipe: its name. input_bytes, sample_bytes: stored bytes of the input and of the sample. documents: page
            records of the sample. windows: that it was read in. whole: whether the sample is the input.
        stored: whether it was copied out of files that are read from their beginning.
        steps: in order. fits: by comparing step. tokens: of the documents that are left, end-of-text included.
        packed: bytes of packed rows. files: bytes of all files that a run leaves, by stage.
        core_seconds: of processor. peak_bytes: of one worker in the first stage. shuffle_bytes: between phases.
    """

    recipe: str
    input_bytes: int
    sample_bytes: int
    documents: int
    windows: int
    whole: bool
    stored: bool
    steps: list[StepEstimate] = field(default_factory=list)
    fits: dict[str, Fit] = field(default_factory=dict)
    tokens: Interval | None = None
    packed: Interval | None = None
    files: dict[str, Interval] = field(default_factory=dict)
    core_seconds: Interval = NOTHING
    peak_bytes: int = 0
    shuffle_bytes: Interval = NOTHING

    @property
    def times(self) -> float:
        """The input is so many times the sample."""
        return self.input_bytes / self.sample_bytes

    def hours(self, machine: Machine) -> Interval:
        """Hours of a machine that is kept busy."""
        return Interval(*(end / HOUR / machine.vcpus for end in self.core_seconds))


def estimate(chosen: Recipe, documents: int, execute: Execute, progress: Progress) -> Estimate:
    """Run a sample of the input through the recipe in a temporary folder, and extend what it shows to the whole.

    Args:
        chosen: the recipe.
        documents: records of the sample, about.
        execute: as for `drive.run`.
        progress: as for `drive.run`.

    Raises:
        UsageError: if the sample is too small, or the input cannot be entered in the middle.
    """
    if documents < LEAST:
        raise UsageError(
            f"--sample: found {documents}; expected at least {LEAST} records, or the intervals say nothing"
        )
    full = plan.make(chosen)
    with tempfile.TemporaryDirectory(prefix="corpusmill-estimate-") as folder:
        if windows.enterable(chosen.input, full.splits):
            parts = windows.choose(chosen.input, full.splits, documents)
        else:
            parts = copies.copy(chosen.input, full.splits, documents, paths.join(folder, "copies"))
        found = sample.run(chosen, full, parts, paths.join(folder, "run"), execute, progress)
    return extended(chosen.name, found, parts, len(full.splits))


def extended(name: str, found: Run, parts: Windows, shards: int) -> Estimate:
    """What a sample says of the whole.

    Args:
        name: of the recipe.
        found: the sample's run.
        parts: the windows it was read in.
        shards: of the whole run.
    """
    read = found.stages[0].steps[0].counts["documents_in"]
    told = Estimate(
        name,
        parts.input_bytes,
        parts.size,
        int(read.sum()),
        len(parts.windows),
        parts.whole,
        parts.stored,
        peak_bytes=found.peak_bytes,
    )
    whole = _Whole(parts, shards, told)
    for stage in found.stages:
        whole.stage(stage)
    last = whole.text
    if found.tokens is not None:
        told.tokens = whole.total(found.tokens).times(last)
        told.packed = Interval(*(end * found.token_bytes for end in told.tokens))
        spent = found.encode_seconds * told.times
        told.core_seconds = _plus(told.core_seconds, Interval(*(spent * end for end in last)))
    return told


class _Whole:
    """Goes through the stages.

    Attributes:
        kept: how later steps' documents change because more is compared with each other. text: their bytes.
    """

    def __init__(self, parts: Windows, shards: int, told: Estimate) -> None:
        self._sizes = np.array([window.size for window in parts.windows], np.float64)
        self._input = parts.input_bytes
        self._shards, self._told = shards, told
        self.kept = self.text = ONE

    def total(self, counts: Any) -> Interval:
        """Over the whole input."""
        return intervals.total(counts, self._sizes, self._input)

    def stage(self, stage: StageSample) -> None:
        """Take a stage."""
        before, told = self.text, self._told
        for step in stage.steps:
            told.steps.append(self._step(step))
        seconds = self.total(stage.seconds).times(before)
        shards = stage.shard_seconds * self._shards
        told.core_seconds = _plus(told.core_seconds, _plus(seconds, Interval(shards, shards, shards)))
        shuffled = Interval(*(stage.shuffled * told.times * end for end in before))
        told.shuffle_bytes = _plus(told.shuffle_bytes, shuffled)
        written = NOTHING
        for kind, counts in stage.files.items():
            written = _plus(written, self.total(counts).times(self.text if kind == "documents" else before))
        told.files[stage.title] = written

    def _step(self, step: StepSample) -> StepEstimate:
        counts, before = step.counts, self.kept
        way: Way = "scaled"
        lost = intervals.share(counts["documents_in"] - counts["documents_out"], counts["documents_in"])
        kept_share = self._compared(step)
        if kept_share is not None:
            way = "fitted" if step.duplicates is not None else "at least"
            in_sample = max(1e-9, 1 - lost.value)
            change = Interval(*(min(1.0, end) / in_sample for end in kept_share))
            self.kept, self.text = before.times(change), self.text.times(change).times(self._cut(step, way))
            lost = Interval(1 - kept_share.value, 1 - kept_share.high, 1 - kept_share.low)
        into = self.total(counts["documents_in"]).times(before)
        out = self.total(counts["documents_out"]).times(self.kept)
        reasons = {r: intervals.share(found, counts["documents_in"]) for r, found in sorted(step.reasons.items())}
        return StepEstimate(step.name, into, out, self.total(counts["bytes_out"]).times(self.text), lost, reasons, way)

    def _compared(self, step: StepSample) -> Interval | None:
        """The share of documents that a comparing step would keep of the whole input; None for other steps."""
        if step.duplicates is not None:
            fit = self._told.fits[step.name] = duplicates.fit(step.duplicates, self._told.times)
            return fit.kept
        if isinstance(step.spec, LineDedup | ParagraphDedup):
            into = int(step.counts["documents_in"].sum())
            lost = into - int(step.counts["documents_out"].sum())
            return duplicates.unfitted(lost, into, self._told.times)
        return None

    def _cut(self, step: StepSample, way: Way) -> Interval:
        """How much less text may stay than in the sample, where more text repeats more lines; as `duplicates.fit`."""
        into, out = (float(step.counts[name].sum()) for name in ("bytes_in", "bytes_out"))
        times = self._told.times
        if way != "at least" or times <= 1 or not out:
            return ONE
        removed = into / out - 1  # bytes for each that stays
        return Interval(1, (1 + removed) / (1 + duplicates.DOUBLE * times * removed) if removed else 1.0, 1)


def _plus(a: Interval, b: Interval) -> Interval:
    return Interval(*(x + y for x, y in zip(a, b, strict=True)))


def notes(told: Estimate) -> Iterator[str]:
    """What the numbers rest on, in words."""
    if told.whole:
        yield "the sample is the whole input: its counts are exact"
        return
    what = "blocks of consecutive records, chosen" if told.stored else "windows of the stored bytes, placed"
    yield (
        f"the sample: {told.documents:,} records in {told.windows} {what} by a keyed hash, evenly over all files;"
        " intervals are of 95 %, from the spread between them"
    )
    for name, fit in told.fits.items():
        law = "no duplicates between windows, so none are added" if fit.exponent is None else (
            f"removals between windows grow with the number of documents to the power of {fit.exponent:.2f}"
        )  # fmt: skip
        yield (
            f"{name}: fitted, not scaled: {law}; the interval reaches from the sample's own share to growth in"
            f" proportion to the {told.times:,.1f} times larger input, twice over"
        )
    less = [step.name for step in told.steps if step.way == "at least"]
    if less:
        yield (
            f"{', '.join(less)}: loses at least what it lost of the sample, which is what is told: more text repeats"
            " more lines; the interval allows for it as that of duplicates does"
        )
