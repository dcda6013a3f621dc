"""The command line: arguments in, calls out, errors as one clear message."""

import argparse
import logging
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from corpusmill import __version__, errors

if TYPE_CHECKING:
    from corpusmill.drive import Execute
    from corpusmill.stats import Report
    from corpusmill.storage.manifest import Manifest

EXCHANGE = "how dedup gathers keys: by ranges of files, or packed through the runner's shuffle (default: as suits it)"
ANEW = "shards were made anew from the source, with what had been taken down from {0}; run corpusmill remove again"
EPILOG = "What follows -- goes to Beam as it is, e.g. run … --runner DataflowRunner -- --project=… --region=…"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code: 0 done, 1 the run stopped or outputs differ, 2 bad usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    given, flags = _cut(given)
    options = parser().parse_args(given)
    if flags and options.command != "run":
        parser().error(f"'{options.command}' takes nothing after --")
    options.flags = flags
    try:
        return int(options.call(options))
    except errors.CorpusmillError as error:
        print(f"corpusmill: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("corpusmill: stopped; committed shards are kept, the same command goes on from there", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        return 0


def _cut(given: list[str]) -> tuple[list[str], list[str]]:
    at = given.index("--") if "--" in given else len(given)
    return given[:at], given[at + 1 :]


def parser() -> argparse.ArgumentParser:
    """All commands and their flags; the list of flags is frozen by a test."""
    top = argparse.ArgumentParser("corpusmill", description="Web crawls to packed training shards.", epilog=EPILOG)
    top.add_argument("--version", action="version", version=f"corpusmill {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")

    run = commands.add_parser("run", help="run a recipe, or go on with one that was stopped")
    _recipe_arguments(run)
    run.add_argument("--workers", type=_positive, default=1, metavar="N", help="processes on this machine (default 1)")
    run.add_argument("--runner", default="FnApiRunner", help="local, or as Beam names it (default FnApiRunner)")
    run.add_argument("--exchange", choices=("indexed", "packed"), help=EXCHANGE)
    run.set_defaults(call=_run)

    plan = commands.add_parser("plan", help="show stages, shards and sizes; run nothing")
    _recipe_arguments(plan)
    plan.set_defaults(call=_plan)

    report = commands.add_parser("report", help="the funnel of a finished run as a table")
    report.add_argument("output", help="folder of a run")
    report.set_defaults(call=_report)

    explain = commands.add_parser("explain", help="what happened to one document")
    explain.add_argument("output", help="folder of a run")
    explain.add_argument("query", metavar="id-or-url")
    explain.set_defaults(call=_explain)

    redact = commands.add_parser("redact", help="take personal data and secrets out of a text")
    redact.add_argument("file", help="a text file, or - for standard input; the result goes to standard output")
    redact.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="e.g. action=pseudonym")
    redact.set_defaults(call=_redact)

    verify = commands.add_parser("verify", help="are two outputs the same, file by file")
    verify.add_argument("a", metavar="A")
    verify.add_argument("b", metavar="B")
    verify.set_defaults(call=_verify)

    remove = commands.add_parser("remove", help="take documents down from a finished run, and leave a proof")
    remove.add_argument("output", help="folder of a run")
    remove.add_argument("list", metavar="IDS", help="a file with one id or URL a line; - is standard input")
    remove.add_argument("--dry-run", action="store_true", help="show what would be done; write nothing")
    remove.set_defaults(call=_remove)

    steps = commands.add_parser("steps", help="the catalogue of steps and input formats")
    steps.add_argument("name", nargs="?", help="show one in full")
    steps.set_defaults(call=_steps)

    recipes = commands.add_parser("recipes", help="the shipped recipes, to read, copy and edit")
    recipes.add_argument("name", nargs="?", help="print one")
    recipes.add_argument("--copy", metavar="FILE", help="write it to FILE instead")
    recipes.set_defaults(call=_recipes)

    _tokenizer_arguments(commands.add_parser("tokenizer", help="train a tokenizer"))
    _classifier_arguments(commands.add_parser("classifier", help="train a quality classifier"))
    return top


