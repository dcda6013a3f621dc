"""An estimate as people read it: the expected funnel, what a run leaves, what it costs."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.estimate.intervals import Interval
from corpusmill.estimate.machines import AS_OF, Machine
from corpusmill.estimate.whole import HOUR, Estimate, StepEstimate, notes
from corpusmill.report.progress import megabytes

SMALL = 0.001  # share of the documents of a step below which a reason gets no line


def estimated(told: Estimate, machines: Sequence[Machine]) -> Group:
    """The whole estimate, ready to print."""
    head = Text.assemble((told.recipe, "bold"), f"  {megabytes(told.input_bytes)} of input, as stored")
    lines = [Text(""), *(Text(line, "dim") for line in notes(told))]
    return Group(head, Text(""), _funnel(told), Text(""), *_sums(told), Text(""), _machines(told, machines), *lines)


def _funnel(told: Estimate) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("step", "documents out", "95 % interval", "lost", "95 % interval", "bytes out", ""):
        table.add_column(name, justify="left" if name in ("step", "") else "right", no_wrap=True)
    for step in told.steps:
        table.add_row(
            Text(step.name, "bold"), about(step.out.value), span(step.out), _percent(step.lost.value),
            _percents(step.lost), megabytes(step.size.value), "" if step.way == "scaled" else step.way,
        )  # fmt: skip
        for reason, share in sorted(step.reasons.items(), key=lambda item: (-item[1].value, item[0])):
            if share.value >= SMALL and len(step.reasons) > 1:
                name = reason.removeprefix(f"{step.name}.")
                cells = (f"  {name}", "", "", _percent(share.value), _percents(share), "", "")
                table.add_row(*(Text(cell, "dim") for cell in cells))
    return table


def _sums(told: Estimate) -> Iterator[Text]:
    if told.tokens is not None and told.packed is not None:
        packed = f"packed {megabytes(told.packed.value)}"
        yield Text(f"tokens        {about(told.tokens.value)}  ({span(told.tokens)}), {packed}")
    for title, size in told.files.items():
        yield Text(f"files         {megabytes(size.value)}  ({_sizes(size)}) in {title}")
    hours = Interval(*(end / HOUR for end in told.core_seconds))
    yield Text(f"core-hours    {hours.value:,.3g}  ({hours.low:,.3g} to {hours.high:,.3g}), of this machine's cores")
    yield Text(
        f"memory        {megabytes(told.peak_bytes)} for each worker of the first stage, with a batch of full size"
    )
    if told.shuffle_bytes.value:
        yield Text(f"shuffled      {megabytes(told.shuffle_bytes.value)}  ({_sizes(told.shuffle_bytes)})")


def _machines(told: Estimate, machines: Sequence[Machine]) -> Table:
    title = f"cost ({AS_OF})"
    table = Table(title=title, title_justify="left", title_style="dim", box=None, pad_edge=False, header_style="dim")
    for name in ("machine", "vCPUs", "GiB", "$ an hour", "hours of one", "cost, $", "95 % interval"):
        table.add_column(name, justify="left" if name == "machine" else "right", no_wrap=True)
    for machine in machines:
        hours = told.hours(machine)
        cost = [_money(end * machine.price) for end in hours]
        memory = f"{machine.memory_gib}" if machine.memory_gib else ""
        table.add_row(
            machine.name, f"{machine.vcpus}", memory, f"{machine.price:.4f}", f"{hours.value:,.3g}", cost[0],
            f"{cost[1]} to {cost[2]}",
        )  # fmt: skip
    return table


def _money(value: float) -> str:
    return f"{value:,.2f}" if value >= 0.1 else f"{value:.2g}"


def to_json(told: Estimate, machines: Sequence[Machine]) -> dict[str, Any]:
    """The same as plain data; every estimate is [value, low, high]."""
    return {
        "recipe": told.recipe,
        "input_bytes": told.input_bytes,
        "sample": {
            "records": told.documents, "bytes": told.sample_bytes, "windows": told.windows, "whole": told.whole
        },
        "steps": [_step(step) for step in told.steps],
        "fits": {
            name: {"kept": fit.kept, "in_sample": fit.in_sample, "exponent": fit.exponent, "points": fit.points}
            for name, fit in told.fits.items()
        },
        "tokens": told.tokens, "packed_bytes": told.packed, "files_bytes": told.files,
        "core_seconds": told.core_seconds, "worker_peak_bytes": told.peak_bytes, "shuffle_bytes": told.shuffle_bytes,
        "machines": [
            {**machine._asdict(), "hours": told.hours(machine),
             "cost": [end * machine.price for end in told.hours(machine)]}
            for machine in machines
        ],
        "prices": AS_OF,
        "notes": list(notes(told)),
    }  # fmt: skip


def _step(step: StepEstimate) -> dict[str, Any]:
    return {
        "step": step.name, "documents_in": step.into, "documents_out": step.out, "bytes_out": step.size,
        "lost": step.lost, "reasons": step.reasons, "way": step.way,
    }  # fmt: skip


def about(value: float) -> str:
    """A count to four digits: more would promise too much."""
    digits = len(str(int(abs(value))))
    return f"{round(value, min(0, 4 - digits)):,.0f}"


def span(one: Interval) -> str:
    """The ends of an interval."""
    return about(one.value) if one.low == one.high else f"{about(one.low)} to {about(one.high)}"


def _sizes(one: Interval) -> str:
    return " to ".join(dict.fromkeys((megabytes(one.low), megabytes(one.high))))


def _percent(share: float) -> str:
    return f"{share:.1%}" if share else ""


def _percents(share: Interval) -> str:
    return " to ".join(dict.fromkeys((f"{share.low:.1%}", f"{share.high:.1%}")))
