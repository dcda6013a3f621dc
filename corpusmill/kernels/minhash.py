"""MinHash signatures from shingle hashes, keys of their bands, and how alike two documents are.

The permutations are datasketch 2.0's: the hash is mixed once (MurmurHash3's finalizer), then permutation k is
`a[k] * hash + b[k]` modulo 2**32 (`affine32`, of the low 32 bits) or modulo 2**64 (`affine64`).

Shapes: N documents, S shingles, K permutations.
    offsets     int64 (N+1,)   hashes  uint64 (S,)   as `shingles.combine` gives them
    signatures  uint32 (N, K) for affine32, uint64 (N, K) for affine64
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.words import UInt64s, mix

UInt32s = npt.NDArray[np.uint32]
Signatures = npt.NDArray[Any]

BLOCK = 8  # shingles for which one pass over the permutations is made
_BAND_HIGH = np.uint64(0x9E3779B97F4A7C15)
_BAND_LOW = np.uint64(0xC2B2AE3D27D4EB4F)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)


@kernel
def _mixed_32(value: Any) -> Any:
    """MurmurHash3's finalizer of the low 32 bits."""
    value = np.uint32(value)
    value ^= np.uint32(value >> np.uint32(16))
    value = np.uint32(value * np.uint32(0x85EBCA6B))
    value ^= np.uint32(value >> np.uint32(13))
    value = np.uint32(value * np.uint32(0xC2B2AE35))
    return np.uint32(value ^ np.uint32(value >> np.uint32(16)))


@kernel
def _mixed_64(value: Any) -> Any:
    """MurmurHash3's finalizer of 64 bits."""
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@kernel
def _affine_32(a: Any, value: Any, b: Any) -> Any:
    """One permutation modulo 2**32; numba would widen what is not cast."""
    return np.uint32(np.uint32(a * value) + b)


@kernel
def sign_32(offsets: Int64s, hashes: UInt64s, a: UInt32s, b: UInt32s, out: UInt32s) -> None:
    """Write the affine32 signature of each document.

    Args:
        offsets: (N+1,). hashes: (S,). a, b: (K,). out: (N, K), all ones where a document has no shingle.
    """
    block = np.empty(BLOCK, np.uint32)
    least = np.empty(len(a), np.uint32)
    for row in range(len(offsets) - 1):
        least[:] = np.uint32(0xFFFFFFFF)
        stop = offsets[row + 1]
        for at in range(offsets[row], stop, BLOCK):
            for place in range(BLOCK):  # the last block is filled up with the last shingle, which changes no minimum
                block[place] = _mixed_32(hashes[min(at + place, stop - 1)])
            h0, h1, h2, h3, h4, h5, h6, h7 = (
                block[0], block[1], block[2], block[3], block[4], block[5], block[6], block[7],
            )  # fmt: skip
            for k in range(len(a)):
                first = min(_affine_32(a[k], h0, b[k]), _affine_32(a[k], h1, b[k]))
                second = min(_affine_32(a[k], h2, b[k]), _affine_32(a[k], h3, b[k]))
                third = min(_affine_32(a[k], h4, b[k]), _affine_32(a[k], h5, b[k]))
                fourth = min(_affine_32(a[k], h6, b[k]), _affine_32(a[k], h7, b[k]))
                least[k] = min(least[k], first, second, third, fourth)
        out[row] = least


@kernel
def sign_64(offsets: Int64s, hashes: UInt64s, a: UInt64s, b: UInt64s, out: UInt64s) -> None:
    """Write the affine64 signature of each document.

    Args:
        offsets: (N+1,). hashes: (S,). a, b: (K,). out: (N, K), all ones where a document has no shingle.
    """
    block = np.empty(4, np.uint64)
    least = np.empty(len(a), np.uint64)
    for row in range(len(offsets) - 1):
        least[:] = np.uint64(0xFFFFFFFFFFFFFFFF)
        stop = offsets[row + 1]
        for at in range(offsets[row], stop, 4):
            for place in range(4):
                block[place] = _mixed_64(hashes[min(at + place, stop - 1)])
            h0, h1, h2, h3 = block[0], block[1], block[2], block[3]
            for k in range(len(a)):
                first = min(a[k] * h0 + b[k], a[k] * h1 + b[k])
                second = min(a[k] * h2 + b[k], a[k] * h3 + b[k])
                least[k] = min(least[k], first, second)
        out[row] = least


@kernel
def band_keys(signatures: Signatures, bands: int, rows: int) -> tuple[UInt64s, UInt64s]:
    """A 128-bit key of each band of each document, with the band's number in it.

    Args:
        signatures: (N, K), K at least bands * rows; further permutations are not used.

    Returns:
        High and low halves, (N * bands,), the bands of a document together.
    """
    count = len(signatures)
    high = np.empty(count * bands, np.uint64)
    low = np.empty(count * bands, np.uint64)
    for document in range(count):
        for band in range(bands):
            left = mix(np.uint64(band + 1) * _BAND_HIGH)
            right = mix(np.uint64(band + 1) * _BAND_LOW)
            for k in range(band * rows, (band + 1) * rows):
                value = np.uint64(signatures[document, k])
                left = mix(left ^ value)
                right = mix(right * _SPREAD + value)
            high[document * bands + band] = left
            low[document * bands + band] = right
    return high, low


@kernel
def agreement(signatures: Signatures, i: int, j: int) -> int:
    """The number of equal entries of rows i and j of signatures (N, K); over K it estimates Jaccard similarity."""
    count = 0
    for k in range(signatures.shape[1]):
        count += signatures[i, k] == signatures[j, k]
    return count


@kernel
def jaccard_sorted(offsets: Int64s, hashes: UInt32s, i: int, j: int) -> float:
    """Jaccard similarity of sets i and j, given as sorted, different hashes; 0 if both are empty.

    Args:
        offsets: (N+1,). hashes: (S,), those of set i are hashes[offsets[i]:offsets[i+1]].
    """
    left, left_end = offsets[i], offsets[i + 1]
    right, right_end = offsets[j], offsets[j + 1]
    total = left_end - left + right_end - right
    both = 0
    while left < left_end and right < right_end:
        one, other = hashes[left], hashes[right]
        both += one == other
        left += one <= other
        right += other <= one
    return both / (total - both) if total else 0.0