def _tokenizer_arguments(tokenizer: argparse.ArgumentParser) -> None:
    actions = tokenizer.add_subparsers(dest="action", required=True, metavar="action")
    train = actions.add_parser("train", help="train byte-level BPE for the step 'tokenize'")
    train.add_argument("--texts", nargs="+", required=True, metavar="FILE", help="JSONL, Parquet, txt")
    train.add_argument("--out", required=True, type=Path, metavar="FILE", help="tokenizer.json")
    train.add_argument("--vocabulary-size", type=_positive, default=32_768, metavar="N", help="ids (default 32768)")
    train.add_argument("--pattern", default="gpt2", help="how text is cut first: gpt2, llama3, cl100k (default gpt2)")
    train.add_argument("--split-digits", action="store_true", help="each digit is a token of its own")
    train.set_defaults(call=_train_tokenizer)


def _classifier_arguments(classifier: argparse.ArgumentParser) -> None:
    actions = classifier.add_subparsers(dest="action", required=True, metavar="action")
    train = actions.add_parser("train", help="train a fastText model for the step 'fasttext', and judge it")
    train.add_argument(
        "--positive", nargs="+", required=True, metavar="FILE", help="texts to keep: JSONL, Parquet, txt"
    )
    train.add_argument("--negative", nargs="+", required=True, metavar="FILE", help="texts to drop")
    train.add_argument("--out", required=True, type=Path, metavar="MODEL", help="model.bin; figures go to MODEL.json")
    train.add_argument("--ngrams", type=_positive, default=2, help="words of an n-gram (default 2)")
    train.add_argument("--dim", type=_positive, default=100, help="size of a vector (default 100)")
    train.add_argument("--epochs", type=_positive, default=5, help="passes over the texts (default 5)")
    train.add_argument("--lr", type=float, default=0.1, help="learning rate (default 0.1)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--held-out", type=float, default=0.1, help="share of texts to judge it on (default 0.1)")
    train.add_argument("--quantize", action="store_true", help="a smaller model, a little less exact")
    train.set_defaults(call=_train_classifier)


def _recipe_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", help="a YAML file, or the name of a shipped recipe")
    example = "e.g. input.paths='crawl/*.warc.gz'"
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=example)


def _positive(text: str) -> int:
    number = int(text) if text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 up, found {text!r}")
    return number


def _run(options: argparse.Namespace) -> int:
    from corpusmill import drive, plan, recipe
    from corpusmill.report.progress import Bar
    from corpusmill.report.stage import stage
    from corpusmill.storage import paths
    from corpusmill.takedown import journal

    chosen = plan.make(recipe.load(options.recipe, options.set))
    execute = _executor(options)
    journal.finish(chosen.root)  # a takedown that was stopped half-way
    results = drive.run(chosen, execute, Bar())
    for result in results:
        _print(stage(result.layout.title, result.report, result.seconds, result.further))
        print(f"\nshards   {paths.join(result.layout.folder, _kind(result.manifest))}\nreport   {result.layout.report}")
    if results[0].resumed < len(results[0].manifest.shards) and journal.proofs(chosen.root):
        print(f"corpusmill: {ANEW.format(chosen.root)}", file=sys.stderr)
    print(f"why?     corpusmill explain {chosen.root} {_sample([result.report for result in results])}")
    return 0


def _kind(manifest: "Manifest") -> str:
    """The folder of a stage's shards."""
    return "documents" if all("documents" in shard["files"] for shard in manifest.shards) else "train"


def _sample(reports: "Sequence[Report]") -> str:
    """The address of a document that the last step that dropped any has dropped, ready for a shell."""
    dropped = [(r, reason) for r in reports for step in r.steps.values() for reason, _ in step.reasons.most_common(1)]
    found = [example.url or example.id for r, reason in dropped for example in r.examples.get(reason, ())[:1]]
    return shlex.quote(found[-1]) if found else "<url or id>"


