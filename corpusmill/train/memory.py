"""Bytes that a rank needs by what they are for, before anything is built; and what would fit where this does not.

The parts are those of `parallel.WAYS` and `model.Block`. Tests hold them against the built model, sharded over ranks
that are only pretended: weights, moments and gradients to the byte, saved activations to the byte, the peak within a
tenth. `torch.compile` saves less than is said here, so a plan is on the safe side.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from corpusmill.train.architecture import Architecture
from corpusmill.train.config import Strategy, Training
from corpusmill.train.hardware import GIB, USABLE
from corpusmill.train.planner import Parameters, count

STRATEGIES: tuple[Strategy, ...] = ("ddp", "zero1", "zero2", "fsdp", "hsdp", "cpu_offload")
CHUNK_LOGITS = 1 << 28  # of a chunk on CUDA, see loss.py
_FULL_LOSS = 20  # bytes of a logit at the peak: fp32 logits, and four products of their size in the backward pass
_CHUNK_LOSS = 8  # bytes of a logit of a chunk: fp32 logits and their softmax
_MOST_ROWS = 1 << 14
MOST_LOGITS = 4 << 30  # bytes of fp32 logits up to which `loss: auto` holds them all on CUDA, see room.py


@dataclass(frozen=True, kw_only=True)
class Setup:
    """How an architecture is trained, as far as memory is concerned; names are those of the training file.

    Attributes:
        ranks: devices. shard_ranks: of hsdp, devices that share one copy; null is all of one machine, 8 at most.
        micro_rows: rows of a forward pass on one rank. sequence_length: tokens of a row.
        precision: of products; weights, gradients and moments are fp32 always.
        micro_batches: of a step; from two on gradients are held while activations are.
    """

    strategy: Strategy = "fsdp"
    ranks: int = 1
    shard_ranks: int | None = None
    micro_rows: int = 8
    sequence_length: int = 2048
    precision: Literal["bf16", "fp32"] = "bf16"
    checkpoint_activations: bool = False
    loss: Literal["full", "chunked"] = "full"
    micro_batches: int = 2

    @classmethod
    def of(cls, chosen: Training, architecture: Architecture, ranks: int, sequence_length: int) -> "Setup":
        """What a training file asks for on CUDA; what is `auto` there is decided as the trainer does."""
        batches, sharding = chosen.batches, chosen.sharding
        logits = 4 * batches.micro_rows * sequence_length * architecture.padded_vocabulary
        loss = sharding.loss if sharding.loss != "auto" else "full" if logits <= MOST_LOGITS else "chunked"
        return cls(
            strategy=sharding.strategy, ranks=ranks, shard_ranks=sharding.shard_ranks, micro_rows=batches.micro_rows,
            sequence_length=sequence_length, precision="fp32" if sharding.precision == "fp32" else "bf16", loss=loss,
            checkpoint_activations=sharding.checkpoint_activations,
            micro_batches=max(batches.rows // (batches.micro_rows * ranks), 1),
        )  # fmt: skip

    @property
    def shards(self) -> int:
        """Ranks over which weights, gradients and moments are cut."""
        if self.strategy == "ddp":
            return 1
        return (self.shard_ranks or min(self.ranks, 8)) if self.strategy == "hsdp" else self.ranks

    @property
    def tokens(self) -> int:
        """Tokens of a forward pass on one rank."""
        return self.micro_rows * self.sequence_length

    @property
    def width(self) -> int:
        """Bytes of a number in products."""
        return 2 if self.precision == "bf16" else 4


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bytes on one rank.

    Attributes:
        weights: fp32, this rank's part. moments: both of AdamW, fp32.
        gradients: fp32, what is held between micro-batches and what is on its way to other ranks.
        gathered: weights in the precision of products, as many as are whole at once.
        activations: what the forward pass keeps for the backward pass.
        working: the most that loss, or the backward pass of one block, needs besides.
        host: what lies in the host's memory instead.
    """

    weights: int
    moments: int
    gradients: int
    gathered: int
    activations: int
    working: int
    host: int = 0

    @property
    def total(self) -> int:
        """On the device, at the peak."""
        return self.weights + self.moments + self.gradients + self.gathered + self.activations + self.working


