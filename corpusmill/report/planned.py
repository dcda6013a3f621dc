"""A plan as people read it: stages, steps, shards, sizes."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.plan import Plan
from corpusmill.report.progress import megabytes
from corpusmill.stages.work import Stage

SHOWN = 12  # shards listed


def planned(plan: Plan) -> Group:
    """What a run would do."""
    head = Text.assemble((plan.recipe.name, "bold"), f"  {plan.recipe.about}")
    stages = [_stage(stage, len(plan.splits)) for stage in plan.stages]
    return Group(head, _input(plan), *stages, _shards(plan), Text(f"output {plan.root}"))


def _input(plan: Plan) -> Text:
    files = len({split.path for split in plan.splits})
    return Text(f"{len(plan.splits):,} shards from {files:,} files, {megabytes(plan.input_bytes)}")


def _stage(stage: Stage, shards: int) -> Text:
    return Text.assemble(
        (stage.layout.title, "bold"), f"  {shards:,} shards: {' | '.join(stage.names) or 'read the input as it is'}"
    )


def _shards(plan: Plan) -> Table | Group:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("shard", "file", "from", "to", "size", ""):
        table.add_column(name, justify="left" if name == "file" else "right")
    for shard, split in enumerate(plan.splits[:SHOWN]):
        size = megabytes(split.length)
        table.add_row(str(shard), split.path, f"{split.start:,}", f"{split.end:,}", size, split.note)
    more = len(plan.splits) - SHOWN
    return Group(table, Text(f"  … and {more:,} more shards")) if more > 0 else table
