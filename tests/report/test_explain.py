"""A document's way to its place in the packed shards, and back from a row to the ways of its documents."""

import json
import shutil
from collections import Counter

import pytest

from corpusmill import cli, local
from corpusmill.errors import OutputError, UsageError
from corpusmill.report import explain, outputs, trace
from corpusmill.tokenize.training import train
from tests.stages import test_mixture, texts

STEPS = """{{use: exact_dedup}}
{{use: tokenize, tokenizer: {tokenizer}, sequence_length: 64, shard_mb: 0.006, validation: 0.1, mixture: {mixture}}}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with a mixture: some documents come twice and more, some never; some are copies."""
    folder = tmp_path_factory.mktemp("explained")
    documents = test_mixture.corpus()
    copies = [{**document, "id": f"copy-{document['id']}"} for document in documents[:10]]
    texts.write(folder / "texts", [*documents, *copies], 4)
    (folder / "small.json").write_text(train([d["text"] for d in documents], vocabulary_size=300).to_str())
    mixture = test_mixture.MIXTURE.replace("500", "300")
    texts.run(
        folder / "texts", folder / "out", STEPS.format(tokenizer=folder / "small.json", mixture=mixture),
        execute=local.executor(),
    )  # fmt: skip
    return folder


def told(folder, capsys, query):
    """What the command prints."""
    assert 0 == cli.main(["explain", str(folder / "out"), query])
    return capsys.readouterr().out


def test_the_packed_stage_comes_last(folder, capsys):
    """Each place of a document that came several times, of one held out, of one left out, of one dropped."""
    run = outputs.find(str(folder / "out"))
    packed = trace.Packed.of(run)
    places = {"train": {}, "validation": {}}
    for kind, number, path in packed.files():
        for segment in trace.trace(run, path, range(len(trace.Shard(path)))):
            (first, stop), (own, end) = segment.tokens, segment.document_tokens
            line = f"{kind}/{number:05d}.arrow, row {segment.row}, tokens {first}-{stop - 1} (its own {own}-{end - 1})"
            places[kind].setdefault(segment.ledger["id"], []).append(line)
    often, shards = Counter({name: len(there) for name, there in places["train"].items()}).most_common(1)[0]
    assert shards > 2
    out = told(folder, capsys, often)
    assert all(f"03-tokenize: {line}" in out for line in places["train"][often])
    assert shards == out.count("03-tokenize")
    held = next(iter(places["validation"]))
    assert f"03-tokenize: held out for validation: {places['validation'][held][0]}" in told(folder, capsys, held)
    kept = {row["id"] for e in packed.before.manifest["shards"] for row in _kept(packed.before, e["shard"])}
    left = sorted(kept - places["train"].keys() - places["validation"].keys())
    assert "03-tokenize: left out: the mixture takes a part of its source" in told(folder, capsys, left[0])
    dropped = _one(run, gone=True)
    assert "03-tokenize" not in told(folder, capsys, dropped)


def _kept(stage, shard):
    return [row for row in stage.ledger(shard).to_pylist() if row["reason"] is None]


def test_a_row_is_all_its_documents(folder, capsys):
    """The ways of the documents of a row, in the order of their tokens, from the first stage on."""
    run = outputs.find(str(folder / "out"))
    kind, number, path = next(iter(trace.Packed.of(run).files()))
    most = max(range(len(trace.Shard(path))), key=lambda row: len(trace.trace(run, path, [row])))
    ids = list(dict.fromkeys(segment.ledger["id"] for segment in trace.trace(run, path, [most])))
    assert len(ids) > 2
    for query in (f"{kind}/{number:05d}.arrow:{most}", f"{path}:{most}"):
        out = told(folder, capsys, query)
        assert [f"id {name}" for name in ids] == [line for line in out.splitlines() if line.startswith("id ")]
        assert len(ids) == out.count("01-curate, shard") == out.count("02-exact_dedup, shard")
    with pytest.raises(UsageError, match="no row 9999"):
        explain.answer(run, f"{kind}/{number:05d}.arrow:9999")
    with pytest.raises(UsageError, match=r"no such packed shard.*holds"):
        explain.answer(run, "train/09999.arrow:0")
    with pytest.raises(OutputError, match="no record of this run has this id or URL"):
        explain.answer(run, "https://site.example/train/00000.arrow:0")


def test_a_run_that_is_to_be_packed_again(folder, tmp_path, capsys):
    """What is kept says that it waits; what was dropped does not."""
    shutil.copytree(folder / "out", tmp_path / "out")
    manifest = tmp_path / "out" / "small" / "03-tokenize" / "manifest.json"
    assert "train" in json.loads(manifest.read_text())["totals"]
    manifest.unlink()
    run = outputs.find(str(tmp_path / "out"))
    kept, dropped = _one(run, gone=False), _one(run, gone=True)
    assert "03-tokenize: not finished; run the recipe again" in told(tmp_path, capsys, kept)
    assert "03-tokenize" not in told(tmp_path, capsys, dropped)
    with pytest.raises(OutputError, match="expected a finished stage that packed tokens, found 01-curate"):
        explain.answer(run, "train/00000.arrow:0")


def _one(run, *, gone):
    """The id of a document that was dropped, or kept, by the stage that is packed."""
    before = run.stages[1]
    rows = [row for entry in before.manifest["shards"] for row in before.ledger(entry["shard"]).to_pylist()]
    return next(row["id"] for row in rows if (row["reason"] is not None) == gone)


def test_dialects_and_values_next_to_their_bounds(tmp_path, capsys):
    """The table and JSON say how a step reads its rules; a value beyond its bound does not read like the bound."""
    texts.write(tmp_path / "texts", [{"id": "d", "text": "hello 12 34 " * 20}], 1)
    steps = "{use: gopher_quality, dialect: datatrove, alphabetic_words: [null, 0.333333]}\n{use: exact_dedup}"
    texts.run(tmp_path / "texts", tmp_path / "out", steps)
    found = told(tmp_path, capsys, "d")
    (line,) = [line.split() for line in found.splitlines() if " alphabetic_words " in line]
    assert ["gopher_quality", "(datatrove)", "alphabetic_words", "0.3333333", "[null,", "0.333333]"] == line[:6]
    assert 0 == cli.main(["explain", str(tmp_path / "out"), "d", "--json"])
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert [{"gopher_quality": "datatrove"}] == [stage["dialects"] for stage in stages]
