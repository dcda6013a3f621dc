"""Near dedup as a stage, the decision: who is removed for whom, one group of components at a time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.dedup.matching import Candidates, Matches, match, match_transitively
from corpusmill.dedup.near import NearDedup
from corpusmill.stages.members import member_schema
from corpusmill.stages.phases import Gathering, Inlet, Int64s, Made, Parts, address
from corpusmill.stages.removal import VERDICTS
from corpusmill.stages.work import Clock, Task
from corpusmill.storage.exchange import IndexedFile, one_batch
from corpusmill.storage.layout import StageLayout

METHODS = (None, "estimated", "exact", "unverified", "transitive")  # by the code of `Matches.method`


@dataclass(frozen=True)
class Matching(Gathering):
    """Decides over the documents of a group of components.

    Attributes:
        members: what is known of them, by shard. runs: who shares a band with whom. offsets: of this run's shards.
        earlier: name and documents of each earlier run.
    """

    layout: StageLayout
    members: Inlet
    runs: Inlet
    step: NearDedup
    name: str
    offsets: tuple[int, ...]
    earlier: tuple[tuple[str, int], ...]

    @property
    def inlets(self) -> tuple[Inlet, ...]:
        """Members and runs."""
        return (self.members, self.runs)

    def prepare(self) -> Callable[[Task, Parts, Clock], Made]:
        """Compile or load the kernels, before the clock of a task runs."""
        self._match(_gathered([_empty(self.step)], [])[1])
        return self._make

    def _make(self, task: Task, parts: Parts, clock: Clock) -> Made:
        members = [_empty(self.step), *(batch for _, batch in parts[self.members.name])]
        table, candidates = _gathered(members, [batch for _, batch in parts[self.runs.name]])
        clock.note("read")
        found = self._match(candidates)
        clock.note(f"{self.name}.matches")
        verdicts, shard = self._verdicts(table, found)
        with IndexedFile(self.layout.file("verdicts", task.shard), VERDICTS, len(self.offsets) - 1) as file:
            file.add(verdicts, shard)
            written = file.finish()
        clock.note("write")
        return Made({"verdicts": written}, table.num_rows, tallies=self._tallies(found))

    def _match(self, candidates: Candidates) -> Matches:
        step = self.step
        assert step.threshold is not None
        if step.components == "transitive":
            return match_transitively(candidates)
        return match(candidates, step.threshold, step.margin, step.verify, step.bucket_cap)

    def _verdicts(self, table: pa.RecordBatch, found: Matches) -> tuple[pa.RecordBatch, Int64s]:
        """A row for every document of this run that goes, or that others go for; and their shards."""
        document = table.column("document").to_numpy()
        new = ~table.column("fixed").to_numpy(zero_copy_only=False)
        gone = found.method > 0
        sizes = np.zeros(len(document), np.int64)
        np.add.at(sizes, found.kept, table.column("cluster_size").to_numpy())
        own = table.column("cluster_size").to_numpy()
        at = np.flatnonzero(new & (gone | (sizes > own)))
        shard, rows = address(document[at], self.offsets)
        removed = pa.array(gone[at])
        ids = table.column("id").take(pa.array(found.kept[at]))
        methods = pa.array(METHODS, pa.string()).take(pa.array(found.method[at].astype(np.int64)))
        columns = [
            pa.array(rows),
            pc.if_else(removed, ids, None),
            pc.if_else(removed, self._run_names(document[found.kept[at]]), None),
            pa.array(found.similarity[at], mask=~gone[at] | np.isnan(found.similarity[at])),
            methods,
            pa.array(sizes[at], mask=gone[at]),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=VERDICTS), shard

    def _run_names(self, documents: Int64s) -> pa.Array:
        ends = self.offsets[-1] + np.cumsum([0, *(count for _, count in self.earlier)])
        names = pa.array([None, *(name for name, _ in self.earlier)], pa.string())
        return names.take(pa.array(np.searchsorted(ends, documents, side="right")))

    def _tallies(self, found: Matches) -> dict[str, int]:
        methods = {f"removed.{METHODS[code]}": int((found.method == code).sum()) for code in (1, 2, 3, 4)}
        counted = {
            **{name: count for name, count in methods.items() if count},
            "compared": found.compared,
            "compared_exactly": found.compared_exactly,
            "capped": found.capped,
            "expected_true_millionths": self._expected(found),
        }
        return {f"{self.name}.{name}": int(count) for name, count in counted.items()}

    def _expected(self, found: Matches) -> int:
        """How many removals have a true similarity of at least the threshold, expected, in millionths.

        A shingle count is certain. An estimate e of K entries has about a normal error of sqrt(e(1-e)/K).
        """
        step = self.step
        assert step.permutations is not None
        assert step.threshold is not None
        exact = int((found.method == METHODS.index("exact")).sum())
        estimates, counts = np.unique(
            found.similarity[(found.method > 0) & (found.method != METHODS.index("exact"))], return_counts=True
        )
        total = exact * 1_000_000
        for estimate, count in zip(estimates.tolist(), counts.tolist(), strict=True):
            spread = math.sqrt(max(estimate * (1 - estimate), 0.25 / step.permutations) / step.permutations)
            share = 0.5 * math.erfc((step.threshold - estimate) / spread / math.sqrt(2))
            total += round(share * 1_000_000) * count
        return total


def _gathered(batches: list[pa.RecordBatch], runs: list[pa.RecordBatch]) -> tuple[pa.RecordBatch, Candidates]:
    """Members, best first in their components: what is small, as a table; and all that matching looks at."""
    large = ("signature", "shingles")
    names = [name for name in batches[0].schema.names if name not in large]
    table = one_batch([batch.select(names) for batch in batches])
    order = _best_first(table)
    table = table.take(pa.array(order))
    shingles = pa.chunked_array([batch.column("shingles") for batch in batches]).combine_chunks().take(pa.array(order))
    document = table.column("document").to_numpy()
    offsets, members = _local(document, runs)
    return table, Candidates(
        component=table.column("root").to_numpy(),
        fixed=table.column("fixed").to_numpy(zero_copy_only=False),
        signatures=_signatures(batches, order),
        sets_offsets=shingles.offsets.to_numpy().astype(np.int64),
        sets=shingles.values.to_numpy(),
        run_offsets=offsets,
        run_members=members,
    )


def _best_first(table: pa.RecordBatch) -> Int64s:
    """Places of the members by component, earlier runs' first, then by rank, tie and number."""
    names = ("document", "tie", "rank", "root")
    document, tie, rank, root = (table.column(name).to_numpy() for name in names)
    new = ~table.column("fixed").to_numpy(zero_copy_only=False)
    return np.lexsort((document, tie, rank, new, root))


