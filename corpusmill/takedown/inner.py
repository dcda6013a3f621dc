"""The preparing phases of a stage whose input lost documents: which of their files are kept, and their keys."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from corpusmill.stages.work import Stage, Work
from corpusmill.storage import commit, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import encode
from corpusmill.storage.write import FileStats
from corpusmill.takedown import books, rewrite
from corpusmill.takedown.find import Hits
from corpusmill.takedown.journal import Staging

# Files of a first phase whose tasks answer to one shard each, so that a later run may take some over; by kind of stage.
INDEX = {"near_dedup": ("signatures", "keys"), "exact_dedup": ("keys",), "line_dedup": ("keys",)}
RECOUNTED = ("decontaminate",)  # stages whose first phase has counts that decide, and that cannot be corrected

Changes = list[dict[str, Any]]


def prepare(staging: Staging, stage: Stage, works: Sequence[Work], hits: Mapping[int, Hits]) -> Changes:
    """Bring a stage's preparing phases in line with an input that lost documents, without doing them again.

    Files of keys and signatures are written anew without these documents, row by row as they would be made of the new
    input, so their keys may be those of that input. What lies between them and the stage's shards (candidates,
    members, verdicts) numbers the documents of the old input and is read by nobody once the shards are committed: its
    files go, so that no hash of a removed document is left and nothing can be made from old numbers, and its sidecars
    get the new keys, so that nothing is done again. They answer to the corpus as a whole, so any other change has all
    of them made anew. Verdicts on other documents stand: a copy that was dropped for a removed document stays dropped.
    Should a shard of the stage be lost after this, the run stops at the missing files; the stage's folder is then to
    be deleted. The next run counts the n-grams of `decontaminate` again, in these shards only. The count that
    `paragraph_dedup` sizes its filter by keeps the removed documents.

    Args:
        staging: where new files go.
        stage: the stage.
        works: its phases over the new input.
        hits: by shard, what its input lost.

    Returns:
        The files of the index that were written anew: shard, file, and sha256 before and after.
    """
    changes: Changes = []
    for number, work in enumerate(works[:-1]):
        layout = work.phase.layout
        kinds = INDEX.get(stage.layout.name, ()) if number == 0 else ()
        counted = _folded(staging, work)
        for task in work.tasks:
            if stage.layout.name in RECOUNTED and task.shard in hits:
                continue
            told = books.sidecar(layout, task.shard)
            told |= {"key": task.key, "report": counted.get(task.shard, told["report"])}
            for kind in list(told["files"]):
                if kind in kinds:
                    told["files"][kind] |= _indexed(staging, work, kind, task.shard, hits.get(task.shard), changes)
                elif stage.layout.name not in RECOUNTED:
                    del told["files"][kind]
                    staging.drop(layout.file(kind, task.shard))
            commit.put(staging.new(layout.sidecar(task.shard)), encode(told))
    return changes


def counted(works: Sequence[Work]) -> list[dict[str, Any]]:
    """The counts of all tasks of the preparing phases, as they are on disk."""
    layouts = [work.phase.layout for work in works[:-1]]
    return [books.sidecar(layout, task)["report"] for layout in layouts for task in commit.sidecars(layout)]


def _folded(staging: Staging, work: Work) -> dict[int, Any]:
    """Where a smaller input has fewer partitions, the tasks that go leave their counts to the first one."""
    layout = work.phase.layout
    last = [number for number in commit.sidecars(layout) if number >= len(work.tasks)]
    if not last:
        return {}
    reports = [books.sidecar(layout, number)["report"] for number in (0, *last)]
    for path in (path for number in last for path in _files(layout, number)):
        staging.drop(path)
    return {0: books.added(reports)}


def _files(layout: StageLayout, number: int) -> Iterator[str]:
    for kind in paths.names(layout.folder):
        for name in paths.names(paths.join(layout.folder, kind)):
            if name.partition(".")[0] == f"{number:05d}":
                yield paths.join(layout.folder, kind, name)


def _indexed(
    staging: Staging, work: Work, kind: str, shard: int, hits: Hits | None, changes: Changes
) -> dict[str, Any]:
    """Write one file of an index anew if it has to change; gives what there is to say of it in the sidecar."""
    phase: Any = work.phase
    path = phase.layout.file(kind, shard)
    made: FileStats
    if kind == "keys":
        if hits is None and rewrite.parts_of(path) == phase.parts:
            return {}
        made = rewrite.keys(path, staging.new(path), rows_of(hits), phase.parts)
    elif hits is None:
        return {}
    else:
        made = rewrite.signatures(path, staging.new(path), hits.rows)
    before = books.sidecar(phase.layout, shard)["files"][kind]["sha256"]
    file = paths.relative(path, staging.root)
    changes.append({"shard": shard, "file": file, "before": before, "after": made.sha256})
    return asdict(made)


def rows_of(hits: Hits | None) -> Any:
    """Rows that are meant, of a shard that may have none."""
    import numpy as np

    return np.zeros(0, np.int64) if hits is None else hits.rows
