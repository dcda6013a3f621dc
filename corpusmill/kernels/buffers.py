"""The only door between Arrow and the kernels.

Shapes: N documents, B bytes of text.
    offsets  int64 (N+1,)   document i is data[offsets[i]:offsets[i+1]]
    data     uint8 (B,)     UTF-8
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

_OFFSETS = {pa.string(): np.int32, pa.binary(): np.int32, pa.large_string(): np.int64, pa.large_binary(): np.int64}


class Text(NamedTuple):
    """N strings as the kernels see them; `data` begins with the first of them."""

    offsets: Int64s
    data: Bytes


def text(array: pa.Array) -> Text:
    """View a string or binary array without copying its bytes.

    Args:
        array: shape (N,), no nulls; may be a slice of a larger array.

    Raises:
        TypeError: for another type. ValueError: if there are nulls.
    """
    if array.type not in _OFFSETS:
        raise TypeError(f"expected a string or binary array, found {array.type}")
    if array.null_count:
        raise ValueError(f"expected no nulls, found {array.null_count}; fill or drop them first")
    if len(array) == 0:
        return Text(np.zeros(1, np.int64), np.frombuffer(b"", np.uint8))
    _, offsets, data = array.buffers()
    stored = np.frombuffer(offsets, _OFFSETS[array.type])[array.offset : array.offset + len(array) + 1].astype(np.int64)
    whole = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    whole.setflags(write=False)  # always, or numba would compile each kernel for both kinds
    return Text(stored - stored[0], whole[stored[0] : stored[-1]])


def strings(offsets: npt.NDArray[Any], data: Bytes) -> pa.StringArray:
    """A string array over the given bytes, which must be UTF-8; offsets int64 (N+1,), at most 2 GB of data.

    Raises:
        OverflowError: above 2 GB, which a batch never reaches.
    """
    if len(offsets) and offsets[-1] > np.iinfo(np.int32).max:
        raise OverflowError(f"{offsets[-1]} bytes of text in one batch; at most 2147483647 fit")
    buffers = [None, pa.py_buffer(np.ascontiguousarray(offsets, np.int32)), pa.py_buffer(np.ascontiguousarray(data))]
    return pa.StringArray.from_buffers(len(offsets) - 1, buffers[1], buffers[2])
