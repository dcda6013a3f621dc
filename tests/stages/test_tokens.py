"""Tokens through whole runs: nothing lost, traced back to documents, the same bytes everywhere."""

import base64
import json
import shutil

import pyarrow.parquet as pq
import pytest
import tokenizers

from corpusmill import cli
from corpusmill.errors import OutputError, RecipeError, ResourceError, RunError
from corpusmill.pipelines import engine
from corpusmill.storage.packed import Shard
from corpusmill.storage.unpack import documents as unpacked
from corpusmill.tokenize.tokenizer import load
from corpusmill.tokenize.training import train
from tests import runs
from tests.stages import texts
from tests.stages.test_near import documents

TEXT = "the house by the river had a garden and a letter came with music in the winter light of the window"


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "small.json"
    found = train([TEXT, *(d["text"] for d in documents(30))], vocabulary_size=600)
    path.write_text(found.to_str())
    return path


@pytest.fixture
def folder(tmp_path):
    return texts.write(tmp_path / "texts", documents(60))


def step(tokenizer, more=""):
    return f"{{use: tokenize, tokenizer: {tokenizer}, sequence_length: 128{more}}}"


@pytest.mark.parametrize("strategy", ["best_fit", "concat", "pad"])
def test_no_token_is_lost(folder, tokenizer, tmp_path, strategy):
    """Each document can be had back from the rows, as `tokenizers` encodes it, and is where its lineage says."""
    curated, result = texts.run(folder, tmp_path / "out", step(tokenizer, f", strategy: {strategy}"))
    library = tokenizers.Tokenizer.from_file(str(tokenizer))
    eos = library.token_to_id("<|endoftext|>")
    shard = Shard(result.layout.file("train", 0))
    found = {
        (int(at), int(row)): part.ids[a:b].tolist()
        for part in unpacked(shard)
        for at, row, a, b in zip(part.shards, part.rows, part.offsets, part.offsets[1:], strict=False)
    }
    expected = {}
    for entry in curated.manifest.shards:
        rows = pq.read_table(curated.layout.documents(entry["shard"]))["text"].to_pylist()
        for row, text in enumerate(rows):
            expected[entry["shard"], row] = library.encode(text, add_special_tokens=False).ids
    assert {address: [*ids, eos] for address, ids in expected.items()} == found
    assert load(f"{result.layout.folder}/tokenizer.json").digest == shard.header.tokenizer
    tallies = result.report.tallies
    total = sum(len(ids) + 1 for ids in expected.values())
    assert total == tallies["tokenize.train.tokens"] == tallies["tokenize.source.test"]
    assert (60, 60) == (result.report.records, result.report.kept)
    assert tallies["tokenize.train.rows"] * 128 == total + tallies["tokenize.train.padding"] == shard.tokens.size


def test_validation_is_held_out_by_id(folder, tokenizer, tmp_path):
    """The same documents, whatever shards they lie in; none is in both."""
    more = ", validation: 0.3"
    _, one = texts.run(folder, tmp_path / "a", step(tokenizer, more))
    other = texts.write(tmp_path / "other", documents(60)[::-1], 2)
    _, two = texts.run(other, tmp_path / "b", step(tokenizer, more))
    assert one.report.tallies["tokenize.validation.documents"] == two.report.tallies["tokenize.validation.documents"]
    assert one.report.tallies["tokenize.validation.tokens"] == two.report.tallies["tokenize.validation.tokens"]
    parts = [one.report.tallies[f"tokenize.{kind}.documents"] for kind in ("train", "validation")]
    assert 60 == sum(parts)
    assert all(parts)


def test_validation_of_sources_that_are_not_there(tokenizer, tmp_path):
    """Refused before anything is encoded, with the sources that there are."""
    found = [d | {"source": "wiki"} if n % 3 else d for n, d in enumerate(documents(60))]
    folder, out = texts.write(tmp_path / "texts", found), tmp_path / "out"

    def run(shares):
        return texts.run(folder, out, step(tokenizer, f", validation: {{{shares}}}"))[-1]

    for _ in range(2):  # in a new output, and in one that has the documents
        with pytest.raises(RecipeError) as caught:
            run("wkii: 0.1, web: 0.0, '*': 0.2, test: 0.3")
        web = "validation: web: no such source; found test, wiki"
        assert f"{web}\nvalidation: wkii: no such source; found test, wiki; did you mean 'wiki'?" == str(caught.value)
        assert not (out / "small/02-tokenize").exists()
    held = [run(shares).report.tallies["tokenize.validation.documents"] for shares in ("'*': 0.5", "test: 0.5")]
    assert 20 > held[1] > 0
    assert held[0] > held[1]
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(RecipeError, match=r"validation: web: no such source; found test, wiki$"):
        run("web: 0.5")
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}


