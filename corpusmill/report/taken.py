"""What a takedown did, as a table."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.takedown.remove import Taken

SHOWN = 5  # lines of the list that mean nothing in the run


def taken(done: Taken, *, dry_run: bool) -> Group:
    """Stages, shards and documents, then what was not found, then where the proof lies."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("stage", "shards written anew", "documents removed", "ledger rows"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for title, shards, kept, records in done.stages:
        table.add_row(Text(title, "bold"), f"{shards:,}", f"{kept:,}", f"{records:,}")
    return Group(table, *(Text(line) for line in _lines(done, dry_run=dry_run)))


def _lines(done: Taken, *, dry_run: bool) -> list[str]:
    lines = [""]
    if done.before:
        lines.append(f"of {done.before:,} records nothing was left: taken down before, or dropped and shown nowhere")
    if done.missing:
        first = ", ".join(f"{entry} (line {number})" for number, entry in done.missing[:SHOWN])
        more = f" and {len(done.missing) - SHOWN:,} more" if len(done.missing) > SHOWN else ""
        lines.append(f"not in this run: {first}{more}")
    if done.proof:
        lines += [
            f"proof    {done.proof}",
            "Near copies of what was removed stay; the proof names those that are known.",
        ]
    elif dry_run:
        lines.append("dry run: nothing was written")
    else:
        lines.append("nothing to do, and nothing was written")
    return lines
