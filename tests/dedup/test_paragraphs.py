"""Paragraph dedup: what overlaps with what came before goes, and groups of shards agree with one pass."""

import dataclasses
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill import documents, spans
from corpusmill.dedup import paragraphs
from corpusmill.dedup.paragraphs import ParagraphDedup
from corpusmill.kernels import bloom
from corpusmill.signals import judge
from corpusmill.spec import Bounds, limits
from corpusmill.view import View
from tests.kernels.reference_words import uax29_words

WORDS = st.lists(st.sampled_from(["a", "b", "c", "é", "don't", "3.5", ",", "漢", "A"]), max_size=9).map(" ".join)
TEXTS = st.lists(st.lists(WORDS, max_size=5).map("\n".join), max_size=6)
SMALL = ParagraphDedup(ngram=3, min_words=2, overlap=0.5, expected_ngrams=100_000, false_positive_rate=1e-6)


def scan(texts, step, bits=None):
    """What is left of each text, its signal, and the filter after it, document by document."""
    bits = paragraphs.empty_filter(step) if bits is None else bits
    batch = documents.from_texts(texts)
    found = paragraphs.scan(bits, View(batch), step)
    after = spans.apply(batch.column("text"), found.edits)
    after.validate(full=True)
    return after.to_pylist(), found.signals["duplicated_share"].tolist(), bits


def plain(texts, step):
    """The same with a Python set for the filter."""
    seen, left, shares = set(), [], []
    for text in texts:
        kept, total, again = [], 0, 0
        for paragraph in text.split("\n"):
            words = uax29_words(paragraph)
            runs = [tuple(words[k : k + step.ngram]) for k in range(len(words) - step.ngram + 1)]
            if not runs and len(words) >= step.min_words:
                runs = [tuple(words)]
            known = sum(run in seen for run in runs)
            if not runs or known / len(runs) <= step.overlap:
                kept.append(paragraph)
            seen.update(runs)
            total += len(runs)
            again += known
        left.append("\n".join(kept))
        shares.append(again / total if total else 0.0)
    return left, shares


@given(TEXTS)
def test_a_scan_is_its_plain_definition(texts):
    """Texts and shares equal those of a set of runs of words; a large filter finds no run by chance."""
    after, shares, _ = scan(texts, SMALL)
    assert (after, shares) == plain(texts, SMALL)


@given(TEXTS, st.lists(st.integers(0, 6), max_size=3), st.integers(1, 40))
def test_groups_of_shards_give_what_one_pass_gives(texts, cuts, expected):
    """Filters of groups filled alone, the union of those before each group, and a scan: bit for bit the serial pass.

    The filter is far too small, so that the runs it finds by chance must be the same too.
    """
    step = dataclasses.replace(SMALL, expected_ngrams=expected, false_positive_rate=0.3)
    serial, shares, full = scan(texts, step)
    bounds = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
    groups = [texts[a:b] for a, b in itertools.pairwise(bounds)]
    filters = []
    for group in groups:
        filters.append(paragraphs.empty_filter(step))
        for text in reversed(group):
            paragraphs.fill(filters[-1], View(documents.from_texts([text])), step)
    found, signals, before = [], [], paragraphs.empty_filter(step)
    for group, bits in zip(groups, filters, strict=True):
        after, values, state = scan(group, step, before.copy())
        before |= bits
        assert state.tolist() == before.tolist()
        found += after
        signals += values
    assert (found, signals) == (serial, shares)
    assert before.tolist() == full.tolist()


@given(TEXTS)
def test_a_second_run_cuts_nothing(texts):
    """What is left overlaps no more than before, whatever the filter finds by chance."""
    step = dataclasses.replace(SMALL, expected_ngrams=20, false_positive_rate=0.3)
    once, _, _ = scan(texts, step)
    assert scan(once, step)[0] == once


TEXT = " ".join(f"word{k}" for k in range(30))
NEW = " ".join(f"other{k}" for k in range(30))
STEP = ParagraphDedup(expected_ngrams=100_000, false_positive_rate=1e-6)


