"""The other way round: which model suits a budget, or the tokens that there are."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from corpusmill.train import budget, config
from corpusmill.train.architecture import Architecture, resolve
from corpusmill.train.planner import count, flops_per_token
from corpusmill.train.presets import PRESETS

_HEAD = 64  # width of a head up to a billion parameters, twice that above
_TIED_UP_TO = 3.5e9  # parameters; larger models have a head of their own
_FAR = 20  # times more or fewer tokens than compute-optimal: beyond that nobody would train it
_SEVERAL = (1.0, 2.0, budget.MOST_EPOCHS)


@dataclass(frozen=True)
class Suited:
    """A model and what it would be trained on.

    Attributes:
        name: of the preset, or `shape` for one that was made to measure.
        architecture: of it. tokens: to train on. epochs: over different tokens, null where they are not known.
    """

    name: str
    architecture: Architecture
    tokens: float
    epochs: float | None = None

    @property
    def parameters(self) -> int:
        """As papers count them."""
        return count(self.architecture).named

    @property
    def over_training(self) -> float:
        """Tokens over the compute-optimal ones."""
        return budget.over_training(self.parameters, self.tokens)

    def flops(self, sequence_length: int) -> float:
        """Of the whole training."""
        return self.tokens * flops_per_token(self.architecture, sequence_length)


def for_flops(flops: float, vocabulary_size: int, sequence_length: int) -> list[Suited]:
    """Models that a compute budget is about right for: a shape made to measure, then presets, the best first.

    Each is trained on as many tokens as the budget allows, attention counted.
    """
    target = budget.optimal_parameters(flops)
    for _ in range(8):  # attention costs besides what the rule says; a few rounds settle it
        made = shape(target, vocabulary_size, sequence_length)
        each = flops_per_token(made, sequence_length)
        target *= math.sqrt(flops / (each * budget.optimal_tokens(count(made).named)))
    known = [made, *_presets(vocabulary_size, sequence_length)]
    found = [Suited(one.preset, one, flops / flops_per_token(one, sequence_length)) for one in known]
    return _best_first(found)


def for_tokens(tokens: float, vocabulary_size: int, sequence_length: int) -> list[Suited]:
    """For one, two and four passes over what there is: a shape made to measure and the nearest preset.

    More passes are not proposed: from four on, repeated tokens teach less and less (Muennighoff et al. 2023).
    """
    found = []
    for epochs in _SEVERAL:
        seen = tokens * epochs
        made = shape(seen / budget.TOKENS_PER_PARAMETER, vocabulary_size, sequence_length)
        known = [made, *_presets(vocabulary_size, sequence_length)]
        found += _best_first([Suited(one.preset, one, seen, epochs) for one in known])[:2]
    return found


def _best_first(found: list[Suited]) -> list[Suited]:
    """The shape, and the presets that are not too far from compute-optimal."""
    made, *presets = found
    named = Suited("shape", made.architecture, made.tokens, made.epochs)
    near = [one for one in presets if 1 / _FAR <= one.over_training <= _FAR]
    return [named, *sorted(near, key=lambda one: abs(math.log(one.over_training)))]


def _presets(vocabulary_size: int, sequence_length: int) -> Iterator[Architecture]:
    for name, fields in PRESETS.items():
        if fields.get("max_length", sequence_length) >= sequence_length:
            yield resolve(config.Model(preset=name), vocabulary_size, sequence_length)


def shape(parameters: float, vocabulary_size: int, sequence_length: int) -> Architecture:
    """A decoder of the Llama kind of about this size, as deep for its width as models of its size are.

    Width over layers goes from about 35 at three million parameters to 64 at GPT-2's size and 128 at 7 billion.

    Args:
        parameters: wanted, embeddings included.
        vocabulary_size: ids of the tokenizer.
        sequence_length: tokens of a row.
    """
    head = _HEAD if parameters < 1e9 else 2 * _HEAD
    ratio = 64 * (parameters / 124e6) ** (1 / 6)
    best: tuple[float, Architecture] | None = None
    for heads in range(1, 200):
        for layers in sorted({max(round(heads * head / ratio) + more, 1) for more in (-2, -1, 0, 1, 2)}):
            made = _made(layers, heads, head, parameters, vocabulary_size, sequence_length)
            size = count(made).named
            far = abs(math.log(size / parameters)) + 0.1 * abs(math.log(made.width / layers / ratio))
            if best is None or far < best[0]:
                best = far, made
        if best is not None and size > 4 * parameters:
            break
    assert best is not None
    return best[1]


def _made(layers: int, heads: int, head: int, parameters: float, vocabulary_size: int, length: int) -> Architecture:
    fields: dict[str, Any] = {"layers": layers, "width": heads * head, "heads": heads, "tied": parameters < _TIED_UP_TO}
    return resolve(config.Model(preset="llama-3m", **fields), vocabulary_size, length)
