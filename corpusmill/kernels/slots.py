"""Which of several streams comes next, so that each keeps its share at any time."""

from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel

Int32s = npt.NDArray[np.int32]


@kernel
def assign(counts: Int64s) -> Int32s:
    """Spread streams over a period.

    After any n slots each stream has had its share of n, less than one more or less (Tijdeman 1980, The chairman
    assignment problem): of the streams that are owed at least 1 / (2k - 2) of a slot, that comes next which would
    first be owed 1 - 1 / (2k - 2). Whole numbers throughout.

    Args:
        counts: (k,), slots of each stream, at least 0; their sum P is the period, at most 2^20, and k at most 2^16.

    Returns:
        int32 (P,), the stream of each slot.
    """
    streams, period = len(counts), counts.sum()
    found = np.zeros(period, np.int32)
    if streams < 2:
        return found
    parts = 2 * streams - 2
    owed = np.zeros(streams, np.int64)  # in 1 / period of a slot
    for slot in range(period):
        chosen = -1
        least: Any = 0.0
        for k in range(streams):
            owed[k] += counts[k]
            if counts[k] > 0 and parts * owed[k] >= period:
                left = np.float64(period * (parts - 1) - parts * owed[k]) / counts[k]
                if chosen < 0 or left < least:
                    chosen, least = k, left
        found[slot] = chosen
        owed[chosen] -= period
    return found
