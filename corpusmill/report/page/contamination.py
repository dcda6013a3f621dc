"""Contamination: how much of each evaluation set was found in the corpus."""

from corpusmill.report.outputs import Run
from corpusmill.report.page.sections import Cell, Section, Table, share

LEAD = "Items of evaluation sets that were met in the corpus. A set that is found in much of it says little of a model."
NOTE = "Found: a document holds a part; whole: all of it. Too short and too common items cannot be checked."


def section(run: Run) -> Section | None:
    """The tables of all stages that looked for evaluation sets."""
    tables, data = [], {}
    for stage in run.stages:
        rows = stage.further().get("contamination")
        if rows:
            data[stage.title] = rows
            rest = ("whole", "too_short", "too_common", "documents")
            cells: list[list[Cell]] = [
                [
                    row["benchmark"],
                    row["items"],
                    row["found"],
                    share(row["found"], row["items"]),
                    *(row[name] for name in rest),
                ]
                for row in rows
            ]
            head = ["evaluation set", "items", "found", "share", "whole", "too short", "too common", "documents"]
            tables.append(Table(head=head, rows=cells, title=stage.title, note=NOTE))
    return Section(name="contamination", title="Contamination", lead=LEAD, tables=tables, data=data) if tables else None
