"""Which documents lie in a packed row: the lineage of the row leads to their ledger rows, in every kind of stage."""

import json
import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest
import tokenizers

from corpusmill import cli, drive, local, plan, recipe
from corpusmill.documents import Address
from corpusmill.errors import OutputError, ResourceError, UsageError
from corpusmill.report import outputs, trace
from corpusmill.report.traced import texts as texts_of
from corpusmill.storage.packed import Shard
from corpusmill.tokenize.training import train
from tests import crawl, runs

STEPS = """
  - {{use: exact_dedup}}
  - {{use: near_dedup}}
  - {{use: line_dedup}}
  - {{use: paragraph_dedup}}
  - {{use: redact}}
  - {{use: tokenize, tokenizer: {tokenizer}, sequence_length: 128, validation: 0.2, shard_mb: 0.02}}
"""


def make(folder, out="out", *settings):
    """A run over pages, some of them too short, broken, alike or equal, through every kind of stage."""
    text = crawl.recipe(folder / "crawl", folder / out).replace("0.004", "0.02").replace("\noutput:", "{steps}output:")
    text = text.format(steps=STEPS.format(tokenizer=folder / "small.json"))
    (folder / f"{out}.yaml").write_text(text)
    return drive.run(plan.make(recipe.parse(text, "small.yaml", settings)), local.executor(), runs.Silent())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run; the tests that change it copy it."""
    folder = tmp_path_factory.mktemp("traced")
    crawl.crawl(folder / "crawl", pages=30)
    same = [crawl.response(f"https://copy.example/{n}", crawl.page(n // 2 + 1), 5000 + n) for n in range(6)]
    near = [crawl.response(f"https://near.example/{n}", crawl.page(n + 1, 33), 6000 + n) for n in range(3)]
    crawl.write(folder / "crawl" / "crawl-9.warc.gz", [*same, *near])
    found = train([crawl.prose(seed) for seed in range(20)], vocabulary_size=400)
    (folder / "small.json").write_text(found.to_str())
    make(folder)
    return folder


@pytest.fixture
def run(folder):
    """The finished run."""
    return outputs.find(str(folder / "out"))


def all_rows(run):
    """Every packed shard with all its rows."""
    return [(path, np.arange(len(Shard(path)))) for _, _, path in trace.Packed.of(run).files()]


def largest(run):
    """The packed shard with the most rows."""
    return max(all_rows(run), key=lambda item: len(item[1]))


def test_a_documents_ledger_row_is_known_by_its_address(run):
    """The n-th ledger row without a reason is the n-th document, in each stage; some stage lost some."""
    lost = 0
    for stage in run.stages[:-1]:
        for entry in stage.manifest["shards"]:
            documents = pq.read_table(f"{stage.path}/documents/{entry['shard']:05d}.parquet")
            rows = np.arange(documents.num_rows)
            kept = stage.kept(entry["shard"], rows, ["id", "offset"])
            assert documents["id"].to_pylist() == kept["id"].to_pylist()
            assert documents["offset"].to_pylist() == kept["offset"].to_pylist()
            assert stage.documents(entry["shard"], rows[1::2], ["id"])["id"].to_pylist() == kept["id"].to_pylist()[1::2]
            lost += entry["files"]["ledger"]["rows"] - len(rows)
            with pytest.raises(OutputError, match="expected a document of row"):
                stage.kept(entry["shard"], np.array([len(rows)]), ["id"])
    assert lost > 20


def test_every_token_is_traced_to_its_document(run, folder):
    """The ranges of each row follow one another, and their texts are those of the documents."""
    library = tokenizers.Tokenizer.from_file(str(folder / "small.json"))
    eos = library.token_to_id("<|endoftext|>")
    found, before = list(trace.documents_of(run, all_rows(run))), trace.Packed.of(run).before
    assert sorted(found, key=lambda s: s.address) == found
    whole, ends = {}, {}
    for segment in sorted(found, key=lambda s: (s.path, s.row, s.tokens)):
        assert segment.tokens[0] == ends.get((segment.path, segment.row), 0)
        ends[segment.path, segment.row] = segment.tokens[1]
        ids = Shard(segment.path).row(segment.row)[slice(*segment.tokens)].tolist()
        assert len(ids) == segment.document_tokens[1] - segment.document_tokens[0]
        whole.setdefault(segment.address, []).append((segment.document_tokens[0], ids))
        assert "warc" == segment.source
    assert any(len(parts) > 1 for parts in whole.values())
    for entry in before.manifest["shards"]:
        texts = pq.read_table(f"{before.path}/documents/{entry['shard']:05d}.parquet")["text"].to_pylist()
        for row, text in enumerate(texts):
            parts = sorted(whole.pop(Address(entry["shard"], row)))
            assert [*library.encode(text, add_special_tokens=False).ids, eos] == [i for _, ids in parts for i in ids]
    assert not whole


def test_rows_and_columns_are_those_that_were_asked_for(run):
    """Rows in the order asked for, a row named twice once; only the columns that are needed are there."""
    path, rows = largest(run)
    assert len(rows) > 2
    found = trace.trace(run, path, [2, 0, 2])
    assert [2, 0] == list(dict.fromkeys(segment.row for segment in found))
    assert found[0].ledger["reason"] is None
    assert "redact.email" in found[0].ledger
    for block in [rows[::2], rows[:0]]:
        few = list(trace.documents_of(run, [(path, block)]))
        assert set(block.tolist()) == {segment.row for segment in few}
        assert all(list(trace.COLUMNS) == list(segment.ledger) for segment in few)
    for row in (-1, len(rows)):
        with pytest.raises(UsageError, match=f"no row {row}; it has {len(rows)}, counted from 0"):
            trace.trace(run, path, [row])


def test_places_are_the_inverse(run):
    """Where a document was packed, and what lies there, say the same."""
    expected = {}
    for segment in trace.documents_of(run, all_rows(run)):
        kind, name = segment.path.split("/")[-2:]
        place = trace.Place(kind, int(name[:5]), segment.row, segment.tokens, segment.document_tokens)
        expected.setdefault(segment.address, []).append(place)
    found = trace.places(run, list(expected))
    assert {
        key: sorted(value, key=lambda p: (p.kind, p.shard, p.document_tokens)) for key, value in expected.items()
    } == found
    assert {"train", "validation"} == {place.kind for there in found.values() for place in there}
    assert trace.places(run, [Address(10_000, 0)]) == {}


def test_without_documents_and_from_another_place(folder, tmp_path, run):
    """Pruned runs know all but the source; a shard that was moved is known by its bytes, and another's is refused."""
    make(folder, "pruned", "keep_intermediate=false")
    pruned = outputs.find(str(folder / "pruned"))
    assert not list((folder / "pruned").rglob("documents/*.parquet"))
    path, _ = largest(pruned)
    (here,), (there,) = (trace.trace(r, p, [0])[:1] for r, p in ((run, largest(run)[0]), (pruned, path)))
    assert here._replace(source=None, path=path) == there
    moved = tmp_path / "moved.arrow"
    shutil.copy(path, moved)
    assert there._replace(path=str(moved)) == trace.trace(pruned, str(moved), [0])[0]
    with pytest.raises(OutputError, match=r"no run at .*--run"):
        trace.run_of(str(moved))
    make(folder, "other", "steps.tokenize.seed='1'")
    with pytest.raises(OutputError, match=rf"packed with the key {Shard(path).header.recipe_key}, but .*other"):
        trace.trace(outputs.find(str(folder / "other")), str(moved), [0])
    whole = moved.read_bytes()
    at = whole.rindex(b"best_fit")  # in the header; the key stays
    moved.write_bytes(whole[:at] + b"best-fit" + whole[at + 8 :])
    with pytest.raises(OutputError, match=r"none of the shards that .*07-tokenize"):
        trace.trace(pruned, str(moved), [0])
    with pytest.raises(UsageError, match="no such packed shard"):
        trace.run_of(path[: -len("00000.arrow")] + "99999.arrow")


