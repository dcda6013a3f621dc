"""Two evaluations of the same questions, question by question: a difference, and whether it is more than chance."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.errors import InputError
from corpusmill.train.evaluate.results import Results

Floats = npt.NDArray[np.float64]


class Difference(NamedTuple):
    """What changes from one model to another.

    Attributes:
        task, metric: what was measured.
        first, second: both models' figures on the items that both have.
        error: standard error of second - first, by item; None for fewer than two items.
        p: two-sided, of a difference as large by chance alone (normal approximation).
        items: that both have.
    """

    task: str
    metric: str
    first: float
    second: float
    error: float | None
    p: float | None
    items: int


def compare(first: Results, second: Results) -> list[Difference]:
    """Pair the items of two evaluations by their keys.

    Raises:
        InputError: if they have no task in common, or a task of the same name has other questions.
    """
    shared = [name for name in first.items if name in second.items]
    if not shared:
        one, two = (", ".join(results.items) or "no task" for results in (first, second))
        raise InputError(f"nothing to compare: one has {one}, the other {two}")
    found = []
    for task in shared:
        for name in ("digest", "shots"):
            one, two = first.tasks[task][name], second.tasks[task][name]
            if one != two:
                raise InputError(
                    f"{task}: {name} is {one} in one and {two} in the other; evaluate both on the same file"
                )
        metrics = {row.metric for row in first.rows if row.task == task}
        found += _task(task, first.items[task], second.items[task], metrics | {"log_probability"})
    return found


def _task(
    task: str, first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]], metrics: set[str]
) -> list[Difference]:
    others = {item["key"]: item for item in second}
    pairs = [(item, others[item["key"]]) for item in first if item["key"] in others]
    if not pairs:
        raise InputError(f"{task}: no question is in both evaluations; were they limited to other parts?")
    if "bytes" in pairs[0][0]:
        ones, twos = (tuple(_column(pairs, side, name) for name in ("bits", "bytes")) for side in (0, 1))
        return [_ratio(task, "bits_per_byte", ones, twos)]
    names = [name for name in pairs[0][0] if name in metrics and name in pairs[0][1]]
    return [_mean(task, name, _column(pairs, 0, name), _column(pairs, 1, name)) for name in names]


def _column(pairs: Sequence[tuple[dict[str, Any], dict[str, Any]]], side: int, name: str) -> Floats:
    return np.array([pair[side][name] for pair in pairs], np.float64)


def _mean(task: str, metric: str, first: Floats, second: Floats) -> Difference:
    return _told(task, metric, float(first.mean()), float(second.mean()), second - first)


def _ratio(task: str, metric: str, first: tuple[Floats, ...], second: tuple[Floats, ...]) -> Difference:
    """Sums over sums: the error is that of the linearised ratio."""
    (one, ones), (two, twos) = _linear(*first), _linear(*second)
    return _told(task, metric, one, two, twos - ones)


def _linear(above: Floats, below: Floats) -> tuple[float, Floats]:
    """A ratio of sums, and what each item adds to it beyond the mean."""
    value = float(above.sum() / below.sum())
    return value, (above - value * below) / below.mean()


def _told(task: str, metric: str, first: float, second: float, each: Floats) -> Difference:
    if len(each) < 2:
        return Difference(task, metric, first, second, None, None, len(each))
    error = float(each.std(ddof=1) / math.sqrt(len(each)))
    if error == 0:
        return Difference(task, metric, first, second, error, 1.0 if first == second else 0.0, len(each))
    p = math.erfc(abs(second - first) / error / math.sqrt(2))
    return Difference(task, metric, first, second, error, p, len(each))
