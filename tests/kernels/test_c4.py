"""The line rules of C4 equal their plain definition, on all of Unicode."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill import documents, spans
from corpusmill.filters.c4 import C4
from corpusmill.kernels import buffers
from corpusmill.kernels.line_edits import keep_lines
from corpusmill.kernels.lines import splitlines
from corpusmill.kernels.sentences import count_sentences, pack
from corpusmill.view import View
from tests.kernels import reference_c4 as reference

PIECES = [
    *"\n\r\u2028 \t\u3000.?!\"'’”)[]{}:é😀a",
    *(
        "...",
        "one two three four five.",
        "Ends well.",
        "w" * 12,
        "ww ",
        "lorem ipsum",
        "Lorem ",
        "IPSUM",
        "java",
        "JavaScript",
    ),
    *(
        "script",
        "terms of use",
        "Terms Of",
        " Use",
        "privacy policy",
        "cookie",
        "coo\u212aie",
        " policy",
        "uses cookies",
    ),
    *(
        "use of cookies",
        "use coo\u212aies",
        "use ",
        "[12]",
        "[]",
        "[edit]",
        "[citation needed]",
        "[\u0663]",
        "[1\u0967]",
        "[a]",
    ),
    *("[ed", "it]", "[[1]", "[1", "Mr", "e.g", "U.S", "J", "I"),
]
LINES = st.lists(
    st.one_of(st.sampled_from(PIECES), st.characters(exclude_categories=["Cs"]), st.just("Five words make a line. ")),
    max_size=14,
).map("".join)
TEXTS = st.lists(LINES, max_size=5)
ABBREVIATIONS = ("mr", "fig", "december")


def run(texts, **options):
    """The signals of texts as lists, and the texts after the edit."""
    batch = documents.from_texts(texts)
    measured = C4(**options).build()(View(batch))
    after = spans.apply(batch.column("text"), measured.edits).to_pylist()
    return {name: values.tolist() for name, values in measured.signals.items()}, after


@given(TEXTS, st.booleans())
@example(["[1] Five words make a line. [2]", "[1]\n[2]", "a\n[1]\n\nb"], False)
@example(["[1] Five words make a line.\r\n\r\nFive words make a line."], True)
def test_texts_and_counts_are_those_of_the_plain_definition(texts, end_marks):
    """Text, kept lines and every count equal those taken over Python strings, with few words a line and with many."""
    for least, longest in ((5, 10), (0, 1000)):
        signals, after = run(texts, terminal_punctuation=end_marks, min_words_per_line=least, max_word_length=longest)
        expected = [
            reference.page(
                text, marks=(".", "?", "!", '"'), least=least, before=False, longest=longest, end_marks=end_marks
            )
            for text in texts
        ]
        assert after == [page[0] for page in expected]
        assert signals["characters"] == [len(text) for text in texts]
        assert signals["kept_lines"] == [len(page[1]) for page in expected]
        for signal, rule in (
            ("lines_with_long_word", "long"),
            ("lines_without_end_mark", "end"),
            ("lines_too_short", "few"),
            ("lorem_ipsum", "lorem"),
            ("lines_with_javascript", "javascript"),
            ("curly_bracket", "curly"),
            ("lines_with_policy", "policy"),
        ):
            assert signals[signal] == [page[2][rule] for page in expected], signal


@given(TEXTS)
def test_the_datatrove_dialect_is_its_plain_definition(texts):
    """Words are counted before citations go, and an apostrophe ends a line."""
    pytest.importorskip("spacy")
    signals, after = run(texts, dialect="datatrove")
    expected = [reference.page(text, marks=(".", "?", "!", '"', "'"), least=3, before=True) for text in texts]
    assert after == [page[0] for page in expected]
    assert signals["kept_lines"] == [len(page[1]) for page in expected]


@given(LINES)
@example(
    "He met Mr. Smith. Then J. R. Ewing left... and came back... Then U.S. troops, e.g. ten! \u201dOh.\u201d He said (no.) x"
)
def test_sentences_are_those_of_the_plain_rules(line):
    """The count equals that of the rules written over Python strings."""
    data = np.frombuffer(line.encode(), np.uint8)
    expected = reference.sentences(line, ABBREVIATIONS)
    assert count_sentences(data, 0, len(data), pack(ABBREVIATIONS)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("One. Two! Three?", 3),
        ("No end", 1),
        ("  ", 0),
        ("Mr. Fig. Tree came. He went.", 2),
        ("It has 3.5 parts. See e.g. the U.S. ones.", 2),
        ('"Stop!" he said. (Really.) Yes', 4),
        ("Wait... what? Well... Yes.", 3),
        ("Wait.. what?. Well.. Yes.", 3),
        ("He came in xmr. Then left. ", 2),
        ("Seven ends 7mr. And so on", 2),
        ("\u201cMr. One, a\u00a0Mr. Two, the\u2014Mr. Three", 1),
        ("\u00e9mr. Two", 2),
    ],
)
def test_sentences_worked_by_hand(line, expected):
    """Abbreviations, initials and trailing dots are no ends; quotes and brackets close a sentence."""
    data = np.frombuffer(line.encode(), np.uint8)
    assert count_sentences(data, 0, len(data), pack(ABBREVIATIONS)) == expected


def test_abbreviations_are_ascii_words():
    """A word that cannot be looked up is refused."""
    with pytest.raises(ValueError, match=r"found 'e\.g'"):
        pack(["mr", "e.g"])


def test_abbreviations_may_come_from_an_iterator():
    """A generator is read only once; the table is sorted, and holds each word once."""
    assert pack(word for word in ("mr", "fig", "mr")).tolist() == [
        int.from_bytes(b"mr", "big"),
        int.from_bytes(b"fig", "big"),
    ]


@given(TEXTS, st.randoms(use_true_random=False))
def test_only_kept_lines_without_cuts_remain(texts, random):
    """Any choice of lines and of cuts inside them gives the lines left, joined and stripped."""
    text = buffers.text(pa.array(texts, pa.string()))
    lines, starts, ends = splitlines(*text)
    kept = np.array([random.random() < 0.6 for _ in starts], bool)
    raw = text.data.tobytes()
    cuts, parts = [], []
    for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
        places = [start + k for k in range(end - start + 1) if k == end - start or raw[start + k] & 0xC0 != 0x80]
        chosen = sorted(random.sample(places, min(len(places) // 2 * 2, 4)))
        pairs = list(zip(chosen[::2], chosen[1::2], strict=True))
        cuts += pairs
        edges = [start, *(place for pair in pairs for place in pair), end]
        parts.append(b"".join(raw[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)).decode())
    expected = [
        "\n".join(parts[k] for k in range(first, last) if kept[k]).strip() for first, last in pairwise(lines.tolist())
    ]
    found = keep_lines(
        *text,
        lines,
        starts,
        ends,
        kept,
        np.array([a for a, _ in cuts], np.int64),
        np.array([b for _, b in cuts], np.int64),
    )
    edits = spans.Spans(*found, replacements=(b"", b"\n"))
    assert spans.apply(pa.array(texts, pa.string()), edits).to_pylist() == expected


def test_a_text_of_kept_lines_is_left_alone():
    """Where nothing is to be done there is no span."""
    batch = documents.from_texts(["Five words make a line.\nFive words make a line."])
    assert len(C4().build()(View(batch)).edits) == 0
