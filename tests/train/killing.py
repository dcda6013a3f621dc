"""A run that is killed at chosen moments of a save, and gone on with each time. Started by `test_killed`.

Processes are forked from one that has imported everything and has started no thread, so each costs little.
"""

import json
import os
import shutil
import signal
import sys
import time
import warnings
from pathlib import Path

import torch
from torch.distributed.checkpoint import FileSystemWriter

from corpusmill.train import checkpoint, parallel, setup, trainer
from tests.train import tiny

CHANGES = {"checkpoints": {"every": 1, "keep_last": 1, "background": True}, "length": {"tokens": 14 * 8 * tiny.LENGTH}}


def killed_when(owner, name, count):
    """Kill this process instead of the `count`-th call of a function."""
    usual, calls = getattr(owner, name), []

    def deadly(*arguments, **keywords):
        calls.append(name)
        if len(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return usual(*arguments, **keywords)

    setattr(owner, name, deadly)


MOMENTS = {
    "before anything is written": lambda: killed_when(FileSystemWriter, "write_data", 3),
    "between tensors and index": lambda: killed_when(FileSystemWriter, "finish", 2),
    "between index and manifest": lambda: killed_when(checkpoint, "put", 2),
    "between manifest and name": lambda: killed_when(checkpoint.Path, "rename", 1),
    "between name and removal of the old": lambda: killed_when(checkpoint, "prune", 2),
    "in the removal of the old": lambda: killed_when(shutil, "rmtree", 2),
}


def child(folder, prepare=None):
    """Train in a process of its own until the end, or until it is killed."""
    number = os.fork()
    if number:
        return number
    if prepare is not None:
        prepare()
    with parallel.join("cpu") as world:
        trainer.train(setup.prepare(tiny.training(folder / "data", folder / "out", **CHANGES), 1), world)
    os._exit(0)


def main(folder):
    """Go through the moments, then through some at random; what is left after each goes to `found.json`."""
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    run, found = folder / "out/tiny", []
    for moment, prepare in MOMENTS.items():
        _, status = os.waitpid(child(folder, prepare), 0)
        newest = checkpoint.latest(run)
        partial = [path.name for path in (run / "checkpoints").glob("*.partial")]
        found.append([moment, os.WTERMSIG(status), checkpoint.step_of(newest) if newest else 0, partial])
    for wait in (0.15, 0.3):
        number = child(folder)
        time.sleep(wait)
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
    _, status = os.waitpid(child(folder), 0)
    (folder / "found.json").write_text(json.dumps([found, status]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
