"""Training a tokenizer on a run and on texts: the same bytes everywhere, the sample as asked, errors before work."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tokenizers

from corpusmill import cli, local
from corpusmill.errors import OutputError, RecipeError, UsageError
from corpusmill.pipelines import engine
from corpusmill.recipe import Recipe
from corpusmill.report import outputs
from corpusmill.tokenizer_training import Ask, train_on_run, train_on_texts
from tests.runs import Silent, shuffled
from tests.stages import texts
from tests.stages.test_near import documents

SOURCES = ("web", "web", "web", "wiki", "books")
STEPS = "{use: exact_dedup}"


def mixed(count=200):
    """Documents of three sources and two languages; books are few."""
    for number, document in enumerate(documents(count)):
        source = "books" if number % 40 == 0 else SOURCES[number % 4]
        yield {**document, "source": source, "language": ("en", "de")[number % 2]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return texts.write(tmp_path_factory.mktemp("sampled") / "texts", mixed())


@pytest.fixture(scope="module")
def done(folder):
    """A finished run."""
    texts.run(folder, folder.parent / "out", STEPS)
    return outputs.find(str(folder.parent / "out"))


def ask(path, **more):
    return Ask(**{"out": str(path), "vocabulary_size": 400, "sample_bytes": 40_000, **more})


def train(run, asked, execute=None, progress=None):
    return train_on_run(asked, run.root, run.recipe, execute or local.executor(), progress or Silent())


def made(asked):
    """The bytes of both files."""
    return Path(asked.out).read_bytes(), Path(asked.report).read_bytes()


def sizes(run):
    """Bytes of text of each document by source."""
    found = defaultdict(dict)
    for path in sorted(Path(run.stages[-1].path, "documents").iterdir()):
        for row in pq.read_table(path).to_pylist():
            found[row["source"]][row["id"]] = len(row["text"].encode())
    return found


def test_the_same_bytes_everywhere(folder, done, tmp_path, monkeypatch):
    """One worker or two, in order or not, Beam or not, and the same documents in other shards."""
    monkeypatch.setattr("corpusmill.stages.work.WORKER_BYTES", 1)
    asked = ask(tmp_path / "a.json", weights={"wiki": 2.0, "*": 1.0})
    train(done, asked)
    expected = made(asked)
    for name, execute in {"shuffled": shuffled, "beam": engine.executor(), "two": local.executor(2)}.items():
        other = ask(tmp_path / f"{name}.json", weights=asked.weights)
        train(done, other, execute)
        assert expected == made(other), name
    turned = texts.write(tmp_path / "turned", list(mixed())[::-1], 2)
    texts.run(turned, tmp_path / "out", STEPS)
    other = ask(tmp_path / "turned.json", weights=asked.weights)
    train(outputs.find(str(tmp_path / "out")), other)
    assert expected == made(other)


def test_the_sample_is_as_asked(done, tmp_path):
    """Within one document of each source's part; what is measured beside it is not in it."""
    asked = ask(tmp_path / "a.json", weights={"wiki": 2.0, "web": 1.0, "books": 1.0})
    report = train(done, asked)
    there = sizes(done)
    books = sum(there["books"].values())
    assert 40_000 / 4 > books  # too little: the rest is divided two to one
    rest = 40_000 - books
    expected = {"books": books, "wiki": rest * 2 // 3, "web": rest // 3}
    assert expected == {source: one["asked_bytes"] for source, one in report["sources"].items()}
    for source, one in report["sources"].items():
        assert one["asked_bytes"] - max(there[source].values()) < one["bytes"] <= one["asked_bytes"]
        assert (sum(there[source].values()), len(there[source])) == (one["available_bytes"], one["available_documents"])
        assert one["bytes"] == report["sample"]["source"][source]["bytes"]
    drawn = [pq.read_table(path) for path in sorted((tmp_path / "a.json.sample/02-sample/documents").iterdir())]
    rows = [row for table in drawn for row in table.to_pylist()]
    assert len(rows) == len({row["id"] for row in rows}) < sum(map(len, there.values()))
    inside = [row for row in rows if row["place"] < report["sources"][row["source"]]["cut"]]
    assert report["sample"]["total"]["bytes"] == sum(len(row["text"]) for row in inside) <= 40_000
    counts = Counter(row["language"] for row in inside)
    assert counts == {name: one["documents"] for name, one in report["sample"]["language"].items()}
    held = report["held_out"]["source"]
    assert {"web", "wiki"} == set(held)  # of books nothing is left over
    assert all(
        one["documents"] + report["sample"]["source"][s]["documents"] <= len(there[s]) for s, one in held.items()
    )
    library = tokenizers.Tokenizer.from_file(asked.out)
    encoded = [library.encode(row["text"], add_special_tokens=False) for row in inside]
    assert report["sample"]["total"]["tokens"] == sum(len(one.ids) for one in encoded)
    assert report["sample"]["total"]["words"] == sum(len(row["text"].split()) for row in inside)
    used = {number for one in encoded for number in one.ids}
    merged = {number for token, number in library.get_vocab().items() if len(token) > 1 and token != "<|endoftext|>"}
    assert report["vocabulary"]["unused"] == len(merged - used)


def test_a_larger_sample_holds_a_smaller_one(done, tmp_path):
    """With unchanged shares; the counting is not done again, and neither is what is there."""
    small, large = ask(tmp_path / "a.json"), ask(tmp_path / "a.json", sample_bytes=60_000, overwrite=True)
    cuts = [{s: one["cut"] for s, one in train(done, asked)["sources"].items()} for asked in (small, large)]
    assert all(cuts[0][source] < cuts[1][source] for source in cuts[0])
    progress = Silent()
    train(done, large, progress=progress)
    assert [("01-bytes", 3, 3), ("02-sample", 3, 3)] == progress.begun


def test_killed_between_and_within_phases(done, tmp_path):
    """The same command goes on from what is committed, to the same bytes."""
    asked = ask(tmp_path / "whole.json")
    train(done, asked)
    for phase, last in (("01-bytes", 1), ("02-sample", 0), ("02-sample", 2)):
        other = ask(tmp_path / f"of-{phase}-{last}.json")

        def execute(work, tasks, phase=phase, last=last):
            cut = work.layout.title == phase
            local.executor()(work, tasks[:last] if cut else tasks)
            if cut:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            train(done, other, execute)
        assert not (tmp_path / f"of-{phase}-{last}.json").exists()
        progress = Silent()
        train(done, other, progress=progress)
        assert (phase, 3, last) in progress.begun
        assert made(asked) == made(other)


def test_another_tokenizer_is_not_written_over(done, tmp_path):
    """Other terms are told before anything is sampled, other documents before anything is written; equal bytes pass."""
    asked, sampled = ask(tmp_path / "a.json"), Silent()
    train(done, asked)
    before = made(asked)
    for more in ({"vocabulary_size": 401}, {"min_frequency": 3}, {"longest_token": 4}, {"weights": {"*": 1.0}}):
        with pytest.raises(OutputError, match=r"a\.json: exists already, trained on other terms .*or --overwrite"):
            train(done, ask(tmp_path / "a.json", **more), progress=sampled)
    assert [] == sampled.begun
    train(done, asked)
    other = texts.write(tmp_path / "other", list(mixed(150)), 1)
    texts.run(other, tmp_path / "out", STEPS)
    fewer = outputs.find(str(tmp_path / "out"))
    with pytest.raises(OutputError, match=r"a\.report\.json: exists already, trained on other documents; give another"):
        train(fewer, asked)
    assert before == made(asked)
    train(fewer, ask(tmp_path / "a.json", overwrite=True))
    assert before[0] != made(asked)[0]
    Path(asked.report).unlink()
    with pytest.raises(OutputError, match=r"a\.json: exists already, and no report beside it tells"):
        train(done, asked)
    Path(asked.out).unlink()
    train(done, asked)
    assert before == made(asked)


def test_a_folder_where_the_tokenizer_is_to_go(done, tmp_path):
    """It is told at once, and leaves no sample."""
    (tmp_path / "there").mkdir()
    for out in (tmp_path / "there", f"{tmp_path}/new/"):
        with pytest.raises(UsageError, match=r"--out: found the folder .*; expected .* as in .*/tokenizer\.json"):
            train(done, ask(out))
    assert ["there"] == [path.name for path in tmp_path.iterdir()]


def test_nothing_left_over(done, tmp_path):
    """A sample of everything is measured on itself, and says so."""
    assert train(done, ask(tmp_path / "a.json", sample_bytes=10**9))["held_out"] is None


def test_texts_are_sources_by_name(folder, tmp_path):
    """The same figures for files as for documents; files of one name are told apart by their folders."""
    files = [str(path) for path in sorted(folder.glob("*.jsonl"))]
    other = texts.write(tmp_path / "other", documents(40, seed=2), 1) / "part-0.jsonl"
    asked = ask(tmp_path / "a.json", weights={"part-1.jsonl": 3.0, "*": 1.0})
    report = train_on_texts(asked, [*files, str(other)], local.executor(), Silent())
    assert {files[0], "part-1.jsonl", "part-2.jsonl", str(other)} == set(report["sources"])
    assert 20_000 == report["sources"]["part-1.jsonl"]["asked_bytes"]
    assert report["held_out"]["total"]["documents"]
    assert 400 == tokenizers.Tokenizer.from_file(asked.out).get_vocab_size()


def test_texts_keep_their_languages(tmp_path):
    """From JSON Lines and Parquet; what names none, or nothing that is a string, is `unknown`."""
    rows = [{"text": f"the house {n} by the river", "language": "en" if n % 2 else None} for n in range(20)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "b.jsonl").write_text('{"text": "das Haus", "language": "de"}\n{"text": "x", "language": ["de"]}\n')
    (tmp_path / "c.txt").write_text("a line\n")
    report = train_on_texts(
        ask(tmp_path / "a.json"), [str(path) for path in tmp_path.iterdir()], local.executor(), Silent()
    )
    languages = {name: one["documents"] for name, one in report["sample"]["language"].items()}
    assert {"en": 10, "de": 1, "unknown": 12} == languages


def test_documents_without_a_source_have_the_name_that_mixtures_give_them(tmp_path):
    """`unknown`, so that one word is weighed here and there."""
    texts.run(texts.write(tmp_path / "texts", documents(40), 1), tmp_path / "out", STEPS)
    run = outputs.find(str(tmp_path / "out"))
    path = Path(run.stages[-1].path, "documents/00000.parquet")
    table = pq.read_table(path)
    at = table.schema.get_field_index("source")
    pq.write_table(table.set_column(at, table.schema.field(at), pa.nulls(len(table), pa.string())), path)
    report = train(run, ask(tmp_path / "a.json", weights={"unknown": 1.0}))
    assert {"unknown"} == set(report["sources"]) == set(report["sample"]["language"])


def test_a_run_that_packs_or_whose_documents_are_gone(folder, done, tmp_path):
    """Documents before the packing step serve; none are there once they were removed."""
    asked = ask(tmp_path / "first.json")
    train(done, asked)
    packing = f"{STEPS}\n{{use: tokenize, tokenizer: {asked.out}, sequence_length: 64}}"
    texts.run(folder, tmp_path / "packed", packing)
    again = ask(tmp_path / "again.json")
    train(outputs.find(str(tmp_path / "packed")), again)
    assert made(asked) == made(again)
    texts.run(folder, tmp_path / "pruned", packing, "keep_intermediate=false")
    with pytest.raises(OutputError, match=r"02-exact_dedup: its documents were removed .*keep_intermediate"):
        train(outputs.find(str(tmp_path / "pruned")), ask(tmp_path / "b.json"))
    (tmp_path / "packed/small/02-exact_dedup/manifest.json").unlink()
    with pytest.raises(OutputError, match="02-exact_dedup is not finished; run the recipe again"):
        train(outputs.find(str(tmp_path / "packed")), ask(tmp_path / "b.json"))
    assert not (tmp_path / "b.json.sample").exists()


@pytest.mark.parametrize(
    ("more", "kind", "message"),
    [
        ({"vocabulary_size": 200}, RecipeError, "vocabulary_size: found 200, expected at least 257"),
        ({"pattern": "gpt5"}, RecipeError, "pattern: found 'gpt5', expected one of"),
        ({"special_tokens": ("<a>", "<a>")}, RecipeError, "special_tokens: found '<a>'"),
        ({"sample_bytes": 0}, UsageError, "--sample-mb: found 0"),
    ],
)
def test_what_cannot_be_trained_is_told_before_anything_is_read(tmp_path, more, kind, message):
    """Neither the run nor the folder of the sample is looked at."""
    with pytest.raises(kind, match=message):
        train_on_run(ask(tmp_path / "a.json", **more), "nowhere", Recipe, local.executor(), Silent())
    assert [] == list(tmp_path.iterdir())


def test_a_sample_of_no_document(done, tmp_path):
    """A bound below the first document leaves nothing to train on."""
    with pytest.raises(UsageError, match="no document is so small that it fits"):
        train(done, ask(tmp_path / "a.json", sample_bytes=20))


def test_the_command(done, tmp_path, capsys):
    """Tables on the screen; special tokens take the first ids; mistakes end with code 2."""
    out = tmp_path / "tokenizer.json"
    given = ["tokenizer", "train", "--out", str(out), "--runner", "local", "--vocabulary-size", "300"]
    flags = ["--run", done.root, "--sample-mb", "0.03", "--weights", "web=1,wiki=1,books=0", "--special-token", "<s>"]
    assert 0 == cli.main([*given, *flags, "--special-token", "</s>"])
    told = capsys.readouterr().out
    assert "held out" in told
    assert "use: tokenize" in told
    made = tokenizers.Tokenizer.from_file(str(out))
    assert [0, 1, None] == [made.token_to_id(token) for token in ("<s>", "</s>", "<|endoftext|>")]
    report = json.loads((tmp_path / "tokenizer.report.json").read_text())
    assert 0 == report["sources"]["books"]["bytes"] == report["sources"]["books"]["cut"]
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"text": "fine"}\n{"text": "\\ud800"}\n')
    assert 2 == cli.main([*given, "--run", done.root])
    assert "exists already, trained on other terms" in capsys.readouterr().err
    flags = ["--min-frequency", "1000", "--longest-token", "2", "--overwrite", "--quiet"]
    assert 0 == cli.main([*given, "--run", done.root, *flags])
    assert "" == capsys.readouterr().err
    vocabulary = tokenizers.Tokenizer.from_file(str(out)).get_vocab()
    assert 256 + 1 < len(vocabulary) < 300
    assert 2 == max(map(len, set(vocabulary) - {"<|endoftext|>"}))
    capsys.readouterr()
    given[3] = str(tmp_path / "other.json")
    for more, message in (
        (["--texts", str(empty)], "found no text"),
        (["--texts", str(bad)], "bad.jsonl: text 2 is not Unicode"),
        (["--texts", str(tmp_path / "none.txt")], "none.txt: no such file"),
        (["--run", str(tmp_path / "none")], "no such folder"),
        (["--run", done.root, "--weights", "web=1"], "no weight for books, wiki"),
        (["--run", done.root, "--runner", "Nothing"], "no such runner"),
    ):
        assert 2 == cli.main([*given, *more])
        assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        cli.main([*given, "--run", done.root, "--sample-mb", "nan"])
    assert "expected megabytes above 0, found 'nan'" in capsys.readouterr().err
