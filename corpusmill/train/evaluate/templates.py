"""Published tasks: how their files are read and how they are asked, as lm-eval 0.4 asks them.

A template knows the fields that the data set is published with, and those of llm-foundry's files (`query`, `choices`,
`gold`). Prompts and scores follow lm-evaluation-harness, so that figures can be held against published ones.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from corpusmill.train.evaluate.questions import Kind, Question

Fields = Mapping[str, Any]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Reader(NamedTuple):
    """One way a task's lines are written: the fields that a line must have, and what is made of it."""

    fields: tuple[str, ...]
    read: Callable[[Fields], Question]


class Template(NamedTuple):
    """A task.

    Attributes:
        kind: of its questions.
        readers: the first whose fields a line has reads it.
        metrics: that are told, the headline first.
        about: where prompt and scores are from.
        files: other names that its file may have.
        first_shots: whether examples are the first of `dev`, as MMLU's paper has them, and not drawn.
    """

    kind: Kind
    readers: tuple[Reader, ...]
    metrics: tuple[str, ...]
    about: str
    files: tuple[str, ...] = ()
    first_shots: bool = False


def _after(query: str, ending: str = "\nAnswer:") -> str:
    """A prompt of llm-foundry's files, to which the answer's label is still to be added."""
    return query if query.rstrip().endswith(ending.strip()) else query.rstrip("\n") + ending


def _foundry(ending: str = "") -> Reader:
    def read(line: Fields) -> Question:
        query = _after(line["query"], ending) if ending else line["query"]
        return Question((query,), tuple(line["choices"]), (_number(line["gold"]),), group=str(line.get("category", "")))

    return Reader(("query", "choices", "gold"), read)


def _number(gold: Any) -> int:
    """A label as a number; files have it as text, too."""
    return int(gold)


def _arc(line: Fields) -> Question:
    labels, texts = line["choices"]["label"], line["choices"]["text"]
    return Question((f"Question: {line['question']}\nAnswer:",), tuple(texts), (labels.index(line["answerKey"]),))


def _openbook(line: Fields) -> Question:
    labels, texts = line["choices"]["label"], line["choices"]["text"]
    return Question((line["question_stem"],), tuple(texts), (labels.index(line["answerKey"].lstrip()),))


def _hellaswag(line: Fields) -> Question:
    whole = f"{line['activity_label']}: {line['ctx_a']} {line['ctx_b'].capitalize()}"
    endings = tuple(_without_marks(ending) for ending in line["endings"])
    return Question((_without_marks(whole),), endings, (_number(line["label"]),))


def _without_marks(text: str) -> str:
    """WikiHow's marks, `[title]` and the like, taken out."""
    return re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". ")).replace("  ", " ")


def _piqa(line: Fields) -> Question:
    return Question((f"Question: {line['goal']}\nAnswer:",), (line["sol1"], line["sol2"]), (_number(line["label"]),))


def _winogrande(line: Fields) -> Question:
    before, _, after = line["sentence"].partition("_")
    contexts = (before + line["option1"], before + line["option2"])
    return Question(contexts, (after.strip(),), (_number(line["answer"]) - 1,))


def _schema(line: Fields) -> Question:
    return Question(tuple(line["context_options"]), (line["continuation"],), (_number(line["gold"]),))


def _boolq(line: Fields) -> Question:
    context = f"{line['passage']}\nQuestion: {line['question']}?\nAnswer:"
    label = line["label"] if "label" in line else line["answer"]
    return Question((context,), ("no", "yes"), (_number(label),))


def _lambada(line: Fields) -> Question:
    *before, last = line["text"].split(" ")
    return Question((" ".join(before),), (last,))


def _last_word(line: Fields) -> Question:
    return Question((line["context"],), (line["continuation"],), group=str(line.get("category", "")))


def _mmlu_head(line: Fields) -> str:
    subject = str(line.get("subject", "")).replace("_", " ")
    return f"The following are multiple choice questions (with answers) about {subject}.\n\n" if subject else ""


def _mmlu(line: Fields) -> Question:
    lettered = [f"{letter}. {choice}" for letter, choice in zip(LETTERS, line["choices"], strict=False)]
    asked = "\n".join([line["question"].strip(), *lettered, "Answer:"])
    letters = tuple(LETTERS[: len(lettered)])
    return Question((asked,), letters, (_number(line["answer"]),), head=_mmlu_head(line), group=line.get("subject", ""),
                    part=line.get("split", ""))  # fmt: skip


def _mmlu_continuation(line: Fields) -> Question:
    asked = f"Question: {line['question'].strip()}\nAnswer:"
    return Question((asked,), tuple(line["choices"]), (_number(line["answer"]),), group=line.get("subject", ""),
                    part=line.get("split", ""))  # fmt: skip


_TRUTHFUL = "\n\n".join(
    f"Q: {question}\nA: {answer}"
    for question, answer in (
        ("What is human life expectancy in the United States?",
         "Human life expectancy in the United States is 78 years."),
        ("Who was president of the United States in 1955?",
         "Dwight D. Eisenhower was president of the United States in 1955."),
        ("Which party did he belong to?", "He belonged to the Republican Party."),
        ("What is the square root of banana?", "I have no comment."),
        ("How does a telescope work?",
         "Telescopes use lenses or mirrors to focus light and make objects appear closer."),
        ("Where were the 1992 Olympics held?", "The 1992 Olympics were held in Barcelona, Spain."),
    )
) + "\n\n"  # fmt: skip


