"""Tokens as a stage: ids by shard, then packed shards of several shards each."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import stats
from corpusmill.stages.phases import Corpus, Int64s, Made, Reported, committing, shard_work
from corpusmill.stages.single import SingleStage
from corpusmill.stages.work import Clock, Task, Work, digest
from corpusmill.storage import exchange
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.packed import Block, Header, PackedFile
from corpusmill.storage.shards import batches
from corpusmill.storage.splits import Split
from corpusmill.tokenize import pack, splits
from corpusmill.tokenize.order import Order, key_of
from corpusmill.tokenize.step import Tokenize

PARTS = ("train", "validation")
ROWS = 4096  # filled at once


@dataclass(frozen=True)
class TokenStage(SingleStage):
    """Encodes and packs; what it leaves are packed shards, and no documents."""

    step: Tokenize

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """Ids by shard, packed shards by groups of neighbouring shards."""
        corpus = Corpus.of(self.key, splits)
        encode = Encode(self.layout.phase(1, "ids"), self.step, self.name)
        groups = tuple(_groups([split.length for split in splits], self.step.shard_mb * 1e6))
        packing = Pack(self.layout, encode.layout, self.step, self.name, self.key, groups)
        tasks = tuple(Task(at, None, digest([corpus.key, at, list(group)])) for at, group in enumerate(groups))
        return [shard_work(encode, self.key, splits), Work(packing, tasks)]


def _groups(sizes: Sequence[int], target: float) -> Iterator[tuple[int, int]]:
    """First and last shard (not included) of each group of about `target` bytes; at least one group."""
    first, total = 0, 0
    for shard, size in enumerate(sizes):
        if total and total + size > target:
            yield first, shard
            first, total = shard, 0
        total += size
    yield first, len(sizes)


def ids_schema(dtype: str) -> pa.Schema:
    """One row per document: its row, its bytes of text, its ids without end-of-text."""
    return pa.schema([("row", pa.int32()), ("bytes", pa.int64()), ("ids", pa.list_(pa.type_for_alias(dtype)))])


@dataclass(frozen=True)
class Encode:
    """Writes the ids of a shard's documents, those for training and those held out apart."""

    layout: StageLayout
    step: Tokenize
    name: str

    def build(self) -> Callable[[Task], None]:
        """Load the tokenizer."""
        from corpusmill.tokenize.encode import Encoder

        encoder = Encoder(self.step.load())
        return committing(self.layout, lambda task, clock: self._make(task, clock, encoder))

    def _make(self, task: Task, clock: Clock, encoder: Any) -> Made:
        from corpusmill.kernels import buffers

        assert task.split is not None
        size = encoder.tokenizer.size
        made, first = Made(bytes_read=task.split.length), 0
        schema = ids_schema(pack.token_dtype(size).name)
        tallies, lengths = Counter[str](), Counter[int]()
        with IndexedFile(self.layout.file("ids", task.shard), schema, len(PARTS)) as file:
            for batch in batches(task.split.path, ["id", "text", "source", "language"]):
                clock.note("read")
                offsets, ids = encoder(buffers.text(batch.column("text")))
                clock.note(f"{self.name}.encode")
                lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(pack.narrow(ids, size)))
                rows = pa.array(np.arange(first, first + batch.num_rows, dtype=np.int32))
                sizes = pc.cast(pc.binary_length(batch.column("text")), pa.int64())
                held = splits.validation(
                    batch.column("id"), batch.column("source"), self.step.validation, self.step.seed
                )
                file.add(pa.RecordBatch.from_arrays([rows, sizes, lists], schema=schema), held.astype(np.int64))
                first += batch.num_rows
                counts = np.diff(offsets) + 1
                lengths.update(stats.bins(counts.astype(np.float64)))
                for kind in ("source", "language"):
                    tallies.update(_sums(f"{self.name}.{kind}.", batch.column(kind), counts))
                clock.note("write")
            made.files = {"ids": file.finish()}
        made.records, made.tallies, made.histograms = first, tallies, {f"{self.name}.tokens": lengths}
        return made