def test_nothing_is_left_to_train_on(folder, tokenizer, tmp_path, capsys):
    """A share of 1 for all is refused; a corpus that is held out by source is told without a model that it suits."""
    for shares in ("1.0", "{'*': 1, test: 1.0}"):
        with pytest.raises(RecipeError, match=r"validation: found 1 for all documents; expected below 1"):
            texts.planned(folder, tmp_path / "o", step(tokenizer, f", validation: {shares}"))
    texts.planned(folder, tmp_path / "o", step(tokenizer, ", validation: {'*': 1, test: 0.5}"))
    path = tmp_path / "small.yaml"
    steps = f"  - {step(tokenizer, ', validation: {test: 1.0}')}"
    path.write_text(texts.RECIPE.format(folder=folder, out=tmp_path / "out", steps=steps))
    assert 0 == cli.main(["run", str(path), "--runner", "local"])
    told = capsys.readouterr().out
    assert f"shards   {tmp_path}/out/small/02-tokenize/validation\n" in told
    assert "suits a model" not in told


def test_speed_is_of_the_documents_as_stored(folder, tokenizer, tmp_path):
    """What packing goes through is told once, however the shards are grouped or repeated."""
    mixture = ", shard_mb: 0.002, mixture: {test: {weight: 1, epochs: 3}}"
    for name, more in {"plain": "", "small": ", shard_mb: 0.002", "mixed": mixture}.items():
        curated, result = texts.run(folder, tmp_path / name, step(tokenizer, more))
        stored = [entry["files"]["documents"]["bytes"] for entry in curated.manifest.shards]
        assert sum(stored) == result.report.bytes_read
        assert bool(more) == (len(result.manifest.shards) > 1)


@pytest.mark.parametrize("execute", [runs.shuffled, engine.executor()], ids=["shuffled", "beam"])
def test_the_same_bytes_on_every_engine(folder, tokenizer, tmp_path, execute):
    """Order and engine leave no trace."""
    more = ", shard_mb: 0.002, validation: 0.1"
    texts.run(folder, tmp_path / "a", step(tokenizer, more))
    texts.run(folder, tmp_path / "b", step(tokenizer, more), execute=execute)
    assert [] == runs.same(tmp_path / "a", tmp_path / "b")
    assert len(list((tmp_path / "b/small/02-tokenize/train").iterdir())) > 1


def test_shards_open_in_datasets(folder, tokenizer, tmp_path):
    """`load_dataset("arrow", data_files=…)` gives the rows."""
    datasets = pytest.importorskip("datasets", reason="needs corpusmill[hub]")
    _, result = texts.run(folder, tmp_path / "out", step(tokenizer))
    path = result.layout.file("train", 0)
    found = datasets.load_dataset("arrow", data_files=path, split="train", cache_dir=str(tmp_path / "cache"))
    shard = Shard(path)
    assert len(shard) == len(found)
    assert shard.row(0).tolist() == found[0]["input_ids"]


def test_a_takedown_takes_the_packed_shards_along(folder, tokenizer, tmp_path, capsys):
    """They are made anew by the next run, without the document."""
    out = tmp_path / "out"
    before = texts.run(folder, out, f"{{use: near_dedup}}\n{step(tokenizer)}")[-1]
    kept = texts.ids(texts.run(folder, out, f"{{use: near_dedup}}\n{step(tokenizer)}")[1])
    (tmp_path / "ids.txt").write_text(kept[0] + "\n")
    assert 0 == cli.main(["remove", str(out / "small"), str(tmp_path / "ids.txt")])
    assert not list((out / "small/03-tokenize").rglob("*.arrow"))
    after = texts.run(folder, out, f"{{use: near_dedup}}\n{step(tokenizer)}")[-1]
    assert before.report.records - 1 == after.report.records


def test_mistakes(folder, tokenizer, tmp_path):
    """Before anything runs: what is wrong, and what there is."""
    with pytest.raises(RecipeError, match="after tokenize there are no documents"):
        texts.planned(folder, tmp_path / "o", f"{step(tokenizer)}\n{{use: near_dedup}}")
    with pytest.raises(ResourceError, match=r"nowhere\.json"):
        texts.planned(folder, tmp_path / "o", step("nowhere.json"))
    with pytest.raises(RecipeError, match=r"no special token '<end>'; it has: <\|endoftext\|>"):
        texts.planned(folder, tmp_path / "o", step(tokenizer, ", end_of_text: <end>"))
    with pytest.raises(RecipeError, match=r"did you mean '<\|endoftext\|>'\?"):
        texts.planned(folder, tmp_path / "o", step(tokenizer, ", end_of_text: '<|endoftxt|>'"))
    with pytest.raises(RecipeError, match="sequence_length: found 1; expected at least 2"):
        texts.planned(folder, tmp_path / "o", step(tokenizer).replace("128", "1"))


