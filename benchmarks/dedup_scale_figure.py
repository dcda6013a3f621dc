"""The tables of dedup_scale.md and the figure of docs/scale.md, from what dedup_scale measured.

python -m benchmarks.dedup_scale_figure POINTS.jsonl [MORE.jsonl] [--svg docs/scale.svg]
"""

import argparse
import json
import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

PHASES = {
    "01-signatures": ("signatures", "#0b6e4f"),
    "02-candidates": ("candidates", "#c1666b"),
    "03-components": ("components", "#4357ad"),
    "04-members": ("members", "#d4a72c"),
    "05-matches": ("matches", "#7b4b94"),
    "02-near_dedup": ("removal", "#6b7280"),
}
WIDTH, HEIGHT, LEFT, TOP, GAP = 400, 300, 56, 40, 70  # of a panel, of what is around it, and between the two
STORED = ("01-signatures/signatures", "01-signatures/keys", "02-candidates/runs", "03-components/roots",
          "03-components/runs", "04-members/members", "05-matches/verdicts")  # fmt: skip
Line = list[tuple[float, float]]


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown."""
    names = list(head)
    lines = [names, ["---:"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def tables(points: list[dict]) -> str:
    """Time, memory, bytes and the largest parts, by number of documents."""
    names = [name for name, _ in PHASES.values()]
    parts = []
    for title, value, every in (
        ("processor seconds", "seconds", "all"),
        ("MB, without pages of files", "private_mb", "most"),
        ("MB, with them", "resident_mb", "most"),
    ):
        rows = []
        for point in points:
            values = [point["phases"][phase][value] for phase in PHASES]
            total = sum(values) if every == "all" else max(values)
            rows.append([f"{point['documents']:,}", *(f"{v:.3g}" if v < 10 else f"{v:.0f}" for v in (*values, total))])
        parts.append(f"{title}\n\n" + table(["documents", *names, every], rows))
    rows = [
        [f"{p['documents']:,}", *(f"{p['stored'][kind]['bytes'] / p['documents']:.1f}" for kind in STORED)]
        for p in points
    ]
    parts.append("bytes a document\n\n" + table(["documents", *(kind[3:] for kind in STORED)], rows))
    rows = [
        [f"{p['documents']:,}", str(p["shards"]), str(p["phases"]["02-candidates"]["tasks"]),
         str(p["phases"]["05-matches"]["tasks"]), f"{p['tallies']['keys']:,}", f"{p['largest']['02-candidates']:,}",
         f"{p['largest']['05-matches']:,}", f"{p['tallies']['documents_with_candidates']:,}", f"{p['dropped']:,}"]
        for p in points
    ]  # fmt: skip
    head = ["documents", "shards", "partitions", "groups", "keys", "keys of the largest partition",
            "documents of the largest group", "with candidates", "removed"]  # fmt: skip
    return "\n".join([*parts, "parts\n\n" + table(head, rows)])


def slopes(points: list[dict], alone: list[dict]) -> str:
    """Bytes and seconds that a document adds, between neighbouring sizes."""
    found = []
    for label, series in (("the stage", points), ("components alone", alone)):
        for one, two in pairwise(series):
            more = two["documents"] - one["documents"]
            for phase in (name for name in PHASES if name in two["phases"]):
                a, b = one["phases"][phase], two["phases"][phase]
                memory = (b["private_mb"] - a["private_mb"]) * 1e6 / more
                time = (b["seconds"] - a["seconds"]) * 1e6 / more
                sizes = f"{one['documents']:,} to {two['documents']:,}"
                found.append(f"{label}, {PHASES[phase][0]}, {sizes}: {memory:.1f} bytes, {time:.2f} us a document")
    return "\n".join(found)


def panel(title: str, lines: list[tuple[str, Line, bool]], low: tuple[float, float], high: tuple[float, float],
          at: int) -> str:  # fmt: skip
    """One plot with logarithmic axes; `lines` are a colour, points, and whether these were measured alone."""
    left, bottom = LEFT + at * (WIDTH + GAP), TOP + HEIGHT

    def scale(value: float, axis: int) -> float:
        share = math.log10(value / low[axis]) / math.log10(high[axis] / low[axis])
        return left + share * WIDTH if axis == 0 else bottom - share * HEIGHT

    out = [f'<text x="{left}" y="{TOP - 16}" font-weight="bold">{title}</text>']
    out += [grid(left, bottom, axis, low[axis], high[axis], scale) for axis in (0, 1)]
    for colour, points, dashed in lines:
        path = " ".join(f"{scale(x, 0):.1f},{scale(y, 1):.1f}" for x, y in points)
        style = ' stroke-dasharray="5 4"' if dashed else ""
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{style}/>')
        out += [f'<circle cx="{scale(x, 0):.1f}" cy="{scale(y, 1):.1f}" r="3" fill="{colour}"/>' for x, y in points]
    return "\n".join(out)


def grid(left: int, bottom: int, axis: int, low: float, high: float, scale: Callable[[float, int], float]) -> str:
    """The lines of the powers of ten of one axis, with their names."""
    out = []
    power = math.ceil(round(math.log10(low), 6))
    while 10**power <= high:
        value, place = 10.0**power, scale(10.0**power, axis)
        name = f"10<tspan dy='-4' font-size='9'>{power}</tspan>" if power > 3 or power < 0 else f"{value:g}"
        if axis == 0:
            out.append(f'<path d="M{place:.1f} {TOP}V{bottom}" stroke="#d8dce2"/>')
            out.append(f'<text x="{place:.1f}" y="{bottom + 18}" text-anchor="middle">{name}</text>')
        else:
            out.append(f'<path d="M{left} {place:.1f}H{left + WIDTH}" stroke="#d8dce2"/>')
            out.append(f'<text x="{left - 6}" y="{place + 4:.1f}" text-anchor="end">{name}</text>')
        power += 1
    return "\n".join(out)


def figure(points: list[dict], alone: list[dict]) -> str:
    """Both panels, and which line is which."""
    series: dict[str, list] = {"seconds": [], "private_mb": []}
    for phase, (_, colour) in PHASES.items():
        for value, found in series.items():
            measured = [(p["documents"], p["phases"][phase][value]) for p in points]
            found.append((colour, measured, False))
            if phase == "03-components" and alone:
                found.append((colour, [(p["documents"], p["phases"][phase][value]) for p in alone], True))
    most = 10 ** math.ceil(math.log10(max(p["documents"] for p in [*points, *alone])))
    width, height = 2 * (LEFT + WIDTH) + GAP, TOP + HEIGHT + 76
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
    out = [opening + ' font-family="sans-serif" font-size="12" fill="#1f2933">']
    out.append(f'<rect width="{width}" height="{height}" fill="#ffffff"/>')
    low = points[0]["documents"]
    out.append(panel("processor seconds, by documents", series["seconds"], (low, 0.01), (most, 100), 0))
    out.append(
        panel("largest memory of a phase, MB, by documents", series["private_mb"], (low, 100), (most, 10_000), 1)
    )
    for at, (name, colour) in enumerate(PHASES.values()):
        x, y = LEFT + at * 120, TOP + HEIGHT + 42
        out.append(f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>')
        out.append(f'<text x="{x + 16}" y="{y}">{name}</text>')
    y = TOP + HEIGHT + 64
    out.append(f'<text x="{LEFT}" y="{y}" fill="#52606d">dashed: the phase alone, over made-up buckets</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points", type=Path, nargs="+")
    parser.add_argument("--svg", type=Path)
    options = parser.parse_args()
    rows = [json.loads(line) for path in options.points for line in path.read_text().splitlines()]
    points = sorted((row for row in rows if "alone" not in row), key=lambda row: row["documents"])
    alone = sorted((row for row in rows if row.get("alone") == "union-find"), key=lambda row: row["documents"])
    print(tables(points))
    print(slopes(points, alone))
    if options.svg:
        options.svg.write_text(figure(points, alone))


if __name__ == "__main__":
    main()
