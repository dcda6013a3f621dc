import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill import urls
from corpusmill.filters import url_lists
from corpusmill.kernels import buffers, byte_sets
from tests.kernels import reference_byte_sets as reference

LETTERS = "abAB01.-/?&:é例"
TEXTS = st.text(LETTERS, max_size=14) | st.text(max_size=14)
NAMES = st.sets(st.text("ab01.é", min_size=1, max_size=4), max_size=6)
PATTERNS = st.sets(st.text("ab01", min_size=1, max_size=4), max_size=6)


def forwards(entries) -> np.ndarray:
    return urls.hash_set(byte_sets.hash_forwards(*buffers.text(pa.array(sorted(entries), pa.string()))))


def backwards(entries) -> np.ndarray:
    return urls.hash_set(byte_sets.hash_backwards(*buffers.text(pa.array(sorted(entries), pa.string()))))


def text(texts) -> buffers.Text:
    return buffers.text(pa.array(texts, pa.string()))


@given(st.lists(TEXTS.map(str.lower), max_size=4), NAMES)
def test_domain_listed(texts, names):
    """A host is listed where an ending of it at a dot, or it itself, is in the set."""
    expected = [reference.domain_listed(url, names) for url in texts]
    assert expected == byte_sets.domain_listed(*text(texts), backwards(names)).tolist()


@pytest.mark.parametrize("below", [True, False])
@given(st.lists(TEXTS, max_size=4), st.sets(st.text("ab./?&é", min_size=1, max_size=4), max_size=6))
def test_url_listed(below, texts, names):
    """A URL is listed where it is in the set, and with `below` where a listed one stands above it."""
    expected = [reference.url_listed(url, names, below=below) for url in texts]
    assert expected == byte_sets.url_listed(*text(texts), forwards(names), below).tolist()


@given(st.lists(TEXTS, max_size=4), st.sets(st.text("ab01é例", min_size=1, max_size=3), max_size=6))
def test_words_found(texts, words):
    """Distinct words are counted, each once."""
    expected = [reference.words_found(url, words) for url in texts]
    assert expected == byte_sets.words_found(*text(texts), forwards(words)).tolist()


def test_words_found_stops_at_its_room():
    """More distinct words than there is room for count as that many."""
    words = [f"w{number}" for number in range(byte_sets.DISTINCT + 9)]
    found = byte_sets.words_found(*text(["/".join(words + words)]), forwards(words))
    assert [byte_sets.DISTINCT] == found.tolist()


@given(st.lists(TEXTS, max_size=4), PATTERNS)
def test_substrings_found(texts, patterns):
    """Every place at which a pattern ends is counted once, punctuation left out."""
    found = byte_sets.substrings_found(*text(texts), *url_lists.automaton(sorted(patterns)))
    assert [reference.substrings_found(url, patterns) for url in texts] == found.tolist()


@given(st.lists(st.integers(0, 2**64 - 1), max_size=40))
def test_hash_set_holds_what_was_put_in(keys):
    """All keys are found, no other is, and a quarter of the slots stays free."""
    table = urls.hash_set(np.array(keys, np.uint64))
    assert all(byte_sets.contains(table, np.uint64(key)) for key in keys)
    others = {key ^ 1 for key in keys} - set(keys) - {0, 1}
    assert not any(byte_sets.contains(table, np.uint64(key)) for key in others)
    assert np.count_nonzero(table) <= 0.75 * len(table)
