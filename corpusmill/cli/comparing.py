"""What `report A B` does: two runs side by side, and the alarm that a dump differs from the one before."""

import argparse
import sys

from corpusmill.cli.shared import show
from corpusmill.errors import UsageError


def compare(options: argparse.Namespace) -> int:
    """Compare two runs; gives 1 where `--fail-on-drift` is exceeded, or a run has nothing to compare."""
    from corpusmill.report import compare, compared, outputs, told
    from corpusmill.report.page import render
    from corpusmill.storage.write import put

    if options.price_per_hour is not None:
        raise UsageError("--price-per-hour: tells the cost of one run; leave it out, or name one run")
    if options.html == "":
        raise UsageError("--html: the page of two runs belongs to neither folder; give it a file")
    found = compare.compare(outputs.find(options.output), outputs.find(options.other))
    if options.json:
        print(told.text(compare.to_json(found, options.fail_on_drift)))
    if options.html is not None:
        page = render.html("Two runs", f"{found.a} and {found.b}", compared.page(found), "comparison")
        put(options.html, page.encode())
        if not options.json:
            print(f"page     {options.html}")
    elif not options.json:
        show(compared.shown(found))
    if options.fail_on_drift is None:
        return 0
    above = found.alarms(options.fail_on_drift)
    if found.gone:
        print(f"corpusmill: not to be compared: {'; '.join(found.gone)}", file=sys.stderr)
    if above:
        names = ", ".join(f"{one.name} ({one.psi:.3f})" for one in above)
        print(f"corpusmill: drift above {options.fail_on_drift:g}: {names}", file=sys.stderr)
    return int(bool(above or found.gone))
