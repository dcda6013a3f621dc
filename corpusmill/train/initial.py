"""First weights, the same for any number of ranks, strategy and device.

Each parameter has a generator of its own, seeded by the run's seed and the parameter's name, and is drawn whole on
the processor; a rank keeps its shard. Drawing on each rank's shard gives equal shards on all ranks instead
(torchtitan issue 3106).
"""

import math

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from corpusmill.tokenize.order import key_of

_WRAPPERS = ("_checkpoint_wrapped_module.", "_orig_mod.")  # what wrapping puts into names
_INTO_RESIDUAL = ("output.weight", "down.weight")


def fill(model: nn.Module, seed: int, deviation: float, layers: int) -> None:
    """Fill every parameter: norms with 1, biases with 0, matrices from a normal distribution.

    Matrices that write into the residual stream are smaller by sqrt(2 x layers), since so many add up in it (GPT-2,
    section 2.3).
    """
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            whole = _draw(plain_name(name), parameter.shape, seed, deviation, layers)
            _local(parameter).copy_(_shard(whole, parameter))


def plain_name(name: str) -> str:
    """A parameter's name without what activation checkpointing and compiling put into it."""
    for wrapper in _WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def _draw(name: str, shape: torch.Size, seed: int, deviation: float, layers: int) -> Tensor:
    if name.endswith(".bias"):
        return torch.zeros(shape)
    if len(shape) == 1:
        return torch.ones(shape)
    if name.endswith(_INTO_RESIDUAL):
        deviation /= math.sqrt(2 * layers)
    generator = torch.Generator().manual_seed(key_of("initial", seed, name))
    return torch.empty(shape, dtype=torch.float32).normal_(0, deviation, generator=generator)


def _local(parameter: Tensor) -> Tensor:
    return parameter.to_local() if isinstance(parameter, DTensor) else parameter


def _shard(whole: Tensor, parameter: Tensor) -> Tensor:
    """This rank's part: dimensions are cut as `torch.chunk` cuts, later ranks may have nothing."""
    if not isinstance(parameter, DTensor):
        return whole
    mesh = parameter.device_mesh
    for axis, placement in enumerate(parameter.placements):
        if placement.is_shard():
            dim = placement.dim  # type: ignore[attr-defined]
            parts = whole.chunk(mesh.size(axis), dim)
            rank = mesh.get_local_rank(axis)
            whole = parts[rank] if rank < len(parts) else whole.narrow(dim, 0, 0)
    return whole
