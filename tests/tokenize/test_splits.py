"""The validation split: by id and key alone."""

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from corpusmill.tokenize.splits import places, validation

IDS = pa.array([f"document-{n}" for n in range(20_000)])
SOURCES = pa.array(["web", "books", None, "code"] * 5_000)


def test_by_the_digest_of_the_id():
    """As anybody can compute it."""
    salt = hashlib.blake2b(b"key", digest_size=16).digest()
    digests = [hashlib.blake2b(name.encode(), key=salt, digest_size=8).digest() for name in IDS.to_pylist()]
    expected = [int.from_bytes(digest, "big") / 2**64 < 0.1 for digest in digests]
    assert expected == validation(IDS, None, 0.1, "key").tolist()


def test_a_split_keeps_to_its_share():
    """About the share; nothing for 0, everything for 1."""
    assert 1_900 < validation(IDS, None, 0.1, "a").sum() < 2_100
    assert 0 == validation(IDS, None, 0, "a").sum()
    assert len(IDS) == validation(IDS, None, 1, "a").sum()


def test_neither_order_nor_neighbours_matter():
    """A document alone, or among others in another order, is in the same part."""
    whole = validation(IDS, SOURCES, {"*": 0.2}, "a")
    order = np.random.default_rng(0).permutation(len(IDS))
    assert whole[order].tolist() == validation(IDS.take(pa.array(order)), SOURCES, {"*": 0.2}, "a").tolist()
    assert whole[7] == validation(IDS[7:8], None, 0.2, "a")[0]


def test_larger_shares_add_other_keys_choose_anew():
    """A document that is for validation stays there when the share grows."""
    small, large = validation(IDS, None, 0.1, "a"), validation(IDS, None, 0.3, "a")
    assert (small <= large).all()
    both = (small & validation(IDS, None, 0.1, "b")).sum()
    assert 130 < both < 270


def test_shares_by_source():
    """Named sources have their share, others that of "*" or none."""
    sources = np.array([source or "" for source in SOURCES.to_pylist()])
    chosen = validation(IDS, SOURCES, {"web": 0.5, "books": 0.0, "*": 0.1}, "a")
    assert 2_350 < chosen[sources == "web"].sum() < 2_650
    assert 0 == chosen[sources == "books"].sum()
    assert 430 < chosen[sources == "code"].sum() < 570
    assert 430 < chosen[sources == ""].sum() < 570
    assert 0 == validation(IDS, SOURCES, {"web": 0.5}, "a")[sources == "code"].sum()


def test_places_are_those_of_the_digest():
    """As float64, evenly spread, and validation is what lies below its share."""
    found = places(IDS, "key")
    salt = hashlib.blake2b(b"key", digest_size=16).digest()
    first = hashlib.blake2b(b"document-0", key=salt, digest_size=8).digest()
    assert (np.float64, len(IDS)) == (found.dtype, len(found))
    assert (int.from_bytes(first, "big") >> 11) / 2**53 == found[0]
    assert np.histogram(found, 10, (0, 1))[0].min() > 1_800
    assert (found < 0.25).tolist() == validation(IDS, None, 0.25, "key").tolist()
    assert 0 == len(places(IDS[:0], "key"))
    with pytest.raises(ValueError, match="1 documents have no id"):
        places(pa.array([None, "a"]), "key")


def test_what_cannot_be_split():
    """Shares out of range, no sources where they are needed, no ids."""
    with pytest.raises(ValueError, match=r"validation share of 'web' is 1.5; expected from 0 to 1"):
        validation(IDS, SOURCES, {"web": 1.5}, "a")
    with pytest.raises(ValueError, match="need the documents' sources"):
        validation(IDS, None, {"web": 0.5}, "a")
    with pytest.raises(ValueError, match="1 documents have no id"):
        validation(pa.array(["a", None]), None, 0.5, "a")
