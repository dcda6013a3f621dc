"""Near dedup as a stage, first half: signatures by shard, and candidates by range of band keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from corpusmill import stats
from corpusmill.dedup import keep
from corpusmill.dedup.near import NearDedup
from corpusmill.stages.alarms import check_losses
from corpusmill.stages.components import RUNS, Components
from corpusmill.stages.earlier import Earlier, key_range
from corpusmill.stages.matches import Matching
from corpusmill.stages.members import Members, group_count
from corpusmill.stages.phases import ByKey, Corpus, Inlet, Made, Parts, committing, part_work, shard_work
from corpusmill.stages.removal import Removal
from corpusmill.stages.signal_values import SignalValues
from corpusmill.stages.single import SingleStage
from corpusmill.stages.work import Clock, Task, Work, digest
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches
from corpusmill.storage.splits import Split

VERSION = "1"  # of the index
PART_BYTES = 128_000_000  # of band keys that one task of the second phase holds
KEY_BYTES = 20  # of one band key

KEYS = pa.schema([("high", pa.uint64()), ("low", pa.uint64()), ("row", pa.int32())])
REASONS = {
    "estimated": "similarity>={threshold}",
    "exact": "similarity>={threshold}",
    "unverified": "shared_band",
    "transitive": "component",
}


def told(step: NearDedup) -> dict[str, str]:
    """What the files of an index say of themselves."""
    return {"version": VERSION, "step": "near_dedup", **step.index()}


def signature_schema(step: NearDedup) -> pa.Schema:
    """One row per document of a shard: its id, its shingles, its signature."""
    assert step.permutations is not None
    entry = pa.uint32() if step.scheme == "affine32" else pa.uint64()
    signature = pa.list_(pa.field("item", entry, nullable=False), step.permutations)
    return pa.schema([("id", pa.string()), ("shingles", pa.int64()), ("signature", signature)])


@dataclass(frozen=True)
class NearStage(SingleStage):
    """Removes documents that are nearly the same as one that stays."""

    step: NearDedup
    values: SignalValues | None
    earlier: tuple[Earlier, ...]

    def works(self, splits: Sequence[Split]) -> list[Work]:
        """Signatures by shard, candidates by key, components, members by group, matches, removal by shard."""
        corpus = Corpus.of(self.key, splits)
        assert self.step.bands is not None
        parts = max(1, -(-corpus.documents * self.step.bands * KEY_BYTES // PART_BYTES))
        groups = group_count(corpus.documents, self.step)
        numbering = _numbering(corpus, self.earlier)
        layouts = [self.layout.phase(number, name) for number, name in enumerate(PHASES, 1)]
        signatures = Signatures(layouts[0], self.step, self.name, parts)
        inlet = Inlet(layouts[0], "keys", corpus.shards)
        candidates = Candidates(layouts[1], inlet, self.name, corpus.offsets, parts, self.earlier)
        components = Components(layouts[2], Inlet(layouts[1], "runs", parts), self.name, numbering, groups)
        members = Members(layouts[3], layouts[0], layouts[2], self.step, self.name, numbering, corpus.shards, groups,
                        self.values, self.earlier)  # fmt: skip
        matching = Matching(
            layouts[4], Inlet(layouts[3], "members", len(numbering) - 1), Inlet(layouts[2], "runs", 1), self.step,
            self.name, corpus.offsets, tuple((run.name, sum(run.rows)) for run in self.earlier),
        )  # fmt: skip
        reasons = tuple((method, f"{self.name}.{reason.format(threshold=f'{self.step.threshold:g}')}")
                        for method, reason in REASONS.items())  # fmt: skip
        removal = Removal(
            self.layout,
            Inlet(layouts[4], "verdicts", groups),
            self.name,
            reasons,
            keep.name(self.step.keep),
            self.masking,
        )
        own = digest([VERSION, parts, self.step.index()])
        return [
            shard_work(signatures, own, splits),
            part_work(candidates, corpus.key, parts),
            part_work(components, corpus.key, 1),
            members.work(corpus.key, splits),
            part_work(matching, corpus.key, groups),
            shard_work(removal, corpus.key, splits),
        ]

    def close(self, report: stats.Report) -> dict[str, Any]:
        """Stop if a source or domain lost too much."""
        check_losses(self.layout.title, self.name, self.step.alarm, report)
        return {}


PHASES = ("signatures", "candidates", "components", "members", "matches")


def _numbering(corpus: Corpus, earlier: Sequence[Earlier]) -> tuple[int, ...]:
    """Offsets of all shards: this run's, then those of the earlier runs."""
    old = [rows for run in earlier for rows in run.rows]
    return (*corpus.offsets, *(np.cumsum(old, dtype=np.int64) + corpus.documents).tolist())


