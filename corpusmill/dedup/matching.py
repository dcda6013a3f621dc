"""Decide which documents are removed: only those that are similar to a document that is kept.

Documents are gone through best first, and the order is total, so the result does not depend on how they came.
A document is removed if and only if a kept document with which it shares a bucket is at least `threshold` similar to
it. So a chain of documents, each like the next, does not fall together where its ends have nothing in common.

Similarity is the share of equal entries of two signatures. Its standard deviation at the threshold t is
sqrt(t * (1 - t) / K). Within `margin` of these from the threshold, the exact Jaccard similarity of the shingle sets
decides, where both are known.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

METHODS = ("kept", "estimated", "exact", "unverified", "transitive")  # by `Matches.method`


FEW = 16  # shingles; among 10^5 documents of one shingle, two are one by chance to signatures of 32 bits


@dataclass(frozen=True)
class Candidates:
    """Documents of whole components, sorted best first by (component, rank, tie, document).

    Shapes: D documents, known here by their place; K permutations; S shingles; R buckets; M members of buckets.
    """

    component: Int64s  # (D,), ascending
    fixed: npt.NDArray[np.bool_]  # (D,), documents of an earlier run: always kept, never compared with each other
    signatures: npt.NDArray[Any]  # (D, K), uint32 or uint64
    sets_offsets: Int64s  # (D+1,)
    sets: npt.NDArray[np.uint32]  # (S,), sorted, different shingle hashes of each document; none where unknown
    run_offsets: Int64s  # (R+1,)
    run_members: Int64s  # (M,), documents of each bucket

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit each other, which kernels would read past their ends.

        Raises:
            ValueError: naming the array, what was found and what was expected.
        """
        count = len(self.component)
        _expect("fixed", len(self.fixed), count)
        _expect("signatures", len(self.signatures), count)
        _expect("sets_offsets", len(self.sets_offsets), count + 1)
        _expect("sets", len(self.sets), int(self.sets_offsets[-1]))
        _expect("run_members", len(self.run_members), int(self.run_offsets[-1]))
        if self.signatures.shape[1] == 0:
            raise ValueError("signatures have no entries; expected at least one permutation")
        if max(count, len(self.run_offsets)) > np.iinfo(np.int32).max:
            raise ValueError(f"{count} documents in one group of components; at most 2147483647 fit, cut it in two")
        if len(self.run_members) and not 0 <= self.run_members.min() <= self.run_members.max() < count:
            found = f"{self.run_members.min()} to {self.run_members.max()}"
            raise ValueError(f"run_members are {found}; expected places among {count} documents")
        if (np.diff(self.component) < 0).any():
            raise ValueError("documents are not sorted by component; sort them by (component, rank, tie, document)")


@dataclass(frozen=True)
class Matches:
    """What becomes of each document."""

    kept: Int64s  # (D,), the kept document that this one is removed for, or itself if it is kept
    similarity: npt.NDArray[np.float64]  # (D,), with the kept one; NaN where it is kept itself
    method: npt.NDArray[np.uint8]  # (D,), see METHODS
    capped: int  # (document, bucket) pairs of kept documents that the bucket's full list did not take
    compared: int  # pairs of documents
    compared_exactly: int  # pairs whose shingle sets were compared


def match(candidates: Candidates, threshold: float, margin: float = 3.0, verify: bool = True, cap: int = 32) -> Matches:
    """Remove what is similar to a kept document of the same bucket, for the most similar one of these.

    With fewer than `FEW` shingles the sets decide, whatever the estimate says; where one is unknown, nothing goes. Of
    equally similar ones the better is taken, a fixed one before others. A bucket's list holds its first `cap` kept
    documents; a document that did not fit removes no other by this bucket. So the time is at most linear in
    memberships times `cap`.

    Args:
        candidates: D documents.
        threshold: least similarity, above 0 and at most 1.
        margin: standard deviations of the estimate within which the exact similarity decides.
        verify: False takes a shared bucket for similarity, as published recipes without verification do.
        cap: most kept documents of a bucket that are compared with.

    Raises:
        ValueError: for an option out of range.
    """
    from corpusmill.kernels import matching

    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}; expected above 0 and at most 1")
    if not margin >= 0 or cap < 1:
        raise ValueError(f"margin is {margin} and cap {cap}; expected a margin of 0 or more and a cap of 1 or more")
    perms = candidates.signatures.shape[1]
    verdicts = _verdicts(perms, threshold, margin) if verify else np.full(perms + 1, matching.SIMILAR, np.uint8)
    found = matching.Found(
        *matching.match(
            candidates.fixed,
            candidates.signatures,
            candidates.sets_offsets,
            candidates.sets,
            candidates.run_offsets,
            candidates.run_members,
            verdicts,
            threshold,
            FEW if verify else 0,
            min(cap, np.iinfo(np.int32).max),
        )
    )
    if not verify:
        found.method[found.method == matching.ESTIMATED] = matching.UNVERIFIED
    return Matches(*found)


def match_transitively(candidates: Candidates) -> Matches:
    """Remove all documents of a component but its best, however unlike they are: parity with published recipes.

    The best is the first fixed one, else the first; fixed ones all stay. The similarity is estimated.
    """
    from corpusmill.kernels import matching

    return Matches(*matching.match_components(candidates.component, candidates.fixed, candidates.signatures))


def _verdicts(perms: int, threshold: float, margin: float) -> npt.NDArray[np.uint8]:
    """What each number of equal entries, 0 to `perms`, says of two documents; uint8 (perms + 1,)."""
    from corpusmill.kernels import matching

    estimate = np.arange(perms + 1) / perms
    deviation = math.sqrt(threshold * (1 - threshold) / perms)
    reach = margin * deviation if deviation else 0.0  # an infinite margin times nothing
    near = np.where(estimate >= threshold, matching.EXACT_ELSE_SIMILAR, matching.EXACT_ELSE_DIFFERENT)
    near[estimate < threshold - reach] = matching.DIFFERENT
    near[estimate > threshold + reach] = matching.SIMILAR
    return near.astype(np.uint8)


def _expect(name: str, found: int, expected: int) -> None:
    if found != expected:
        raise ValueError(f"{name} has {found} entries; expected {expected}")
