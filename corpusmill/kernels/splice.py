"""Cut or replace byte spans of many documents at once.

Shapes: N documents, B bytes, K spans, R replacements, P bytes of replacements.
"""

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel


@kernel
def splice(
    offsets: Int64s,
    data: Bytes,
    rows: Int64s,
    starts: Int64s,
    ends: Int64s,
    which: Int64s,
    new_offsets: Int64s,
    new_data: Bytes,
) -> tuple[Int64s, Bytes]:
    """Give the documents with each span replaced.

    Args:
        offsets: (N+1,). data: (B,).
        rows: (K,), ascending. starts, ends: (K,), bytes from the row's start; ascending, disjoint within a row.
        which: (K,), index of the replacement of each span.
        new_offsets: (R+1,). new_data: (P,). A cut is an empty replacement.

    Returns:
        Offsets (N+1,) and data of the new documents.
    """
    count = len(offsets) - 1
    grown = np.int64(0)
    for k in range(len(rows)):
        grown += new_offsets[which[k] + 1] - new_offsets[which[k]] - (ends[k] - starts[k])
    out = np.empty(len(data) + grown, np.uint8)
    out_offsets = np.zeros(count + 1, np.int64)
    at = np.int64(0)
    k = 0
    for row in range(count):
        base, stop = offsets[row], offsets[row + 1]
        here = base
        while k < len(rows) and rows[k] == row:
            length = base + starts[k] - here
            out[at : at + length] = data[here : base + starts[k]]
            at += length
            first, last = new_offsets[which[k]], new_offsets[which[k] + 1]
            out[at : at + last - first] = new_data[first:last]
            at += last - first
            here = base + ends[k]
            k += 1
        out[at : at + stop - here] = data[here:stop]
        at += stop - here
        out_offsets[row + 1] = at
    return out_offsets, out
