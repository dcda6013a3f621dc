"""What is told of answers: per question, then as means with standard errors."""

import math
import re
import string
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from corpusmill.errors import UsageError
from corpusmill.train.evaluate.questions import Question
from corpusmill.train.evaluate.score import Score

Values = dict[str, float]  # of one question, by metric
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_OVER_ALL = {"perplexity": "log_probability"}  # metrics that are no mean of a question's values, and what they need


class Mean(NamedTuple):
    """A metric over n questions; the standard error is None where a closed form is not known (BLEU)."""

    value: float
    error: float | None
    n: int


def choice(question: Question, scores: Sequence[Score]) -> Values:
    """Metrics of a multiple-choice question.

    acc: the likeliest choice is right. acc_norm, acc_bytes: the same per character and byte of the choice, without its
    delimiter. bpb: bits per byte of the right answer, delimiter included. mass: what share of the choices' probability
    the right ones have.
    """
    found = np.array([score.log_probability for score in scores])
    values = {"acc": float(int(found.argmax()) in question.gold)}
    if len(question.answers) > 1:
        characters = np.array([len(answer) for answer in question.answers])
        sizes = np.array([len(answer.encode()) for answer in question.answers])
        values["acc_norm"] = float(int((found / characters).argmax()) in question.gold)
        values["acc_bytes"] = float(int((found / sizes).argmax()) in question.gold)
    right = question.gold[0]
    answer = question.delimiter + question.answers[right if len(question.answers) > 1 else 0]
    values["bpb"] = bits_per_byte(scores[right].log_probability, answer)
    weights = np.exp(found - found.max())
    values["mass"] = float(weights[list(question.gold)].sum() / weights.sum())
    return values


def cloze(question: Question, scores: Sequence[Score]) -> Values:
    """Metrics of a continuation: acc: each of its tokens is the likeliest; log_probability; bpb."""
    (score,) = scores
    return {
        "acc": float(score.greedy),
        "log_probability": score.log_probability,
        "bpb": bits_per_byte(score.log_probability, question.delimiter + question.answers[0]),
    }


def generation(question: Question, written: str) -> Values:
    """Metrics of a written answer against the references, the best of them.

    exact_match: equal but for white space at the ends. quasi_exact_match: equal in lower case, without punctuation and
    articles (SQuAD; Rajpurkar et al. 2016). bleu: of the sentence, 0 to 100. rouge1, rouge2, rougeL: F1, 0 to 1.

    Raises:
        UsageError: if sacrebleu or rouge-score is missing.
    """
    answers = question.answers
    values = {
        "exact_match": float(written.strip() in {answer.strip() for answer in answers}),
        "quasi_exact_match": float(_plain(written) in {_plain(answer) for answer in answers}),
    }
    bleu, rouge = _libraries()
    values["bleu"] = float(bleu.sentence_bleu(written, list(answers), use_effective_order=True).score)
    scorer = rouge.RougeScorer(["rouge1", "rouge2", "rougeL"])
    best = scorer.score_multi(list(answers), written)
    return values | {name: float(score.fmeasure) for name, score in best.items()}


def corpus_bleu(written: Sequence[str], questions: Sequence[Question]) -> float:
    """BLEU of all answers together (sacrebleu's default, 13a), 0 to 100.

    Raises:
        UsageError: if sacrebleu is missing.
    """
    bleu, _ = _libraries()
    most = max(len(question.answers) for question in questions)
    references = [[question.answers[at % len(question.answers)] for question in questions] for at in range(most)]
    return float(bleu.corpus_bleu(list(written), references).score)


def mean(metric: str, values: Sequence[Values]) -> Mean | None:
    """A metric over questions, with its standard error: the deviation (n - 1) by the root of n.

    Perplexity is that of the mean log-probability, its error by the delta method.

    Returns:
        None if no question has it.
    """
    name = _OVER_ALL.get(metric, metric)
    found = np.array([one[name] for one in values if name in one])
    if not len(found):
        return None
    value = float(found.mean())
    error = float(found.std(ddof=1) / math.sqrt(len(found))) if len(found) > 1 else None
    if metric == "perplexity":
        value = math.exp(min(-value, 700.0))  # a model that knows nothing would overflow
        error = None if error is None else error * value
    return Mean(value, error, len(found))


def bits_per_byte(log_probability: float, text: str) -> float:
    """Bits that a byte of text costs, from the text's natural log-probability."""
    return -log_probability / math.log(2) / len(text.encode())


def _plain(text: str) -> str:
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def _libraries() -> tuple[Any, Any]:
    try:
        import sacrebleu
        from rouge_score import rouge_scorer
    except ImportError as error:
        raise UsageError(
            f"{error.name} is not installed; tasks of generation need: pip install 'corpusmill[eval]'"
        ) from (error)
    return sacrebleu, rouge_scorer
