"""Log-probabilities of texts, in batches sorted by length, with the conventions of lm-evaluation-harness.

A continuation's tokens are those that context and continuation have together beyond the context's own; spaces at the
context's end go to the continuation. An empty context is end-of-text. What is too long loses its beginning.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
import torch

from corpusmill.errors import InputError, RunError
from corpusmill.tokenize.decode import decoder
from corpusmill.tokenize.encode import Encoder
from corpusmill.tokenize.tokenizer import Tokenizer
from corpusmill.train.generate import cut

LOGIT_BYTES = 512_000_000  # of a batch's logits, in fp32


class Logits(Protocol):
    """A model: ids int64 (B, L) to logits (B, L, V or more), row by row, causal."""

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        """Logits of the next token at each place."""
        ...


class Complete(Protocol):
    """A model that writes: prompts to what follows them."""

    def __call__(self, prompts: list[list[int]], *, max_tokens: int, stop: tuple[str, ...]) -> list[list[int]]:
        """New ids for each prompt, greedily."""
        ...


class Score(NamedTuple):
    """What a model says of a text.

    Attributes:
        log_probability: natural logarithm, sum over tokens.
        greedy: whether each token is the likeliest one.
        tokens: how many were scored.
    """

    log_probability: float
    greedy: bool
    tokens: int


class _Row(NamedTuple):
    """Ids to be read, and what they should be followed by at their end."""

    read: tuple[int, ...]
    targets: tuple[int, ...]


class Scorer:
    """Scores texts with one model."""

    def __init__(
        self, logits: Logits, tokenizer: Tokenizer, *, eos: int, max_length: int, batch: int = 16, start: bool = False,
        complete: Complete | None = None,
    ) -> None:  # fmt: skip
        """Prepare to score.

        Args:
            logits: the model.
            tokenizer: the model's.
            eos: id of end-of-text, which stands before an empty context.
            max_length: tokens that the model reads at most.
            batch: rows of a batch at most; fewer where their logits would take more than `LOGIT_BYTES`.
            start: whether end-of-text stands before every context, as it did before every document in training.
            complete: the model as a writer, for `generate`.
        """
        self.tokenizer, self.eos, self.max_length, self.start = tokenizer, eos, max_length, start
        self._logits, self._batch, self._complete = logits, batch, complete
        self._encoder, self._decode = Encoder(tokenizer), decoder(tokenizer)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of texts, without special tokens."""
        from corpusmill.kernels import buffers

        offsets, ids = self._encoder(buffers.text(pa.array(texts, pa.string())))
        return [ids[offsets[at] : offsets[at + 1]].tolist() for at in range(len(texts))]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids."""
        return self._decode(ids)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> list[Score]:
        """Score each continuation after its context.

        Raises:
            InputError: for a continuation that is longer than what the model reads.
            RunError: for a model that gives NaN.
        """
        return self.scored([self._row(*encoded) for encoded in self._encoded(pairs)])

    def rolling(self, texts: Sequence[str]) -> list[Score]:
        """Score whole texts, in windows of `max_length` as lm-eval has them; the first begins with end-of-text."""
        rows, owners = [], []
        for owner, ids in enumerate(self.encode(texts)):
            windows = list(self._windows(ids))
            rows += windows
            owners += [owner] * len(windows)
        found = [Score(0.0, True, 0)] * len(texts)
        for owner, score in zip(owners, self.scored(rows), strict=True):
            before = found[owner]
            total = before.log_probability + score.log_probability
            found[owner] = Score(total, before.greedy and score.greedy, before.tokens + score.tokens)
        return found

    def generate(self, prompts: Sequence[str], *, max_tokens: int, stop: tuple[str, ...]) -> list[str]:
        """What the model writes after each prompt, greedily, up to `stop` or `max_tokens`.

        Raises:
            InputError: for a model that cannot write.
        """
        if self._complete is None:
            raise InputError("this model gives likelihoods only; tasks of generation need one that writes")
        room = max(self.max_length - max_tokens, 1)
        ids = [([self.eos] if self.start or not prompt else []) + prompt for prompt in self.encode(prompts)]
        written = self._complete([prompt[-room:] for prompt in ids], max_tokens=max_tokens, stop=stop)
        return [cut(self.decode(new), stop) for new in written]

    def scored(self, rows: Sequence[tuple[tuple[int, ...], tuple[int, ...]]]) -> list[Score]:
        """Score ids: each row is what is read, and the targets of its last places.

        Rows that read the same are read once: one-token answers after one context cost one row.
        """
        readers: dict[tuple[int, ...], list[int]] = {}
        for number, (read, _) in enumerate(rows):
            readers.setdefault(read, []).append(number)
        found: dict[int, Score] = {}
        waiting = sorted(readers, key=lambda read: (-len(read), read))  # longest first: memory fails at once or never
        while waiting:
            count = self._rows_of(len(waiting[0]))
            here, waiting = waiting[:count], waiting[count:]
            for read, table in zip(here, self._read(here), strict=True):
                for number in readers[read]:
                    found[number] = _score(table[len(read) - len(rows[number][1]) : len(read)], rows[number][1])
        return [found[number] for number in range(len(rows))]

    def _rows_of(self, length: int) -> int:
        return max(min(self._batch, LOGIT_BYTES // (4 * length * self.tokenizer.size)), 1)

    @torch.inference_mode()
    def _read(self, rows: Sequence[tuple[int, ...]]) -> torch.Tensor:
        """Logits (B, L, V) of rows, filled up at their right ends with end-of-text."""
        ids = np.full((len(rows), max(map(len, rows))), self.eos, np.int64)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
        return self._logits(torch.from_numpy(ids))[..., : self.tokenizer.size]

    def _encoded(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[list[int], list[int]]]:
        moved = []
        for context, continuation in pairs:
            bare = context.rstrip()
            moved.append((bare, context[len(bare) :] + continuation))
        names = sorted({bare for bare, _ in moved})
        known = dict(zip(names, self.encode(names), strict=True))
        for (bare, _), whole in zip(moved, self.encode([bare + rest for bare, rest in moved]), strict=True):
            read = known[bare]
            if len(read) < len(whole) or not whole:
                yield read, whole[len(read) :]
            else:  # they melt into fewer tokens: the last one is the continuation's
                yield whole[:-1], whole[-1:]

    def _row(self, context: list[int], continuation: list[int]) -> _Row:
        if len(continuation) > self.max_length:
            raise InputError(
                f"an answer of {len(continuation)} tokens, {self.decode(continuation[:12])!r}…; "
                f"the model reads {self.max_length}: leave this item out"
            )
        if self.start or (not context and continuation[:1] != [self.eos]):
            context = [self.eos, *context]
        elif not context:
            context, continuation = continuation[:1], continuation[1:]
        read = [*context, *continuation][:-1] if continuation else context
        return _Row(tuple(read[-self.max_length :]), tuple(continuation))

    def _windows(self, ids: list[int]) -> Iterator[_Row]:
        first = ids[: self.max_length]
        if first:
            yield _Row((self.eos, *first[:-1]), tuple(first))
        for start in range(len(first), len(ids), self.max_length):
            targets = ids[start : start + self.max_length]
            end = start + len(targets) - 1  # what is read fills the model: a short last window sees more before it
            yield _Row(tuple(ids[end - self.max_length : end]), tuple(targets))


def _score(logits: torch.Tensor, targets: tuple[int, ...]) -> Score:
    if not targets:
        return Score(0.0, True, 0)
    wanted = torch.tensor(targets, device=logits.device)
    table = torch.log_softmax(logits.float(), -1)
    each = table.gather(-1, wanted[:, None])[:, 0].double()
    total, greedy = float(each.sum()), bool((table.argmax(-1) == wanted).all())
    if math.isnan(total):
        raise RunError("the model's logits are not numbers (NaN); it cannot be evaluated, take an earlier checkpoint")
    return Score(total, greedy, len(targets))
