"""Hashes of words, of characters, and of what they are combined to."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers, eights, normalise, shingles, words
from tests.kernels.reference_normalise import SAMPLES

MASK = (1 << 64) - 1
TEXTS = st.lists(
    st.one_of(
        st.text(),
        st.text(alphabet=SAMPLES),
        st.text(alphabet="aZ_3.-\n \x00’é", max_size=80),
        st.lists(st.text(alphabet="abcXYZ019", min_size=1, max_size=20)).map(" ".join),
    )
)
DIALECTS = {"plain": (normalise.plain_points, eights.LOWER, "a"), "bigcode": (normalise.ascii_points, 0, "_")}


def as_text(texts):
    """The texts from a slice of a larger array."""
    return buffers.text(pa.array(["Ä1", *texts]).slice(1))


def mix(value):
    """`words.mix` in Python."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def lists(offsets, values):
    """The values of each document."""
    return [values[a:b].tolist() for a, b in itertools.pairwise(offsets)]


def hashes_of(texts, dialect):
    """`word_hashes` of a dialect, as lists."""
    points, small, extra = DIALECTS[dialect]
    arguments = points(), np.uint64(small), words.ONES * np.uint64(ord(extra))
    return lists(*shingles.word_hashes(*as_text(texts), *arguments))


def check(texts, dialect):
    """The hashes are those of the folded words, each hashed by the plain kernel of words."""
    folded = buffers.strings(*normalise.fold(*as_text(texts), DIALECTS[dialect][0]())).to_pylist()
    for text, found in zip(folded, hashes_of(texts, dialect), strict=True):
        raw = [np.frombuffer(word.encode(), np.uint8) for word in text.split(" ") if word]
        assert [words._hash(word, 0, len(word)) for word in raw] == found


@pytest.mark.parametrize("dialect", DIALECTS)
@given(texts=TEXTS)
def test_word_hashes(dialect, texts):
    """The fast way through ASCII gives the hashes of the folded words."""
    check(texts, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_ascii_pair(dialect):
    """Each ASCII character inside, before and after words, at each place of eight bytes and of sixty-four."""
    for lead in (*range(10), *range(54, 74)):
        check(["x" * lead + f"{chr(a)}Y Z{chr(a)}" for a in range(128)], dialect)
        check(["." * lead + f"{chr(a)}Y Z{chr(a)}" for a in range(128)], dialect)
        check(["é" + "x" * lead + f"é{chr(a)}Y " for a in range(128)], dialect)


@given(TEXTS)
def test_character_hashes(texts):
    """Each code point by itself."""
    expected = [[mix((ord(c) + 0x9E3779B97F4A7C15) & MASK) for c in text] for text in texts]
    assert expected == lists(*shingles.character_hashes(*as_text(texts)))


@given(st.lists(st.lists(st.integers(0, MASK), max_size=12)), st.integers(1, 7))
def test_combine(parts, size):
    """Each window's polynomial, mixed; none where there are fewer parts."""
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    hashes = np.array([part for document in parts for part in document], np.uint64)
    expected = []
    for document in parts:
        expected.append([])
        for first in range(len(document) - size + 1):
            value = 0
            for part in document[first : first + size]:
                value = value * 0xD1342543DE82EF95 + part
            expected[-1].append(mix(value & MASK))
    assert expected == lists(*shingles.combine(offsets, hashes, size))


@given(st.lists(st.lists(st.one_of(st.integers(0, MASK), st.integers(0, 3).map(lambda n: n << 63 - n)), max_size=9)))
def test_sorted_sets(parts):
    """The different high halves of each document, sorted."""
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    hashes = np.array([part for document in parts for part in document], np.uint64)
    expected = [sorted({part >> 32 for part in document}) for document in parts]
    assert expected == lists(*shingles.sorted_sets(offsets, hashes))


@pytest.mark.parametrize("size", [47, 48, 49, 3000, 200_000])
@pytest.mark.parametrize("spread", [2**64, 2**40])
def test_sorted_sets_of_long_documents(size, spread):
    """Many hashes, evenly spread or all in one bucket."""
    hashes = np.random.default_rng(size).integers(0, spread, size, dtype=np.uint64, endpoint=False)
    offsets = np.array([0, 0, size // 3, size])
    expected = [np.unique(hashes[a:b] >> np.uint64(32)).tolist() for a, b in itertools.pairwise(offsets)]
    assert expected == lists(*shingles.sorted_sets(offsets, hashes))
