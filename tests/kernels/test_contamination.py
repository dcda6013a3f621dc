"""The n-gram look-up against a plain Python twin."""

import itertools

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers, contamination
from corpusmill.kernels.normalise import plain_points

# Few words in many dresses, so that n-grams meet; and any text at all.
WORDS = st.sampled_from(["a", "B", "b", "é", "É", "漢字", "x1", "Ⅷ", "n\u0303", "ſ", "K", "\U0001f600", "_"])
GAPS = st.sampled_from([" ", ", ", "\n", "-", "\u2028", "", "\U0001f600"])
MIXED = st.lists(st.tuples(WORDS, GAPS), max_size=30).map(lambda pairs: "".join(map("".join, pairs)))
TEXTS = st.lists(MIXED | st.text(max_size=20), max_size=6)


def words(text: str) -> list[tuple[str, int, int]]:
    """The words of one text, mapped, with their bytes: a run of code points that the table maps."""
    points = plain_points()
    found: list[tuple[str, int, int]] = []
    at, open_word = 0, False
    for character in text:
        size = len(character.encode())
        mapped = int(points[ord(character)])
        if mapped and open_word:
            found[-1] = (found[-1][0] + chr(mapped), found[-1][1], at + size)
        elif mapped:
            found.append((chr(mapped), at, at + size))
        open_word = bool(mapped)
        at += size
    return found


def grams(text: str, longest: int, shortest: int) -> list[tuple[str, ...]]:
    """The n-grams of a passage as tuples of words."""
    found = [word for word, _, _ in words(text)]
    length = min(len(found), longest)
    return [tuple(found[at : at + length]) for at in range(len(found) - length + 1)] if length >= shortest else []


def kernel_grams(texts: list[str], longest: int, shortest: int):
    """The kernel's lengths, and its hashes by passage."""
    text = buffers.text(pa.array(texts, pa.string()))
    lengths, offsets, hashes = contamination.ngrams(*text, plain_points(), longest, shortest)
    assert len(hashes) == offsets[-1]
    return lengths.tolist(), [hashes[a:b].tolist() for a, b in itertools.pairwise(offsets)]


@given(TEXTS, st.integers(1, 5), st.integers(1, 5))
def test_ngrams_are_those_of_the_twin(texts, longest, shortest):
    """Equal n-grams have equal hashes, different ones different hashes, in the same places."""
    shortest = min(shortest, longest)
    expected = [grams(text, longest, shortest) for text in texts]
    lengths, hashes = kernel_grams(texts, longest, shortest)
    assert lengths == [len(found[0]) if found else 0 for found in expected]
    assert [len(found) for found in hashes] == [len(found) for found in expected]
    pairs = {
        (gram, key)
        for passage, keys in zip(expected, hashes, strict=True)
        for gram, key in zip(passage, keys, strict=True)
    }
    assert len(pairs) == len({gram for gram, _ in pairs}) == len({key for _, key in pairs})


@given(TEXTS, TEXTS, st.integers(1, 5), st.integers(1, 5))
def test_find_finds_what_the_twin_finds(items, texts, longest, shortest):
    """Every n-gram of the items, of every length, at the same bytes of each document."""
    shortest = min(shortest, longest)
    gram_of = [gram for item in items for gram in grams(item, longest, shortest)]
    keys = [key for found in kernel_grams(items, longest, shortest)[1] for key in found]
    known = dict(zip(keys, gram_of, strict=True))
    entries = np.array(sorted(known), np.uint64)
    lengths = np.array([len(known[key]) for key in sorted(known)], np.int64)
    wanted = contamination.ngram_set(entries, lengths)
    assert wanted.lengths.tolist() == sorted(set(lengths.tolist()))

    text = buffers.text(pa.array(texts, pa.string()))
    offsets, found, starts, ends = contamination.find(*text, plain_points(), wanted)
    for row, document in enumerate(texts):
        parts = words(document)
        expected = [
            (tuple(word for word, _, _ in parts[at : at + size]), parts[at][1], parts[at + size - 1][2])
            for size in wanted.lengths.tolist()
            for at in range(len(parts) - size + 1)
            if tuple(word for word, _, _ in parts[at : at + size]) in gram_of
        ]
        here = slice(offsets[row], offsets[row + 1])
        begin = text.offsets[row]
        spans = zip((starts[here] - begin).tolist(), (ends[here] - begin).tolist(), strict=True)
        hits = [(known[int(entries[entry])], *span) for entry, span in zip(found[here], spans, strict=True)]
        assert hits == expected


def test_thousands_of_hits_and_entries_fit():
    """Room for hits grows, and slots that are taken lead on to the next one."""
    numbers = [f"w{number}" for number in range(20_000)]
    text = buffers.text(pa.array([" ".join(numbers)]))
    _, _, hashes = contamination.ngrams(*text, plain_points(), 3, 3)
    order = np.sort(hashes)
    wanted = contamination.ngram_set(order, np.full(len(order), 3, np.int64))
    offsets, found, starts, _ = contamination.find(*text, plain_points(), wanted)
    assert offsets.tolist() == [0, 19_998]
    assert order[found].tolist() == hashes.tolist()
    assert np.all(np.diff(starts) > 0)


def test_the_order_and_the_number_of_words_count():
    """Words in another order, or one of them twice, are another n-gram."""
    _, hashes = kernel_grams(["a b c", "c b a", "b a c", "a a b", "a b b", "ab c", "a bc", "abc", "a b c d"], 4, 1)
    assert len({key for found in hashes for key in found}) == 9


def test_an_empty_set_finds_nothing():
    """No evaluation item was long enough."""
    wanted = contamination.ngram_set(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    offsets, found, _, _ = contamination.find(*buffers.text(pa.array(["a b", ""])), plain_points(), wanted)
    assert (offsets.tolist(), len(found)) == ([0, 0, 0], 0)
