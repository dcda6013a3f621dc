"""Do the figures that a page shows equal those of the reports it was made of?

What is expected is worked out here from report.json and timing.json alone, without the code that makes the page; what
is shown is read from the HTML. A figure agrees where rounding the true value as the page does gives it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import EllipsisType
from typing import Any, NamedTuple, TypeAlias

from corpusmill.report.page.writing import short, visible
from corpusmill.stats import bin_edges

UNITS = {"": 1.0, "%": 0.01, "B": 1.0, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "MB/s per core": 1e6}
NUMBER = re.compile(r"(?P<digits>[+-]?[\d,]+(?:\.(?P<decimals>\d+))?)(?:e(?P<power>[+-]\d+))? ?(?P<unit>.*)")
REASONS, LANGUAGES, NAMES, DOMAINS = 40, 40, 30, 20  # rows that a table shows at most
# None is an empty cell, ... anything, a float any rounding of it, a tuple one of several
Wanted: TypeAlias = str | int | float | EllipsisType | tuple[Any, ...] | None
Rows: TypeAlias = list[list[Wanted]]
Reports: TypeAlias = dict[str, dict[str, Any]]  # by stage, e.g. `01-curate`


class Shown(NamedTuple):
    """What a page shows: cells by section and title of the table, and values by section and name."""

    tables: dict[tuple[str, str], list[list[str]]]
    values: dict[tuple[str, str], str]


def shown(html: str) -> Shown:
    """The tables and the large figures of a page."""
    from resiliparse.parse.html import HTMLTree

    tables, values = {}, {}
    for section in HTMLTree.parse(html).body.query_selector_all("main > section"):  # type: ignore[union-attr]
        name = section["id"]
        for pair in section.query_selector_all("dl.figures > div"):
            what, value = (_plain(cell.text) for cell in pair.query_selector_all("dt, dd"))
            values[name, what] = value
        for place in section.query_selector_all("div.scroll"):
            rows = place.query_selector_all("tbody tr")
            cells = [[_plain(cell.text) for cell in row.query_selector_all("th, td")] for row in rows]
            title = _plain(place["aria-label"]).partition(", by “")[0]  # what the recipe says is not in the reports
            tables[name, title] = cells
    return Shown(tables, values)


def _plain(text: str | None) -> str:
    return " ".join((text or "").split())


def reports(folder: Path) -> Reports:
    """The reports of a run's stages, in order."""
    return {path.parent.name: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*-*/report.json"))}


def of_run(html: str) -> bool:
    """Whether a page is of one run, and not of two, nor of a training run."""
    return '<p class="brand">corpusmill <span>run</span></p>' in html


class Compared(NamedTuple):
    """How many figures were compared, and which say something else than the reports."""

    figures: int
    differences: list[str]


def compare(html: str, folder: Path) -> Compared:
    """Compare the page of a run with its reports.

    Args:
        html: the page.
        folder: of the run.
    """
    page, told = shown(html), reports(folder)
    count, found = 0, []
    for (section, title), rows, ordered in _tables(told, folder):
        if (section, title) not in page.tables:
            found += [f"{section}: no table “{title}”"] if rows else []
            continue
        found += [f"{section}, {title}: {fault}" for fault in _rows(page.tables[section, title], rows, ordered)]
        count += sum(isinstance(value, int | float) for row in rows for value in row)
    for (section, name), value in (values := _values(told)).items():
        cell = page.values.get((section, name), "nothing")
        found += [] if agrees(cell, value) else [f"{section}, {name}: {cell}, but the reports say {value}"]
    return Compared(count + len(values), found)


def _rows(cells: list[list[str]], rows: Rows, ordered: bool) -> Iterator[str]:
    """Faults of a table; rows that come in no fixed order are found by their first cell."""
    if len(cells) != len(rows):
        yield f"{len(cells)} rows, expected {len(rows)}"
        return
    named = {row[0]: row for row in cells}
    for number, wanted in enumerate(rows):
        row = cells[number] if ordered else named.get(str(wanted[0]), [])
        if len(row) < len(wanted) or not all(map(agrees, row, wanted)):
            yield f"{' | '.join(row) or 'no row'}, but the reports say {' | '.join(map(str, wanted))}"


def agrees(cell: str, value: Wanted) -> bool:
    """Whether a cell shows this value."""
    if value is None or isinstance(value, EllipsisType):
        return value is ... or not cell
    if isinstance(value, tuple):
        return any(agrees(cell, one) for one in value)
    if isinstance(value, str):
        return cell == _plain(visible(short(value)))
    if isinstance(value, int):
        return cell == f"{value:,}"
    found = NUMBER.fullmatch(cell)
    if found is None or found["unit"] not in UNITS:
        return False
    scale = UNITS[found["unit"]] * 10.0 ** int(found["power"] or 0)
    half = 0.5000001 * scale * 10.0 ** -len(found["decimals"] or "")
    return abs(float(found["digits"].replace(",", "")) * scale - value) <= half


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _lost(part: int, whole: int) -> float | None:
    return _share(part, whole) if part else None


def _below(tallies: Mapping[str, int], prefix: str) -> list[tuple[str, int]]:
    """Tallies below a prefix, the largest first."""
    found = {name.removeprefix(prefix): count for name, count in tallies.items() if name.startswith(prefix)}
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def _packs(report: Mapping[str, Any]) -> str | None:
    return next((n.removesuffix(".train.tokens") for n in report["tallies"] if n.endswith(".train.tokens")), None)


def steps(told: Reports) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step with its stage; what later stages read is no step."""
    for number, (stage, report) in enumerate(told.items()):
        yield from ((stage, step) for step in report["steps"] if not (number and step["step"] == "read"))


def _tables(told: Reports, folder: Path) -> Iterator[tuple[tuple[str, str], Rows, bool]]:
    """Section and title of each table, its rows, and whether they have an order."""
    yield ("funnel", "Every step and reason"), list(_funnel(told)), True
    yield ("funnel", "Nothing vanished"), list(_sums(told)), True
    signals = list(_signals(told))
    yield ("signals", "All signals in figures"), signals, False
    duplicates = list(_duplicates(told))
    yield ("duplicates", "What was removed"), duplicates, True
    yield ("languages", "Every language"), _through(told, "languages", LANGUAGES), True
    for what, title in (("domains", "Largest domains"), ("sources", "Sources")):
        rows = _through(told, what, NAMES)
        if told[next(iter(told))]["domains"] or len(rows) > 1:
            yield ("domains", title), rows, True
    for stage, report in told.items():
        for step in (one for at, one in steps(told) if at == stage and _compares(one["step"], report)):
            yield ("duplicates", f"{step['step']}: loss by source"), _sources(report), True
        yield from _personal(report)
        rest = ("whole", "too_short", "too_common", "documents")
        found: Rows = [
            [row["benchmark"], row["items"], row["found"], _share(row["found"], row["items"]), *(row[n] for n in rest)]
            for row in report.get("contamination", ())
        ]
        yield ("contamination", stage), found, True
        yield from _tokens(report)
    yield ("speed", "Every step"), list(_speed(told, folder)), True


def _funnel(told: Reports) -> Iterator[list[Wanted]]:
    crawl, ratio = next(iter(told.values()))["records"], bytes_per_token(told)
    for stage, report in told.items():
        gone = report["dropped"] + report["dead"]
        yield [stage, report["records"], report["kept"], gone, _lost(gone, report["records"]), _lost(gone, crawl),
               None, None, None]  # fmt: skip
        for step in (step for at, step in steps(told) if at == stage):
            name, before, after = step["step"], step["documents_in"], step["documents_out"]
            lost, tokens = before - after, ("", f"≈ {step['bytes_out'] / ratio:,.0f}") if ratio else ""
            sizes = float(step["bytes_in"]), float(step["bytes_out"])
            yield [name, before, after, lost or None, _lost(lost, before), _lost(lost, crawl), *sizes, tokens]
            reasons = sorted(step["reasons"].items(), key=lambda item: (-item[1], item[0]))
            rest = sum(count for _, count in reasons[REASONS:])
            named = [(reason.removeprefix(f"{name}."), count) for reason, count in reasons[:REASONS]]
            named += [(f"and {len(reasons) - REASONS} more reasons", rest)] if rest else []
            named += [("failed: dead letters", step["failed"])] if step["failed"] else []
            yield from ([reason, None, None, count, ..., ..., None, None, None] for reason, count in named)
        for kind in ("train", "validation"):
            counts = dict(_below(report["tallies"], f"{_packs(report)}.{kind}."))
            if counts.get("rows"):
                label = f"{kind}: {counts['rows']:,} packed rows"
                yield [label, None, counts["documents"], *[None] * 5, counts["tokens"]]


def _sums(told: Reports) -> Iterator[list[Wanted]]:
    for stage, report in told.items():
        parts = [report[name] for name in ("kept", "dropped", "dead")]
        yield [stage, report["records"], *parts, sum(parts), "yes"]


def _signals(told: Reports) -> Iterator[list[Wanted]]:
    for stage, step in steps(told):
        for signal in told[stage]["bounds"]:
            bins = told[stage]["histograms"].get(signal)
            if bins and signal.rpartition(".")[0] == step["step"]:
                sides = [sum(n for r, n in step["reasons"].items() if r.startswith(signal + end)) for end in "<>"]
                yield [signal, ..., sum(bins.values()), ..., ..., ..., *(count or None for count in sides)]


def _duplicates(told: Reports) -> Iterator[list[Wanted]]:
    for stage, step in steps(told):
        name, report = step["step"], told[stage]
        if not _compares(name, report):
            continue
        bins, copies = report["histograms"].get(f"{name}.cluster_size"), report["tallies"].get(f"{name}.copies")
        lost = step["documents_in"] - step["documents_out"]
        clusters = sum(count for index, count in (bins or {}).items() if bin_edges(int(index))[0] >= 2)
        size = step["bytes_in"] - step["bytes_out"]
        yield [name, step["documents_in"], lost, _share(lost, step["documents_in"]), size, clusters or None, copies]


def _compares(name: str, report: Mapping[str, Any]) -> bool:
    return f"{name}.cluster_size" in report["histograms"] or f"{name}.copies" in report["tallies"]


def _sources(report: Mapping[str, Any]) -> Rows:
    """What each source lost in a stage that compares documents; nothing where there is one, or none lost any."""
    lost = [(source, came, came - kept) for source, (came, kept, _) in report["sources"].items() if came]
    if len(lost) < 2 or not any(gone for _, _, gone in lost):
        return []
    lost.sort(key=lambda item: (-item[2], item[0]))
    return [[source, came, gone, gone / came] for source, came, gone in lost[:DOMAINS]]


def _counts_of(told: Reports, what: str) -> dict[str, tuple[int, int, int]]:
    """Documents in at the first stage, and kept by the last with documents with their bytes, by what they are of."""
    judged = [report[what] for report in told.values() if not _packs(report)]
    first, last = judged[0], judged[-1]
    counts = {name: (entry[0], *last.get(name, (0, 0, 0))[1:]) for name, entry in first.items()}
    return counts | {name: tuple(entry) for name, entry in last.items() if name not in first}


def _through(told: Reports, what: str, most: int) -> Rows:
    """A table of languages, domains or sources."""
    counts = _counts_of(told, what)
    total = sum(size for _, _, size in counts.values())
    ordered = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))[:most]
    return [[n, came, kept, _share(kept, came), float(size), _share(size, total)] for n, (came, kept, size) in ordered]


def _personal(report: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Rows, bool]]:
    for step in report["steps"]:
        name, total = step["step"], step["documents_in"]
        edits, domains = (_below(report["tallies"], f"{name}.{kind}.") for kind in ("edits", "domains"))
        within = dict(_below(report["tallies"], f"{name}.documents."))
        rows: Rows = [
            [what, count, n := within.get(what, 0), _share(n, total), _share(1e6 * count, total)]
            for what, count in edits
        ]
        if rows:
            yield ("personal", f"{name}: values"), rows, True
        all_ = sum(count for _, count in domains)
        places: Rows = [[domain, count, count / all_] for domain, count in domains[:DOMAINS]]
        yield ("personal", f"{name}: domains with most"), places, True


def _tokens(report: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Rows, bool]]:
    packs = _packs(report)
    if packs is None:
        return
    rows: Rows = []
    for kind in ("train", "validation"):
        n = dict(_below(report["tallies"], f"{packs}.{kind}."))
        if n:
            used = _share(n["tokens"], n["tokens"] + n["padding"])
            rows.append([kind, n["documents"], n["tokens"], n["rows"], used, n["padding"], n["cut"],
                         n["cut_needlessly"]])  # fmt: skip
    yield ("tokens", "Packing"), rows, True
    for kind in ("source", "language"):
        counts = _below(report["tallies"], f"{packs}.{kind}.")
        total = sum(count for _, count in counts)
        if len(counts) > 1:
            yield ("tokens", f"Tokens by {kind}"), [[n, c, c / total] for n, c in counts[:NAMES]], True


def _speed(told: Reports, folder: Path) -> Iterator[list[Wanted]]:
    seconds = {stage: json.loads((folder / stage / "timing.json").read_text("utf-8"))["seconds"] for stage in told}
    total = sum(sum(own.values()) for own in seconds.values())
    for stage, own in seconds.items():
        spent = float(sum(own.values()))
        yield [stage, spent, _share(spent, total)]
        for name, part in sorted(own.items(), key=lambda item: (-item[1], item[0])):
            if part > 0:
                yield [name, float(part), _share(part, total)]


def bytes_per_token(told: Reports) -> float | None:
    """UTF-8 bytes per token of what was packed; None where nothing was."""
    report = list(told.values())[-1]
    name = _packs(report)
    step = next((step for step in report["steps"] if step["step"] == name), None)
    tokens = report["tallies"].get(f"{name}.tokens")
    return step["bytes_in"] / tokens if step and tokens else None


def _values(told: Reports) -> dict[tuple[str, str], Wanted]:
    """The large figures at the head of sections."""
    first, last = next(iter(told.values())), list(told.values())[-1]
    judged = [report for report in told.values() if not _packs(report)]
    found: dict[tuple[str, str], Wanted] = {
        ("funnel", "records read"): first["records"],
        ("funnel", "documents kept"): last["kept"],
        ("funnel", "kept"): _share(last["kept"], first["records"]),
        ("funnel", "text kept"): float(judged[-1]["steps"][-1]["bytes_out"]),
    }
    if places := _counts_of(told, "domains"):
        sizes = sorted((size for _, _, size in places.values()), reverse=True)
        found["domains", "domains"] = len(places)
        found["domains", "with a page kept"] = sum(kept > 0 for _, kept, _ in places.values())
        found["domains", "bytes kept in the ten largest"] = _share(sum(sizes[:10]), sum(sizes))
    if name := _packs(last):
        train, held = (dict(_below(last["tallies"], f"{name}.{kind}.")) for kind in ("train", "validation"))
        found["funnel", "tokens packed"] = train["tokens"] + held.get("tokens", 0)
        found["funnel", "packed rows"] = train["rows"] + held.get("rows", 0)
        found["tokens", "tokens to train on"] = train["tokens"]
        found["tokens", "held out for validation"] = held.get("tokens", 0)
        if ratio := bytes_per_token(told):
            found["tokens", "bytes per token"] = ratio
    return found


def beside(html: str, a: Path, b: Path) -> Compared:
    """Compare the funnel of the page of two runs with their reports.

    Args:
        html: the page.
        a: the folder of the first run.
        b: of the second.
    """
    sides = [{step["step"]: step for _, step in steps(reports(folder))} for folder in (a, b)]
    rows: Rows = []
    for name in dict.fromkeys(name for side in sides for name in side):
        both = [side.get(name) for side in sides]
        rows.append([name, *_counts(both[0]), *_counts(both[1]), ...])
        for reason in sorted({reason for step in both if step for reason in step["reasons"]}):
            shares = [_share(step["reasons"].get(reason, 0), step["documents_in"]) if step else None for step in both]
            rows.append([reason.removeprefix(f"{name}."), None, None, shares[0], None, None, shares[1], ...])
    table = next(rows for (section, _), rows in shown(html).tables.items() if section == "funnel")
    count = sum(isinstance(value, int | float) for row in rows for value in row)
    return Compared(count, list(_rows(table, rows, ordered=True)))


def _counts(step: Mapping[str, Any] | None) -> Sequence[Wanted]:
    if step is None:
        return None, None, None
    before, after = step["documents_in"], step["documents_out"]
    return before, after, 1 - after / before if before else None
