"""Looks at a report page in a browser, and holds its figures against the reports: `tools/check_page.py FILE|RUN…`.

Of a run's folder it takes report.html. It exits with 1 where a page fails, and says why.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = str(Path(__file__).parents[1])
sys.path[:0] = [] if ROOT in sys.path else [ROOT]  # so that it runs from anywhere, under `python -P` too

from tools import page_charts, page_checks, page_figures  # noqa: E402
from tools.browser import HINT, Browser, find, started  # noqa: E402


def main(arguments: Sequence[str] | None = None) -> int:
    """Check every page that is named; gives 1 where one fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("pages", nargs="+", type=Path, metavar="FILE|RUN", help="a page, or the folder of a run")
    options = parser.parse_args(arguments)
    pages = [page / "report.html" if page.is_dir() else page for page in options.pages]
    for page in pages:
        if not page.is_file():
            parser.error(f"{page}: no such page; expected a file, or a run's folder with the page that "
                         "`corpusmill report RUN --html` writes")  # fmt: skip
    path = find()
    if path is None:
        parser.error(HINT)
    with started(path) as browser:
        failed = [page for page in pages if not check(browser, page)]
    return int(bool(failed))


def check(browser: Browser, page: Path) -> bool:
    """Print what is seen of one page; whether all of it is right."""
    html = page.read_text("utf-8")
    print(f"{page}: {len(html.encode()):,} bytes")
    looks, wrong = list(page_checks.looks(browser, page)), []
    for look in looks:
        print(
            f"  {look.width:>5} px {look.theme:<5}  {look.charts} charts, {len(look.sections)} sections in"
            f" {look.seconds:.2f} s, {len(look.complaints)} complaints, {len(look.requests)} requests"
        )
        wrong += [f"{look.width} px, {look.theme}: {problem}" for problem in look.problems]
    wrong += page_checks.used(browser)
    if page_figures.of_run(html) and page_figures.reports(page.parent):
        for what, compare in (("figures", page_figures.compare), ("bars of charts", page_charts.compare)):
            compared = compare(html, page.parent)
            print(f"  {compared.figures:,} {what} held against the reports, {len(compared.differences)} differ")
            wrong += compared.differences
    for problem in wrong:
        print(f"  wrong: {problem}")
    print(f"  {'fails' if wrong else 'passes'}")
    return not wrong


if __name__ == "__main__":
    sys.exit(main())
