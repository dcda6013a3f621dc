"""Text from a model, token by token: greedy or drawn, in batches, each prompt as if it were alone."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from corpusmill.errors import RunError, UsageError
from corpusmill.tokenize.order import key_of
from corpusmill.train.model import Cache, Decoder

Decode = Callable[[Sequence[int]], str]


class Choice(NamedTuple):
    """How the next token is chosen.

    Attributes:
        temperature: logits are divided by it; 0 takes the likeliest token.
        top_k: only so many of the likeliest tokens are drawn from; None is all.
        top_p: only the likeliest tokens that together reach this probability are (Holtzman et al. 2020).
        greedy: take the likeliest token.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    greedy: bool = False

    def check(self) -> None:
        """Refuse what nothing could be drawn by.

        Raises:
            UsageError: naming the setting.
        """
        if not self.temperature >= 0:
            raise UsageError(f"temperature: found {self.temperature:g}; expected 0 or more")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top_k: found {self.top_k}; expected 1 or more")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise UsageError(f"top_p: found {self.top_p:g}; expected above 0 and at most 1")


def generate(
    model: Decoder, prompts: Sequence[Sequence[int]], *, max_tokens: int, temperature: float = 1.0,
    top_k: int | None = None, top_p: float | None = None, greedy: bool = False, stop: Sequence[int | str] = (),
    seed: int = 0, decode: Decode | None = None, batch: int = 32, device: torch.device | str | None = None,
) -> list[list[int]]:  # fmt: skip
    """Continue prompts.

    What is drawn for a prompt depends on the seed and its number, not on the batch it is in. A prompt that leaves less
    room than `max_tokens` loses its beginning. Collective where the model is sharded.

    Args:
        model: a decoder, also a sharded one.
        prompts: ids of each; a document begins with end-of-text.
        max_tokens: new tokens of each prompt at most.
        temperature: see `Choice`.
        top_k: see `Choice`.
        top_p: see `Choice`.
        greedy: see `Choice`.
        stop: ids that end a text and are left out, and strings that end it once they occur in what is new; the ids
            that spell a string are in the result, since it may end inside a token (`cut` removes it from the text).
        seed: of the draws.
        decode: ids to text, for strings in `stop`.
        batch: prompts that are read together.
        device: where the model computes; None is where its parameters are.

    Returns:
        The new ids of each prompt.

    Raises:
        UsageError: settings that nothing could be drawn by, a prompt without ids, or no room for `max_tokens`.
        RunError: the model gives NaN.
    """
    choice = Choice(temperature, top_k, top_p, greedy)
    choice.check()
    texts = [item for item in stop if isinstance(item, str)]
    ids = frozenset(item for item in stop if not isinstance(item, str))
    if texts and decode is None:
        raise UsageError(f"stop: found the strings {texts}; they need a tokenizer, and this model has none")
    room = model.architecture.max_length - max_tokens
    if max_tokens < 1 or room < 1:
        most = model.architecture.max_length
        raise UsageError(
            f"max_tokens: found {max_tokens}; expected from 1 to {most - 1}: the model has {most} positions"
        )
    for number, prompt in enumerate(prompts):
        if not len(prompt):
            raise UsageError(f"prompts: number {number} has no ids; begin it with end-of-text")
    place = torch.device(device) if device is not None else next(model.parameters()).device
    rows = [_Row(list(prompt[-room:]), _draws(seed, number)) for number, prompt in enumerate(prompts)]
    training = model.training
    model.eval()
    try:
        # Compiled blocks would be compiled anew for many shapes here.
        with torch.no_grad(), torch.compiler.set_stance("force_eager"):
            for start in range(0, len(rows), batch):
                _continue(model, rows[start : start + batch], max_tokens, choice, _Stop(ids, texts, decode), place)
    finally:
        model.train(training)
    return [row.new for row in rows]


def cut(text: str, stop: Sequence[str]) -> str:
    """A text up to the first of the strings that it has, without it."""
    places = [at for at in (text.find(string) for string in stop) if at >= 0]
    return text[: min(places)] if places else text


def probabilities(logits: Tensor, choice: Choice) -> tuple[Tensor, Tensor]:
    """What is drawn from: probabilities (B, V) in descending order, zero where a limit forbids, and their ids.

    Args:
        logits: (B, V).
        choice: with a temperature above 0.
    """
    scaled, order = (logits.float() / choice.temperature).sort(dim=-1, descending=True, stable=True)
    if choice.top_k is not None:
        scaled[:, choice.top_k :] = -torch.inf
    found = scaled.softmax(-1)
    if choice.top_p is not None:
        before = found.cumsum(-1) - found
        found = torch.where(before < choice.top_p, found, 0.0)
        found = found / found.sum(-1, keepdim=True)
    return found, order


class _Row:
    """A prompt, what was added to it, and whether it goes on."""

    def __init__(self, prompt: list[int], draws: Iterator[float]) -> None:
        self.prompt, self.draws = prompt, draws
        self.new: list[int] = []
        self.done = False


class _Stop(NamedTuple):
    ids: frozenset[int]
    texts: Sequence[str]
    decode: Decode | None

    def add(self, row: _Row, token: int) -> None:
        """Add a token, unless it ends the text."""
        if token in self.ids:
            row.done = True
            return
        row.new.append(token)
        if self.texts and self.decode is not None:
            text = self.decode(row.new)
            row.done = any(string in text for string in self.texts)


def _continue(
    model: Decoder, rows: Sequence[_Row], max_tokens: int, choice: Choice, stop: _Stop, device: torch.device
) -> None:
    longest = max(len(row.prompt) for row in rows)
    filled_up = [row.prompt + [0] * (longest - len(row.prompt)) for row in rows]  # later tokens take those places
    lengths = torch.tensor([len(row.prompt) for row in rows], device=device)
    cache = Cache(len(rows), longest + max_tokens, device)
    read, count = torch.tensor(filled_up, device=device), lengths
    for _ in range(max_tokens):
        logits = model(read, cache=cache, at=count - 1)
        assert isinstance(logits, Tensor)
        cache.filled += count
        tokens = _choose(logits[:, 0], choice, [next(row.draws) for row in rows])
        for row, token in zip(rows, tokens.tolist(), strict=True):
            if not row.done:
                stop.add(row, token)
        if all(row.done for row in rows):
            return
        read, count = tokens.unsqueeze(-1), torch.ones_like(lengths)


def _choose(logits: Tensor, choice: Choice, draws: list[float]) -> Tensor:
    """The next token of each row, (B,): the first in descending order at which the probabilities exceed the draw."""
    if bool(logits.isnan().any()):
        raise RunError("generate: the model gives NaN; its weights are broken")
    if choice.greedy or choice.temperature == 0:
        return logits.argmax(-1)
    found, order = probabilities(logits, choice)
    reached = found.double().cumsum(-1)
    drawn = torch.tensor(draws, dtype=torch.float64, device=logits.device).unsqueeze(-1) * reached[:, -1:]
    last = (found > 0).sum(-1, keepdim=True) - 1
    place = torch.minimum((reached <= drawn).sum(-1, keepdim=True), last)  # a draw may be rounded up to all there is
    return order.gather(-1, place).squeeze(-1)


def _draws(seed: int, number: int) -> Iterator[float]:
    """Numbers from 0 to below 1 for one prompt, the same on any device."""
    generator = torch.Generator().manual_seed(key_of("generate", seed, number))
    while True:
        yield from torch.rand(64, generator=generator, dtype=torch.float64).tolist()
