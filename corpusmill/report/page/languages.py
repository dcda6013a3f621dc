"""Languages: what came in, what is left of each."""

from corpusmill.report.outputs import Run
from corpusmill.report.page import charts
from corpusmill.report.page.sections import Chart, Section
from corpusmill.report.page.totals import keep_rates, through

TOP = 40
DRAWN = 15
LEAD = "A language that loses much more than the others meets rules that were made for another one."


def section(run: Run) -> Section | None:
    """Documents in and kept by language, from the first stage to the last that has documents."""
    rows = through(run, "languages")
    if not rows:
        return None
    many = [row for row in rows if row.documents][:DRAWN]
    drawn = []
    if len(many) > 1:
        words = ", ".join(f"{row.name}: {row.kept:,} of {row.documents:,}" for row in many)
        spec = charts.kept_of([(row.name, row.documents, row.kept) for row in many])
        caption = "Documents that reached the first step, and those that every stage kept."
        drawn = [Chart(spec=spec, caption=caption, alternative=words, title="Documents by language")]
    total = sum(row.bytes for row in rows)
    note = "Language as the recipe's step named it; documents that left before have none and are not in here."
    table = keep_rates("language", rows, most=TOP, title="Every language", total=total, note=note)
    data = {row.name: [row.documents, row.kept, row.bytes] for row in rows}
    return Section(name="languages", title="Languages", lead=LEAD, charts=drawn, tables=[table], data=data)
