"""A blocked Bloom filter over 64-bit hashes, and the n-gram hashes that go into it.

A key sets `probes` bits, with repetition, in one block of 512 bits (a cache line), so that a look-up costs one miss of
the cache and not seven. Blocks fill unevenly, which costs some bits: see `false_positive_rate`.

Shapes: W words of 64 bits (8 a block), H hashes, G groups of them.
    bits  uint64 (W,)   the filter; filters of equal size are joined by `|`
"""

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import Flags
from corpusmill.kernels.words import UInt64s, mix

BLOCK_BITS, BLOCK_WORDS = 512, 8
MOST_BLOCKS = 2**31
_MOST_PROBES = 16
_THROWS = 4096  # bits that were set in a block, repetitions included, up to which its load is followed

_STEP = np.uint64(0xD6E8FEB86659FD93)
_LENGTH = np.uint64(0x9E3779B97F4A7C15)
_BASE = np.uint64(0xA0761D6478BD642F)  # of the rolling polynomial
_LOW_HALF = np.uint64(0xFFFFFFFF)


class Size(NamedTuple):
    """How large a filter is: blocks of 512 bits, and bits that each key sets."""

    blocks: int
    probes: int


@lru_cache(maxsize=1)
def _loads() -> npt.NDArray[np.float64]:
    """The chance that x bits of a block are set after t throws: (4096, 513)."""
    bits = np.arange(BLOCK_BITS + 1)
    table = np.zeros((_THROWS, BLOCK_BITS + 1))
    table[0, 0] = 1
    for throw in range(1, _THROWS):
        table[throw] = table[throw - 1] * bits / BLOCK_BITS
        table[throw, 1:] += table[throw - 1, :-1] * (1 - bits[:-1] / BLOCK_BITS)
    return table


@lru_cache(maxsize=_MOST_PROBES)
def _full_enough(probes: int) -> npt.NDArray[np.float64]:
    """The chance that all probes hit set bits in a block with i keys, for i from 0."""
    share = np.arange(BLOCK_BITS + 1) / BLOCK_BITS
    return _loads()[::probes] @ share**probes


def false_positive_rate(keys_per_block: float, probes: int) -> float:
    """The chance that a key that was never added is found.

    The number of keys in a block is Poisson with mean `keys_per_block` (Putze, Sanders, Singler 2007, 3); given i keys,
    the bits set in it are those of probes times i throws, whose distribution is counted out and not approximated.
    """
    given = _full_enough(probes)
    keys = np.arange(len(given))
    logs = keys * math.log(keys_per_block) - keys_per_block - np.array([math.lgamma(k + 1) for k in keys])
    weights = np.exp(logs)
    return float(weights @ given + max(0.0, 1 - weights.sum()))


@lru_cache(maxsize=64)
def best(rate: float) -> tuple[float, int]:
    """Keys per block, the most that keep the false-positive rate, and the probes with which they do.

    Raises:
        ValueError: for a rate that is not between 0.000001 and 0.5.
    """
    if not 1e-6 <= rate <= 0.5:
        raise ValueError(f"false-positive rate: found {rate}; expected a number from 0.000001 to 0.5")
    found = (0.0, 1)
    for probes in range(1, _MOST_PROBES + 1):
        few, many = 1e-3, float(BLOCK_BITS)
        if false_positive_rate(few, probes) > rate:
            continue
        for _ in range(40):
            middle = (few + many) / 2
            few, many = (middle, many) if false_positive_rate(middle, probes) <= rate else (few, middle)
        found = max(found, (math.floor(few * 64) / 64, probes))  # no last digit that differs between machines
    return found


def size(keys: int, rate: float) -> Size:
    """The smallest filter that holds so many different keys at the given false-positive rate.

    Raises:
        ValueError: for less than one key, a rate out of range, or a filter above 2**31 blocks (128 GiB).
    """
    per_block, probes = best(rate)
    if keys < 1:
        raise ValueError(f"expected keys of a Bloom filter: found {keys}; expected 1 or more")
    blocks = math.ceil(keys / per_block)
    if blocks > MOST_BLOCKS:
        raise ValueError(
            f"a Bloom filter for {keys} keys at rate {rate} takes {blocks * 64 / 2**30:.0f} GiB; at most 128 GiB is "
            "possible: expect fewer keys or take a higher rate"
        )
    return Size(blocks, probes)


def empty(blocks: int) -> UInt64s:
    """A filter without keys, shape (8 * blocks,), whose blocks lie on cache lines."""
    memory = np.zeros(BLOCK_WORDS * (blocks + 1), np.uint64)
    skip = -memory.ctypes.data % 64 // 8
    return memory[skip : skip + BLOCK_WORDS * blocks]


