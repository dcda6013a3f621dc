"""Commands that ask a finished run what it would be otherwise: what-if."""

import argparse
import json
from typing import TYPE_CHECKING

from corpusmill.cli.shared import show

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    what_if = commands.add_parser("what-if", help="what a run would have kept under other bounds, from its ledgers")
    what_if.add_argument("output", help="folder of a run")
    what_if.add_argument(
        "changes", nargs="*", metavar="STEP.SIGNAL=[LOW,HIGH]", help="e.g. 'gopher_quality.words=[100,null]'"
    )
    what_if.add_argument("--drop", action="append", default=[], metavar="STEP", help="leave a step out; repeatable")
    what_if.add_argument("--sweep", metavar="STEP.SIGNAL", help="the keep-rate by bound, instead of the funnel")
    what_if.add_argument(
        "--examples", type=_count, default=3, metavar="N", help="documents shown that change sides (default 3)"
    )
    what_if.add_argument("--json", action="store_true", help="as JSON")
    what_if.set_defaults(call=_what_if)


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 up, found {text!r}")
    return int(text)


def _what_if(options: argparse.Namespace) -> int:
    from corpusmill.report import asked, outputs, whatif, whatif_shown
    from corpusmill.report.sides import Sides
    from corpusmill.report.sweep import sweep

    run = outputs.find(options.output)
    question = asked.parse(run, options.changes, options.drop)
    curves = sweep(run, question, options.sweep) if options.sweep else []
    if options.json or not curves:
        sides = Sides(run, question, options.examples)
        answer = whatif.answer(run, question, sides)
        sides.read()
    if options.json:
        print(json.dumps(whatif_shown.to_json(question, answer, sides, curves), sort_keys=True, ensure_ascii=False))
    elif curves:
        for line in whatif_shown.question(question):
            print(line)
        for curve in curves:
            show(whatif_shown.curve_shown(curve))
        if outputs.waiting(run):
            show(outputs.unfinished(outputs.waiting(run)))
    else:
        show(whatif_shown.shown(question, answer, sides))
    return 0
