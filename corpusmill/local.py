"""Runs stages in this process, or in a pool of processes that take shards as they become free: the reference."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext

from corpusmill.drive import Execute
from corpusmill.errors import EngineError
from corpusmill.stages.work import FORKS, Phase, Task, modules, workers_for

_runner: Callable[[Task], None] | None = None  # one per worker process, built by `_build`


def executor(workers: int = 1) -> Execute:
    """How to run tasks here: with one worker in this process, with more in others."""

    def execute(phase: Phase, tasks: Sequence[Task]) -> None:
        needed = workers_for(phase, tasks, workers)
        if needed == 1:
            _in_process(phase, tasks)
        else:
            _in_pool(phase, tasks, needed)

    return execute


def _in_process(phase: Phase, tasks: Sequence[Task]) -> None:
    run = phase.build()
    for task in tasks:
        run(task)


def _in_pool(phase: Phase, tasks: Sequence[Task], workers: int) -> None:
    pool = ProcessPoolExecutor(workers, _context(), _build, (phase,))
    try:
        for done in as_completed([pool.submit(_run, task) for task in tasks]):
            done.result()
    except BrokenProcessPool as error:
        raise EngineError(f"{phase.layout.label}: a worker process died (out of memory, or killed): {error}") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _context() -> BaseContext:
    """How processes start: never forked from this one, or they would inherit the threads of Arrow and numba."""
    if not FORKS:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(modules())
    return context


def _build(phase: Phase) -> None:
    global _runner  # noqa: PLW0603 - the only way to hand an initializer's work to the pool's tasks
    _runner = phase.build()


def _run(task: Task) -> None:
    assert _runner is not None
    _runner(task)
