"""The report of one stage on a terminal: its funnel, and what else it has to tell."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group

from corpusmill.report.contamination import contamination
from corpusmill.report.duplicates import duplicates
from corpusmill.report.edits import edits
from corpusmill.report.funnel import funnel
from corpusmill.report.tokens import tokens
from corpusmill.stats import Report


def stage(title: str, report: Report, seconds: Mapping[str, float], further: Mapping[str, Any]) -> Group:
    """All that is known of a finished stage.

    Args:
        title: of the stage.
        report: the sum of its shards.
        seconds: of work by step, over all workers.
        further: parts of the report that only some stages have.
    """
    parts = [funnel(title, report, seconds), *duplicates(report), *edits(report), *tokens(report)]
    if "contamination" in further:
        parts.append(contamination(further["contamination"]))
    return Group(*parts)
