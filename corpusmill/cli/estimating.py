"""The command that tells what a run will give and cost, from a sample of its input."""

import argparse
from typing import TYPE_CHECKING

from corpusmill.cli.shared import not_negative, positive, show
from corpusmill.errors import UsageError

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands
    from corpusmill.estimate.machines import Machine


def add(commands: "Commands") -> None:
    """Add this command and its flags."""
    estimate = commands.add_parser(
        "estimate", help="what a run would give and cost, from a sample of its input: the funnel with intervals"
    )
    estimate.add_argument("recipe", help="a YAML file, or the name of a shipped recipe")
    estimate.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. input.paths='crawl/*.warc.gz'"
    )
    estimate.add_argument("--sample", type=positive, default=2000, metavar="N", help="records, about (default 2000)")
    estimate.add_argument("--workers", type=positive, default=1, metavar="N", help="processes here (default 1)")
    estimate.add_argument(
        "--machine",
        nargs="+",
        default=[],
        metavar="NAME",
        help="shapes to tell the cost of (default: all known)",
    )
    estimate.add_argument(
        "--price-per-hour",
        type=not_negative("a price"),
        metavar="PRICE",
        help="of one core in dollars, as a further shape",
    )
    estimate.add_argument("--json", action="store_true", help="as JSON")
    estimate.add_argument("--quiet", action="store_true", help="show no progress, only the estimate")
    estimate.set_defaults(call=_estimate)


def _estimate(options: argparse.Namespace) -> int:
    from corpusmill import local, recipe
    from corpusmill.estimate import whole
    from corpusmill.report import estimated, told
    from corpusmill.report.progress import Bar, Silence

    machines = _machines(options)
    chosen = recipe.load(options.recipe, options.set)
    progress = Silence() if options.quiet else Bar()
    found = whole.estimate(chosen, options.sample, local.executor(options.workers), progress)
    if options.json:
        print(told.text(estimated.to_json(found, machines)))
    else:
        show(estimated.estimated(found, machines))
    return 0


def _machines(options: argparse.Namespace) -> "list[Machine]":
    from corpusmill.estimate.machines import MACHINES, Machine

    unknown = [name for name in options.machine if name not in MACHINES]
    if unknown:
        raise UsageError(
            f"--machine {unknown[0]}: not known; expected some of {', '.join(MACHINES)}, or --price-per-hour"
        )
    own = [] if options.price_per_hour is None else [Machine("one core", 1, 0, options.price_per_hour)]
    return [*([MACHINES[name] for name in options.machine] or ([] if own else MACHINES.values())), *own]