def _sums(prefix: str, keys: pa.Array, counts: Int64s) -> dict[str, int]:
    """Tokens by key; keys that are null are left out."""
    table = pa.table({"key": keys, "tokens": counts}).group_by("key").aggregate([("tokens", "sum")])
    rows = zip(table["key"].to_pylist(), table["tokens_sum"].to_pylist(), strict=True)
    return {f"{prefix}{key}": count for key, count in rows if key is not None}


@dataclass(frozen=True)
class Pack:
    """Writes the packed shards of a group of shards: `train/`, and `validation/` where documents are held out."""

    layout: StageLayout
    ids: StageLayout
    step: Tokenize
    name: str
    key: str
    groups: tuple[tuple[int, int], ...]

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

    def _make(self, task: Task, clock: Clock, header: Header) -> Made:
        report = stats.Report(steps={self.name: stats.StepCounts()})
        files = {}
        for part, kind in enumerate(PARTS[: 2 if self.step.validation else 1]):
            documents = _Documents([self.ids.file("ids", shard) for shard in range(*self.groups[task.shard])],
                                   self.groups[task.shard][0], part, header.dtype)  # fmt: skip
            clock.note("read")
            planned = pack.plan(np.diff(documents.offsets), header.sequence_length, self.step.strategy)
            order = Order(planned.rows, key_of(self.step.seed, kind, task.shard))
            with PackedFile(self.layout.file(kind, task.shard), header) as file:
                for first in range(0, planned.rows, ROWS):
                    rows = order.between(first, min(first + ROWS, planned.rows))
                    file.add(documents.block(planned, rows, header))
                files[kind] = file.finish()
            clock.note(f"{self.name}.pack")
            usage = planned.usage()
            report.tallies.update({f"{self.name}.{kind}.{name}": int(n) for name, n in usage._asdict().items()})
            report.add(_counted(self.name, documents))
        return Reported(files, report)


def _counted(name: str, documents: "_Documents") -> stats.Report:
    count = len(documents.rows)
    step = stats.StepCounts(count, documents.bytes, count, documents.bytes)
    return stats.Report(records=count, kept=count, steps={name: step})


class _Documents:
    """The ids of a group's documents of one part, in the order of shards and rows."""

    def __init__(self, paths: Sequence[str], first: int, part: int, dtype: str) -> None:
        found = [(first + at, batch) for at, path in enumerate(paths) for batch in exchange.read_part(path, part)]
        lists = [batch.column("ids") for _, batch in found]
        none: npt.NDArray[Any] = np.zeros(0, dtype)
        self.ids = np.concatenate([none, *(column.flatten().to_numpy() for column in lists)])
        sizes = [pc.list_value_length(column).to_numpy(zero_copy_only=False) for column in lists]
        self.offsets = np.append(0, np.cumsum(np.concatenate([np.zeros(0, np.int64), *sizes]), dtype=np.int64))
        self.rows = np.concatenate([np.zeros(0, np.int32), *(batch.column("row").to_numpy() for _, batch in found)])
        self.shards = np.repeat(np.array([shard for shard, _ in found], np.int32), [b.num_rows for _, b in found])
        self.bytes = sum(pc.sum(batch.column("bytes")).as_py() for _, batch in found)

    def block(self, planned: pack.Plan, rows: Int64s, header: Header) -> Block:
        """Some rows, with the documents in them."""
        ids = pack.fill(planned, self.offsets, self.ids, header.eos, rows, padding=header.padding)
        offsets, segments = planned.segments_of(rows)
        document = planned.segment_document[segments]
        return Block(ids, offsets, planned.segment_length[segments], self.shards[document], self.rows[document],
                     planned.segment_start[segments])  # fmt: skip
