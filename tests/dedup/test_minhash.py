"""Signatures beside datasketch's, portions, bands."""

import gzip
import json
import lzma

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.dedup import minhash
from corpusmill.dedup.minhash import Permutations, band_keys, optimal_bands, signatures
from corpusmill.dedup.shingles import Shingling, normalised_words, shingle_hash
from corpusmill.kernels import buffers
from tests.data import shared
from tests.kernels.reference_normalise import SAMPLES

SCHEMES = ["affine32", "affine64"]
TOO_FEW = (
    "112 permutations are too few to choose bands for a threshold of 0.99; "
    "take more permutations or a lower threshold, or give bands and rows"
)
TEXTS = st.lists(st.one_of(st.text(alphabet=SAMPLES), st.text(alphabet="aB3. \n", max_size=60)), max_size=8)


def as_text(texts):
    """The texts from a slice of a larger array."""
    return buffers.text(pa.array(["Ä1 x", *texts]).slice(1))


def by_datasketch(text, how, permutations):
    """Signatures and counts as datasketch makes them of the shingles in plain Python."""
    mask = 0xFFFFFFFF if permutations.scheme == "affine32" else (1 << 64) - 1
    joint = " " if how.unit == "words" else ""
    rows, counts = [], []
    for parts in normalised_words(text, how):
        sketch = MinHash(
            permutations.count,
            permutations.seed,
            scheme=permutations.scheme,
            hashfunc=lambda shingle: shingle_hash(shingle, how.unit) & mask,
        )
        windows = [joint.join(parts[i : i + how.ngram]).encode() for i in range(len(parts) - how.ngram + 1)]
        sketch.update_batch(windows)
        rows.append(sketch.hashvalues)
        counts.append(len(windows))
    kind = np.uint32 if permutations.scheme == "affine32" else np.uint64
    return np.array(rows, kind).reshape(len(rows), permutations.count), counts


def check(text, how, permutations):
    """Our signatures are datasketch's, bit for bit."""
    found, counts = signatures(text, how, permutations)
    expected, expected_counts = by_datasketch(text, how, permutations)
    assert expected.dtype == found.dtype
    assert expected_counts == counts.tolist()
    assert np.array_equal(expected, found)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("count", "seed"), [(1, 0), (112, 1), (130, 42), (256, 2**32 - 1)])
def test_permutations_are_datasketchs(scheme, count, seed):
    """Drawn from numpy's RandomState in the same order."""
    factors, summands = Permutations(scheme, count, seed).draw()
    expected = MinHash(count, seed, scheme=scheme).permutations
    assert np.array_equal(expected, np.stack([factors, summands]))
    assert expected.dtype == factors.dtype == summands.dtype


@pytest.mark.parametrize("scheme", SCHEMES)
@settings(max_examples=40)
@given(
    texts=TEXTS,
    dialect=st.sampled_from(["plain", "datatrove", "none", "bigcode"]),
    unit=st.sampled_from(["words", "characters"]),
    ngram=st.integers(1, 5),
    count=st.integers(1, 40),
)
def test_any_text(scheme, texts, dialect, unit, ngram, count):
    """Also empty texts, and texts shorter than a shingle."""
    check(as_text(texts), Shingling(dialect, unit, ngram), Permutations(scheme, count, 7))


def texts_of(name):
    """A spread of the documents of a set of shared data."""
    path, step = {
        "openwebtext": ("openwebtext-1000/openwebtext-1000.jsonl.xz", 100),
        "hplt": ("hplt-multilingual-web/docs.jsonl.xz", 150),
        "code": ("code-python/files.jsonl.xz", 40),
        "c4": ("c4-dolma-samples/samples.jsonl.gz", 3),
    }[name]
    path = shared(path)
    opener = lzma.open if path.suffix == ".xz" else gzip.open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines][::step]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", ["openwebtext", "hplt", "code", "c4"])
