"""Do the bars that a page draws hold the counts of the reports it was made of?

As in page_figures.py, what is expected is worked out from report.json alone.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from corpusmill.stats import bin_edges
from tools.page_figures import Compared, Reports, reports, steps

FIGURE = re.compile(r'<figure id="([^"]+)"[^>]*>(?:(?!</figure>).)*?data-chart="(\d+)"', re.DOTALL)
CAPPED = " signals are drawn; all are in the table."  # a page of very many signals draws the first ones
SPECS = re.compile(r'<script type="application/json" id="charts">(.*?)</script>', re.DOTALL)


def compare(html: str, folder: Path) -> Compared:
    """Compare the bars of a run's page with its reports: signals, similarities, token lengths, steps of the funnel.

    Args:
        html: the page.
        folder: of the run.
    """
    told, drawn = reports(folder), _drawn(html)
    count, found = 0, []
    for name, bins in _histograms(told):
        bars = drawn.get(name, [])
        if not bars and CAPPED in html:
            continue
        count += len(bars)
        found += [f"chart {name}: {fault}" for fault in _bars(bars, bins)]
    wanted = [(f"{stage[:2]} {step['step']}", step["documents_out"]) for stage, step in steps(told) if not _idle(step)]
    kept = [(bar["name"], bar["documents"]) for bar in drawn.get("funnel-chart", []) if bar["what"] == "kept"]
    found += [] if kept == wanted else [f"chart of the funnel: {kept}, but the reports say {wanted}"]
    return Compared(count + len(wanted), found)


def _drawn(html: str) -> dict[str, list[dict[str, Any]]]:
    """The values of each chart that has an anchor, by it; of the first layer, where there are several."""
    found = SPECS.search(html)
    specs = json.loads(found[1]) if found else []
    charts = {name: specs[int(number)] for name, number in FIGURE.findall(html)}
    return {name: (spec.get("data") or spec["layer"][0]["data"])["values"] for name, spec in charts.items()}


def _histograms(told: Reports) -> Iterator[tuple[str, dict[int, int]]]:
    """The histograms that a page draws, by anchor: those that are judged, similarities and lengths in tokens."""
    for report in told.values():
        for name, counts in report["histograms"].items():
            bins = {int(index): count for index, count in counts.items()}
            step, _, signal = name.rpartition(".")
            anchor, place = (re.sub(r"[^a-z0-9_]+", "-", part.lower()) for part in (name, step))
            if len(bins) < 2:
                continue
            if name in report["bounds"] and step in {one["step"] for one in report["steps"]}:
                yield f"signal-{anchor}", bins
            elif signal == "similarity":
                yield f"similarity-{place}", bins
            elif signal == "tokens":
                yield "token-lengths", bins


def _bars(bars: list[dict[str, Any]], bins: Mapping[int, int]) -> Iterator[str]:
    """Faults of a histogram: each bar holds the bins that begin in it, and none is left out.

    Zeros that are more than a third of all stand aside, as docs/report.md says; the last bar of shares has those of 1.
    """
    if not bars:
        yield "is not there"
        return
    aside = 3 * bins.get(0, 0) > sum(bins.values())
    lows = {index: bin_edges(index)[0] for index in bins if index or not aside}
    end = 1 if bars[-1]["to"] == 1 else None
    for bar in bars:
        begin = {index for index, low in lows.items() if bar["from"] <= low < bar["to"] or low == end == bar["to"]}
        inside = sum(bins[index] for index in begin)
        if inside != bar["documents"]:
            yield f"{bar['documents']} from {bar['from']:g} to {bar['to']:g}, but the reports say {inside}"
        lows = {index: low for index, low in lows.items() if index not in begin}
    if set(lows) - {0}:
        yield f"values of {sorted(lows.values())} are not drawn"


def _idle(step: Mapping[str, Any]) -> bool:
    """A step that passed everything on as it was; the chart leaves it out."""
    same = step["documents_in"] == step["documents_out"] and step["bytes_in"] == step["bytes_out"]
    return same and not step["reasons"]
