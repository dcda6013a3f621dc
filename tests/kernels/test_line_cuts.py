"""The spans that cut lines and sentences leave what their plain definition leaves."""

import itertools
import random

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill import spans
from corpusmill.kernels import buffers, line_cuts, line_keys, lines
from corpusmill.kernels.line_keys import Units
from corpusmill.kernels.sentences import pack

TEXTS = st.lists(
    st.lists(st.sampled_from(["One. ", "zwölf!\u3000", "Drei?", "\n", " ", "é"]), max_size=14).map("".join), max_size=5
)
ABBREVIATIONS = pack(["mr"])


def tables(texts):
    """Texts as the kernels see them, with their lines and sentences."""
    text = buffers.text(pa.array(["päd\n", *texts], pa.string()).slice(1))
    table = lines.split(*text)
    return text, table, line_keys.split_sentences(text.data, *table[1:], ABBREVIATIONS)


def without(line, pieces, gone):
    """A line (bytes) without some of its pieces (start, end): white space after a piece goes with it, that before the last."""
    parts, at = [], 0
    left = [k for k in range(len(pieces)) if not gone[k]]
    if not left or len(left) == len(pieces):
        return line
    for k in range(len(pieces)):
        if gone[k]:
            later = [j for j in left if j > k]
            end = pieces[later[0]][0] if later else pieces[-1][1]
            start = pieces[k][0] if later else pieces[left[-1]][1]
            parts.append(line[at : max(at, start)])
            at = end
    return b"".join([*parts, line[at:]])


@given(TEXTS, st.randoms(use_true_random=False))
@example(["One.\n\nzwölf!\nDrei?", "One. zwölf! Drei?"], random.Random(1))
def test_only_the_chosen_lines_and_sentences_go(texts, draw):
    """The lines that stay are joined as before, each without its sentences that go."""
    text, (owned, starts, ends), (of_lines, first, last) = tables(texts)
    gone = np.array([draw.random() < 0.5 for _ in first], bool)
    all_gone = np.array([b > a and gone[a:b].all() for a, b in itertools.pairwise(of_lines)], bool)
    found = line_cuts.cut_spans(text.offsets, owned, starts, all_gone, line_cuts.Sentences(of_lines, first, last, gone))
    raw = text.data.tobytes()
    expected = []
    for a, b in itertools.pairwise(owned):
        kept = []
        for line in range(a, b):
            if not all_gone[line]:
                places = range(of_lines[line], of_lines[line + 1])
                pieces = [(first[k] - starts[line], last[k] - starts[line]) for k in places]
                kept.append(without(raw[starts[line] : ends[line]], pieces, [gone[k] for k in places]))
        expected.append(b"\n".join(kept).decode())
    assert spans.apply(pa.array(texts, pa.string()), spans.Spans(*found)).to_pylist() == expected


def test_blank_lines_stay_as_many():
    """A line takes one line feed along: blank lines around it stay, and none is made."""
    text, (owned, starts, _), _ = tables(["a\n\nb\n\nc", "a\nb", "b\na", "b"])
    gone = np.array([False, False, True, False, False, False, True, True, False, True])
    none = line_cuts.Sentences(np.zeros(len(gone) + 1, np.int64), starts[:0], starts[:0], gone[:0])
    found = line_cuts.cut_spans(text.offsets, owned, starts, gone, none)
    after = spans.apply(pa.array(["a\n\nb\n\nc", "a\nb", "b\na", "b"]), spans.Spans(*found)).to_pylist()
    assert after == ["a\n\n\nc", "a", "a", ""]


@given(TEXTS, st.integers(1, 4), st.randoms(use_true_random=False))
def test_a_piece_is_covered_by_any_dropped_run_over_it(texts, span, draw):
    """Of overlapping runs, some left out and some dropped, each piece of a dropped one is covered."""
    text, (owned, _, _), (of_lines, first, last) = tables(texts)
    pieces = of_lines[owned]
    begins, stops, offsets, drop = [], [], [0], []
    expected = np.zeros(len(first), bool)
    for row, (a, b) in enumerate(itertools.pairwise(pieces.tolist())):
        for k in range(a, b - span + 1):
            if draw.random() < 0.7:
                begins.append(first[k] - text.offsets[row])
                stops.append(last[k + span - 1] - text.offsets[row])
                drop.append(draw.random() < 0.4)
                expected[k : k + span] |= drop[-1]
        offsets.append(len(begins))
    nothing = np.zeros(len(drop), np.uint64)
    units = Units(np.array(offsets), np.array(begins, np.int64), np.array(stops, np.int64), nothing, nothing)
    found = line_cuts.covered(text.offsets, pieces, first, last, units, np.array(drop, bool))
    assert found.tolist() == expected.tolist()
