"""What commands tell programs: the same as they show to people, as plain data, for `--json`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from corpusmill import plan as plans
from corpusmill.plan import Plan
from corpusmill.spec import limits

if TYPE_CHECKING:  # a plan is told without loading what the others need
    from corpusmill.report.card import Licences, What
    from corpusmill.report.explain import Found
    from corpusmill.report.outputs import Run, StageOutput
    from corpusmill.report.texts import Texts
    from corpusmill.results import StageResult
    from corpusmill.storage.verify import Difference
    from corpusmill.takedown.remove import Taken

LEDGER = ("row", "id", "url", "offset", "language", "reason", "bytes_in", "bytes_out")  # columns that are no step's


def text(data: Any) -> str:
    """JSON of one line; equal data gives equal text. Control characters are escaped, and no terminal obeys them."""
    return json.dumps(data, sort_keys=True, ensure_ascii=True)


def planned(plan: Plan) -> dict[str, Any]:
    """A plan: stages, their steps and keys, and every shard's split."""
    return {
        "recipe": plan.recipe.name,
        "output": plan.root,
        "input_bytes": plan.input_bytes,
        "stages": [
            {"stage": stage.layout.title, "steps": list(stage.names), "key": stage.key} for stage in plan.stages
        ],
        "shards": [{"shard": shard, **asdict(split)} for shard, split in enumerate(plan.splits)],
    }


def ran(plan: Plan, results: "Sequence[StageResult]", page: str) -> dict[str, Any]:
    """A run that has ended well: what each stage left, and where."""
    stages = [
        {
            "stage": result.layout.title,
            "folder": result.layout.folder,
            "shards": len(result.manifest.shards),
            "resumed": result.resumed,
            "report": {**result.report.to_json(), **result.further},
            "seconds": result.seconds,
        }
        for result in results
    ]
    return {"output": plan.root, "page": page, "stages": stages}


def reported(run: "Run") -> dict[str, Any]:
    """The reports of a run, as its stages left them; `waiting` are those that are not finished.

    Raises:
        OutputError: if a file is missing or damaged, or stages do not fit together.
    """
    from corpusmill.report import outputs

    outputs.check(run)
    stages = [_stage(stage) for stage in run.stages]
    return {"output": run.root, "recipe": run.recipe.name, "stages": stages, "waiting": outputs.waiting(run)}


def _stage(stage: "StageOutput") -> dict[str, Any]:
    told = {**stage.report().to_json(), "bounds": stage.bounds(), **stage.further()}
    return {"stage": stage.title, "folder": stage.path, "report": told, "seconds": stage.seconds()}


def explained(run: "Run", query: str, *, text: bool = False) -> list[dict[str, Any]]:
    """What happened to the documents that are meant, one mapping for each record.

    Args:
        run: the run.
        query: an id, a URL, or a row of a packed shard such as `train/00000.arrow:17`.
        text: with its text after each stage that kept it, masked and cut; None where documents were removed.

    Raises:
        OutputError: if no record has it. UsageError: if there is no such row.
    """
    from corpusmill.report import explain
    from corpusmill.report.texts import Texts
    from corpusmill.report.trace import row_named

    texts = Texts(run) if text else None
    row = row_named(run, query)
    ways = explain.search(run, query) if row is None else explain.search_row(run, *row)
    lies = _places(run, [way[-1] for way in ways])
    return [
        {
            "id": way[0].row["id"],
            "url": way[0].row["url"],
            "file": way[0].file,
            "offset": way[0].row["offset"],
            "reason": way[-1].row["reason"],
            "stages": [_looked_at(run, found, texts) for found in way],
            "packed": packed,
        }
        for way, packed in zip(ways, lies, strict=True)
    ]


def _looked_at(run: "Run", found: "Found", texts: "Texts | None") -> dict[str, Any]:
    from corpusmill.report import explain

    called, specs = plans.cut(run.recipe.steps)[found.number - 1]
    signals = {
        f"{name}.{signal}": {
            "value": found.row[f"{name}.{signal}"],
            "bounds": explain.bounds_of(limit, found.row["language"]),
        }
        for name, step in zip(called, specs, strict=True)
        for signal, limit in limits(step).items()
    }
    evidence = {name: value for name, value in found.row.items() if name not in signals and name not in LEDGER}
    shown = {}
    if texts is not None and found.row["reason"] is None:
        shown["text"] = texts.after(run.stages[found.number - 1], found.shard, found.kept)
    own = {name: found.row[name] for name in LEDGER[4:] if name in found.row}
    return {"stage": found.stage, "shard": found.shard, "record": found.row["row"], **own,
            "dialects": explain.dialects_of(called, specs), "signals": signals,
            "evidence": evidence, **shown}  # fmt: skip


def _places(run: "Run", last: "Sequence[Found]") -> list[list[dict[str, Any]] | None]:
    """For each record where its tokens lie; None where nothing is packed, or was packed before documents changed."""
    from corpusmill.documents import Address
    from corpusmill.report.trace import Packed, places

    packed = Packed.find(run)
    if packed is None or packed.is_stale():
        return [None for _ in last]
    before = int(packed.before.title[:2])
    kept = [
        Address(found.shard, found.kept) if found.number == before and found.row["reason"] is None else None
        for found in last
    ]
    there = places(run, [address for address in kept if address is not None])
    return [[place._asdict() for place in there.get(address, ())] if address else [] for address in kept]


def differing(differences: "Sequence[Difference]") -> dict[str, Any]:
    """Whether two outputs are the same, and what differs."""
    return {"same": not differences, "differences": [asdict(difference) for difference in differences]}


def card(run: "Run", what: "What", licences: "Licences", path: str | None) -> dict[str, Any]:
    """The data card: its header as plain values, its text, and where it was written, if it was.

    Raises:
        UsageError, OutputError: as `card.card`.
    """
    from corpusmill.report import card as cards

    told = {"header": cards.header(run, what, licences), "text": cards.card(run, what, licences)}
    return {"output": run.root, "what": what, "stage": cards.chosen(run, what).title, "path": path, **told}


def taken(done: "Taken", *, dry_run: bool) -> dict[str, Any]:
    """What a takedown did, or would do."""
    names = ("stage", "shards", "documents", "records")
    return {
        "dry_run": dry_run,
        "stages": [dict(zip(names, stage, strict=True)) for stage in done.stages],
        "missing": [{"line": line, "entry": entry} for line, entry in done.missing],
        "removed_before": done.before,
        "proof": done.proof,
    }
