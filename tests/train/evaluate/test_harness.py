"""The harness's own tasks on local files: its scores are ours."""

import gzip
import json
import re

import pytest

from corpusmill.errors import InputError, UsageError
from corpusmill.train.evaluate import answers, tasks
from tests.data import shared
from tests.train.evaluate import toy

COUNT = 12
# What lm-eval warns of as it is imported and run is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore")


def lines(name, count=COUNT):
    """The first lines of a file of llm-foundry."""
    path = shared(f"eval-llm-foundry/{name}")
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        return [json.loads(line) for line, _ in zip(file, range(count), strict=False)]


def published(tmp_path):
    """The same questions with the fields that the data sets are published with."""
    arc = [
        {"question": line["query"].removeprefix("Question: "), "answerKey": "ABCDE"[line["gold"]],
         "choices": {"text": line["choices"], "label": list("ABCDE"[: len(line["choices"])])}}
        for line in lines("arc_easy.jsonl.gz")
    ]  # fmt: skip
    piqa = [
        {"goal": line["query"].removeprefix("Question: ").rstrip("\n"), "sol1": line["choices"][0],
         "sol2": line["choices"][1], "label": line["gold"]}
        for line in lines("piqa.jsonl.gz")
    ]  # fmt: skip
    hellaswag = [
        {"activity_label": label, "ctx_a": re.sub(r"\S+$", "", rest).rstrip(), "ctx_b": rest.split()[-1].lower(),
         "endings": line["choices"], "label": str(line["gold"])}
        for line in lines("hellaswag_small.jsonl")
        for label, rest in [line["query"].split(": ", 1)]
    ]  # fmt: skip
    lambada = [{"text": f"{line['context']} {line['continuation']}"} for line in lines("lambada_openai.jsonl.gz")]
    schema = [
        {"sentence": f"{word} saw it because _ was {word}.", "option1": "the old fox", "option2": "a hen", "answer": n}
        for word, n in (("near", "1"), ("far", "2"), ("quick", "2"), ("blue", "1"))
    ]
    found = {"arc_easy": arc, "piqa": piqa, "hellaswag": hellaswag, "lambada_openai": lambada, "winogrande": schema}
    for name, records in found.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return list(found)


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Scores of the harness and ours, by task and metric, for 12 questions each."""
    pytest.importorskip("lm_eval")
    pytest.importorskip("datasets")
    from corpusmill.train.evaluate import harness

    folder = tmp_path_factory.mktemp("tasks")
    names = published(folder)
    theirs = harness.evaluate(toy.scorer(), names, str(folder), {})
    ours = [answers.answer(task, toy.scorer(), {}) for task in tasks.find(names, str(folder))]
    return theirs, {task: found.items[task] for found in ours for task in found.items}, ours


def test_native_scores_are_the_harness_s(both):
    """ARC, PIQA, HellaSwag, LAMBADA, WinoGrande: every question's metrics, and their means, are equal."""
    theirs, items, ours = both
    means = {(row.task, row.metric): row for found in ours for row in found.rows}
    compared = set()
    for row in theirs.rows:
        mine = means[row.task.removeprefix("lm-eval/"), row.metric]
        compared.add((mine.task, mine.metric))
        assert row.value == pytest.approx(mine.value, rel=1e-5)
        assert row.items == mine.items
        assert row.error == pytest.approx(mine.error, rel=1e-4, abs=1e-9)
    assert {("arc_easy", "acc_norm"), ("piqa", "acc"), ("hellaswag", "acc_norm"), ("lambada_openai", "perplexity"),
            ("winogrande", "acc")} <= compared  # fmt: skip
    for task, found in theirs.items.items():
        for theirs_item, mine in zip(found, items[task.removeprefix("lm-eval/")], strict=True):
            for metric in set(theirs_item) - {"key", "group"}:
                assert theirs_item[metric] == pytest.approx(mine[metric], abs=1e-4), (task, metric)


def test_files_of_llm_foundry_ask_the_same(both):
    """The files that llm-foundry ships become the same questions as the published ones."""
    _, items, _ = both
    for name, file in (
        ("arc_easy", "arc_easy.jsonl.gz"),
        ("piqa", "piqa.jsonl.gz"),
        ("lambada_openai", "lambada_openai.jsonl.gz"),
    ):
        (task,) = tasks.find([str(shared(f"eval-llm-foundry/{file}"))], None)
        found = answers.answer(task, toy.scorer(), {}, limit=COUNT)
        (mine,) = found.items.values()
        for one, two in zip(mine, items[name], strict=True):
            for metric in set(one) - {"key", "group"}:
                assert one[metric] == pytest.approx(two[metric], abs=1e-4)


def test_what_the_harness_lacks_is_told(tmp_path):
    """A task that it does not have, and a file with other fields than it reads."""
    pytest.importorskip("lm_eval")
    pytest.importorskip("datasets")
    from corpusmill.train.evaluate import harness

    (tmp_path / "arc_esay.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(UsageError, match="arc_esay: lm-eval has no such task; did you mean 'arc_easy'"):
        harness.evaluate(toy.scorer(), ["arc_esay"], str(tmp_path), {})
    (tmp_path / "piqa.jsonl").write_text('{"query": "a", "choices": ["b", "c"], "gold": 0}\n')
    with pytest.raises(InputError, match="'goal' is undefined; its tasks read the fields of the published"):
        harness.evaluate(toy.scorer(), ["piqa"], str(tmp_path), {})
