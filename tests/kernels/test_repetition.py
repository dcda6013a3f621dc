"""Runs of words, lines and paragraphs that repeat."""

import itertools

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers, lines, pieces, repetition, unicode, words
from tests.kernels import reference_gopher as reference

# Few different words, and whole runs of them again, so that long n-grams repeat, overlap and touch.
RUN = st.lists(st.sampled_from(["a", "bb", "ccc", "漢", "é", "x1"]), max_size=14)
WORDS = st.lists(st.tuples(RUN, st.integers(1, 3)), max_size=6).map(
    lambda runs: [w for run, k in runs for w in run * k]
)
DOCUMENTS = st.lists(WORDS, max_size=4)
TEXTS = st.lists(st.one_of(st.text(), st.text(alphabet="ab \n\n\n\t\x0bé\u3000", max_size=60)), max_size=5)


def view(texts):
    """Texts as the kernels see them, from a slice of a larger array."""
    return buffers.text(pa.array(["päd\n\npäd", *texts]).slice(1))


def grams(documents, gaps=False, longest=True, singles=False, counting=repetition.ONCE):
    """The counts of n-grams of documents given as lists of words."""
    text = view([" ".join(found) for found in documents])
    offsets, _, _, hashes, chars, _ = words.split_whitespace(*text, unicode.tables().kinds)
    return repetition.count_grams(offsets, hashes, chars, gaps, longest, singles, counting)


@given(DOCUMENTS, st.booleans(), st.booleans(), st.booleans())
def test_top_grams(documents, gaps, longest, singles):
    """The top n-gram is the twin's, under every reading."""
    options = {"gaps": gaps, "longest": longest, "singles": singles}
    expected = [[reference.top(d, n, **options) for n in (2, 3, 4)] for d in documents]
    assert expected == grams(documents, **options)[0].tolist()


@given(DOCUMENTS)
def test_covered_grams(documents):
    """Words in n-grams that repeat are the twin's, each counted once."""
    expected = [[reference.covered(d, n) for n in range(5, 11)] for d in documents]
    assert expected == grams(documents)[1].tolist()


@given(DOCUMENTS)
def test_skipped_grams(documents):
    """n-grams met before are the twin's, where the search goes on behind each."""
    expected = [[reference.skipped(d, n) for n in range(5, 11)] for d in documents]
    assert expected == grams(documents, counting=repetition.SKIPPING)[1].tolist()


@given(DOCUMENTS)
def test_each_gram(documents):
    """n-grams that repeat count with all copies, as the twin counts them, and are part of all n-grams."""
    expected = [[reference.each(d, n) for n in range(5, 11)] for d in documents]
    assert expected == grams(documents, counting=repetition.EACH)[1].tolist()


@given(DOCUMENTS)
def test_later_grams(documents):
    """Words in copies after the first are the twin's, with the spaces between them."""
    expected = [[reference.later(d, n) for n in range(5, 11)] for d in documents]
    assert expected == grams(documents, counting=repetition.LATER)[1].tolist()


@given(DOCUMENTS, st.booleans())
def test_places_of_top_grams(documents, singles):
    """The place of the top n-gram is that of its first copy, counted over all documents."""
    places = grams(documents, longest=False, singles=singles)[3]
    firsts = np.cumsum([0, *map(len, documents)])
    for document, first, row in zip(documents, firsts, places.tolist(), strict=False):
        found = [reference.top_place(document, n, singles=singles) for n in (2, 3, 4)]
        assert [place if place < 0 else first + place for place in found] == row


@given(st.lists(st.text(st.sampled_from("ab é漢\n"))))
def test_phrases(texts):
    """A phrase covers what str.replace takes out."""
    text = view(texts)
    offsets, starts, ends, hashes, chars, _ = words.split_whitespace(*text, unicode.tables().kinds)
    places = repetition.count_grams(offsets, hashes, chars, True, False, True, repetition.LATER)[3]
    found = repetition.count_phrases(*text, starts, ends, places)
    assert [[reference.phrase(t, n) for n in (2, 3, 4)] for t in texts] == found.tolist()


@given(DOCUMENTS)
def test_all_grams(documents):
    """The code points of all n-grams are the twin's."""
    offsets = np.cumsum([0, *map(len, documents)])
    chars = np.array([len(w) for d in documents for w in d], np.int32)
    expected = [[reference.all_grams(d, n) for n in range(5, 11)] for d in documents]
    assert expected == repetition.count_all_grams(offsets, chars).tolist()


