"""What tools/ has for tests: the browser, without which a test is skipped, and what is checked of a page."""

import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parents[1])
sys.path[:0] = [] if ROOT in sys.path else [ROOT]  # tools/ is no part of the package

from tools import check_page, page_charts, page_checks, page_figures  # noqa: E402
from tools.browser import HINT, find, started  # noqa: E402

__all__ = ["browser", "check_page", "page_charts", "page_checks", "page_figures"]


@contextmanager
def browser():
    """A browser; the test is skipped where there is none."""
    path = find()
    if path is None:
        pytest.skip(HINT)
    with started(path) as made:
        yield made
