"""What a training run is made of, as its YAML has it: model, data, batches, optimiser, sharding. No torch here."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from corpusmill import loader
from corpusmill.spec import spec

SHIPPED = Path(__file__).parent / "recipes"
Strategy = Literal["ddp", "zero1", "zero2", "fsdp", "hsdp", "cpu_offload"]


def _check(name: str, value: float, low: float, high: float = math.inf) -> None:
    if not low <= value <= high:
        expected = f"from {low:g} to {high:g}" if high < math.inf else f"{low:g} or more"
        raise ValueError(f"{name}: found {value:g}; expected {expected}")


@spec
class Model:
    """A decoder: a preset, and what differs from it; what is null is the preset's.

    The vocabulary comes from the shards, and so does the length of learned positions.
    """

    preset: str = "llama-30m"
    layers: int | None = None
    width: int | None = None  # of the residual stream
    heads: int | None = None
    kv_heads: int | None = None  # fewer than heads: grouped-query attention (Ainslie et al. 2023)
    head_width: int | None = None
    hidden: int | None = None  # width inside the MLP
    norm: Literal["rmsnorm", "layernorm"] | None = None
    norm_place: Literal["pre", "post"] | None = None
    norm_epsilon: float | None = None
    mlp: Literal["swiglu", "geglu", "gelu", "relu"] | None = None
    positions: Literal["rope", "learned", "sinusoidal"] | None = None
    rope_theta: float | None = None
    qk_norm: bool | None = None
    tied: bool | None = None  # one matrix for embedding and head
    bias: bool | None = None
    dropout: float | None = None
    initial_deviation: float | None = None  # of normal weights
    max_length: int | None = None  # positions; null is the shards' sequence length


@spec
class Data:
    """Packed shards of one run, and their share in the training tokens."""

    path: str  # folder of a run, or of packed shards
    name: str = ""  # in reports; "" is the folder's
    weight: float | None = None  # against the other weights, in tokens; null in all: by size
    epochs: float = 4.0  # at most; up to four are nearly as good as new data (Muennighoff et al. 2023)

    def __post_init__(self) -> None:
        """Refuse negative weights and caps that allow nothing."""
        if self.weight is not None:
            _check("weight", self.weight, 0)
        if not self.epochs > 0:
            raise ValueError(f"epochs: found {self.epochs:g}; expected a number above 0")


@spec
class Length:
    """How long training goes on: exactly one of three."""

    tokens: int | None = None
    per_parameter: float | None = None  # tokens; 20 is compute-optimal (Hoffmann et al. 2022)
    epochs: float | None = None

    def __post_init__(self) -> None:
        """Refuse none and several."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) != 1:
            found = ", ".join(given) or "none"
            raise ValueError(f"length: found {found}; expected exactly one of tokens, per_parameter, epochs")
        for name, value in given.items():
            if not value > 0:
                raise ValueError(f"{name}: found {value:g}; expected a number above 0")


@spec
class Batches:
    """Rows of a step, and how they are cut for memory; the shape of a micro-batch never changes, its number does."""

    rows: int = 64  # of a step, over all ranks
    micro_rows: int = 8  # of one forward pass on one rank
    ramp: tuple[tuple[int, int], ...] = ()  # (tokens from which on, rows of a step) before `rows`, ascending

    def __post_init__(self) -> None:
        """Refuse what cannot be cut."""
        _check("rows", self.rows, 1)
        _check("micro_rows", self.micro_rows, 1)
        starts = [start for start, _ in self.ramp]
        if starts != sorted(set(starts)) or (starts and starts[0] != 0):
            raise ValueError(f"ramp: found starts {starts}; expected them ascending from 0")
        for rows in (self.rows, *(rows for _, rows in self.ramp)):
            if rows % self.micro_rows:
                raise ValueError(f"rows: found {rows}; expected a multiple of micro_rows ({self.micro_rows})")


@spec
class Optimizer:
    """AdamW (Loshchilov and Hutter 2019); decay acts on matrices only."""

    learning_rate: float = 3e-3
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    weight_decay: float = 0.1
    clip: float | None = 1.0  # of the gradient's norm
    z_loss: float = 0.0  # weight of log(Z)^2 (PaLM, section 5)
    spike_deviations: float | None = (
        6.0  # a step whose loss or norm lies further above the mean is skipped by all ranks
    )
    spike_window: int = 128  # steps

    def __post_init__(self) -> None:
        """Refuse what diverges by definition."""
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate: found {self.learning_rate:g}; expected a number above 0")
        for beta in self.betas:
            if not 0 <= beta < 1:
                raise ValueError(f"betas: found {beta:g}; expected from 0 to below 1")
        _check("weight_decay", self.weight_decay, 0)
        _check("z_loss", self.z_loss, 0)
        _check("spike_window", self.spike_window, 2)


