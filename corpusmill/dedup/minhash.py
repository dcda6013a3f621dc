"""MinHash signatures of documents, equal to datasketch's bit for bit, and the bands of locality-sensitive hashing.

Shapes: N documents, K permutations.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from corpusmill.dedup.shingles import Shingling, shingles

if TYPE_CHECKING:  # the kernels import numba, which a recipe can be read and planned without
    from corpusmill.kernels.buffers import Int64s, Text
    from corpusmill.kernels.words import UInt64s

Scheme = Literal["affine32", "affine64"]
_TYPES: dict[str, Any] = {"affine32": np.uint32, "affine64": np.uint64}
_PORTION = 1_000_000  # bytes of text hashed at once: the tables between text and signature then stay in the cache


@dataclass(frozen=True)
class Permutations:
    """The permutations of a signature, drawn as datasketch 2.0 draws them.

    Attributes:
        scheme: `affine32` for uint32 signatures, `affine64` for uint64 (sets of more than about 10**8 shingles).
        count: permutations, K. seed: of numpy's `RandomState`.

    Raises:
        ValueError: naming the field, what was found and what was expected.
    """

    scheme: Scheme = "affine32"
    count: int = 112
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what datasketch cannot draw."""
        if self.scheme not in _TYPES:
            raise ValueError(f"scheme: found {self.scheme!r}, expected affine32 or affine64")
        if self.count < 1:
            raise ValueError(f"count: found {self.count} permutations, expected at least 1")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed: found {self.seed}, expected 0 to 4294967295")

    def draw(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The factors, which are odd, and the summands: both (K,), uint32 or uint64."""
        bits = 32 if self.scheme == "affine32" else 64
        kind = _TYPES[self.scheme]
        generator = np.random.RandomState(self.seed)  # datasketch's signatures are defined by this one
        factors = generator.randint(0, 1 << (bits - 1), self.count, dtype=kind) * kind(2) + kind(1)
        return factors, generator.randint(0, 1 << bits, self.count, dtype=kind)


def signatures(text: "Text", how: Shingling, permutations: Permutations) -> "tuple[npt.NDArray[Any], Int64s]":
    """The MinHash signature of each of N documents.

    Returns:
        Signatures uint32 or uint64 (N, K), and the number of shingles of each document, int64 (N,). Where it is 0 the
        signature is all ones and means nothing: such a document must not be compared with any other.

    Raises:
        ResourceError: for the tokenizer `spacy` where it is not installed.
    """
    from corpusmill.kernels.buffers import Text
    from corpusmill.kernels.minhash import sign_32, sign_64

    count = len(text.offsets) - 1
    factors, summands = permutations.draw()
    found = np.empty((count, permutations.count), _TYPES[permutations.scheme])
    counts = np.empty(count, np.int64)
    sign = sign_32 if permutations.scheme == "affine32" else sign_64
    first = 0
    while first < count:
        full = np.searchsorted(text.offsets, text.offsets[first] + _PORTION, "right") - 1
        last = min(max(int(full), first + 1), count)
        start, stop = text.offsets[first], text.offsets[last]
        portion = Text(text.offsets[first : last + 1] - start, text.data[start:stop])
        offsets, hashes = shingles(portion, how)
        sign(offsets, hashes, factors, summands, found[first:last])
        counts[first:last] = np.diff(offsets)
        first = last
    return found, counts


def band_keys(signatures: npt.NDArray[Any], bands: int, rows: int) -> "tuple[UInt64s, UInt64s]":
    """A 128-bit key for each band of each document; equal keys are candidates for near duplicates.

    The number of the band is part of the key. Give only documents that have shingles: all others would be equal.

    Args:
        signatures: (N, K).
        bands: at least 1.
        rows: of a band, at least 1; the first bands * rows permutations are used.

    Returns:
        High and low halves, uint64 (N * bands,), the bands of a document together.

    Raises:
        ValueError: where bands * rows is more than K.
    """
    from corpusmill.kernels import minhash

    check_bands(bands, rows, signatures.shape[1])
    return minhash.band_keys(signatures, bands, rows)


def check_bands(bands: int, rows: int, permutations: int) -> None:
    """Refuse bands that a signature of `permutations` entries does not have.

    Raises:
        ValueError: with what was found and what would fit.
    """
    if bands < 1 or rows < 1:
        raise ValueError(f"found {bands} bands of {rows} rows, expected at least 1 of each")
    if bands * rows > permutations:
        raise ValueError(
            f"{bands} bands of {rows} rows need {bands * rows} permutations, found {permutations}; "
            "take fewer bands or rows, or more permutations"
        )


@lru_cache(64)
def optimal_bands(threshold: float, perms: int) -> tuple[int, int]:
    """Bands and rows that datasketch chooses for a Jaccard threshold: equal weight on both kinds of error.

    Takes about a second for 1000 permutations.

    Raises:
        ValueError: for a threshold outside 0 to 1, or so few permutations that a single band would be best, which
            datasketch does not allow.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold: found {threshold}, expected 0 to 1")
    if perms < 2:
        raise ValueError(f"found {perms} permutations, expected at least 2 to choose bands")
    from datasketch import MinHashLSH

    try:
        chosen = MinHashLSH(threshold=threshold, num_perm=perms)
    except ValueError as error:  # it refuses a single band
        raise ValueError(
            f"{perms} permutations are too few to choose bands for a threshold of {threshold}; "
            "take more permutations or a lower threshold, or give bands and rows"
        ) from error
    return int(chosen.b), int(chosen.r)
