"""The cache: what it holds never changes ids, whether it grows, is full, or keys collide."""

from itertools import chain

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import bpe, bpe_cache, buffers, pretokens
from tests.kernels.test_bpe import obvious

SHAPE = pretokens.Shape(pretokens.GPT2, 0, last_spaces=False)
MERGES = {(97, 98): (0, 256), (32, 256): (1, 257), (256, 256): (2, 258), (258, 258): (3, 259)}


def cache(most=1):
    """A cache over a few merges."""
    rows = [(left, right, rank, number) for (left, right), (rank, number) in MERGES.items()]
    table = bpe.make_table(*np.array(rows, np.uint64).T.copy())
    return bpe_cache.Cache(bpe_cache.Merges(np.arange(256), table), SHAPE, most)


def expected(texts):
    """Ids of each text, piece by piece, without a cache."""
    text = buffers.text(pa.array(texts, pa.string()))
    placed, ends = pretokens.split(*text, SHAPE)
    begins = np.concatenate([text.offsets[:1], ends[:-1]]) if len(ends) else ends
    data = text.data.tobytes()
    pieces = [obvious(data[begin:end], range(256), MERGES) for begin, end in zip(begins, ends, strict=True)]
    return [list(chain(*pieces[placed[row] : placed[row + 1]])) for row in range(len(texts))]


def encoded(known, texts, skipped=None):
    """Ids of each text."""
    text = buffers.text(pa.array(texts, pa.string()))
    placed, ids = known.encode(*text, np.zeros(len(texts), np.bool_) if skipped is None else np.array(skipped))
    assert ids.dtype == np.uint32
    return [ids[placed[row] : placed[row + 1]].tolist() for row in range(len(texts))]


@given(st.lists(st.text(alphabet="ab c1.é", max_size=400), max_size=6))
def test_ids_are_those_without_a_cache(texts):
    """With an empty cache and with a warm one."""
    known = cache()
    assert expected(texts) == encoded(known, texts)
    assert expected(texts) == encoded(known, texts)


def test_it_grows_and_then_stays():
    """More words than fit: the ids are right while it grows, when it is full, and afterwards."""
    words = ["".join(chr(97 + number // 26**place % 26) for place in range(4)) for number in range(40000)]
    texts = [" ".join(words[first : first + 4000]) for first in range(0, 40000, 4000)]
    small, large = cache(1), cache(1 << 20)
    wanted = expected(texts)
    assert wanted == encoded(small, texts) == encoded(large, texts)
    assert wanted == encoded(small, texts) == encoded(large, texts)
    assert 0 < len(small) <= 32768 < 40000 <= len(large)


def test_long_pre_tokens():
    """Inline, stored apart, too long to be stored; with more ids than fit in an entry."""
    texts = ["ab" * size + "x" * extra for size in (1, 7, 8, 60, 127, 128, 500) for extra in (0, 1, 3)]
    known = cache()
    assert expected(texts) == encoded(known, texts) == encoded(known, texts)
    assert len(known) == sum(len(text) <= bpe_cache.LONGEST for text in texts)


def test_many_long_pre_tokens():
    """The room for what is long ends before that for entries, and grows with it."""
    texts = [f"{chr(97 + n % 26) * 120}{chr(97 + n // 26 % 26) * 120}{'x' * (n // 676)}" for n in range(5000)]
    known = cache(1 << 20)
    wanted = expected(texts)
    assert wanted == encoded(known, texts) == encoded(known, texts)
    assert len(known) == len(set(texts))


def test_skipped_documents_get_nothing():
    """Others are not disturbed."""
    assert [[256], [], [257]] == encoded(cache(), ["ab", "ab ab", " ab"], [False, True, False])


def test_a_document_alone_or_in_a_batch():
    """No pre-token reaches over the end of a document."""
    texts = ["ab", "ab", "", " ", "ab", "a", "b"]
    assert [encoded(cache(), [text])[0] for text in texts] == encoded(cache(), texts)


def test_colliding_hashes_are_told_apart_by_bytes():
    """Two long pre-tokens of one length and, here, one hash: the second is not taken for the first."""
    data = np.frombuffer(b"a" * 20 + b"b" * 20, np.uint8)
    entries, long_bytes, more = np.zeros(4 * 16, np.uint64), np.zeros(64, np.uint8), np.zeros(16, np.uint32)
    progress = np.array([0, 0, 0, 0, 1, 0])
    low, high = np.uint64(12345), np.uint64(0xFF << 56 | 20 << 48)
    first = bpe_cache._find(entries, long_bytes, data, 0, 20, low, high)
    ids = np.array([7], np.uint32)
    bpe_cache._insert(entries, long_bytes, more, progress, first, low, high, data, 0, 20, ids, 0, 1)
    assert first == bpe_cache._find(entries, long_bytes, data, 0, 20, low, high)
    assert entries[first + 1] != high, "a key without a place would be taken for this one without a look at the bytes"
    other = bpe_cache._find(entries, long_bytes, data, 20, 40, low, high)
    assert other != first
    assert entries[other + 1] == 0


def test_seeded_pre_tokens_are_their_ids():
    """Whatever the merges say; as many as one likes."""
    words = [" " + "".join(chr(97 + number // 26**place % 26) for place in range(4)) for number in range(40000)]
    text = buffers.text(pa.array(words))
    known = cache(1)
    known.seed(text.offsets, text.data, np.arange(1000, 41000).astype(np.uint32))
    assert [[1000 + number] for number in range(40000)] == encoded(known, words)
    letters = ["abx", "b", "aab", "abababab"]
    text = buffers.text(pa.array(letters))
    known.seed(text.offsets, text.data, np.array([5, 6, 7, 8], np.uint32))
    assert [[5], [6], [7], [8], [256]] == encoded(known, [*letters, "ab"])


@given(st.lists(st.text(alphabet="<|>ab", max_size=12)))
def test_hold_finds_neighbours(texts):
    """As `in` finds them, never across documents."""
    text = buffers.text(pa.array(["|", *texts], pa.string()).slice(1))
    assert [("<|" in each) for each in texts] == bpe_cache.hold(*text, ord("<"), ord("|")).tolist()
    assert [("a" in each) for each in texts] == bpe_cache.hold(*text, ord("a"), -1).tolist()
