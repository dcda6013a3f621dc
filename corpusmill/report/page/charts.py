"""Specifications of the charts that several sections draw, in Vega-Lite. Data are counts in bins, never documents."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from corpusmill.spec import Bounds
from corpusmill.stats import bin_edges

BARS = 64  # at most, in a histogram
KEPT, LOST, INK = "var(--accent)", "var(--lost)", "var(--ink)"
Data = list[dict[str, Any]]


class Histogram(NamedTuple):
    """A histogram ready to draw: (low, high, count) bars, whether its axis is logarithmic, zeros left out of it."""

    bars: list[tuple[float, float, int]]
    logarithmic: bool
    zeros: int


def histogram(bins: Mapping[int, int]) -> Histogram:
    """The bins of a report, joined to fewer; every edge is one of theirs, so that no count is split.

    Values within a factor of 64 (zeros aside), and shares, get equal widths on a linear axis: 32 of the next power of
    two, which the bins divide exactly. Others get equal ratios. Zeros are left out of the bars where they would dwarf
    them: more than a third of all.
    """
    total = sum(bins.values())
    others = {index: count for index, count in bins.items() if index}
    zeros = bins.get(0, 0) if others and 3 * bins.get(0, 0) > total else 0
    drawn = dict(bins) if not zeros else others
    if not others:
        return Histogram([(0.0, 0.0, total)] if total else [], logarithmic=False, zeros=0)
    sizes = sorted(max(map(abs, bin_edges(index))) for index in others)
    top = 2.0 ** math.ceil(math.log2(sizes[-1]))
    if top <= 1 or min(others) < 0 or sizes[-1] / sizes[0] <= 64:
        return Histogram(_join(drawn, lambda low: math.floor(low / (top / 32)), lambda i: i * top / 32), False, zeros)
    octaves = math.log2(sizes[-1] / sizes[0]) + 1
    parts = next(parts for parts in (16, 8, 4, 2, 1, 0.5) if octaves * parts <= BARS or parts == 0.5)
    return Histogram(_join(drawn, lambda low: _part(low, parts), lambda i: _edge(i, parts)), True, zeros)


def _part(value: float, parts: float) -> int:
    """The number of the joined bin that holds a value: `parts` to an octave, equal in width within it."""
    if value == 0:
        return -(10**6)
    mantissa, exponent = math.frexp(value)
    return math.floor((exponent + (mantissa * 2 - 1)) * parts + 1e-9)


def _edge(index: int, parts: float) -> float:
    if index == -(10**6):
        return 0.0
    octave = math.floor(index / parts)
    return 2.0 ** (octave - 1) * (1 + index / parts - octave)


def _join(bins: Mapping[int, int], number: Any, edge: Any) -> list[tuple[float, float, int]]:
    counts: dict[int, int] = {}
    for index, count in bins.items():
        at = number(bin_edges(index)[0])
        counts[at] = counts.get(at, 0) + count
    return [(edge(at), edge(at + 1) if at != -(10**6) else 0.0, counts[at]) for at in sorted(counts)]


def quantile(bins: Mapping[int, int], share: float) -> float:
    """The value below which a share of the documents lies: the middle of its bin, so right to 3 %."""
    left = share * sum(bins.values())
    for index in sorted(bins):
        left -= bins[index]
        if left <= 0:
            break
    low, high = bin_edges(index)
    return (low + high) / 2


def distribution(bins: Mapping[int, int], bounds: Mapping[str, Bounds], unit: str = "documents") -> dict[str, Any]:
    """A histogram with its bounds drawn on it; bars outside a bound that holds for all languages are grey.

    Args:
        bins: of the report.
        bounds: language → interval, `*` for the rest.
        unit: what is counted.
    """
    made = histogram(bins)
    everywhere = bounds.get("*", Bounds(None, None)) if len(bounds) < 2 else Bounds(None, None)
    scale = {"type": "log" if made.logarithmic else "linear", "nice": False, "zero": False}
    bars: Data = []
    for low, high, count in made.bars:
        if made.logarithmic and not low:  # zero has no place on this axis; it stands before the first bar
            continue
        middle = (low + high) / 2
        lost = (everywhere.low is not None and middle < everywhere.low) or (
            everywhere.high is not None and middle > everywhere.high
        )
        bars.append({"from": low, "to": high, unit: count, "verdict": "outside" if lost else "inside"})
    axis = {
        "title": None,
        "grid": False,
        "tickCount": 6,
        "labelOverlap": True,
        "format": "~s" if _large(made) else "~g",
    }
    color = {"field": "verdict", "type": "nominal", "legend": None}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": bars},
            "mark": {"type": "bar", "tooltip": True, "binSpacing": 1},
            "encoding": {
                "x": {"field": "from", "type": "quantitative", "scale": scale, "axis": axis},
                "x2": {"field": "to"},
                "y": {"field": unit, "type": "quantitative", "axis": {"title": unit, "tickCount": 3, "format": "~s"}},
                "color": {**color, "scale": {"domain": ["inside", "outside"], "range": [KEPT, LOST]}},
            },
        }
    ]
    rules = _rules(bounds, positive=made.logarithmic)
    if rules:
        x = {"field": "bound", "type": "quantitative"}
        layers.append({"data": {"values": rules}, "mark": {"type": "rule", "strokeWidth": 1.5}, "encoding": {"x": x}})
        mark = {"type": "text", "align": "left", "dx": 4, "baseline": "top", "y": 0}
        text = {"field": "label", "type": "nominal"}
        layers.append({"data": {"values": rules}, "mark": mark, "encoding": {"x": x, "text": text}})
    return {"height": 130, "layer": layers}


def _large(made: Histogram) -> bool:
    return bool(made.bars) and made.bars[-1][1] >= 1000


def _rules(bounds: Mapping[str, Bounds], *, positive: bool) -> Data:
    """Ends of intervals that can be drawn; languages with the same end share a line."""
    ends: dict[tuple[float, str], list[str]] = {}
    for language, interval in bounds.items():
        for end, sign in zip(interval, ("≥", "≤"), strict=True):
            if end is not None and (end > 0 or not positive):
                ends.setdefault((end, sign), []).append(language)
    several = len(bounds) > 1
    return [
        {"bound": end, "label": f"{sign} {end:g}" + (f" {', '.join(languages)[:24]}" if several else "")}
        for (end, sign), languages in sorted(ends.items())
    ]


def kept_of(rows: Sequence[tuple[str, int, int]], unit: str = "documents", noun: str = "lost") -> dict[str, Any]:
    """Horizontal bars in the order given: what was kept in colour, what was lost behind it in grey.

    Args:
        rows: (name, before, after).
        unit: what is counted.
        noun: what became of the rest.
    """
    values: Data = [
        {"name": name, unit: count, "what": what}
        for name, before, after in rows
        for what, count in (("kept", after), (noun, before - after))
    ]
    color = {"scale": {"domain": ["kept", noun], "range": [KEPT, LOST]}, "title": None}
    return {
        "data": {"values": values},
        "height": {"step": 24},
        "mark": {"type": "bar", "tooltip": True},
        "encoding": {
            "y": _names([name for name, _, _ in rows]),
            "x": {"field": unit, "type": "quantitative", "axis": {"title": unit, "tickCount": 5, "format": "~s"}},
            "color": {"field": "what", "type": "nominal", **color},
            "order": {"field": "what", "type": "nominal"},
        },
    }


def bars(rows: Sequence[tuple[str, float]], unit: str, form: str = "~s") -> dict[str, Any]:
    """Horizontal bars in the order given, each with its figure.

    Args:
        rows: (name, value).
        unit: of the values.
        form: how figures are written, as d3-format has it.
    """
    y = _names([name for name, _ in rows])
    x = {"field": unit, "type": "quantitative", "axis": {"title": unit, "tickCount": 5, "format": form}}
    text = {"field": unit, "type": "quantitative", "format": form}
    return {
        "data": {"values": [{"name": name, unit: value} for name, value in rows]},
        "height": {"step": 24},
        "encoding": {"y": y, "x": x},
        "layer": [
            {"mark": {"type": "bar", "tooltip": True}},
            {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {"text": text}},
        ],
    }


def _names(names: Sequence[str]) -> dict[str, Any]:
    axis = {"title": None, "labelLimit": 150, "domain": False, "ticks": False}
    return {"field": "name", "type": "nominal", "sort": list(names), "axis": axis, "scale": {"paddingInner": 0.3}}


def lines(values: Data, x: str, y: str, color: str = "", *, log: bool = False) -> dict[str, Any]:
    """One line, or one for each value of the field `color`.

    Args:
        values: rows of a table.
        x: the field along the axis.
        y: the field that is drawn.
        color: the field that tells lines apart, if there are several.
        log: whether y is logarithmic.
    """
    scale = {"zero": False, **({"type": "log"} if log else {})}
    encoding: dict[str, Any] = {
        "x": {"field": x, "type": "quantitative", "axis": {"title": x, "tickCount": 6, "format": "~s", "grid": False}},
        "y": {"field": y, "type": "quantitative", "scale": scale, "axis": {"title": y, "tickCount": 4}},
    }
    if color:
        encoding["color"] = {"field": color, "type": "nominal", "title": None}
    mark = {"type": "line", "tooltip": True, "point": len(values) <= BARS}
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}


def marked(at: float, label: str) -> list[dict[str, Any]]:
    """Layers that mark a value along the axis of a `distribution`."""
    data, x = {"values": [{"bound": at, "label": label}]}, {"field": "bound", "type": "quantitative"}
    text = {"type": "text", "align": "left", "dx": 4, "baseline": "top", "y": 0}
    return [
        {"data": data, "mark": {"type": "rule", "strokeDash": [3, 3]}, "encoding": {"x": x}},
        {"data": data, "mark": text, "encoding": {"x": x, "text": {"field": "label", "type": "nominal"}}},
    ]