def _executor(options: argparse.Namespace) -> "Execute":
    if options.runner == "local":
        if options.flags:
            found = " ".join(options.flags)
            raise errors.UsageError(f"{found}: --runner local is not Beam and takes no options after --")
        if options.exchange == "packed":
            raise errors.UsageError(
                "--exchange packed: --runner local has no shuffle; leave it out, or choose a Beam runner"
            )
        from corpusmill import local

        return local.executor(options.workers)
    logging.disable(logging.WARNING)  # Beam tells at import that Google's packages are not there
    from corpusmill.pipelines import engine

    logging.disable(logging.NOTSET)
    return engine.executor(options.runner, options.workers, options.flags, options.exchange)


def _plan(options: argparse.Namespace) -> int:
    from corpusmill import plan, recipe
    from corpusmill.report.planned import planned

    _print(planned(plan.make(recipe.load(options.recipe, options.set))))
    return 0


def _report(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs
    from corpusmill.report.stage import stage

    for found in outputs.find(options.output).stages:
        _print(stage(found.title, found.report(), found.seconds(), found.further()))
    return 0


def _explain(options: argparse.Namespace) -> int:
    from corpusmill.report import explain, outputs

    run = outputs.find(options.output)
    found = explain.search(run, options.query)
    for way in found[: explain.SHOWN]:
        _print(explain.explain(run, way))
        print()
    if len(found) > explain.SHOWN:
        print(f"and {len(found) - explain.SHOWN} more records with this id or URL")
    return 0


def _verify(options: argparse.Namespace) -> int:
    from corpusmill.storage import verify

    differences = verify.compare(options.a, options.b)
    for difference in differences:
        print(difference)
    print(f"{len(differences)} differences" if differences else "the same, file by file")
    return 1 if differences else 0


def _remove(options: argparse.Namespace) -> int:
    from corpusmill.report import outputs
    from corpusmill.report.taken import taken
    from corpusmill.takedown.remove import remove
    from corpusmill.takedown.wanted import Wanted

    wanted = Wanted.parse(_given(options.list), options.list)
    run = outputs.find(options.output)
    _print(taken(remove(run.root, run.recipe, wanted, dry_run=options.dry_run), dry_run=options.dry_run))
    return 0


def _given(path: str) -> bytes:
    from corpusmill.storage import paths

    if path == "-":
        return sys.stdin.buffer.read()
    try:
        with paths.open_read(path) as file:
            return file.read()
    except OSError as error:
        raise errors.InputError(f"{path}: cannot be read ({error.strerror or error}){paths.near(path)}") from error


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
    from corpusmill.report import catalogue

    if options.name:
        print(catalogue.page(options.name))
        return 0
    for name, line in catalogue.listing():
        print(f"{name:<22} {line}")
    return 0


def _recipes(options: argparse.Namespace) -> int:
    from corpusmill import recipe

    if not options.name:
        for file in sorted(recipe.SHIPPED.glob("*.yaml")):
            print(f"{file.stem:<12} {recipe.load(str(file)).about}")
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


def _train_classifier(options: argparse.Namespace) -> int:
    from corpusmill.filters import classifier_training
    from corpusmill.filters.fasttext_model import Settings
    from corpusmill.report.classifier import figures

    settings = Settings(
        wordNgrams=options.ngrams, dim=options.dim, epoch=options.epochs, lr=options.lr, seed=options.seed
    )
    how = classifier_training.Options(settings=settings, held_out=options.held_out, quantize=options.quantize)
    scores = classifier_training.train(options.positive, options.negative, options.out, how)
    _print(figures(scores))
    print(
        f"model {options.out}; use it as a step: {{use: fasttext, model: {options.out}, …}} (corpusmill steps fasttext)"
    )
    return 0


def _train_tokenizer(options: argparse.Namespace) -> int:
    from corpusmill.storage.write import put
    from corpusmill.texts import read_texts
    from corpusmill.tokenize.training import train

    found = train(
        (text for path in options.texts for text in read_texts(path)),
        vocabulary_size=options.vocabulary_size, pattern=options.pattern, split_digits=options.split_digits,
    )  # fmt: skip
    put(str(options.out), found.to_str(pretty=True).encode())
    use = f"{{use: tokenize, tokenizer: {options.out}}}"
    print(f"tokenizer {options.out}: {found.get_vocab_size():,} ids; use it as a step: {use}")
    return 0


def _print(item: object) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140  # a pipe or a file has no width; wide enough for every table
    console.print(item)
