"""A plan as people read it: stages, steps, shards, sizes."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.errors import RecipeError
from corpusmill.plan import Plan, ready, replaced
from corpusmill.report.mixtures import asked
from corpusmill.report.progress import megabytes
from corpusmill.report.tokens import SLOW
from corpusmill.stages.work import Stage
from corpusmill.tokenize.mixtures import Allotment
from corpusmill.tokenize.step import Tokenize

SHOWN = 12  # shards listed

# What each source gives to the last stage's mixture, what is refused of it, or None where that is not known yet.
Gives = Sequence[Allotment] | RecipeError | None


def foreseen(plan: Plan) -> Gives:
    """What each source gives to the mixture, or what is refused, as far as an earlier run lets it be known."""
    found: Gives = None
    for stage, splits in ready(plan):
        if _tokenizing(stage) is not None:
            packing: Any = stage
            try:
                found = packing.foreseen(splits)
            except RecipeError as error:
                found = error
    return found


def planned(plan: Plan, gives: Gives = None) -> Group:
    """What a run would do.

    Args:
        plan: from `plan.make`.
        gives: from `foreseen`.
    """
    head = Text.assemble((plan.recipe.name, "bold"), f"  {plan.recipe.about}")
    stages = [_stage(stage, len(plan.splits)) for stage in plan.stages]
    gone = None if isinstance(gives, RecipeError) else replaced(plan)  # what is refused replaces nothing
    output = [Text(f"output {plan.root}"), *([Text(gone, "yellow")] if gone else [])]
    return Group(head, _input(plan), *stages, *_slow(plan), *_mixture(plan, gives), _shards(plan), *output)


def _input(plan: Plan) -> Text:
    files = len({split.path for split in plan.splits})
    return Text(f"{len(plan.splits):,} shards from {files:,} files, {megabytes(plan.input_bytes)}")


def _stage(stage: Stage, shards: int) -> Text:
    return Text.assemble(
        (stage.layout.title, "bold"), f"  {shards:,} shards: {' | '.join(stage.names) or 'read the input as it is'}"
    )


def _tokenizing(stage: Stage) -> Tokenize | None:
    """The step of a stage that makes tokens; None of others."""
    last = stage.specs[-1] if stage.specs else None
    return last if isinstance(last, Tokenize) else None


def _slow(plan: Plan) -> list[Text]:
    """Why the last stage encodes without the kernel, where it does."""
    step = _tokenizing(plan.stages[-1])
    whole = None if step is None else step.load().whole
    return [Text(f"  {step.tokenizer}: {SLOW}: {whole}", "yellow")] if step is not None and whole else []


def _mixture(plan: Plan, gives: Gives) -> list[Group | Text]:
    """The mixture that the last stage packs by, with what each source gives; and what is refused."""
    step = _tokenizing(plan.stages[-1])
    if step is not None and step.mixture is not None:
        return [asked(step, gives)]
    return [Text(f"  this cannot be met:\n{gives}", "red")] if isinstance(gives, RecipeError) else []


def _shards(plan: Plan) -> Table | Group:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("shard", "file", "from", "to", "size", ""):
        table.add_column(name, justify="left" if name == "file" else "right")
    for shard, split in enumerate(plan.splits[:SHOWN]):
        size = megabytes(split.length)
        table.add_row(str(shard), split.path, f"{split.start:,}", f"{split.end:,}", size, split.note)
    more = len(plan.splits) - SHOWN
    return Group(table, Text(f"  … and {more:,} more shards")) if more > 0 else table
