"""The last phase of tokens: packed shards, each from the ids of several shards."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import stats
from corpusmill.errors import RunError
from corpusmill.stages.encoding import PARTS
from corpusmill.stages.mixture import Mixture, Range
from corpusmill.stages.phases import Int64s, Reported, committing
from corpusmill.stages.work import Clock, Task
from corpusmill.storage import commit, exchange, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.packed import Block, Header, PackedFile
from corpusmill.storage.write import FileStats
from corpusmill.tokenize import pack
from corpusmill.tokenize.order import Order, key_of
from corpusmill.tokenize.step import Tokenize

ROWS = 4096  # filled at once


@dataclass(frozen=True)
class Pack:
    """Writes the packed shards of a group of shards: `train/`, and `validation/` where documents are held out.

    With a mixture, task p * G + g is the g-th group of pass p over G groups at most: a document that comes several
    times is never twice in one packed shard, so that each shard gives its documents back. What has no rows leaves no
    file.

    Attributes:
        mixture: where it was decided, or None. key: of the stage.
        groups: of shards, for validation, and for training where there is no mixture.
    """

    layout: StageLayout
    ids: StageLayout
    mixture: StageLayout | None
    step: Tokenize
    name: str
    key: str
    groups: tuple[Range, ...]

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
            documents = _Documents(header.dtype)
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
        return Reported(files, report)

    def _write(
        self, kind: str, shard: int, documents: "_Documents", header: Header, files: dict[str, FileStats]
    ) -> pack.Usage:
        """Pack the documents into a file, or leave none."""
        planned = pack.plan(np.diff(documents.offsets), header.sequence_length, self.step.strategy)
        path = self.layout.file(kind, shard)
        if not planned.rows:
            paths.remove(path)  # of an earlier run with other settings
            return planned.usage()
        order = Order(planned.rows, key_of(self.step.seed, kind, shard))
        with PackedFile(path, header) as file:
            for first in range(0, planned.rows, ROWS):
                rows = order.between(first, min(first + ROWS, planned.rows))
                file.add(documents.block(planned, rows, header))
            files[kind] = file.finish()
        return planned.usage()

    def _check_any(self, documents: "_Documents") -> None:
        """Refuse to pack documents without any id where no document of the run has one.

        Raises:
            RunError: if there is nothing but ends of texts.
        """
        if len(documents.ids) or not len(documents.rows) or _any_ids(self.ids, self.name, self.groups[-1][1]):
            return
        why = f"{self.name} gives no text an id: all are blank, or {self.step.tokenizer} is the wrong tokenizer"
        raise RunError(f"{self.layout.title}: not one token: {why}; nothing was packed")

    def _counted(self, documents: "_Documents") -> stats.Report:
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


class _Documents:
    """The ids of a group's documents of one part, in the order of shards and rows.

    Attributes:
        ids, offsets: document i is ids[offsets[i]:offsets[i+1]]. shards, rows: their addresses.
        seen, come: documents and bytes that there are, and of those that come at all.
        got: tokens by source, end-of-text included, with a mixture.
    """

    def __init__(self, dtype: str) -> None:
        self.ids: npt.NDArray[Any] = np.zeros(0, dtype)
        self.offsets = np.zeros(1, np.int64)
        self.rows = self.shards = np.zeros(0, np.int32)
        self.seen = self.come = (0, 0)
        self.got = Counter[str]()

    def read(self, layout: StageLayout, group: Range, part: int, mixture: Mixture | None, number: int) -> None:
        """Read the documents that come in a pass; without a mixture all of them."""
        found = list(self._chosen(layout, group, part, mixture, number))
        lists = [batch.column("ids") for _, batch in found]
        self.ids = np.concatenate([self.ids, *(column.flatten().to_numpy() for column in lists)])
        sizes = [pc.list_value_length(column).to_numpy(zero_copy_only=False) for column in lists]
        self.offsets = np.append(0, np.cumsum(np.concatenate([np.zeros(0, np.int64), *sizes]), dtype=np.int64))
        self.rows = np.concatenate([self.rows, *(batch.column("row").to_numpy() for _, batch in found)])
        self.shards = np.repeat(np.array([shard for shard, _ in found], np.int32), [b.num_rows for _, b in found])

    def _chosen(
        self, layout: StageLayout, group: Range, part: int, mixture: Mixture | None, number: int
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        for shard in range(*group):
            for batch in exchange.read_part(layout.file("ids", shard), part):
                self.seen = _more(self.seen, batch.num_rows, batch.column("bytes"))
                if mixture is None:
                    self.come = _more(self.come, batch.num_rows, batch.column("bytes"))
                    yield shard, batch
                    continue
                copies = mixture.copies(batch.column("source"), batch.column("place").to_numpy())
                some = batch.filter(pa.array(copies > 0)) if number == 0 else None
                if some is not None:
                    self.come = _more(self.come, some.num_rows, some.column("bytes"))
                chosen = some if some is not None else batch.filter(pa.array(copies > number))
                self._count(chosen)
                if chosen.num_rows:
                    yield shard, chosen

    def _count(self, batch: pa.RecordBatch) -> None:
        tokens = pc.add(pc.cast(pc.list_value_length(batch.column("ids")), pa.int64()), 1)
        table = pa.table({"source": batch.column("source"), "tokens": tokens})
        sums = table.group_by("source", use_threads=False).aggregate([("tokens", "sum")])
        self.got.update(dict(zip(sums["source"].to_pylist(), sums["tokens_sum"].to_pylist(), strict=True)))

    def block(self, planned: pack.Plan, rows: Int64s, header: Header) -> Block:
        """Some rows, with the documents in them."""
        ids = pack.fill(planned, self.offsets, self.ids, header.eos, rows, padding=header.padding)
        offsets, segments = planned.segments_of(rows)
        document = planned.segment_document[segments]
        return Block(ids, offsets, planned.segment_length[segments], self.shards[document], self.rows[document],
                     planned.segment_start[segments])  # fmt: skip


def _more(counts: tuple[int, int], documents: int, sizes: pa.Array) -> tuple[int, int]:
    return counts[0] + documents, counts[1] + (pc.sum(sizes).as_py() or 0)
