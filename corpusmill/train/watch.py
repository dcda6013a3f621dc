"""What a model can do so far: its loss on validation rows, and what it writes. All ranks take part."""

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch

from corpusmill.tokenize.tokenizer import Tokenizer
from corpusmill.train import parallel
from corpusmill.train.data import Batch
from corpusmill.train.generate import generate
from corpusmill.train.loss import IGNORED
from corpusmill.train.model import Decoder
from corpusmill.train.run import Run


class Watcher:
    """Looks at a run between two steps."""

    def __init__(self, run: Run) -> None:
        """Prepare the sizes of tokens."""
        self._run = run
        sizes = run.ready.token_bytes()
        self._sizes = None if sizes is None else torch.from_numpy(sizes).to(run.world.device)

    def validate(self) -> dict[str, float]:
        """Mean loss of validation tokens in nats, and bits per byte of their text; nothing without validation rows.

        End-of-text is no text, so that its bits count in the loss only, as in `evaluate.perplexity`.

        The rows are the first of the validation order, the same each time and for any number of ranks. Collective.
        """
        run, rows = self._run, self._run.ready.validation
        if rows is None:
            return {}
        count = min(run.chosen.watching.validate_rows, rows.row_count)
        size = run.chosen.batches.micro_rows
        sums = torch.zeros(4, dtype=torch.float64, device=run.world.device)
        with parallel.looking(run.model):
            for start in range(0, count, size * run.world.size):  # each rank as many passes as all others
                wanted = np.arange(size) + start + run.world.rank * size
                batch = rows.batch(np.minimum(wanted, count - 1))
                batch.targets[wanted >= count] = IGNORED
                sums += self._sums(batch)
        entropy, targets, of_text, size_of_text = run.world.sum_(sums).tolist()
        found = {"validation_loss": entropy / targets, "validation_tokens": targets}
        if size_of_text:
            found["bits_per_byte"] = of_text / math.log(2) / size_of_text
        return found

    def _sums(self, batch: Batch) -> torch.Tensor:
        """Cross-entropy, targets, cross-entropy of those that stand for text, and its bytes; float64 (4,)."""
        targets = torch.from_numpy(batch.targets).to(self._run.world.device)
        counted = targets != IGNORED
        sizes = torch.zeros_like(targets) if self._sizes is None else self._sizes[targets.clamp(min=0)] * counted
        entropy = self._run.losses(batch).cross_entropy.double()
        return torch.stack([entropy.sum(), counted.sum(), (entropy * (sizes > 0)).sum(), sizes.sum()])

    def sample(self) -> list[dict[str, Any]]:
        """What the model writes after each prompt; nothing without a tokenizer. Collective, equal on all ranks."""
        run, tokenizer = self._run, self._run.ready.tokenizer
        if tokenizer is None or not run.chosen.watching.prompts:
            return []
        from corpusmill.tokenize.decode import decoder

        prompts = run.chosen.watching.prompts
        ids = [[run.ready.rows.eos, *encoded] for encoded in _encoded(tokenizer, prompts)]
        most = min(run.chosen.watching.sample_tokens, run.ready.architecture.max_length - 1)
        with parallel.looking(run.model):
            found = generate(
                cast("Decoder", run.model), ids, max_tokens=most, stop=[run.ready.rows.eos], seed=run.chosen.seed,
                device=run.world.device,
            )  # fmt: skip
        read = decoder(tokenizer)
        return [{"prompt": prompt, "text": read(one)} for prompt, one in zip(prompts, found, strict=True)]


def _encoded(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    from corpusmill.kernels.buffers import text
    from corpusmill.tokenize.encode import Encoder

    offsets, ids = Encoder(tokenizer)(text(pa.array(texts, pa.string())))
    return [part.tolist() for part in np.split(ids, offsets[1:-1])]
