"""Speed: where the time went, by stage and step, and what it cost where the price of a machine is given."""

from typing import Any

from corpusmill.report.outputs import Run
from corpusmill.report.page import charts
from corpusmill.report.page.sections import Cell, Chart, Name, Row, Section, Share, Table
from corpusmill.report.page.totals import Stage, stages

DRAWN = 15
LEAD = (
    "Processor time by step, added up over all workers. What takes most of it is worth moving behind what drops much."
)


def section(run: Run, price_per_hour: float | None = None) -> Section:
    """Time and speed by step.

    Args:
        run: the run.
        price_per_hour: of one core, in any currency; None leaves cost out.
    """
    found = [(stage, stage.output.seconds()) for stage in stages(run)]
    total = sum(sum(seconds.values()) for _, seconds in found)
    rows, drawn = [], []
    for stage, seconds in found:
        spent = sum(seconds.values())
        rows.append(_row(stage.title, spent, total, None, price_per_hour, tone="total"))
        for name, own in sorted(_by_step(seconds).items(), key=lambda item: (-item[1], item[0])):
            rows.append(_row(name, own, total, _speed(stage, name, own), price_per_hour))
            drawn.append((f"{stage.title[:2]} {name}", own))
    drawn.sort(key=lambda item: (-item[1], item[0]))
    read = found[0][0].report.bytes_read
    figures: list[tuple[str, Cell]] = [("core-hours", total / 3600), ("input read", _megabytes(read, total))]
    if price_per_hour is not None:
        figures.append(("cost", f"{total / 3600 * price_per_hour:,.4g}"))
    words = "; ".join(f"{name} {seconds:.3g} s" for name, seconds in drawn[:DRAWN])
    chart = Chart(
        spec=charts.bars([(name, round(own, 3)) for name, own in drawn[:DRAWN]], "seconds", ".3~r"), alternative=words,
        caption="The costliest steps, each with the number of its stage.", title="Seconds of one core",
    )  # fmt: skip
    head = ["step", "seconds", "share", "MB/s per core", *([] if price_per_hour is None else ["cost"])]
    note = "Speed is of the bytes that went into the step. Time for starting and waiting is not in here."
    if price_per_hour is not None:
        note += f" Cost in the currency of the price, {price_per_hour:g} an hour of one core."
    return Section(
        name="speed", title="Time and speed", lead=LEAD, figures=figures, charts=[chart],
        tables=[Table(head=head, rows=rows, title="Every step", note=note)],
        data={stage.title: dict(seconds) for stage, seconds in found},
    )  # fmt: skip


def _by_step(seconds: dict[str, float]) -> dict[str, float]:
    """Phases of a stage by their own name, such as `near_dedup.members`."""
    return {name: spent for name, spent in seconds.items() if spent > 0}


def _speed(stage: Stage, name: str, seconds: float) -> float | None:
    step = stage.report.steps.get(name) or stage.report.steps.get(name.partition(".")[0])
    return step.bytes_in / seconds / 1e6 if step and step.bytes_in and seconds else None


def _megabytes(size: int, seconds: float) -> str:
    return f"{size / seconds / 1e6:,.2f} MB/s per core" if seconds else ""


def _row(name: str, seconds: float, total: float, speed: float | None, price: float | None, tone: Any = "") -> Row:
    shown: Cell = name if tone else Name(name)
    told: list[Cell] = [
        shown,
        f"{seconds:,.2f}",
        Share(seconds / total if total else None),
        f"{speed:,.1f}" if speed else None,
    ]
    return Row([*told, *([] if price is None else [f"{seconds / 3600 * price:,.4g}"])], tone=tone)
