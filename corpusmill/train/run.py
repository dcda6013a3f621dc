"""The state of a training run on one rank, and one step of it."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from corpusmill import loader
from corpusmill.errors import OutputError
from corpusmill.tokenize.order import key_of
from corpusmill.train import checkpoint, optim, parallel, room, schedule
from corpusmill.train.attention import Segments
from corpusmill.train.data import Batch, Rows
from corpusmill.train.loss import IGNORED, TokenLosses
from corpusmill.train.model import Decoder
from corpusmill.train.parallel import World
from corpusmill.train.setup import Ready
from corpusmill.train.spikes import SpikeGuard


class Taken(NamedTuple):
    """What a step came to; tensors are of shape () and on the device, so that nobody waits for them.

    Attributes:
        step: its number, from 1. first: its first sample. rows: how many. rate: learning rate.
        loss: mean cross-entropy over the targets of all ranks, in nats. norm: of the gradient before clipping.
        skipped: bool, whether the guard refused it.
    """

    step: int
    first: int
    rows: int
    rate: float
    loss: Tensor
    norm: Tensor
    skipped: Tensor


class Run:
    """A model in training.

    Attributes:
        ready: what it is made of. chosen: its training file. world: the ranks.
        step: steps taken so far.
        model: sharded. parameters: its own, this rank's part.
        tensors: all there is to save; those in use.
        how: losses are computed.
    """

    def __init__(self, ready: Ready, world: World) -> None:
        """Build the model, and load the last whole checkpoint if there is one. Collective.

        Raises:
            OutputError: the checkpoint is another run's.
        """
        self.ready, self.world, self.step = ready, world, 0
        self.chosen = chosen = ready.chosen
        with torch.device("meta"):
            model = Decoder(ready.architecture)
        self.model = parallel.wrap(model, chosen.sharding, world)
        self.model.to_empty(device=parallel.home(chosen.sharding, world))
        self.parameters = list(self.model.parameters())
        self._optimizer = optim.make(self.model, chosen.optimizer)
        self._guard = SpikeGuard(chosen.optimizer.spike_deviations, chosen.optimizer.spike_window, world.device)
        # Taken once: while weights are gathered, the module's own are others.
        self.tensors = checkpoint.state(self.model, self._optimizer, self._guard)
        self._slots = _slots(ready.rows, chosen.batches.micro_rows)
        self.how = room.how(ready, world.device)
        found = checkpoint.latest(ready.folder)
        begin = world.first_says(0 if found is None else checkpoint.step_of(found))
        if begin:
            self._go_on(checkpoint.folder_of(ready.folder, begin))
        else:
            model.initialise(chosen.seed)

    @property
    def samples(self) -> int:
        """Samples seen so far."""
        return self.ready.steps.at(self.step)[0]

    @property
    def skipped(self) -> Tensor:
        """Steps that the guard refused so far, int64 ()."""
        return self._guard.skipped

    def manifest(self) -> dict[str, Any]:
        """What a checkpoint says of this run."""
        tokens = self.samples * self.ready.rows.sequence_length
        training = loader.plain(self.ready.chosen)
        return {
            "step": self.step,
            "samples": self.samples,
            "tokens": tokens,
            "training": training,
            **self.ready.identity,
        }

    def read(self) -> tuple[list[Batch], int]:
        """This rank's micro-batches of the next step, and how many targets they have.

        Micro-batch j of rank r has the (j x ranks + r)-th rows of the step, so that the rows of a step, and those that
        are computed together, are the same for any number of ranks.
        """
        first, rows = self.ready.steps.at(self.step)
        size = self.chosen.batches.micro_rows
        starts = range(first + self.world.rank * size, first + rows, size * self.world.size)
        batches = [self.ready.rows.batch(np.arange(start, start + size)) for start in starts]
        return batches, sum(int(np.count_nonzero(batch.targets != IGNORED)) for batch in batches)

    def take(self, batches: list[Batch], targets: int) -> Taken:
        """Take the next step. Collective.

        Args:
            batches: as `read` gives them.
            targets: of all ranks.
        """
        chosen = self.chosen
        entropy = self._gradient(batches, max(targets, 1))
        loss = self.world.sum_(entropy) / max(targets, 1)
        norm = optim.gradient_norm(self.parameters)
        skip = self._guard.judge(loss, norm.to(loss.device))
        if chosen.optimizer.clip is not None:
            optim.clip(self.parameters, norm, chosen.optimizer.clip)
        first, rows = self.ready.steps.at(self.step)
        share = schedule.rate(chosen.schedule, (first + rows) / self.ready.steps.samples)
        optim.step(self._optimizer, share * chosen.optimizer.learning_rate, skip)
        self._optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return Taken(self.step, first, rows, share * chosen.optimizer.learning_rate, loss, norm, skip)

    def losses(self, batch: Batch) -> TokenLosses:
        """Losses of tokens under the model as it is. Collective where it is sharded."""
        device = self.world.device
        segments = Segments.of(batch.lengths, batch.inputs.shape[1], device, self._slots)
        found = self.model(_put(batch.inputs, device), segments, _put(batch.targets, device), loss=self.how)
        assert isinstance(found, TokenLosses)
        return found

    def _gradient(self, batches: list[Batch], targets: int) -> Tensor:
        """Sum up gradients of loss / targets; gives the sum of this rank's cross-entropies, ()."""
        chosen = self.chosen
        entropy = torch.zeros((), device=self.world.device)
        for number, batch in enumerate(batches, 1):
            if self.ready.architecture.dropout:
                torch.manual_seed(key_of("dropout", chosen.seed, int(batch.samples[0])))
            with parallel.micro_batch(self.model, chosen.sharding, last=number == len(batches)):
                found = self.losses(batch)
                total = found.cross_entropy.sum()
                entropy += total.detach()
                if chosen.optimizer.z_loss:
                    total = total + chosen.optimizer.z_loss * (found.log_z**2).sum()
                torch.autograd.backward(total / targets)
        return entropy

    def _go_on(self, found: Path) -> None:
        told = checkpoint.manifest(found)
        checkpoint.check(found, told, self.ready.identity)
        samples = self.ready.steps.at(told["step"])[0]
        if samples != told["samples"]:
            has = f"{found}: step {told['step']} had seen {told['samples']} samples"
            raise OutputError(
                f"{has}, but with these batches it would have seen {samples}; take back batches.rows and batches.ramp, "
                "or give this run another name"
            )
        checkpoint.load(found, self.tensors)
        self.step = told["step"]


def _put(numbers: np.ndarray[Any, Any], device: torch.device) -> Tensor:
    """Copy to the device; from pinned memory, so that the host goes on."""
    tensor = torch.from_numpy(numbers)
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor


def _slots(rows: Rows, micro_rows: int) -> int:
    """Room for the segments of a micro-batch: twice the mean, so that the shape hardly ever changes."""
    segments = sum(len(block.lengths) for part in rows.parts for shard in part.shards for block in shard.blocks)
    each = 2 * (segments / rows.row_count + 1)
    return 1 << int(np.ceil(np.log2(max(each * micro_rows, 64))))
