"""How a model lies on its ranks: one table of strategies, all by FSDP2's `fully_shard`.

Read from top to bottom: the table, the ranks, and then what is done to a model, in the only order that works:
checkpointing of activations, compiling of blocks, sharding of blocks, sharding of the rest.
"""

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard
from torch.utils.checkpoint import checkpoint

from corpusmill.errors import RecipeError, UsageError
from corpusmill.train.config import Sharding


class Way(NamedTuple):
    """A row of the table.

    Attributes:
        shards: the ranks share one copy of weights, gradients and moments; else each has its own.
        frees: weights gathered for the forward pass are given back after it, and gathered again for the backward pass.
        reduces_each: gradients are reduced after each micro-batch, not only after the last.
        keeps: gathered weights stay from one micro-batch to the next.
        offloads: weights, gradients and moments live in the host's memory.
    """

    shards: bool
    frees: bool
    reduces_each: bool
    keeps: bool
    offloads: bool = False


# ZeRO's stages (Rajbhandari et al. 2020) differ in what is held between micro-batches: whole gradients and weights (1),
# whole weights (2), neither (3, which is FSDP). HSDP shards within a group and copies between groups.
WAYS = {
    "ddp": Way(shards=False, frees=False, reduces_each=False, keeps=True),
    "zero1": Way(shards=True, frees=False, reduces_each=False, keeps=True),
    "zero2": Way(shards=True, frees=False, reduces_each=True, keeps=True),
    "fsdp": Way(shards=True, frees=True, reduces_each=True, keeps=False),
    "hsdp": Way(shards=True, frees=True, reduces_each=True, keeps=False),
    "cpu_offload": Way(shards=True, frees=True, reduces_each=True, keeps=False, offloads=True),
}


@dataclass(frozen=True)
class World:
    """The ranks of a run, and which of them this process is.

    Attributes:
        rank: from 0.
        size: how many there are.
        local_size: how many of them on this machine.
        device: of this rank.
    """

    rank: int
    size: int
    local_size: int
    device: torch.device

    def sum_counts(self, *counts: int) -> list[int]:
        """Sums of whole numbers over all ranks, on the host: no device waits for it. Collective."""
        if self.size == 1:
            return list(counts)
        numbers = torch.tensor(counts, dtype=torch.int64)
        dist.all_reduce(numbers)
        return [int(number) for number in numbers]

    def sum_(self, tensor: Tensor) -> Tensor:
        """Sum a tensor over all ranks, in place, where it is. Collective."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def first_says(self, number: int) -> int:
        """Rank 0's number, on all ranks: what others see of a shared disk may be older. Collective."""
        return self.sum_counts(number if self.rank == 0 else 0)[0]

    def wait(self) -> None:
        """Until all ranks are here. Collective."""
        self.sum_counts(0)


