"""A map stage: one shard is read, sent through the chain, written and committed, in one call and in one process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import documents, errors, stats
from corpusmill.redact import Redact
from corpusmill.stages.masking import masked
from corpusmill.stages.work import Clock, Noting, Task, Work, shard_tasks
from corpusmill.storage import commit
from corpusmill.storage.inputs import Input, Stored
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.read import Read, read
from corpusmill.storage.splits import Split
from corpusmill.storage.write import FileStats, ParquetFile

if TYPE_CHECKING:  # a plan is made without loading what runs it
    from corpusmill.steps import Chain, Outcome

PAYLOAD = 1 << 20  # bytes of a dead record that are kept

DEAD_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("url", pa.string()),
        ("offset", pa.int64()),
        ("step", pa.string()),
        ("error", pa.string()),
        ("payload", pa.binary()),
    ]
)


@dataclass(frozen=True)
class MapStage:
    """What every shard of the stage has in common; small, and pickled to each worker once."""

    layout: StageLayout
    input: Input | Stored
    specs: tuple[Any, ...]
    names: tuple[str, ...]
    key: str
    max_share: float
    at_least: int
    masking: Redact

    worker_bytes: ClassVar = 1  # each shard takes seconds

    def build(self) -> "ShardRunner":
        """Load what the steps need; once per worker."""
        from corpusmill.steps import Chain

        chain = Chain(self.specs, self.names)
        chain(_sample(self.input))  # compiles or loads the kernels, before the clock of a shard runs
        return ShardRunner(self, lambda _: (chain, _nothing_more))

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """One phase, a task per split."""
        return [Work(self, shard_tasks(self.key, splits))]

    def close(self, report: stats.Report) -> dict[str, Any]:
        """Nothing beyond what each shard was checked for."""
        assert report
        return {}


# What a task is done with: a chain, and what writes further files of the shard when all its batches went through.
Tools = tuple["Chain", Callable[[StageLayout, int], dict[str, FileStats]]]


class ShardRunner:
    """Makes shards one after the other."""

    def __init__(self, stage: MapStage, tools: Callable[[Task], Tools]) -> None:
        """Make shards of `stage` with the tools that are given for each task."""
        self.stage = stage
        self._tools = tools

    def __call__(self, task: Task) -> None:
        """Make and commit a shard, unless it is committed already; safe to repeat and to run twice at once.

        Whatever is raised is also noted beside the stage's reports, where the driver finds it on any engine.
        """
        if commit.committed(self.stage.layout, task.shard, task.key) is None:
            with Noting(self.stage.layout, task):
                self._make(task)

    def _make(self, task: Task) -> None:
        assert task.split is not None
        layout, shard = self.stage.layout, task.shard
        clock = Clock()
        chain, more = self._tools(task)
        report = stats.Report(steps={name: stats.StepCounts() for name in ("read", *chain.names)})
        with (
            ParquetFile(layout.documents(shard), documents.SCHEMA) as kept,
            ParquetFile(layout.ledger(shard), full_ledger(self.stage.specs, self.stage.names)) as ledger,
            ParquetFile(layout.dead(shard), DEAD_SCHEMA) as dead,
        ):
            for found in read(self.stage.input, task.split):
                clock.note("read")
                outcome = chain(found.batch)
                clock.take(outcome.seconds)
                _count(report, found, outcome)
                kept.write(outcome.kept)
                ledger.write(_ledger(found, outcome, ledger.schema))
                dead.write(_dead(found, outcome))
                clock.note("write")
            clock.note("read")
            self._check(report, task)
            files = {"documents": kept.finish(), "ledger": ledger.finish(), "dead": dead.finish()}
            files |= more(layout, shard)
            clock.note("write")
        commit.put_timing(layout, shard, clock.seconds)
        called = dict(zip(self.stage.names, self.stage.specs, strict=True))
        commit.commit(layout, shard, task.key, masked(report, self.stage.masking, called).to_json(), files)

    def _check(self, report: stats.Report, task: Task) -> None:
        """Refuse a shard whose counts do not add up, or of which too much failed."""
        name = task.place
        faults = report.faults()
        if faults:
            raise errors.ReconcileError(f"{name}: {'; '.join(faults)}. This is a bug.")
        allowed = int(max(self.stage.at_least, self.stage.max_share * report.records))
        if report.dead > allowed:
            raise errors.ErrorBudgetError(
                f"{name}: {report.dead} of {report.records} records failed, and errors.max_share allows {allowed};"
                " nothing of this shard was written. Look at the input, or raise errors.max_share or errors.at_least."
            )


def _nothing_more(_: StageLayout, __: int) -> dict[str, FileStats]:
    return {}


def full_ledger(specs: Sequence[Any], names: Sequence[str]) -> pa.Schema:
    """The ledger as stored: `row`, the record's number among the shard's page records, then the chain's columns."""
    from corpusmill.steps import ledger_schema

    return pa.schema([pa.field("row", pa.int64()), *ledger_schema(specs, names)])


