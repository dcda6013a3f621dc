"""Dedup against earlier runs: their stored index, found, checked and read; their texts never are."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.errors import InputError, OutputError
from corpusmill.storage import exchange, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.shards import batches

READERS = 16  # files that are looked at side by side


@dataclass(frozen=True)
class Earlier:
    """A finished dedup stage of an earlier run.

    Attributes:
        name: of the run, as the evidence gives it. layout: of the stage. index: of the phase that holds its keys.
        rows: documents that went into it, by shard. digest: of its manifest.
    """

    name: str
    layout: StageLayout
    index: StageLayout
    rows: tuple[int, ...]
    digest: str

    def key_range(self, kind: str, part: int, parts: int) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Its keys with their shard, of the range that a run with `parts` partitions gives number `part`.

        Only those of documents that it kept: one that it dropped itself is no reason to drop another, least of all
        when the document that stayed in its place has been taken down since.
        """
        for shard in range(len(self.rows)):
            stays = _stays(self.layout.ledger(shard), self.digest)
            path = self.index.file(kind, shard)
            own = int(exchange.metadata(path)["parts"])
            first, last = part * own // parts, -(-(part + 1) * own // parts)
            for mine in range(first, last):
                for batch in exchange.read_part(path, mine):
                    inside = key_range(batch.column("high").to_numpy(), parts) == part
                    inside &= stays[batch.column("row").to_numpy()]
                    yield shard, batch if inside.all() else batch.filter(pa.array(inside))


def find(path: str, use: str, phase: str, kind: str, told: Mapping[str, str]) -> Earlier:
    """The index that a run's stage has left.

    Args:
        path: folder of a run, or of the stage.
        use: the step, e.g. `near_dedup`.
        phase: the folder of the index.
        kind: of its files.
        told: what must be said of them, by name: version, dialect, permutations, …

    Raises:
        InputError: if there is no such stage, or its index was made otherwise; both are named.
    """
    folder = _stage_folder(path, use)
    layout = StageLayout.at(folder)
    manifest = Manifest.from_json(json.loads(paths.read_text(layout.manifest)))
    number, _, name = phase.partition("-")
    index = layout.phase(int(number), name)
    files = [index.file(kind, entry["shard"]) for entry in manifest.shards]
    with ThreadPoolExecutor(READERS) as pool:  # thousands of files in a store take their time one by one
        for _ in pool.map(lambda file: _check(file, told), files):
            pass
    rows = tuple(int(entry["split"]["end"]) for entry in manifest.shards)
    digest = hashlib.sha256(paths.read_text(layout.manifest).encode()).hexdigest()
    return Earlier(paths.name(layout.root), layout, index, rows, digest)


def _stage_folder(path: str, use: str) -> str:
    if not paths.exists(path):
        raise InputError(f"against: {path}: no such folder; expected the output of an earlier run with {use}")
    if paths.exists(paths.join(path, "manifest.json")):
        return path
    found = [folder for folder in sorted(paths.listing(path)) if folder.endswith(f"-{use}")]
    done = [folder for folder in found if paths.exists(paths.join(folder, "manifest.json"))]
    if not done:
        why = "its stage is not finished" if found else f"it has no stage {use}"
        raise InputError(f"against: {path}: {why}; expected the output of a finished run with the step {use}")
    return done[-1]


def _check(path: str, told: Mapping[str, str]) -> None:
    try:
        there = exchange.metadata(path)
    except OutputError as error:
        raise InputError(f"against: the index is not whole: {error}") from error
    for name, mine in told.items():
        if there.get(name) != mine:
            raise InputError(
                f"against: {path}: its index was made with {name} = {there.get(name, 'nothing')}, and this step has"
                f" {name} = {mine}; keys of different kinds never meet. Use the same settings, or run the older again."
            )


@lru_cache(maxsize=64)
def _stays(ledger: str, _digest: str) -> npt.NDArray[np.bool_]:
    """Which rows of its input a stage kept; another digest of its manifest may mean another ledger."""
    kept = [batch.column("reason").is_null() for batch in batches(ledger, ["reason"])]
    return np.concatenate([np.zeros(0, bool), *(column.to_numpy(zero_copy_only=False) for column in kept)])


def key_range(high: npt.NDArray[np.uint64], parts: int) -> npt.NDArray[np.int64]:
    """Which of `parts` equal ranges of keys each key lies in; (M,).

    Ranges are multiples of a 2^20th of all keys, so that a range of one number of partitions can be found in another.
    """
    return ((high >> np.uint64(44)).astype(np.int64) * parts) >> 20
