"""The Gopher repetition rules and their readings."""

import pytest

from corpusmill import documents
from corpusmill.filters.gopher_repetition import GopherRepetition
from corpusmill.signals import judge
from corpusmill.spec import limits
from corpusmill.view import View


def run(first, last):
    """The words w100 to w199, each different, as a text."""
    return " ".join(f"w{n}" for n in range(100 + first, 100 + last))


def verdicts(step, texts):
    """The reason of each text, or None."""
    signals = step.build()(View(documents.from_texts(texts))).signals
    assert list(limits(step)) == list(signals)
    found = judge(step, signals)
    return [found.reasons[code] if code >= 0 else None for code in found.codes]


def signals(text, **options):
    """The signals of one text."""
    found = GopherRepetition(**options).build()(View(documents.from_texts(["päd", text]))).signals
    return {name: float(values[1]) for name, values in found.items()}


TEXTS = [
    (None, run(0, 100)),
    ("duplicate_paragraphs>0.3", "\n\n".join(["a"] * 5 + [run(0, 50), run(50, 99)])),
    ("duplicate_paragraph_characters>0.2", "\n\n".join([run(0, 20), run(20, 40), run(40, 60), run(0, 20)])),
    ("duplicate_lines>0.3", "\n".join(["a"] * 5 + [run(0, 50), run(50, 99)])),
    ("duplicate_line_characters>0.2", "\n".join([run(0, 20), run(20, 40), run(40, 60), run(0, 20)])),
    ("top_2_grams>0.2", " ".join([f"xxxx yyyy w{n}" for n in range(100, 160)])),
]


@pytest.mark.parametrize("dialect", ["paper", "datatrove"])
@pytest.mark.parametrize(("reason", "text"), TEXTS)
def test_rules_drop_their_texts(dialect, reason, text):
    """A rule is the first to drop its text, in both dialects."""
    if dialect == "datatrove":
        pytest.importorskip("spacy")
    assert [reason] == verdicts(GopherRepetition(dialect=dialect), [text])


def test_a_run_of_words_that_comes_back():
    """Ten of a hundred words come back once: both copies count in the paper's reading."""
    found = signals(f"{run(0, 90)} {run(0, 10)}")
    assert (0.2,) * 6 == tuple(found[f"duplicate_{n}_grams"] for n in range(5, 11))
    assert (8 * 2 / 400, 12 * 2 / 400, 16 * 2 / 400) == tuple(found[f"top_{n}_grams"] for n in (2, 3, 4))


def test_the_same_run_for_datatrove():
    """datatrove counts the second copy, n words at a time, over the whole text with its spaces."""
    pytest.importorskip("spacy")
    found = signals(f"{run(0, 90)} {run(0, 10)}", dialect="datatrove")
    assert [40 / 499, *(4 * n / 499 for n in range(6, 11))] == [found[f"duplicate_{n}_grams"] for n in range(5, 11)]
    assert (2 * 9 / 499, 2 * 14 / 499, 2 * 19 / 499) == tuple(found[f"top_{n}_grams"] for n in (2, 3, 4))


def test_a_text_in_which_nothing_comes_back():
    """datatrove counts a top n-gram that occurs once, the paper's reading does not."""
    pytest.importorskip("spacy")
    assert [None, "top_2_grams>0.2"] == [
        verdicts(GopherRepetition(dialect=dialect), ["one two three"])[0] for dialect in ("paper", "datatrove")
    ]


def test_lines_of_the_paper_are_stripped_and_not_blank():
    """White space around lines and blank lines between them do not matter."""
    found = signals("ab \n\n\n\tab\r\n\u3000\nété")
    assert (1 / 3, 2 / 7, 1 / 3, 2 / 7) == tuple(found.values())[:4]


def test_lines_of_datatrove_stand_as_they_are():
    """Runs of line feeds part lines, of which the first and last may be empty; white space stays."""
    pytest.importorskip("spacy")
    found = signals("\n\nab \n\nab\nab\n\n", dialect="datatrove")
    # paragraphs: "ab ", "ab\nab"; lines: "", "ab ", "ab", "ab", ""
    assert (0, 0, 2 / 5, 2 / 14) == tuple(found.values())[:4]


