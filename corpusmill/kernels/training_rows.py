"""Rows of a packed shard as a language model takes them: what it sees, and what it should say next.

Shapes: R stored rows of L ids with S documents, b rows of a batch.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel

Ids = npt.NDArray[Any]  # uint16 or uint32
Int32s = npt.NDArray[np.int32]
IGNORED = -100  # a target that is none, as torch's losses have it


@kernel
def shift(
    ids: Ids,
    offsets: Int32s,
    lengths: Int32s,
    starts: Int32s,
    rows: Int64s,
    places: Int64s,
    eos: int,
    inputs: Int64s,
    targets: Int64s,
) -> tuple[Int64s, Int64s]:
    """Write some stored rows into a batch, shifted by one.

    A row's targets are its ids, its inputs the ids before them; before the first id of each document stands
    end-of-text. No target: the padding, and the first id of a document that goes on from another row, which nothing
    here leads up to.

    Args:
        ids: (R, L). offsets: (R+1,), the documents of each row. lengths, starts: (S,), of each document how many
            tokens lie here, and which of its tokens is the first of them.
        rows: (n,), which stored rows. places: (n,), the row of the batch where each goes.
        eos: the id of end-of-text. inputs, targets: (b, L).

    Returns:
        The segments of the rows one after the other: lengths of the documents, then of the padding, if any; int64 (M,).
        Where those of each row begin; int64 (n+1,).
    """
    length = ids.shape[1]
    most = len(rows)
    for row in rows:
        most += offsets[row + 1] - offsets[row]
    segments, begins = np.empty(most, np.int64), np.empty(len(rows) + 1, np.int64)
    count = 0
    for i in range(len(rows)):
        begins[i] = count
        row = rows[i]
        source, seen, said = ids[row], inputs[places[i]], targets[places[i]]
        seen[0] = eos
        said[0] = source[0]
        for j in range(1, length):
            seen[j] = source[j - 1]
            said[j] = source[j]
        column = 0
        for s in range(offsets[row], offsets[row + 1]):
            seen[column] = eos
            if starts[s] > 0:
                said[column] = IGNORED
            segments[count] = lengths[s]
            count += 1
            column += lengths[s]
        if column < length:
            segments[count] = length - column
            count += 1
            said[column:] = IGNORED
    begins[len(rows)] = count
    return segments[:count], begins
