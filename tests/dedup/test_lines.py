"""Line and sentence dedup: one copy stays, whoever looks first, and the text that is left is whole."""

import dataclasses
import itertools
import pickle
import re
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill import spans
from corpusmill.dedup import lines
from corpusmill.dedup.lines import LineDedup
from corpusmill.kernels import buffers
from corpusmill.signals import judge
from corpusmill.spec import Bounds, limits
from tests.kernels import reference_c4

LINES = st.sampled_from(["One two.", " one TWO.\t", "É é", "three", "", " ", "Four. Five! six", "漢字。"])
PAGES = st.lists(st.lists(LINES, max_size=8).map("\n".join), max_size=6)
SENTENCES = st.lists(
    st.sampled_from(["One.", "Two two!", "DREI?", "Vier…", "Fünf.", "\n", "Sechs.\n", "Eins."]), max_size=12
).map(" ".join)


def ties(texts, shift=0):
    """A hash for each document, in an order of its own."""
    return [(k * 5 + 3 + shift) % 11 for k in range(len(texts))]


def dedup(texts, step, tie, shuffle=None):
    """What is left of each text, and the signals, when the keys of all are brought together in any order."""
    array = pa.array(texts, pa.string())
    text = buffers.text(array)
    units = lines.keys(text, step)
    counts = np.diff(units.offsets)
    document = np.repeat(np.arange(len(texts)), counts)
    index = np.arange(len(document))
    hashes = np.repeat(np.array(tie, np.uint64), counts)
    order = np.random.default_rng(shuffle).permutation(len(document)) if shuffle is not None else index
    drop = np.zeros(len(document), bool)
    drop[order] = lines.owners(units.high[order], units.low[order], document[order], hashes[order], index[order], step)
    found = lines.cut(text, units, drop, step)
    after = spans.apply(array, found.edits)
    after.validate(full=True)
    return after.to_pylist(), {name: values.tolist() for name, values in found.signals.items()}


def plain_lines(texts, tie, least=1):
    """C4's global line dedup over Python strings; the document with the smallest tie keeps a line, once."""
    seen, left = set(), {}
    for row in sorted(range(len(texts)), key=lambda row: (tie[row], row)):
        kept = []
        for line in texts[row].split("\n"):
            key = line.strip().lower()
            if len(key.split()) < least or key not in seen:
                kept.append(line)
            if len(key.split()) >= max(least, 1):
                seen.add(key)
        left[row] = "\n".join(kept)
    return [left[row] for row in range(len(texts))]


@given(PAGES, st.integers(1, 2))
@example(["a\n\nb\n\na", "b\nc\n", "A"], 1)
def test_lines_left_are_those_of_the_plain_definition(texts, least):
    """One page keeps a line, at its first place; blank lines and lines with few words are left alone."""
    step = LineDedup(owner="document", min_words=least)
    assert dedup(texts, step, ties(texts))[0] == plain_lines(texts, ties(texts), least)


def test_the_owner_keeps_and_repeats_in_the_page_go():
    """As in C4: the page with the smallest hash keeps the line once; case and white space at the ends do not matter."""
    texts = ["Shared line.\nMine.\n shared LINE. ", "Shared line.\nYours."]
    step = LineDedup(owner="document")
    assert dedup(texts, step, [1, 2])[0] == ["Shared line.\nMine.", "Yours."]
    assert dedup(texts, step, [2, 1])[0] == ["Mine.", "Shared line.\nYours."]
    assert dedup(texts, LineDedup(owner="document", normalise="strip"), [1, 2])[0][0] == texts[0]


@given(PAGES, st.sampled_from(["unit", "document"]), st.integers(0, 9))
def test_a_second_run_cuts_no_line(texts, owner, shift):
    """What is left holds each line once, so that running again changes nothing."""
    step = LineDedup(owner=owner)
    once, _ = dedup(texts, step, ties(texts))
    assert dedup(once, step, ties(texts, shift))[0] == once


@given(
    st.lists(SENTENCES, max_size=6),
    st.sampled_from(["line", "sentences"]),
    st.permutations(range(6)),
    st.integers(0, 99),
)
def test_no_order_matters(texts, unit, order, seed):
    """Documents in another order, and keys in any, give each document the same text."""
    step = LineDedup(unit=unit, sentences=2)
    tie = ties(texts)
    expected, signals = dedup(texts, step, tie)
    rows = [row for row in order if row < len(texts)]
    found, others = dedup([texts[row] for row in rows], step, [tie[row] for row in rows], shuffle=seed)
    assert found == [expected[row] for row in rows]
    assert others == {name: [values[row] for row in rows] for name, values in signals.items()}


@given(st.lists(SENTENCES, min_size=1, max_size=5), st.integers(0, 4))
def test_units_do_not_depend_on_neighbours(texts, cut):
    """The keys of two halves of a batch are the keys of the batch."""
    for step in (LineDedup(), LineDedup(unit="sentences", sentences=2)):
        array = pa.array(texts, pa.string())
        whole = lines.keys(buffers.text(array), step)
        halves = [lines.keys(buffers.text(part), step) for part in (array.slice(0, cut), array.slice(cut))]
        for k in range(1, 5):
            assert whole[k].tolist() == halves[0][k].tolist() + halves[1][k].tolist()


def plain_sentences(text):
    """The sentences of each line of a text; these texts have only ends that white space follows."""
    pieces = [re.split("(?<=[.!?]) ", line) for line in text.split("\n")]
    return [[part.strip() for part in line if part.strip()] for line in pieces]


