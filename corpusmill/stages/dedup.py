"""From a dedup step of a recipe to its stage."""

from collections.abc import Sequence
from typing import Any

from corpusmill.dedup.decontaminate import Decontaminate
from corpusmill.dedup.exact import ExactDedup
from corpusmill.dedup.keep import Best
from corpusmill.dedup.lines import LineDedup
from corpusmill.dedup.near import NearDedup
from corpusmill.dedup.paragraphs import ParagraphDedup
from corpusmill.errors import RecipeError
from corpusmill.redact import Redact
from corpusmill.spec import limits
from corpusmill.stages import earlier, exact, near
from corpusmill.stages.contamination import ContaminationStage
from corpusmill.stages.exact import ExactStage
from corpusmill.stages.lines import LineStage
from corpusmill.stages.near import NearStage
from corpusmill.stages.paragraphs import ParagraphStage
from corpusmill.stages.signal_values import SignalValues
from corpusmill.stages.work import Stage, digest
from corpusmill.storage.layout import StageLayout


def dedup_stage(layout: StageLayout, name: str, step: Any, key: str, masking: Redact, before: Sequence[Stage]) -> Stage:
    """The stage of a dedup step.

    Args:
        layout: where it goes.
        name: of the step.
        step: as the recipe has it.
        key: of the stage, but for earlier runs.
        masking: what is masked in reports.
        before: the stages before.

    Raises:
        RecipeError: if the policy names a signal that nothing measures. InputError: if an earlier run's index is
            missing or of another kind.
    """
    if isinstance(step, LineDedup):
        return LineStage(layout, step, name, key, masking)
    if isinstance(step, ParagraphDedup):
        return ParagraphStage(layout, step, name, key, masking)
    if isinstance(step, Decontaminate):
        return ContaminationStage(layout, step, name, key, masking)
    values = signal_values(step.keep, name, before)
    if isinstance(step, ExactDedup):
        told = {"version": exact.VERSION, "step": "exact_dedup", "by": step.by}
        runs = tuple(earlier.find(path, "exact_dedup", "01-keys", "keys", told) for path in step.against)
        return ExactStage(layout, step, name, _with_runs(key, runs), masking, values, runs)
    assert isinstance(step, NearDedup)
    runs = tuple(earlier.find(p, "near_dedup", "01-signatures", "signatures", near.told(step)) for p in step.against)
    return NearStage(layout, step, name, _with_runs(key, runs), masking, values, runs)


def _with_runs(key: str, runs: Sequence[earlier.Earlier]) -> str:
    return digest([key, [run.digest for run in runs]]) if runs else key


def signal_values(keep: Any, name: str, before: Sequence[Stage]) -> SignalValues | None:
    """Where the signal of `keep: {best: …}` is to be read."""
    if not isinstance(keep, Best):
        return None
    known = {
        f"{called}.{signal}": at
        for at, stage in enumerate(before)
        for called, step in zip(stage.names, stage.specs, strict=True)
        for signal in limits(step)
    }
    if keep.best not in known:
        there = ", ".join(known) or "none"
        raise RecipeError(f"{name}.keep: no earlier step measures '{keep.best}'; the signals are {there}")
    at = known[keep.best]
    return SignalValues(keep.best, before[at].layout, tuple(stage.layout for stage in before[at + 1 :]))
