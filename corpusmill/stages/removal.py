"""The last phase of a dedup stage: verdicts in, documents and ledger out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import documents, stats
from corpusmill.redact import Redact
from corpusmill.stages.curate import DEAD_SCHEMA
from corpusmill.stages.masking import masked
from corpusmill.stages.phases import Gathering, Inlet, Made, Parts, Reported
from corpusmill.stages.work import Clock, Task
from corpusmill.steps import domain, tally
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches
from corpusmill.storage.write import ParquetFile

# One row per document that belongs to a cluster. `kept` is null for the document that stays.
VERDICTS = pa.schema(
    [
        ("row", pa.int32()),
        ("kept", pa.string()),  # id of the document that stays in its place
        ("kept_in", pa.string()),  # the earlier run that holds it, null for this one
        ("similarity", pa.float64()),
        ("method", pa.string()),
        ("cluster_size", pa.int64()),  # of the document that stays: input documents it stands for
    ]
)
EVIDENCE = ("kept", "kept_in", "similarity", "method", "policy", "cluster_size")  # ledger columns, `step.` before each


def ledger_schema(name: str) -> pa.Schema:
    """The ledger of a dedup stage: what is known of every document, then the evidence."""
    fixed = [("row", pa.int64()), ("id", pa.string()), ("url", pa.string()), ("offset", pa.int64())]
    fixed += [("language", pa.string()), ("reason", pa.string()), ("bytes_in", pa.int64()), ("bytes_out", pa.int64())]
    types = {"similarity": pa.float64(), "cluster_size": pa.int64()}
    return pa.schema([*fixed, *((f"{name}.{column}", types.get(column, pa.string())) for column in EVIDENCE)])


@dataclass(frozen=True)
class Removal(Gathering):
    """Writes the documents that stay, and a ledger row for every document.

    Attributes:
        layout: of the stage. verdicts: where they lie, one part per shard. name: of the step.
        reasons: method -> reason of a removal by it. policy: which document of a cluster stays.
        masking: what is masked in the report.
    """

    layout: StageLayout
    verdicts: Inlet
    name: str
    reasons: tuple[tuple[str, str], ...]
    policy: str
    masking: Redact

    @property
    def inlets(self) -> tuple[Inlet, ...]:
        """The verdicts."""
        return (self.verdicts,)

    def prepare(self) -> Callable[[Task, Parts, Clock], Made]:
        """Nothing to load."""
        return self._make

    def _make(self, task: Task, parts: Parts, clock: Clock) -> Made:
        assert task.split is not None
        found = _Verdicts(parts[self.verdicts.name], task.split.end)
        report = stats.Report(steps={self.name: stats.StepCounts()}, bytes_read=task.split.length)
        shard = task.shard
        with (
            ParquetFile(self.layout.documents(shard), documents.SCHEMA) as kept,
            ParquetFile(self.layout.ledger(shard), ledger_schema(self.name)) as ledger,
            ParquetFile(self.layout.dead(shard), DEAD_SCHEMA) as dead,
        ):
            row = 0
            for batch in batches(task.split.path):
                part = _Part(self, batch, row, found.rows(row, batch.num_rows))
                row += batch.num_rows
                kept.write(part.documents())
                ledger.write(part.ledger())
                report.add(part.report())
                clock.note(f"{self.name}.remove")
            files = {"documents": kept.finish(), "ledger": ledger.finish(), "dead": dead.finish()}
        clock.note(f"{self.name}.remove")
        return Reported(files, masked(report, self.masking))


class _Verdicts:
    """The verdicts of one shard, by row."""

    def __init__(self, parts: Iterator[tuple[int, pa.RecordBatch]], rows: int) -> None:
        tables = [batch for _, batch in parts]
        self.table = pa.Table.from_batches(tables, schema=VERDICTS).combine_chunks()
        self.index = np.full(rows, -1, np.int64)
        self.index[self.table["row"].to_numpy()] = np.arange(self.table.num_rows)

    def rows(self, first: int, count: int) -> pa.Table:
        """The verdicts of `count` rows from `first` on; null where there is none."""
        at = self.index[first : first + count]
        return self.table.take(pa.array(at, mask=at < 0)).combine_chunks()


class _Part:
    """One batch on its way out."""

    def __init__(self, phase: Removal, batch: pa.RecordBatch, first: int, verdicts: pa.Table) -> None:
        self.phase, self.batch, self.first, self.verdicts = phase, batch, first, verdicts
        methods = verdicts["method"].combine_chunks()
        self.removed = methods.is_valid().to_numpy(zero_copy_only=False)
        self.sizes = pc.binary_length(batch.column("text")).to_numpy(zero_copy_only=False).astype(np.int64)
        table = dict(phase.reasons)
        self.reasons = pa.array([None if m is None else table[m] for m in methods.to_pylist()], pa.string())
        before = pc.fill_null(batch.column("cluster_size"), 1)
        self.cluster = pc.coalesce(verdicts["cluster_size"].combine_chunks(), before)

    def documents(self) -> pa.RecordBatch:
        """Those that stay, with the size of their cluster."""
        several = pc.greater(self.cluster, 1)
        columns = {name: self.batch.column(name) for name in self.batch.schema.names}
        columns["cluster"] = pc.if_else(several, self.batch.column("id"), None)
        columns["cluster_size"] = self.cluster
        whole = pa.RecordBatch.from_arrays([columns[f.name] for f in documents.SCHEMA], schema=documents.SCHEMA)
        return whole.filter(pa.array(~self.removed))

    def ledger(self) -> pa.RecordBatch:
        """A row for every document."""
        numbers = pa.array(np.arange(self.first, self.first + len(self.removed)))
        known = [self.batch.column(name) for name in ("id", "url", "offset", "language")]
        out = pa.array(np.where(self.removed, 0, self.sizes), mask=self.removed)
        policy = pc.if_else(pa.array(self.removed), self.phase.policy, None)
        size = pc.if_else(pa.array(self.removed), None, self.cluster)
        evidence = [self.verdicts[name].combine_chunks() for name in ("kept", "kept_in", "similarity", "method")]
        arrays = [numbers, *known, self.reasons, pa.array(self.sizes), out, *evidence, policy, size]
        return pa.RecordBatch.from_arrays(arrays, schema=ledger_schema(self.phase.name))

    def report(self) -> stats.Report:
        """What is counted of this batch."""
        stays = ~self.removed
        lost, name = int(self.removed.sum()), self.phase.name
        counts = stats.StepCounts(
            len(stays), int(self.sizes.sum()), int(stays.sum()), int(self.sizes[stays].sum())
        )  # fmt: skip
        for reason, count in zip(*_counted(self.reasons), strict=True):
            counts.reasons[reason] = count
        kept_sizes = np.where(stays, self.sizes, 0)
        found = stats.Report(records=len(stays), kept=int(stays.sum()), dropped=lost, steps={name: counts})
        found.languages = tally(self.batch.column("language"), stays, kept_sizes)
        found.domains = tally(domain(self.batch.column("url")), stays, kept_sizes)
        found.sources = tally(self.batch.column("source"), stays, kept_sizes)
        self._examples(found)
        return found

    def _examples(self, found: stats.Report) -> None:
        name = self.phase.name
        sizes = self.cluster.to_numpy(zero_copy_only=False)
        values = self.verdicts["similarity"].combine_chunks().to_numpy(zero_copy_only=False)
        found.histograms[f"{name}.cluster_size"] = stats.bins(sizes[~self.removed].astype(np.float64))
        measured = values[self.removed & ~np.isnan(values)]
        if len(measured):
            found.histograms[f"{name}.similarity"] = stats.bins(measured)
        large = np.flatnonzero(~self.removed & (sizes > 1))
        large = large[np.argsort(-sizes[large], kind="stable")]
        if len(large):
            least = sizes[large[: stats.LARGEST]].min()
            rows = large[sizes[large] >= least]  # all of equal size: which of them stay is decided by their ids
            found.add_largest(f"{name}.cluster_size", [self._example(row, float(sizes[row])) for row in rows])
        reasons = self.reasons.to_pylist()
        for reason in sorted({reason for reason in reasons if reason}):
            rows = np.flatnonzero(pc.fill_null(pc.equal(self.reasons, reason), fill_value=False))
            found.add_examples(reason, [self._example(row, float(values[row])) for row in _few(self.batch, rows)])

    def _example(self, row: int, value: float) -> stats.Example:
        text = self.batch.column("text")[int(row)].as_py()
        known = [self.batch.column(name)[int(row)].as_py() for name in ("id", "url")]
        return stats.example(known[0], known[1], None if np.isnan(value) else value, text)


def _few(batch: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> list[int]:
    """The rows that make the examples: those with the smallest keys."""
    ids = batch.column("id").take(pa.array(rows)).to_pylist()
    order = sorted(range(len(rows)), key=lambda i: stats.example(ids[i], None, None, "")[:2])
    return [int(rows[i]) for i in order[: stats.EXAMPLES]]


def _counted(values: pa.Array) -> tuple[list[str], list[int]]:
    counts = pc.value_counts(values.drop_null())
    return counts.field("values").to_pylist(), counts.field("counts").to_pylist()
