"""report.html: one page that shows a run, from what the run has left on disk."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from corpusmill.report import outputs
from corpusmill.report.outputs import Run
from corpusmill.report.page import (
    contamination,
    domains,
    duplicates,
    examples,
    fairness,
    funnel,
    interaction,
    languages,
    lint,
    nearest,
    pairs,
    personal,
    recipe,
    render,
    signals,
    speed,
    tokens,
)
from corpusmill.report.page.sections import Section
from corpusmill.storage import paths
from corpusmill.storage.layout import PAGE
from corpusmill.storage.write import put

Maker: TypeAlias = Callable[[Run], Section | None]


def makers(price_per_hour: float | None = None) -> Sequence[Maker]:
    """What makes the sections, in the order of the page: what happened, what may be wrong, why, and of what it is made.

    Args:
        price_per_hour: of one core, in any currency.
    """
    return (
        funnel.section, lint.section, signals.section, nearest.section, examples.section, interaction.section,
        fairness.section, duplicates.section, pairs.section, languages.section, domains.section, personal.section,
        contamination.section, tokens.section, partial(speed.section, price_per_hour=price_per_hour),
        recipe.section,
    )  # fmt: skip


def sections(run: Run, price_per_hour: float | None = None) -> list[Section]:
    """The sections that there are for a run.

    Raises:
        OutputError: if a file is missing or damaged, or stages do not fit together.
    """
    outputs.check(run)
    return [made for made in (make(run) for make in makers(price_per_hour)) if made is not None]


def page(run: Run, price_per_hour: float | None = None) -> str:
    """The page of a run as HTML: self-contained, and the same for the same run but for its times.

    Args:
        run: the run.
        price_per_hour: of one core, in any currency; None leaves cost out.
    """
    return render.html(run.recipe.name, run.recipe.about, sections(run, price_per_hour))


def write(run: Run, path: str | None = None, price_per_hour: float | None = None) -> str:
    """Write the page, whole or not at all; gives its path.

    Args:
        run: the run.
        path: where to; by default `report.html` in the run's folder.
        price_per_hour: of one core.
    """
    target = path or paths.join(run.root, PAGE)
    put(target, page(run, price_per_hour).encode())
    return target
