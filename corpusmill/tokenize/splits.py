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
BUCKETS = 4096  # of places, where they are counted
UNKNOWN = "unknown"  # what documents without a source, or a language, are called


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
    _need_ids(ids)
    if not any(shares.values()):
        return np.zeros(len(ids), np.bool_)
    if set(shares) == {ANY_SOURCE}:
        limits = np.full(len(ids), shares[ANY_SOURCE])
    elif sources is None:
        raise ValueError("shares by source need the documents' sources")
    else:
        rest = shares.get(ANY_SOURCE, 0.0)
        limits = np.array([shares.get(source, rest) for source in sources.to_pylist()], np.float64)
    return places(ids, key) < limits


def places(ids: pa.Array, key: str) -> npt.NDArray[np.float64]:
    """Where documents lie between 0 and 1, evenly spread: the first 53 bits of the keyed BLAKE2b digest of the id.

    Args:
        ids: string (N,), no nulls.
        key: another key gives places that have nothing to do with these.

    Returns:
        float64 (N,), from 0 to below 1; about a share x of all documents lies below x.

    Raises:
        ValueError: for nulls among the ids.
    """
    _need_ids(ids)
    salt = hashlib.blake2b(key.encode(), digest_size=16).digest()
    whole = hashlib.blake2b(key=salt, digest_size=8)  # keyed once; a copy of it is cheaper than another key
    digests = bytearray()
    for name in ids.to_pylist():
        hashed = whole.copy()
        hashed.update(name.encode("utf-8", "surrogatepass"))
        digests += hashed.digest()
    return (np.frombuffer(digests, ">u8") >> np.uint64(11)) / float(1 << 53)


def bucket(places: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """The bucket of each place, from 0 to below `BUCKETS`; int64 (N,)."""
    return (places * BUCKETS).astype(np.int64)


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


def _need_ids(ids: pa.Array) -> None:
    if ids.null_count:
        raise ValueError(f"{ids.null_count} documents have no id; a split needs one for each")
