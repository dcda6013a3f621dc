"""What a what-if question asks for: other bounds, steps left out; checked against the recipe of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from corpusmill import plan, recipe
from corpusmill.dedup import Decontaminate, Dedup, LineDedup, ParagraphDedup
from corpusmill.errors import RecipeError, UsageError, near
from corpusmill.extract import Extractor
from corpusmill.recipe import Recipe
from corpusmill.report.judgements import Steps
from corpusmill.report.outputs import Run, StageOutput
from corpusmill.spec import ANY_LANGUAGE, Bounds, Limit, intervals, limits, members, names
from corpusmill.storage import paths
from corpusmill.tokenize import Packer

JUDGED = (LineDedup, ParagraphDedup, Decontaminate)  # comparing stages whose bounds decide


@dataclass(frozen=True)
class Asked:
    """A question.

    Attributes:
        recipe: with the bounds asked for. limits: signal → (as run, as asked), for those that differ.
        dropped: names of steps to leave out.
    """

    recipe: Recipe
    limits: Mapping[str, tuple[Limit, Limit]]
    dropped: frozenset[str]


def parse(run: Run, changes: Sequence[str] = (), drop: Sequence[str] = ()) -> Asked:
    """Read `step.signal=[low, high]` and names of steps.

    Raises:
        UsageError: for a step or signal that the run has not, a step that cannot be left out, bounds that are none.
    """
    known = signals(run.recipe)
    for change in changes:
        signal, equals, _ = change.partition("=")
        if not equals:
            raise UsageError(f"{change}: expected step.signal=[low, high], e.g. gopher_quality.words=[100,null]")
        check_signal(signal, run.recipe)
    for name in drop:
        _check_step(name, run.recipe)
    file = paths.join(run.root, "recipe.yaml")
    text = paths.read_text(file)
    try:
        asked = recipe.parse(text, file, [f"steps.{change}" for change in changes])
    except RecipeError:
        for change in changes:
            _check_bounds(change, text, file)
        raise
    found = signals(asked)
    return Asked(asked, {s: (known[s], found[s]) for s in known if known[s] != found[s]}, frozenset(drop))


def signals(chosen: Recipe) -> dict[str, Limit]:
    """Every signal that some bounds of the recipe judge, with its limit."""
    called = zip(names(chosen.steps), chosen.steps, strict=True)
    return {f"{name}.{signal}": limit for name, step in called for signal, limit in limits(step).items()}


def check_signal(signal: str, chosen: Recipe) -> None:
    """Refuse a signal that the run has not.

    Raises:
        UsageError: naming the nearest, those of its step, or why the step has none.
    """
    known, steps = signals(chosen), dict(zip(names(chosen.steps), chosen.steps, strict=True))
    if signal in known:
        return
    step = signal.partition(".")[0]
    there = [name for name in known if name.startswith(f"{step}.")]
    if isinstance(steps.get(step), members(Dedup)) and not isinstance(steps.get(step), JUDGED):
        raise UsageError(
            f"{signal}: no bound can be asked of {step}: it compares documents with each other, and its ledger says of"
            " which document a removed one is a copy, not what other settings would remove; run the recipe again with"
            f" such settings, or ask --drop {step}"
        )
    judging = list(dict.fromkeys(name.partition(".")[0] for name in known))
    if there:
        told = f"{near(signal, known)}; there are {', '.join(there)}"
    elif step in steps:
        told = f": {step} has no bounds; the steps that have some are {', '.join(judging) or 'none'}"
    else:
        told = f"{near(signal, known) or near(step, judging)}; the steps with bounds are {', '.join(judging) or 'none'}"
    raise UsageError(f"{signal}: the run judges no such signal{told}")


def _check_bounds(change: str, text: str, file: str) -> None:
    """Refuse bounds that are none, in words of the argument and not of the run's recipe, which nobody touched."""
    try:
        recipe.parse(text, file, [f"steps.{change}"])
    except RecipeError as error:
        signal, _, value = change.partition("=")
        told = str(error).partition("\n")[0]
        _, reversed_or_nan, why = told.partition(f" {signal.partition('.')[2]}: bounds ")
        expected = told.partition("expected ")[2] or "[low, high], two numbers; null leaves an end open"
        why = f"bounds {why}" if reversed_or_nan else f"found {value or 'nothing'}; expected {expected}"
        raise UsageError(f"{change}: {why}") from None


def _check_step(name: str, chosen: Recipe) -> None:
    steps = dict(zip(names(chosen.steps), chosen.steps, strict=True))
    if name not in steps:
        raise UsageError(f"--drop {name}: no such step{near(name, steps)}; the steps are {', '.join(steps)}")
    if isinstance(steps[name], (*members(Extractor), *members(Packer))):
        raise UsageError(f"--drop {name}: nothing is left without it; expected a step that drops documents")


def stage_steps(stage: StageOutput, chosen: Recipe) -> Steps:
    """The steps of a stage of a run."""
    called, specs = plan.cut(chosen.steps)[int(stage.title[:2]) - 1]
    compares = bool(specs) and isinstance(specs[0], members(Dedup)) and not isinstance(specs[0], JUDGED)
    return Steps(tuple(called), tuple(specs), judged=not compares)


def opened(asked: Asked, signal: str, *, above: bool) -> Asked:
    """The same question with one end of a signal's bounds open for all languages, e.g. for a sweep over it."""
    name, _, field = signal.partition(".")
    called = names(asked.recipe.steps)
    before = signals(asked.recipe)[signal]
    limit = {key: Bounds(low, None) if above else Bounds(None, high) for key, (low, high) in intervals(before).items()}
    changed: Limit = limit[ANY_LANGUAGE] if isinstance(before, Bounds) else limit
    steps: Any = tuple(
        _with(step, field, changed) if at == name else step for at, step in zip(called, asked.recipe.steps, strict=True)
    )
    first = asked.limits[signal][0] if signal in asked.limits else before
    return Asked(replace(asked.recipe, steps=steps), {**asked.limits, signal: (first, changed)}, asked.dropped)


def _with(step: Any, name: str, limit: Limit) -> Any:
    return replace(step, **{name: limit})
