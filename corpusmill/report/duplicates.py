"""What a dedup stage tells beyond its funnel: cluster sizes, the largest clusters, loss by source, how sure it is."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.stats import Report, bin_edges

CLUSTERS = 5  # largest ones shown
SIZES = (2, 3, 5, 10, 100, 1000, 10_000)
SOURCES = 10
WIDTH = 110  # characters of a cluster's line


def duplicates(report: Report) -> list[Group]:
    """The parts for each step that made clusters."""
    names = [signal.removesuffix(".cluster_size") for signal in report.histograms if signal.endswith(".cluster_size")]
    cut = [name.removesuffix(".copies") for name in report.tallies if name.endswith(".copies")]
    return [*(Group(*_step(name, report)) for name in names), *(_copies(name, report) for name in cut)]


def _copies(name: str, report: Report) -> Group:
    units, copies = report.tallies[f"{name}.units"], report.tallies[f"{name}.copies"]
    return Group(Text(""), Text(f"copies cut              {copies:,} of {units:,} lines or runs of sentences"))


def _step(name: str, report: Report) -> Iterator[Text | Table]:
    yield Text("")
    sizes = cluster_sizes(report.histograms[f"{name}.cluster_size"])
    yield Text("clusters by documents   " + (", ".join(f"{label}: {n:,}" for label, n in sizes.items()) or "none"))
    precision = estimated_precision(name, report)
    if precision is not None:
        yield Text(f"estimated precision     {precision:.4f} of removals reach the threshold with what stays")
    told = {key.removeprefix(f"{name}."): n for key, n in report.tallies.items() if key.startswith(f"{name}.")}
    methods = {key.removeprefix("removed."): n for key, n in told.items() if key.startswith("removed.")}
    if methods:
        yield Text("removed by              " + ", ".join(f"{method}: {n:,}" for method, n in sorted(methods.items())))
    if told.get("capped"):
        yield Text(
            f"capped                  {told['capped']:,} times a document that stays was not entered in a full band"
        )
    yield from _sources(report)
    largest = [example for example in report.largest.get(f"{name}.cluster_size", ()) if (example.value or 0) > 1]
    if largest:
        yield _largest(largest[:CLUSTERS])


def cluster_sizes(bins: Counter[int]) -> dict[str, int]:
    """Clusters of at least two documents, by size."""
    found: dict[str, int] = {}
    for index, count in sorted(bins.items()):
        size = bin_edges(index)[0]
        for low, high in pairwise((*SIZES, None)):
            if low is not None and size >= low and (high is None or size < high):
                label = f"{low:,}+" if high is None else f"{low:,}" if high == low + 1 else f"{low:,}-{high - 1:,}"
                found[label] = found.get(label, 0) + count
    return found


def estimated_precision(name: str, report: Report) -> float | None:
    """The share of removals expected to reach the threshold, None for a step that estimates nothing."""
    expected = report.tallies.get(f"{name}.expected_true_millionths")
    removed = sum(count for key, count in report.tallies.items() if key.startswith(f"{name}.removed."))
    return None if expected is None or not removed else expected / removed / 1e6


def _sources(report: Report) -> Iterator[Table]:
    lost = {name: (before, before - kept) for name, (before, kept, _) in report.sources.items() if before}
    if len(lost) < 2:
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("source", "documents", "removed", "share"):
        table.add_column(name, justify="left" if name == "source" else "right")
    worst = sorted(lost.items(), key=lambda item: (-item[1][1], item[0]))
    for source, (before, gone) in worst[:SOURCES]:
        table.add_row(source, f"{before:,}", f"{gone:,}", f"{gone / before:.1%}")
    yield table


def _largest(examples: list) -> Table:  # type: ignore[type-arg]
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("documents", justify="right")
    table.add_column("largest clusters", no_wrap=True)
    for example in examples:
        told = f"{example.url or example.id}  {example.excerpt}"
        table.add_row(f"{int(example.value):,}", Text(told[:WIDTH]))
    return table
