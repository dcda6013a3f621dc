"""A phase as a Beam pipeline: shard numbers and addresses travel, documents never do."""

from collections.abc import Callable, Iterator, Sequence

import apache_beam as beam

from corpusmill.stages.work import Phase, Task


class RunShard(beam.DoFn):  # type: ignore[misc]
    """Makes one shard per element; what it needs is built once per worker, and a retry is idempotent."""

    def __init__(self, phase: Phase) -> None:
        self._phase = phase
        self._run: Callable[[Task], None] | None = None

    def setup(self) -> None:
        """Load models and kernels."""
        self._run = self._phase.build()

    def process(self, task: Task) -> Iterator[int]:
        """Give the shard's number once it is committed."""
        assert self._run is not None
        self._run(task)
        yield task.shard


class MakeShards(beam.PTransform):  # type: ignore[misc]
    """Tasks to committed shards."""

    def __init__(self, phase: Phase, tasks: Sequence[Task]) -> None:
        super().__init__()
        self._phase = phase
        self._tasks = list(tasks)

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[int]:
        """Create | Reshuffle (so that the tasks spread over the workers) | RunShard."""
        return (
            root
            | "Tasks" >> beam.Create(self._tasks, reshuffle=False).with_output_types(Task)
            | "Spread" >> beam.Reshuffle()
            | "RunShard" >> beam.ParDo(RunShard(self._phase)).with_output_types(int)
        )
