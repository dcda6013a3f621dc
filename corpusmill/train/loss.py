"""Cross-entropy and partition sum of each token from hidden states, at once or chunk by chunk.

N = tokens, d = width, V = ids of the tokenizer, P = rows of the head's matrix (V padded; what is padded is cut off).
"""

from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100  # the target of a position that is not predicted
How = Literal["full", "chunked"]
_ELEMENTS = {"cpu": 1 << 22, "cuda": 1 << 28}  # logits of a chunk; on the processor they stay in its cache


class TokenLosses(NamedTuple):
    """Of each position, in fp32; zero where the target is `IGNORED`.

    Attributes:
        cross_entropy: -log p(target), natural logarithm.
        log_z: log of the partition sum, for z-loss.
    """

    cross_entropy: Tensor
    log_z: Tensor


def token_losses(hidden: Tensor, weight: Tensor, targets: Tensor, vocabulary_size: int, how: How) -> TokenLosses:
    """Losses of hidden states (…, d) under a head (P, d), for targets (…) of int64.

    Both ways are equal up to rounding. `full` holds all logits, `chunked` those of a chunk, for one more product with
    the head in the backward pass.
    """
    flat, wanted = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    if how == "full":
        losses = _full(flat, weight, wanted, vocabulary_size)
    else:
        rows = max(_ELEMENTS.get(flat.device.type, 1 << 22) // weight.shape[0], 1)
        losses = _Chunked.apply(flat, weight, wanted, vocabulary_size, rows)  # type: ignore[no-untyped-call]
    # Copies: FSDP2 warns where a module gives views away.
    return TokenLosses(*(part.view(targets.shape).clone() for part in losses))


def _full(hidden: Tensor, weight: Tensor, targets: Tensor, vocabulary_size: int) -> tuple[Tensor, Tensor]:
    logits = functional.linear(hidden, weight)[:, :vocabulary_size].float()
    return _reduce(logits, targets)


def _reduce(logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    log_z = logits.logsumexp(-1)
    picked = logits.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    counted = targets != IGNORED
    nothing = torch.zeros_like(log_z)
    return torch.where(counted, log_z - picked, nothing), torch.where(counted, log_z, nothing)


class _Chunked(torch.autograd.Function):
    """The same with the logits of `rows` tokens at a time; the backward pass computes them again.

    d cross_entropy / d logits = softmax - one_hot and d log_z / d logits = softmax, so one softmax serves both.
    """

    @staticmethod
    def forward(
        context: Any, hidden: Tensor, weight: Tensor, targets: Tensor, vocabulary_size: int, rows: int
    ) -> tuple[Tensor, Tensor]:
        found = [
            _full(part, weight, wanted, vocabulary_size)
            for part, wanted in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
        ]
        cross_entropy, log_z = (torch.cat(parts) for parts in zip(*found, strict=True))
        context.save_for_backward(hidden, weight, targets)
        context.sizes = (vocabulary_size, rows)
        return cross_entropy, log_z

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None, None, None]:
        hidden, weight, targets = context.saved_tensors
        vocabulary_size, rows = context.sizes
        head = weight[:vocabulary_size]
        of_hidden = torch.empty_like(hidden)
        of_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            of_entropy, of_log_z = (torch.where(targets[part] != IGNORED, item[part], 0.0) for item in upstream)
            slope = functional.linear(hidden[part], head).float().softmax(-1)
            slope *= (of_entropy + of_log_z).unsqueeze(-1)
            slope.scatter_add_(-1, targets[part].clamp(min=0).unsqueeze(-1), -of_entropy.unsqueeze(-1))
            slope = slope.to(hidden.dtype)
            torch.mm(slope, head, out=of_hidden[part])
            of_weight[:vocabulary_size] += slope.t() @ hidden[part]
        return of_hidden, of_weight.to(weight.dtype), None, None, None
