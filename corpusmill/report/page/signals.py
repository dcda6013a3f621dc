"""Signals: how each is distributed, the bound on it, and what is lost on each side."""

from collections.abc import Mapping
from typing import Any

from corpusmill.report.outputs import Run
from corpusmill.report.page import charts
from corpusmill.report.page.sections import Chart, Name, Row, Section, Table, anchor
from corpusmill.report.page.totals import Stage, bounds_of, stages
from corpusmill.report.page.writing import percent
from corpusmill.spec import Bounds, limits, names, number
from corpusmill.stats import bin_edges

MOST = 120  # charts; a recipe with more has them in the table
LEAD = (
    "What each step measured on the documents that reached it. A bound that cuts through a hump decides much; one in an"
    " empty stretch decides nothing. Bars outside the bound are grey."
)


def section(run: Run) -> Section | None:
    """All signals of all stages, by step."""
    found = [(stage, name) for stage in stages(run) for name in _judged(run, stage)]
    if not found:
        return None
    rows, drawn, data = [], [], {}
    for stage, name in found:
        bins, bounds = stage.report.histograms[name], bounds_of(stage)[name]
        lost = lost_on(stage, name, bounds)
        rows.append(_row(name, bins, bounds, lost))
        data[name] = {"documents": sum(bins.values()), **{f"lost_{side}": count for side, count in lost.items()}}
        if len(bins) > 1:
            drawn.append(_chart(name, bins, bounds, lost))
    head = ["signal", "bound", "documents", "5 %", "median", "95 %", "lost below", "lost above"]
    table = Table(
        head=head, rows=rows, align="llrrrrrr", title="All signals in figures", folded=True,
        note="Quantiles are read off the bins, right to about 3 %. Lost: dropped with this bound as the reason, the"
        " first bound a document broke; others may have broken it too.",
    )  # fmt: skip
    still = [name for stage, name in found if len(stage.report.histograms[name]) == 1]
    notes = [f"Not drawn, since all documents have one value: {', '.join(still)}."] if still else []
    if len(drawn) > MOST:
        notes.append(f"The first {MOST} of {len(drawn)} signals are drawn; all are in the table.")
    return Section(
        name="signals",
        title="Signals and bounds",
        lead=LEAD,
        charts=drawn[:MOST],
        tables=[table],
        notes=notes,
        data=data,
    )


def _judged(run: Run, stage: Stage) -> list[str]:
    """The signals of a stage in the order of judging, those without a bound last in their step."""
    specs = zip(names(run.recipe.steps), run.recipe.steps, strict=True)
    order = [f"{name}.{signal}" for name, step in specs for signal in limits(step)]
    bounds = bounds_of(stage)
    found = [signal for signal in order if signal in bounds and stage.report.histograms.get(signal)]
    at = {signal.rpartition(".")[0]: number for number, signal in reversed(list(enumerate(found)))}
    return sorted(found, key=lambda signal: (at[signal.rpartition(".")[0]], not _bounded(bounds[signal])))


def _bounded(bounds: Mapping[str, Bounds]) -> bool:
    return any(end is not None for interval in bounds.values() for end in interval)


def lost_on(stage: Stage, name: str, bounds: Mapping[str, Bounds]) -> dict[str, int]:
    """Documents dropped below and above the bounds of a signal, by any language's bound."""
    step, _, signal = name.rpartition(".")
    told = {tuple(f"{step}.{reason}" for reason in interval.breaks(signal)) for interval in bounds.values()}
    reasons = stage.report.steps[step].reasons
    sides = {"below": {low for low, _ in told}, "above": {high for _, high in told}}
    return {side: sum(reasons.get(reason, 0) for reason in sorted(named)) for side, named in sides.items()}


def _row(name: str, bins: Mapping[int, int], bounds: Mapping[str, Bounds], lost: Mapping[str, int]) -> Row:
    quantiles = [charts.quantile(bins, share) for share in (0.05, 0.5, 0.95)]
    told = [lost["below"] or None, lost["above"] or None]
    cells: list[Any] = [Name(name, anchor("signal", name)), written(bounds), sum(bins.values()), *quantiles, *told]
    return Row(cells, tone="" if _bounded(bounds) else "quiet")


def written(bounds: Mapping[str, Bounds]) -> str:
    """Bounds as a recipe writes them; by language where they differ."""
    if not _bounded(bounds):
        return "none"
    ends = {language: f"[{number(low)}, {number(high)}]" for language, (low, high) in bounds.items()}
    if set(ends) == {"*"}:
        return ends["*"]
    return ", ".join(f"{language}: {told}" for language, told in sorted(ends.items()))


def _chart(name: str, bins: Mapping[int, int], bounds: Mapping[str, Bounds], lost: Mapping[str, int]) -> Chart:
    step, _, signal = name.rpartition(".")
    total = sum(bins.values())
    made = charts.histogram(bins)
    low, high = bin_edges(min(bins))[0], bin_edges(max(bins))[1]
    sides = [f"{count:,} lost {side} ({percent(count / total)})" for side, count in lost.items() if count]
    lines = [", ".join(sides) or ("nothing lost" if _bounded(bounds) else "no bound")]
    if made.zeros:
        lines.append(f"{made.zeros:,} with 0 ({percent(made.zeros / total)}) not drawn")
    median = f"median {charts.quantile(bins, 0.5):.3g}, of {total:,} documents"
    words = f"{name}: values from {low:.3g} to {high:.3g}, {median}; bounds {written(bounds)}; {'; '.join(lines)}."
    return Chart(
        spec=charts.distribution(bins, bounds), title=signal, group=step, half=True, name=anchor("signal", name),
        caption=f"{'; '.join(lines)}. Bound {written(bounds)}." if _bounded(bounds) else f"{'; '.join(lines)}.",
        alternative=words,
    )  # fmt: skip