def _sample(source: Input | Stored) -> pa.RecordBatch:
    """Two documents, or pages, that every kernel has something to do with."""
    text = "The first line of a text, and it ends like a sentence.\n\n- A list [12] that goes on ...\n" * 3
    if source.format == "warc":
        return documents.conform(
            {"html": [f"<html><p>{text}</p></html>".encode()] * 2, "url": ["https://a.example/"] * 2}
        )
    return documents.from_texts([text, ""], url=["https://a.example/"] * 2)


def _count(report: stats.Report, found: Read, outcome: "Outcome") -> None:
    """Add what the reader and the chain counted of one batch."""
    reading = stats.StepCounts(
        documents_in=found.batch.num_rows + len(found.rejected) + len(found.dead),
        bytes_in=found.bytes,
        documents_out=found.batch.num_rows,
        failed=len(found.dead),
    )
    reading.reasons.update(rejected.reason for rejected in found.rejected)
    first = next(iter(outcome.report.steps.values()), None)
    reading.bytes_out = first.bytes_in if first else _text_bytes(outcome.kept)
    mine = stats.Report(
        records=len(found.rejected) + len(found.dead),
        dropped=len(found.rejected),
        dead=len(found.dead),
        bytes_read=found.bytes,
        steps={"read": reading},
    )
    mine.skipped.update(found.skipped)
    mine.add_incidents((item.path, item.offset, item.what) for item in found.incidents)
    for rejected in found.rejected:
        mine.add_examples(rejected.reason, [stats.example(rejected.id or "", rejected.url, None, "")])
    report.add(mine)
    report.add(outcome.report)


def _text_bytes(batch: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0)


def _ledger(found: Read, outcome: "Outcome", schema: pa.Schema) -> pa.RecordBatch:
    """One row per page record of a batch, in the order of the file."""
    lost = [(item.number, item.id, item.url, item.offset, item.reason) for item in found.rejected]
    lost += [(item.number, item.id, item.url, item.offset, f"{item.stage}.failed") for item in found.dead]
    columns = dict(zip(("row", "id", "url", "offset", "reason"), zip(*lost, strict=True), strict=True)) if lost else {}
    rejected = pa.RecordBatch.from_arrays(
        [pa.array(columns[f.name], f.type) if f.name in columns else pa.nulls(len(lost), f.type) for f in schema],
        schema=schema,
    )
    measured = outcome.ledger.add_column(0, schema.field("row"), pa.array(found.numbers, pa.int64()))
    both = pa.Table.from_batches([measured, rejected], schema=schema)
    ordered = both.take(pa.array(np.argsort(both["row"].to_numpy(), kind="stable"))).combine_chunks()
    return ordered.to_batches()[0] if ordered.num_rows else rejected


def _dead(found: Read, outcome: "Outcome") -> pa.RecordBatch:
    """The dead letters of a batch: what the reader could not read, then what the chain could not measure."""
    body = found.batch.column("text" if "text" in found.batch.schema.names else "html")
    rows: list[dict[str, Any]] = [
        {"row": d.number, "id": d.id, "url": d.url, "offset": d.offset, "step": d.stage, "error": d.error,
         "payload": d.payload[:PAYLOAD]}
        for d in found.dead
    ]  # fmt: skip
    for death in outcome.dead:
        raw = body[death.row].as_py()
        payload = raw.encode() if isinstance(raw, str) else raw
        same = {name: found.batch.column(name)[death.row].as_py() for name in ("id", "url", "offset")}
        number = int(found.numbers[death.row])
        rows.append({"row": number, **same, "step": death.step, "error": death.error, "payload": payload[:PAYLOAD]})
    return pa.RecordBatch.from_pylist(rows, schema=DEAD_SCHEMA)
