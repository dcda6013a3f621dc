"""Commands that run recipes: run, plan."""

import argparse
import logging
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from corpusmill import errors
from corpusmill.cli.shared import PRICE, fail, not_negative, positive, show, warn

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands
    from corpusmill.drive import Execute
    from corpusmill.results import StageResult
    from corpusmill.stats import Report
    from corpusmill.storage.manifest import Manifest

EXCHANGE = "how dedup gathers keys: by ranges of files, or packed through the runner's shuffle (default: as suits it)"
ANEW = "shards were made anew from the source, with what had been taken down from {0}; run corpusmill remove again"


def add(commands: "Commands") -> None:
    """Add these commands and their flags."""
    run = commands.add_parser("run", help="run a recipe, or go on with one that was stopped")
    _recipe_arguments(run)
    run.add_argument("--workers", type=positive, default=1, metavar="N", help="processes on this machine (default 1)")
    run.add_argument("--runner", default="FnApiRunner", help="local, or as Beam names it (default FnApiRunner)")
    run.add_argument("--exchange", choices=("indexed", "packed"), help=EXCHANGE)
    run.add_argument("--json", action="store_true", help="all that is known of the run as JSON, instead of tables")
    run.add_argument("--quiet", action="store_true", help="show nothing but errors, and JSON if that is asked for")
    run.add_argument("--price-per-hour", type=not_negative("a price"), metavar="PRICE", help=PRICE)
    run.set_defaults(call=_run)

    plan = commands.add_parser("plan", help="show stages, shards and sizes; run nothing")
    _recipe_arguments(plan)
    plan.add_argument("--json", action="store_true", help="as JSON, with every shard")
    plan.set_defaults(call=_plan)


def _recipe_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("recipe", help="a YAML file, or the name of a shipped recipe")
    example = "e.g. input.paths='crawl/*.warc.gz'"
    command.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help=example)


def _run(options: argparse.Namespace) -> int:
    from corpusmill import drive, plan, recipe
    from corpusmill.report import costs, outputs, page, told
    from corpusmill.report.progress import Bar, Silence
    from corpusmill.takedown import journal

    chosen = plan.make(recipe.load(options.recipe, options.set))
    execute = executor(options)
    journal.finish(chosen.root)  # a takedown that was stopped half-way
    replaced = None if options.quiet else plan.replaced(chosen)
    if replaced:
        drive.refuse_early(chosen)  # or a run that replaces nothing would say that it does
        warn(replaced)
    results = drive.run(chosen, execute, Silence() if options.quiet else Bar())
    if not (options.json or options.quiet):
        _tell(results)
    _warn_of_damage(results)
    if results[0].resumed < len(results[0].manifest.shards) and journal.proofs(chosen.root):
        warn(ANEW.format(chosen.root))
    done, price = outputs.find(chosen.root), options.price_per_hour
    written = page.write(done, price_per_hour=price)
    cost = None if price is None else costs.of(done, price)
    if options.json:
        paid = {} if cost is None else {"cost": cost._asdict()}
        print(told.text({**told.ran(chosen, results, written), **paid}))
    elif not options.quiet:
        if cost is not None:
            print(costs.line(cost))
        print(f"page     {written}")
        print(f"why?     corpusmill explain {chosen.root} {_sample([result.report for result in results])}")
    return 0


def _warn_of_damage(results: "Sequence[StageResult]") -> None:
    """A last word on files that could not be read to their end, for tables above say it far up."""
    from corpusmill.storage.read import incident

    for result in results:
        report = result.report
        if report.incident_count:
            found = f"{report.incident_count:,} found, the first: {incident(report.incidents[0])}"
            warn(f"damaged input: {found}; fetch such files again. All are in {result.layout.report}")


def _tell(results: "Sequence[StageResult]") -> None:
    """The table of each stage, and where its files lie."""
    from corpusmill.report.stage import stage
    from corpusmill.storage import paths

    for result in results:
        show(stage(result.layout.title, result.report, result.seconds, result.further))
        print(f"\nshards   {paths.join(result.layout.folder, _kind(result.manifest))}\nreport   {result.layout.report}")


def _kind(manifest: "Manifest") -> str:
    """The folder of a stage's shards; a corpus that is small may be held out whole."""
    there = {kind for shard in manifest.shards for kind in shard["files"]}
    return next((kind for kind in ("documents", "train", "validation") if kind in there), "documents")


def _sample(reports: "Sequence[Report]") -> str:
    """The address of a document that the last step that dropped any has dropped, ready for a shell."""
    dropped = [(r, reason) for r in reports for step in r.steps.values() for reason, _ in step.reasons.most_common(1)]
    found = [example.url or example.id for r, reason in dropped for example in r.examples.get(reason, ())[:1]]
    return shlex.quote(found[-1]) if found else "<url or id>"


def executor(options: argparse.Namespace) -> "Execute":
    """What `--runner`, `--workers`, `--exchange` and flags after -- ask for.

    Raises:
        UsageError: they do not go together.
    """
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
    from corpusmill.pipelines.nursery import Nursery

    nursery = Nursery()
    if options.workers > 1 and options.runner == "FnApiRunner":
        nursery.start()  # it imports what workers need while this process imports Beam
    logging.disable(logging.WARNING)  # Beam tells at import that Google's packages are not there
    from corpusmill.pipelines import engine

    logging.disable(logging.NOTSET)
    return engine.executor(options.runner, options.workers, options.flags, options.exchange, nursery)


def _plan(options: argparse.Namespace) -> int:
    from corpusmill import plan, recipe
    from corpusmill.report import told
    from corpusmill.report.planned import foreseen, planned

    made = plan.make(recipe.load(options.recipe, options.set))
    gives = foreseen(made)
    refused = gives if isinstance(gives, errors.RecipeError) else None
    if options.json:
        print(told.text(told.planned(made)))
    else:
        show(planned(made, gives))
    if refused and options.json:  # the table tells it
        fail(str(refused))
    return refused.exit_code if refused else 0