@contextmanager
def join(device: str = "auto") -> Iterator[World]:
    """Join the ranks that torchrun or `launch` started, as the environment tells; alone if it tells of none.

    Args:
        device: `cpu`, `cuda`, or `auto`: CUDA where there is any.

    Raises:
        UsageError: CUDA is asked for and not there, or not for this rank.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    local, local_size = int(os.environ.get("LOCAL_RANK", rank)), int(os.environ.get("LOCAL_WORLD_SIZE", size))
    found = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
    if device == "cuda" and found.type == "cpu":
        raise UsageError("sharding.device: found cuda, but this machine has no GPU that torch sees; take cpu or auto")
    if found.type == "cuda":
        if local >= torch.cuda.device_count():
            told = f"rank {rank} is the number {local} on this machine, which has {torch.cuda.device_count()} GPUs"
            raise UsageError(f"{told}; start as many ranks as there are GPUs")
        found = torch.device("cuda", local)
        torch.cuda.set_device(found)
    elif size > 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max((os.cpu_count() or 1) // local_size, 1))
    backend = "gloo" if found.type == "cpu" else "cpu:gloo,cuda:nccl"  # gloo: counts, and checkpoints in the background
    if "MASTER_ADDR" in os.environ and size > 1:
        dist.init_process_group(backend, rank=rank, world_size=size)
    else:
        dist.init_process_group(backend, rank=0, world_size=1, store=dist.HashStore())  # type: ignore[attr-defined]
    try:
        yield World(rank, size, local_size, found)
    finally:
        dist.destroy_process_group()


def is_bf16(chosen: Sharding, device: torch.device) -> bool:
    """Whether products are computed in bfloat16."""
    return chosen.precision == "bf16" or (chosen.precision == "auto" and device.type == "cuda")


def compiles(chosen: Sharding, device: torch.device) -> str:
    """`none`, `blocks` or `whole`."""
    return chosen.compile if chosen.compile != "auto" else "blocks" if device.type == "cuda" else "none"


def wrap(model: nn.Module, chosen: Sharding, world: World) -> nn.Module:
    """Prepare a model for the ranks; the same object, whose parameters are DTensors now.

    Args:
        model: with `blocks`; on the meta device, or equal on all ranks.
        chosen: strategy, precision, checkpointing, compiling.
        world: the ranks.

    Raises:
        RecipeError: the strategy and the number of ranks do not go together.
    """
    blocks = cast("nn.ModuleList", model.blocks)
    how = compiles(chosen, world.device)
    for block in blocks:
        # The method is replaced, not the module, so that names of parameters stay as they are.
        if how == "blocks":
            block.forward = torch.compile(block.forward)
        if chosen.checkpoint_activations:
            block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)
    decoder: Any = model
    if how == "blocks" and hasattr(decoder, "reduce"):
        decoder.reduce = torch.compile(decoder.reduce)  # logits to losses, else with several copies in fp32
    if how == "whole":
        if world.size > 1:
            raise RecipeError(f"sharding.compile: found whole on {world.size} ranks; expected blocks, or one rank")
        # One graph has no room for the hooks of FSDP2: plain weights in fp32, products by autocast.
        forward = torch.compile(model.forward)
        model.forward = _autocast(forward, world.device) if is_bf16(chosen, world.device) else forward
        return model
    way = WAYS[chosen.strategy]
    shard = functools.partial(
        fully_shard, mesh=_mesh(chosen, world), mp_policy=_precision(chosen, world.device),
        offload_policy=CPUOffloadPolicy(pin_memory=world.device.type == "cuda") if way.offloads else OffloadPolicy(),
    )  # fmt: skip
    for block in blocks:
        shard(block, reshard_after_forward=way.frees)
    # The rest in one group: embedding and head may be one matrix. It is needed first and last, so it stays gathered.
    shard(model, reshard_after_forward=False)
    for module in _sharded(model):
        # The loss is divided by the targets of all ranks, so gradients are summed. Gloo cannot scale while it sums.
        module.set_gradient_divide_factor(1.0)
        module.set_force_sum_reduction_for_comms(True)
    return model


def home(chosen: Sharding, world: World) -> torch.device:
    """Where weights and moments live between passes."""
    return torch.device("cpu") if WAYS[chosen.strategy].offloads else world.device


@contextmanager
def micro_batch(model: nn.Module, chosen: Sharding, *, last: bool) -> Iterator[None]:
    """Around forward and backward pass of a micro-batch: what is reduced and freed after it."""
    if isinstance(model, FSDPModule):
        way = WAYS[chosen.strategy]
        model.set_requires_gradient_sync(last or way.reduces_each)
        model.set_reshard_after_backward(last or not way.keeps)
        model.set_is_last_backward(last)
    yield


@contextmanager
def looking(model: nn.Module) -> Iterator[None]:
    """Around passes without gradients: no dropout, and gathered weights are given back at the end. Collective."""
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train()
        for module in _sharded(model):
            module.reshard()


def _sharded(model: nn.Module) -> list[FSDPModule]:
    return [module for module in model.modules() if isinstance(module, FSDPModule)]


def _mesh(chosen: Sharding, world: World) -> DeviceMesh:
    """The ranks as (copies, shards), or as shards where there is one copy."""
    kind = world.device.type
    if chosen.strategy == "hsdp":
        shards = chosen.shard_ranks or world.local_size
        if world.size % shards:
            found = f"sharding.shard_ranks: found {shards} with {world.size} ranks"
            raise RecipeError(f"{found}; expected a divisor of the number of ranks")
        return init_device_mesh(kind, (world.size // shards, shards), mesh_dim_names=("copies", "shards"))
    if not WAYS[chosen.strategy].shards:
        return init_device_mesh(kind, (world.size, 1), mesh_dim_names=("copies", "shards"))
    return init_device_mesh(kind, (world.size,), mesh_dim_names=("shards",))


def _precision(chosen: Sharding, device: torch.device) -> MixedPrecisionPolicy:
    """Weights and moments are kept in fp32 always; bf16 is for products. Sums over ranks are in fp32."""
    if not is_bf16(chosen, device):
        return MixedPrecisionPolicy()
    # Inputs are not cast: what a block is given in fp32 (angles of positions) it is given so on purpose.
    return MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False)


def _autocast(forward: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    def cast_forward(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device.type, torch.bfloat16):
            return forward(*args, **kwargs)

    return cast_forward
