"""Which documents are removed, and for which kept one: a greedy matching in the order of preference.

Shapes: D documents, best first; K permutations; R runs of documents that share a key; M memberships of runs.
    fixed         bool (D,)     documents that are kept whatever they are like
    signatures    uint32 or uint64 (D, K)
    sets_offsets  int64 (D+1,)  sets  uint32 (S,)   sorted, different hashes of each document; none where unknown
    run_offsets   int64 (R+1,)  run_members  int64 (M,)   documents of each run
    own_offsets   int64 (D+1,)  own_runs     int32 (M,)   runs of each document
    lists         int32 (M,)    sizes        int32 (R,)   the kept documents of each run, from its place in M on
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.minhash import Signatures, UInt32s, agreement, jaccard_sorted

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Int32s = npt.NDArray[np.int32]

# What a number of equal entries says: the estimate decides, or the exact sets do, where both are known.
DIFFERENT, SIMILAR, EXACT_ELSE_DIFFERENT, EXACT_ELSE_SIMILAR = range(4)
# How it was decided, `Matches.method`.
KEPT, ESTIMATED, COMPARED, UNVERIFIED, TRANSITIVE = range(5)


class Found(NamedTuple):
    """What the matching found."""

    kept: Int64s  # (D,), the document that this one is removed for, or itself
    similarity: Floats  # (D,), NaN where kept
    method: Bytes  # (D,)
    capped: int  # memberships of kept documents that no list had room for
    compared: int  # pairs
    compared_exactly: int  # pairs of these


@kernel
def invert(count: int, run_offsets: Int64s, run_members: Int64s) -> tuple[Int64s, Int32s]:
    """List the runs of each document.

    Args:
        count: D, documents. run_offsets: (R+1,). run_members: (M,).

    Returns:
        Offsets (D+1,) and runs (M,), ascending for each document.
    """
    offsets = np.zeros(count + 1, np.int64)
    for member in run_members:
        offsets[member + 1] += 1
    for document in range(count):
        offsets[document + 1] += offsets[document]
    ends = offsets[:count].copy()
    runs = np.empty(len(run_members), np.int32)
    for run in range(len(run_offsets) - 1):
        for at in range(run_offsets[run], run_offsets[run + 1]):
            member = run_members[at]
            runs[ends[member]] = run
            ends[member] += 1
    return offsets, runs


@kernel
def _enter(
    document: int, own_offsets: Int64s, own_runs: Int32s, run_offsets: Int64s, lists: Int32s, sizes: Int32s, cap: int
) -> int:
    """Enter a kept document in the lists of its runs; give how many had no room."""
    full = 0
    for at in range(own_offsets[document], own_offsets[document + 1]):
        run = own_runs[at]
        if sizes[run] < cap:
            lists[run_offsets[run] + sizes[run]] = document
            sizes[run] += 1
        else:
            full += 1
    return full


@kernel
def _judge(
    signatures: Signatures,
    sets_offsets: Int64s,
    sets: UInt32s,
    document: int,
    other: Any,
    verdicts: Bytes,
    threshold: float,
    few: int,
) -> tuple[bool, float, int]:
    """Tell whether two documents are similar, how similar, and how that was found.

    Of fewer than `few` shingles one that is another's by chance (two in 2^32 are) makes a false estimate.
    """
    same = agreement(signatures, document, other)
    verdict = verdicts[same]
    estimate = same / signatures.shape[1]
    mine = sets_offsets[document + 1] - sets_offsets[document]
    theirs = sets_offsets[other + 1] - sets_offsets[other]
    short = (mine > 0 and mine < few) or (theirs > 0 and theirs < few)
    if verdict >= EXACT_ELSE_DIFFERENT or (short and verdict == SIMILAR):
        if mine > 0 and theirs > 0:
            exact = jaccard_sorted(sets_offsets, sets, document, other)
            return exact >= threshold, exact, COMPARED
        return verdict != EXACT_ELSE_DIFFERENT and not short, estimate, ESTIMATED
    return verdict == SIMILAR, estimate, ESTIMATED


@kernel
def match(
    fixed: Flags,
    signatures: Signatures,
    sets_offsets: Int64s,
    sets: UInt32s,
    run_offsets: Int64s,
    run_members: Int64s,
    verdicts: Bytes,
    threshold: float,
    few: int,
    cap: int,
) -> Any:
    """Go through documents, best first: remove each for the most similar kept one that shares a run with it.

    Fixed documents come before all others. Of equally similar ones, the document met first is taken.

    Args:
        fixed: (D,). signatures: (D, K). sets_offsets: (D+1,). sets: (S,). run_offsets: (R+1,). run_members: (M,).
        verdicts: uint8 (K+1,), what each number of equal entries says.
        threshold: least exact similarity.
        few: shingles below which no estimate is taken.
        cap: most kept documents in the list of a run.

    Returns:
        The fields of `Found`.
    """
    count = len(fixed)
    own_offsets, own_runs = invert(count, run_offsets, run_members)
    lists = np.empty(len(run_members), np.int32)
    sizes = np.zeros(len(run_offsets) - 1, np.int32)
    compared_with = np.full(count, -1, np.int32)  # the last document that was compared with this one
    kept, similarity = np.arange(count), np.full(count, np.nan)
    method = np.zeros(count, np.uint8)
    capped = compared = exactly = 0
    for document in range(count):
        if fixed[document]:
            capped += _enter(document, own_offsets, own_runs, run_offsets, lists, sizes, cap)
    for document in range(count):
        if fixed[document]:
            continue
        best, most, how = np.int64(-1), -1.0, KEPT
        for at in range(own_offsets[document], own_offsets[document + 1]):
            first = run_offsets[own_runs[at]]
            for place in range(first, first + sizes[own_runs[at]]):
                other = np.int64(lists[place])
                if compared_with[other] == document:
                    continue
                compared_with[other] = document
                similar, value, found = _judge(
                    signatures, sets_offsets, sets, document, other, verdicts, threshold, few
                )  # fmt: skip
                compared += 1
                exactly += found == COMPARED
                if not similar or value < most:
                    continue
                earlier = fixed[other] if best < 0 or fixed[other] != fixed[best] else other < best
                if value > most or earlier:
                    best, most, how = other, value, found
        if best < 0:
            capped += _enter(document, own_offsets, own_runs, run_offsets, lists, sizes, cap)
        else:
            kept[document], similarity[document], method[document] = best, most, how
    return kept, similarity, method, capped, compared, exactly


@kernel
def match_components(component: Int64s, fixed: Flags, signatures: Signatures) -> Any:
    """Remove all documents of a component but the best: its first fixed one, else its first.

    Args:
        component: (D,), ascending. fixed: (D,), these are never removed. signatures: (D, K).

    Returns:
        The fields of `Found`; the similarity is estimated.
    """
    count = len(component)
    kept, similarity = np.arange(count), np.full(count, np.nan)
    method = np.zeros(count, np.uint8)
    compared = start = 0
    while start < count:
        stop = start + 1
        best = start
        while stop < count and component[stop] == component[start]:
            if fixed[stop] and not fixed[best]:
                best = stop
            stop += 1
        for document in range(start, stop):
            if document != best and not fixed[document]:
                kept[document] = best
                similarity[document] = agreement(signatures, document, best) / signatures.shape[1]
                method[document] = TRANSITIVE
                compared += 1
        start = stop
    return kept, similarity, method, 0, compared, 0