@dataclass(frozen=True)
class Signatures:
    """Writes the signatures of a shard's documents, which are the index for later runs, and their band keys."""

    layout: StageLayout
    step: NearDedup
    name: str
    parts: int

    def build(self) -> Callable[[Task], None]:
        """Compile or load the kernels, before the clock of a task runs."""
        from corpusmill.documents import from_texts

        self._sign(from_texts(["one text that is long enough to have a shingle or two in it", ""]), 0)
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        assert task.split is not None
        row, schema = 0, signature_schema(self.step)
        with (
            IndexedFile(self.layout.file("signatures", task.shard), schema, 1, told(self.step)) as index,
            IndexedFile(self.layout.file("keys", task.shard), KEYS, self.parts, told(self.step)) as keys,
        ):
            for batch in batches(task.split.path, ["id", "text"]):
                clock.note("read")
                signed, found = self._sign(batch, row)
                clock.note(f"{self.name}.signatures")
                index.add(signed)
                keys.add(found, key_range(found.column("high").to_numpy(), self.parts))
                row += batch.num_rows
                clock.note("write")
            files = {"signatures": index.finish(), "keys": keys.finish()}
        clock.note("write")
        return Made(files, row, task.split.length)

    def _sign(self, batch: pa.RecordBatch, first: int) -> tuple[pa.RecordBatch, pa.RecordBatch]:
        from corpusmill.dedup import minhash
        from corpusmill.kernels import buffers

        step = self.step
        assert step.bands is not None
        assert step.rows is not None
        found, counts = minhash.signatures(buffers.text(batch.column("text")), step.shingling, step.permuting)
        schema = signature_schema(step)
        flat = pa.array(found.reshape(-1))
        column = pa.FixedSizeListArray.from_arrays(flat, type=schema.field("signature").type)
        signed = pa.RecordBatch.from_arrays([batch.column("id"), pa.array(counts), column], schema=schema)
        some = np.flatnonzero(counts)
        high, low = minhash.band_keys(found[some], step.bands, step.rows)
        rows = np.repeat((some + first).astype(np.int32), step.bands)
        return signed, pa.RecordBatch.from_arrays([pa.array(high), pa.array(low), pa.array(rows)], schema=KEYS)


@dataclass(frozen=True)
class Candidates(ByKey):
    """Finds the documents that share a band key, for one range of keys."""

    parts: int
    earlier: tuple[Earlier, ...]

    def prepare(self) -> Callable[[Task, Parts, Clock], Made]:
        """Compile or load the kernels."""
        from corpusmill.kernels import grouping

        _columns(pa.RecordBatch.from_pylist([], schema=KEYS), 0)  # pyarrow's first array of numpy loads more
        grouping.groups(np.zeros(2, np.uint64), np.zeros(2, np.uint64), np.arange(2))
        return self._make

    def _make(self, task: Task, parts: Parts, clock: Clock) -> Made:
        from corpusmill.kernels import grouping

        high, low, document = self._gather(task.shard, parts)
        clock.note("read")
        offsets, members = grouping.groups(high, low, document)
        offsets, members = _with_new(offsets, members, self.offsets[-1])
        sizes = np.diff(offsets)
        clock.note(f"{self.name}.candidates")
        with IndexedFile(self.layout.file("runs", task.shard), RUNS, 1) as file:
            for batch in runs_batches(offsets, members):
                file.add(batch)
            written = file.finish()
        clock.note("write")
        histograms = {f"{self.name}.bucket_size": stats.bins(sizes.astype(np.float64))} if len(sizes) else {}
        tallies = {f"{self.name}.keys": len(high), f"{self.name}.buckets": len(sizes)}
        return Made({"runs": written}, len(high), tallies=tallies, histograms=histograms)

    def _gather(self, part: int, parts: Parts) -> tuple[Any, Any, Any]:
        """All keys of the range; documents of earlier runs are numbered after this run's."""
        found: list[tuple[Any, Any, Any]] = [(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int64))]
        for shard, batch in parts[self.keys.name]:
            found.append(_columns(batch, self.offsets[shard]))
        base = self.offsets[-1]
        for run in self.earlier:
            starts = np.concatenate([[0], np.cumsum(run.rows)])
            found += [
                _columns(batch, base + int(starts[shard])) for shard, batch in run.key_range("keys", part, self.parts)
            ]
            base += sum(run.rows)
        high, low, document = (np.concatenate(column) for column in zip(*found, strict=True))
        return high, low, document


def _columns(batch: pa.RecordBatch, first: int) -> tuple[Any, Any, Any]:
    high, low = (batch.column(name).to_numpy() for name in ("high", "low"))
    return high, low, batch.column("row").to_numpy().astype(np.int64) + first


def _with_new(offsets: Any, members: Any, documents: int) -> tuple[Any, Any]:
    """Without the runs in which no document is of this run; members of a run are in ascending order."""
    if not len(members):
        return offsets, members
    keep_run = members[offsets[:-1]] < documents
    sizes = np.diff(offsets)
    return np.concatenate([[0], np.cumsum(sizes[keep_run])]), members[np.repeat(keep_run, sizes)]


def runs_batches(offsets: Any, members: Any, size: int = 4_000_000) -> list[pa.RecordBatch]:
    """Runs as record batches of about `size` members."""
    cuts = np.searchsorted(offsets, np.arange(0, int(offsets[-1]) if len(offsets) else 0, size))
    bounds = np.unique([*cuts.tolist(), len(offsets) - 1])
    found = []
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        part = offsets[first : last + 1]
        values = pa.array(members[part[0] : part[-1]])
        lists = pa.ListArray.from_arrays(pa.array((part - part[0]).astype(np.int32)), values)
        found.append(pa.RecordBatch.from_arrays([lists], schema=RUNS))
    return found
