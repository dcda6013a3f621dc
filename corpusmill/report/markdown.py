"""Markdown of tables and texts: everything is escaped, since names of domains and sources come from the web."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from corpusmill.report.page.sections import Bytes, Name, Share
from corpusmill.report.page.writing import figure, short, visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$!]|^[+-])")


@dataclass(frozen=True)
class Made:
    """A table cell that is Markdown already."""

    text: str


Cell: TypeAlias = str | int | float | Share | Bytes | Name | Made | None


def plain(text: str, longest: int = 300) -> str:
    """A text of which nothing is taken for Markdown or HTML, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(visible(short(text, longest)).split()))


def code(text: str, longest: int = 300) -> str:
    """A name in the code face, on one line; fit for a table, where it makes no link of an address."""
    shown = " ".join(visible(short(text, longest)).split()).replace("`", "'").replace("|", "\\|")
    return f"`{shown}`" if shown else ""


def fenced(text: str, language: str = "") -> str:
    """A block of code; its fence is longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text).rstrip()}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]], more: int = 0) -> str:
    """A table, with numbers to the right; `more` rows were left out."""
    every = [list(row) for row in rows]
    words = [any(isinstance(row[at], str | Name | Made) for row in every) for at in range(len(head))]
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' if text else '---:' for text in words)} |"]
    lines += [f"| {' | '.join(_cell(value) for value in row)} |" for row in every]
    return "\n".join(lines) + (f"\n\nand {more:,} more" if more else "")


def _cell(value: Cell) -> str:
    if isinstance(value, Made):
        return value.text
    if isinstance(value, Name):
        return code(value.text)
    return plain(value) if isinstance(value, str) else figure(value)