def memory(architecture: Architecture, setup: Setup) -> Memory:
    """Bytes on one rank at the peak of a step."""
    counted, shards, width = count(architecture), setup.shards, setup.width
    block, root = counted.block, counted.total - architecture.layers * counted.block
    part = math.ceil(counted.total / shards)
    whole_weights = setup.strategy in {"ddp", "zero1", "zero2"}
    # Without ZeRO-3's freeing all weights are whole; with it the root's, those of a block and of the next one, and
    # what is just being copied out of the buffer of the collective.
    some = root + min(2, architecture.layers) * block + max(block, root)
    gathered = width * (counted.total if whole_weights else min(some, counted.total + root))
    # ZeRO-1 and DDP reduce after the last micro-batch: until then gradients are whole. The others reduce each time, and
    # hold the last buffer of the collective, which is the root's, until there is a next one.
    several, once = setup.micro_batches > 1, setup.strategy in {"ddp", "zero1"}
    held = 4 * (counted.total if several and once else part)
    passing = 4 * root if several and not once else 0
    saved = activations(architecture, setup)
    working = max(
        _of_loss(architecture, counted, setup),
        _of_block(architecture, setup) + (4 + width) * block + width * counted.logits,  # the head's gradient waits
        (4 + width) * root + (width * counted.logits if architecture.tied else 0) - saved,  # when activations are gone
    )
    weights, moments, host = 4 * part, 8 * part, 0
    if setup.strategy == "cpu_offload":
        weights, moments, held, host = 0, 0, 0, weights + moments + held
    return Memory(
        weights=weights, moments=moments, gradients=held + passing, gathered=gathered, activations=saved,
        working=working, host=host,
    )  # fmt: skip


def activations(architecture: Architecture, setup: Setup) -> int:
    """Bytes that the forward pass keeps; with checkpoints a block keeps its input, and is computed again."""
    a, width = architecture, setup.width
    each = a.width * width if setup.checkpoint_activations else block_bytes(a, width)
    outside = a.width * width * 2 + 3 * 8  # the last norm's input and output; ids, targets, positions
    turns = a.head_width * 4 if a.positions == "rope" else 0
    return setup.tokens * (a.layers * each + outside + turns)


def block_bytes(architecture: Architecture, width: int) -> int:
    """Bytes of a token that a block's forward pass keeps for its backward pass, eagerly.

    Args:
        architecture: of the model.
        width: bytes of a number in products.
    """
    a = architecture
    queries, keys = a.heads * a.head_width, a.kv_heads * a.head_width
    stream = 4 * a.width  # both norms' inputs and outputs, or both sums and what they are norms of
    attention = queries + 2 * keys + queries  # one matrix of queries, keys and values; what attention found
    if a.positions == "rope" or a.qk_norm:
        attention += queries + keys  # values stay where they were, and keep the matrix
    # Gated: both projections, the activation and the product. ReLU needs its result only.
    inner = 4 * a.hidden if a.gated else a.hidden if a.mlp == "relu" else 2 * a.hidden
    kept = (stream + attention + inner) * width
    masks = 2 * a.width if a.dropout else 0  # a byte for each number that may be dropped
    sums = 4 * (a.heads + 2 + (a.heads + a.kv_heads if a.qk_norm else 0))  # of softmax, and of norms
    return kept + masks + sums


def _of_loss(a: Architecture, counted: Parameters, setup: Setup) -> int:
    logits = setup.tokens * a.padded_vocabulary
    if setup.loss == "full":
        return logits * _FULL_LOSS
    slopes = counted.logits * (4 + setup.width) + setup.tokens * a.width * setup.width
    return min(CHUNK_LOGITS, logits) * _CHUNK_LOSS + slopes


def _of_block(a: Architecture, setup: Setup) -> int:
    slopes = (a.width + 2 * a.hidden) * setup.width
    again = block_bytes(a, setup.width) if setup.checkpoint_activations else 0
    return setup.tokens * (slopes + again)


