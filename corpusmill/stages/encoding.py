"""The first phase of tokens: the ids of each shard's documents, and how many tokens lie where."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import stats
from corpusmill.stages.phases import Int64s, Made, committing
from corpusmill.stages.work import Clock, Task
from corpusmill.storage import commit, exchange, paths
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.packed import Ids
from corpusmill.storage.shards import batches
from corpusmill.storage.write import FileStats
from corpusmill.tokenize import cuts, pack, splits
from corpusmill.tokenize.step import Tokenize

PARTS = ("train", "validation")
COUNTS = pa.schema([("source", pa.string()), ("bucket", pa.int64()), ("tokens", pa.int64())])


def ids_schema(dtype: str) -> pa.Schema:
    """One row per document: its row, its bytes of text, source, place for mixtures, and ids without end-of-text."""
    ids = pa.list_(pa.type_for_alias(dtype))
    columns = [("row", pa.int32()), ("bytes", pa.int64()), ("source", pa.string()), ("place", pa.float64())]
    return pa.schema([*columns, ("ids", ids)])


@dataclass(frozen=True)
class Encode:
    """Writes the ids of a shard's documents, those for training and those held out apart.

    Beside them lie counts of training tokens by source and bucket of places, from which a mixture is decided: so a
    mixture, whatever it asks, needs no second encoding.
    """

    layout: StageLayout
    step: Tokenize
    name: str

    apart: ClassVar = True  # packed shards of an earlier run stay until there are others

    def build(self) -> Callable[[Task], None]:
        """Load the tokenizer."""
        from corpusmill.tokenize.encode import Encoder

        encoder = Encoder(self.step.load())
        return committing(self.layout, lambda task, clock: self._make(task, clock, encoder))

    def _make(self, task: Task, clock: Clock, encoder: Any) -> Made:
        from corpusmill.kernels import buffers

        assert task.split is not None
        size = encoder.tokenizer.size
        made, counted = Made(bytes_read=task.split.length), _Counted(self.name)
        schema = ids_schema(pack.token_dtype(size).name)
        told = {"tokenizer": encoder.tokenizer.digest}
        with IndexedFile(self.layout.file("ids", task.shard), schema, len(PARTS), told) as file:
            for batch in batches(task.split.path, ["id", "text", "source", "language"]):
                clock.note("read")
                offsets, ids = encoder(buffers.text(batch.column("text")))
                clock.note(f"{self.name}.encode")
                ids = pack.narrow(ids, size)
                rows = pa.array(np.arange(made.records, made.records + batch.num_rows, dtype=np.int32))
                sizes = pc.cast(pc.binary_length(batch.column("text")), pa.int64())
                names, source = batch.column("id"), pc.fill_null(batch.column("source"), splits.UNKNOWN)
                held = splits.validation(names, source, self.step.validation, self.step.seed)
                places = splits.places(names, cuts.KEY)
                columns = [rows, sizes, source, pa.array(places)]
                for part, chosen in enumerate((~held, held)):
                    if chosen.any():
                        some = pa.RecordBatch.from_arrays(_some(columns, offsets, ids, chosen), schema=schema)
                        file.add(some, np.full(len(some), part))
                made.records += batch.num_rows
                tokens = np.diff(offsets) + 1
                counted.add(batch, tokens)
                counted.place(source, splits.bucket(places), np.where(held, 0, tokens))
                clock.note("write")
            made.files = {"ids": file.finish(), "counts": counted.write(self.layout.file("counts", task.shard))}
        if encoder.whole is not None:
            counted.tallies[f"{self.name}.by_library.{encoder.whole}"] = made.records
        made.tallies, made.histograms = counted.tallies, {f"{self.name}.tokens": counted.lengths}
        return made


def _some(columns: Sequence[pa.Array], offsets: Int64s, ids: Ids, chosen: npt.NDArray[np.bool_]) -> list[pa.Array]:
    """The columns of some documents, and the lists of their ids; without a copy if they are all.

    Arrow chooses lists value by value; documents are copied whole here.
    """
    from corpusmill.kernels.packing import gather

    if not chosen.all():
        lengths = np.diff(offsets)[chosen]
        starts, offsets = offsets[:-1][chosen], np.append(0, np.cumsum(lengths))
        some = np.empty(offsets[-1], ids.dtype)
        line = ids[None]
        line.setflags(write=False)  # as mapped files are: one kernel for both
        gather(line, np.zeros(len(starts), np.int64), starts, lengths, offsets[:-1], some)
        columns, ids = [column.filter(pa.array(chosen)) for column in columns], some
    return [*columns, pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(ids))]


class _Counted:
    """What is counted of a shard's documents."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._placed: list[pa.Table] = []
        self.tallies, self.lengths = Counter[str]({f"{name}.tokens": 0}), Counter[int]()

    def add(self, batch: pa.RecordBatch, tokens: Int64s) -> None:
        """Count a batch: tokens (N,) of each document, end-of-text included."""
        self.lengths.update(stats.bins(tokens.astype(np.float64)))
        self.tallies[f"{self._name}.tokens"] += int(tokens.sum())
        self.tallies[f"{self._name}.ids"] += int(tokens.sum()) - len(tokens)
        for kind in ("source", "language"):
            self.tallies.update(_sums(f"{self._name}.{kind}.", batch.column(kind), tokens))

    def place(self, source: pa.Array, buckets: Int64s, tokens: Int64s) -> None:
        """Count training tokens by source and bucket; (N,) each."""
        self._placed.append(_summed(pa.table([source, buckets, tokens], schema=COUNTS)))

    def write(self, path: str) -> FileStats:
        """The counts by source and bucket, in this order."""
        whole = pa.concat_tables([COUNTS.empty_table(), *self._placed])
        table = _summed(whole).sort_by([("source", "ascending"), ("bucket", "ascending")])
        with IndexedFile(path, COUNTS, 1) as file:
            for batch in table.combine_chunks().to_batches():
                file.add(batch)
            return file.finish()


