"""The takedown of documents: every file of a finished run that holds them is written anew, and a proof is left."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from corpusmill import plan, stats
from corpusmill.errors import OutputError, ReconcileError, UsageError
from corpusmill.recipe import Recipe
from corpusmill.spec import members
from corpusmill.stages.work import Stage
from corpusmill.storage import commit, paths, verify
from corpusmill.storage.layout import PAGE, StageLayout
from corpusmill.storage.manifest import Manifest, encode
from corpusmill.storage.shards import stored_splits
from corpusmill.takedown import books, find, inner, journal, rewrite
from corpusmill.takedown.find import Hits, Search
from corpusmill.takedown.journal import Staging
from corpusmill.takedown.wanted import Wanted, digest
from corpusmill.tokenize import Packer


@dataclass(frozen=True)
class Taken:
    """What a takedown did, or would do.

    Attributes:
        stages: title, shards written anew, kept documents among what goes, records in all.
        missing: line number and entry of what no record has.
        before: records of which nothing was left.
        proof: path of the proof, None if nothing was written.
    """

    stages: tuple[tuple[str, int, int, int], ...]
    missing: tuple[tuple[int, str], ...]
    before: int
    proof: str | None


def remove(root: str, chosen: Recipe, wanted: Wanted, *, dry_run: bool = False) -> Taken:
    """Take documents down from a finished run.

    In the first stage their ledger rows stay, without URL, as dropped with the reason `takedown` (what was dropped
    before keeps its reason); their texts, excerpts and dead bytes go. In every later stage they are as if they had
    never come in: no document, no ledger row, no key in the index that later runs read. Keys of shards and of
    manifests are brought in line, so that the same recipe finds all committed. Near copies stay unless listed.

    Args:
        root: folder of the run.
        chosen: its recipe.
        wanted: what is to go.
        dry_run: look only.

    Raises:
        UsageError: if nothing in the run has such an id or URL. OutputError: if the run is not whole.
    """
    earlier = journal.unfinished(root)
    if earlier and not dry_run:
        done = journal.finish(root)
        if earlier["list"] == wanted.sha256:
            assert done is not None
            return _told_by(done, wanted)
    elif earlier:
        raise OutputError(f"{root}: an earlier takedown was stopped; run it again without --dry-run to finish it")
    packed = [title for title in plan.titles(chosen.steps) if title not in plan.titles(_unpacked(chosen).steps)]
    chosen = _unpacked(chosen)
    manifests = _manifests(root, chosen, packed)
    stages = plan.stages(chosen, root, [manifest.key for manifest in manifests])
    found = find.search(stages, manifests, wanted)
    if not found.known:
        raise UsageError(f"{root}: none of the {len(wanted.lines)} ids and URLs is in this run; nothing was written")
    missing = tuple(wanted.missing(sorted(found.known, key=str)))
    counts = tuple(_counts(stage, hits) for stage, hits in zip(stages, found.hits, strict=True))
    proof = None
    if any(found.hits) and not dry_run:
        _write(root, stages, manifests, wanted, found, packed)
        proof = journal.finish(root)
    return Taken(counts, missing, found.before, proof)


def _counts(stage: Stage, hits: dict[int, Hits]) -> tuple[str, int, int, int]:
    kept, records = (sum(counts) for counts in ([h.kept for h in hits.values()], [len(h.rows) for h in hits.values()]))
    return stage.layout.title, len(hits), kept, records


def _told_by(path: str, wanted: Wanted) -> Taken:
    """The takedown that a proof tells of."""
    told = commit.read_json(path)
    assert told is not None
    lines = dict(wanted.lines)
    missing = tuple((item["line"], lines[item["line"]]) for item in told["not_found"])
    stages = tuple((s["stage"], len(s["shards"]), s["documents"], s["records"]) for s in told["stages"])
    return Taken(stages, missing, told["removed_before"], path)


def _unpacked(chosen: Recipe) -> Recipe:
    """The recipe without the step that packs tokens: what it made goes whole, and the next run makes it anew."""
    return replace(chosen, steps=tuple(step for step in chosen.steps if not isinstance(step, members(Packer))))


def _manifests(root: str, chosen: Recipe, packed: Sequence[str]) -> list[Manifest]:
    """The manifests of all stages.

    Raises:
        OutputError: if a stage is not finished, or a folder is there that the recipe does not know: documents could
            lie in it.
    """
    there = [name for name in paths.names(root) if name[:2].isdigit() and name[2:3] == "-"]
    expected = plan.titles(chosen.steps)
    strange = sorted(set(there) - set(expected) - set(packed))
    if strange:
        raise OutputError(
            f"{root}: {', '.join(strange)}: no stage of recipe.yaml, so it cannot be searched; delete it, then remove"
        )
    found = []
    for title in expected:
        told = commit.read_json(paths.join(root, title, "manifest.json"))
        if told is None:
            raise OutputError(f"{root}: {title} is not finished; run the recipe again to its end, then remove")
        found.append(Manifest.from_json(told))
        if found[-1].pruned:
            raise OutputError(
                f"{root}: {title} keeps no documents (keep_intermediate: false), and without them later stages cannot"
                " be brought up to date; take the documents out of the input and run the recipe again"
            )
    return found


def _write(
    root: str,
    stages: Sequence[Stage],
    manifests: Sequence[Manifest],
    wanted: Wanted,
    found: Search,
    packed: Sequence[str],
) -> None:
    """Prepare all new files, then commit them."""
    staging = Staging(root)
    if paths.exists(paths.join(root, PAGE)):  # it shows excerpts
        staging.drop(paths.join(root, PAGE))
    for title in packed:
        for file in verify.files(paths.join(root, title)) if paths.exists(paths.join(root, title)) else ():
            staging.drop(paths.join(root, title, file))
    parent, told = None, []
    for stage, manifest, hits in zip(stages, manifests, found.hits, strict=True):
        parent, about = _stage(staging, stage, manifest, parent, wanted, hits)
        told.append(about)
    titles = [stage.layout.title for stage in stages]
    said = find.ways(found, titles)
    near = find.relatives(stages, manifests, set(said))
    removed = [{"id": digest(name), "was": said[name], "like": near.get(name, [])} for name in said]
    lost = wanted.missing(sorted(found.known, key=str))
    staging.commit(
        {
            "list": wanted.sha256,
            "removed": sorted(removed, key=lambda record: str(record["id"])),
            "removed_before": found.before,
            "not_found": [{"line": number, "digest": digest(entry)} for number, entry in lost],
            "stages": told,
        }
    )


def _stage(
    staging: Staging, stage: Stage, old: Manifest, parent: Manifest | None, wanted: Wanted, hits: dict[int, Hits]
) -> tuple[Manifest, dict[str, Any]]:
    """Write what changes of one stage; gives its new manifest, and what the proof says of it."""
    layout = stage.layout
    works = None if parent is None else stage.works(stored_splits(_above(staging, parent), parent))
    prepared = inner.counted(works) if works else []
    changes = inner.prepare(staging, stage, works, hits) if works and hits else []
    tasks = works[-1].tasks if works else None
    sidecars = {}
    for number, entry in enumerate(old.shards):
        shard = entry["shard"]
        told = books.sidecar(layout, shard)
        before = encode(told)
        files, lost = _files(staging, layout, shard, wanted, hits.get(shard), first=tasks is None)
        if shard in hits:
            report = stats.Report.from_json(told["report"])
            told["report"] = books.without(report, wanted, hits[shard], lost, first=tasks is None).to_json()
        changes += [
            {"shard": shard, "file": paths.relative(layout.file(kind, shard), staging.root),
             "before": told["files"][kind]["sha256"], "after": new["sha256"]}
            for kind, new in files.items()
        ]  # fmt: skip
        told["files"] |= files
        told["key"] = tasks[number].key if tasks else told["key"]
        sidecars[shard] = told
        if encode(told) != before:
            commit.put(staging.new(layout.sidecar(shard)), encode(told))
    record = books.close(staging, stage, tasks, old, sidecars, prepared, parent)
    title, _, kept, records = _counts(stage, hits)
    return record, {"stage": title, "shards": sorted(hits), "documents": kept, "records": records, "files": changes}


def _above(staging: Staging, parent: Manifest) -> StageLayout:
    return StageLayout.at(paths.join(staging.root, parent.stage))


def _files(
    staging: Staging, layout: StageLayout, shard: int, wanted: Wanted, hits: Hits | None, *, first: bool
) -> tuple[dict[str, dict[str, Any]], int]:
    """Write the data files of one shard anew; gives what the sidecar says of them, and the bytes of text that went."""
    if hits is None:
        return {}, 0
    made, lost = {}, 0
    if hits.kept:
        path = layout.documents(shard)
        done = rewrite.documents(path, staging.new(path), wanted)
        if done.rows != hits.kept:
            raise ReconcileError(
                f"{path}: {done.rows} documents to remove, but the ledger has {hits.kept}. This is a bug."
            )
        made["documents"], lost = done.stats, done.bytes
    path = layout.ledger(shard)
    ledger = rewrite.first_ledger if first else rewrite.later_ledger
    made["ledger"] = ledger(path, staging.new(path), hits.rows)
    path = layout.dead(shard)
    if first and hits.dead:
        made["dead"] = rewrite.first_dead(path, staging.new(path), wanted)
    elif not first and _dead_letters(layout, shard):
        made["dead"] = rewrite.later_dead(path, staging.new(path), hits.rows)
    return {kind: asdict(facts) for kind, facts in made.items()}, lost


def _dead_letters(layout: StageLayout, shard: int) -> int:
    """Dead letters of a shard."""
    return int(books.sidecar(layout, shard)["files"]["dead"]["rows"])
