"""Plans as people read them."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.train import budget
from corpusmill.train.budget import Machine
from corpusmill.train.hardware import GIB, USABLE
from corpusmill.train.memory import Memory, rule
from corpusmill.train.plan import Plan
from corpusmill.train.suited import Suited

_KINDS = ("weights", "moments", "gradients", "gathered", "activations", "working")
_MARKS = {"yes": "yes", "sparing": "(yes)", "no": "-"}


def planned(plan: Plan) -> Group:
    """What a model needs."""
    a = plan.architecture
    heads = f"{a.heads} heads" if a.heads == a.kv_heads else f"{a.heads} heads, {a.kv_heads} of keys and values"
    shape = f"  {a.layers} layers of {a.width:,}, {heads}, MLP of {a.hidden:,}, {a.vocabulary_size:,} ids"
    return Group(
        Text.assemble((a.preset, "bold"), shape, f", rows of {plan.sequence_length:,} tokens"),
        *(Text(f"{name:<24}{said}") for name, said in _lines(plan)),
        Text(""),
        _memory(plan),
    )


def _lines(plan: Plan) -> list[tuple[str, str]]:
    counted, machine = plan.parameters, plan.machine
    tables = counted.embedding + counted.positions + counted.head - counted.padding
    tied = "" if counted.head else " (head tied)"
    parameters = f"{counted.named:,}: {counted.body:,} in blocks, {tables:,} in embeddings{tied}"
    best, share = budget.optimal_tokens(counted.named), budget.over_training(counted.named, plan.tokens)
    tokens = (
        f"{amount(plan.tokens)}, {plan.tokens / counted.named:.1f} a parameter: {share:.2f} times the compute-optimal"
    )
    flops = f"{plan.flops:.3g} = {plan.flops / budget.PETAFLOP_DAY:.3g} petaflop/s-days"
    quoted = f"(6·N·D, as papers quote it: {budget.rule_flops(counted.named, plan.tokens):.3g})"
    hours, peak = machine.device_hours(plan.flops), f"{machine.peak.flops / 1e12:,.0f} TFLOP/s"
    time = f"{_hours(hours)} of one {machine.peak.name}, {_hours(hours / machine.count)} on {machine.count}"
    speed = f"at {machine.mfu:.0%} of {peak}: {amount(plan.tokens_per_second)} tokens/s"
    hold = ", ".join(f"{rule(counted.named, bits)['weights'] / 1e9:.3g}" for bits in (32, 16, 8))
    train = f"{rule(counted.named)['training'] / 1e9:.3g} GB"
    lines = [
        ("parameters", f"{parameters}; {counted.padding:,} more pad the vocabulary"),
        ("tokens", f"{tokens} {amount(best)}"),
        *_of_shards(plan),
        ("FLOPs of a token", f"{amount(plan.flops_per_token)}, forward and backward, attention counted"),
        ("FLOPs in all", f"{flops} {quoted}"),
        ("time", f"{time}, {speed}"),
        ("memory, by rule", f"weights {hold} GB in 32, 16, 8 bits; {train} to train in fp32, 24 bytes a parameter"),
    ]
    cost = machine.cost(plan.flops)
    return lines if cost is None else [*lines, ("cost", f"{cost:,.0f}, at {machine.price:g} an hour and device")]


def _of_shards(plan: Plan) -> list[tuple[str, str]]:
    if plan.there is None or plan.epochs is None:
        return []
    worth = budget.effective_tokens(plan.there, plan.epochs)
    said = f"{amount(plan.there)} different tokens, seen {plan.epochs:.2f} times"
    if plan.epochs > 1:
        said += f", worth {amount(worth)} new ones (Muennighoff et al. 2023)"
    if plan.epochs > budget.MOST_EPOCHS:
        said += f"; more than {budget.MOST_EPOCHS:g} epochs teach less and less: take a smaller model or more data"
    return [("shards", said)]


def _memory(plan: Plan) -> Group:
    setup, cards = plan.setup, plan.cards()
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("strategy")
    for name in (*_KINDS, "total", "sparing", *(card.name for card in cards)):
        table.add_column(name, justify="right")
    for row in plan.rows():
        marks = (_MARKS[row.fits(card)] for card in cards)
        table.add_row(row.setup.strategy, *_cells(row.memory), _gib(row.sparing.total), *marks)
    how = "computed again" if setup.checkpoint_activations else "kept"
    head = (
        f"GiB of a rank of {setup.ranks}, at {setup.micro_rows} rows of {setup.sequence_length:,} tokens at once, "
        f"{setup.precision}, activations {how}, loss {setup.loss}"
    )
    notes = (
        f"sparing, (yes): with sharding.checkpoint_activations=true and sharding.loss=chunked; a device counts with "
        f"{USABLE:.0%} of its memory"
    )
    return Group(Text(head), table, Text(notes, "dim"))


def _cells(memory: Memory) -> list[str]:
    return [*(_gib(getattr(memory, kind)) if getattr(memory, kind) else "" for kind in _KINDS), _gib(memory.total)]


def _gib(count: float) -> str:
    return f"{count / GIB:,.1f}" if count >= 10 * GIB else f"{count / GIB:.2f}"


def suited(found: Sequence[Suited], asked: str, sequence_length: int, machine: Machine) -> Group:
    """Which models suit what there is."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("model")
    names = [
        "parameters",
        "layers",
        "width",
        "heads",
        "tokens",
        "epochs",
        "of optimal",
        "FLOPs",
        f"{machine.peak.name} hours",
    ]
    for name in [*names, *(["cost"] if machine.price is not None else [])]:
        table.add_column(name, justify="right")
    for one in found:
        a, flops = one.architecture, one.flops(sequence_length)
        cost = machine.cost(flops)
        table.add_row(
            one.name, amount(one.parameters), str(a.layers), f"{a.width:,}", str(a.heads), amount(one.tokens),
            "" if one.epochs is None else f"{one.epochs:g}", f"{one.over_training:.2f}", f"{flops:.3g}",
            _hours(machine.device_hours(flops)).removesuffix(" hours"), *([] if cost is None else [f"{cost:,.0f}"]),
        )  # fmt: skip
    note = "of optimal: tokens over 20 a parameter; above 1 the model is smaller than compute alone would have it"
    return Group(Text(asked, "bold"), table, Text(note, "dim"))


def amount(number: float) -> str:
    """A large number as people read it: 1.24 billion is 1.24B."""
    for unit, size in (("T", 1e12), ("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= 0.9995 * size:
            return f"{number / size:.3g}{unit}" if number < 999.5 * size else f"{number / size:,.0f}{unit}"
    return f"{number:.3g}"


def _hours(hours: float) -> str:
    return f"{hours:,.0f} hours" if hours >= 100 else f"{hours:.3g} hours"
