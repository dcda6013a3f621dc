"""The rules of C4 on small worked pages."""

import pickle

import pytest

from corpusmill import documents, spans
from corpusmill.filters.c4 import C4
from corpusmill.signals import judge
from corpusmill.spec import Bounds, limits
from corpusmill.view import View

LINE = "Here are five plain words."


def page(*lines):
    """Lines under three good ones, so that the page has sentences enough."""
    return "\n".join([LINE, LINE, LINE, *lines])


def run(text, **options):
    """The signals of one text, its reason (None where it is kept), and the text after the edit."""
    step = C4(**options)
    batch = documents.from_texts([text])
    measured = step.build()(View(batch))
    assert list(measured.signals) == list(limits(step))
    verdict = judge(step, measured.signals)
    reason = None if verdict.codes[0] < 0 else verdict.reasons[verdict.codes[0]]
    after = spans.apply(batch.column("text"), measured.edits)[0].as_py()
    return {name: values.tolist()[0] for name, values in measured.signals.items()}, reason, after


@pytest.mark.parametrize(
    ("line", "signal"),
    [
        ("One word is far too long " + "w" * 1001 + ".", "lines_with_long_word"),
        ("Here are five plain words", "lines_without_end_mark"),
        ("Here are five plain words...", "lines_without_end_mark"),
        ("Here are five plain words'", "lines_without_end_mark"),
        ("Here are four words.", "lines_too_short"),
        ("Please enable JavaScript in your browser.", "lines_with_javascript"),
        ("Read our Privacy Policy before you go.", "lines_with_policy"),
        ("This site uses cookies for your pleasure.", "lines_with_policy"),
    ],
)
def test_each_line_rule_drops_its_line_and_counts_it(line, signal):
    """The line goes, the page stays, and the rule's own count is the only one that rises."""
    signals, reason, after = run(page(line))
    assert reason is None
    assert after == page()
    assert {name: value for name, value in signals.items() if name.startswith("lines_") and value} == {signal: 1}
    assert signals["kept_lines"] == 3


@pytest.mark.parametrize("end", [".", "?", "!", '"'])
def test_each_end_mark_keeps_a_line(end):
    """The four marks of the code end a line well."""
    line = "Here are five plain words" + end
    assert run(page(line))[2] == page(line)


def test_a_word_of_a_thousand_characters_stays():
    """The limit itself is inside, and characters are counted, not bytes."""
    line = "Here are four words and " + "é" * 999 + "."
    assert run(page(line))[2] == page(line)


def test_citations_are_cut_out_of_lines():
    """Numbers in brackets, empty brackets and the wiki's own go; other brackets stay."""
    line = "These[1] are[] five[edit] plain[citation needed] words[a][22]."
    assert run(page(line))[2] == page("These are five plain words[a].")


def test_words_are_counted_after_citations_go():
    """A citation that stands alone is no word for the reference, and one for datatrove."""
    line = "Here [1] are three."
    assert run(page(line))[0]["lines_too_short"] == 1
    pytest.importorskip("spacy")
    assert run(page("Only [1] two."), dialect="datatrove")[2] == page("Only  two.")


def test_lorem_ipsum_drops_the_page():
    """The phrase counts in any case, also where the line has "javascript" too."""
    assert run(page("Here we say Lorem Ipsum dolor sit."))[1] == "lorem_ipsum>0"
    assert run(page("Here we say lorem ipsum and javascript."))[1] == "lorem_ipsum>0"


def test_a_curly_bracket_drops_the_page():
    """One bracket in a line that is kept is enough."""
    assert run(page("Here are { five plain words."))[1] == "curly_bracket>0"


@pytest.mark.parametrize(
    "line",
    [
        "function() {",
        "if { short }.",
        "Lorem ipsum dolor sit amet, consectetur",
        "Here javascript has a { bracket.",
        "Long { lorem ipsum word " + "w" * 1001 + ".",
    ],
)
def test_a_line_that_went_before_does_not_drop_the_page(line):
    """The page's rules look only at lines that no earlier rule dropped."""
    assert run(page(line))[1:] == (None, page())


def test_a_policy_line_with_a_bracket_drops_the_page():
    """The bracket is looked for before the phrases of notices."""
    assert run(page("Read { our terms of use today."))[1] == "curly_bracket>0"


def test_an_open_bound_leaves_the_rule_out():
    """Without the bounds, such lines are lines like any other."""
    line = "Here { we say lorem ipsum."
    open_ends = Bounds(None, None)
    assert run(page(line), lorem_ipsum=open_ends, curly_bracket=open_ends)[1:] == (None, page(line))


def test_pages_with_few_sentences_are_dropped():
    """Three sentences are enough, and only those of kept lines count."""
    assert run(f"{LINE}\n{LINE}\nOne. Two. Three")[:2][1] == "sentences<3"
    assert run(f"{LINE}\nHere are two more. In one line.")[1] is None


def test_an_abbreviation_of_the_packaged_list_ends_no_sentence():
    """Titles do not break a sentence, on pages of one line and at the bound of three."""
    assert run("Dr. Smith met Mr. Jones.")[0]["sentences"] == 1
    text = "Dr. Smith met Mr. Jones.\nThey saw Prof. Brown of Acme Inc. there."
    assert run(text)[0]["sentences"] == 2
    assert run(text)[1] == "sentences<3"
    assert run(text + " They left.")[:2][1] is None


def test_long_pages_are_dropped_by_the_reference():
    """A page of 190,000 characters stays and one more is too many, for the reference only."""
    text = page() + "\n" + "x" * (190_000 - len(page()) - 1)
    assert run(text)[1] is None
    assert run(text + "x")[1] == "characters>190000"


def test_the_dialects_fix_their_own_bounds():
    """What is not given is the dialect's own, and what is given stays."""
    reference, datatrove = C4(), C4(dialect="datatrove")
    assert (reference.min_words_per_line, reference.sentences) == (5, Bounds(3, None))
    assert (datatrove.min_words_per_line, datatrove.sentences) == (3, Bounds(5, None))
    assert (reference.characters, datatrove.characters) == (Bounds(None, 190_000), Bounds(None, None))
    assert C4(dialect="datatrove", min_words_per_line=5).min_words_per_line == 5
    assert pickle.loads(pickle.dumps(datatrove)) == datatrove


def test_datatrove_counts_five_sentences_and_takes_an_apostrophe():
    """Four sentences are too few for that dialect, and `'` ends a line."""
    pytest.importorskip("spacy")
    four = "Just three words.\nHe said 'three words.'\nThree more words. And more!"
    assert run(four, dialect="datatrove")[1] == "sentences<5"
    assert run(four + " One.", dialect="datatrove")[1:] == (None, four + " One.")


def test_fineweb_leaves_the_end_marks_out():
    """Without that rule, headings of enough words stay and are sentences."""
    heading = "A heading of five words"
    assert run("\n".join([heading] * 3), terminal_punctuation=False)[1:] == (None, "\n".join([heading] * 3))


def test_an_empty_page_is_dropped_with_finite_signals():
    """A page without lines has no sentence."""
    for text, lines in (("", 0), ("\n\n", 2), (" ", 1)):
        signals, reason, after = run(text)
        assert (reason, after) == ("sentences<3", "")
        assert (signals["kept_lines"], signals["sentences"], signals["lines_without_end_mark"]) == (0, 0, lines)
