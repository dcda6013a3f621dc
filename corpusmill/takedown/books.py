"""What is written about the documents of a stage, after some were taken down: sidecars, report and manifest."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from corpusmill import stats
from corpusmill.errors import OutputError, ReconcileError
from corpusmill.stages.phases import add_counts
from corpusmill.stages.work import Stage, Task
from corpusmill.storage import commit, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest, encode
from corpusmill.takedown.find import Hits
from corpusmill.takedown.journal import Staging
from corpusmill.takedown.rewrite import TAKEDOWN
from corpusmill.takedown.wanted import Wanted


def sidecar(layout: StageLayout, shard: int) -> dict[str, Any]:
    """The sidecar of a committed shard.

    Raises:
        OutputError: if it is not there.
    """
    found = commit.read_json(layout.sidecar(shard))
    if found is None:
        raise OutputError(f"{layout.sidecar(shard)}: missing or not whole; run the recipe again, then remove")
    return found


def without(report: stats.Report, wanted: Wanted, hits: Hits, lost: int, *, first: bool) -> stats.Report:
    """A shard's report when documents were taken down.

    The steps' rows, histograms, tallies and counts by language, domain and source stay: they say what was measured
    when the shard was made. Records, kept, dropped and dead are of what is left; the reason `takedown` of the last step
    leads from one to the other (a row of its own would not add up with shards that are made later and have none).

    Args:
        report: of the shard; it is changed.
        wanted: whose examples go.
        hits: what is taken down of the shard.
        lost: bytes of the kept documents among them.
        first: the records still come in, and are dropped; in a later stage they no longer come in.
    """
    for last in list(report.steps.values())[-1:] if hits.kept else []:
        last.documents_out -= hits.kept
        last.bytes_out -= lost
        last.reasons[TAKEDOWN] += hits.kept
    report.kept -= hits.kept
    if first:
        report.dropped += hits.kept
    else:
        report.records -= len(hits.reasons)
        report.dead -= hits.dead
        report.dropped -= len(hits.reasons) - hits.kept - hits.dead
    for examples in report.shown():
        for name, shown in examples.items():
            ids, urls = (pa.array([getattr(e, column) for e in shown], pa.string()) for column in ("id", "url"))
            meant = wanted.matches(ids, urls)
            examples[name] = [example for example, gone in zip(shown, meant, strict=True) if not gone]
        for name in [name for name, shown in examples.items() if not shown]:
            del examples[name]
    return report


def close(
    staging: Staging, stage: Stage, tasks: Sequence[Task] | None, old: Manifest, sidecars: Mapping[int, dict[str, Any]],
    prepared: Sequence[Mapping[str, Any]], parent: Manifest | None,
) -> Manifest:  # fmt: skip
    """Write the stage's report and manifest, as the driver does when it finds all shards committed.

    Args:
        staging: where new files go.
        stage: the stage.
        tasks: that its shards now answer to; None where they are as they were.
        old: its manifest.
        sidecars: of all its shards, as they will be.
        prepared: what the tasks of its preparing phases counted.
        parent: the new manifest of the stage before.
    """
    layout, total, entries = stage.layout, stats.Report(), []
    for counted in prepared:
        add_counts(total, counted)
    for number, entry in enumerate(old.shards):
        report = sidecars[entry["shard"]]["report"]
        total.add(stats.Report.from_json(report))
        entries.append({**entry, "files": sidecars[entry["shard"]]["files"]})
        if tasks is not None:
            split = tasks[number].split
            assert split is not None
            told = {**split.to_json(), "path": paths.relative(split.path, layout.root)}
            entries[-1] |= {"key": tasks[number].key, "split": told}
    faults = total.faults()
    if faults:
        raise ReconcileError(f"{layout.title}: counts do not add up: {'; '.join(faults)}. This is a bug.")
    before = commit.read_json(layout.report) or {}
    further = {name: value for name, value in before.items() if name not in stats.Report().to_json()}
    commit.put(staging.new(layout.report), encode({**total.to_json(), **further}))
    above = None if parent is None else hashlib.sha256(encode(parent.to_json())).hexdigest()
    record = replace(old, parent=above, shards=entries)
    commit.put(staging.new(layout.manifest), encode(record.to_json()))
    return record


def added(counted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The counts of several tasks of a preparing phase as those of one."""
    total: dict[str, Any] = {"records": 0, "bytes_read": 0, "tallies": {}, "histograms": {}}
    for one in counted:
        total["records"] += one["records"]
        total["bytes_read"] += one["bytes_read"]
        _add(total["tallies"], one["tallies"])
        for name, bins in one["histograms"].items():
            _add(total["histograms"].setdefault(name, {}), bins)
    return total


def _add(into: dict[str, int], more: Mapping[str, int]) -> None:
    for name, count in more.items():
        into[name] = into.get(name, 0) + count
