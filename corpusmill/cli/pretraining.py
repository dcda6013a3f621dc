"""The command that trains a language model on packed shards."""

import argparse
import os
import signal
from importlib.util import find_spec
from typing import TYPE_CHECKING

from corpusmill.cli.shared import positive
from corpusmill.errors import UsageError

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands
    from corpusmill.train.trainer import Result


def add(commands: "Commands") -> None:
    """Add this command and its flags."""
    train = commands.add_parser("train", help="train a language model on packed shards, or go on with its training")
    train.add_argument("file", metavar="FILE", help="a training file, or a shipped one's name")
    train.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting, e.g. --set batches.rows=128"
    )
    train.add_argument(
        "--ranks", type=positive, metavar="N",
        help="processes on this machine, one for each GPU (default: one, or as torchrun says)",
    )  # fmt: skip
    train.add_argument("--quiet", action="store_true", help="show no progress, only the result")
    train.set_defaults(call=_train)


def _train(options: argparse.Namespace) -> int:
    from corpusmill.train import config, launch

    if find_spec("torch") is None:
        raise UsageError("train: torch is not installed; pip install 'corpusmill[train]'")
    chosen = config.load(options.file, options.set)  # faults are told once, before ranks are started
    if options.ranks is not None and "RANK" not in os.environ:
        settings = [word for setting in options.set for word in ("--set", setting)]
        quiet = ["--quiet"] if options.quiet else []
        return launch.ranks(["train", options.file, *settings, *quiet], options.ranks)
    from rich.console import Console

    from corpusmill.train import parallel, setup, trainer
    from corpusmill.train.progress import Bar

    with parallel.join(chosen.sharding.device) as world:
        ready = setup.prepare(chosen, world.size)
        result = trainer.train(ready, world, Bar(Console(quiet=True) if options.quiet else None))
        if world.rank == 0:
            print(_told(result, str(ready.folder)))
    return 128 + result.signal if result.signal else 0


def _told(result: "Result", folder: str) -> str:
    if result.signal:
        how = f"stopped by {signal.Signals(result.signal).name} after step {result.step:,} of {result.steps:,}"
        return f"{how}; checkpoint saved in {folder}; the same command goes on from there"
    begin = "finished before" if result.was_finished else "finished"
    figures = {name: result.report.get(name) for name in ("loss", "validation_loss", "bits_per_byte")}
    told = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in figures.items() if value is not None)
    return f"{begin}: {folder}, {result.step:,} steps, {result.report['tokens']:,} tokens, {told}"
