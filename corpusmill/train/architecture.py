"""A decoder down to the last number: a preset, what differs from it, and what follows from both. No torch here."""

import dataclasses
import math
from typing import Any, Literal, Self

from corpusmill.errors import InputError, RecipeError, near
from corpusmill.train import config
from corpusmill.train.presets import PRESETS

VOCABULARY_STEP = 128  # matrix kernels are fastest where the vocabulary is a multiple of it
_HIDDEN_STEP = 64
_WORDS = {
    "norm": ("rmsnorm", "layernorm"), "norm_place": ("pre", "post"), "mlp": ("swiglu", "geglu", "gelu", "relu"),
    "positions": ("rope", "learned", "sinusoidal"),
}  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Architecture:
    """What `model.Decoder` is built from, nothing left open; the fields are those of `config.Model`.

    Attributes:
        vocabulary_size: ids of the tokenizer; the matrices have `padded_vocabulary` rows.
        max_length: positions; a sequence holds at most as many tokens.

    Raises:
        RecipeError: the numbers make no decoder; every fault is listed.
    """

    preset: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    head_width: int
    hidden: int
    norm: Literal["rmsnorm", "layernorm"]
    norm_place: Literal["pre", "post"]
    norm_epsilon: float
    mlp: Literal["swiglu", "geglu", "gelu", "relu"]
    positions: Literal["rope", "learned", "sinusoidal"]
    rope_theta: float
    qk_norm: bool
    tied: bool
    bias: bool
    dropout: float
    initial_deviation: float
    max_length: int
    vocabulary_size: int

    def __post_init__(self) -> None:
        """Refuse what cannot be built."""
        _refuse(_faults(self))

    @property
    def padded_vocabulary(self) -> int:
        """Rows of the embedding; ids from `vocabulary_size` on are never inputs, targets or predictions."""
        return -(-self.vocabulary_size // VOCABULARY_STEP) * VOCABULARY_STEP

    @property
    def gated(self) -> bool:
        """Whether the MLP multiplies its activation by a second projection."""
        return self.mlp in {"swiglu", "geglu"}

    def to_json(self) -> dict[str, Any]:
        """All fields, in order."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The inverse of `to_json`.

        Raises:
            InputError: fields are missing or unknown, as those of another version.
            RecipeError: the numbers make no decoder.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if set(data) != known:
            missing, unknown = sorted(known - set(data)), sorted(set(data) - known)
            raise InputError(
                f"architecture: missing {', '.join(missing) or 'nothing'}, unknown {', '.join(unknown) or 'nothing'};"
                " it was written by another version of corpusmill"
            )
        return cls(**data)


def resolve(model: config.Model, vocabulary_size: int, sequence_length: int) -> Architecture:
    """The architecture of a training file.

    What neither file nor preset gives follows from the rest: `head_width` is width / heads, `kv_heads` is heads,
    `hidden` is 4 times the width, or 8/3 of it where the MLP is gated (equal parameters; Shazeer 2020), up to a
    multiple of 64, and `max_length` is the sequence length.

    Args:
        model: the part `model` of the file.
        vocabulary_size: ids of the tokenizer.
        sequence_length: of the shards, in tokens.

    Raises:
        RecipeError: unknown preset, widths that do not divide, or positions too few for the shards.
    """
    if model.preset not in PRESETS:
        hint = near(model.preset, PRESETS)
        raise RecipeError(f"model.preset: found {model.preset!r}{hint}; known are: {', '.join(PRESETS)}")
    given = {name: value for name, value in vars(model).items() if value is not None}
    fields: dict[str, Any] = {**PRESETS[model.preset], **given, "vocabulary_size": vocabulary_size}
    fields.setdefault("max_length", sequence_length)
    fields.setdefault("kv_heads", fields["heads"])
    if "head_width" not in fields:
        width, heads = fields["width"], fields["heads"]
        if heads < 1 or width % heads:
            _refuse(
                [f"width: found {width} and {heads} heads; expected a multiple of heads, or head_width to be given"]
            )
        fields["head_width"] = width // heads
    fields.setdefault("hidden", _hidden(fields["width"], gated=fields["mlp"] in {"swiglu", "geglu"}))
    found = Architecture(**fields)
    if found.max_length < sequence_length:
        _refuse([f"max_length: found {found.max_length}; the shards' rows have {sequence_length} tokens"])
    return found


def _hidden(width: int, *, gated: bool) -> int:
    return math.ceil(8 * width / 3 / _HIDDEN_STEP) * _HIDDEN_STEP if gated else 4 * width


def _faults(found: Architecture) -> list[str]:
    counts = ("layers", "width", "heads", "kv_heads", "head_width", "hidden", "max_length", "vocabulary_size")
    faults = [
        f"{name}: found {getattr(found, name)}; expected a whole number from 1 up"
        for name in counts
        if getattr(found, name) < 1
    ]
    faults += [
        f"{name}: found {getattr(found, name)!r}; expected one of {', '.join(words)}"
        for name, words in _WORDS.items()
        if getattr(found, name) not in words
    ]
    faults += [
        f"{name}: found {getattr(found, name):g}; expected a number above 0"
        for name in ("norm_epsilon", "rope_theta", "initial_deviation")
        if not 0 < getattr(found, name) < math.inf
    ]
    if not 0 <= found.dropout < 1:
        faults.append(f"dropout: found {found.dropout:g}; expected from 0 to below 1")
    if not faults and found.heads % found.kv_heads:
        faults.append(f"kv_heads: found {found.kv_heads}; expected a divisor of heads ({found.heads})")
    if found.positions == "rope" and found.head_width % 2:
        faults.append(f"head_width: found {found.head_width}; rope turns pairs, so it is even")
    if found.positions == "sinusoidal" and found.width % 2:
        faults.append(f"width: found {found.width}; sinusoidal positions are pairs, so it is even")
    return faults


def _refuse(faults: list[str]) -> None:
    if faults:
        raise RecipeError("\n".join(f"model.{fault}" for fault in faults))
