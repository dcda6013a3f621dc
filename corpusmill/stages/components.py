"""Near dedup as a stage: what hangs together through shared bands."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.stages.phases import Inlet, Made, committing
from corpusmill.stages.work import Clock, Task
from corpusmill.storage import exchange
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout

Int64s = npt.NDArray[np.int64]

ROOTS = pa.schema([("row", pa.int32()), ("root", pa.int64()), ("size", pa.int64())])
RUNS = pa.schema([("members", pa.list_(pa.int64()))])  # documents that share a band, at least two


def group_of(roots: Int64s, groups: int) -> Int64s:
    """The group of each component."""
    mixed = roots.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(44)).astype(np.int64) * groups) >> 20


@dataclass(frozen=True)
class Components:
    """One task: what hangs together through shared bands, by union-find over all documents in memory, 8 bytes each."""

    layout: StageLayout
    runs: Inlet
    name: str
    numbering: tuple[int, ...]
    groups: int

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, _: Task, clock: Clock) -> Made:
        from corpusmill.kernels import components

        parent = np.arange(self.numbering[-1], dtype=np.int64)
        has = np.zeros(self.numbering[-1], bool)
        for offsets, members in self._runs():
            components.union_runs(parent, offsets, members)
            has[members] = True
        roots = components.roots(parent)
        clock.note(f"{self.name}.components")
        files = {"roots": self._write_roots(roots, np.flatnonzero(has)), "runs": self._write_runs(roots)}
        clock.note("write")
        tallies = {f"{self.name}.documents_with_candidates": int(has.sum())}
        return Made(files, len(parent), tallies=tallies)

    def _runs(self) -> Any:
        for path in self.runs.paths():
            for batch in exchange.read_all(path):
                column = batch.column("members")
                yield column.offsets.to_numpy().astype(np.int64), column.values.to_numpy()

    def _write_roots(self, roots: Int64s, documents: Int64s) -> Any:
        found, where, sizes = np.unique(roots[documents], return_inverse=True, return_counts=True)
        del found
        offsets = np.array(self.numbering)
        with IndexedFile(self.layout.file("roots", 0), ROOTS, len(offsets) - 1) as file:
            step = 2_000_000
            for first in range(0, len(documents), step):
                part = documents[first : first + step]
                shard = np.searchsorted(offsets, part, side="right") - 1
                columns = [(part - offsets[shard]).astype(np.int32), roots[part], sizes[where[first : first + step]]]
                file.add(pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=ROOTS), shard)
            return file.finish()

    def _write_runs(self, roots: Int64s) -> Any:
        with IndexedFile(self.layout.file("runs", 0), RUNS, self.groups) as file:
            for path in self.runs.paths():
                for batch in exchange.read_all(path):
                    column = batch.column("members")
                    first = column.values.to_numpy()[column.offsets.to_numpy()[:-1]]
                    file.add(batch, group_of(roots[first], self.groups))
            return file.finish()