@kernel
def _block(value: Any, blocks: Any) -> Any:
    """The first word of the hash's block: the hash as a fraction of 2**64, times the blocks (below 2**32)."""
    upper = (value >> np.uint64(32)) * blocks
    lower = (value & _LOW_HALF) * blocks >> np.uint64(32)
    return (upper + lower >> np.uint64(32)) * np.uint64(BLOCK_WORDS)


@kernel
def _holds(bits: UInt64s, first: Any, value: Any, probes: int) -> bool:
    step, left, places = value, 0, np.uint64(0)
    for _ in range(probes):
        if left == 0:  # 64 bits give seven places of 9 bits
            step += _STEP
            places, left = mix(step), 7
        word = bits[first + (places >> np.uint64(6) & np.uint64(7))]
        if not word >> (places & np.uint64(63)) & np.uint64(1):
            return False
        places >>= np.uint64(9)
        left -= 1
    return True


@kernel
def _set(bits: UInt64s, first: Any, value: Any, probes: int) -> None:
    step, left, places = value, 0, np.uint64(0)
    for _ in range(probes):
        if left == 0:
            step += _STEP
            places, left = mix(step), 7
        bits[first + (places >> np.uint64(6) & np.uint64(7))] |= np.uint64(1) << (places & np.uint64(63))
        places >>= np.uint64(9)
        left -= 1


@kernel
def add(bits: UInt64s, hashes: UInt64s, probes: int) -> None:
    """Add keys, given by their well mixed hashes (H,), to the filter (W,) in place."""
    blocks = np.uint64(len(bits) // BLOCK_WORDS)
    for k in range(len(hashes)):
        _set(bits, _block(hashes[k], blocks), hashes[k], probes)


@kernel
def contains(bits: UInt64s, hashes: UInt64s, probes: int) -> Flags:
    """Which keys the filter (W,) holds, or seems to; bool (H,)."""
    out = np.empty(len(hashes), np.bool_)
    blocks = np.uint64(len(bits) // BLOCK_WORDS)
    for k in range(len(hashes)):
        out[k] = _holds(bits, _block(hashes[k], blocks), hashes[k], probes)
    return out


@kernel
def check_and_add(bits: UInt64s, hashes: UInt64s, probes: int) -> Flags:
    """For one key (H,) after the other, tell whether the filter (W,) holds it, then add it in place; bool (H,)."""
    out = np.empty(len(hashes), np.bool_)
    blocks = np.uint64(len(bits) // BLOCK_WORDS)
    for k in range(len(hashes)):
        first = _block(hashes[k], blocks)
        out[k] = _holds(bits, first, hashes[k], probes)
        _set(bits, first, hashes[k], probes)
    return out


@kernel
def count_seen(bits: UInt64s, offsets: Int64s, hashes: UInt64s, probes: int, update: bool) -> Int64s:
    """For one group after the other, count its keys that the filter holds, then add all of them if `update`.

    Args:
        bits: (W,). offsets: (G+1,), the keys of each group. hashes: (H,).

    Returns:
        int64 (G,); a key that occurs twice in a group counts twice or not at all.
    """
    seen = np.zeros(len(offsets) - 1, np.int64)
    blocks = np.uint64(len(bits) // BLOCK_WORDS)
    for group in range(len(seen)):
        for k in range(offsets[group], offsets[group + 1]):
            seen[group] += _holds(bits, _block(hashes[k], blocks), hashes[k], probes)
        if update:
            for k in range(offsets[group], offsets[group + 1]):
                _set(bits, _block(hashes[k], blocks), hashes[k], probes)
    return seen


@kernel
def hash_grams(offsets: Int64s, words: UInt64s, ngram: int, least: int) -> tuple[Int64s, UInt64s]:
    """The hashes of all runs of `ngram` words of each group; a shorter group of `least` words or more is one run.

    Args:
        offsets: (G+1,), the words of each group. words: (W,), their hashes. least: from 1 to `ngram`.

    Returns:
        Offsets (G+1,) and hashes (H,).
    """
    grams = np.zeros(len(offsets), np.int64)
    for group in range(len(offsets) - 1):
        count = offsets[group + 1] - offsets[group]
        grams[group + 1] = grams[group] + (max(count - ngram + 1, 1) if count >= least else 0)
    hashes = np.empty(grams[-1], np.uint64)
    oldest = np.uint64(1)  # what the word that leaves a run was multiplied by
    for _ in range(ngram):
        oldest *= _BASE
    for group in range(len(offsets) - 1):
        first = offsets[group]
        run = min(offsets[group + 1] - first, ngram)
        value = np.uint64(0)
        if grams[group] < grams[group + 1]:
            for k in range(first, first + run):
                value = value * _BASE + words[k]
        for gram in range(grams[group], grams[group + 1]):
            hashes[gram] = mix(value + np.uint64(run) * _LENGTH)
            if gram + 1 < grams[group + 1]:
                at = first + gram - grams[group]
                value = value * _BASE + words[at + ngram] - words[at] * oldest
    return grams, hashes
