"""A gathering phase as a Beam pipeline: parts of indexed files travel through the engine's own shuffle, packed.

The other way to gather, each task reading its parts by range, makes files x parts small reads. Where a read costs a
request to an object store, this one reads every file once, from end to end, and sends blocks of it by part.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import pyarrow as pa

from corpusmill.stages.phases import Inlet, Parts
from corpusmill.stages.work import Phase, Task
from corpusmill.storage import exchange

BLOCK_BYTES = 2_000_000  # of records in one element

Block = tuple[str, int, int, bytes]  # inlet, number of the file, number of the block, Arrow stream


class SendParts(beam.DoFn):  # type: ignore[misc]
    """Reads one indexed file and gives its records in blocks, by part."""

    def __init__(self, wanted: frozenset[int]) -> None:
        self._wanted = wanted

    def process(self, source: tuple[str, int, str]) -> Iterator[tuple[int, Block]]:
        """Blocks of the parts that are wanted."""
        name, number, path = source
        counter = 0
        for part, batch in exchange.read_by_part(path):
            if part in self._wanted:
                for block in _blocks(batch):
                    yield part, (name, number, counter, block)
                    counter += 1


class Gather(beam.DoFn):  # type: ignore[misc]
    """Makes one task from its blocks; a retry is idempotent."""

    def __init__(self, phase: Any, tasks: Sequence[Task]) -> None:
        self._phase = phase
        self._tasks = {task.shard: task for task in tasks}
        self._run: Callable[[Task, Parts], None] | None = None

    def setup(self) -> None:
        """Load kernels."""
        self._run = self._phase.build_given()

    def process(self, element: tuple[int, Iterable[Block | None]]) -> Iterator[int]:
        """Give the part's number once it is committed."""
        part, found = element
        blocks = sorted(block for block in found if block is not None)
        assert self._run is not None
        self._run(self._tasks[part], {inlet.name: _parts(inlet, blocks) for inlet in self._phase.inlets})
        yield part


class GatherParts(beam.PTransform):  # type: ignore[misc]
    """Indexed files to committed tasks."""

    def __init__(self, phase: Any, tasks: Sequence[Task]) -> None:
        super().__init__()
        self._phase = phase
        self._tasks = list(tasks)

    def expand(self, root: beam.pvalue.PBegin) -> beam.PCollection[int]:
        """Files | Reshuffle | SendParts, and a mark for every task so that one without records is made too."""
        files = [
            (inlet.name, number, path) for inlet in self._phase.inlets for number, path in enumerate(inlet.paths())
        ]
        wanted = frozenset(task.shard for task in self._tasks)
        marked = beam.Create([(part, None) for part in sorted(wanted)], reshuffle=False)
        marks = root | "Tasks" >> marked.with_output_types(tuple[int, Any])
        blocks = (
            root
            | "Files" >> beam.Create(files, reshuffle=False)
            | "Spread" >> beam.Reshuffle()
            | "SendParts" >> beam.ParDo(SendParts(wanted)).with_output_types(tuple[int, Any])
        )
        return (
            (marks, blocks)
            | "Both" >> beam.Flatten()
            | "ByPart" >> beam.GroupByKey()
            | "Gather" >> beam.ParDo(Gather(self._phase, self._tasks)).with_output_types(int)
        )


def gathers(phase: Phase) -> bool:
    """True for a phase that can be given its parts."""
    return bool(getattr(phase, "inlets", ())) and hasattr(phase, "build_given")


def _blocks(batch: pa.RecordBatch) -> Iterator[bytes]:
    rows = max(1, batch.num_rows * BLOCK_BYTES // max(batch.nbytes, 1))
    for first in range(0, batch.num_rows, rows):
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch.slice(first, rows))
        yield sink.getvalue().to_pybytes()


def _parts(inlet: Inlet, blocks: Sequence[Block]) -> Iterator[tuple[int, pa.RecordBatch]]:
    for name, number, _, block in blocks:
        if name == inlet.name:
            with pa.ipc.open_stream(block) as stream:
                yield number, stream.read_next_batch()
