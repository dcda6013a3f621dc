"""Connected components of more edges than fit in memory: alternating large-star and small-star rounds.

Kiveris et al. 2014, "Connected Components in MapReduce and Beyond". The label of a component is its smallest
document, as union-find in `kernels.components` gives it.

The work of a phase is one `star_step` for each partition. The steps of a phase do not know each other, so they can
run anywhere that sees the edge store, and a step that runs twice writes the same edges to the same place. A step
holds one partition: the edges of the documents that are dealt to it. All edges of one document are in one partition,
so none can be smaller than the largest component.

Shapes: E edges, P partitions.
    a, b     int64 (E,)     the two ends of each edge
    offsets  int64 (P+1,)   the edges for partition p are a[offsets[p]:offsets[p+1]]
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

MOST_PARTITIONS = 1 << 15
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # an odd constant of no structure


class EdgeStore(Protocol):
    """Where the edges of each phase lie: a source writes once, for all partitions; a partition reads from all."""

    def write(self, phase: int, source: int, offsets: Int64s, a: Int64s, b: Int64s) -> None:
        """Keep the edges of one source; offsets (P+1,), a and b (E,). A second write replaces the first."""
        ...

    def read(self, phase: int, partition: int) -> tuple[Int64s, Int64s]:
        """Give the edges of one partition from all sources."""
        ...

    def drop(self, phase: int) -> None:
        """Forget the edges of a phase."""
        ...


class MemoryEdges:
    """Edges in memory."""

    def __init__(self) -> None:
        self._sources: dict[int, dict[int, tuple[Int64s, Int64s, Int64s]]] = {}

    def write(self, phase: int, source: int, offsets: Int64s, a: Int64s, b: Int64s) -> None:
        """Keep the edges of one source; offsets (P+1,), a and b (E,)."""
        self._sources.setdefault(phase, {})[source] = (offsets, a, b)

    def read(self, phase: int, partition: int) -> tuple[Int64s, Int64s]:
        """Give the edges of one partition from all sources."""
        sources = self._sources.get(phase, {})
        pieces = []
        for source in sorted(sources):
            offsets, a, b = sources[source]
            rows = slice(offsets[partition], offsets[partition + 1])
            pieces.append((a[rows], b[rows]))
        return _joined(pieces)

    def drop(self, phase: int) -> None:
        """Forget the edges of a phase."""
        self._sources.pop(phase, None)


class FolderEdges:
    """Edges in a folder of this machine: one file for each phase and source, its offset table first, read by range."""

    def __init__(self, folder: Path) -> None:
        """Use `folder`, which is made where it is not there; its edges of an earlier run are found again."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def _phase(self, phase: int) -> Path:
        return self._folder / f"{phase:04d}"

    def write(self, phase: int, source: int, offsets: Int64s, a: Int64s, b: Int64s) -> None:
        """Keep the edges of one source; offsets (P+1,), a and b (E,). The file appears whole or not at all."""
        folder = self._phase(phase)
        folder.mkdir(exist_ok=True)
        beside = folder / f"{source:05d}.part"
        with beside.open("wb") as file:
            for array in (np.array([len(offsets)]), offsets, a, b):
                file.write(np.ascontiguousarray(array, np.int64).data)
        beside.replace(beside.with_suffix(".edges"))

    def read(self, phase: int, partition: int) -> tuple[Int64s, Int64s]:
        """Give the edges of one partition from all sources."""
        return _joined([_read_range(file, partition) for file in sorted(self._phase(phase).glob("*.edges"))])

    def drop(self, phase: int) -> None:
        """Forget the edges of a phase."""
        if self._phase(phase).exists():
            shutil.rmtree(self._phase(phase))


