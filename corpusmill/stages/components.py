"""Near dedup as a stage: what hangs together through shared bands."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.dedup.components import MOST_PARTITIONS, FolderEdges, add_edges, star_rounds
from corpusmill.stages.phases import Inlet, Made, address, committing
from corpusmill.stages.work import Clock, Task
from corpusmill.storage import exchange
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.write import FileStats

Int64s = npt.NDArray[np.int64]
Counts = npt.NDArray[np.uint32]

UNION_FIND_MAX = 2_000_000_000  # documents up to which components are found in memory, 12 bytes each
EDGES_BYTES = 256_000_000  # of edges that one partition of star rounds holds
EDGE_BYTES = 32  # of one edge: two ends, and each is looked at from both
BLOCK = 2_000_000  # documents that are gone through at once

ROOTS = pa.schema([("row", pa.int32()), ("root", pa.int64()), ("size", pa.int64())])
RUNS = pa.schema([("members", pa.list_(pa.int64()))])  # documents that share a band, at least two


def group_of(roots: Int64s, groups: int) -> Int64s:
    """The group of each component."""
    mixed = roots.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(44)).astype(np.int64) * groups) >> 20


@dataclass(frozen=True)
class Components:
    """One task: what hangs together through shared bands.

    By union-find over all documents in memory, 12 bytes each; where they are more than `UNION_FIND_MAX`, by star
    rounds over a temporary folder, whose memory is bounded and whose result is the same.
    """

    layout: StageLayout
    runs: Inlet
    name: str
    numbering: tuple[int, ...]
    groups: int

    @property
    def documents(self) -> int:
        """All documents, those of earlier runs too."""
        return self.numbering[-1]

    def build(self) -> Callable[[Task], None]:
        """Compile or load the kernels, before the clock of a task runs."""
        from corpusmill.kernels import components

        members = pa.array(np.arange(2)).to_numpy()  # not to be written to, as those of a file
        components.union_runs(np.arange(2), np.array([0, 2]), members)
        return committing(self.layout, self._make)

    def _make(self, _: Task, clock: Clock) -> Made:
        with self._found() as (roots, sizes):
            clock.note(f"{self.name}.components")
            files = {"roots": self._write_roots(roots, sizes), "runs": self._write_runs(roots)}
        clock.note("write")
        tallies = {f"{self.name}.documents_with_candidates": files["roots"].rows}
        return Made(files, self.documents, tallies=tallies)

    @contextmanager
    def _found(self) -> Iterator[tuple[Int64s, Counts]]:
        """The component of each document, which is its smallest document; and at that place its size.

        Of more documents than are held in memory the arrays are files that are mapped and gone when they are let go.
        """
        if self.documents <= UNION_FIND_MAX:
            yield self._union_find()
            return
        with tempfile.TemporaryDirectory(prefix="corpusmill-components-") as folder:
            yield self._star_rounds(Path(folder))

    def _union_find(self) -> tuple[Int64s, Counts]:
        from corpusmill.kernels import components

        parent = np.arange(self.documents, dtype=np.int64)
        for offsets, members in self._runs():
            components.union_runs(parent, offsets, members)
        sizes = np.zeros(len(parent), np.uint32)
        for first in range(0, len(parent), BLOCK):
            np.add.at(sizes, _settled(parent, first), np.uint32(1))
        return parent, sizes

    def _star_rounds(self, folder: Path) -> tuple[Int64s, Counts]:
        from corpusmill.kernels import components

        roots = np.memmap(folder / "roots", np.int64, "w+", shape=(self.documents,))
        sizes = np.memmap(folder / "sizes", np.uint32, "w+", shape=(self.documents,))
        for first in range(0, self.documents, BLOCK):
            last = min(first + BLOCK, self.documents)
            roots[first:last] = np.arange(first, last)
            sizes[first:last] = 1
        count = sum(len(members) - len(offsets) + 1 for offsets, members in self._runs())
        partitions = min(max(1, -(-count * EDGE_BYTES // EDGES_BYTES)), MOST_PARTITIONS)
        edges = FolderEdges(folder / "edges")
        for source, (offsets, members) in enumerate(self._runs()):
            add_edges(edges, source, partitions, *components.stars(offsets, members))
        for documents, labels in star_rounds(edges, partitions):
            roots[documents] = labels
            found, counts = np.unique(labels, return_counts=True)
            sizes[found] += counts.astype(np.uint32)
        return roots, sizes

    def _runs(self) -> Iterator[tuple[Int64s, Int64s]]:
        for path in self.runs.paths():
            for batch in exchange.read_all(path):
                column = batch.column("members")
                yield column.offsets.to_numpy().astype(np.int64), column.values.to_numpy()

    def _write_roots(self, roots: Int64s, sizes: Counts) -> FileStats:
        """The documents that share a component with another, by shard."""
        with IndexedFile(self.layout.file("roots", 0), ROOTS, len(self.numbering) - 1) as file:
            for first in range(0, self.documents, BLOCK):
                own = np.asarray(roots[first : first + BLOCK])
                size = sizes[own]
                several = np.flatnonzero(size > 1)
                document = several + first
                shard, rows = address(document, self.numbering)
                columns = [rows, own[several], size[several].astype(np.int64)]
                file.add(pa.RecordBatch.from_arrays([pa.array(c) for c in columns], schema=ROOTS), shard)
            return file.finish()

    def _write_runs(self, roots: Int64s) -> FileStats:
        """The runs, by the group of their component."""
        with IndexedFile(self.layout.file("runs", 0), RUNS, self.groups) as file:
            for path in self.runs.paths():
                for batch in exchange.read_all(path):
                    column = batch.column("members")
                    first = column.values.to_numpy()[column.offsets.to_numpy()[:-1]]
                    file.add(batch, group_of(_looked_up(roots, first), self.groups))
            return file.finish()


def _settled(parent: Int64s, first: int) -> Int64s:
    """The roots of a block of documents, which are written to it; the blocks before it must be settled."""
    block = parent[first : first + BLOCK]
    while True:
        above = parent[block]
        if np.array_equal(above, block):
            return block
        block[:] = above


def _looked_up(roots: Int64s, documents: Int64s) -> Int64s:
    """Roots of documents in any order, read in theirs: a mapped file is then gone through once."""
    if not isinstance(roots, np.memmap):
        return roots[documents]
    order = np.argsort(documents, kind="stable")
    found = np.empty(len(documents), np.int64)
    found[order] = roots[documents[order]]
    return found
