"""Marks are what the signals count: on a whole text, from the marks alone follows the value that the filter measures."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill import C4, FineWebQuality, GopherQuality, GopherRepetition, documents, marks, stats
from corpusmill.filters import gopher_quality
from corpusmill.view import View

PIECES = [
    "a", "river", "Winter", "the", "12", "--", "#", "##", "...", "…", ". . .", "- ", "* ", "•", " ", "  ", "\n", "\n\n",
    "\r\n", "\u2028", ".", "?", "{", "Lorem Ipsum", "lorem ipsum dolor sit amet and more.", "été", "read more", "same line",
    "\nsame line\n", "It was a long winter for the river. It was a long winter for the river. Then it ended.", "é" * 12,
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES), max_size=40).map("".join).filter(lambda text: len(text) != stats.PASSAGE)


def measured(step, text, signal):
    """The value of a signal."""
    return float(step.build()(View(documents.from_texts([text]))).signals[signal][0])


def parts(step, reason, text):
    """The marks, which are in order and apart."""
    found = list(marks.marker(step, reason)(text))
    ends = [0, *(end for part in found for end in part[:2])]
    assert ends == sorted(ends)
    assert ends[-1] <= len(text)
    return found


def share(part, whole):
    """As the filters have it."""
    return part / whole if whole else 0.0


@given(texts)
@settings(max_examples=60, deadline=None)
def test_gopher_quality(text):
    """Bullets, ellipses, signs and words, in the dialects that need no model."""
    for dialect in ("paper", "dclm", "dolma", "nemo"):
        step = GopherQuality(dialect=dialect)
        words = View(documents.from_texts([text])).words(gopher_quality.READINGS[dialect].splitter)
        count = len(words.starts)
        lines = [line for line in text.split("\n") if line.strip() or dialect == "dolma"]
        for signal in ("bullet_lines", "ellipsis_lines") if lines else ():
            value = measured(step, text, signal)
            assert value == pytest.approx(share(len(parts(step, f"{signal}>0.5", text)), len(lines)))
        unlettered = len(parts(step, "alphabetic_words<0.8", text))
        assert measured(step, text, "alphabetic_words") == pytest.approx(share(count - unlettered, count))
        if dialect in ("paper", "dclm"):
            both = dialect == "dclm" and ".." in text and ". ." in text  # one may begin inside of the other
            for signal in ("hash_ratio", "ellipsis_ratio")[: 1 if both else 2] if count else ():
                assert measured(step, text, signal) == pytest.approx(len(parts(step, f"{signal}>0.1", text)) / count)
            long, short = (parts(step, f"mean_word_length{sign}", text) for sign in (">3", "<4"))
            assert [count, [p for p in long if p.end - p.start <= 3]] == [len(long) + len(short), []]


@given(texts)
@settings(max_examples=60, deadline=None)
def test_gopher_repetition(text):
    """Repeated lines and paragraphs give the shares; repeated n-grams give theirs where each word counts once."""
    for dialect in ("paper", "dclm", "dolma", "nemo"):
        step = GopherRepetition(dialect=dialect)
        lines = [line for line in text.split("\n") if line.strip()]
        if dialect != "dolma" and lines:  # there blank lines count too, and cannot be seen
            found = parts(step, "duplicate_lines>0.3", text)
            assert measured(step, text, "duplicate_lines") == pytest.approx(len(found) / len(lines))
    step = GopherRepetition()
    blocks = len(list(marks._paragraphs(text)))
    found = parts(step, "duplicate_paragraphs>0.3", text)
    assert measured(step, text, "duplicate_paragraphs") == pytest.approx(share(len(found), blocks))
    solid = [len("".join(text[part.start : part.end].split())) for part in parts(step, "duplicate_5_grams>0.1", text)]
    whole = len("".join(text.split()))
    assert measured(step, text, "duplicate_5_grams") == pytest.approx(share(sum(solid), whole))
    assert marks.marker(step, "top_2_grams>0.2") is None


@given(texts)
@settings(max_examples=60, deadline=None)
def test_lines_of_fineweb_and_c4(text):
    """Lines without a mark, short ones, repeated ones; braces in lines that got so far; the lines that go."""
    step = FineWebQuality()
    lines = [line for line in text.split("\n") if line.strip()]
    bare, short = (len(parts(step, reason, text)) for reason in ("line_punct_ratio<0.12", "short_line_ratio>0.67"))
    assert measured(step, text, "line_punct_ratio") == pytest.approx(share(len(lines) - bare, len(lines)))
    assert measured(step, text, "short_line_ratio") == pytest.approx(share(short, len(lines)))
    again = sum(part.end - part.start for part in parts(step, "char_dup_ratio>0.01", text))
    assert measured(step, text, "char_dup_ratio") == pytest.approx(share(again, len(text.replace("\n", ""))))
    step = C4(terminal_punctuation=False, min_words_per_line=1)
    for signal, sign in (("curly_bracket", "{"), ("lorem_ipsum", "lorem ipsum")):
        found = parts(step, f"{signal}>0", text)
        assert {sign} >= {text[part.start : part.end].lower() for part in found}
        assert bool(found) == (measured(step, text, signal) > 0)
        assert len(found) >= measured(step, text, signal)  # which counts lines
    gone = parts(C4(), "sentences<3", text)
    assert {"cut"} >= {part.kind for part in gone}
    kept = [line for line in text.splitlines() if line.strip()]
    assert measured(C4(), text, "kept_lines") == len(kept) - len(gone)


def test_where_there_is_nothing_to_mark():
    """A signal without marks, and a text without any."""
    assert marks.marker(GopherQuality(), "words<50") is None
    assert 0 == marks.first(GopherQuality(), "words<50", "a text")
    assert 0 == marks.first(C4(), "curly_bracket>0", "a text of more than five words without one.")
    assert 36 == marks.first(C4(), "curly_bracket>0", "a text of more than five words with {one}.")


def test_a_line_that_the_passage_cuts_is_not_marked():
    """The beginning of a line says nothing of the line."""
    whole = "A line that is long enough to be none of the short ones.\n" * 14 + "cut he"
    text = whole[-stats.PASSAGE :]
    assert len(text) == stats.PASSAGE
    assert [] == parts(FineWebQuality(), "short_line_ratio>0.67", text)
