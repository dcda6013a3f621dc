"""What a step replaced: values and documents by kind, and the domains that hold most."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.stats import Report

DOMAINS = 10


def edits(report: Report) -> list[Group]:
    """A table for each step that tells what it replaced."""
    names = sorted({name.partition(".edits.")[0] for name in report.tallies if ".edits." in name})
    return [_step(name, report) for name in names]


def _step(name: str, report: Report) -> Group:
    values, documents, domains = (report.tallied(f"{name}.{kind}.") for kind in ("edits", "documents", "domains"))
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in (f"{name}: replaced", "values", "documents", "for example"):
        table.add_column(head, justify="right" if head in ("values", "documents") else "left", no_wrap=True)
    for kind, count in sorted(values.items(), key=lambda item: (-item[1], item[0])):
        if count:
            shown = report.examples.get(f"{name}.{kind}", ())[:1]
            table.add_row(
                kind, f"{count:,}", f"{documents[kind]:,}", Text(shown[0].excerpt[:90] if shown else "", "dim")
            )
    most = sorted(domains.items(), key=lambda item: (-item[1], item[0]))[:DOMAINS]
    told = [Text("most on                 " + ", ".join(f"{host} {count:,}" for host, count in most))] if most else []
    return Group(Text(""), table, *told)