def test_characters_of_words():
    """The code points of all words are given with the counts."""
    assert [6, 0, 3] == grams([["a", "bb", "ccc"], [], ["漢", "é", "a"]])[2].tolist()


def test_worked_grams():
    """Ten different words twice: all lie in n-grams that repeat, and copies are met n words at a time."""
    text = [f"w{n}" for n in range(10)] * 2
    assert [[40] * 6] == grams([text])[1].tolist()
    assert [[20, 12, 14, 16, 18, 20]] == grams([text], counting=repetition.SKIPPING)[1].tolist()
    assert [[120, 120, 112, 96, 72, 40]] == grams([text], counting=repetition.EACH)[1].tolist()
    assert [[8, 12, 16]] == grams([text])[0].tolist()
    assert [[10, 16, 22]] == grams([text], gaps=True)[0].tolist()


def test_one_word_over_and_over():
    """A word a hundred times: overlapping copies of the 2-gram count, so the top may exceed the text."""
    assert [[198, 294, 388]] == grams([["a"] * 100])[0].tolist()
    assert [[100] * 6] == grams([["a"] * 100])[1].tolist()


def test_documents_do_not_see_each_other():
    """What one document holds is no copy in the next."""
    text = [f"w{n}" for n in range(12)]
    tops, repeated, _, places = grams([text, text, text])
    assert [[-1] * 3] * 3 == places.tolist()
    assert not tops.any()
    assert not repeated.any()


def piece_texts(data, offsets, starts, ends):
    """The pieces of each document as texts."""
    found = [data.tobytes()[a:b].decode() for a, b in zip(starts, ends, strict=True)]
    return [found[a:b] for a, b in itertools.pairwise(offsets)]


@given(TEXTS, st.integers(1, 3), st.booleans())
def test_split_runs(texts, least, whole):
    """Pieces are what re.split gives, or str.split where runs are not taken whole."""
    text = view(texts)
    found = pieces.split_runs(text.offsets[:-1], text.offsets[1:], text.data, least, whole)
    expected = [reference.runs(t, least) if whole else t.split("\n" * least) for t in texts]
    assert expected == piece_texts(text.data, *found)


@given(TEXTS)
def test_solid_lines_and_paragraphs(texts):
    """Lines are stripped and not blank; paragraphs are equal when all their lines are."""
    text = view(texts)
    table = lines.lines(*text)
    found = pieces.solid_lines(
        text.data, table.offsets, table.starts, table.ends, table.inner_starts, table.inner_ends,
        table.characters, table.hashes,
    )  # fmt: skip
    for expected, (offsets, chars, hashes) in zip(
        zip(*map(reference.solid, texts), strict=True) if texts else ([], []), (found[:3], found[3:]), strict=True
    ):
        plain = [["\n".join(p) if isinstance(p, list) else p for p in document] for document in expected]
        counted = pieces.sum_pieces(offsets, lines.repeats(offsets, hashes), chars)
        assert [_sums(document) for document in plain] == counted.tolist()


def _sums(document):
    """The twin's sums, without the line feeds inside paragraphs."""
    again = [p for i, p in enumerate(document) if p in document[:i]]
    size = sum(len(p.replace("\n", "")) for p in document)
    return [len(document), len(again), size, sum(len(p.replace("\n", "")) for p in again)]


@given(TEXTS)
def test_sum_pieces(texts):
    """Pieces are summed up as the twin does."""
    text = view(texts)
    offsets, starts, ends = pieces.split_runs(text.offsets[:-1], text.offsets[1:], text.data, 1, True)
    again = lines.repeats(offsets, lines.hash_ranges(text.data, starts, ends))
    found = pieces.sum_pieces(offsets, again, lines.count_characters(text.data, starts, ends))
    assert [reference.sums(reference.runs(t, 1)) for t in texts] == found.tolist()


def test_an_empty_batch():
    """No documents give no counts."""
    assert [(0, 3), (0, 6), (0,), (0, 3)] == [found.shape for found in grams([])]
    none = np.zeros(0, np.int64)
    assert [0] == pieces.split_runs(none, none, np.zeros(0, np.uint8), 1, True)[0].tolist()
