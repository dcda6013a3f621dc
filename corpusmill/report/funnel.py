"""The funnel as a table: every step, every reason, and what each step cost."""

from collections.abc import Mapping

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.report.progress import megabytes
from corpusmill.stats import Report
from corpusmill.storage.read import incident

MANY = 1000  # documents after which a step that drops none is worth a line


def funnel(title: str, report: Report, seconds: Mapping[str, float]) -> Group:
    """The report of a stage, ready to print.

    Args:
        title: of the stage.
        report: the sum of its shards.
        seconds: of work by step, over all workers; speeds are per core.
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim")
    for name in ("step", "documents in", "out", "lost", "bytes in", "bytes out", "MB/s per core"):
        table.add_column(name, justify="left" if name == "step" else "right", no_wrap=True)
    for name, step in report.steps.items():
        lost = step.documents_in - step.documents_out
        spent = _spent(name, seconds)
        table.add_row(
            Text(name, "bold"), f"{step.documents_in:,}", f"{step.documents_out:,}", _share(lost, step.documents_in),
            megabytes(step.bytes_in), megabytes(step.bytes_out), f"{step.bytes_in / spent / 1e6:,.1f}" if spent else "",
        )  # fmt: skip
        for reason, count in step.reasons.most_common():
            short = reason.removeprefix(f"{name}.")
            table.add_row(Text(f"  {short}", "dim"), "", "", Text(f"{count:,}", "dim"), "", "", "")
        if step.failed:
            table.add_row(Text("  failed", "red"), "", "", Text(f"{step.failed:,}", "red"), "", "", "")
    return Group(table, *(Text(line) for line in footer(report, seconds)))


def _spent(name: str, seconds: Mapping[str, float]) -> float:
    """Seconds of a step, over all phases of its stage."""
    return sum(value for key, value in seconds.items() if key == name or key.startswith(f"{name}."))


def footer(report: Report, seconds: Mapping[str, float]) -> list[str]:
    """What the table cannot hold: the sums, the incidents, the steps that did nothing."""
    total = sum(seconds.values())
    ends = f"{report.kept:,} kept + {report.dropped:,} dropped + {report.dead:,} dead letters"
    lines = ["", f"{report.records:,} records = {ends}"]
    if report.skipped:
        others = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.skipped.items()))
        lines.append(f"records that are no pages: {others}")
    if report.incident_count:
        lines.append(f"{report.incident_count:,} incidents in the input, the first: " + incident(report.incidents[0]))
    packing = {name.removesuffix(".train.tokens") for name in report.tallies}  # these drop nothing, ever
    named = {name: step for name, step in report.steps.items() if name not in {"read", *packing}}
    judged = {name: step for name, step in named.items() if step.documents_in >= MANY}
    silent = [name for name, s in judged.items() if not s.reasons and not s.failed and s.bytes_in == s.bytes_out]
    if silent:
        lines.append(f"never fired: {', '.join(silent)}")
    empty = [name for name, step in report.steps.items() if step.documents_in and not step.documents_out]
    lines += [f"{name} dropped every document that reached it" for name in empty]
    if total:
        read = report.bytes_read  # some stages read no files as they are stored, but what an earlier phase left
        speed = f"; {read / total / 1e6:,.2f} MB/s of input per core" if read else ""
        lines.append(f"{total:,.1f} s of one core{speed}")
    return lines


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole and part else ""
