"""Commands that make a run fit for others: card, push."""

import argparse
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

from corpusmill.errors import UsageError

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands
    from corpusmill.report.card import Licences

LICENCE = "of the collection, as the hub writes it, e.g. odc-by (default: unknown); or of a source of it; repeatable"


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    card = commands.add_parser("card", help="the data card of a finished run: the README of a dataset on the hub")
    card.add_argument("output", help="folder of a run")
    _what(card)
    card.add_argument("--out", metavar="FILE", help="e.g. README.md (default: standard output)")
    card.add_argument("--json", action="store_true", help="header and text as JSON, beside what --out writes")
    card.set_defaults(call=_card)

    push = commands.add_parser("push", help="a finished run's shards with their card to the hub, or into a folder")
    push.add_argument("output", help="folder of a run")
    push.add_argument("target", metavar="REPO", help="user/name on the hub, or a folder as ./name, /name or a URL")
    _what(push)
    push.add_argument("--public", action="store_true", help="a repository that is made now may be seen by all")
    push.add_argument("--raw", action="store_true", help="send texts that no step has redacted")
    push.add_argument("--json", action="store_true", help="what was sent, removed and left, as JSON")
    push.set_defaults(call=_push)


def _what(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--what", choices=("documents", "packed"), default="documents", help="Parquet, or rows of tokens"
    )
    command.add_argument("--license", metavar="[SOURCE=]ID", type=_licence, action="append", default=[], help=LICENCE)


def _licence(text: str) -> tuple[str, str]:
    """Source and licence; of the collection the source is empty."""
    source, given, word = text.rpartition("=")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", word) or (given and not source):
        raise argparse.ArgumentTypeError(
            f"expected a word such as odc-by or cc-by-4.0, or a source's as web=odc-by, found {text!r}"
        )
    return source, word


def _licences(options: argparse.Namespace) -> "Licences":
    from corpusmill.report.card import Licences

    found: dict[str, str] = {}
    for source, word in options.license:
        if found.setdefault(source, word) != word:
            of = source or "the collection"
            raise UsageError(f"--license: of {of} both {found[source]} and {word}; expected one of the two")
    collection = found.pop("", None)
    return Licences(collection, found)


def _card(options: argparse.Namespace) -> int:
    from corpusmill.report import card, outputs, told
    from corpusmill.storage import paths
    from corpusmill.storage.write import put

    if options.out is not None and paths.exists(options.out):
        raise UsageError(f"{options.out}: exists already; choose another name or remove it")
    run, licences = outputs.find(options.output), _licences(options)
    text = card.card(run, options.what, licences)
    if options.out is not None:
        put(options.out, text.encode())
    if options.json:
        print(told.text(told.card(run, options.what, licences, options.out)))
    else:
        print(text if options.out is None else f"card     {options.out}\n", end="")
    return 0


def _push(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs, publish, told

    run = outputs.find(options.output)
    sent = publish.publish(
        run, options.target, options.what, licences=_licences(options), raw=options.raw, public=options.public
    )
    if options.json:
        print(told.text(asdict(sent)))
        return 0
    print(f"pushed   {len(sent.files):,} files of {sent.stage} to {sent.target}")
    if sent.removed:
        print(f"removed  {len(sent.removed):,} files of an earlier push, which are in this run no more")
    if sent.left:
        other = "packed" if options.what == "documents" else "documents"
        print(f"left     {len(sent.left):,} files of an earlier push --what {other}, which may be of another run")
    return 0
