"""The training loop, to be read from top to bottom; `run.Run.take` is a step of it.

The order of samples, the learning rate and the dropout are functions of the sample's number, so that the state of a run
is its weights, its moments, its guard, and that number.
"""

import contextlib
import gc
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from corpusmill.train import checkpoint, notes
from corpusmill.train.launch import Stop, alone
from corpusmill.train.notes import Notes, Progress
from corpusmill.train.parallel import World
from corpusmill.train.room import telling_memory
from corpusmill.train.run import Run
from corpusmill.train.setup import Ready
from corpusmill.train.watch import Watcher


@dataclass(frozen=True)
class Result:
    """How a run ended.

    Attributes:
        step: steps taken, skipped ones included. steps: of the whole run.
        signal: that stopped it, or 0 where it is finished.
        was_finished: there was nothing to do.
        report: final figures, as in report.json; empty where it was stopped.
    """

    step: int
    steps: int
    signal: int = 0
    was_finished: bool = False
    report: dict[str, Any] = field(default_factory=dict)


def train(ready: Ready, world: World, progress: Progress | None = None) -> Result:
    """Train, from the last whole checkpoint of the run's folder if there is one. Collective.

    SIGTERM or Ctrl-C to any rank ends it between two steps, with a checkpoint.

    Args:
        ready: as `setup.prepare` gives it, on every rank alike.
        world: the ranks.
        progress: is told how far the run is; of rank 0 only.

    Raises:
        OutputError: the folder is another run's, or another process trains there.
        StorageError: a checkpoint could not be written; those before are kept.
        RunError: the memory of the device does not suffice.
    """
    if world.first_says(notes.finished(ready) is not None):
        return Result(ready.steps.count, ready.steps.count, was_finished=True, report=notes.finished(ready) or {})
    stop = Stop()
    with contextlib.ExitStack() as stack:
        if world.rank == 0:
            stack.enter_context(alone(ready.folder))
            checkpoint.sweep(ready.folder)
        world.wait()
        stack.enter_context(stop.listening())
        stack.enter_context(telling_memory(ready, world))
        run = Run(ready, world)
        noted = Notes(run, progress if world.rank == 0 else None)
        stack.callback(noted.close)
        stack.enter_context(_no_garbage())
        return _loop(run, noted, stop)


def _loop(run: Run, noted: Notes, stop: Stop) -> Result:
    watcher, count = Watcher(run), run.ready.steps.count
    saver = checkpoint.Saver(run.ready.folder, run.chosen.checkpoints, run.world)
    stopping = 0
    while run.step < count:
        with noted.pace.loading():
            batches, targets = run.read()
        # On the host, while the device may still be busy with the step before.
        targets, stopping, failing = run.world.sum_counts(targets, stop.signal != 0, saver.failed())
        if failing:
            saver.finish()
        if stopping:
            break
        noted.step(run.take(batches, targets))
        _look(run, noted, watcher, saver)
    noted.log()
    with noted.pace.aside():
        saver.save(run.tensors, run.manifest())
        saver.finish()
        run.world.wait()  # a rank that is ahead must not take the process group down
    if run.step < count:
        return Result(run.step, count, stop.signal or signal.SIGTERM)
    validation = watcher.validate()
    noted.validated(validation)
    noted.sampled(watcher.sample())
    return Result(run.step, count, report=noted.report(validation))


def _look(run: Run, noted: Notes, watcher: Watcher, saver: checkpoint.Saver) -> None:
    """What is due after a step; the end of the run looks by itself."""
    watching = run.chosen.watching

    def due(every: int) -> bool:
        return bool(every) and run.step % every == 0 and run.step < run.ready.steps.count

    if run.step % watching.log_every == 0:
        noted.log()
        gc.collect()
    with noted.pace.aside():
        if due(watching.validate_every):
            noted.validated(watcher.validate())
        if due(watching.sample_every):
            noted.sampled(watcher.sample())
        if due(run.chosen.checkpoints.every):
            saver.save(run.tensors, run.manifest())


@contextlib.contextmanager
def _no_garbage() -> Iterator[None]:
    """Collect garbage between steps only: ranks that pause at different times wait for each other."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()
