"""The command that plans a training before anything is trained."""

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusmill.cli.shared import positive, show
from corpusmill.errors import UsageError, near

if TYPE_CHECKING:
    from corpusmill.cli.shared import Commands
    from corpusmill.train.budget import Machine
    from corpusmill.train.config import Training
    from corpusmill.train.data import Rows

_UNITS = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_NO_DATA = "-"  # where a preset stands for a training file
_VOCABULARY, _LENGTH = 32_768, 2048  # where no shards say otherwise
_OF_PRESETS = {"gpt2-124m": (50_257, 1024), "llama-7b": (32_000, 4096)}  # of the models that they are


def add(commands: "Commands") -> None:
    """Add this command and its flags."""
    plan = commands.add_parser(
        "plan-model", help="what a model needs: parameters, FLOPs, memory, hours; or which model suits a budget"
    )
    plan.add_argument("model", nargs="?", metavar="MODEL", help="a preset, e.g. llama-160m, or a training file")
    plan.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting, e.g. --set model.layers=24"
    )
    plan.add_argument("--shards", metavar="RUN", help="packed shards: their tokens; without MODEL, what suits them")
    plan.add_argument("--tokens", type=amount, metavar="N", help="to train on, e.g. 3e9 or 3B")
    plan.add_argument("--vocabulary-size", type=positive, metavar="N", help="ids (default: the shards', or 32768)")
    plan.add_argument("--sequence-length", type=positive, metavar="N", help="of a row (default: the shards', or 2048)")
    budgets = plan.add_mutually_exclusive_group()
    budgets.add_argument("--budget-hours", type=amount, metavar="H", help="which model suits H hours of one device")
    budgets.add_argument("--budget-money", type=amount, metavar="M", help="which model suits so much money")
    budgets.add_argument("--budget-flops", type=amount, metavar="F", help="which model suits so many FLOPs")
    plan.add_argument(
        "--gpu", default="H200", metavar="NAME", help="the device, e.g. H200, A100, RTX 4090 (default H200)"
    )
    plan.add_argument("--gpus", type=positive, default=8, metavar="N", help="how many of them (default 8)")
    plan.add_argument("--mfu", type=float, default=0.4, metavar="X", help="share of its FLOP/s reached (default 0.4)")
    plan.add_argument("--price", type=amount, metavar="P", help="of one hour of one device")
    plan.add_argument("--json", action="store_true", help="as JSON")
    plan.set_defaults(call=_plan)


def amount(text: str) -> float:
    """A number above 0, with k, M, B or T behind it if wanted.

    Raises:
        argparse.ArgumentTypeError: it is something else.
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?(?:e\+?\d+)?)([kmbt]?)", text.replace(",", "").lower())
    number = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number above 0, e.g. 3e9 or 3B, found {text!r}")
    return number


def _plan(options: argparse.Namespace) -> int:
    from corpusmill.train import budget, hardware

    try:
        machine = budget.Machine(
            peak=hardware.chosen(options.gpu), count=options.gpus, mfu=options.mfu, price=options.price
        )
    except ValueError as error:
        raise UsageError(f"--{error}") from error
    budgeted = _flops(options, machine)
    if budgeted is not None and options.model:
        raise UsageError("plan-model: a budget chooses the model; leave out MODEL, or the budget")
    if options.model is None and (options.tokens or options.set):
        raise UsageError("plan-model: --tokens and --set go with a MODEL; a budget or shards choose both themselves")
    if options.model is None and budgeted is None and not options.shards:
        raise UsageError("plan-model: name a model (a preset or a training file), a budget, or --shards")
    if options.model is None:
        return _suited(options, machine, budgeted)
    return _forward(options, machine)


def _flops(options: argparse.Namespace, machine: "Machine") -> float | None:
    """The budget in FLOPs, if there is one."""
    if options.budget_money is not None:
        if machine.price is None:
            raise UsageError("--budget-money: needs --price, the price of one hour of one device")
        return machine.flops(options.budget_money / machine.price)
    if options.budget_hours is not None:
        return machine.flops(options.budget_hours)
    return options.budget_flops  # type: ignore[no-any-return]


def _suited(options: argparse.Namespace, machine: "Machine", flops: float | None) -> int:
    from corpusmill.train import plan, planned, suited

    rows = _shards(options)
    vocabulary, length = _sizes(options, rows)
    if flops is not None:
        found = suited.for_flops(flops, vocabulary, length)
        asked = f"{flops:.3g} FLOPs: {machine.device_hours(flops):,.4g} hours of one {machine.peak.name}"
    else:
        assert rows is not None
        found = suited.for_tokens(rows.tokens, vocabulary, length)
        asked = f"{rows.tokens:,} tokens in {options.shards}"
    if options.json:
        _print([plan.suited_json(one, length, machine) for one in found])
        return 0
    show(planned.suited(found, asked, length, machine))
    return 0


def _forward(options: argparse.Namespace, machine: "Machine") -> int:
    from corpusmill.train import plan, planned
    from corpusmill.train.architecture import resolve
    from corpusmill.train.memory import Setup
    from corpusmill.train.planner import count

    chosen = _chosen(options)
    rows = _shards(options, chosen)
    vocabulary, length = _sizes(options, rows, chosen.model.preset)
    architecture = resolve(chosen.model, vocabulary, length)
    there = rows.tokens if rows else None
    tokens = options.tokens or plan.asked_tokens(chosen.length, count(architecture).named, there)
    if tokens is None:
        raise UsageError(
            f"{options.model}: length is in epochs, and its shards are not there; give --tokens or --shards"
        )
    setup = Setup.of(chosen, architecture, machine.count, length)
    found = plan.Plan(architecture, length, tokens, machine, setup, there)
    if options.json:
        _print(found.to_json())
    else:
        show(planned.planned(found))
    return 0


def _chosen(options: argparse.Namespace) -> "Training":
    """The training file; a preset is one that says nothing else."""
    from corpusmill.train import config
    from corpusmill.train.presets import PRESETS

    if options.model in PRESETS:
        text = f"name: plan\ndata: [{{path: {_NO_DATA}}}]\nmodel: {{preset: {options.model}}}\n"
        return config.parse(text, options.model, options.set)
    if not Path(options.model).is_file() and not (config.SHIPPED / f"{options.model}.yaml").is_file():
        known = f"presets: {', '.join(PRESETS)}"
        raise UsageError(
            f"{options.model}: neither a preset nor a training file{near(options.model, PRESETS)}; {known}"
        )
    return config.load(options.model, options.set)


def _shards(options: argparse.Namespace, chosen: "Training | None" = None) -> "Rows | None":
    """The shards that were named; else those of the training file, unless their sizes are given."""
    from corpusmill.train import config
    from corpusmill.train.data import Rows

    if options.shards:
        return Rows.open([config.Data(path=options.shards)], seed=0)
    if chosen is None or chosen.data[0].path == _NO_DATA or (options.vocabulary_size and options.sequence_length):
        return None
    return Rows.open(chosen.data, chosen.seed)


def _sizes(options: argparse.Namespace, rows: "Rows | None", preset: str = "") -> tuple[int, int]:
    """Ids of the vocabulary, tokens of a row: as asked, as the shards have them, or what the preset is known with."""
    vocabulary, length = _OF_PRESETS.get(preset, (_VOCABULARY, _LENGTH))
    if rows is not None:
        vocabulary, length = rows.vocabulary_size, rows.sequence_length
    return options.vocabulary_size or vocabulary, options.sequence_length or length


def _print(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
