"""Where the wanted documents are: rows of every stage's ledger, and who is like them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import stats
from corpusmill.stages.work import Stage
from corpusmill.storage import commit, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.shards import batches
from corpusmill.takedown.wanted import Wanted

KEPT = "kept"
FAILED = ".failed"  # ends the reason of a dead letter


@dataclass(frozen=True)
class Hits:
    """The wanted records of one shard, without those of which nothing is left.

    Attributes:
        rows: int64 (M,), their positions in the ledger, ascending. ids, reasons: of them; no reason means kept.
    """

    rows: npt.NDArray[np.int64]
    ids: tuple[str, ...]
    reasons: tuple[str | None, ...]

    @property
    def kept(self) -> int:
        """Documents that the stage kept."""
        return self.reasons.count(None)

    @property
    def dead(self) -> int:
        """Records that are dead letters."""
        return sum(reason is not None and reason.endswith(FAILED) for reason in self.reasons)


@dataclass
class Search:
    """What was found.

    Attributes:
        hits: by number of the stage, from 0, and shard.
        known: id and URL of every record that is meant, also of those of which nothing is left.
        before: how many these are: taken down before, or dropped and without URL and excerpt.
    """

    hits: list[dict[int, Hits]] = field(default_factory=list)
    known: set[tuple[str | None, str | None]] = field(default_factory=set)
    before: int = 0


def search(stages: Sequence[Stage], manifests: Sequence[Manifest], wanted: Wanted) -> Search:
    """Look through the ledgers of all stages."""
    found = Search()
    for number, (stage, manifest) in enumerate(zip(stages, manifests, strict=True)):
        layout, first = stage.layout, number == 0
        each = (
            (entry["shard"], _shard(layout, entry["shard"], wanted, found, first=first)) for entry in manifest.shards
        )
        found.hits.append({shard: hits for shard, hits in each if len(hits.rows)})
    return found


def _shard(layout: StageLayout, shard: int, wanted: Wanted, found: Search, *, first: bool) -> Hits:
    rows: list[int] = []
    records: list[dict[str, Any]] = []
    done = 0
    for batch in batches(layout.ledger(shard), ["id", "url", "reason"]):
        at = np.flatnonzero(wanted.matches(batch.column("id"), batch.column("url")))
        rows += (at + done).tolist()
        records += batch.take(pa.array(at)).to_pylist()
        done += batch.num_rows
    found.known |= {(record["id"], record["url"]) for record in records}
    work = [not first] * len(records)
    if first and records:
        shown = _shown(layout, shard)
        work = [_is_work(record, shown) for record in records]
    found.before += work.count(False)
    mine = [record for record, needed in zip(records, work, strict=True) if needed]
    ids = tuple(record["id"] or record["url"] for record in mine)
    return Hits(np.array(rows, np.int64)[np.array(work, bool)], ids, tuple(record["reason"] for record in mine))


def _is_work(record: dict[str, Any], shown: set[str]) -> bool:
    """Whether anything is left of a record of the first stage: its text, its URL, an excerpt, its bytes."""
    return record["reason"] is None or record["url"] is not None or record["id"] in shown


def _shown(layout: StageLayout, shard: int) -> set[str]:
    """Ids of the records of which a shard's sidecar or its dead letters show something."""
    report = (commit.read_json(layout.sidecar(shard)) or {}).get("report", {})
    kinds = [report.get(name, {}) for name in ("examples", "largest")]
    shown = {stats.Example(*item).id for kind in kinds for examples in kind.values() for item in examples}
    for batch in batches(layout.dead(shard), ["id", "payload"]):
        shown |= set(batch.column("id").filter(batch.column("payload").is_valid()).to_pylist())
    return shown


def ways(found: Search, titles: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """What each stage had said of each document: id -> stage -> `kept` or reasons, before anything is changed."""
    told: dict[str, dict[str, list[str]]] = {}
    for title, shards in zip(titles, found.hits, strict=True):
        for hits in shards.values():
            for name, reason in zip(hits.ids, hits.reasons, strict=True):
                said = told.setdefault(name, {}).setdefault(title, [])
                said.append(reason or KEPT)
                said.sort()
    return told


def relatives(
    stages: Sequence[Stage], manifests: Sequence[Manifest], going: set[str]
) -> dict[str, list[dict[str, str | None]]]:
    """What the dedup ledgers name as like each document that goes, and what does not go itself.

    Returns:
        id -> records of `id`, `stage`, `is` (`duplicate`: it was dropped for the document; `kept`: the document was
        dropped for it) and `run` (the earlier run that holds it, None for this one).
    """
    told: dict[str, list[dict[str, str | None]]] = {}
    for stage, manifest in zip(stages, manifests, strict=True):
        for row in _evidence(stage, manifest, pa.array(sorted(going), pa.string())):
            kept, own, run = row["kept"], row["id"], row["kept_in"]
            if own in going and (kept not in going or run is not None):
                about, other, what = own, kept, KEPT
            elif kept in going and own not in going and run is None:
                about, other, what = kept, own, "duplicate"
            else:
                continue
            told.setdefault(about, []).append({"id": other, "stage": stage.layout.title, "is": what, "run": run})
    return told


def _evidence(stage: Stage, manifest: Manifest, going: pa.Array) -> Iterator[dict[str, Any]]:
    """Rows of a dedup stage's ledger in which one of these documents is dropped, or another for it."""
    import pyarrow.parquet as pq

    columns = {name: f"{stage.names[0]}.{name}" if stage.names else "" for name in ("kept", "kept_in")}
    for entry in manifest.shards:
        path = stage.layout.ledger(entry["shard"])
        with paths.open_read(path) as file:
            if columns["kept"] not in pq.read_schema(file).names:
                return
        for batch in batches(path, ["id", *columns.values()]):
            kept = batch.column(columns["kept"])
            about = pc.or_(pc.is_in(batch.column("id"), value_set=going), pc.is_in(kept, value_set=going))
            for row in batch.filter(pc.and_(about, kept.is_valid())).to_pylist():
                yield {"id": row["id"], **{name: row[column] for name, column in columns.items()}}