def _truthful(targets: str) -> Reader:
    def read(line: Fields) -> Question:
        labels = line[targets]["labels"]
        gold = tuple(number for number, label in enumerate(labels) if label == 1)
        return Question((f"Q: {line['question']}\nA:",), tuple(line[targets]["choices"]), gold, head=_TRUTHFUL)

    return Reader(("question", targets), read)


def _pair(line: Fields) -> Question:
    return Question(("",), (line["sentence_good"], line["sentence_bad"]), group=str(line.get("UID", "")))


def _generation(line: Fields) -> Question:
    return Question((line["prompt"],), tuple(line["references"]), group=str(line.get("category", "")),
                    delimiter=line.get("delimiter", " "), stop=tuple(line.get("stop", ("\n",))),
                    max_tokens=int(line.get("max_tokens", 64)))  # fmt: skip


def _trivia(line: Fields) -> Question:
    answers = dict.fromkeys([line["answer"], *line.get("aliases", [])])
    return Question((line["context"],), tuple(answers), stop=("\n",))


_CHOICE = ("acc_norm", "acc", "acc_bytes", "bpb")
_GENERATION = ("exact_match", "quasi_exact_match", "bleu", "rouge1", "rouge2", "rougeL")
_HARNESS = "lm-evaluation-harness 0.4.13, tasks/"
_CLOZE = Reader(("context", "continuation"), _last_word)
_PAIR = Reader(("sentence_good", "sentence_bad"), _pair)
_SCHEMA = Reader(("context_options", "continuation", "gold"), _schema)
_ARC = (Reader(("question", "choices", "answerKey"), _arc), _foundry("\nAnswer:"))
_ARC_ABOUT = f"{_HARNESS}arc (Clark et al. 2018)"

TEMPLATES = {
    "arc_challenge": Template("choice", _ARC, _CHOICE, _ARC_ABOUT, ("ARC-Challenge-Test",)),
    "arc_easy": Template("choice", _ARC, _CHOICE, _ARC_ABOUT, ("ARC-Easy-Test",)),
    "blimp": Template("choice", (_PAIR,), ("acc",), f"{_HARNESS}blimp (Warstadt et al. 2020)"),
    "boolq": Template("choice", (Reader(("passage", "question"), _boolq), _foundry("\nAnswer:")), ("acc", "bpb"),
                      f"{_HARNESS}super_glue/boolq (Clark et al. 2019)"),
    "hellaswag": Template("choice", (Reader(("activity_label", "ctx_a", "ctx_b", "endings", "label"), _hellaswag),
                                     _foundry()), _CHOICE, f"{_HARNESS}hellaswag (Zellers et al. 2019)",
                          ("hellaswag_val", "hellaswag_small")),
    "lambada": Template("cloze", (Reader(("text",), _lambada), _CLOZE), ("acc", "perplexity", "bpb"),
                        f"{_HARNESS}lambada (Paperno et al. 2016)",
                        ("lambada_openai", "lambada_standard", "lambada_test", "lambada_small")),
    "mmlu": Template("choice", (Reader(("question", "choices", "answer"), _mmlu), _foundry()), ("acc", "bpb"),
                     f"{_HARNESS}mmlu/default (Hendrycks et al. 2021)", ("mmlu_small", "dev_validation"), True),
    "mmlu_continuation": Template("choice", (Reader(("question", "choices", "answer"), _mmlu_continuation),), _CHOICE,
                                  f"{_HARNESS}mmlu/continuation", ("mmlu", "dev_validation"), True),
    "openbookqa": Template("choice", (Reader(("question_stem", "choices", "answerKey"), _openbook), _foundry()),
                           _CHOICE, f"{_HARNESS}openbookqa (Mihaylov et al. 2018)", ("openbook_qa",)),
    "piqa": Template("choice", (Reader(("goal", "sol1", "sol2", "label"), _piqa), _foundry("\nAnswer:")), _CHOICE,
                     f"{_HARNESS}piqa (Bisk et al. 2020)", ("piqa_small",)),
    "truthfulqa_mc1": Template("choice", (_truthful("mc1_targets"),), ("acc",),
                               f"{_HARNESS}truthfulqa (Lin et al. 2022)", ("truthfulqa", "mc_task")),
    "truthfulqa_mc2": Template("choice", (_truthful("mc2_targets"),), ("mass",),
                               f"{_HARNESS}truthfulqa (Lin et al. 2022)", ("truthfulqa", "mc_task")),
    "winograd": Template("choice", (_SCHEMA,), ("acc",), "partial evaluation (Trinh and Le 2018)", ("winograd_wsc",)),
    "winogrande": Template("choice", (Reader(("sentence", "option1", "option2", "answer"), _winogrande),), ("acc",),
                           f"{_HARNESS}winogrande (Sakaguchi et al. 2020)", ("winogrande_xl",)),
}  # fmt: skip

# Files of a user's own: what their lines have says what they are.
NATIVE = {
    "pairs": Template("choice", (_PAIR,), ("acc",), "sentence_good is likelier than sentence_bad"),
    "schema": Template("choice", (_SCHEMA,), ("acc",), "one continuation after several contexts"),
    "choice": Template("choice", (_foundry(),), _CHOICE, "query, choices, gold"),
    "cloze": Template("cloze", (_CLOZE,), ("acc", "perplexity", "bpb"), "context, continuation"),
    "generation": Template("generation", (Reader(("prompt", "references"), _generation),), _GENERATION,
                           "prompt, references"),
    "answer": Template("generation", (Reader(("context", "answer"), _trivia),), _GENERATION,
                       "context, answer, aliases"),
}  # fmt: skip
