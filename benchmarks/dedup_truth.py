"""Which documents are near duplicates in truth, and what a list of removals is worth against it; no MinHash here.

Shapes: N documents, P pairs.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from corpusmill.dedup.shingles import Shingling, shingles
from corpusmill.kernels import buffers

LEAST = 0.4  # pairs less similar than this are not listed


class Truth(NamedTuple):
    """Sets of shingles, and all pairs of documents that share enough of them.

    offsets: int64 (N+1,). sets: uint64, the different 64-bit hashes of each document's shingles, sorted.
    left, right: int64 (P,), left < right, in ascending order. similarity: float64 (P,), Jaccard, at least `LEAST`.
    """

    offsets: np.ndarray
    sets: np.ndarray
    left: np.ndarray
    right: np.ndarray
    similarity: np.ndarray

    @property
    def count(self):
        """N."""
        return len(self.offsets) - 1

    def pairs(self, threshold):
        """Left and right of the pairs that are at least so similar, and their similarity."""
        enough = self.similarity >= threshold
        return self.left[enough], self.right[enough], self.similarity[enough]

    def jaccard(self, one, other):
        """Of any two documents."""
        a, b = (self.sets[self.offsets[i] : self.offsets[i + 1]] for i in (one, other))
        both = len(np.intersect1d(a, b, assume_unique=True))
        return both / max(len(a) + len(b) - both, 1)


class Score(NamedTuple):
    """Counts; `true_named` is None where removals do not say which document stays for them.

    removed: documents. true_named: of these, at least `threshold` similar to the one that stays for them.
    true_any: of these, at least so similar to some document that stays. pairs: true ones. settled: of these, at least
    one of the two is removed.
    """

    removed: int
    true_named: int | None
    true_any: int
    pairs: int
    settled: int


def all_pairs(texts, how=None):
    """The truth about N texts, by counting the shingles that each shares with all others."""
    offsets, hashes = shingles(buffers.text(pa.array(texts)), how or Shingling())
    own = [np.unique(hashes[a:b]) for a, b in pairwise(offsets)]
    sizes = np.array([len(part) for part in own])
    sets, documents = np.concatenate(own), np.repeat(np.arange(len(own)), sizes)
    order = np.argsort(sets, kind="stable")
    _, place, counts = np.unique(sets, return_inverse=True, return_counts=True)
    by_hash, ends = documents[order], np.cumsum(counts)
    starts, bounds = ends - counts, np.concatenate([[0], np.cumsum(sizes)])
    found = [(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    for one in range(len(own)):
        at = place[bounds[one] : bounds[one + 1]]
        shared = np.bincount(by_hash[ranges(starts[at], counts[at])], minlength=len(own))
        shared[: one + 1] = 0
        others = np.flatnonzero(shared)
        similarity = shared[others] / (sizes[one] + sizes[others] - shared[others])
        enough = similarity >= LEAST
        found.append((np.full(enough.sum(), one), others[enough], similarity[enough]))
    return Truth(bounds, sets, *(np.concatenate(column) for column in zip(*found, strict=True)))


def ranges(starts, counts):
    """All numbers of all ranges, one after the other."""
    first = np.cumsum(counts) - counts
    return np.repeat(starts - first, counts) + np.arange(int(counts.sum()))


def score(truth, removed, threshold):
    """What a list of removals is worth.

    Args:
        truth: of the documents.
        removed: number of each document removed -> number of the document that stays for it, or None if not told.
        threshold: least similarity of near duplicates.
    """
    left, right, _ = truth.pairs(threshold)
    gone = np.zeros(truth.count, bool)
    gone[list(removed)] = True
    like = np.zeros(truth.count, bool)
    like[left[gone[left] & ~gone[right]]] = True
    like[right[gone[right] & ~gone[left]]] = True
    named = None
    if None not in removed.values():
        known = {(int(a), int(b)) for a, b in zip(left, right, strict=True)}
        named = sum(not gone[kept] and (min(one, kept), max(one, kept)) in known for one, kept in removed.items())
    return Score(len(removed), named, int(like.sum()), len(left), int((gone[left] | gone[right]).sum()))


def expected(similarity, bands, rows):
    """Share of pairs of these similarities that share a band, by the formula of the banding."""
    return float(np.mean(1 - (1 - similarity**rows) ** bands)) if len(similarity) else float("nan")


def sharing(signatures, left, right, bands, rows):
    """Which pairs do share a band; bool (P,)."""
    width = bands * rows
    equal = signatures[left, :width] == signatures[right, :width]
    return equal.reshape(len(left), bands, rows).all(axis=2).any(axis=1)
