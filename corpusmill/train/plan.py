"""A plan of a training: what a model needs on some devices, forward and backward; numbers only, see planned.py."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from corpusmill.train import budget, config
from corpusmill.train.architecture import Architecture
from corpusmill.train.budget import Machine
from corpusmill.train.hardware import PEAKS, Peak
from corpusmill.train.memory import STRATEGIES, Memory, Setup, memory
from corpusmill.train.planner import Parameters, count, flops_per_token
from corpusmill.train.suited import Suited

CARDS = ("RTX 4090", "A100 40GB", "H100", "H200", "B200")  # that a plan is held against


@dataclass(frozen=True)
class Row:
    """A strategy in the table of memory.

    Attributes:
        setup: the strategy with what the training file asks for. memory: of a rank.
        sparing: of a rank with activations computed again and the loss in chunks.
    """

    setup: Setup
    memory: Memory
    sparing: Memory

    def fits(self, card: Peak) -> str:
        """`yes`, `sparing` for only so, or `no`."""
        if self.memory.total <= card.usable:
            return "yes"
        return "sparing" if self.sparing.total <= card.usable else "no"


@dataclass(frozen=True)
class Plan:
    """All figures of a training.

    Attributes:
        architecture: of the model. sequence_length: tokens of a row. tokens: of the whole training.
        machine: on which. setup: how, as the training file says.
        there: different tokens in the shards, null where no shards were named.
    """

    architecture: Architecture
    sequence_length: int
    tokens: float
    machine: Machine
    setup: Setup
    there: int | None = None

    @property
    def parameters(self) -> Parameters:
        """By kind."""
        return count(self.architecture)

    @property
    def flops_per_token(self) -> float:
        """Forward and backward, attention counted."""
        return flops_per_token(self.architecture, self.sequence_length)

    @property
    def flops(self) -> float:
        """Of the whole training."""
        return self.tokens * self.flops_per_token

    @property
    def epochs(self) -> float | None:
        """How often each token of the shards is seen."""
        return None if self.there is None else self.tokens / self.there

    @property
    def tokens_per_second(self) -> float:
        """Of all devices together."""
        return self.machine.count * self.machine.peak.flops * self.machine.mfu / self.flops_per_token

    def rows(self) -> list[Row]:
        """The table of memory, a row for each strategy."""
        found = []
        for strategy in STRATEGIES:
            setup = replace(self.setup, strategy=strategy)
            sparing = replace(setup, checkpoint_activations=True, loss="chunked")
            found.append(Row(setup, memory(self.architecture, setup), memory(self.architecture, sparing)))
        return found

    def cards(self) -> list[Peak]:
        """Devices that the table is held against, the chosen one among them, by their memory."""
        names = {*CARDS, self.machine.peak.name}
        return sorted((PEAKS[name] for name in names), key=lambda card: (card.memory, card.name))

    def to_json(self) -> dict[str, Any]:
        """All figures, units in the names."""
        parameters, machine = self.parameters, self.machine
        epochs = self.epochs
        return {
            "architecture": self.architecture.to_json(), "sequence_length": self.sequence_length,
            "parameters": {"total": parameters.total, "named": parameters.named, "body": parameters.body,
                           "matmul": parameters.matmul, **asdict(parameters)},
            "tokens": round(self.tokens), "optimal_tokens": round(budget.optimal_tokens(parameters.named)),
            "tokens_per_parameter": self.tokens / parameters.named,
            "over_training": budget.over_training(parameters.named, self.tokens),
            "tokens_there": self.there, "epochs": epochs,
            "effective_tokens": None if epochs is None else budget.effective_tokens(self.there or 0, epochs),
            "flops_per_token": self.flops_per_token, "flops": self.flops,
            "flops_by_rule": budget.rule_flops(parameters.named, self.tokens),
            "petaflop_days": self.flops / budget.PETAFLOP_DAY,
            "machine": {"device": machine.peak.name, "count": machine.count, "mfu": machine.mfu,
                        "price": machine.price, "peak_flops": machine.peak.flops, "source": machine.peak.source},
            "tokens_per_second": self.tokens_per_second, "device_hours": machine.device_hours(self.flops),
            "hours": machine.device_hours(self.flops) / machine.count, "cost": machine.cost(self.flops),
            "memory": [_row(row, self.cards()) for row in self.rows()],
        }  # fmt: skip


def _row(row: Row, cards: list[Peak]) -> dict[str, Any]:
    return {
        "setup": asdict(row.setup), "bytes": asdict(row.memory) | {"total": row.memory.total},
        "sparing_total": row.sparing.total, "fits": {card.name: row.fits(card) for card in cards},
    }  # fmt: skip


def asked_tokens(length: config.Length, parameters: int, there: int | None) -> float | None:
    """Tokens that a training file asks for, or None where that depends on shards that are not known."""
    if length.tokens is not None:
        return float(length.tokens)
    if length.per_parameter is not None:
        return length.per_parameter * parameters
    return None if there is None or length.epochs is None else length.epochs * there


def suited_json(found: Suited, sequence_length: int, machine: Machine) -> dict[str, Any]:
    """A model that suits, with what it needs."""
    flops = found.flops(sequence_length)
    return {
        "name": found.name, "architecture": found.architecture.to_json(), "parameters": found.parameters,
        "tokens": round(found.tokens), "epochs": found.epochs, "over_training": found.over_training, "flops": flops,
        "device_hours": machine.device_hours(flops), "cost": machine.cost(flops),
    }  # fmt: skip