def rule(parameters: float, bits: int = 32) -> dict[str, float]:
    """Bytes by the rule of thumb of courses and of Hugging Face's notes on training performance.

    Weights take what their numbers take; to train in fp32 are added 4 bytes of gradients, 8 of AdamW's moments, and
    about 8 of activations and buffers for each parameter. `memory` is what to go by: activations do not depend on
    parameters alone.

    Args:
        parameters: of the model.
        bits: of a number, 32, 16 or 8.

    Returns:
        `weights`, `more` that training needs besides, and `training`, both together.
    """
    weights, more = parameters * bits / 8, parameters * 20 * bits / 32
    return {"weights": weights, "more": more, "training": weights + more}


@dataclass(frozen=True)
class Fit:
    """A way to train in the memory that there is.

    Attributes:
        setup: what to choose. memory: what it needs. slower: 0 for what costs nothing, more for what costs more.
    """

    setup: Setup
    memory: Memory
    slower: int


def fits(architecture: Architecture, memory_bytes: int, setup: Setup, rows: int | None = None) -> list[Fit]:
    """Ways to train that fit a device, from the one that costs least speed on; none if none does.

    Each has the most rows in a forward pass. Tried are, one after the other: fewer rows as they are, the loss in
    chunks, activations computed again, weights cut over all ranks, and moments in the host's memory.

    Args:
        architecture: of the model.
        memory_bytes: of the device, as it says itself; `hardware.USABLE` of it is filled.
        setup: what was asked for.
        rows: of a step over all ranks, where it may not change: micro-batches divide it.
    """
    chunked, again = {"loss": "chunked"}, {"checkpoint_activations": True}
    changes = [{}, chunked, chunked | again, chunked | again | {"strategy": "fsdp"}]
    changes.append(chunked | again | {"strategy": "cpu_offload"})
    found: list[Fit] = []
    for slower, change in enumerate(changes):
        changed = replace(setup, **change)  # type: ignore[arg-type]
        if any(changed == replace(fit.setup, micro_rows=setup.micro_rows) for fit in found):
            continue
        most = _most_rows(architecture, int(memory_bytes * USABLE), changed, rows)
        if most and (not found or most > found[-1].setup.micro_rows):
            fitting = replace(changed, micro_rows=most)
            found.append(Fit(fitting, memory(architecture, fitting), slower))
    return found


def _most_rows(architecture: Architecture, room: int, setup: Setup, rows: int | None) -> int:
    """The most rows of a micro-batch that fit, 0 if not even one does."""
    share = None if rows is None else max(rows // setup.ranks, 1)
    tried = (
        [n for n in range(1, share + 1) if share % n == 0]
        if share
        else [1 << n for n in range(_MOST_ROWS.bit_length())]
    )
    fitting = [n for n in tried if memory(architecture, replace(setup, micro_rows=n)).total <= room]
    return max(fitting, default=0)


def advice(architecture: Architecture, memory_bytes: int, setup: Setup, rows: int | None = None) -> str:
    """What to say when a device is out of memory: what is needed by the plan, what there is, what would fit."""
    need = memory(architecture, setup)
    parts = {name: value for name, value in vars(need).items() if name != "host" and value}
    told = ", ".join(f"{name} {gib(value)}" for name, value in sorted(parts.items(), key=lambda item: -item[1]))
    head = f"by the plan {gib(need.total)} of {gib(memory_bytes)} are needed on each rank: {told}"
    ways = [_way(fit.setup, setup) for fit in fits(architecture, memory_bytes, setup, rows)]
    if not ways:
        return f"{head}; nothing that this trainer has would fit: take more ranks, shorter rows or a smaller model"
    return f"{head}; what would fit: {'; or '.join(ways)}"


def _way(fitting: Setup, asked: Setup) -> str:
    keys = {
        "strategy": "sharding.strategy", "loss": "sharding.loss", "micro_rows": "batches.micro_rows",
        "checkpoint_activations": "sharding.checkpoint_activations",
    }  # fmt: skip
    changed = {keys[name]: getattr(fitting, name) for name in keys if getattr(fitting, name) != getattr(asked, name)}
    said = [f"{key}={str(value).lower()}" for key, value in changed.items()]
    return " ".join(said) or "as it is"


def gib(count: float) -> str:
    """Bytes as people read them."""
    return f"{count / GIB:.1f} GiB" if count >= GIB / 10 else f"{count / 2**20:.1f} MiB"
