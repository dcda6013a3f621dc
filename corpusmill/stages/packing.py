"""The last phase of tokens: packed shards, each from the ids of several shards."""

from collections.abc import Callable
from dataclasses import dataclass

from corpusmill import stats
from corpusmill.errors import RunError
from corpusmill.stages.chosen import Chosen
from corpusmill.stages.encoding import PARTS
from corpusmill.stages.mixture import Mixture, Range
from corpusmill.stages.phases import Reported, committing
from corpusmill.stages.work import Clock, Task
from corpusmill.storage import commit, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.packed import Header, PackedFile
from corpusmill.storage.write import FileStats
from corpusmill.tokenize import pack
from corpusmill.tokenize.order import Order, key_of
from corpusmill.tokenize.step import Tokenize


@dataclass(frozen=True)
class Pack:
    """Writes the packed shards of a group of shards: `train/`, and `validation/` where documents are held out.

    With a mixture, task p * G + g is the g-th group of pass p over G groups at most: a document that comes several
    times is never twice in one packed shard, so that each shard gives its documents back. What has no rows leaves no
    file.

    Attributes:
        mixture: where it was decided, or None. key: of the stage.
        groups: of shards, for validation, and for training where there is no mixture. sizes: their stored bytes.
    """

    layout: StageLayout
    ids: StageLayout
    mixture: StageLayout | None
    step: Tokenize
    name: str
    key: str
    groups: tuple[Range, ...]
    sizes: tuple[int, ...]

    def build(self) -> Callable[[Task], None]:
        """Load the tokenizer's facts."""
        tokenizer = self.step.load()
        eos = self.step.eos(tokenizer)
        header = Header(
            tokenizer=tokenizer.digest, vocabulary_size=tokenizer.size, dtype=pack.token_dtype(tokenizer.size).name,
            eos=eos, padding=eos, strategy=self.step.strategy, sequence_length=self.step.sequence_length,
            recipe_key=self.key,
        )  # fmt: skip
        return committing(self.layout, lambda task, clock: self._make(task, clock, header))

    def _make(self, task: Task, clock: Clock, header: Header) -> Reported:
        mixture = None if self.mixture is None else Mixture.read(self.mixture, self.step.seed)
        report = stats.Report(steps={self.name: stats.StepCounts()})
        number, at = divmod(task.shard, len(self.groups))
        files: dict[str, FileStats] = {}
        for part, kind in enumerate(PARTS):
            groups: tuple[Range, ...] = self.groups if number == 0 else ()
            if part == 0 and mixture is not None:
                groups = mixture.groups.get(number, ())
            documents = Chosen(header.dtype)
            if at < len(groups) and (part == 0 or self.step.validation):
                documents.read(self.ids, groups[at], part, None if part else mixture, number)
            clock.note("read")
            self._check_any(documents)
            usage = self._write(kind, task.shard, documents, header, files)
            clock.note(f"{self.name}.pack")
            if part == 0 or self.step.validation:
                report.tallies.update({f"{self.name}.{kind}.{name}": int(n) for name, n in usage._asdict().items()})
            report.tallies.update({f"{self.name}.mixture.{source}.got": n for source, n in documents.got.items()})
            if number == 0:
                report.add(self._counted(documents))
        report.bytes_read = self.sizes[at] if number == 0 else 0  # by the first phase; passes read the ids alone
        return Reported(files, report)

    def _write(
        self, kind: str, shard: int, documents: Chosen, header: Header, files: dict[str, FileStats]
    ) -> pack.Usage:
        """Pack the documents into a file, or leave none."""
        planned = pack.plan(documents.lengths, header.sequence_length, self.step.strategy)
        path = self.layout.file(kind, shard)
        if not planned.rows:
            paths.remove(path)  # of an earlier run with other settings
            return planned.usage()
        order = Order(planned.rows, key_of(self.step.seed, kind, shard))
        with PackedFile(path, header) as file:
            for first in range(0, planned.rows, file.batch_rows):
                rows = order.between(first, min(first + file.batch_rows, planned.rows))
                file.add(documents.block(planned, rows, header))
            files[kind] = file.finish()
        return planned.usage()

    def _check_any(self, documents: Chosen) -> None:
        """Refuse to pack documents without any id where no document of the run has one.

        Raises:
            RunError: if there is nothing but ends of texts.
        """
        if documents.lengths.any() or not len(documents.lengths) or _any_ids(self.ids, self.name, self.groups[-1][1]):
            return
        why = f"{self.name} gives no text an id: all are blank, or {self.step.tokenizer} is the wrong tokenizer"
        raise RunError(f"{self.layout.title}: not one token: {why}; nothing was packed")

    def _counted(self, documents: Chosen) -> stats.Report:
        """Each document once, however often it comes; those that never come are dropped."""
        count, kept = documents.seen, documents.come
        step = stats.StepCounts(*count, *kept)
        dropped = count[0] - kept[0]
        if dropped:
            step.reasons[f"{self.name}.mixture"] = dropped
        return stats.Report(records=count[0], kept=kept[0], dropped=dropped, steps={self.name: step})


def _any_ids(layout: StageLayout, name: str, shards: int) -> bool:
    """Whether any document of the run has an id; the first shard mostly has."""
    told = (commit.read_json(layout.sidecar(shard)) for shard in range(shards))
    return any(found and found["report"]["tallies"].get(f"{name}.ids") for found in told)
