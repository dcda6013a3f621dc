"""Results as tables: for the screen, and in Markdown."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from corpusmill.train.evaluate.compare import Difference
from corpusmill.train.evaluate.results import Results, Row

Line = tuple[str, ...]

HEAD = ("task", "of", "metric", "value", "± standard error", "items")
DIFFERENCES = ("task", "metric", "first", "second", "difference", "± standard error", "p", "items")


def table(results: Results, *, groups: int = 10) -> Table:
    """All figures; of each task's first metric the `groups` with the most items, too."""
    return _table(HEAD, _lines(results, groups), left=3)


def differences(found: Sequence[Difference]) -> Table:
    """Two evaluations side by side."""
    return _table(DIFFERENCES, list(_compared(found)), left=2)


def markdown(results: Results) -> str:
    """The same figures, with every group, as a table in Markdown."""
    return _markdown(HEAD, _lines(results, None), left=3)


def markdown_differences(found: Sequence[Difference]) -> str:
    """Two evaluations side by side as a table in Markdown."""
    return _markdown(DIFFERENCES, list(_compared(found)), left=2)


def _lines(results: Results, groups: int | None) -> list[Line]:
    lines: list[Line] = []
    for row in _shown(results.rows, groups):
        error = "" if row.error is None else _number(row.error)
        lines.append((row.task, row.group or "all", row.metric, _number(row.value), error, f"{row.items:,}"))
    return lines


def _shown(rows: Sequence[Row], groups: int | None) -> Iterator[Row]:
    if groups is None:
        yield from rows
        return
    for row in rows:
        first = next(other for other in rows if other.task == row.task)  # the task's headline
        mine = [other for other in rows if (other.task, other.metric) == (row.task, row.metric) and other.group]
        largest = sorted(mine, key=lambda other: (-other.items, other.group))[:groups]
        if not row.group or (row in largest and row.metric.startswith(first.metric)):
            yield row


def _compared(found: Sequence[Difference]) -> Iterator[Line]:
    for one in found:
        error = "" if one.error is None else f"{one.error:.4f}"
        p = "" if one.p is None else f"{one.p:.4f}" if one.p >= 0.0001 else "< 0.0001"
        change = f"{one.second - one.first:+.4f}"
        yield one.task, one.metric, _number(one.first), _number(one.second), change, error, p, f"{one.items:,}"


def _number(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:.5g}"


def _table(head: Line, lines: Sequence[Line], left: int) -> Table:
    found = Table(box=None, pad_edge=False, header_style="dim")
    for at, name in enumerate(head):
        found.add_column(name, justify="left" if at < left else "right")
    for line in lines:
        found.add_row(*line)
    return found


def _markdown(head: Line, lines: Sequence[Line], left: int) -> str:
    marks = ["---" if at < left else "---:" for at in range(len(head))]
    return "".join("| " + " | ".join(cells) + " |\n" for cells in (head, marks, *lines))
