"""Commands that make a run fit for others: card, push."""

import argparse
import re
from typing import TYPE_CHECKING

from corpusmill.errors import UsageError

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands

LICENCE = "of the collection, as the hub writes it, e.g. odc-by (default: unknown)"


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    card = commands.add_parser("card", help="the data card of a finished run: the README of a dataset on the hub")
    card.add_argument("output", help="folder of a run")
    _what(card)
    card.add_argument("--out", metavar="FILE", help="e.g. README.md (default: standard output)")
    card.set_defaults(call=_card)

    push = commands.add_parser("push", help="a finished run's shards with their card to the hub, or into a folder")
    push.add_argument("output", help="folder of a run")
    push.add_argument("target", metavar="REPO", help="user/name on the hub, or a folder as ./name, /name or a URL")
    _what(push)
    push.add_argument("--public", action="store_true", help="a repository that is made now may be seen by all")
    push.add_argument("--raw", action="store_true", help="send texts that no step has redacted")
    push.set_defaults(call=_push)


def _what(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--what", choices=("documents", "packed"), default="documents", help="Parquet, or rows of tokens"
    )
    command.add_argument("--license", metavar="ID", type=_licence, help=LICENCE)


def _licence(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", text):
        raise argparse.ArgumentTypeError(f"expected a word such as odc-by or cc-by-4.0, found {text!r}")
    return text


def _card(options: argparse.Namespace) -> int:
    from corpusmill.report import card, outputs
    from corpusmill.storage import paths
    from corpusmill.storage.write import put

    if options.out is not None and paths.exists(options.out):
        raise UsageError(f"{options.out}: exists already; choose another name or remove it")
    text = card.card(outputs.find(options.output), options.what, options.license)
    if options.out is None:
        print(text, end="")
    else:
        put(options.out, text.encode())
        print(f"card     {options.out}")
    return 0


def _push(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs, publish

    run = outputs.find(options.output)
    sent = publish.publish(
        run, options.target, options.what, licence=options.license, raw=options.raw, public=options.public
    )
    print(f"pushed   {len(sent.files):,} files of {sent.stage} to {sent.target}")
    if sent.removed:
        print(f"removed  {len(sent.removed):,} files of an earlier push, which are in this run no more")
    return 0
