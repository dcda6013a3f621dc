"""The slow twin of the matching, and candidates made from shingle sets."""

import math

import numpy as np

from corpusmill.dedup.matching import Candidates


def flat(lists, dtype):
    """Offsets and values of lists."""
    offsets = np.cumsum([0, *map(len, lists)]).astype(np.int64)
    return offsets, np.array([value for one in lists for value in one], dtype)


def candidates(signatures, sets, runs, fixed=None, component=None):
    """Candidates of lists; one component unless told."""
    count = len(signatures)
    return Candidates(
        np.zeros(count, np.int64) if component is None else np.array(component, np.int64),
        np.zeros(count, bool) if fixed is None else np.array(fixed, bool),
        np.array(signatures, np.uint32).reshape(count, -1) if count else np.zeros((0, 4), np.uint32),
        *flat([sorted(one) for one in sets], np.uint32),
        *flat(runs, np.int64),
    )


def sign(sets, perms, seed=0):
    """MinHash signatures (D, perms) of sets of small integers, by random permutations of these."""
    universe = max(max(one, default=0) for one in sets) + 1
    draw = np.random.default_rng(seed)
    orders = np.array([draw.permutation(universe) for _ in range(perms)])
    return np.array([orders[:, sorted(one)].min(axis=1) if one else np.full(perms, universe) for one in sets])


def judge(one, other, perms, threshold, margin, few=16):
    """Whether two documents, each a signature and a set, are similar, how much, and by which method."""
    estimate = sum(a == b for a, b in zip(one[0], other[0], strict=True)) / perms
    reach = 0 if threshold == 1 else margin * math.sqrt(threshold * (1 - threshold) / perms)
    short = any(0 < len(found) < few for found in (one[1], other[1]))
    unsure = threshold - reach <= estimate <= threshold + reach or (short and estimate >= threshold)
    if unsure and one[1] and other[1]:
        exact = len(one[1] & other[1]) / len(one[1] | other[1])
        return exact >= threshold, exact, 2
    return estimate >= threshold and not short, estimate, 1


def slow_match(signatures, sets, runs, fixed, threshold, margin, verify, cap):
    """Kept document, similarity and method of each, and how many places lists had no room for."""
    count, perms = len(signatures), len(signatures[0]) if signatures else 1
    documents = [(signatures[d], set(sets[d])) for d in range(count)]
    lists = [[] for _ in runs]
    kept, capped = {}, 0
    for d in sorted(range(count), key=lambda d: (not fixed[d], d)):
        best = None
        if not fixed[d]:
            for other in {o for run, found in zip(runs, lists, strict=True) if d in run for o in found}:
                similar, value, method = judge(documents[d], documents[other], perms, threshold, margin)
                if not verify:
                    value = judge(documents[d], (documents[other][0], set()), perms, threshold, margin)[1]
                    similar, method = True, 3
                rank = (-value, not fixed[other], other)
                if similar and (best is None or rank < best[0]):
                    best = rank, (other, value, method)
        if best:
            kept[d] = best[1]
            continue
        kept[d] = d, None, 0
        for run, found in zip(runs, lists, strict=True):
            if d in run:
                if len(found) < cap:
                    found.append(d)
                else:
                    capped += 1
    return [kept[d] for d in range(count)], capped