def plain_runs(texts, tie, span):
    """For each text, line and sentence: whether it goes, because it lies in a run that another document keeps."""
    seen, gone = set(), {}
    for row in sorted(range(len(texts)), key=lambda row: (tie[row], row)):
        flat = [part.lower() for line in plain_sentences(texts[row]) for part in line]
        gone[row] = [False] * len(flat)
        for k in range(len(flat) - span + 1):
            run = tuple(flat[k : k + span])
            if run in seen:
                gone[row][k : k + span] = [True] * span
            seen.add(run)
    return [gone[row] for row in range(len(texts))]


@given(st.lists(SENTENCES, max_size=6), st.integers(1, 4))
def test_sentences_left_are_those_of_the_plain_definition(texts, span):
    """Sentences in runs that stand elsewhere go, the others stay in order, and no sentence leaves the corpus."""
    gone = plain_runs(texts, ties(texts), span)
    after, signals = dedup(texts, LineDedup(unit="sentences", sentences=span), ties(texts))
    assert signals["sentences_left"] == [len(flags) - sum(flags) for flags in gone]
    before = [[part for line in plain_sentences(text) for part in line] for text in texts]
    left = [
        [part for part, goes in zip(parts, flags, strict=True) if not goes]
        for parts, flags in zip(before, gone, strict=True)
    ]
    assert ["".join("".join(parts).split()) for parts in left] == ["".join(text.split()) for text in after]
    assert {part.lower() for parts in before for part in parts} == {part.lower() for parts in left for part in parts}


def test_overlapping_runs_merge_and_lines_close_up():
    """Runs of three that share sentences are cut as one; a line that loses all its sentences takes its line feed."""
    page = "Alpha one. Beta two.\nGamma three. Delta four.\nOwn five. Own six. Own seven."
    other = "Beta two. Gamma three. Delta four. Own five."
    step = LineDedup(unit="sentences")
    assert dedup([page, other], step, [2, 1])[0] == ["Alpha one.\nOwn six. Own seven.", other]
    assert dedup([page, other], step, [1, 2])[0] == [page, ""]
    assert dedup(["One. Two.", "One. Two."], step, [1, 2])[0] == ["One. Two.", "One. Two."]


def test_two_copies_of_a_page_stay_whole_or_are_spread():
    """`owner: document` keeps one copy whole; `owner: unit` gives each line to one of the two."""
    page = "\n".join(f"Line number {k}." for k in range(200))
    assert dedup([page, page], LineDedup(owner="document"), [5, 4])[0] == ["", page]
    spread = dedup([page, page], LineDedup(owner="unit"), [5, 4])[0]
    kept = [text.split("\n") for text in spread]
    assert sorted(kept[0] + kept[1]) == sorted(page.split("\n"))
    assert min(map(len, kept)) > 60


@given(PAGES)
def test_signals_speak_of_what_is_left(texts):
    """Lines, sentences and bytes are those of the text after the edit."""
    step = LineDedup()
    after, signals = dedup(texts, step, ties(texts))
    assert list(signals) == list(limits(step))
    for k, (text, left) in enumerate(zip(texts, after, strict=True)):
        before, now = len(text.encode()), len(left.encode())
        assert signals["lines_kept"][k] == sum(bool(line.strip()) for line in left.split("\n"))
        assert signals["share_cut"][k] == pytest.approx((before - now) / before if before else 0)
        assert signals["sentences_left"][k] == sum(reference_c4.sentences(line, ()) for line in left.split("\n"))


def test_an_abbreviation_ends_no_sentence():
    """The packaged list is read: what it holds does not break a sentence."""
    text = "He met Mr. Smith. She met Dr. Jones. They met Prof. Who."
    assert dedup([text], LineDedup(), [0])[1]["sentences_left"] == [3]


def test_pages_with_few_sentences_left_are_dropped_as_in_c4():
    """C4's code wants three sentences after the cut."""
    step = LineDedup(owner="document", sentences_left=Bounds(3, None))
    texts = ["One is. Two is.\nThree is.", "Three is.\nFour is.\nFive is."]
    _, signals = dedup(texts, step, [1, 2])
    verdict = judge(step, {name: np.array(values) for name, values in signals.items()})
    assert [verdict.reasons[code] if code >= 0 else None for code in verdict.codes] == [None, "sentences_left<3"]


def test_no_documents_and_empty_documents():
    """There is nothing to cut."""
    for unit, texts in itertools.product(("line", "sentences"), ([], ["", "\n\n", " "])):
        after, signals = dedup(texts, LineDedup(unit=unit), ties(texts))
        assert after == texts
        assert signals["share_cut"] == [0] * len(texts)


def test_a_spec_is_plain_data_and_refuses_what_cannot_be():
    """Counts below one, reversed bounds, and an owner that would lose sentences."""
    step = LineDedup(unit="sentences")
    assert step == pickle.loads(pickle.dumps(step))
    assert (LineDedup().owner, step.owner) == ("unit", "document")
    for name in ("sentences", "min_words"):
        with pytest.raises(ValueError, match=f"{name}: found 0; expected 1 or more"):
            dataclasses.replace(step, **{name: 0})
    with pytest.raises(ValueError, match="owner: found unit with unit: sentences"):
        LineDedup(unit="sentences", owner="unit")
    with pytest.raises(ValueError, match="lines_kept: bounds are reversed"):
        LineDedup(lines_kept=Bounds(2, 1))


def test_the_spec_is_read_without_numba():
    """A plan is made without compiling."""
    code = "import sys, corpusmill.dedup.lines, corpusmill.dedup.paragraphs; print('numba' in sys.modules)"
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
