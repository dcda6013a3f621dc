"""Draws stages of a run's report for the README: `python -P tools/picture.py demo/out docs/funnel.svg 01-curate …`."""

import io
import sys

from rich.console import Console

from corpusmill.report import outputs
from corpusmill.report.stage import stage

if __name__ == "__main__":
    console = Console(record=True, width=112, file=io.StringIO())
    for found in outputs.find(sys.argv[1]).stages:
        if found.title in sys.argv[3:]:
            console.print(stage(found.title, found.report(), found.seconds(), found.further()))
    console.save_svg(sys.argv[2], title="corpusmill report demo/out")
