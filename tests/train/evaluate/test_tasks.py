"""Evaluation files: what they become, how examples are drawn, and what is said of bad ones."""

import gzip
import json

import pytest

from corpusmill.errors import InputError, UsageError
from corpusmill.train.evaluate import tasks
from corpusmill.train.evaluate.questions import Question, Request, requests
from tests.data import shared


def write(folder, name, *lines):
    """A file of JSON lines."""
    path = folder / name
    opener = gzip.open if name.endswith(".gz") else open
    with opener(path, "wt") as file:
        file.writelines(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines)
    return str(path)


MMLU = "The following are multiple choice questions (with answers) about "
PUBLISHED = {
    "arc_easy": (
        {"question": "Why?", "choices": {"text": ["a", "b"], "label": ["1", "2"]}, "answerKey": "2"},
        [("Question: Why?\nAnswer:", " a"), ("Question: Why?\nAnswer:", " b")], (1,),
    ),
    "hellaswag": (
        {"activity_label": "Roof", "ctx_a": "A man [step] climbs.", "ctx_b": "he", "label": "1",
         "endings": ["falls. [title] Up", " stays "]},
        [("Roof: A man climbs. He", " falls.. Up"), ("Roof: A man climbs. He", " stays")], (1,),
    ),
    "piqa": (
        {"goal": "boil", "sol1": "pot", "sol2": "hat", "label": 0},
        [("Question: boil\nAnswer:", " pot"), ("Question: boil\nAnswer:", " hat")], (0,),
    ),
    "winogrande": (
        {"sentence": "The cup is in _ now.", "option1": "a box", "option2": "a cat", "answer": "2"},
        [("The cup is in a box", " now."), ("The cup is in a cat", " now.")], (1,),
    ),
    "boolq": (
        {"passage": "P.", "question": "is it", "answer": True},
        [("P.\nQuestion: is it?\nAnswer:", " no"), ("P.\nQuestion: is it?\nAnswer:", " yes")], (1,),
    ),
    "openbookqa": (
        {"question_stem": "Fog is", "choices": {"text": ["wet", "dry"], "label": ["A", "B"]}, "answerKey": "A"},
        [("Fog is", " wet"), ("Fog is", " dry")], (0,),
    ),
    "lambada": ({"text": "He said yes"}, [("He said", " yes")], (0,)),
    "mmlu": (
        {"question": " 1+1? ", "choices": ["2", "3"], "answer": 0, "subject": "abstract_algebra"},
        [(f"{MMLU}abstract algebra.\n\n1+1?\nA. 2\nB. 3\nAnswer:", f" {letter}") for letter in "AB"], (0,),
    ),
    "mmlu_continuation": (
        {"question": "1+1?", "choices": ["2", "3"], "answer": 0},
        [("Question: 1+1?\nAnswer:", " 2"), ("Question: 1+1?\nAnswer:", " 3")], (0,),
    ),
    "blimp": ({"sentence_good": "He is.", "sentence_bad": "He are."}, [("", " He is."), ("", " He are.")], (0,)),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_fields_become_the_published_prompts(name, tmp_path):
    """Contexts and continuations are those of lm-eval's task files."""
    line, expected, gold = PUBLISHED[name]
    (task,) = tasks.find([write(tmp_path, f"{name}.jsonl", line)], None)
    assert [Request(*pair) for pair in expected] == requests(task.questions[0])
    assert gold == task.questions[0].gold


def test_truthfulqa_has_its_six_examples(tmp_path):
    """mc1 and mc2 read one file; mc2 has several right answers."""
    line = {
        "question": "Is it?", "mc1_targets": {"choices": ["Yes.", "No."], "labels": [1, 0]},
        "mc2_targets": {"choices": ["Yes.", "Sure.", "No."], "labels": [1, 1, 0]},
    }  # fmt: skip
    write(tmp_path, "truthfulqa.jsonl.gz", line)
    one, two = tasks.find(["truthfulqa_mc1", "truthfulqa_mc2"], str(tmp_path))
    assert ((0,), (0, 1)) == (one.questions[0].gold, two.questions[0].gold)
    context, continuation = requests(one.questions[0])[0]
    assert context.startswith("Q: What is human life expectancy in the United States?\nA: Human")
    assert context.endswith("Barcelona, Spain.\n\nQ: Is it?\nA:")
    assert " Yes." == continuation


NATIVE = {
    "choice": ({"query": "a", "choices": ["b", "c"], "gold": 1, "category": "x"}, "choice"),
    "schema": ({"context_options": ["a", "b"], "continuation": "c", "gold": 1}, "choice"),
    "pairs": ({"sentence_good": "a", "sentence_bad": "b", "UID": "x"}, "choice"),
    "cloze": ({"context": "a", "continuation": "b"}, "cloze"),
    "generation": ({"prompt": "a", "references": ["b"], "stop": ["."], "max_tokens": 3}, "generation"),
    "answer": ({"context": "a", "answer": "b", "aliases": ["b", "c"]}, "generation"),
}


@pytest.mark.parametrize("name", NATIVE)
def test_own_files_say_what_they_are_by_their_fields(name, tmp_path):
    """A file of any other name is read by the format whose fields it has; a folder is all its files."""
    line, kind = NATIVE[name]
    write(tmp_path, "mine.jsonl", line, "\n", line)
    (task,) = tasks.find([], str(tmp_path))
    assert ("mine", kind, 2) == (task.name, task.template.kind, len(task.questions))
    assert f"{task.keys[0]}-2" == task.keys[1]


def test_all_shared_files_are_read():
    """Every likelihood file of llm-foundry and BLiMP's become questions."""
    folder = shared("eval-llm-foundry")
    expected = {"arc_challenge": 1172, "arc_easy": 2376, "boolq": 3270, "commonsense_qa": 1221, "copa": 100,
                "hellaswag_small": 4, "lambada_openai": 5153, "mmlu_small": 4, "openbookqa": 500, "piqa": 1838,
                "winograd_wsc": 273, "triviaqa_sm_sub": 3000}  # fmt: skip
    found = {task.name: len(task.questions) for task in tasks.find(list(expected), str(folder))}
    assert expected == found
    (blimp,) = tasks.find([str(shared("eval-blimp/adjunct_island.jsonl.gz"))], None)
    assert (1000, {"adjunct_island"}) == (len(blimp.questions), {question.group for question in blimp.questions})


def test_mmlu_shows_the_first_of_dev():
    """Examples are the subject's own, the first of `dev`, and are not asked."""
    (task,) = tasks.find([str(shared("eval-mmlu/dev_validation.jsonl.gz"))], None)
    assert 1816 - 5 * 57 == len(task.questions)
    shown = task.shown(0, 5)
    subjects = {question.group for question in shown}
    assert {task.questions[0].group} == subjects
    assert shown == task.shown(1, 5)
    context = requests(task.questions[0], shown)[0].context
    assert 1 == context.count(f"{MMLU}abstract algebra.")
    assert 6 == context.count("Answer:")


def test_examples_depend_on_the_question_alone(tmp_path):
    """Not on order; they never show the question itself, and show right answers."""
    lines = [{"query": f"q{number}", "choices": ["yes", "no"], "gold": number % 2} for number in range(9)]
    forward = tasks.read("a", write(tmp_path, "a.jsonl", *lines))
    backward = tasks.read("b", write(tmp_path, "b.jsonl", *lines[::-1]))
    for number in range(9):
        shown = forward.shown(number, 3)
        assert shown == backward.shown(8 - number, 3)
        assert 3 == len({question.contexts for question in shown} - {forward.questions[number].contexts})
    assert len({tuple(one.contexts for one in forward.shown(number, 3)) for number in range(9)}) > 3
    assert len(forward.shown(0, 8)) == 8
    with pytest.raises(InputError, match=r"a\.jsonl: 9 examples asked for, and 8 are there"):
        forward.shown(0, 9)


def test_a_prompt_with_examples():
    """Head, examples with right answers, an empty line between, then the question."""
    example = Question(("Q: a",), ("no", "yes"), (1,), head="never shown twice")
    asked = Question(("Q: b",), ("no", "yes"), head="Head.\n\n")
    assert "Head.\n\nQ: a yes\n\nQ: b" == requests(asked, [example])[0].context
    schema = Question(("in a box", "in a cat"), ("now.",), (1,))
    assert "in a cat now.\n\nQ: b" == requests(Question(("Q: b",), ("n", "y")), [schema])[0].context


BAD = {
    "a missing field": ("piqa.jsonl", ['{"goal": "a", "sol1": "b", "label": 0}\n'],
                        r"piqa\.jsonl, line 1: no field sol2; found goal, sol1, label; expected one of goal, sol1"),
    "an inner field": ("arc_easy.jsonl", ['{"question": "a", "choices": {"text": ["b"]}, "answerKey": "A"}\n'],
                       r"arc_easy\.jsonl, line 1: no field 'label'"),
    "an unknown label": ("arc_easy.jsonl", [
        '{"question": "a", "choices": {"text": ["b"], "label": ["A"]}, "answerKey": "C"}\n'],
        r"line 1: a field has a value of another kind .*'C' is not in list"),
    "no JSON": ("mine.jsonl", ['{"context": "a", "continuation": "b"}\n', "oops\n"], r"mine\.jsonl, line 2: not JSON"),
    "a list, cut within a letter": ("mine.jsonl", ['["a' + "ä" * 40 + '"]\n'], r"line 1: expected a JSON object, found"),
    "no object": ("mine.jsonl", ["[1]\n"], r"line 1: expected a JSON object, found '\[1\]'"),
    "no format": ("mine.jsonl", ['{"text": "a"}\n'], r"line 1: found the fields text; expected those of one format:"),
    "a gold too far": ("mine.jsonl", ['{"query": "a", "choices": ["b", "c"], "gold": 2}\n'],
                       r"line 1: right answer \[2\] of 2 choices"),
    "one choice": ("mine.jsonl", ['{"query": "a", "choices": ["b"], "gold": 0}\n'], "1 choice; expected two or more"),
    "an empty answer": ("mine.jsonl", ['{"query": "a", "choices": ["b", ""], "gold": 0}\n'], "an answer is empty"),
    "a number": ("mine.jsonl", ['{"query": "a", "choices": ["b", 3], "gold": 0}\n'], "a field is no text"),
    "an empty file": ("mine.jsonl", ["\n"], r"mine\.jsonl: the file is empty"),
    "only examples": ("mmlu.jsonl", ['{"question": "a", "choices": ["b", "c"], "answer": 0, "split": "dev"}\n'],
                      "all 1 lines are of the parts dev, train"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_told_with_line_and_field(case, tmp_path):
    """What is wrong, in which line, and what is there instead."""
    name, lines, message = BAD[case]
    with pytest.raises(InputError, match=message):
        tasks.find([write(tmp_path, name, *lines)], None)


def test_names_that_are_not_there(tmp_path):
    """Near names for unknown tasks, the file's names for known ones, and what a folder lacks."""
    write(tmp_path, "piqa.jsonl", {"query": "a", "choices": ["b", "c"], "gold": 0})
    with pytest.raises(UsageError, match="pica: no such task; did you mean 'piqa'"):
        tasks.find(["pica"], str(tmp_path))
    with pytest.raises(UsageError, match=r"expected one of openbookqa\.jsonl, openbook_qa\.jsonl"):
        tasks.find(["openbookqa"], str(tmp_path))
    with pytest.raises(UsageError, match="no folder was given: --data"):
        tasks.find(["piqa"], None)
    with pytest.raises(InputError, match="no such folder"):
        tasks.find([], str(tmp_path / "no"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no evaluation files in it"):
        tasks.find([], str(tmp_path / "empty"))
    with pytest.raises(UsageError, match=r"arc_easy: its file was not found in .*; there are: piqa"):
        tasks.file_of("arc_easy", str(tmp_path))