def test_real_text(name, scheme):
    """English, fifty languages and code, in two dialects and as characters."""
    text = as_text(texts_of(name))
    assert len(text.offsets) > 5
    for how in (Shingling(), Shingling("datatrove"), Shingling("plain", "characters", 24)):
        check(text, how, Permutations(scheme))


def test_short_documents():
    """They count no shingles, and their signature is all ones."""
    found, counts = signatures(as_text(["", "a b c d", "a b c d e"]), Shingling(), Permutations("affine32", 20))
    assert [0, 0, 1] == counts.tolist()
    assert (found[:2] == 0xFFFFFFFF).all()
    assert not (found[2] == 0xFFFFFFFF).any()


def test_no_documents():
    """An empty batch has an empty table."""
    found, counts = signatures(as_text([]), Shingling(), Permutations())
    assert (0, 112) == found.shape
    assert (0,) == counts.shape


@pytest.mark.parametrize("portion", [1, 7, 50, 10**6])
def test_portions_change_nothing(monkeypatch, portion):
    """Documents are hashed in portions of text; a document above the size is one by itself."""
    texts = ["", "aé " * 40, "one two three four five six", "", "x y z ü v w " * 5, ""]
    expected = signatures(as_text(texts), Shingling(), Permutations())
    monkeypatch.setattr(minhash, "_PORTION", portion)
    found = signatures(as_text(texts), Shingling(), Permutations())
    assert np.array_equal(expected[0], found[0])
    assert np.array_equal(expected[1], found[1])


def test_band_keys_of_like_documents():
    """Equal documents share all keys, others none; keys of two bands differ though their entries are equal."""
    text = "the quick brown fox jumps over the lazy dog and runs away from all of it"
    found, _ = signatures(as_text([text, text.upper(), text[::-1]]), Shingling(), Permutations())
    high, low = (half.reshape(3, 14) for half in band_keys(found, 14, 8))
    assert np.array_equal(high[0], high[1])
    assert np.array_equal(low[0], low[1])
    assert not np.isin(high[2], high[0]).any()
    high, low = band_keys(np.full((1, 112), 9, np.uint32), 14, 8)
    assert 14 == len(set(high.tolist())) == len(set(low.tolist()))


@pytest.mark.parametrize(
    ("bands", "rows", "message"),
    [
        (14, 9, "14 bands of 9 rows need 126 permutations, found 112; take fewer bands or rows, or more permutations"),
        (0, 8, "found 0 bands of 8 rows, expected at least 1 of each"),
        (14, -1, "found 14 bands of -1 rows, expected at least 1 of each"),
    ],
)
def test_bands_that_do_not_fit(bands, rows, message):
    """With what they need and what there is."""
    with pytest.raises(ValueError) as caught:
        band_keys(np.zeros((1, 112), np.uint32), bands, rows)
    assert message == str(caught.value)


@pytest.mark.parametrize(
    ("threshold", "perms", "expected"), [(0.7, 256, (25, 10)), (0.7, 240, (24, 10)), (0.8, 112, (9, 12))]
)
def test_optimal_bands(threshold, perms, expected):
    """As published for data-juicer and text-dedup, and as datasketch says."""
    assert expected == optimal_bands(threshold, perms)
    chosen = MinHashLSH(threshold=threshold, num_perm=perms)
    assert expected == (chosen.b, chosen.r)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Permutations("legacy"), "scheme: found 'legacy', expected affine32 or affine64"),
        (lambda: Permutations(count=0), "count: found 0 permutations, expected at least 1"),
        (lambda: Permutations(seed=-1), "seed: found -1, expected 0 to 4294967295"),
        (lambda: optimal_bands(1.2, 112), "threshold: found 1.2, expected 0 to 1"),
        (lambda: optimal_bands(0.7, 1), "found 1 permutations, expected at least 2 to choose bands"),
        (
            lambda: optimal_bands(0.99, 112),
            TOO_FEW,
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(make, message):
    """With what was found and what was expected."""
    with pytest.raises(ValueError) as caught:
        make()
    assert message == str(caught.value)
