"""Packing: no token lost, none twice, order inside documents kept."""

import json
import lzma
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.tokenize.pack import Documents, Plan, Usage, fill, narrow, plan, token_dtype, usage_from
from tests.data import shared

EOS = 60_000
STRATEGIES = ["concat", "best_fit", "pad"]
DOCUMENTS = st.lists(st.lists(st.integers(0, 50_000), max_size=30), max_size=20)


def columns(documents, dtype=np.uint16):
    """Offsets and ids."""
    lengths = [len(document) for document in documents]
    ids = np.array([token for document in documents for token in document], dtype)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), ids


class Rows(NamedTuple):
    """All rows of some documents, ids of shape (R, L), and where they were planned to lie."""

    plan: Plan
    ids: np.ndarray


def pack(offsets, ids, sequence_length, eos, strategy):
    """Plan and fill all rows."""
    planned = plan(np.diff(offsets), sequence_length, strategy)
    return Rows(planned, fill(planned, Documents.of(offsets, ids), eos))


def unpack(rows):
    """The documents again, read from the rows with the segments alone."""
    found = [{} for _ in rows.plan.sizes]
    for row in range(rows.plan.rows):
        column = 0
        for s in range(rows.plan.segment_offsets[row], rows.plan.segment_offsets[row + 1]):
            start, length = rows.plan.segment_start[s], rows.plan.segment_length[s]
            for t in range(length):
                tokens = found[rows.plan.segment_document[s]]
                assert start + t not in tokens, "a token lies in two places"
                tokens[start + t] = int(rows.ids[row, column + t])
            column += length
        assert (rows.ids[row, column:] == EOS).all()
    return [[tokens[t] for t in range(len(tokens))] for tokens in found]


@settings(deadline=None, max_examples=200)
@given(DOCUMENTS, st.integers(2, 24), st.sampled_from(STRATEGIES), st.sampled_from([np.uint16, np.uint32]))
def test_each_token_lies_in_one_place(documents, sequence_length, strategy, dtype):
    """What goes in comes out, with an end-of-text after each document."""
    rows = pack(*columns(documents, dtype), sequence_length, EOS, strategy)
    assert rows.ids.dtype == dtype
    assert (rows.plan.rows, sequence_length) == rows.ids.shape
    assert [[*document, EOS] for document in documents] == unpack(rows)
    usage = rows.plan.usage()
    assert usage.tokens == sum(len(document) + 1 for document in documents)
    assert usage.tokens + usage.padding == rows.ids.size


@settings(deadline=None)
@given(DOCUMENTS, st.integers(2, 24))
def test_what_strategies_promise(documents, sequence_length):
    """`concat` pads the last row only; the others cut no document that fits."""
    lengths = np.diff(columns(documents)[0])
    usages = {strategy: plan(lengths, sequence_length, strategy).usage() for strategy in STRATEGIES}
    assert usages["concat"].padding < sequence_length
    longer = int((lengths + 1 > sequence_length).sum())
    for strategy in "best_fit", "pad":
        assert (longer, 0) == (usages[strategy].cut, usages[strategy].cut_needlessly)
    assert usages["concat"].rows <= usages["best_fit"].rows <= usages["pad"].rows


def test_strategies_by_example():
    """Three documents of 3, 5 and 1 ids in rows of 4."""
    offsets, ids = columns([[1, 2, 3], [4, 5, 6, 7, 8], [9]])
    E = EOS
    assert [[1, 2, 3, E], [4, 5, 6, 7], [8, E, 9, E]] == pack(offsets, ids, 4, E, "concat").ids.tolist()
    assert [[1, 2, 3, E], [4, 5, 6, 7], [8, E, 9, E]] == pack(offsets, ids, 4, E, "best_fit").ids.tolist()
    padded = pack(offsets, ids, 4, E, "pad")
    assert [[1, 2, 3, E], [4, 5, 6, 7], [8, E, E, E], [9, E, E, E]] == padded.ids.tolist()
    assert Usage(3, 12, 4, 4, 1, 0) == padded.plan.usage()
    assert 0.75 == padded.plan.usage().utilisation
    assert padded.plan.usage() == usage_from(padded.plan.usage()._asdict())


def test_rows_are_filled_in_any_order_and_by_parts():
    """A block of rows is that block of all rows; the segments of some rows come with them."""
    draw = np.random.default_rng(1)
    offsets, ids = columns([draw.integers(0, 5000, size).tolist() for size in draw.integers(0, 60, 200)])
    rows = pack(offsets, ids, 16, EOS, "best_fit")
    some = draw.permutation(rows.plan.rows)[:50]
    assert np.array_equal(rows.ids[some], fill(rows.plan, Documents.of(offsets, ids), EOS, some))
    at, segments = rows.plan.segments_of(some)
    for i, row in enumerate(some):
        expected = list(range(rows.plan.segment_offsets[row], rows.plan.segment_offsets[row + 1]))
        assert expected == segments[at[i] : at[i + 1]].tolist()


