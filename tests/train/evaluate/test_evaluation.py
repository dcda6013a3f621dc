"""The command `eval`: from a model on disk to tables, JSON and comparisons; and what it refuses."""

import json

import pytest
import torch

from corpusmill import cli, drive, local, plan, recipe
from corpusmill.train import export
from tests import runs
from tests.train import tiny
from tests.train.evaluate import toy

TEXTS = ["One day the miller said that the corpus was clean.", "Zwei Wörter, und noch eines.", "", "x = [1, 2]\n" * 3]
ITEMS = [
    {"query": f"{number} and one is", "choices": [str(number + 1), str(number + 2)], "gold": 0, "category": group}
    for number, group in enumerate("aabba")
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An export of the random model, packed texts, and evaluation files."""
    place = tmp_path_factory.mktemp("evaluation")
    toy.pack(place / "packed", TEXTS * 30, TEXTS * 4)
    model, eos = toy.evaluated().model, toy.small_tokenizer().special_tokens["<|endoftext|>"]
    export.save(model, str(place / "model"), tokenizer=str(place / "packed" / "tokenizer.json"), eos=eos)
    (place / "data").mkdir()
    (place / "data" / "sums.jsonl").write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    (place / "data" / "lambada.jsonl").write_text('{"text": "He ran to the mill"}\n{"text": "She read a book"}\n')
    return place


def evaluated(folder, *flags):
    """Run the command, and read its results."""
    out = folder / "out.json"
    assert 0 == cli.main(["eval", str(folder / "model"), "--out", str(out), *flags])
    return json.loads(out.read_text())


def test_tasks_and_packed_rows_at_once(folder, capsys):
    """All files of a folder, validation rows and n-grams: one table, one JSON, and items in a file beside it."""
    flags = ["--data", str(folder / "data"), "--shards", str(folder / "packed"), "--baselines", "--shots", "1"]
    found = evaluated(folder, *flags)
    told = capsys.readouterr().out
    assert "bits_per_byte.trigram" in told
    assert "sums@1" in told
    scores = {(row["task"], row["group"], row["metric"]): row for row in found["scores"]}
    assert {"validation", "sums@1", "lambada@1"} == set(found["tasks"])
    assert {"a", "b", ""} == {group for task, group, _ in scores if task == "sums@1"}
    assert 3 == scores["sums@1", "a", "acc"]["items"]
    # The validation texts were seen in training, so n-grams know them, and random weights know nothing.
    figures = [scores["validation", "", f"bits_per_byte{name}"]["value"] for name in (".trigram", ".unigram", "")]
    assert figures == sorted(figures)
    # The model of this test was never trained: it is an export of first weights.
    assert scores["validation", "", "bits_per_byte.untrained"]["value"] == pytest.approx(figures[-1], rel=0.2)
    assert (folder / "out.md").read_text().startswith("| task | of | metric |")
    lines = [json.loads(line) for line in (folder / "out.items.jsonl").read_text().splitlines()]
    assert 16 + 5 + 2 == len(lines)
    before = (folder / "out.json").read_bytes(), (folder / "out.items.jsonl").read_bytes()
    evaluated(folder, *flags)
    assert before == ((folder / "out.json").read_bytes(), (folder / "out.items.jsonl").read_bytes())


def test_results_lie_beside_the_model_and_are_compared(folder, capsys):
    """By default in `eval/` under the model's name; `--compare` pairs two files."""
    command = [
        "eval",
        str(folder / "model"),
        "--tasks",
        "sums",
        "--data",
        str(folder / "data"),
        "--limit",
        "4",
        "--quiet",
    ]
    assert 0 == cli.main(command)
    assert 0 == cli.main([*command, "--start", "--out", str(folder / "other.json")])
    first = folder / "model" / "eval" / "model.json"
    assert 4 == json.loads(first.read_text())["tasks"]["sums"]["asked"]
    assert "items\n" not in capsys.readouterr().err
    assert 0 == cli.main(["eval", "--compare", str(first), str(folder / "other.json")])
    told = capsys.readouterr().out
    assert "difference" in told
    assert 1 == sum(line.split()[:2] == ["sums", "bpb"] for line in told.splitlines())


RECIPE = """
name: small
input: {{format: jsonl, paths: ['{folder}/in.jsonl']}}
steps:
  - {{use: tokenize, tokenizer: {folder}/packed/tokenizer.json, sequence_length: {length}, validation: 0.4}}
output: {folder}/out{length}
"""


def test_a_run_is_measured_by_domain_and_compared_across_packings(folder, capsys):
    """Sources come from the run; documents are the same ones however they were packed."""
    lines = [
        {"id": f"d{n}", "text": f"{TEXTS[n % 2]} Number {n}.", "source": "web" if n % 3 else "books"} for n in range(30)
    ]
    (folder / "in.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for length in 96, 192:
        found = recipe.parse(RECIPE.format(folder=folder, length=length), "small.yaml", ())
        drive.run(plan.make(found), local.executor(), runs.Silent())
        out = str(folder / f"{length}.json")
        run = str(folder / f"out{length}" / "small")
        assert 0 == cli.main(["eval", str(folder / "model"), "--shards", run, "--out", out])
    scores = {row["group"]: row for row in json.loads((folder / "96.json").read_text())["scores"][::3]}
    assert {"", "source=web", "source=books"} == set(scores)
    assert scores[""]["items"] == scores["source=web"]["items"] + scores["source=books"]["items"]
    capsys.readouterr()
    assert 0 == cli.main(["eval", "--compare", str(folder / "96.json"), str(folder / "192.json")])
    (line,) = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("validation")]
    assert ("bits_per_byte", scores[""]["items"]) == (line[1], int(line[-1]))
    assert 0.0 == pytest.approx(float(line[4]), abs=1e-3)


def test_a_generation_task_writes(folder, tmp_path):
    """The model itself writes, through the cache, to the answer's stop."""
    pytest.importorskip("sacrebleu")
    pytest.importorskip("rouge_score")
    (tmp_path / "say.jsonl").write_text('{"prompt": "Say", "references": ["it"], "max_tokens": 5}\n')
    evaluated(folder, "--tasks", str(tmp_path / "say.jsonl"))
    (item,) = [json.loads(line) for line in (folder / "out.items.jsonl").read_text().splitlines()]
    assert "\n" not in item["written"]
    assert 0.0 == item["exact_match"]


def test_what_cannot_be_evaluated_is_told(folder, tmp_path, capsys):
    """Nothing asked for, another tokenizer, rows too long, no model, no tokenizer, half a command."""
    model = str(folder / "model")

    def fails(*arguments):
        assert 2 == cli.main(["eval", *arguments])
        return capsys.readouterr().err

    assert "nothing to evaluate: give --data" in fails(model)
    assert "found no model; expected the folder" in fails()
    assert "--shots: found -1" in fails(model, "--shots", "-1", "--data", str(folder / "data"))
    assert "no model here" in fails(str(tmp_path), "--data", str(folder / "data"))
    assert "needs --tasks, the harness's names" in fails(model, "--harness", "lm-eval", "--data", str(folder / "data"))
    other = str(tiny.shards(tmp_path / "bytes", rows=40, validation=40))
    assert "take shards of the model's tokenizer" in fails(model, "--shards", other)
    longer = toy.pack(tmp_path / "long", TEXTS, TEXTS, length=toy.LENGTH * 2)
    assert "rows of 384 tokens, and the model reads 192" in fails(model, "--shards", longer)
    assert "no such task; did you mean 'sums'" in fails(model, "--tasks", "sum", "--data", str(folder / "data"))
    bare = tmp_path / "bare"
    export.save(toy.evaluated().model, str(bare), eos=0)
    assert "the model has no tokenizer" in fails(str(bare), "--data", str(folder / "data"))


def test_a_full_gpu_is_told(folder, monkeypatch, capsys):
    """The message says what was tried and what may fit."""

    def full(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")

    monkeypatch.setattr("corpusmill.train.evaluate.model.Evaluated.losses", full)
    assert 1 == cli.main(["eval", str(folder / "model"), "--shards", str(folder / "packed"), "--batch", "8"])
    told = capsys.readouterr().err
    assert "out of memory with batches of up to 8 rows (CUDA out of memory); try --batch 2" in told
