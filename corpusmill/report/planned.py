"""A plan as people read it: stages, steps, shards, sizes."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.errors import RecipeError
from corpusmill.plan import Plan
from corpusmill.report.mixtures import asked
from corpusmill.report.progress import megabytes
from corpusmill.stages.work import Stage
from corpusmill.storage import commit
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.shards import stored_splits
from corpusmill.tokenize.mixtures import Allotment
from corpusmill.tokenize.step import Tokenize

SHOWN = 12  # shards listed


def planned(plan: Plan) -> Group:
    """What a run would do."""
    head = Text.assemble((plan.recipe.name, "bold"), f"  {plan.recipe.about}")
    stages = [_stage(stage, len(plan.splits)) for stage in plan.stages]
    return Group(head, _input(plan), *stages, *_mixture(plan), _shards(plan), Text(f"output {plan.root}"))


def _input(plan: Plan) -> Text:
    files = len({split.path for split in plan.splits})
    return Text(f"{len(plan.splits):,} shards from {files:,} files, {megabytes(plan.input_bytes)}")


def _stage(stage: Stage, shards: int) -> Text:
    return Text.assemble(
        (stage.layout.title, "bold"), f"  {shards:,} shards: {' | '.join(stage.names) or 'read the input as it is'}"
    )


def _mixture(plan: Plan) -> list[Group]:
    """The mixture that the last stage packs by, with what each source gives where an earlier run has encoded all."""
    stage: Any = plan.stages[-1]
    if not isinstance(stage.specs[-1] if stage.specs else None, Tokenize) or stage.step.mixture is None:
        return []
    before = plan.stages[-2]
    told = commit.read_json(before.layout.manifest)
    record = None if told is None else Manifest.from_json(told)
    gives: Sequence[Allotment] | RecipeError | None = None
    if record is not None and record.key == before.key:
        try:
            gives = stage.foreseen(stored_splits(before.layout, record))
        except RecipeError as error:
            gives = error
    return [asked(stage.step, gives)]


def _shards(plan: Plan) -> Table | Group:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("shard", "file", "from", "to", "size", ""):
        table.add_column(name, justify="left" if name == "file" else "right")
    for shard, split in enumerate(plan.splits[:SHOWN]):
        size = megabytes(split.length)
        table.add_row(str(shard), split.path, f"{split.start:,}", f"{split.end:,}", size, split.note)
    more = len(plan.splits) - SHOWN
    return Group(table, Text(f"  … and {more:,} more shards")) if more > 0 else table
