"""Specifications of the charts that several sections draw, in Vega-Lite. Data are counts in bins, never documents."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from corpusmill.spec import Bounds
from corpusmill.stats import bin_edges

BARS = 64  # at most, in a histogram
STEP = 24  # pixels of a horizontal bar and the space after it
KEPT, LOST = "var(--accent)", "var(--lost)"
# Figures on axes: thousands as k, but 0 as 0, and small ones as they are.
SHORT = "abs(datum.value) >= 1000 ? format(datum.value, '.3~s') : format(datum.value, '~r')"
Data = list[dict[str, Any]]


class Histogram(NamedTuple):
    """A histogram ready to draw.

    Attributes:
        bars: (low, high, count), low inside.
        logarithmic: whether the axis is.
        zeros: documents with 0 that are not in the bars, as they would dwarf them.
        whole: whether each bar is one whole number, in its middle.
    """

    bars: list[tuple[float, float, int]]
    logarithmic: bool = False
    zeros: int = 0
    whole: bool = False


def histogram(bins: Mapping[int, int]) -> Histogram:
    """The bins of a report, joined to fewer; every edge is one of theirs, so that no count is split.

    Few whole numbers get a bar each. Shares, and values within a factor of 64, get equal widths on a linear axis: 32 of
    the next power of two, which the bins divide exactly. Others get equal ratios. Zeros are left out of the bars where
    they are more than a third of all.
    """
    total = sum(bins.values())
    others = {index: count for index, count in bins.items() if index}
    zeros = bins.get(0, 0) if others and 3 * bins.get(0, 0) > total else 0
    drawn = others if zeros else dict(bins)
    lows = sorted(bin_edges(index)[0] for index in drawn)
    whole = all(low.is_integer() for low in lows)
    if whole and lows and lows[0] >= -32 and lows[-1] < 32:
        return Histogram([(low - 0.5, low + 0.5, count) for low, count in _at(drawn)], zeros=zeros, whole=True)
    sizes = sorted(max(map(abs, bin_edges(index))) for index in others)
    if not sizes:
        return Histogram([])
    top = 1.0 if lows[0] >= -1 and lows[-1] <= 1 else 2.0 ** math.ceil(math.log2(sizes[-1]))
    if top <= 1 or lows[0] < 0 or sizes[-1] / sizes[0] <= 64:
        width = top / 32
        joined = _join((min(math.floor(low / width), 31), count) for low, count in _at(drawn))
        return Histogram([(at * width, (at + 1) * width, count) for at, count in joined], zeros=zeros)
    octaves = math.log2(sizes[-1] / sizes[0]) + 1
    parts = next((parts for parts in (16, 8, 4, 2, 1) if octaves * parts <= BARS), 0.5)
    joined = _join((_part(low, parts), count) for low, count in _at(drawn) if low)
    bars = [(_edge(at, parts), _edge(at + 1, parts), count) for at, count in joined]
    if whole:  # between 1 and 2 there is nothing, so the bar of 1 ends at 2
        bars = [(low, max(high, low + 1), count) for low, high, count in bars]
    return Histogram(bars, logarithmic=True, zeros=bins.get(0, 0))


def _at(bins: Mapping[int, int]) -> list[tuple[float, int]]:
    return [(bin_edges(index)[0], count) for index, count in sorted(bins.items())]


def _join(numbered: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    counts: dict[int, int] = {}
    for at, count in numbered:
        counts[at] = counts.get(at, 0) + count
    return sorted(counts.items())


def _part(value: float, parts: float) -> int:
    """The number of the joined bin that holds a value: `parts` to an octave, equal in width within it."""
    mantissa, exponent = math.frexp(value)
    return math.floor((exponent + (mantissa * 2 - 1)) * parts + 1e-9)


def _edge(index: int, parts: float) -> float:
    octave = math.floor(index / parts)
    return float(2.0 ** (octave - 1) * (1 + index / parts - octave))


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
    bars: Data = []
    for low, high, count in made.bars:
        middle = (low + high) / 2
        under = everywhere.low is not None and middle < everywhere.low
        over = everywhere.high is not None and middle > everywhere.high
        told = "outside" if under or over else "inside"
        bars.append(
            {"from": low, "to": high, unit: count, "verdict": told, "values": _values(low, high, whole=made.whole)}
        )
    scale = {"type": "log", "nice": False} if made.logarithmic else {"nice": False, "zero": False}
    axis: dict[str, Any] = {"title": None, "grid": False, "tickCount": 6, "labelOverlap": True, "labelExpr": SHORT}
    if made.whole:
        axis["tickMinStep"] = 1
    if made.logarithmic:
        ends = [end for interval in bounds.values() for end in interval if end]
        axis["values"] = _ticks(min([made.bars[0][0], *ends]), max([made.bars[-1][1], *ends]))
    color = {"domain": ["inside", "outside"], "range": [KEPT, LOST]}
    hints = [{"field": "values"}, {"field": unit, "type": "quantitative", "format": ","}]
    bar = {
        "data": {"values": bars},
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": {
            "x": {"field": "from", "type": "quantitative", "scale": scale, "axis": axis},
            "x2": {"field": "to"},
            "y": {"field": unit, "type": "quantitative", "axis": _axis(unit, 3), "stack": None},
            "y2": {"datum": 0},
            "color": {"field": "verdict", "type": "nominal", "legend": None, "scale": color},
            "tooltip": hints,
        },
    }
    rules = _rules(bounds, made)
    return {"height": 130, "layer": [bar, *(ruled(rules) if rules else [])]}


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers on a logarithmic axis: powers of ten, and 2 and 5 times these where there are few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    parts = (1, 2, 5) if math.log10(high / low) < 3 else (1,)
    return [part * 10.0**decade for decade in decades for part in parts if low <= part * 10.0**decade <= high]


def _values(low: float, high: float, *, whole: bool) -> str:
    return f"{low + 0.5:.0f}" if whole else f"{low:.4g} to {high:.4g}"


def _rules(bounds: Mapping[str, Bounds], made: Histogram) -> Data:
    """Ends of intervals that can be drawn; languages with the same end share a line.

    Among whole numbers the line stands between the last value inside and the first outside.
    """
    ends: dict[tuple[float, int], list[str]] = {}
    for language, interval in bounds.items():
        for end, side in zip(interval, (-1, 1), strict=True):
            if end is not None and (end > 0 or not made.logarithmic):
                ends.setdefault((end, side), []).append(language)
    named = {end: f" {', '.join(languages)[:24]}" if len(bounds) > 1 else "" for end, languages in ends.items()}
    edges = [edge for low, high, _ in made.bars for edge in (low, high)] + [end for end, _ in ends]
    middle = _middle(min(edges), max(edges), logarithmic=made.logarithmic) if edges else 0.0
    return [
        {
            "bound": end + side / 2 if made.whole else end,
            "label": f"{'≥' if side < 0 else '≤'} {_written(end)}{named[end, side]}",
            "side": "right" if end > middle else "left",
        }
        for end, side in sorted(ends)
    ]


def _middle(low: float, high: float, *, logarithmic: bool) -> float:
    return math.sqrt(low * high) if logarithmic else (low + high) / 2


def _written(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:g}"


def ruled(rules: Data, *, dashed: bool = False) -> list[dict[str, Any]]:
    """Layers of a `distribution` that mark values along its axis.

    Args:
        rules: of each `bound`, `label`, and the `side` of the line that the label ends at: `left` or `right`.
        dashed: for what is no bound.
    """
    x = {"field": "bound", "type": "quantitative"}
    rule = {"type": "rule", "strokeWidth": 1.5, **({"strokeDash": [3, 3]} if dashed else {})}
    align = {"expr": "datum.side === 'right' ? 'right' : 'left'"}
    text = {"type": "text", "align": align, "baseline": "bottom", "y": -3}
    return [
        {"data": {"values": rules}, "mark": rule, "encoding": {"x": x}},
        {"data": {"values": rules}, "mark": text, "encoding": {"x": x, "text": {"field": "label"}}},
    ]


def kept_of(rows: Sequence[tuple[str, int, int]], unit: str = "documents", noun: str = "lost") -> dict[str, Any]:
    """Horizontal bars in the order given: what was kept in colour, what was lost behind it in grey.

    Args:
        rows: (name, before, after).
        unit: what is counted.
        noun: what became of the rest.
    """
    values: Data = [
        {"name": name, unit: count, "what": what, "place": place}
        for name, before, after in rows
        for place, (what, count) in enumerate((("kept", after), (noun, before - after)))
    ]
    color = {"scale": {"domain": ["kept", noun], "range": [KEPT, LOST]}, "title": None}
    return {
        "data": {"values": values},
        "height": STEP * len(rows),
        "mark": {"type": "bar"},
        "encoding": {
            "tooltip": [{"field": "name"}, {"field": "what"}, {"field": unit, "type": "quantitative", "format": ","}],
            "y": _names([name for name, _, _ in rows]),
            "x": {"field": unit, "type": "quantitative", "axis": _axis(unit, 5)},
            "color": {"field": "what", "type": "nominal", **color},
            "order": {"field": "place", "type": "quantitative"},
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
    x = {"field": unit, "type": "quantitative", "axis": _axis(unit, 5)}
    text = {"field": unit, "type": "quantitative", "format": form}
    return {
        "data": {"values": [{"name": name, unit: value} for name, value in rows]},
        "height": STEP * len(rows),
        "encoding": {"y": y, "x": x},
        "layer": [
            {"mark": {"type": "bar", "tooltip": True}},
            {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {"text": text}},
        ],
    }


def _axis(title: str, ticks: int) -> dict[str, Any]:
    return {"title": title, "tickCount": ticks, "labelExpr": SHORT, "tickMinStep": 1}


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
    scale = {"type": "log"} if log else {"zero": False}
    encoding: dict[str, Any] = {
        "x": {"field": x, "type": "quantitative", "axis": _axis(x, 6) | {"grid": False}},
        "y": {"field": y, "type": "quantitative", "scale": scale, "axis": {"title": y, "tickCount": 4}},
    }
    if color:
        encoding["color"] = {"field": color, "type": "nominal", "title": None}
    mark = {"type": "line", "tooltip": True, "point": len(values) <= BARS}
    return {"data": {"values": values}, "mark": mark, "encoding": encoding}
