"""The command line: arguments in, calls out, errors as one clear message. A module holds a group of commands."""

import argparse
import sys
from collections.abc import Sequence

from corpusmill import __version__, errors
from corpusmill.cli import (
    asking,
    estimating,
    evaluation,
    models,
    outputs,
    planning,
    pretraining,
    publishing,
    reports,
    runs,
    serving,
    tools,
    training,
)
from corpusmill.cli.shared import fail

EPILOG = "What follows -- goes to Beam as it is, e.g. run … --runner DataflowRunner -- --project=… --region=…"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code: 0 done, 1 the run stopped or outputs differ, 2 bad usage."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    given, flags = _cut(given)
    options = parser().parse_args(given)
    if flags and not hasattr(options, "runner"):
        parser().error(f"'{options.command}' takes nothing after --")
    options.flags = flags
    try:
        return int(options.call(options))
    except errors.CorpusmillError as error:
        fail(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        fail("stopped; committed shards are kept, the same command goes on from there")
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
    for group in (
        runs,
        estimating,
        reports,
        asking,
        outputs,
        serving,
        publishing,
        tools,
        training,
        pretraining,
        evaluation,
        models,
        planning,
    ):
        group.add(commands)
    return top