def _summed(table: pa.Table) -> pa.Table:
    found = table.group_by(["source", "bucket"], use_threads=False).aggregate([("tokens", "sum")])
    return found.rename_columns(["source", "bucket", "tokens"]) if found.num_rows else COUNTS.empty_table()


def _sums(prefix: str, keys: pa.Array, counts: Int64s) -> dict[str, int]:
    """Tokens by key; keys that are null are left out."""
    table = pa.table({"key": keys, "tokens": counts}).group_by("key").aggregate([("tokens", "sum")])
    rows = zip(table["key"].to_pylist(), table["tokens_sum"].to_pylist(), strict=True)
    return {f"{prefix}{key}": count for key, count in rows if key is not None}


def sources(layout: StageLayout, task: Task) -> set[str] | None:
    """The sources of a shard's documents, from its counts or from the documents; None where neither is there.

    Args:
        layout: of the first phase.
        task: of that phase.
    """
    assert task.split is not None
    if commit.committed(layout, task.shard, task.key) is not None:
        return set(placed(layout, task.shard))
    if not paths.exists(task.split.path):
        return None
    found = set[str]()
    for batch in batches(task.split.path, ["source"]):
        found.update(pc.unique(pc.fill_null(batch.column("source"), splits.UNKNOWN)).to_pylist())
    return found


def placed(layout: StageLayout, shard: int) -> dict[str, Int64s]:
    """Training tokens of a shard by source: int64 (`splits.BUCKETS`,) each, in the order of names.

    Raises:
        OutputError: if the file is missing or not whole.
    """
    found: dict[str, Int64s] = {}
    for batch in exchange.read_all(layout.file("counts", shard)):
        tokens, buckets = batch.column("tokens").to_numpy(), batch.column("bucket").to_numpy()
        coded = batch.column("source").dictionary_encode()
        codes = coded.indices.to_numpy()
        for code, source in enumerate(coded.dictionary.to_pylist()):
            counts = found.setdefault(source, np.zeros(splits.BUCKETS, np.int64))
            counts[buckets[codes == code]] += tokens[codes == code]  # a bucket is there once
    return dict(sorted(found.items()))
