"""Near dedup as a stage: what is known of the documents that have candidates, by group of components."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.dedup import keep
from corpusmill.dedup.near import NearDedup
from corpusmill.stages.components import ROOTS, group_of
from corpusmill.stages.earlier import Earlier
from corpusmill.stages.phases import Made, committing
from corpusmill.stages.signal_values import SignalValues
from corpusmill.stages.work import Clock, Task, Work, digest, shard_key
from corpusmill.storage import exchange
from corpusmill.storage.exchange import IndexedFile, one_batch
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches
from corpusmill.storage.splits import Split

Int64s = npt.NDArray[np.int64]

GROUP_BYTES = 256_000_000  # of members that one task of the last phase holds, if every document had a candidate
SHINGLE_BYTES = 2_000  # of one document's shingle set, about
SHORT_BYTES = 1000  # of text, which may have too few shingles for an estimate
GIANT = 200_000  # documents of a component above which only signatures are compared


def member_schema(step: NearDedup) -> pa.Schema:
    """What is known of a document with candidates; `fixed` ones are of earlier runs, whose shingles are not known."""
    assert step.permutations is not None
    entry = pa.uint32() if step.scheme == "affine32" else pa.uint64()
    signature = pa.list_(pa.field("item", entry, nullable=False), step.permutations)
    columns = [("document", pa.int64()), ("root", pa.int64()), ("fixed", pa.bool_()), ("rank", pa.int64())]
    columns += [("tie", pa.uint64()), ("cluster_size", pa.int64()), ("id", pa.string()), ("signature", signature)]
    return pa.schema([*columns, ("shingles", pa.list_(pa.uint32()))])


def group_count(documents: int, step: NearDedup) -> int:
    """How many groups the components are dealt out to."""
    assert step.permutations is not None
    each = step.permutations * (4 if step.scheme == "affine32" else 8) + SHINGLE_BYTES
    return max(1, -(-documents * each // GROUP_BYTES))


@dataclass(frozen=True)
class Members:
    """Writes what is known of a shard's documents that have candidates, by group of components."""

    layout: StageLayout
    signatures: StageLayout
    components: StageLayout
    step: NearDedup
    name: str
    numbering: tuple[int, ...]
    shards: int
    groups: int
    values: SignalValues | None
    earlier: tuple[Earlier, ...]

    def work(self, key: str, splits: Sequence[Split]) -> Work:
        """A task per shard of this run, then one per shard of the earlier runs."""
        tasks = [Task(shard, split, shard_key(key, split)) for shard, split in enumerate(splits)]
        old = range(self.shards, len(self.numbering) - 1)
        return Work(self, (*tasks, *(Task(shard, None, digest([key, shard])) for shard in old)))

    def build(self) -> Callable[[Task], None]:
        """Compile or load the kernels, before the clock of a task runs."""
        text = pa.array(["one text that is long enough to have a shingle or two in it"])
        self._shingles(text, np.ones(1, bool))
        keep.tie(text)
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        path = self.components.file("roots", 0)
        roots = one_batch([_empty(ROOTS), *exchange.read_part(path, task.shard)])
        row = 0
        with IndexedFile(self.layout.file("members", task.shard), member_schema(self.step), self.groups) as file:
            for members in self._new(task, roots) if task.split else self._old(task.shard, roots):
                file.add(members, group_of(members.column("root").to_numpy(), self.groups))
                row += members.num_rows
            written = file.finish()
        clock.note(f"{self.name}.members")
        return Made({"members": written}, row, task.split.length if task.split else 0)

    def _new(self, task: Task, roots: pa.RecordBatch) -> Any:
        """Members of a shard of this run, a batch at a time."""
        if not roots.num_rows:
            return
        assert task.split is not None
        rows, ends = roots.column("row").to_numpy(), 0
        values = self.values.read(task.shard) if self.values else None
        signed = exchange.read_all(self.signatures.file("signatures", task.shard))
        wanted = list(dict.fromkeys(["id", "text", "cluster_size", *keep.columns(self.step.keep)]))
        for batch, signatures in zip(batches(task.split.path, wanted), _like(signed), strict=False):
            first, ends = ends, ends + batch.num_rows
            mine = slice(*np.searchsorted(rows, [first, ends]))
            at = pa.array(rows[mine] - first)
            part = None if values is None else values[first:ends][at.to_numpy()]
            yield self._members(task.shard, batch.take(at), signatures(batch.num_rows).take(at), roots[mine], part)

    def _members(
        self, shard: int, batch: pa.RecordBatch, signatures: pa.Array, roots: pa.RecordBatch, values: Any
    ) -> pa.RecordBatch:
        ids = batch.column("id")
        columns = [
            pa.array(roots.column("row").to_numpy().astype(np.int64) + self.numbering[shard]),
            roots.column("root"),
            pa.array(np.zeros(len(ids), bool)),
            pa.array(keep.rank(batch, self.step.keep, values)),
            pa.array(keep.tie(ids)),
            pc.fill_null(batch.column("cluster_size"), 1),
            ids,
            signatures,
            self._shingles(batch.column("text"), _wanted(batch.column("text"), roots.column("size").to_numpy())),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=member_schema(self.step))

    def _shingles(self, texts: pa.Array, wanted: npt.NDArray[np.bool_]) -> pa.Array:
        """The shingle sets of N texts, empty where they are not wanted or would not be looked at."""
        from corpusmill.dedup.shingles import shingle_sets
        from corpusmill.kernels import buffers

        if not self.step.verify:
            wanted = np.zeros(len(texts), bool)
        used = texts.filter(pa.array(wanted))
        offsets, hashes = shingle_sets(buffers.text(used), self.step.shingling)
        sizes = np.zeros(len(texts), np.int64)
        sizes[wanted] = np.diff(offsets)
        whole = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        return pa.ListArray.from_arrays(pa.array(whole), pa.array(hashes))

    def _old(self, shard: int, roots: pa.RecordBatch) -> Any:
        """Members of a shard of an earlier run, from its index; documents that it removed are not among them."""
        if not roots.num_rows:
            return
        run, own = self._run_of(shard)
        ids, signatures = _index(run.index.file("signatures", own), roots.column("row"))
        stays = pa.concat_arrays([b.column("reason") for b in batches(run.layout.ledger(own), ["reason"])]).is_null()
        alive = stays.take(roots.column("row"))
        count = roots.num_rows
        columns = [
            pa.array(roots.column("row").to_numpy().astype(np.int64) + self.numbering[shard]),
            roots.column("root"),
            pa.array(np.ones(count, bool)),
            pa.array(np.zeros(count, np.int64)),
            pa.array(keep.tie(ids)),
            pa.array(np.ones(count, np.int64)),
            ids,
            signatures,
            pa.array([[]] * count, pa.list_(pa.uint32())),
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=member_schema(self.step)).filter(alive)

    def _run_of(self, shard: int) -> tuple[Earlier, int]:
        at = shard - self.shards
        for run in self.earlier:
            if at < len(run.rows):
                return run, at
            at -= len(run.rows)
        raise AssertionError(f"shard {shard} is in no run")


