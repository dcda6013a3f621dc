"""Commands that need no run: redact, steps, recipes, mixtures."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from corpusmill import errors
from corpusmill.cli.shared import show

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    redact = commands.add_parser("redact", help="take personal data and secrets out of a text")
    redact.add_argument("file", help="a text file, or - for standard input; the result goes to standard output")
    redact.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. action=pseudonym")
    redact.set_defaults(call=_redact)

    steps = commands.add_parser("steps", help="the catalogue of steps and input formats")
    steps.add_argument("name", nargs="?", help="show one in full")
    steps.add_argument("--json", action="store_true", help="as JSON, with every default")
    steps.set_defaults(call=_steps)

    recipes = commands.add_parser("recipes", help="the shipped recipes, to read, copy and edit")
    recipes.add_argument("name", nargs="?", help="print one")
    recipes.add_argument("--copy", metavar="FILE", help="write it to FILE instead")
    recipes.add_argument("--json", action="store_true", help="as JSON; one with every default written")
    recipes.set_defaults(call=_recipes)

    mixtures = commands.add_parser("mixtures", help="the mixtures of the literature, for the step 'tokenize'")
    mixtures.add_argument("name", nargs="?", help="show its weights and epochs, and where they are told")
    how = mixtures.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="as JSON")
    how.add_argument("--yaml", action="store_true", help="one as lines of a recipe, to edit: names, weights, epochs")
    mixtures.set_defaults(call=_mixtures)


def _redact(options: argparse.Namespace) -> int:
    from corpusmill import recipe
    from corpusmill.stages.masking import redacted
    from corpusmill.storage import paths

    text = sys.stdin.buffer.read() if options.file == "-" else paths.read_input(options.file)
    changed, counts = redacted(text, recipe.one_step("redact", options.set), options.file)
    sys.stdout.buffer.write(changed)
    found = ", ".join(f"{count} {entity}" for entity, count in counts.items() if count)
    print(f"{options.file}: {found or 'nothing found'}", file=sys.stderr)
    return 0


def _steps(options: argparse.Namespace) -> int:
    from corpusmill.report import catalogue, told

    if options.json:
        print(told.text(catalogue.to_json(options.name)))
    else:
        show(catalogue.shown(options.name) if options.name else catalogue.table())
    return 0


def _recipes(options: argparse.Namespace) -> int:
    from corpusmill import loader, recipe
    from corpusmill.report import catalogue, told

    if options.json and options.copy:
        raise errors.UsageError("--copy and --json: one of the two at a time")
    if not options.name:
        shipped = [(file.stem, recipe.load(str(file))) for file in sorted(recipe.SHIPPED.glob("*.yaml"))]
        if options.json:
            print(told.text([{"name": n, "about": one.about, "sources": list(one.sources)} for n, one in shipped]))
        else:
            show(catalogue.listed(("recipe", "what it makes"), [(name, one.about) for name, one in shipped]))
        return 0
    if options.json:
        print(told.text(loader.plain(recipe.load(options.name))))
        return 0
    text = recipe.locate(options.name).read_text(encoding="utf-8")
    if not options.copy:
        print(text, end="")
        return 0
    if Path(options.copy).exists():
        raise errors.UsageError(f"{options.copy}: exists already; choose another name or remove it")
    Path(options.copy).write_text(text, encoding="utf-8")
    print(f"wrote {options.copy}; run it with: corpusmill run {options.copy}")
    return 0


def _mixtures(options: argparse.Namespace) -> int:
    from corpusmill.report import mixtures, told

    if options.json:
        print(told.text(mixtures.to_json(options.name)))
    elif options.yaml:
        if not options.name:
            raise errors.UsageError(
                "mixtures --yaml: no mixture named; expected one, as in corpusmill mixtures llama --yaml"
            )
        print(mixtures.to_yaml(options.name))
    else:
        show(mixtures.page(options.name) if options.name else mixtures.table())
    return 0
