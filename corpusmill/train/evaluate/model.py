"""A decoder as the evaluator sees it: logits, losses of packed rows, and what it writes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from corpusmill.train.attention import Segments
from corpusmill.train.data import Batch
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
