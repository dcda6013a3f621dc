"""A device that is out of memory: told with what would fit."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from corpusmill.errors import RunError
from corpusmill.train import memory, parallel
from corpusmill.train.loss import How
from corpusmill.train.parallel import World
from corpusmill.train.setup import Ready

# Bytes of fp32 logits of a micro-batch, above which they are chunked. On the processor, chunks that stay in its cache
# are faster; on CUDA the backward pass holds five times as much at its peak.
MOST_LOGITS = {"cpu": 16 << 20, "cuda": 4 << 30}


def how(ready: Ready, device: torch.device) -> How:
    """How losses are computed: whole logits are faster where there is room for them."""
    chosen = ready.chosen
    if chosen.sharding.loss != "auto":
        return chosen.sharding.loss
    positions = chosen.batches.micro_rows * ready.rows.sequence_length
    size = 4 * positions * ready.architecture.padded_vocabulary
    return "full" if size <= MOST_LOGITS[device.type] else "chunked"


@contextmanager
def telling_memory(ready: Ready, world: World) -> Iterator[None]:
    """Around what allocates on the device.

    Raises:
        RunError: the memory does not suffice; the planner says what would fit.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        total = torch.cuda.get_device_properties(world.device).total_memory if world.device.type == "cuda" else 0
        raise RunError(told(ready, world, total)) from error


def told(ready: Ready, world: World, total: int) -> str:
    """What to say of a device of `total` bytes that is out of memory."""
    batches, sharding = ready.chosen.batches, ready.chosen.sharding
    setup = memory.Setup(
        strategy=sharding.strategy, ranks=world.size, shard_ranks=sharding.shard_ranks, micro_rows=batches.micro_rows,
        sequence_length=ready.rows.sequence_length, loss=how(ready, world.device),
        precision="bf16" if parallel.is_bf16(sharding, world.device) else "fp32",
        checkpoint_activations=sharding.checkpoint_activations,
        micro_batches=batches.rows // (batches.micro_rows * world.size),
    )  # fmt: skip
    advice = memory.advice(ready.architecture, total, setup, batches.rows)
    return f"{world.device} of rank {world.rank} is out of memory; {advice}; the run goes on from its last checkpoint"
