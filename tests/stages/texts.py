"""Small corpora of texts and recipes over them, for stages that compare documents."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from corpusmill import drive, local, plan, recipe
from tests.runs import Silent

RECIPE = """
name: small
input: {{format: jsonl, paths: ['{folder}/*.jsonl'], source: test}}
steps:
{steps}
output: {out}
"""


def write(folder: Path, documents: Iterable[Mapping], files: int = 3) -> Path:
    """Deal documents out to files, which become shards."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(document) + "\n" for document in documents]
    for file in range(files):
        (folder / f"part-{file}.jsonl").write_text("".join(lines[file::files]))
    return folder


def planned(folder: Path, out: Path, steps: str, *settings: str) -> plan.Plan:
    """The plan of some steps over the texts in `folder`; `steps` is one flow mapping a line."""
    lines = "\n".join(f"  - {line.strip()}" for line in steps.strip().splitlines())
    return plan.make(recipe.parse(RECIPE.format(folder=folder, out=out, steps=lines), "small.yaml", settings))


def run(folder: Path, out: Path, steps: str, *settings: str, execute=None, progress=None) -> list[drive.StageResult]:
    """Run some steps; in this process unless told otherwise."""
    return drive.run(planned(folder, out, steps, *settings), execute or local.executor(), progress or Silent())


def kept(result: drive.StageResult) -> pa.Table:
    """The documents a stage kept."""
    return _all(result, "documents")


def ledger(result: drive.StageResult) -> pa.Table:
    """The ledger of a stage."""
    return _all(result, "ledger")


def ids(result: drive.StageResult) -> list[str]:
    """The ids of the documents a stage kept, sorted."""
    return sorted(kept(result)["id"].to_pylist())


def _all(result: drive.StageResult, kind: str) -> pa.Table:
    shards = [entry["shard"] for entry in result.manifest.shards]
    return pa.concat_tables([pq.read_table(result.layout.file(kind, shard)) for shard in shards])
