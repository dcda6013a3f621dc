"""What the phases of a dedup stage share: committing a task, and gathering one part of many indexed files."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill import stats
from corpusmill.stages.work import Clock, Noting, Task, Work, digest, shard_tasks
from corpusmill.storage import commit, exchange
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.splits import Split
from corpusmill.storage.write import FileStats

Int64s = npt.NDArray[np.int64]


@dataclass
class Made:
    """What a task has written and counted.

    Attributes:
        files: by kind. records: documents or keys gone through, for the progress.
        tallies, histograms: go into the stage's report.
    """

    files: dict[str, FileStats] = field(default_factory=dict)
    records: int = 0
    bytes_read: int = 0
    tallies: Mapping[str, int] = field(default_factory=dict)
    histograms: Mapping[str, Mapping[int, int]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As the sidecar keeps it."""
        return {
            "records": self.records,
            "bytes_read": self.bytes_read,
            "tallies": dict(self.tallies),
            "histograms": {
                name: {str(k): v for k, v in sorted(bins.items())} for name, bins in self.histograms.items()
            },
        }


class Reported(Made):
    """A task whose report is a whole one."""

    def __init__(self, files: dict[str, Any], report: stats.Report) -> None:
        super().__init__(files)
        self.report = report

    def to_json(self) -> dict[str, Any]:
        """The report itself."""
        return self.report.to_json()


def add_counts(report: stats.Report, counted: Mapping[str, Any]) -> None:
    """Add what a task of a preparing phase has counted to the stage's report."""
    part = stats.Report.from_json({**stats.Report().to_json(), **{k: counted[k] for k in ("tallies", "histograms")}})
    report.add(part)


def committing(layout: StageLayout, make: Callable[[Task, Clock], Made]) -> Callable[[Task], None]:
    """A runner that makes and commits a task, unless it is committed already."""

    def run(task: Task) -> None:
        if commit.committed(layout, task.shard, task.key) is None:
            with Noting(layout, task):
                clock = Clock()
                made = make(task, clock)
                commit.put_timing(layout, task.shard, clock.seconds)
                commit.commit(layout, task.shard, task.key, made.to_json(), made.files)

    return run


class Inlet(NamedTuple):
    """Indexed files of which a gathering task reads one part each: the part with the task's number."""

    layout: StageLayout
    kind: str
    files: int

    @property
    def name(self) -> str:
        """The files' kind, which tells the inlets of a phase apart."""
        return self.kind

    def paths(self) -> list[str]:
        """The files in order."""
        return [self.layout.file(self.kind, number) for number in range(self.files)]


# What a gathering task is given: for each inlet by name, (number of the file, its part), in order of the files.
Parts = Mapping[str, Iterator[tuple[int, pa.RecordBatch]]]


class Gathering(ABC):
    """A phase whose task p reads part p of every file of its inlets.

    `inlets` says which; `prepare` gives what makes a task from its parts. On this machine the parts are read by range;
    an engine may bring them by its own shuffle instead.
    """

    layout: StageLayout

    @property
    @abstractmethod
    def inlets(self) -> tuple[Inlet, ...]:
        """The files to read parts of."""

    @abstractmethod
    def prepare(self) -> Callable[[Task, Parts, Clock], Made]:
        """Load what tasks need, once per worker."""

    def build(self) -> Callable[[Task], None]:
        """A runner that reads its parts by range."""
        make = self.prepare()
        inlets = self.inlets
        return committing(self.layout, lambda task, clock: make(task, read_indexed(inlets, task.shard), clock))

    def build_given(self) -> Callable[[Task, Parts], None]:
        """A runner that is given its parts."""
        make = self.prepare()

        def run(task: Task, parts: Parts) -> None:
            committing(self.layout, lambda task, clock: make(task, parts, clock))(task)

        return run


@dataclass(frozen=True)
class ByKey(Gathering):
    """A phase whose task is a range of keys.

    Attributes:
        layout: where it commits. keys: of all shards, by range. name: of the step.
        offsets: (S+1,), the first document number of each shard; documents of the run are below the last.
    """

    layout: StageLayout
    keys: Inlet
    name: str
    offsets: tuple[int, ...]

    @property
    def inlets(self) -> tuple[Inlet, ...]:
        """The keys."""
        return (self.keys,)


def read_indexed(inlets: Sequence[Inlet], part: int) -> Parts:
    """The parts of one task, each read when it is asked for."""

    def read(inlet: Inlet) -> Iterator[tuple[int, pa.RecordBatch]]:
        for number, path in enumerate(inlet.paths()):
            for found in exchange.read_part(path, part):
                yield number, found

    return {inlet.name: read(inlet) for inlet in inlets}


class Corpus(NamedTuple):
    """The documents of a stage's input, numbered through all shards.

    `offsets` int64 (S+1,): document `offsets[s] + r` is row r of shard s. `key` changes when any shard does.
    """

    splits: tuple[Split, ...]
    offsets: tuple[int, ...]
    key: str

    @classmethod
    def of(cls, key: str, splits: Sequence[Split]) -> "Corpus":
        """Number the documents of stored splits; `key` is the stage's."""
        ends = np.cumsum([0, *(split.end for split in splits)]).tolist()
        return cls(tuple(splits), tuple(ends), digest([key, [split.fingerprint for split in splits]]))

    @property
    def documents(self) -> int:
        """All documents."""
        return self.offsets[-1]

    @property
    def shards(self) -> int:
        """All shards."""
        return len(self.splits)


def shard_work(phase: Any, key: str, splits: Sequence[Split]) -> Work:
    """A phase with one task per shard, each with a key of its own."""
    return Work(phase, shard_tasks(key, splits))


def part_work(phase: Any, key: str, parts: int) -> Work:
    """A phase with one task per partition or group."""
    return Work(phase, tuple(Task(part, None, digest([key, part, parts])) for part in range(parts)))


def address(documents: Int64s, offsets: Sequence[int]) -> tuple[Int64s, npt.NDArray[np.int32]]:
    """The shard of each document number, and its row there; (N,) each.

    Args:
        documents: (N,), numbered through all shards.
        offsets: (S+1,), the first number of each shard.
    """
    starts = np.array(offsets, np.int64)
    shard = np.searchsorted(starts, documents, side="right") - 1
    return shard, (documents - starts[shard]).astype(np.int32)
