"""AdamW with decay on matrices only, the norm of the gradient, and a step that may be refused on the device."""

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from corpusmill.train.config import Optimizer

MOMENTS = ("exp_avg", "exp_avg_sq", "step")


def make(model: nn.Module, chosen: Optimizer) -> torch.optim.AdamW:
    """Fused AdamW over a model, sharded or not; its moments exist from the start, so that checkpoints need no step.

    Vectors (norms, biases) are not decayed, as in GPT-3 and all since.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": chosen.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=chosen.learning_rate, betas=chosen.betas, eps=chosen.epsilon, fused=True,
    )  # fmt: skip
    for parameter in parameters:
        optimizer.state[parameter] = {
            "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
            "exp_avg": torch.zeros_like(parameter),
            "exp_avg_sq": torch.zeros_like(parameter),
        }
    return optimizer


def state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The moments by parameter and kind, e.g. `blocks.0.attention.wq.weight.exp_avg`; the tensors are those in use."""
    return {
        f"{name}.{kind}": optimizer.state[parameter][kind]
        for name, parameter in model.named_parameters()
        for kind in MOMENTS
    }


@torch.no_grad()
def gradient_norm(parameters: Iterable[nn.Parameter]) -> Tensor:
    """The 2-norm of the whole gradient over all ranks, float32 (); collective where parameters are sharded."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    return (norm.full_tensor() if isinstance(norm, DTensor) else norm).float()


@torch.no_grad()
def clip(parameters: Iterable[nn.Parameter], norm: Tensor, most: float) -> None:
    """Scale the gradient so that its norm, which is `norm`, is at most `most`; without waiting for the device."""
    factor = (most / (norm + 1e-6)).clamp(max=1.0)
    gradients = [_local(parameter.grad) for parameter in parameters if parameter.grad is not None]
    if gradients:
        torch._foreach_mul_(gradients, factor.to(gradients[0].device))


def step(optimizer: torch.optim.Optimizer, rate: float, skip: Tensor) -> None:
    """Take a step at a learning rate, or none at all where `skip`, bool (), says so.

    A fused optimiser reads `found_inf` on the device: weights, moments and their counter stay as they are, and the host
    does not wait.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    device = optimizer.param_groups[0]["params"][0].device
    refusing = cast("Any", optimizer)
    refusing.grad_scale = None
    refusing.found_inf = skip.to(device=device, dtype=torch.float32)
    optimizer.step()


def _local(tensor: Tensor) -> Tensor:
    """This rank's part."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
