"""The last phase of a stage that measures documents with knowledge of the corpus: lines, paragraphs, contamination."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from corpusmill.redact import Redact
from corpusmill.signals import Measured
from corpusmill.stages.curate import MapStage, ShardRunner
from corpusmill.stages.phases import Inlet, Parts, read_indexed
from corpusmill.stages.work import Task
from corpusmill.storage.inputs import Stored
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.write import FileStats
from corpusmill.view import View


class Measure(Protocol):
    """Measures the batches of one shard, one after the other."""

    def __call__(self, view: View) -> Measured:
        """Measure the next batch."""
        ...

    def finish(self, layout: StageLayout, shard: int) -> dict[str, FileStats]:
        """Write further files of the shard, by kind."""
        ...


@dataclass(frozen=True)
class Judged:
    """Measures, judges and edits the documents of a shard, and writes documents, ledger and report as a map stage does.

    Attributes:
        layout: of the stage. step, name, key: the one step. inlets: what its measure knows, one part per shard.
        measure: makes the measure of a task from its parts. masking: what is masked in the report.
    """

    layout: StageLayout
    step: Any
    name: str
    key: str
    inlets: tuple[Inlet, ...]
    measure: Callable[[Task, Parts], Measure]
    masking: Redact

    def build(self) -> Callable[[Task], None]:
        """A runner that reads its parts by range."""
        return lambda task: self._run(task, read_indexed(self.inlets, task.shard))

    def build_given(self) -> Callable[[Task, Parts], None]:
        """A runner that is given its parts."""
        return self._run

    def _run(self, task: Task, parts: Parts) -> None:
        from corpusmill.steps import Chain

        stage = MapStage(self.layout, Stored(), (self.step,), (self.name,), self.key, 0.0, 0, self.masking)

        def tools(task: Task) -> Any:
            measure = self.measure(task, parts)
            return Chain((self.step,), (self.name,), [measure]), measure.finish

        ShardRunner(stage, tools)(task)
