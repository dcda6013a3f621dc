r"""The spans that leave only some lines of each document, joined by "\n" and stripped.

Shapes: N documents, B bytes, L lines, C cuts, S segments, K spans.
"""

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import Flags, Int32s, space_at, space_before

CUT, NEWLINE = 0, 1  # what a span becomes: an index into (b"", b"\n")


@kernel
def _segments(
    starts: Int32s,
    ends: Int32s,
    kept: Flags,
    cut_starts: Int64s,
    cut_ends: Int64s,
    first: int,
    last: int,
    cut: int,
    begins: Int64s,
    stops: Int64s,
    fresh: Flags,
) -> tuple[int, int]:
    """Write the kept lines `first` to `last`, less the cuts, as segments; give their number and the next cut."""
    found = 0
    for line in range(first, last):
        while cut < len(cut_starts) and cut_starts[cut] < starts[line]:
            cut += 1
        if not kept[line]:
            continue
        at = np.int64(starts[line])
        fresh[found] = True
        while cut < len(cut_starts) and cut_ends[cut] <= ends[line]:
            begins[found] = at
            stops[found] = cut_starts[cut]
            found += 1
            fresh[found] = False
            at = cut_ends[cut]
            cut += 1
        begins[found] = at
        stops[found] = ends[line]
        found += 1
    return found, cut


@kernel
def _trim(data: Bytes, begins: Int64s, stops: Int64s, count: int) -> tuple[int, int]:
    """Strip white space off the text that the segments make; give the first segment left and the end of them."""
    low, high = 0, count
    while low < high:
        while begins[low] < stops[low]:
            length = space_at(data, begins[low], stops[low])
            if not length:
                break
            begins[low] += length
        if begins[low] < stops[low]:
            break
        low += 1
    while high > low:
        while stops[high - 1] > begins[high - 1]:
            length = space_before(data, begins[high - 1], stops[high - 1])
            if not length:
                break
            stops[high - 1] -= length
        if begins[high - 1] < stops[high - 1]:
            break
        high -= 1
    return low, high


@kernel
def keep_lines(
    offsets: Int64s,
    data: Bytes,
    lines: Int64s,
    starts: Int32s,
    ends: Int32s,
    kept: Flags,
    cut_starts: Int64s,
    cut_ends: Int64s,
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    r"""Find the spans to cut, or to replace by "\n", so that only the kept lines without their cuts remain.

    Args:
        offsets: (N+1,). data: (B,).
        lines: (N+1,), the lines of each document. starts, ends, kept: (L,); positions in `data`.
        cut_starts, cut_ends: (C,), ascending, disjoint, not empty, each inside a line; positions in `data`.

    Returns:
        Rows, starts and ends from the row's start, and CUT or NEWLINE; each (K,), in the order of `spans.Spans`.
    """
    widest = 0
    for row in range(len(lines) - 1):
        widest = max(widest, lines[row + 1] - lines[row])
    room = widest + len(cut_starts) + 1
    begins, stops, fresh = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_)
    total = len(starts) + len(cut_starts) + 2 * (len(offsets) - 1)
    rows, first, last = np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.int64)
    which = np.empty(total, np.int64)
    found, cut = 0, 0
    for row in range(len(offsets) - 1):
        base = offsets[row]
        count, cut = _segments(
            starts, ends, kept, cut_starts, cut_ends, lines[row], lines[row + 1], cut, begins, stops, fresh
        )
        low, high = _trim(data, begins, stops, count)
        at = base
        for k in range(low, high + 1):
            end = begins[k] if k < high else offsets[row + 1]
            newline = low < k < high and fresh[k]
            single = newline and end - at == 1 and data[at] == 0x0A
            if end > at and not single:
                rows[found] = row
                first[found] = at - base
                last[found] = end - base
                which[found] = NEWLINE if newline else CUT
                found += 1
            if k < high:
                at = stops[k]
    return rows[:found], first[:found], last[:found], which[:found]
