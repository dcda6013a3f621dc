"""A keyed order of n things in which each place is computed alone: no list, no state, the same on every machine."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
MOST = 1 << 62  # things


def key_of(*parts: str | int) -> int:
    """A key of 64 bits from words and numbers, e.g. `key_of(seed, "epoch", 3)`; other parts, another order."""
    text = "\0".join(f"{type(part).__name__}:{part}" for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


@dataclass(frozen=True)
class Order:
    """An order of `count` things: which of them stands at a place.

    Attributes:
        count: n, at least 0.
        key: 64 bits, from `key_of`.

    Raises:
        ValueError: for a count or key out of range.
    """

    count: int
    key: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.count <= MOST:
            raise ValueError(f"an order of {self.count} things; expected 0 to {MOST}")
        if not 0 <= self.key < 1 << 64:
            raise ValueError(f"key {self.key}; expected 64 bits, as key_of gives them")

    def at(self, places: Int64s) -> Int64s:
        """What stands at the places; int64 (M,) each, from 0 to count - 1.

        Raises:
            IndexError: for a place that is not there.
        """
        from corpusmill.kernels.permutation import permute, round_keys

        if not len(places):
            return np.zeros(0, np.int64)
        if int(places.min()) < 0 or int(places.max()) >= self.count:
            raise IndexError(f"places {places.min()} to {places.max()} in an order of {self.count}")
        wanted = np.ascontiguousarray(places, np.int64)
        found: Int64s = permute(wanted, self.count, round_keys(np.uint64(self.key)))
        return found

    def between(self, start: int, stop: int) -> Int64s:
        """What stands at the places from `start` to `stop`."""
        return self.at(np.arange(start, stop, dtype=np.int64))
