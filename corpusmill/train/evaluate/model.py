"""A decoder as the evaluator sees it: logits, losses of packed rows, and what it writes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from corpusmill.tokenize.decode import decoder
from corpusmill.tokenize.tokenizer import Tokenizer
from corpusmill.train.attention import Segments
from corpusmill.train.data import Batch
from corpusmill.train.evaluate.score import Complete
from corpusmill.train.generate import generate
from corpusmill.train.loss import TokenLosses
from corpusmill.train.model import Decoder

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evaluated:
    """A model that is only read, in its own precision: fp32 as checkpoints and exports are opened."""

    model: Decoder
    device: torch.device

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        """(B, L) to (B, L, V); each row is one document."""
        found: torch.Tensor = self.model(ids.to(self.device))
        return found

    @torch.inference_mode()
    def losses(self, batch: Batch) -> Floats:
        """-log p of each target of packed rows, (B, L), 0 where there is none."""
        inputs, targets = (torch.from_numpy(ids).to(self.device) for ids in (batch.inputs, batch.targets))
        segments = Segments.of(batch.lengths, inputs.shape[1], self.device)
        found: TokenLosses = self.model(inputs, segments, targets, loss="chunked")
        return found.cross_entropy.double().cpu().numpy()

    def complete_with(self, tokenizer: Tokenizer, ends: tuple[int, ...] = ()) -> Complete:
        """The model as a writer, greedy.

        Args:
            tokenizer: the model's, to know stops in what is written.
            ends: ids that end a text.
        """
        decode = decoder(tokenizer)

        def complete(prompts: list[list[int]], *, max_tokens: int, stop: tuple[str, ...]) -> list[list[int]]:
            return generate(
                self.model, prompts, max_tokens=max_tokens, greedy=True, stop=[*ends, *stop], decode=decode,
                device=self.device,
            )  # fmt: skip

        return complete
