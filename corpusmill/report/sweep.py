"""The keep-rate of a stage as a function of one bound: what a looser or a stricter one would keep."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from corpusmill.errors import OutputError, UsageError
from corpusmill.report import outputs, whatif
from corpusmill.report.asked import Asked, check_signal, opened, signals, stage_steps
from corpusmill.report.judgements import Floats, Int64s, Records
from corpusmill.report.outputs import Run
from corpusmill.report.ways import Range, Standing
from corpusmill.spec import intervals
from corpusmill.stats import Report, bin_edges

POINTS = 21  # bounds that are tried, spread over the values seen


class Point(NamedTuple):
    """What the stage keeps with one bound: documents, and bytes of their texts."""

    bound: float
    kept: Range
    size: Range


@dataclass(frozen=True)
class Curve:
    """The keep-rate over one end of a signal's bounds, all others as asked.

    Attributes:
        signal: `step.signal`. above: whether it is the high end. stage: its title. records: that the stage had.
        own: the bounds as run, by language. points: by bound, ascending.
    """

    signal: str
    above: bool
    stage: str
    records: int
    own: dict[str, float]
    points: list[Point]


def sweep(run: Run, asked: Asked, signal: str) -> list[Curve]:
    """A curve for each end that the recipe bounds, or for both where it bounds none.

    Args:
        run: a finished run.
        asked: other changes that hold at the same time.
        signal: `step.signal`.

    Raises:
        UsageError: if the run judges no such signal, or leaves its step out. OutputError: as `whatif.answer`.
    """
    check_signal(signal, run.recipe)
    if signal.partition(".")[0] in asked.dropped:
        raise UsageError(f"--sweep {signal}: --drop leaves its step out; expected one of the two")
    table = intervals(signals(asked.recipe)[signal])
    ends = [above for above in (False, True) if any(bounds[above] is not None for bounds in table.values())]
    return [_curve(run, asked, signal, above=above) for above in ends or (False, True)]


def _curve(run: Run, asked: Asked, signal: str, *, above: bool) -> Curve:
    stages = [stage_steps(stage, run.recipe) for stage in run.stages]
    found = [n for n, steps in enumerate(stages) if signal.partition(".")[0] in steps.names]
    if not found:
        raise OutputError(f"{run.root}: {outputs.unfinished(outputs.waiting(run))}; {signal} is judged there")
    number = found[0]
    stage = run.stages[number]
    own = _ends(run, signal, above=above)
    tried = {*own.values(), *_ends(Run(run.root, asked.recipe, []), signal, above=above).values()}
    report = stage.report()
    counted = _Counted(number, signal, np.array(sorted({*thresholds(report, signal), *tried})), above=above)
    upto = Run(run.root, run.recipe, run.stages[: number + 1])
    whatif.answer(upto, opened(asked, signal, above=above), counted)
    return Curve(signal, above, stage.title, report.records, own, counted.points())


def _ends(run: Run, signal: str, *, above: bool) -> dict[str, float]:
    table = intervals(signals(run.recipe)[signal])
    return {language: float(end) for language, bounds in table.items() if (end := bounds[above]) is not None}


def thresholds(report: Report, signal: str) -> list[float]:
    """Values that cut what a step has seen into equal parts, from the report's histogram, to three digits."""
    bins = sorted(report.histograms.get(signal, {}).items(), key=lambda item: bin_edges(item[0])[0])
    if not bins:
        return []
    edges = [bin_edges(index)[0] for index, _ in bins] + [bin_edges(bins[-1][0])[1]]
    upto = np.cumsum([0, *(count for _, count in bins)])
    at = np.searchsorted(upto, np.linspace(0, upto[-1], POINTS - 2), "left")
    return sorted({float(f"{edges[index]:.3g}") for index in at})


class _Counted:
    """Counts, for each bound, the documents inside it; watches a what-if answer in which that bound is open."""

    def __init__(self, stage: int, signal: str, bounds: Floats, *, above: bool) -> None:
        self._stage, self._signal, self._bounds, self._above = stage, signal, bounds, above
        self._totals = np.zeros((4, len(bounds)), np.int64)  # documents, bytes for certain; the same perhaps

    def __call__(self, stage: int, _: int, records: Records, standing: Standing) -> None:
        """Count the records that stay when the bound is open."""
        if stage == self._stage:
            measured = records.seen(records.steps.names.index(self._signal.partition(".")[0]))
            values = np.where(measured, records.values(self._signal), np.nan)
            for at, rows in ((0, standing.sure & measured), (2, standing.alive())):
                self._totals[at : at + 2] += inside(values[rows], records.sizes[rows], self._bounds, above=self._above)

    def points(self) -> list[Point]:
        """What was counted, by bound."""
        rows = zip(self._bounds.tolist(), *self._totals.tolist(), strict=True)
        return [Point(bound, Range(d, more), Range(b, size)) for bound, d, b, more, size in rows]


def inside(values: Floats, sizes: Int64s, bounds: Floats, *, above: bool) -> Int64s:
    """Documents and bytes inside each bound; what was not measured breaks none.

    Args:
        values: of a signal, (N,), NaN where it was not measured.
        sizes: bytes, (N,).
        bounds: (B,), ascending.
        above: whether they are high ends.

    Returns:
        (2, B).
    """
    known = ~np.isnan(values)
    order = np.argsort(values[known], kind="stable")
    upto = np.concatenate([[0], np.cumsum(sizes[known][order])])
    at = np.searchsorted(values[known][order], bounds, "right" if above else "left")
    documents, size = (at, upto[at]) if above else (len(order) - at, upto[-1] - upto[at])
    return np.stack([documents + np.count_nonzero(~known), size + sizes[~known].sum()])
