"""Metrics, worked out by hand."""

import math

import pytest

from corpusmill.train.evaluate import answers, metrics, tasks
from corpusmill.train.evaluate.questions import Question
from corpusmill.train.evaluate.score import Score
from tests.train.evaluate import toy


def scores(*values):
    """Scores with these log-probabilities."""
    return [Score(value, False, 1) for value in values]


def test_multiple_choice_by_hand():
    """The longer answer is less likely, but likelier per character; é counts one character and two bytes."""
    question = Question(("a",), ("no", "éééé"), (1,))
    found = metrics.choice(question, scores(-2.0, -3.0))
    assert {"acc": 0.0, "acc_norm": 1.0, "acc_bytes": 1.0} == {
        name: found[name] for name in ("acc", "acc_norm", "acc_bytes")
    }
    assert 3 / math.log(2) / 9 == pytest.approx(found["bpb"])  # a space and four times two bytes
    assert 1 / (1 + math.e) == pytest.approx(found["mass"])
    assert 0.0 == metrics.choice(question, scores(-2.0, -8.1))["acc_bytes"]
    assert 0.0 == metrics.choice(question, scores(-2.0, -5.0))["acc_norm"]


def test_mass_of_several_right_answers():
    """TruthfulQA's mc2: the share of probability of all that are true."""
    question = Question(("a",), ("x", "y", "z"), (0, 2))
    assert 0.75 == pytest.approx(metrics.choice(question, scores(*map(math.log, (0.2, 0.1, 0.1))))["mass"])


def test_one_ending_after_two_contexts_has_no_lengths():
    """WinoGrande's choices are contexts; only accuracy is told by likelihood."""
    found = metrics.choice(Question(("a b", "a c"), ("d",), (1,)), scores(-2.0, -1.0))
    assert 1.0 == found["acc"]
    assert "acc_norm" not in found


def test_means_and_their_errors():
    """Deviation over the root of n; perplexity of words by the delta method; no error of a single question."""
    values = [{"acc": 1.0, "log_probability": -1.0}, {"acc": 0.0, "log_probability": -3.0}]
    assert metrics.mean("acc", values) == pytest.approx((0.5, 0.5, 2))
    value, error, n = metrics.mean("perplexity", values)
    assert (math.exp(2), math.exp(2) * 1.0, 2) == pytest.approx((value, error, n))
    assert (1.0, None, 1) == metrics.mean("acc", values[:1])
    assert metrics.mean("acc_norm", values) is None
    assert math.isfinite(metrics.mean("perplexity", [{"log_probability": -900.0}]).value)


def test_written_answers_by_hand():
    """Exact, exact but for case and articles, and the overlap measures of the two libraries."""
    pytest.importorskip("sacrebleu")
    pytest.importorskip("rouge_score")
    question = Question(("a",), ("the quick brown fox", "Paris"))
    found = metrics.generation(question, "The quick, brown fox")
    assert (0.0, 1.0) == (found["exact_match"], found["quasi_exact_match"])
    assert 1.0 == found["rougeL"]
    assert 1.0 == metrics.generation(question, " Paris\n")["exact_match"]
    half = metrics.generation(question, "the quick red cat")
    assert 0.5 == half["rouge1"]
    assert 1 / 3 == pytest.approx(half["rouge2"])
    assert 0 < half["bleu"] < 100
    assert 100.0 == pytest.approx(metrics.corpus_bleu(["the quick brown fox"], [question]))


def test_a_generation_task_from_file_to_rows(tmp_path):
    """Prompts have their examples, answers end at each line's own stop, and the corpus's BLEU has no error."""
    pytest.importorskip("sacrebleu")
    pytest.importorskip("rouge_score")
    (tmp_path / "say.jsonl").write_text(
        '{"prompt": "one", "references": ["two"]}\n{"prompt": "three", "references": ["four"], "stop": ["!"]}\n'
    )
    seen = []

    def complete(prompts, *, max_tokens, stop):
        seen.append((prompts, stop))
        return [toy.scorer().encode([" two\nbut! not"])[0] for _ in prompts]

    (task,) = tasks.find([], str(tmp_path))
    found = answers.answer(task, toy.scorer(complete=complete), {"name": "toy"}, shots=1)
    assert ["\n", "!"] == [stop for _, (stop,) in seen]
    assert "three four\n\none" == toy.scorer().decode(seen[0][0][0])
    assert [" two", " two\nbut"] == [item["written"] for item in found.items["say@1"]]
    told = {row.metric: row for row in found.rows}
    assert (0.5, 0.5) == (told["exact_match"].value, told["exact_match"].error)
    assert told["corpus_bleu"].error is None
    assert {"name": "toy"} == found.model