def test_paragraphs_seen_before_go_and_documents_of_them_are_dropped():
    """The first copy stays, the second goes with its line feed, and a document of little else breaks its bound."""
    after, shares, _ = scan([TEXT, f"{NEW}\n{TEXT}", TEXT], STEP)
    assert after == [TEXT, NEW, ""]
    assert shares == [0, 0.5, 1]
    verdict = judge(STEP, {"duplicated_share": np.array(shares)})
    assert [code >= 0 for code in verdict.codes] == [False, False, True]
    assert verdict.reasons[verdict.codes[2]] == "duplicated_share>0.8"


def test_the_overlap_itself_is_kept():
    """Eight tenths are not more than eight tenths: of ten runs, eight seen stay and nine seen go."""
    words = TEXT.split()
    first = " ".join(words[:22])  # ten runs of 13
    for known, kept in ((20, True), (21, False)):
        second = " ".join([*words[:known], *NEW.split()[: 22 - known]])
        assert (scan([first, second], STEP)[0][1] == second) is kept


def test_repeats_in_the_document_go_and_in_the_paragraph_stay():
    """A paragraph is looked at as a whole before it is added."""
    assert scan([f"{TEXT}\n{TEXT}"], STEP)[0] == [TEXT]
    assert scan([f"{TEXT} {TEXT}"], STEP)[0] == [f"{TEXT} {TEXT}"]


def test_short_paragraphs_are_kept_or_matched_whole():
    """Below `min_words` there is nothing to match; from there to `ngram` a paragraph is one n-gram."""
    short = "eleven words are too few here and so they all stay"
    assert scan([short, short], STEP)[:2] == ([short, short], [0, 0])
    whole = dataclasses.replace(STEP, min_words=5)
    assert scan([short, short, f"{short} too"], whole)[:2] == ([short, "", f"{short} too"], [0, 1, 0])


def test_scanning_without_update_leaves_the_filter():
    """A filter that was filled before can be asked by all."""
    bits = paragraphs.empty_filter(STEP)
    view = View(documents.from_texts([TEXT, TEXT]))
    assert len(paragraphs.scan(bits, view, STEP, update=False).edits) == 0
    assert not bits.any()
    paragraphs.fill(bits, view, STEP)
    state = bits.copy()
    assert len(paragraphs.scan(bits, view, STEP, update=False).edits) == 2
    assert (bits == state).all()


def test_the_filter_is_sized_for_the_corpus():
    """By `expected_ngrams`, or where that is null by the number that was counted."""
    step = dataclasses.replace(STEP, expected_ngrams=None, false_positive_rate=0.01)
    found = paragraphs.ngram_hashes(View(documents.from_texts([TEXT, "", TEXT])), step)
    assert len(found.hashes) == 36
    assert len(paragraphs.empty_filter(step, 36)) == 8 * bloom.size(36, 0.01).blocks
    assert len(paragraphs.empty_filter(step, 0)) == 8
    with pytest.raises(ValueError, match="expected_ngrams: found null"):
        paragraphs.empty_filter(step)


def test_no_documents_and_empty_documents():
    """There is nothing to cut, and the share is a number."""
    for texts in ([], ["", "\n\n", " "]):
        assert scan(texts, STEP)[:2] == (texts, [0] * len(texts))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ngram": 0}, "ngram: found 0; expected 1 word or more"),
        ({"min_words": 14}, "min_words: found 14; expected 1 to 13, which is ngram"),
        ({"min_words": 0}, "min_words: found 0"),
        ({"overlap": 1.5}, "overlap: found 1.5; expected a share from 0 to 1"),
        ({"false_positive_rate": 0}, "false_positive_rate: found 0; expected a number"),
        ({"expected_ngrams": 0}, "expected_ngrams: found 0; expected 1 or more, or null"),
        ({"duplicated_share": Bounds(1, 0)}, "duplicated_share: bounds are reversed"),
    ],
)
def test_a_spec_refuses_what_cannot_be(options, message):
    """Each mistake is told with its field."""
    with pytest.raises(ValueError, match=message):
        ParagraphDedup(**options)


def test_a_spec_is_plain_data():
    """It pickles to an equal spec, and its limits are its signals."""
    assert STEP == pickle.loads(pickle.dumps(STEP))
    assert list(limits(STEP)) == ["duplicated_share"]