def _signatures(batches: list[pa.RecordBatch], order: Int64s) -> npt.NDArray[Any]:
    """Signatures in that order, (D, K); most of the memory of a group, so they are there once."""
    kind = batches[0].schema.field("signature").type
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    found = np.empty((len(order), kind.list_size), np.dtype(str(kind.value_type)))
    first = 0
    for batch in batches:
        count = batch.num_rows
        rows = batch.column("signature").flatten().to_numpy().reshape(count, kind.list_size)
        found[place[first : first + count]] = rows
        first += count
    return found


def _local(document: Int64s, runs: list[pa.RecordBatch]) -> tuple[Int64s, Int64s]:
    """Runs of the places of their members in the table, without those that are not in it."""
    order = np.argsort(document)
    sizes, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for batch in runs:
        column = batch.column("members")
        bounds = column.offsets.to_numpy().astype(np.int64)
        members = column.values.to_numpy()[bounds[0] : bounds[-1]]
        at = np.minimum(np.searchsorted(document, members, sorter=order), max(len(order) - 1, 0))
        local = order[at] if len(order) else at
        known = document[local] == members if len(order) else np.zeros(len(members), bool)
        run = np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))
        sizes.append(np.bincount(run[known], minlength=len(bounds) - 1))
        places.append(local[known])
    return np.concatenate([[0], np.cumsum(np.concatenate(sizes))]), np.concatenate(places)


def _empty(step: NearDedup) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], schema=member_schema(step))
