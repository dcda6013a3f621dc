"""`keep_intermediate: false`: documents of all stages but the last go when the run is done, and it stays done."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from corpusmill import stats
from corpusmill.plan import Plan
from corpusmill.results import StageResult
from corpusmill.storage import commit, manifest, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.shards import stored_splits

KINDS = ("documents", "dead")  # files that hold text


def prune(result: StageResult) -> StageResult:
    """Remove a stage's documents and dead letters; ledger, reports and index stay."""
    layout, record = result.layout, replace(result.manifest, pruned=True)
    commit.put(layout.manifest, manifest.encode(record.to_json()))  # first: what is half removed is known to be
    for entry in record.shards:
        for kind in KINDS:
            paths.remove(layout.file(kind, entry["shard"]))
    return replace(result, manifest=record)


def finished(plan: Plan) -> list[StageResult] | None:
    """The results of a run that is done and pruned; None if there is anything to do.

    Such a run has no documents to look at in its earlier stages, so manifests are compared: each must have been made
    from the one before, with the keys that the plan gives, and the last stage must be whole.
    """
    if plan.recipe.keep_intermediate or len(plan.stages) == 1:
        return None
    results: list[StageResult] = []
    splits = list(plan.splits)
    for stage in plan.stages:
        told = commit.read_json(stage.layout.manifest)
        record = None if told is None else Manifest.from_json(told)
        report = commit.read_json(stage.layout.report)
        tasks = stage.works(splits)[-1].tasks
        last = stage is plan.stages[-1]
        if (
            record is None
            or report is None
            or [task.key for task in tasks] != [entry["key"] for entry in record.shards]
        ):
            return None
        if last and any(commit.committed(stage.layout, task.shard, task.key) is None for task in tasks):
            return None
        results.append(_result(stage.layout, record, report))
        splits = stored_splits(stage.layout, record)
    for result in results[:-1]:  # a run that was killed while it removed
        if result.manifest.pruned:
            prune(result)
    return results if all(result.manifest.pruned for result in results[:-1]) else None


def _result(layout: StageLayout, record: Manifest, report: Mapping[str, Any]) -> StageResult:
    seconds = (commit.read_json(layout.timing) or {"seconds": {}})["seconds"]
    known = {*stats.Report().to_json(), "bounds"}
    further = {name: part for name, part in report.items() if name not in known}
    return StageResult(layout, record, stats.Report.from_json(report), dict(seconds), len(record.shards), further)
