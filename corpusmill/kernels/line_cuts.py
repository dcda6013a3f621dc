r"""The spans that cut lines and sentences out of documents.

Lines are those between "\n". Positions are in the batch's text unless said otherwise.

Shapes: N documents, L lines, S sentences, U units (lines or runs of sentences), P pieces (lines or sentences), K spans.
"""

from typing import NamedTuple

import numpy as np

from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.line_keys import Units
from corpusmill.kernels.lines import Flags, Int32s


@kernel
def covered(offsets: Int64s, owned: Int64s, starts: Int32s, ends: Int32s, units: Units, drop: Flags) -> Flags:
    """Which pieces lie within a dropped unit of their document; bool (P,).

    Args:
        offsets: (N+1,). owned: (N+1,), the pieces of each document. starts, ends: (P,). drop: (U,).
    """
    out = np.zeros(len(starts), np.bool_)
    for row in range(len(offsets) - 1):
        unit, reach = units.offsets[row], -1
        for piece in range(owned[row], owned[row + 1]):
            while unit < units.offsets[row + 1] and units.starts[unit] <= starts[piece] - offsets[row]:
                if drop[unit]:
                    reach = max(reach, units.ends[unit])
                unit += 1
            out[piece] = ends[piece] - offsets[row] <= reach
    return out


class Sentences(NamedTuple):
    """The sentences of L lines: offsets int64 (L+1,), starts and ends int32 (S,), and which go, bool (S,)."""

    offsets: Int64s
    starts: Int32s
    ends: Int32s
    gone: Flags


@kernel
def cut_spans(
    offsets: Int64s, lines: Int64s, starts: Int32s, gone: Flags, sentences: Sentences
) -> tuple[Int64s, Int64s, Int64s]:
    r"""The spans that leave the other lines joined by "\n" as they were, and the other sentences of those lines.

    A sentence takes the white space after it along, the last of its line that before it.

    Args:
        offsets: (N+1,). lines: (N+1,). starts, gone: (L,), `gone` lines are not blank.
        sentences: of lines that stay, at least one must stay or none be given.

    Returns:
        Rows, starts and ends from the row's start; each (K,), in the order of `spans.Spans`.
    """
    room = len(starts) + len(sentences.starts)
    rows, first, last = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    found = 0
    for row in range(len(offsets) - 1):
        base = offsets[row]
        begin = -1  # where a run of lines that go began
        for line in range(lines[row], lines[row + 1]):
            if gone[line]:
                begin = starts[line] if begin < 0 else begin
                continue
            if begin >= 0:
                rows[found], first[found], last[found] = row, begin - base, starts[line] - base
                found += 1
                begin = -1
            at, stop = sentences.offsets[line], sentences.offsets[line + 1]
            while at < stop:
                after = at
                while after < stop and sentences.gone[after]:
                    after += 1
                if after > at:
                    rows[found] = row
                    first[found] = (sentences.starts[at] if after < stop else sentences.ends[at - 1]) - base
                    last[found] = (sentences.starts[after] if after < stop else sentences.ends[after - 1]) - base
                    found += 1
                at = after + 1
        if begin >= 0:
            rows[found], first[found], last[found] = row, max(begin - base - 1, 0), offsets[row + 1] - base
            found += 1
    return rows[:found].copy(), first[:found].copy(), last[:found].copy()