def _wanted(texts: pa.Array, sizes: Int64s) -> npt.NDArray[np.bool_]:
    """Whose shingles are counted: not those of giant components, but for short texts, whose estimates say little."""
    bytes_of = np.asarray(pc.binary_length(texts).to_numpy(zero_copy_only=False))
    return (bytes_of < SHORT_BYTES) | (sizes <= GIANT)


def _like(signed: Any) -> Any:
    """The signatures of one batch of documents after the other; the index may be cut into other batches."""
    waiting: list[pa.Array] = []

    def take(count: int) -> pa.Array:
        while sum(map(len, waiting)) < count:
            waiting.append(next(signed).column("signature"))
        whole = pa.concat_arrays(waiting) if len(waiting) > 1 else waiting[0]
        waiting[:] = [whole[count:]]
        return whole[:count]

    while True:
        yield take


def _index(path: str, rows: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Ids and signatures of some rows of an index."""
    ids, signatures, first = [], [], 0
    wanted = rows.to_numpy()
    for batch in exchange.read_all(path):
        mine = slice(*np.searchsorted(wanted, [first, first + batch.num_rows]))
        at = pa.array(wanted[mine] - first)
        ids.append(batch.column("id").take(at))
        signatures.append(batch.column("signature").take(at))
        first += batch.num_rows
    return pa.concat_arrays(ids), pa.concat_arrays(signatures)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=schema)
