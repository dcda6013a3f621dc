"""FineWeb's quality rules on small worked texts."""

import pytest

from corpusmill import documents, resources
from corpusmill.errors import ResourceError
from corpusmill.filters.fineweb_quality import FineWebQuality
from corpusmill.signals import judge
from corpusmill.view import View


def measured(texts, **options):
    """The signals of texts, as lists."""
    signals = FineWebQuality(**options).build()(View(documents.from_texts(texts))).signals
    return {name: values.tolist() for name, values in signals.items()}


def reasons(texts, **options):
    """The reason for each text, None where it is kept."""
    step = FineWebQuality(**options)
    verdict = judge(step, step.build()(View(documents.from_texts(texts))).signals)
    return [None if code < 0 else verdict.reasons[code] for code in verdict.codes]


LONG = "a line of forty characters, without end "


def test_signals_worked_by_hand():
    """Four lines, one of them blank, of 10, 0, 40 and 10 characters, in seven words."""
    text = "Two words.\n\n" + "b" * 40 + "\nTwo words."
    assert measured([text]) == {
        "line_punct_ratio": [2 / 3],
        "short_line_ratio": [2 / 3],
        "char_dup_ratio": [10 / 60],
        "list_ratio": [3 / 5],
    }


def test_each_rule_drops_by_its_own_name():
    """A text without marks, one of short lines, one that repeats itself and one of single words fall by four rules."""
    texts = [
        LONG,
        "Ends.\nEnds well.\nEnds too.",
        f"{LONG}one.\n{LONG}one.",
        "\n\n\n\n".join(["verylongword" * 4 + "."] + ["longword" * 5 + f"{number}." for number in range(4)]),
        f"{LONG}one.\n{LONG}two.",
    ]
    assert reasons(texts) == [
        "line_punct_ratio<0.12",
        "short_line_ratio>0.67",
        "char_dup_ratio>0.01",
        "list_ratio>0.3",
        None,
    ]


def test_a_line_of_thirty_characters_is_short():
    """The length that is given counts as short."""
    assert measured(["b" * 30 + "\n" + "b" * 31])["short_line_ratio"] == [0.5]
    assert measured(["é" * 30 + "\n" + "é" * 31])["short_line_ratio"] == [0.5]
    assert measured(["bb\nbbb"], short_line_length=2)["short_line_ratio"] == [0.5]


@pytest.mark.parametrize("end", ["”", '"', "…", ":", ")", ". ", ".\r"])
def test_ends_that_are_no_marks(end):
    """Closing quotes, the ellipsis sign, a colon and trailing white space leave a line unpunctuated."""
    assert measured(["word" + end])["line_punct_ratio"] == [0.0]


@pytest.mark.parametrize("end", [".", "?", "!", "。", "؟", "।", "៖", "\U00011f43"])
def test_ends_that_are_marks(end):
    """The sentence enders of many scripts end a line."""
    assert measured(["word" + end])["line_punct_ratio"] == [1.0]


def test_texts_without_lines_are_dropped_with_finite_signals():
    """An empty text and one of blanks have the ratio 0, and fall."""
    texts = ["", "\n", " \n\u3000"]
    assert all(values == [0, 0, 0] for values in measured(texts).values())
    assert reasons(texts) == ["line_punct_ratio<0.12"] * 3


def test_the_packaged_marks_are_the_published_ones():
    """The list has 159 characters, Khmer signs among them and the one dot leader not."""
    lines = resources.locate("terminal_marks.txt").read_text(encoding="utf-8").split("\n")
    marks = [line for line in lines if line and not line.startswith("# ")]
    assert len(marks) == 159
    assert marks == sorted(set(marks))
    assert {"\u17d6", "\u17d9", "\u17da", "."} <= set(marks)
    assert not {"\u2024", "\ufe12", '"'} & set(marks)


def test_marks_can_be_chosen(tmp_path):
    """A list of one's own replaces the packaged marks, and the step names it as a file it depends on."""
    own = tmp_path / "marks.txt"
    own.write_text("# closing quotes\n”\n#\n", encoding="utf-8")
    assert measured(["a”\nb.\nc#\nd#"], terminal_marks=str(own))["line_punct_ratio"] == [0.75]
    assert FineWebQuality(terminal_marks=str(own)).references() == (str(own),)


def test_a_list_of_longer_marks_is_refused(tmp_path):
    """A mark of two characters is named with its line."""
    own = tmp_path / "marks.txt"
    own.write_text(".\n..\n", encoding="utf-8")
    with pytest.raises(ResourceError, match=r"line 2: expected one character, found '\.\.'"):
        FineWebQuality(terminal_marks=str(own)).build()


def test_the_datatrove_dialect_counts_spacy_tokens():
    """The full stop is a word of its own for spaCy, and a part of its word for the other dialect."""
    pytest.importorskip("spacy")
    assert measured(["One.\nTwo."])["list_ratio"] == [1 / 2]
    assert measured(["One.\nTwo."], dialect="datatrove")["list_ratio"] == [1 / 4]