def test_a_vocabulary_that_fits_no_type(folder, tmp_path):
    """Told when the run is planned, with nothing written; not by a worker."""
    made = {**{bytes([byte]): byte for byte in range(256)}, b"ab": 2**31 - 1}
    lines = b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in made.items())
    (tmp_path / "wide.tiktoken").write_bytes(lines)
    there = step(tmp_path / "wide.tiktoken", ", pattern: gpt2, special_tokens: {'<|endoftext|>': %d}")
    texts.planned(folder, tmp_path / "o", there % (2**32 - 1))
    with pytest.raises(
        RecipeError, match=r"wide\.tiktoken: a vocabulary of 4294967297 ids; expected between 1 and 429"
    ):
        texts.planned(folder, tmp_path / "o", there % 2**32)
    assert not (tmp_path / "o").exists()


def test_tokens_of_another_tokenizer_are_not_overwritten(folder, tokenizer, tmp_path):
    """A tokenizer that was replaced is refused with both digests; without the old tokens the run goes on."""
    own = tmp_path / "own.json"
    own.write_bytes(tokenizer.read_bytes())
    out = tmp_path / "out"
    old = texts.run(folder, out, step(own))[-1]
    texts.run(folder, out, step(tokenizer))  # another file, the same tokenizer
    own.write_text(train([TEXT, *(d["text"] for d in documents(30))], vocabulary_size=500).to_str())
    digest = Shard(old.layout.file("train", 0)).header.tokenizer
    texts.run(folder, out, step(tokenizer))
    texts.planned(folder, out, step(tokenizer))
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(OutputError) as caught:
        texts.run(folder, out, step(own))
    now = load(str(own)).digest
    assert f"02-tokenize: holds tokens of the tokenizer {digest[:16]}, but {own} is {now[:16]};" in str(caught.value)
    assert before == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    shutil.rmtree(out / "small/02-tokenize/01-ids")  # what was packed tells it as well
    with pytest.raises(OutputError, match="holds tokens of the tokenizer"):
        texts.planned(folder, out, step(own))
    shutil.rmtree(out / "small/02-tokenize")
    texts.run(folder, out, step(own))
    assert now == Shard(old.layout.file("train", 0)).header.tokenizer


def test_nothing_to_encode(folder, tokenizer, tmp_path):
    """The step that left nothing is named, with its reasons; no packed shard is there."""
    out = tmp_path / "a"
    with pytest.raises(RunError) as caught:
        texts.run(folder, out, f"{{use: gopher_quality, words: [1000, null]}}\n{step(tokenizer)}")
    assert "02-tokenize: there are no documents to encode; the step 'gopher_quality' of 01-curate" in str(caught.value)
    assert "60 came in, none came out; gopher_quality.words<1000: 60" in str(caught.value)
    assert not (out / "small/02-tokenize").exists()
    nothing = texts.write(tmp_path / "none", [])
    with pytest.raises(RunError, match=r"02-tokenize: there are no documents to encode; the step 'read' of 01-curate"):
        texts.run(nothing, tmp_path / "b", step(tokenizer))
    blank = texts.write(tmp_path / "blank", [{"id": f"d{n}", "text": " "} for n in range(9)])
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    words.add_special_tokens(["<|endoftext|>"])
    words.save(str(tmp_path / "words.json"))
    with pytest.raises(RunError, match="02-tokenize: not one token: tokenize gives no text an id"):
        texts.run(blank, tmp_path / "c", step(tmp_path / "words.json", ", shard_mb: 0.000001"))
    assert not list((tmp_path / "c/small/02-tokenize").rglob("train/*"))


@pytest.mark.parametrize("strategy", ["best_fit", "concat", "pad"])
def test_a_document_longer_than_a_shard(tokenizer, tmp_path, strategy):
    """One of 100 rows where a shard is to have a few: a shard of its own, whole, between small neighbours."""
    long = {"id": "long", "text": TEXT * 600}
    folder = texts.write(tmp_path / "texts", [*documents(4), long, *documents(6)[4:]], 7)
    _, result = texts.run(folder, tmp_path / "out", step(tokenizer, f", strategy: {strategy}, shard_mb: 0.001"))
    expected = len(tokenizers.Tokenizer.from_file(str(tokenizer)).encode(long["text"]).ids) + 1
    assert expected > 100 * 128
    found = [
        int(size)
        for entry in result.manifest.shards
        for part in unpacked(Shard(result.layout.file("train", entry["shard"])))
        for size in part.offsets[1:] - part.offsets[:-1]
    ]
    assert (7, expected) == (len(found), max(found))
    assert len(result.manifest.shards) > 2


def test_a_tokenizer_is_trained_on_the_command_line(tmp_path, capsys):
    """Equal texts give equal files; ids are as many as were asked for, if the texts have them."""
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"text": d["text"]}) + "\n" for d in documents(20)))
    for name in ("a.json", "b.json"):
        arguments = ["--texts", str(path), "--out", str(tmp_path / name), "--vocabulary-size", "400"]
        assert 0 == cli.main(["tokenizer", "train", *arguments])
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert 400 == tokenizers.Tokenizer.from_file(str(tmp_path / "a.json")).get_vocab_size()
    assert "use: tokenize" in capsys.readouterr().out
