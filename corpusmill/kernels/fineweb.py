"""What the FineWeb rules count of each document's lines.

Shapes: N documents, B bytes, L lines, M marks.
"""

from typing import NamedTuple

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import Flags, Int32s
from corpusmill.kernels.unicode import decode


class LineCounts(NamedTuple):
    """Counts of N documents; each int64 (N,).

    Attributes:
        lines: lines that are not blank.
        ended: of those, the lines whose last character is a mark.
        short: of those, the lines of at most the given number of characters.
        repeated: characters of those that equal an earlier line of the document.
        characters: characters of all lines, blank ones too, without the newlines.
    """

    lines: Int64s
    ended: Int64s
    short: Int64s
    repeated: Int64s
    characters: Int64s


@kernel
def last_character(data: Bytes, start: int, end: int) -> int:
    """The code point that ends just before `end` in valid UTF-8; needs start < end."""
    at = end - 1
    while at > start and (data[at] & 0xC0) == 0x80:
        at -= 1
    point, _ = decode(data, at)
    return int(point)


@kernel
def _count(
    data: Bytes,
    offsets: Int64s,
    starts: Int32s,
    ends: Int32s,
    blank: Flags,
    characters: Int32s,
    repeated: Flags,
    marks: Flags,
    short: int,
) -> tuple[Int64s, Int64s, Int64s, Int64s, Int64s]:
    rows = len(offsets) - 1
    lines, ended, shorter = np.zeros(rows, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    again, total = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    for row in range(rows):
        for k in range(offsets[row], offsets[row + 1]):
            total[row] += characters[k]
            if blank[k]:
                continue
            lines[row] += 1
            shorter[row] += characters[k] <= short
            ended[row] += marks[last_character(data, starts[k], ends[k])]
            if repeated[k]:
                again[row] += characters[k]
    return lines, ended, shorter, again, total


def count_lines(
    data: Bytes,
    offsets: Int64s,
    starts: Int32s,
    ends: Int32s,
    blank: Flags,
    characters: Int32s,
    repeated: Flags,
    marks: Flags,
    short: int,
) -> LineCounts:
    """Count the lines of documents by the FineWeb rules.

    Args:
        data: (B,), UTF-8.
        offsets: (N+1,), the lines of each document.
        starts, ends, blank, characters, repeated: (L,), as in `lines.Lines`.
        marks: (0x110000,), True for each code point that ends a line well.
        short: a line of at most so many characters is short.
    """
    return LineCounts(*_count(data, offsets, starts, ends, blank, characters, repeated, marks, short))
