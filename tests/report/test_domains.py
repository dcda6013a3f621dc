"""Sources and languages of packed documents, found by their addresses."""

import json

import numpy as np
import pytest

from corpusmill import drive, local, plan, recipe
from corpusmill.errors import OutputError
from corpusmill.report.domains import domains
from corpusmill.storage.packed import Shard
from tests import runs
from tests.tokenize import made

RECIPE = """
name: small
input: {{format: jsonl, paths: ['{folder}/*.jsonl']}}
steps:
  - {{use: exact_dedup}}
  - {{use: tokenize, tokenizer: {folder}/small.json, sequence_length: 64, validation: 0.5}}
output: {folder}/out
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """The packing stage of a run over documents of two sources, some of them equal."""
    folder = tmp_path_factory.mktemp("domains")
    (folder / "small.json").write_text(made.trained().to_str())
    for file in "ab":
        lines = [
            {"id": f"{file}{n}", "text": f"Text {n // 2} of {file}, and more.", "source": "web" if n % 4 else "books"}
            for n in range(40)
        ]
        (folder / f"{file}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = recipe.parse(RECIPE.format(folder=folder), "small.yaml", ())
    drive.run(plan.make(found), local.executor(), runs.Silent())
    return str(folder / "out" / "small" / "03-tokenize")


def addresses(stage):
    """Of all documents for validation, ascending."""
    import pathlib

    found = set()
    for path in sorted(pathlib.Path(stage, "validation").glob("*.arrow")):
        for block in Shard(str(path)).blocks:
            found |= set(zip(block.shards.tolist(), block.rows.tolist(), strict=True))
    return np.array(sorted(found), np.int64).T


def test_each_document_has_the_source_that_its_file_says(stage):
    """Shard and row lead through the deduplicated stage to the source; languages were not looked for."""
    import pyarrow.parquet as pq

    shards, rows = addresses(stage)
    found = domains(stage, shards, rows)
    before = stage.replace("03-tokenize", "02-exact_dedup")
    expected = [
        pq.read_table(f"{before}/documents/{shard:05d}.parquet")["source"][row].as_py()
        for shard, row in zip(shards.tolist(), rows.tolist(), strict=True)
    ]
    assert {"source": expected} == found
    assert {"web", "books"} == set(expected)


def test_folders_of_no_run_have_no_domains(tmp_path):
    """Shards that lie alone are measured in all."""
    assert {} == domains(str(tmp_path), np.zeros(1, np.int64), np.zeros(1, np.int64))


def test_a_stage_that_was_made_anew_is_told(stage, monkeypatch):
    """Addresses of another run's documents would lie."""
    monkeypatch.setattr("corpusmill.report.domains.Packed.is_stale", lambda _: True)
    with pytest.raises(OutputError, match="packed before 02-exact_dedup was made anew"):
        domains(stage, *addresses(stage))
