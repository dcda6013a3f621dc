"""Signatures, keys of bands, agreement and Jaccard similarity of sorted sets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import minhash

MASK = (1 << 64) - 1
DOCUMENTS = st.lists(st.lists(st.integers(0, MASK), max_size=20))
SCHEMES = {32: (minhash.sign_32, np.uint32), 64: (minhash.sign_64, np.uint64)}


def tables(documents):
    """Offsets and hashes of lists."""
    return np.cumsum([0, *map(len, documents)], dtype=np.int64), np.array(
        [value for found in documents for value in found], np.uint64
    )


def finalize(value, bits):
    """MurmurHash3's finalizer."""
    if bits == 32:
        shifts, factors = (16, 13, 16), (0x85EBCA6B, 0xC2B2AE35, 1)
    else:
        shifts, factors = (33, 33, 33), (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53, 1)
    value &= (1 << bits) - 1
    for shift, factor in zip(shifts, factors, strict=True):
        value = (value ^ value >> shift) * factor & (1 << bits) - 1
    return value


@pytest.mark.parametrize("bits", SCHEMES)
@given(documents=DOCUMENTS, count=st.integers(1, 70), seed=st.integers(0, 99))
def test_signatures(bits, documents, count, seed):
    """The least value of each permutation; all ones for no shingles."""
    sign, kind = SCHEMES[bits]
    generator = np.random.default_rng(seed)
    a = generator.integers(0, 1 << bits, count, kind)
    b = generator.integers(0, 1 << bits, count, kind)
    out = np.zeros((len(documents), count), kind)
    sign(*tables(documents), a, b, out)
    top = (1 << bits) - 1
    for document, found in zip(documents, out.tolist(), strict=True):
        mixed = [finalize(value, bits) for value in document]
        pairs = list(zip(a.tolist(), b.tolist(), strict=True))
        assert [min([top, *((x * h + y) & top for h in mixed)]) for x, y in pairs] == found


@pytest.mark.parametrize("kind", [np.uint32, np.uint64])
def test_band_keys(kind):
    """Keys are equal if and only if number and entries of the band are; spare permutations do not matter."""
    generator = np.random.default_rng(1)
    signatures = generator.integers(0, 3, (500, 7), kind)
    high, low = minhash.band_keys(signatures, 3, 2)
    assert (1500,) == high.shape == low.shape
    bands = [(band, *row[2 * band : 2 * band + 2]) for row in signatures.tolist() for band in range(3)]
    assert 27 == len(set(bands)) == len(set(high.tolist())) == len(set(low.tolist()))
    assert 27 == len(set(zip(bands, high.tolist(), low.tolist(), strict=True)))


def test_band_keys_of_wide_entries():
    """Entries that differ in one bit only, wherever it is, have other keys."""
    values = [0, *(1 << bit for bit in range(64))]
    for column in range(2):
        signatures = np.full((65, 2), 7, np.uint64)
        signatures[:, column] = values
        high, low = minhash.band_keys(signatures, 1, 2)
        assert 65 == len(set(high.tolist())) == len(set(low.tolist()))


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=1))
def test_agreement(pairs):
    """The number of equal entries."""
    signatures = np.array(pairs, np.uint32).T.copy()
    assert sum(a == b for a, b in pairs) == minhash.agreement(signatures, 0, 1)
    assert len(pairs) == minhash.agreement(signatures, 1, 1)


@given(st.lists(st.sets(st.one_of(st.integers(0, 9), st.integers(0, 2**32 - 1))), min_size=1, max_size=4))
def test_jaccard_sorted(sets):
    """Intersection by union; 0 for two empty sets."""
    offsets = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    hashes = np.array([value for found in sets for value in sorted(found)], np.uint32)
    for i, left in enumerate(sets):
        for j, right in enumerate(sets):
            expected = len(left & right) / len(left | right) if left | right else 0.0
            assert expected == minhash.jaccard_sorted(offsets, hashes, i, j)
