"""A keyed permutation of n numbers, each computed alone: a Feistel network with cycle walking.

With b the bits of n - 1, a number of b bits is two halves, the left of ceil(b / 2) and the right of floor(b / 2) bits.
Round r = 0, 2, .. does left ^= mix(right ^ keys[r]), round r = 1, 3, .. does right ^= mix(left ^ keys[r]), as many bits
as that half has. What comes out at or above n goes in again, fewer than twice on average (Black and Rogaway 2002).
"""

from typing import Any

import numpy as np

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.words import UInt64s, mix

ROUNDS = 8
_STEP = np.uint64(0x9E3779B97F4A7C15)


@kernel
def round_keys(key: Any) -> UInt64s:
    """The key of each round from a key of 64 bits, as SplitMix64 gives them; uint64 (ROUNDS,)."""
    keys = np.empty(ROUNDS, np.uint64)
    state = np.uint64(key)
    for r in range(ROUNDS):
        state += _STEP
        keys[r] = mix(state)
    return keys


@kernel
def permute(places: Int64s, count: int, keys: UInt64s) -> Int64s:
    """Find what stands at each of the places.

    Args:
        places: (M,), each at least 0 and below `count`. count: n, at least 1. keys: (ROUNDS,).

    Returns:
        int64 (M,), each at least 0 and below `count`; over all places each number once.
    """
    bits = 0
    while (count - 1) >> bits:
        bits += 1
    low = bits // 2
    shift = np.uint64(low)
    left_mask, right_mask = np.uint64((1 << (bits - low)) - 1), np.uint64((1 << low) - 1)
    limit = np.uint64(count)
    found = np.empty(len(places), np.int64)
    for i in range(len(places)):
        value = np.uint64(places[i])
        while True:
            left, right = value >> shift, value & right_mask
            for r in range(0, ROUNDS, 2):
                left ^= mix(right ^ keys[r]) & left_mask
                right ^= mix(left ^ keys[r + 1]) & right_mask
            value = left << shift | right
            if value < limit:
                break
        found[i] = np.int64(value)
    return found
