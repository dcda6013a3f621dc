"""A plan as people read it: stages, steps, shards, sizes."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.plan import Plan, Planned
from corpusmill.report.progress import megabytes
from corpusmill.spec import names

SHOWN = 12  # shards listed


def planned(plan: Plan) -> Group:
    """What a run would do."""
    head = Text.assemble((plan.recipe.name, "bold"), f"  {plan.recipe.about}")
    return Group(head, *(part for stage in plan.stages for part in _stage(stage)), Text(f"output {plan.root}"))


def _stage(stage: Planned) -> list[Table | Text]:
    count = len(stage.tasks)
    files = len({task.split.path for task in stage.tasks})
    size = megabytes(stage.input_bytes)
    lines: list[Table | Text] = [
        Text(f"{stage.stage.layout.title}: {count:,} shards from {files:,} files, {size}", "bold"),
        Text(f"  steps: {' | '.join(names(stage.stage.specs))}"),
    ]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("shard", "file", "from", "to", "size", ""):
        table.add_column(name, justify="left" if name == "file" else "right")
    for task in stage.tasks[:SHOWN]:
        split = task.split
        size = megabytes(split.length)
        table.add_row(str(task.shard), split.path, f"{split.start:,}", f"{split.end:,}", size, split.note)
    lines.append(table)
    if count > SHOWN:
        lines.append(Text(f"  … and {count - SHOWN:,} more shards"))
    return lines
