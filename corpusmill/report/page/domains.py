"""Domains and sources: who the corpus is made of, and whose pages the rules do not let through."""

from corpusmill.report.outputs import Run
from corpusmill.report.page import charts
from corpusmill.report.page.sections import Cell, Chart, Section, Share
from corpusmill.report.page.totals import keep_rates, through
from corpusmill.report.page.writing import percent

TOP = 30
DRAWN = 15
ENOUGH = 20  # documents of a domain whose keep-rate says something
LEAD = (
    "If a handful of domains hold most of the text, the corpus speaks with their voice. A large domain with a low"
    " keep-rate is worth a look."
)


def section(run: Run) -> Section | None:
    """The largest domains, those that lose most, and the sources."""
    domains, sources = through(run, "domains"), through(run, "sources")
    if not domains and len(sources) < 2:
        return None
    total = sum(row.bytes for row in domains)
    figures: list[tuple[str, Cell]] = []
    drawn, tables = [], []
    if domains:
        by_bytes = sorted(domains, key=lambda row: (-row.bytes, row.name))
        top = sum(row.bytes for row in by_bytes[:10])
        figures = [("domains", len(domains)), ("with a page kept", sum(row.kept > 0 for row in domains))]
        figures.append(("bytes kept in the ten largest", Share(top / total if total else None)))
        shown = [(row.name, row.documents, row.kept) for row in domains[:DRAWN]]
        words = ", ".join(f"{name}: {kept:,} of {before:,}" for name, before, kept in shown)
        caption = (
            f"Pages that reached the first step, and those that every stage kept; the {len(shown)} largest domains."
        )
        drawn = [Chart(spec=charts.kept_of(shown), caption=caption, alternative=words, title="Pages by domain")]
        tables.append(keep_rates("domain", domains, most=TOP, title="Largest domains", total=total))
        average = sum(row.kept for row in domains) / (sum(row.documents for row in domains) or 1)
        low = [row for row in domains if row.documents >= ENOUGH and (row.rate or 0) < average]
        low.sort(key=lambda row: (row.rate or 0, -row.documents, row.name))
        title = f"Lowest keep-rates, among domains of at least {ENOUGH} pages"
        if low:
            note = f"The average is {percent(average)}."
            tables.append(keep_rates("domain", low, most=TOP, title=title, total=total, note=note, folded=True))
    if sources:
        size = sum(row.bytes for row in sources)
        tables.append(keep_rates("source", sources, most=TOP, title="Sources", total=size))
    data = {
        "domains": {row.name: [row.documents, row.kept, row.bytes] for row in domains[:TOP]},
        "sources": {row.name: [row.documents, row.kept, row.bytes] for row in sources[:TOP]},
    }
    return Section(
        name="domains", title="Domains and sources", lead=LEAD, figures=figures, charts=drawn, tables=tables, data=data
    )
