"""What each rank of a group does in tests: many cases in one process, results as JSON. Started by `ranks.start`."""

import faulthandler
import hashlib
import json
import os
import signal
import sys
import warnings
from pathlib import Path

import torch

from corpusmill.train import parallel, setup, trainer
from corpusmill.train.loss import TokenLosses
from corpusmill.train.run import Run
from tests.train import tiny

STRATEGIES = ["ddp", "zero1", "zero2", "fsdp", "hsdp", "cpu_offload"]


class StopAt:
    """A progress that sends this process SIGTERM after a step, as a cluster does."""

    def __init__(self, step):
        self.step = step

    def begin(self, *_):
        pass

    def update(self, step, row):
        if step == self.step:
            os.kill(os.getpid(), signal.SIGTERM)

    def say(self, *_):
        pass

    end = begin


def digest(tensors):
    """Of whole parameters by name, gathered from all ranks."""
    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        whole = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
        found.update(name.encode() + whole.detach().cpu().numpy().tobytes())
    return found.hexdigest()


def weights(run):
    """The model's own tensors of a run."""
    return {name: tensor for name, tensor in run.tensors.items() if name.startswith("model.")}


def train(folder, world, name, stop=None, **changes):
    """Train the tiny model under a name."""
    chosen = tiny.training(folder / "data", folder / "out", name=name, **changes)
    return trainer.train(setup.prepare(chosen, world.size), world, StopAt(stop) if stop else None)


def strategies(folder, world):
    """All strategies, what each holds on a rank, and the weights it begins with."""
    found = {}
    for strategy in STRATEGIES:
        changes = {"sharding": {"strategy": strategy, "shard_ranks": max(world.size // 2, 1)}}
        name = f"{strategy}-{world.size}"
        ready = setup.prepare(tiny.training(folder / "data", folder / "out", name=name, **changes), world.size)
        run = Run(ready, world)
        local = sum(parameter.to_local().numel() for parameter in run.parameters)
        moments = sum(
            tensor.to_local().numel() for key, tensor in run.tensors.items() if key.endswith(".exp_avg")
        )  # fmt: skip
        begin = digest(weights(run))
        result = train(folder, world, name, **changes)
        found[strategy] = {"begin": begin, "local": local, "moments": moments, "report": result.report}
    return found


def variants(folder, world):
    """Ways to compute the same thing."""
    changing = {
        "bf16": {"sharding": {"precision": "bf16"}}, "dropout": {"model": {**tiny.MODEL, "dropout": 0.2}},
        "checkpointed": {"sharding": {"checkpoint_activations": True}}, "chunked": {"sharding": {"loss": "chunked"}},
        "z": {"optimizer": {"z_loss": 1e-2}},
    }  # fmt: skip
    for name, changes in list(changing.items())[: None if world.size == 1 else 2]:
        train(folder, world, f"{name}-{world.size}", **changes)


def splits(folder, world):
    """Another number of micro-batches for the same rows, and rows that grow."""
    for micro in (1, 4, 8):
        train(folder, world, f"micro-{micro}", batches={"micro_rows": micro})
    ramp = [[0, 2], [4 * tiny.LENGTH, 4], [13 * tiny.LENGTH, 8]]
    result = train(folder, world, "ramp", batches={"ramp": ramp})
    return result.step


def resumed(folder, world):
    """Stopped in the middle, and gone on with by the same ranks; what was written is as of a run in one go."""
    name = f"resumed-{world.size}"
    changes = {"model": {**tiny.MODEL, "dropout": 0.2}, "checkpoints": {"background": True}}
    one = train(folder, world, name, stop=3, **changes)
    two = train(folder, world, name, **changes)
    again = train(folder, world, name, **changes)
    return [one.step, one.signal, two.step, two.signal, again.was_finished, again.report == two.report]


def moved(folder, world):
    """A run that goes from 2 ranks to 1 to 4 and changes its strategy on the way."""
    stop = {2: 3, 1: 6, 4: None}[world.size]
    strategy = {2: "fsdp", 1: "ddp", 4: "hsdp"}[world.size]
    return train(folder, world, "moved", stop=stop, sharding={"strategy": strategy, "shard_ranks": 2}).step


def spikes(folder, world):
    """Rank 1 alone has a great loss in step 5 and no number in step 7; gives weights before and after each step."""
    usual = Run.losses
    seen = []

    def spoiled(self, batch):
        found = usual(self, batch)
        factor = {4: 1e6, 6: float("nan")}.get(self.step, 1.0) if world.rank == world.size - 1 else 1.0
        return TokenLosses(found.cross_entropy * factor, found.log_z)

    taking = Run.take

    def watched(self, batches, targets):
        before = digest(self.tensors_of_step())
        one = taking(self, batches, targets)
        seen.append([one.step, bool(one.skipped), digest(self.tensors_of_step()) == before])
        return one

    Run.tensors_of_step = lambda self: {k: v for k, v in self.tensors.items() if not k.startswith("guard.")}
    Run.losses, Run.take = spoiled, watched
    try:
        result = train(folder, world, f"spikes-{world.size}", optimizer={"spike_window": 8}, checkpoints={"every": 100})
    finally:
        Run.losses, Run.take = usual, taking
        del Run.tensors_of_step
    return {"seen": seen, "skipped": result.report["skipped"], "loss": result.report["validation_loss"]}


CASES = {1: [strategies, variants, splits, resumed, moved, spikes], 2: [strategies, variants, resumed, moved, spikes],
         4: [strategies, moved, spikes]}  # fmt: skip


def main(folder):
    """Run the cases for this number of ranks."""
    warnings.simplefilter("error")
    faulthandler.dump_traceback_later(280, exit=True)  # a group that hangs says where
    torch.set_num_threads(1)
    with parallel.join("cpu") as world:
        found = {case.__name__: case(folder, world) for case in CASES[world.size]}
    (folder / f"found-{world.size}-{world.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
