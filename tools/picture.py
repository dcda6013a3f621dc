"""Draws the funnel of a run for the README: `python -P tools/picture.py demo/out docs/funnel.svg`."""

import io
import sys

from rich.console import Console

from corpusmill.report import outputs
from corpusmill.report.funnel import funnel

if __name__ == "__main__":
    console = Console(record=True, width=104, file=io.StringIO())
    for stage in outputs.find(sys.argv[1]).stages:
        console.print(funnel(stage.title, stage.report(), stage.seconds()))
    console.save_svg(sys.argv[2], title="corpusmill report demo/out")
