"""Which documents lie in the rows of packed shards: from the lineage of the rows and the ledger of the stage before."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill import plan
from corpusmill.documents import Address
from corpusmill.errors import OutputError, UsageError
from corpusmill.report import outputs
from corpusmill.report.outputs import Run, StageOutput
from corpusmill.spec import members
from corpusmill.storage import paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.packed import Shard
from corpusmill.tokenize import Packer

Int64s = npt.NDArray[np.int64]

KINDS = ("train", "validation")  # folders of packed shards
COLUMNS = ("id", "url", "language")  # of the ledger, that tell which document it is
AT_ONCE = 65_536  # documents that are Python objects at once
CHUNK = 1 << 20


class Segment(NamedTuple):
    """A document, or a part of one, in a row of a packed shard. Ranges are the first token and the one after the last.

    Attributes:
        path: of the packed shard.
        row: of that shard.
        tokens: where in the row.
        document_tokens: which of the document's; its end-of-text counts as one.
        address: of the document in the stage before.
        source: of the document; None where documents were pruned.
        ledger: its ledger row in the stage before, or some columns of it.
    """

    path: str
    row: int
    tokens: tuple[int, int]
    document_tokens: tuple[int, int]
    address: Address
    source: str | None
    ledger: dict[str, Any]


class Place(NamedTuple):
    """Where a part of a document was packed; see `Segment`."""

    kind: str
    shard: int
    row: int
    tokens: tuple[int, int]
    document_tokens: tuple[int, int]


@dataclass(frozen=True)
class Packed:
    """The stage of a run that packed, and the one before it, whose documents it packed."""

    stage: StageOutput
    before: StageOutput

    @classmethod
    def of(cls, run: Run) -> "Packed":
        """The packing stage of a run.

        Raises:
            OutputError: if it has none that is finished, or the stage before was made anew since.
        """
        found = cls.find(run)
        if found is None:
            there = ", ".join(stage.title for stage in run.stages)
            raise OutputError(f"{run.root}: expected a finished stage that packed tokens, found {there}; run it again")
        if found.is_stale():
            raise OutputError(
                f"{found.stage.path}: packed before {found.before.title} was made anew; run the recipe again"
            )
        return found

    @classmethod
    def find(cls, run: Run) -> "Packed | None":
        """The packing stage of a run, if it has one that is finished."""
        by_title = {stage.title: stage for stage in run.stages}
        titles = plan.titles(run.recipe.steps)
        packs = any(isinstance(step, members(Packer)) for step in run.recipe.steps)  # it is the last one
        there = packs and all(title in by_title for title in titles[-2:])
        return cls(by_title[titles[-1]], by_title[titles[-2]]) if there else None

    def is_stale(self) -> bool:
        """Whether the stage before is another than the one that was packed."""
        return not outputs.follows(self.stage, self.before)

    def files(self) -> Iterator[tuple[str, int, str]]:
        """Kind, number and path of each packed shard, those for training first."""
        layout = StageLayout.at(self.stage.path)
        for kind in KINDS:
            for entry in self.stage.manifest["shards"]:
                if kind in entry["files"]:
                    yield kind, entry["shard"], layout.file(kind, entry["shard"])

    def check(self, shard: Shard) -> None:
        """Refuse a shard that this stage did not write: by its key, and if it lies elsewhere by its digest.

        Raises:
            OutputError: naming both.
        """
        key = self.stage.manifest["key"]
        if shard.header.recipe_key != key:
            found = f"packed with the key {shard.header.recipe_key}, but {self.stage.path} has {key}"
            raise OutputError(f"{shard.path}: {found}; name the run that packed it with --run")
        for kind, number, path in self.files():
            if paths.name(path) == paths.name(shard.path) and _same(path, shard.path):
                told = self._facts(kind, number)["rows"]
                if told != len(shard):
                    raise OutputError(f"{path}: expected {told} rows, found {len(shard)}; run the recipe again")
                return
        digest = _sha256(shard.path)
        if all(self._facts(kind, number)["sha256"] != digest for kind, number, _ in self.files()):
            raise OutputError(
                f"{shard.path}: none of the shards that {self.stage.path} lists (sha256 {digest[:12]}…);"
                " name the run that packed it with --run"
            )

    def _facts(self, kind: str, number: int) -> dict[str, Any]:
        (entry,) = (entry for entry in self.stage.manifest["shards"] if entry["shard"] == number)
        return dict(entry["files"][kind])


def run_of(path: str) -> Run:
    """The run whose packed shard lies at `path`, e.g. `out/fineweb/03-tokenize/train/00000.arrow`.

    Raises:
        OutputError: if no run is found three folders up. UsageError: if there is no such file.
    """
    whole = str(paths.local(path).absolute()) if paths.is_local(path) else path
    root = whole.rsplit("/", 3)[0]
    _need(path)
    if not paths.exists(paths.join(root, "recipe.yaml")):
        raise OutputError(f"{path}: no run at {root}; name the shard where it was written, or its run with --run")
    return outputs.find(root)


def trace(run: Run, path: str, rows: Sequence[int]) -> list[Segment]:
    """The documents of some rows of one packed shard, with their whole ledger rows, in the order of rows and tokens.

    Raises:
        OutputError: if the shard is not of this run. UsageError: if there is no such shard or row.
    """
    found = documents_of(run, [(path, np.array(rows, np.int64))], None)
    order = {row: at for at, row in reversed(list(enumerate(rows)))}
    return sorted(found, key=lambda segment: (order[segment.row], segment.tokens))


def documents_of(
    run: Run, wanted: Sequence[tuple[str, npt.NDArray[Any]]], columns: Sequence[str] | None = COLUMNS
) -> Iterator[Segment]:
    """Which documents are in these rows, e.g. in a batch of training; in the order of their addresses.

    Each ledger is read once, and of it only what is asked for. Memory is some 130 bytes for each segment, and the
    documents of one ledger. A shard that lies elsewhere than the run says is read whole, for its digest.

    Args:
        run: that packed the shards.
        wanted: packed shards, and rows (n,) of each in any order; a row that is named twice counts once.
        columns: of the ledger; None is all.

    Raises:
        OutputError: if a shard is not of this run, or a ledger is missing. UsageError: if there is no such shard
            or row.
    """
    packed = Packed.of(run)
    parts = [np.zeros((7, 0), np.int64)]
    for number, (path, rows) in enumerate(wanted):
        _need(path)
        shard = Shard(path)
        packed.check(shard)
        parts.append(_segments(shard, number, np.unique(rows.astype(np.int64))))
    which, row, column, length, start, source_shard, source_row = np.concatenate(parts, axis=1)
    order = np.lexsort((column, row, which, source_row, source_shard))
    shards, firsts = np.unique(source_shard[order], return_index=True)
    for shard_number, begin, end in zip(shards.tolist(), firsts, [*firsts[1:], len(order)], strict=False):
        here = order[begin:end]
        rows, documents = np.unique(source_row[here], return_inverse=True)
        ledger = packed.before.kept(shard_number, rows, columns)
        sources = packed.before.documents(shard_number, rows, ["source"])
        for first in range(0, len(rows), AT_ONCE):
            low, high = np.searchsorted(documents, [first, first + AT_ONCE])
            told = ledger.slice(first, AT_ONCE).to_pylist()
            source = [None] * len(told) if sources is None else sources["source"].slice(first, AT_ONCE).to_pylist()
            for at, document in zip(here[low:high].tolist(), (documents[low:high] - first).tolist(), strict=True):
                tokens = int(column[at]), int(column[at] + length[at])
                own = int(start[at]), int(start[at] + length[at])
                address = Address(shard_number, int(source_row[at]))
                yield Segment(
                    wanted[int(which[at])][0], int(row[at]), tokens, own, address, source[document], told[document]
                )


def places(run: Run, addresses: Sequence[Address]) -> dict[Address, list[Place]]:
    """Where documents of the stage before were packed: one pass over the lineage of all shards, which are mapped.

    A mixture may pack a document several times, in a shard of its own each time, or leave it out.

    Raises:
        OutputError: as `Packed.of`, or if a shard cannot be read.
    """
    found: dict[Address, list[Place]] = {}
    wanted = np.array([_number(*address) for address in addresses], np.int64)
    for kind, number, path in Packed.of(run).files():
        first = 0
        for block in Shard(path).blocks:
            keys = _number(block.shards.astype(np.int64), block.rows)
            for at in np.flatnonzero(np.isin(keys, wanted)).tolist():
                row = int(np.searchsorted(block.offsets, at, "right")) - 1
                begin = int(block.lengths[block.offsets[row] : at].sum())
                length, start = int(block.lengths[at]), int(block.starts[at])
                place = Place(kind, number, first + row, (begin, begin + length), (start, start + length))
                found.setdefault(Address(int(block.shards[at]), int(block.rows[at])), []).append(place)
            first += len(block.ids)
    for there in found.values():
        there.sort(key=lambda place: (place.kind, place.shard, place.document_tokens))
    return found


def row_named(run: Run, query: str) -> tuple[str, int] | None:
    """The packed shard and row that `train/00000.arrow:17` names, also with the stage's folder before it, or None.

    Raises:
        OutputError: if such a row is named, and the run has packed none.
    """
    named = re.fullmatch(rf"(?:(.*)/)?((?:{'|'.join(KINDS)})/\d+\.arrow):(\d+)", query)
    if named is None:
        return None
    folder, file, row = named.groups()
    packed = Packed.of(run) if folder is None else Packed.find(run)
    if packed is None or (folder is not None and paths.name(folder) != packed.stage.title):
        return None
    return paths.join(packed.stage.path, file), int(row)


def _number(shard: Any, row: Any) -> Any:
    """An address as one number."""
    return (shard << 32) | row


def _segments(shard: Shard, number: int, rows: Int64s) -> Int64s:
    """The segments of some rows (n,), ascending: number, row, first token, length, start, shard and row; (7, S)."""
    if len(rows) and not 0 <= rows[0] <= rows[-1] < len(shard):
        wrong = rows[0] if rows[0] < 0 else rows[-1]
        raise UsageError(f"{shard.path}: no row {wrong}; it has {len(shard)}, counted from 0")
    parts, first = [np.zeros((7, 0), np.int64)], 0
    for block in shard.blocks:
        low, high = np.searchsorted(rows, [first, first + len(block.ids)])
        here = rows[low:high] - first
        starts = block.offsets[here].astype(np.int64)
        counts = block.offsets[here + 1] - starts
        begin = np.cumsum(counts) - counts
        at = np.arange(counts.sum()) + np.repeat(starts - begin, counts)
        lengths = block.lengths[at].astype(np.int64)
        ends = np.append(0, np.cumsum(lengths))
        columns = ends[:-1] - np.repeat(ends[begin], counts)
        about = [np.full(len(at), number), np.repeat(here + first, counts), columns, lengths]
        parts.append(np.stack([*about, block.starts[at], block.shards[at], block.rows[at]]).astype(np.int64))
        first += len(block.ids)
    return np.concatenate(parts, axis=1)


def _need(path: str) -> None:
    if not paths.exists(path):
        raise UsageError(f"{path}: no such packed shard.{paths.near(path)}")


def _same(a: str, b: str) -> bool:
    """Whether two paths name one file."""
    if paths.is_local(a) and paths.is_local(b):
        return Path(paths.local(a)).resolve() == Path(paths.local(b)).resolve()
    return a == b


def _sha256(path: str) -> str:
    digest = hashlib.sha256()
    with paths.open_read(path) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
