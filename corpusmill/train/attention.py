"""Causal attention inside documents: a row of packed documents gives what its documents give apart.

B = rows, L = tokens of a row, H = heads, K = heads of keys and values (H is a multiple), D = head width, S = segments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_HALVES = (torch.bfloat16, torch.float16)
_LEAST_SLOTS = 64
_LEAST_LONGEST = 128


@dataclass(eq=False)
class Segments:
    """Where documents begin and end in the rows of a micro-batch; nothing changes it.

    It is no tuple and not frozen, because the compiler guards every field of those, and the lengths are new each step.

    Attributes:
        lengths: tokens of each segment, row after row; their sum is B x L.
        cumulative: (S+1,) int32 on CUDA, filled up with empty segments to a fixed count, so that no shape changes
            from step to step; else None.
        longest: tokens of the longest segment; on CUDA rounded up to a power of two, so that few values occur.
        positions: (B, L) int64, from 0 in each segment.
        whole_rows: every row is one segment.
    """

    lengths: tuple[int, ...]
    cumulative: Tensor | None
    longest: int
    positions: Tensor
    whole_rows: bool = False

    @classmethod
    def of(
        cls, rows: Sequence[Any], sequence_length: int, device: torch.device | str, fixed: int | None = None
    ) -> Self:
        """From the segment lengths of each row.

        Args:
            rows: for each row its lengths, the padding tail included.
            sequence_length: L.
            device: where the model is.
            fixed: on CUDA, segments to make room for; null or too few is the next power of two.

        Raises:
            ValueError: the lengths of a row are not positive, or do not add up to L.
        """
        for number, row in enumerate(rows):
            if sum(row) != sequence_length or min(row) < 1:
                raise ValueError(
                    f"segments: row {number} has lengths {list(row)}; expected numbers above 0 of sum {sequence_length}"
                )
        lengths = np.concatenate([np.asarray(row, dtype=np.int64) for row in rows])
        ends = lengths.cumsum()
        positions = np.arange(ends[-1]) - np.repeat(ends - lengths, lengths)
        longest, whole, cumulative = int(lengths.max()), len(lengths) == len(rows), None
        if torch.device(device).type == "cuda":
            # Whole rows take the path of all others here: which kernel runs must not change from step to step.
            whole, longest = False, min(max(_LEAST_LONGEST, _power(longest)), sequence_length)
            count = max(len(lengths), fixed or 0)
            slots = fixed if fixed == count else max(_LEAST_SLOTS, _power(count))
            filled = np.full(slots + 1, ends[-1], dtype=np.int32)
            filled[0] = 0
            filled[1 : len(ends) + 1] = ends
            cumulative = _moved(filled, device)
        places = _moved(positions.reshape(len(rows), sequence_length), device)
        return cls(tuple(lengths.tolist()), cumulative, longest, places, whole)

    @classmethod
    def whole(cls, batch: int, length: int, device: torch.device | str) -> Self:
        """Rows that are one document each."""
        positions = torch.arange(length, device=device).expand(batch, length)
        return cls((length,) * batch, None, length, positions, whole_rows=True)


def attend(query: Tensor, key: Tensor, value: Tensor, segments: Segments, dropout: float = 0.0) -> Tensor:
    """Causal attention of each token to its segment.

    On CUDA in half precision this is one variable-length kernel; on the processor, a call for each segment
    (grouping segments of like length, or one masked call, is slower). Both agree with attention to each document apart.

    Args:
        query: (B, L, H, D).
        key: (B, L, K, D).
        value: (B, L, K, D).
        segments: of these rows.
        dropout: share of attention weights to drop.

    Returns:
        (B, L, H, D).
    """
    if segments.whole_rows:
        return _dense(query, key, value, None, dropout)
    if query.device.type != "cuda":
        found: Tensor = _by_segment(query, key, value, segments, dropout)
        return found
    if query.dtype in _HALVES and not dropout and query.shape[-1] % 8 == 0 and query.shape[-1] <= 256:
        return _variable(query, key, value, segments)
    return _dense(query, key, value, _mask(segments, query.shape[1]), dropout)


def attend_to(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor) -> Tensor:
    """Attention to cached keys and values (B, T, K, D) where `allowed` (B, 1, L, T) is true; gives (B, L, H, D)."""
    return _dense(query, key, value, allowed, 0.0)


def _dense(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None, dropout: float) -> Tensor:
    """Causal where nothing else says what is allowed."""
    grouped = query.shape[2] != key.shape[2]
    query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)
    found = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=allowed, dropout_p=dropout, is_causal=allowed is None, enable_gqa=grouped
    )
    return found.transpose(1, 2)


def _variable(query: Tensor, key: Tensor, value: Tensor, segments: Segments) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    assert segments.cumulative is not None
    found = varlen_attn(
        query.flatten(0, 1), key.flatten(0, 1), value.flatten(0, 1), segments.cumulative, segments.cumulative,
        segments.longest, segments.longest, window_size=(-1, 0), enable_gqa=query.shape[2] != key.shape[2],
    )  # fmt: skip
    assert isinstance(found, Tensor)
    return found.reshape(query.shape)


def _mask(segments: Segments, length: int) -> Tensor:
    """(B, 1, L, L): the key is in the query's segment, and not after it."""
    places = segments.positions
    first = torch.arange(length, device=places.device) - places  # where the token's segment begins
    same = first.unsqueeze(-1) == first.unsqueeze(-2)
    return (same & (places.unsqueeze(-1) >= places.unsqueeze(-2))).unsqueeze(1)


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _by_segment(query: Tensor, key: Tensor, value: Tensor, segments: Segments, dropout: float) -> Tensor:
    """One call for each segment."""
    queries, keys, values = (
        tensor.reshape(1, -1, *tensor.shape[2:]).split_with_sizes(segments.lengths, dim=1)
        for tensor in (query, key, value)
    )
    parts = [_dense(*part, None, dropout) for part in zip(queries, keys, values, strict=True)]
    return torch.cat(parts, dim=1).view_as(query)


def _moved(array: np.ndarray[Any, Any], device: torch.device | str) -> Tensor:
    """The array on the device; the copy to CUDA is not waited for."""
    tensor = torch.from_numpy(array)
    return tensor.pin_memory().to(device, non_blocking=True) if torch.device(device).type == "cuda" else tensor


def _power(number: int) -> int:
    """The next power of two."""
    return 1 << (number - 1).bit_length()
