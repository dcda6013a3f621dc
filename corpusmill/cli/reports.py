"""Commands that read finished runs: report, explain, trace."""

import argparse
from typing import TYPE_CHECKING

from corpusmill.cli.comparing import compare
from corpusmill.cli.shared import PRICE, not_negative, show
from corpusmill.errors import UsageError

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands

HTML = "write the whole report as one page, which opens without a network (default: report.html in the folder)"


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    report = commands.add_parser(
        "report", help="the funnel of a finished run as a table, all of it as a page, or two runs side by side"
    )
    report.add_argument("output", help="folder of a run; with --html, of a training run too")
    report.add_argument("other", nargs="?", help="folder of another run, to compare with the first")
    report.add_argument("--html", nargs="?", const="", metavar="FILE", help=HTML)
    report.add_argument("--price-per-hour", type=not_negative("a price"), metavar="PRICE", help=PRICE)
    report.add_argument(
        "--fail-on-drift",
        type=not_negative("an index"),
        metavar="PSI",
        help="of two runs: exit 1 if a signal drifts so",
    )
    report.add_argument("--json", action="store_true", help="the reports of all stages, or the comparison, as JSON")
    report.set_defaults(call=_report)

    explain = commands.add_parser("explain", help="what happened to one document, or to those of a packed row")
    explain.add_argument("output", help="folder of a run")
    explain.add_argument("query", metavar="id-or-url-or-row", help="an id, a URL, or a row as train/00000.arrow:17")
    explain.add_argument("--json", action="store_true", help="a JSON object for each record")
    explain.add_argument("--text", action="store_true", help="also its text before and after each stage, masked")
    explain.set_defaults(call=_explain)

    trace = commands.add_parser("trace", help="which documents lie in rows of a packed shard, or in a training step")
    trace.add_argument("shard", help="a packed shard, e.g. out/fineweb/03-tokenize/train/00000.arrow; with --step, the "
                       "folder of a training run")  # fmt: skip
    trace.add_argument("rows", nargs="*", type=_row, metavar="ROW", help="rows of it, counted from 0")
    trace.add_argument("--step", type=_row, metavar="N", help="the rows that this step of a training run took")
    trace.add_argument("--run", metavar="FOLDER", help="the run that packed it, for a shard that lies elsewhere")
    trace.add_argument(
        "--text", action="store_true", help="show the texts, decoded with the tokenizer beside the shards"
    )
    trace.add_argument(
        "--json", action="store_true",
        help="a JSON object for each document, with its ledger row; ranges [0, 512] end before 512 (the table: 0-511)",
    )  # fmt: skip
    trace.set_defaults(call=_trace)


def _row(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 up, found {text!r}")
    return int(text)


def _report(options: argparse.Namespace) -> int:
    if options.other is not None:
        return compare(options)
    if options.fail_on_drift is not None:
        raise UsageError("--fail-on-drift: compares two runs, and one is named; name the other too")
    from corpusmill.report import outputs

    if options.html is not None:
        if options.json:
            raise UsageError("--html and --json: one of the two at a time")
        return _page(options)
    from corpusmill.report import costs

    run, price = outputs.find(options.output), options.price_per_hour
    cost = None if price is None else costs.of(run, price)
    if options.json:
        from corpusmill.report import told

        print(told.text({**told.reported(run), **({} if cost is None else {"cost": cost._asdict()})}))
        return 0
    from corpusmill.report.stage import stage

    outputs.check(run)
    for shown in [stage(one.title, one.report(), one.seconds(), one.further()) for one in run.stages]:  # all, or none
        show(shown)
    waiting = outputs.waiting(run)
    if waiting:
        show(outputs.unfinished(waiting))
    if cost is not None:
        show(f"\n{costs.line(cost)}")
    return 0


def _page(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs, page
    from corpusmill.report.page import training

    if training.is_run(options.output):
        if options.price_per_hour is not None:
            raise UsageError("--price-per-hour: of processor cores, and this is a training run; leave it out")
        print(f"page     {training.write(options.output, options.html or None)}")
    else:
        print(f"page     {page.write(outputs.find(options.output), options.html or None, options.price_per_hour)}")
    return 0


def _explain(options: argparse.Namespace) -> int:
    from corpusmill.report import explain, outputs, told

    if options.json:
        for record in told.explained(outputs.find(options.output), options.query, text=options.text):
            print(told.text(record))
        return 0
    for part in explain.answer(outputs.find(options.output), options.query, text=options.text):
        show(part)
    return 0


def _trace(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs, trace, traced

    for path, rows in _wanted(options):
        run = outputs.find(options.run) if options.run else trace.run_of(path)
        segments = trace.trace(run, path, rows)
        texts = traced.texts(run, path) if options.text else None
        if options.json:
            told = traced.lines(segments, texts)
        else:
            show(traced.table(run, segments))
            told = traced.shown_texts(segments, texts) if texts else iter(())
        for line in told:
            print(line)
    return 0


def _wanted(options: argparse.Namespace) -> list[tuple[str, list[int]]]:
    """Packed shards and rows of them, as they are named or as a training step took them."""
    if options.step is None:
        if not options.rows:
            raise UsageError(f"trace {options.shard}: no row named; expected ROW…, or --step N and a training run")
        return [(options.shard, options.rows)]
    if options.rows:
        raise UsageError(f"trace --step {options.step}: takes the folder of a training run alone; leave out the rows")
    from corpusmill.train import taken

    found = taken.find(options.shard, options.step)
    if not options.json:
        samples = f"samples {found.samples[0]:,} to {found.samples[-1]:,}"
        print(f"step {found.step}: {samples}, of {len(found.shards)} packed shards\n")
    return [(path, rows.tolist()) for _, path, rows in found.shards]
