"""Asks a model the questions of a task and tells what it answered."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from corpusmill.errors import InputError
from corpusmill.train.evaluate import metrics
from corpusmill.train.evaluate.questions import Question, prompt_head, requests
from corpusmill.train.evaluate.results import Results, Row
from corpusmill.train.evaluate.score import Scorer
from corpusmill.train.evaluate.tasks import Task


def answer(task: Task, scorer: Scorer, model: dict[str, Any], *, shots: int = 0, limit: int | None = None) -> Results:
    """Evaluate one task.

    Args:
        task: as `tasks.find` gives it.
        scorer: of the model.
        model: what is told of it in the results.
        shots: examples before each question.
        limit: of questions, from the first on; None is all.

    Raises:
        InputError: an answer too long for the model, too few examples, or a model that cannot write.
    """
    count = len(task.questions) if limit is None else min(limit, len(task.questions))
    questions = task.questions[:count]
    examples = [task.shown(number, shots) for number in range(count)]
    written: list[str] = []
    if task.template.kind == "generation":
        written = _write(questions, examples, scorer)
        values = [metrics.generation(question, text) for question, text in zip(questions, written, strict=True)]
    else:
        values = _score(task, questions, examples, scorer)
    name = task.name if not shots else f"{task.name}@{shots}"
    rows = _rows(name, task, questions, values)
    if written:
        rows.append(Row(name, "", "corpus_bleu", metrics.corpus_bleu(written, questions), None, count))
    told = {"file": task.path, "digest": task.digest, "shots": shots, "asked": count, "there": len(task.questions),
            "kind": task.template.kind, "about": task.template.about}  # fmt: skip
    items = [
        {"key": key, "group": question.group, **value, **({"written": written[number]} if written else {})}
        for number, (key, question, value) in enumerate(zip(task.keys, questions, values, strict=False))
    ]
    return Results(model, {name: told}, rows, {name: items})


def _score(
    task: Task, questions: Sequence[Question], examples: Sequence[Sequence[Question]], scorer: Scorer
) -> list[metrics.Values]:
    asked = [requests(question, shown) for question, shown in zip(questions, examples, strict=True)]
    try:
        scores = iter(scorer.loglikelihood([request for one in asked for request in one]))
    except InputError as error:
        raise InputError(f"{task.path}: {error}") from error
    measure = metrics.cloze if task.template.kind == "cloze" else metrics.choice
    return [measure(question, [next(scores) for _ in one]) for question, one in zip(questions, asked, strict=True)]


def _write(questions: Sequence[Question], examples: Sequence[Sequence[Question]], scorer: Scorer) -> list[str]:
    """Answers in order; questions that stop alike are written together."""
    found: dict[int, str] = {}
    kinds = dict.fromkeys((question.stop, question.max_tokens) for question in questions)
    for stop, most in kinds:
        mine = [
            number for number, question in enumerate(questions) if (question.stop, question.max_tokens) == (stop, most)
        ]
        prompts = [prompt_head(questions[number], examples[number]) + questions[number].contexts[0] for number in mine]
        found |= dict(zip(mine, scorer.generate(prompts, max_tokens=most, stop=stop), strict=True))
    return [found[number] for number in range(len(questions))]


def _rows(name: str, task: Task, questions: Sequence[Question], values: Sequence[metrics.Values]) -> list[Row]:
    groups = sorted({question.group for question in questions} - {""})
    rows = []
    for metric in task.template.metrics:
        for group in ["", *groups]:
            mine = [one for question, one in zip(questions, values, strict=True) if group in ("", question.group)]
            found = metrics.mean(metric, mine)
            if found is not None:
                rows.append(Row(name, group, metric, found.value, found.error, found.n))
    return rows


def headline(results: Results) -> Results:
    """Without the groups: one row a task and metric."""
    return replace(results, rows=[row for row in results.rows if not row.group])
