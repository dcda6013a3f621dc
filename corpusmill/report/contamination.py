"""The table of contamination: how much of each evaluation set is in the corpus."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text


def contamination(rows: Sequence[Mapping[str, Any]]) -> Group:
    """One line per evaluation set, as `decontaminate.Contamination` has them."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("evaluation set", "items", "found", "whole", "too short", "too common", "documents"):
        table.add_column(name, justify="left" if name == "evaluation set" else "right")
    for row in rows:
        counts = [f"{row[name]:,}" for name in ("items", "found", "whole", "too_short", "too_common", "documents")]
        table.add_row(row["benchmark"], *counts)
    told = "found: a document holds a part; whole: all of it; too short and too common items cannot be checked"
    return Group(Text(""), table, Text(told, "dim"))