def test_what_was_made_anew_is_told(folder, tmp_path, capsys):
    """Ledgers that are younger than the packed shards say nothing of them."""
    shutil.copytree(folder / "out", tmp_path / "out")
    root = tmp_path / "out" / "small"
    manifest = next(root.glob("*-redact")) / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "key": "another"}))
    run = outputs.find(str(root))
    with pytest.raises(OutputError, match="packed before 06-redact was made anew; run the recipe again"):
        list(trace.documents_of(run, []))
    tables = [pq.read_table(path) for path in sorted(next(root.glob("*-redact")).glob("documents/*.parquet"))]
    query = next(url for table in tables for url in table["url"].to_pylist())
    assert 0 == cli.main(["explain", str(root), query])
    assert "07-tokenize: older than 06-redact; run the recipe again" in capsys.readouterr().out
    shutil.rmtree(root / "07-tokenize")
    with pytest.raises(OutputError, match="expected a finished stage that packed tokens, found 01-curate"):
        trace.Packed.of(outputs.find(str(root)))


def test_the_command(folder, run, capsys):
    """A table, a JSON object a line, and texts; the tokenizer must be the one that encoded."""
    path, _ = largest(run)
    segments = trace.trace(run, path, [0])
    assert 0 == cli.main(["trace", path, "0"])
    out = capsys.readouterr().out
    for segment in segments:
        assert segment.ledger["id"] in out
        assert f"{segment.tokens[0]}-{segment.tokens[1] - 1}" in out
    assert 0 == cli.main(["trace", path, "0", "--json", "--text", "--run", str(folder / "out")])
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [segment.ledger["url"] for segment in segments] == [one["ledger"]["url"] for one in told]
    assert 0 == cli.main(["trace", path, "0", "--text"])
    assert told[0]["text"].splitlines()[0] in capsys.readouterr().out
    assert 2 == cli.main(["trace", path, "100000"])
    assert "no row 100000" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main(["trace", path, "-1"])
    other = train(["another text " * 50], vocabulary_size=300).to_str()
    kept = (folder / "small.json").read_text()
    (folder / "small.json").write_text(other)
    beside = folder / "out" / "small" / "07-tokenize" / "tokenizer.json"
    assert told[0]["text"] == texts_of(run, path)(segments[0])  # by the tokenizer beside the packed shards
    its_own = beside.read_text()
    beside.write_text(other)
    with pytest.raises(ResourceError, match=r"small.json: digest .* was encoded with"):
        texts_of(run, path)
    beside.unlink()
    with pytest.raises(ResourceError, match=r"small.json: digest .* was encoded with"):
        texts_of(run, path)
    (folder / "small.json").write_text(kept)
    assert told[0]["text"] == texts_of(run, path)(segments[0])
    beside.write_text(its_own)