def _read_range(file: Path, partition: int) -> tuple[Int64s, Int64s]:
    """The edges of one partition in one file: 1 number, the offsets, a, b, all int64."""
    size = np.dtype(np.int64).itemsize
    table = np.fromfile(file, np.int64, 1)[0]
    first, stop = np.fromfile(file, np.int64, 2, offset=size * (1 + partition))
    count = np.fromfile(file, np.int64, 1, offset=size * table)[0]
    begin = size * (1 + table + first)
    a = np.fromfile(file, np.int64, stop - first, offset=begin)
    return a, np.fromfile(file, np.int64, stop - first, offset=begin + size * count)


def _joined(pieces: Sequence[tuple[Int64s, Int64s]]) -> tuple[Int64s, Int64s]:
    """All a and all b of some edges."""
    none = np.zeros(0, np.int64)
    return np.concatenate([none, *(a for a, _ in pieces)]), np.concatenate([none, *(b for _, b in pieces)])


def add_edges(edges: EdgeStore, source: int, partitions: int, a: Int64s, b: Int64s) -> None:
    """Write the edges of one source, such as a partition of keys, as input of `star_rounds`.

    Args:
        edges: takes them.
        source: the number of the source.
        partitions: as many as `star_rounds` is given.
        a: (E,), in any order.
        b: (E,).

    Raises:
        ValueError: for a negative document number, or a number of partitions that cannot be.
    """
    if not 0 < partitions <= MOST_PARTITIONS:
        raise ValueError(f"found {partitions} partitions of edges; expected 1 to {MOST_PARTITIONS}")
    if len(a) and min(a.min(), b.min()) < 0:
        raise ValueError(f"found document {min(a.min(), b.min())} in source {source}; documents are numbered from 0")
    _write(edges, 0, source, partitions, a, b)


def _write(edges: EdgeStore, phase: int, source: int, partitions: int, a: Int64s, b: Int64s) -> None:
    """Deal edges to partitions; a phase of large stars, an even one, needs each edge at both its ends."""
    if phase % 2 == 0:
        a, b = np.concatenate([a, b]), np.concatenate([b, a])
    spread = a.astype(np.uint64) * _GOLDEN >> np.uint64(32)
    partition = (spread % np.uint64(partitions)).astype(np.uint16)
    sorting = np.argsort(partition, kind="stable")
    offsets = np.searchsorted(partition[sorting], np.arange(partitions + 1)).astype(np.int64)
    edges.write(phase, source, offsets, a[sorting], b[sorting])


def star_step(edges: EdgeStore, phase: int, partition: int, partitions: int) -> int:
    """Do one partition's part of a phase: read its edges, and write what the next phase reads.

    Returns:
        How many edges are new. Two phases one after the other without any are the end.
    """
    from corpusmill.kernels import components

    a, b = components.sort_edges(*edges.read(phase, partition))
    star = components.large_star if phase % 2 == 0 else components.small_star
    a, b, changed = star(a, b)
    _write(edges, phase + 1, partition, partitions, a, b)
    return changed


def star_rounds(edges: EdgeStore, partitions: int) -> Iterator[tuple[Int64s, Int64s]]:
    """Find the components of the edges that `add_edges` wrote; phases that are done with are dropped.

    Args:
        edges: with phase 0 written.
        partitions: as many as phase 0 was written for.

    Yields:
        For each partition documents and labels (·,), ascending by document. A document comes once, unless it is the
        smallest of its component, which is its own label, or has no edges.
    """
    from corpusmill.kernels import components

    phase = quiet = 0
    while quiet < 2:
        changed = sum(star_step(edges, phase, partition, partitions) for partition in range(partitions))
        edges.drop(phase)
        quiet = 0 if changed else quiet + 1
        phase += 1
    for partition in range(partitions):
        a, b = components.sort_edges(*edges.read(phase, partition))
        yield a[a > b], b[a > b]
    edges.drop(phase)


def labels(count: int, found: Iterable[tuple[Int64s, Int64s]]) -> Int64s:
    """Put what `star_rounds` yields into one array; int64 (count,), as `kernels.components.roots` gives it."""
    out = np.arange(count)
    for documents, labelled in found:
        out[documents] = labelled
    return out