def test_pieces_of_dclm():
    """The first copy is a duplicate too, and only empty lines part paragraphs, which are stripped."""
    assert (2 / 3, 4 / 7) * 2 == tuple(signals("\n\nab\n\n\nab \n\ncdé", dialect="dclm").values())[:4]
    assert (0, 0, 1, 1) == tuple(signals("ab\n \nab", dialect="dclm").values())[:4]


def test_pieces_of_dolma():
    """Lines stand as they are, blank ones too; the first copy is a duplicate, and words' code points are the whole."""
    found = signals("ab \n\nab\nab\n\ncd", dialect="dolma")
    assert (0, 0, 4 / 6, 4 / 8, 2 * 4 / 8, 6 / 8, 8 / 8, 0) == tuple(found.values())[:8]


def test_a_run_of_words_that_comes_back_for_dolma():
    """Both copies of each n-gram count whole, against all n-grams."""
    found = signals(f"{run(0, 90)} {run(0, 10)}", dialect="dolma")
    assert [2 * (11 - n) / (101 - n) for n in range(5, 11)] == [found[f"duplicate_{n}_grams"] for n in range(5, 11)]
    assert [2 * n / 100 for n in (2, 3, 4)] == [found[f"top_{n}_grams"] for n in (2, 3, 4)]


def test_pieces_of_nemo():
    """Lines are not blank but unstripped, paragraphs may be blank, first copies do not count."""
    found = signals("ab\nab\n\n\nab \n \n\n\n\nab\nab", dialect="nemo")
    # lines: "ab" "ab" "ab " "ab" "ab"; paragraphs: "ab\nab" "\nab \n " "" "ab\nab"
    assert (1 / 4, 5 / 16, 3 / 5, 6 / 11) == tuple(found.values())[:4]


def test_a_run_of_words_that_comes_back_for_nemo():
    """The second copy counts with the spaces inside it, over the whole text."""
    found = signals(f"{run(0, 90)} {run(0, 10)}", dialect="nemo")
    # ten words of 4 letters, the first n with n - 1 spaces, each further one with one
    assert [(40 + (n - 1) + (10 - n)) / 499 for n in range(5, 11)] == [
        found[f"duplicate_{n}_grams"] for n in range(5, 11)
    ]
    assert [2 * (5 * n - 1) / 499 for n in (2, 3, 4)] == [found[f"top_{n}_grams"] for n in (2, 3, 4)]


def test_top_grams_of_nemo_are_searched_in_the_text():
    """A copy may begin and end inside of words, and one over a line end is not found."""
    assert 3 * 5 / 22 == signals("an ox an ox can oxen x", dialect="nemo")["top_2_grams"]
    assert 0 == signals("an\nox", dialect="nemo")["top_2_grams"]


def test_short_documents_of_nemo():
    """With less than n words the share of n-grams is 1; blank texts are dropped for their paragraphs."""
    found = signals(run(0, 7), dialect="nemo")
    ones = [name for name, value in found.items() if value == 1]
    assert ["duplicate_8_grams", "duplicate_9_grams", "duplicate_10_grams"] == ones
    expected = ["duplicate_paragraphs>0.3"] * 2 + [None]
    assert expected == verdicts(GopherRepetition(dialect="nemo"), ["", "\n \n\n", run(0, 50)])


def test_order_of_judging():
    """Paragraphs are judged before lines, lines before words, as datatrove does."""
    names = list(limits(GopherRepetition()))
    assert ["duplicate_paragraphs", "duplicate_paragraph_characters", "duplicate_lines"] == names[:3]


def test_nothing_to_count():
    """Texts without words have signals of zero and are kept; an empty batch is measured."""
    assert [None, None, None] == verdicts(GopherRepetition(), ["", " \u3000", "\n"])
    assert [] == verdicts(GopherRepetition(), [])


def test_nothing_to_count_for_datatrove():
    """A line feed lies between two empty lines, which are equal."""
    pytest.importorskip("spacy")
    expected = [None, None, "duplicate_lines>0.3"]
    assert expected == verdicts(GopherRepetition(dialect="datatrove"), ["", " \u3000", "\n"])
    assert [] == verdicts(GopherRepetition(dialect="datatrove"), [])


def test_a_splitter_does_not_go_with_a_dialect_of_its_own():
    """A splitter is refused where the dialect names its own."""
    with pytest.raises(ValueError, match="dialect datatrove splits words its own way"):
        GopherRepetition(dialect="datatrove", splitter="whitespace")
