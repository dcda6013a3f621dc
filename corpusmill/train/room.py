"""A device that is out of memory: told with what would fit."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from corpusmill.errors import RunError
from corpusmill.train.parallel import World
from corpusmill.train.setup import Ready


@contextmanager
def telling_memory(ready: Ready, world: World) -> Iterator[None]:
    """Around what allocates on the device.

    Raises:
        RunError: the memory does not suffice.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RunError(_told(ready, world)) from error


def _told(ready: Ready, world: World) -> str:
    batches, sharding = ready.chosen.batches, ready.chosen.sharding
    found = (
        f"{world.device} is out of memory with {batches.micro_rows} rows of {ready.rows.sequence_length} tokens at "
        f"once, strategy {sharding.strategy} on {world.size} ranks"
    )
    advice = "lower batches.micro_rows, or set sharding.checkpoint_activations: true"
    return f"{found}; {advice}; training goes on from the last checkpoint"
