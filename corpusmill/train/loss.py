"""Cross-entropy and partition sum of each token from hidden states, at once or chunk by chunk.

N = tokens, d = width, V = ids of the tokenizer, P = rows of the head's matrix (V padded; what is padded is cut off).
"""

from collections.abc import Callable
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


Reduce = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor]]


def token_losses(
    hidden: Tensor, weight: Tensor, targets: Tensor, vocabulary_size: int, how: How, reduce: Reduce | None = None
) -> TokenLosses:
    """Losses of hidden states (…, d) under a head (P, d), for targets (…) of int64.

    Both ways are equal up to rounding. `full` holds all logits, `chunked` those of a chunk, for one more product with
    the head in the backward pass. `reduce` is `reduce_logits`, perhaps compiled.
    """
    reduce = reduce or reduce_logits
    # Said here, since autocast does not reach the backward pass of `_Chunked`: its products would be in fp32.
    flat, weight = for_products(hidden.reshape(-1, hidden.shape[-1])), for_products(weight)
    wanted = targets.reshape(-1)
    if how == "full":
        losses = reduce(functional.linear(flat, weight), wanted, vocabulary_size)
    else:
        rows = max(_ELEMENTS.get(flat.device.type, 1 << 22) // weight.shape[0], 1)
        losses = _Chunked.apply(flat, weight, wanted, vocabulary_size, rows, reduce)  # type: ignore[no-untyped-call]
    # Copies, since FSDP2 warns where a module gives views away, and warnings are errors in tests.
    return TokenLosses(*(part.view(targets.shape).clone() for part in losses))


def for_products(tensor: Tensor) -> Tensor:
    """The tensor in the numbers that products are computed in: autocast's where that is on, else its own."""
    kind = tensor.device.type
    if torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind):  # it is not for the meta device
        return tensor.to(torch.get_autocast_dtype(kind))
    return tensor


def reduce_logits(logits: Tensor, targets: Tensor, vocabulary_size: int) -> tuple[Tensor, Tensor]:
    """Cross-entropy and log Z (N,) in fp32 of logits (N, P) for targets (N,).

    Compiled, it reads and writes logits once in their own precision; else there are several copies in fp32.
    """
    logits = logits[:, :vocabulary_size].float()
    log_z = logits.logsumexp(-1)
    counted = targets != IGNORED
    wanted = targets.clamp(min=0).unsqueeze(-1)
    if torch.compiler.is_compiling():  # a gather's gradient would be a matrix of its own, this is fused
        here = torch.arange(vocabulary_size, device=logits.device) == wanted
        picked = torch.where(here, logits, 0.0).sum(-1)
    else:
        picked = logits.gather(-1, wanted).squeeze(-1)
    nothing = torch.zeros_like(log_z)
    return torch.where(counted, log_z - picked, nothing), torch.where(counted, log_z, nothing)


def slope_of(logits: Tensor, targets: Tensor, of_entropy: Tensor, of_log_z: Tensor) -> Tensor:
    """What logits (N, V) get back, in their own precision, where cross-entropy and log Z get those (N,).

    d cross_entropy / d logits = softmax - one_hot and d log_z / d logits = softmax, so one softmax serves both.
    """
    slope = logits.float().softmax(-1)
    slope *= (of_entropy + of_log_z).unsqueeze(-1)
    wanted = targets.clamp(min=0).unsqueeze(-1)
    if torch.compiler.is_compiling():  # fused, which a scatter is not
        here = torch.arange(logits.shape[-1], device=logits.device) == wanted
        slope -= torch.where(here, of_entropy.unsqueeze(-1), 0.0)
    else:
        slope.scatter_add_(-1, wanted, -of_entropy.unsqueeze(-1))
    return slope.to(logits.dtype)


class _Chunked(torch.autograd.Function):
    """The same with the logits of `rows` tokens at a time; the backward pass computes them again."""

    @staticmethod
    def forward(
        context: Any, hidden: Tensor, weight: Tensor, targets: Tensor, vocabulary_size: int, rows: int, reduce: Reduce
    ) -> tuple[Tensor, Tensor]:
        found = [
            reduce(functional.linear(part, weight), wanted, vocabulary_size)
            for part, wanted in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
        ]
        cross_entropy, log_z = (torch.cat(parts) for parts in zip(*found, strict=True))
        context.save_for_backward(hidden, weight, targets)
        context.sizes = (vocabulary_size, rows)
        return cross_entropy, log_z

    @staticmethod
    def backward(context: Any, *upstream: Tensor) -> tuple[Tensor, Tensor, None, None, None, None]:
        hidden, weight, targets = context.saved_tensors
        vocabulary_size, rows = context.sizes
        head = weight[:vocabulary_size]
        of_hidden = torch.empty_like(hidden)
        of_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device)
        for start in range(0, len(hidden), rows):
            part = slice(start, start + rows)
            of_entropy, of_log_z = (torch.where(targets[part] != IGNORED, item[part], 0.0) for item in upstream)
            slope = slope_of(functional.linear(hidden[part], head), targets[part], of_entropy, of_log_z)
            torch.mm(slope, head, out=of_hidden[part])
            of_weight[:vocabulary_size] += slope.t() @ hidden[part]
        return of_hidden, of_weight.to(weight.dtype), None, None, None, None
