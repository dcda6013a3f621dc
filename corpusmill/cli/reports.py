"""Commands that read finished runs: report, explain."""

import argparse
from typing import TYPE_CHECKING

from corpusmill.cli.shared import show

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    report = commands.add_parser("report", help="the funnel of a finished run as a table")
    report.add_argument("output", help="folder of a run")
    report.set_defaults(call=_report)

    explain = commands.add_parser("explain", help="what happened to one document")
    explain.add_argument("output", help="folder of a run")
    explain.add_argument("query", metavar="id-or-url")
    explain.set_defaults(call=_explain)


def _report(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs
    from corpusmill.report.stage import stage

    for found in outputs.find(options.output).stages:
        show(stage(found.title, found.report(), found.seconds(), found.further()))
    return 0


def _explain(options: argparse.Namespace) -> int:
    from corpusmill.report import explain, outputs

    run = outputs.find(options.output)
    found = explain.search(run, options.query)
    for way in found[: explain.SHOWN]:
        show(explain.explain(run, way))
        print()
    if len(found) > explain.SHOWN:
        print(f"and {len(found) - explain.SHOWN} more records with this id or URL")
    return 0
