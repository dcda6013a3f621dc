"""The sample that a tokenizer is trained on, drawn from stored documents by phases that any engine runs.

`01-bytes` counts the bytes of each source by the place of documents; from that it is decided how far to look.
`02-sample` writes the documents up to there. Where exactly each source is cut is decided from their places and sizes,
and asked when they are read. Texts that a user names become documents first, in `00-texts`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import documents, texts
from corpusmill.errors import InputError
from corpusmill.stages.phases import Made, committing, shard_work
from corpusmill.stages.work import Clock, Task, Work, digest, shard_key
from corpusmill.storage import exchange
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches
from corpusmill.storage.splits import Split
from corpusmill.storage.write import ParquetFile
from corpusmill.tokenize import sampling, splits
from corpusmill.tokenize.sampling import Budget, Ends
from corpusmill.tokenize.splits import BUCKETS

FORMAT = 2  # of the files of these phases; part of every key
TEXT_BYTES = 16_000_000  # of texts that are written at once

# One row per source and bucket.
BYTES = pa.schema([("source", pa.string()), ("bucket", pa.int64()), ("documents", pa.int64()), ("bytes", pa.int64())])
# One row per document.
DRAWN = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("language", pa.string()),
        ("place", pa.float64()),
        ("text", pa.string()),
    ]
)


@dataclass(frozen=True)
class Texts:
    """Turns files of texts into documents, each of the source that its file is called, with the language it names.

    Attributes:
        layout: where it commits. sources: by shard.
    """

    layout: StageLayout
    sources: tuple[str, ...]

    def work(self, files: Sequence[Split]) -> Work:
        """One task per file."""
        key = digest(["sampled texts", FORMAT])
        named = zip(files, self.sources, strict=True)
        return Work(self, tuple(Task(n, s, digest([shard_key(key, s), name])) for n, (s, name) in enumerate(named)))

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        assert task.split is not None
        source, made = self.sources[task.shard], Made(bytes_read=task.split.length)
        with ParquetFile(self.layout.documents(task.shard), documents.SCHEMA) as file:
            for found in _batched(task.split.path):
                bodies, languages = [one.text for one in found], [one.language for one in found]
                file.write(documents.from_texts(bodies, source=[source] * len(found), language=languages))
                clock.note("write")
            made.records, made.files = file.rows, {"documents": file.finish()}
        return made


def _batched(path: str) -> Iterator[list[texts.Found]]:
    """The texts of a file, some megabytes at a time."""
    waiting, size = list[texts.Found](), 0
    for number, found in enumerate(texts.read(path), 1):
        try:
            size += len(found.text.encode())
        except UnicodeEncodeError as error:
            raise InputError(f"{path}: text {number} is not Unicode: {error}; mend or leave out this text") from error
        waiting.append(found)
        if size >= TEXT_BYTES:
            yield waiting
            waiting, size = [], 0
    yield waiting


@dataclass(frozen=True)
class Bytes:
    """Counts documents and bytes of text by source and bucket."""

    layout: StageLayout

    def work(self, stored: Sequence[Split]) -> Work:
        """One task per shard; what they count depends on nothing that is asked of the sample."""
        return shard_work(self, digest(["sampled bytes", FORMAT, sampling.KEY, BUCKETS]), stored)

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        assert task.split is not None
        found, rows = [BYTES.empty_table()], 0
        for batch in batches(task.split.path, ["id", "text", "source"]):
            clock.note("read")
            bucket = splits.bucket(splits.places(batch.column("id"), sampling.KEY))
            counts = [_sources(batch), pa.array(bucket), np.ones(batch.num_rows, np.int64), _sizes(batch)]
            found.append(_summed(pa.table(counts, schema=BYTES)))
            rows += batch.num_rows
            clock.note("count")
        total = _summed(pa.concat_tables(found)).sort_by([("source", "ascending"), ("bucket", "ascending")])
        with IndexedFile(self.layout.file("bytes", task.shard), BYTES, 1) as file:
            for batch in total.combine_chunks().to_batches():
                file.add(batch)
            return Made({"bytes": file.finish()}, rows, task.split.length)


class Counted(NamedTuple):
    """One source: documents in all, and bytes by bucket, int64 (BUCKETS,)."""

    documents: int
    sizes: npt.NDArray[np.int64]


def counted(work: Work) -> dict[str, Counted]:
    """What the tasks of `Bytes` have counted in all, by source."""
    tasks = [exchange.read_all(work.phase.layout.file("bytes", task.shard)) for task in work.tasks]
    total = _summed(pa.Table.from_batches([batch for task in tasks for batch in task], schema=BYTES))
    found = {}
    for source in sorted(pc.unique(total["source"]).to_pylist()):
        own = total.filter(pc.equal(total["source"], source))
        sizes = np.zeros(BUCKETS, np.int64)
        sizes[own["bucket"].to_numpy()] = own["bytes"].to_numpy()
        found[source] = Counted(pc.sum(own["documents"]).as_py(), sizes)
    return found


@dataclass(frozen=True)
class Draw:
    """Writes the documents that may be in the sample or held out.

    Attributes:
        layout: where it commits. reach: sources, and how many of their first buckets to take; others are left out.
    """

    layout: StageLayout
    reach: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, layout: StageLayout, available: Mapping[str, Counted], asked: Mapping[str, Budget]) -> "Draw":
        """As far as the budgets need."""
        reach = {source: sampling.reach(available[source].sizes, budget) for source, budget in asked.items()}
        return cls(layout, tuple((source, upto) for source, upto in sorted(reach.items()) if upto))

    def work(self, stored: Sequence[Split]) -> Work:
        """One task per shard; a sample that needs no further buckets needs no task again."""
        return shard_work(self, digest(["sample", FORMAT, sampling.KEY, BUCKETS, self.reach]), stored)

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        assert task.split is not None
        made, reach = Made(bytes_read=task.split.length), dict(self.reach)
        with ParquetFile(self.layout.documents(task.shard), DRAWN) as file:
            for batch in batches(task.split.path, ["id", "text", "source", "language"]):
                clock.note("read")
                places, sources = splits.places(batch.column("id"), sampling.KEY), _sources(batch)
                limits = np.array([reach.get(source, 0) for source in sources.to_pylist()], np.int64)
                columns = [batch.column("id"), sources, batch.column("language"), pa.array(places)]
                drawn = pa.RecordBatch.from_arrays([*columns, batch.column("text")], schema=DRAWN)
                file.write(drawn.filter(pa.array(splits.bucket(places) < limits)))
                made.records += batch.num_rows
                clock.note("write")
            made.files = {"documents": file.finish()}
        return made


class Sample:
    """The drawn documents and where each source is cut."""

    def __init__(self, work: Work, asked: Mapping[str, Budget]) -> None:
        """Decide the cuts, from places and sizes of all that `Draw` has written."""
        self._paths = [work.phase.layout.documents(task.shard) for task in work.tasks]
        sources, places, sizes = [pa.array([], pa.string())], [np.zeros(0)], [np.zeros(0, np.int64)]
        for path in self._paths:
            for batch in batches(path, ["source", "place", "text"]):
                sources.append(batch.column("source"))
                places.append(batch.column("place").to_numpy())
                sizes.append(_sizes(batch))
        of, at, size = pa.concat_arrays(sources), np.concatenate(places), np.concatenate(sizes)
        self.cuts: dict[str, Ends] = {}
        for source, budget in asked.items():
            own = pc.equal(of, source).to_numpy(zero_copy_only=False)
            self.cuts[source] = sampling.cut(at[own], size[own], budget)

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[pa.RecordBatch, pa.RecordBatch]]:
        """The sample and what is held out, a batch of each at a time.

        Args:
            columns: of `DRAWN`.
        """
        needed = sorted({*columns, "source", "place"})
        for path in self._paths:
            for batch in batches(path, needed):
                cuts = [self.cuts[source] for source in batch.column("source").to_pylist()]
                ends = np.array(cuts, np.float64).reshape(-1, 2)
                places = batch.column("place").to_numpy()
                inside = places < ends[:, 0]
                chosen = batch.select(list(columns))
                yield chosen.filter(pa.array(inside)), chosen.filter(pa.array(~inside & (places < ends[:, 1])))

    def texts(self) -> Iterator[str]:
        """The texts of the sample."""
        for batch, _ in self.batches(["text"]):
            yield from batch.column("text").to_pylist()


def _sources(batch: pa.RecordBatch) -> pa.Array:
    return pc.fill_null(batch.column("source"), splits.UNKNOWN)


def _sizes(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Bytes of each text."""
    sizes = pc.cast(pc.binary_length(batch.column("text")), pa.int64())
    return sizes.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _summed(table: pa.Table) -> pa.Table:
    """Counts by source and bucket."""
    found = table.group_by(["source", "bucket"]).aggregate([("documents", "sum"), ("bytes", "sum")])
    columns: list[Any] = [found[name] for name in ("source", "bucket", "documents_sum", "bytes_sum")]
    return pa.table(columns, schema=BYTES)
