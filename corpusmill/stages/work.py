"""The unit of work on any engine: a task of a phase, its key, and the note it leaves when it fails."""

import hashlib
import json
import pkgutil
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from corpusmill import errors, kernels, stages, stats
from corpusmill.storage import commit, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.splits import Split


@dataclass(frozen=True)
class Task:
    """One numbered part of a phase: what it reads, and the key its commit must carry.

    `shard` is the number of a shard where the phase goes through shards, or of a partition or group where it gathers
    from all of them; such a task has no `split`.
    """

    shard: int
    split: Split | None
    key: str

    @property
    def place(self) -> str:
        """The task in words, for messages."""
        return f"part {self.shard}" if self.split is None else f"shard {self.shard} ({paths.name(self.split.path)})"


class Phase(Protocol):
    """A part of a stage that one job of an engine runs; small, and pickled to each worker once.

    A phase may also say `worker_bytes`, see `workers_for`; and `apart = True` if the packed shards, report and manifest
    of an earlier run of its stage stay as they are while it runs.
    """

    @property
    def layout(self) -> StageLayout:
        """Where its tasks commit."""
        ...

    def build(self) -> Callable[[Task], None]:
        """Load what the tasks need, once per worker; the result makes and commits one task, and is safe to repeat."""
        ...


class Work(NamedTuple):
    """A phase and all its tasks."""

    phase: Phase
    tasks: tuple[Task, ...]

    @property
    def input_bytes(self) -> int:
        """Bytes, as stored, that the tasks will read."""
        return sum(task.split.length for task in self.tasks if task.split)


FORKS = sys.platform == "linux"  # others forbid much to a process forked from one that has libraries loaded


def modules() -> list[str]:
    """What a process imports before workers are forked from it, so that they need not."""
    return [
        module.name
        for package in (stages, kernels)
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    ]


WORKER_BYTES = 16_000_000  # stored bytes that are worth starting a process on this machine for
PART_BYTES = 64_000_000  # what a task without a split counts for


def workers_for(phase: Phase, tasks: Sequence[Task], workers: int) -> int:
    """How many processes on this machine the tasks of a phase are worth, at most `workers`.

    The first processes of a run take seconds to start, and each has kernels to load; in that time this one goes through
    some megabytes of text. Extraction and filters cost more, so their phase says with `worker_bytes` that a process is
    worth it for less.
    """
    size = sum(task.split.length if task.split else PART_BYTES for task in tasks)
    return max(1, min(workers, len(tasks), size // getattr(phase, "worker_bytes", WORKER_BYTES)))


class Stage(Protocol):
    """A directory of shards in, a directory of shards out, in one phase or several."""

    @property
    def layout(self) -> StageLayout:
        """Where the stage's shards lie."""
        ...

    @property
    def key(self) -> str:
        """A digest of all that decides the stage's output but for its input's bytes."""
        ...

    @property
    def specs(self) -> tuple[Any, ...]:
        """The steps of the stage."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the steps, unique in the recipe."""
        ...

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """The phases in order, for an input of these splits; the tasks of the last one make the stage's shards."""
        ...

    def close(self, report: stats.Report) -> dict[str, Any]:
        """Refuse a result that must not be used, with a RunError; gives further parts of the stage's report."""
        ...


def digest(data: Any) -> str:
    """A short digest of plain data."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def shard_key(key: str, split: Split) -> str:
    """The key of one shard: its phase's key, and which bytes of which file it reads."""
    return digest([key, paths.name(split.path), split.fingerprint, split.start, split.end])


def shard_tasks(key: str, splits: Sequence[Split]) -> tuple[Task, ...]:
    """One task per split, each with a key of its own."""
    return tuple(Task(shard, split, shard_key(key, split)) for shard, split in enumerate(splits))


class Noting:
    """Notes which task an exception came from, where the driver finds it on any engine, and lets it pass."""

    def __init__(self, layout: StageLayout, task: Task) -> None:
        self._layout, self._task = layout, task

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Write the note; an interrupt is nobody's fault and leaves none."""
        if not isinstance(error, Exception):
            return
        known = isinstance(error, errors.CorpusmillError)
        error.add_note(f"while making {self._task.place}")
        message = str(error) if known else f"{error} (while making {self._task.place})"
        commit.put_failure(self._layout, self._task.shard, type(error).__name__, message)


class Clock:
    """Shares the processor time of a task out to its parts; a busy machine changes it little."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.process_time()

    def note(self, name: str) -> None:
        """Book the time since the last note under `name`."""
        now = time.process_time()
        self.seconds[name] = self.seconds.get(name, 0.0) + now - self._last
        self._last = now

    def take(self, seconds: dict[str, float]) -> None:
        """Book what the chain measured itself, and the rest of its time as `chain`."""
        self.note("chain")
        for name, spent in seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + spent
        self.seconds["chain"] -= sum(seconds.values())
