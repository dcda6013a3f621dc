"""What a task asks, whatever file it came from: one frozen shape, and the requests that are made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["choice", "cloze", "generation"]
SEPARATOR = "\n\n"  # between the examples of a prompt, as in lm-eval


@dataclass(frozen=True)
class Question:
    """One document of an evaluation set.

    Attributes:
        contexts: what stands before the answer: one for all answers, or one for each (WinoGrande).
        answers: the answers to choose from, without the delimiter; for a cloze the one that is right; for generation
            those that are accepted.
        gold: numbers of the right answers; the first is the one that examples show.
        delimiter: between context and answer.
        head: what stands before the examples.
        group: a subject or paradigm, of which scores are told apart; "" is none.
        part: of which part of the file it is: those of `dev` or `train` are examples and not asked.
        stop: where writing ends. max_tokens: that are written at most.
    """

    contexts: tuple[str, ...]
    answers: tuple[str, ...]
    gold: tuple[int, ...] = (0,)
    delimiter: str = " "
    head: str = ""
    group: str = ""
    part: str = ""
    stop: tuple[str, ...] = ("\n",)
    max_tokens: int = 64

    @property
    def shown(self) -> str:
        """With the right answer, as an example for others."""
        right = self.gold[0]
        context = self.contexts[right if len(self.contexts) > 1 else 0]
        return context + self.delimiter + self.answers[right if len(self.answers) > 1 else 0]

    @property
    def choices(self) -> int:
        """How many there are to choose from."""
        return max(len(self.contexts), len(self.answers))


class Request(NamedTuple):
    """Text to be scored: the log-probability of `continuation` after `context`."""

    context: str
    continuation: str


def requests(question: Question, examples: Sequence[Question] = ()) -> list[Request]:
    """What is scored for a question: one request for each choice.

    Args:
        question: of kind choice or cloze.
        examples: shown before it, with their answers.
    """
    before = prompt_head(question, examples)
    count = question.choices
    contexts = question.contexts * (count if len(question.contexts) == 1 else 1)
    answers = question.answers * (count if len(question.answers) == 1 else 1)
    return [
        Request(before + context, question.delimiter + answer)
        for context, answer in zip(contexts, answers, strict=True)
    ]


def prompt_head(question: Question, examples: Sequence[Question]) -> str:
    """All that stands before the question's own context."""
    return question.head + "".join(example.shown + SEPARATOR for example in examples)
