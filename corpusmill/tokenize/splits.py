"""Which documents are for validation: by a keyed hash of the id, never by position.

A document's part depends on its id, its source's share and the key alone: not on order, shards or other documents. A
larger share keeps the validation documents of a smaller one and adds to them.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

ANY_SOURCE = "*"


def validation(
    ids: pa.Array, sources: pa.Array | None, share: float | Mapping[str, float], key: str
) -> npt.NDArray[np.bool_]:
    """Choose documents for validation.

    Args:
        ids: string (N,), no nulls.
        sources: string (N,), may have nulls; needed where shares differ by source.
        share: of documents, from 0 to 1; or one by source, `"*"` for sources that are not named. Without it those are
            for training only.
        key: another key chooses other documents.

    Returns:
        bool (N,), true for validation.

    Raises:
        ValueError: for a share outside 0 to 1, shares by source without sources, or nulls among the ids.
    """
    shares = check_shares(share)
    if ids.null_count:
        raise ValueError(f"{ids.null_count} documents have no id; a split needs one for each")
    if set(shares) == {ANY_SOURCE}:
        limits = np.full(len(ids), shares[ANY_SOURCE])
    elif sources is None:
        raise ValueError("shares by source need the documents' sources")
    else:
        rest = shares.get(ANY_SOURCE, 0.0)
        limits = np.array([shares.get(source, rest) for source in sources.to_pylist()], np.float64)
    salt = hashlib.blake2b(key.encode(), digest_size=16).digest()
    return np.array([_place(salt, name) for name in ids.to_pylist()], np.float64) < limits


def check_shares(share: float | Mapping[str, float]) -> dict[str, float]:
    """Shares by source, `"*"` for all others.

    Raises:
        ValueError: for a share outside 0 to 1.
    """
    shares = dict(share) if isinstance(share, Mapping) else {ANY_SOURCE: share}
    for source, part in shares.items():
        if not 0 <= part <= 1:
            raise ValueError(f"validation share of {source!r} is {part}; expected from 0 to 1")
    return shares


def _place(salt: bytes, name: str) -> float:
    """A number from 0 to below 1: the first 53 bits of the keyed BLAKE2b digest."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), key=salt, digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)
