"""report.html: one page that shows a run, from what the run has left on disk."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from corpusmill.report.outputs import Run
from corpusmill.report.page import render
from corpusmill.report.page.sections import Section

Maker: TypeAlias = Callable[[Run], Section | None]


def makers() -> Sequence[Maker]:
    """What makes the sections, in the order of the page."""
    return ()


def sections(run: Run) -> list[Section]:
    """The sections that there are for a run."""
    return [made for made in (make(run) for make in makers()) if made is not None]


def page(run: Run) -> str:
    """The page of a run as HTML: self-contained, and the same for the same run but for its times."""
    return render.html(run.recipe.name, run.recipe.about, sections(run))