@spec
class Schedule:
    """The learning rate over tokens, as a share of `learning_rate`."""

    shape: Literal["cosine", "wsd", "constant"] = "cosine"  # wsd: warm-up, stable, decay (Hu et al. 2024)
    warmup: float = 0.02  # share of all tokens
    decay: float = 0.2  # share of all tokens, for wsd
    final: float = 0.1  # what is left at the end

    def __post_init__(self) -> None:
        """Refuse shares that do not fit."""
        for name in ("warmup", "decay", "final"):
            _check(name, getattr(self, name), 0, 1)
        if self.shape == "wsd" and self.warmup + self.decay > 1:
            raise ValueError(
                f"decay: found {self.decay:g} beside a warm-up of {self.warmup:g}; expected at most 1 in all"
            )


@spec
class Sharding:
    """How model and optimiser lie on the ranks, and in which numbers."""

    strategy: Strategy = "fsdp"
    shard_ranks: int | None = None  # of hsdp: ranks that share one copy; null is the ranks of one machine
    precision: Literal["auto", "fp32", "bf16"] = (
        "auto"  # auto: bf16 on CUDA, else fp32; reductions and optimiser in fp32
    )
    checkpoint_activations: bool = False
    compile: Literal["auto", "none", "blocks", "whole"] = "auto"  # auto: blocks on CUDA, else none
    loss: Literal["auto", "full", "chunked"] = "auto"  # how logits and loss are computed
    device: Literal["auto", "cpu", "cuda"] = "auto"


@spec
class Checkpoints:
    """When the state is saved, and what is kept."""

    every: int = 500  # steps; the end is always saved
    keep_last: int = 2
    keep_every: int | None = None  # steps; those are kept for good
    background: bool = True  # write while training goes on

    def __post_init__(self) -> None:
        """Refuse what keeps nothing."""
        _check("every", self.every, 1)
        _check("keep_last", self.keep_last, 1)


@spec
class Watching:
    """What is looked at while training goes on."""

    log_every: int = 10  # steps
    validate_every: int = 250  # steps; 0 is only at the end
    validate_rows: int = 256  # at most
    sample_every: int = 0  # steps; 0 is only at the end
    prompts: tuple[str, ...] = ("",)
    sample_tokens: int = 64
    tensorboard: bool = False
    wandb: bool = False


@spec
class Training:
    """A whole training run."""

    name: str  # the folder below `output`
    about: str = ""
    sources: tuple[str, ...] = ()
    data: tuple[Data, ...]
    tokenizer: str | None = None  # null: the one that lies beside the shards
    model: Model = Model()
    length: Length = Length(per_parameter=20)
    batches: Batches = Batches()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    sharding: Sharding = Sharding()
    checkpoints: Checkpoints = Checkpoints()
    watching: Watching = Watching()
    seed: int = 0
    output: str = "models"

    def __post_init__(self) -> None:
        """Refuse a name that is no folder, and data that cannot be mixed."""
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(f"name: found {self.name!r}; it names a folder: letters, digits, '-', '_', '.'")
        if not self.data:
            raise ValueError("data: found none; expected at least one folder of packed shards")
        if len({part.weight is None for part in self.data}) > 1:
            raise ValueError("data: some parts have a weight and some have none; give one to all, or to none")


def load(path: str, settings: Iterable[str] = ()) -> Training:
    """Read a training file, or a shipped one by its name, and apply `--set` settings.

    Raises:
        RecipeError: listing every fault with its file and line.
    """
    file = loader.locate(path, SHIPPED, "training file")
    return parse(file.read_text(encoding="utf-8"), str(file), settings)


def parse(text: str, file: str = "training", settings: Iterable[str] = ()) -> Training:
    """Turn YAML text into a training run; `file` is named in messages."""
    return loader.parse(_KIND, text, file, settings)


def resolved(chosen: Training) -> str:
    """What is kept beside the model: all but where it lies."""
    data = loader.plain(chosen)
    del data["output"]
    return "# As it was run, every default written.\n" + loader.dump(data)


def _one_path(data: dict[str, Any]) -> None:
    """`data: out/demo` is short for `data: [{path: out/demo}]`."""
    if isinstance(data.get("data"), str):
        data["data"] = [{"path": data["data"]}]


_KIND = loader.Kind(Training, "training", "name and data", prepare=_one_path)