@settings(deadline=None)
@given(st.data(), st.integers(2, 12), st.sampled_from([np.uint16, np.uint32]), st.sampled_from(STRATEGIES))
def test_documents_may_lie_in_several_arrays(data, room, dtype, strategy):
    """In any order, with others between them: rows hold the tokens that the segments name, and padding."""
    documents = data.draw(st.lists(st.lists(st.integers(0, 60000), max_size=20), min_size=1, max_size=12))
    homes = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(documents), max_size=len(documents))))
    laid, starts = [[1, 2], [3], []], {}
    for number in data.draw(st.permutations(range(len(documents)))):
        starts[number] = len(laid[homes[number]])
        laid[homes[number]] += [*documents[number], 7]
    lengths = np.array([len(document) for document in documents], np.int64)
    arrays = [np.array(line, dtype) for line in laid]
    planned = plan(lengths, room, strategy)
    rows = np.array(data.draw(st.permutations(range(planned.rows))), np.int64)
    lies = Documents(arrays, homes, np.array([starts[n] for n in range(len(documents))], np.int64), lengths)
    found = fill(planned, lies, 65000, rows, padding=65001)
    expected = []
    for row in rows:
        here = range(planned.segment_offsets[row], planned.segment_offsets[row + 1])
        named = [(planned.segment_document[s], planned.segment_start[s], planned.segment_length[s]) for s in here]
        tokens = [token for d, start, length in named for token in [*documents[d], 65000][start : start + length]]
        expected.append(tokens + [65001] * (room - len(tokens)))
    assert expected == found.tolist()
    assert dtype == found.dtype


def test_ids_may_be_a_mapped_file(tmp_path):
    """So that a shard's ids need not be held in memory."""
    offsets, ids = columns([[1, 2, 3], [4, 5, 6, 7, 8], [9]])
    ids.tofile(tmp_path / "ids")
    mapped = np.memmap(tmp_path / "ids", np.uint16, "r")
    assert np.array_equal(pack(offsets, ids, 4, EOS, "best_fit").ids, pack(offsets, mapped, 4, EOS, "best_fit").ids)


def test_padding_of_its_own():
    """A padding id that is not end-of-text."""
    offsets, ids = columns([[1]])
    planned = plan(np.diff(offsets), 4, "pad")
    assert [[1, EOS, 7, 7]] == fill(planned, Documents.of(offsets, ids), EOS, padding=7).tolist()


def test_real_documents_fill_rows():
    """`best_fit` fills 99 % of rows of 2,048 and cuts only pages that are longer; `concat` cuts three times as many."""
    with lzma.open(shared("openwebtext-1000/openwebtext-1000.jsonl.xz"), "rt", encoding="utf-8") as lines:
        lengths = np.array([round(1.3 * len(json.loads(line)["text"].split())) for line in lines])
    usages = {strategy: plan(lengths, 2048, strategy).usage() for strategy in STRATEGIES}
    assert usages["best_fit"].utilisation >= 0.99
    assert 3 * usages["best_fit"].cut < usages["concat"].cut
    assert int((lengths + 1 > 2048).sum()) == usages["best_fit"].cut


def test_nothing_to_pack():
    """No documents, no rows."""
    for strategy in STRATEGIES:
        rows = pack(np.zeros(1, np.int64), np.zeros(0, np.uint16), 8, EOS, strategy)
        assert (0, 8) == rows.ids.shape
        assert 1.0 == rows.plan.usage().utilisation


@pytest.mark.parametrize(
    ("lengths", "sequence_length", "strategy", "told"),
    [
        ([3], 1, "concat", "sequence_length is 1; expected at least 2"),
        ([3], 8, "first_fit", "'first_fit'; expected one of concat, best_fit, pad"),
        ([3, -1], 8, "pad", "a document of -1 ids"),
    ],
)
def test_plans_that_cannot_be_made(lengths, sequence_length, strategy, told):
    """Said before anything is made."""
    with pytest.raises(ValueError, match=told):
        plan(np.array(lengths), sequence_length, strategy)


def test_fill_refuses_other_documents_and_ids():
    """A plan belongs to its documents; end-of-text must fit the type."""
    offsets, ids = columns([[1, 2], [3]])
    planned = plan(np.array([1, 2]), 4, "concat")
    with pytest.raises(ValueError, match="not the documents that were planned"):
        fill(planned, Documents.of(offsets, ids), EOS)
    with pytest.raises(ValueError, match="end-of-text 70000 and padding 70000 do not both fit uint16"):
        pack(offsets, ids, 4, 70_000, "concat")


def test_types_follow_the_vocabulary():
    """uint16 while it fits; an id outside the vocabulary is found."""
    assert [np.uint16, np.uint16, np.uint32] == [token_dtype(n) for n in (1, 65_536, 65_537)]
    for size in 0, (1 << 32) + 1:
        with pytest.raises(ValueError, match=f"a vocabulary of {size} ids"):
            token_dtype(size)
    ids = np.array([0, 5, 9], np.uint32)
    assert (np.uint16, [0, 5, 9]) == (narrow(ids, 10).dtype, narrow(ids, 10).tolist())
    with pytest.raises(ValueError, match="token id 9 in a vocabulary of 9"):
        narrow(ids, 9)
    with pytest.raises(ValueError, match="token id -2 in a vocabulary of 9"):
        narrow(np.array([-2, 3]), 9)
    assert 0 == len(narrow(np.zeros(0, np.uint32), 9))
