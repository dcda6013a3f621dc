"""Lines and paragraphs that repeat, for the Gopher repetition rules.

Shapes: N documents, B bytes, L lines, P paragraphs, K pieces (lines or paragraphs).
"""

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import Flags, Hashes, Int32s, hash_range
from corpusmill.kernels.words import mix

_STEP = np.uint64(0x9E3779B97F4A7C15)


@kernel
def split_runs(starts: Int64s, ends: Int64s, data: Bytes, least: int, whole: bool) -> tuple[Int64s, Int32s, Int32s]:
    """Split ranges at runs of at least `least` line feeds, as `re.split` does; an empty range is one empty piece.

    Args:
        starts, ends: (N,), one range of bytes per document. data: (B,).
        whole: a run parts once, however long it is; else each `least` line feeds of it do, as for `str.split`.

    Returns:
        Offsets (N+1,) of each document's pieces, and their starts and ends (K,).
    """
    rows = len(starts)
    total = rows
    for at in range(len(data)):
        total += data[at] == 0x0A
    offsets = np.zeros(rows + 1, np.int64)
    begins = np.empty(total, np.int32)
    stops = np.empty(total, np.int32)
    piece = 0
    for row in range(rows):
        at, stop = starts[row], ends[row]
        begins[piece] = at
        while at < stop:
            run = at
            while run < stop and data[run] == 0x0A and (whole or run - at < least):
                run += 1
            if run - at >= least:
                stops[piece] = at
                piece += 1
                begins[piece] = run
            at = max(run, at + 1)
        stops[piece] = stop
        piece += 1
        offsets[row + 1] = piece
    return offsets, begins[:piece].copy(), stops[:piece].copy()


@kernel
def solid_lines(
    data: Bytes,
    offsets: Int64s,
    starts: Int32s,
    ends: Int32s,
    inner_starts: Int32s,
    inner_ends: Int32s,
    chars: Int32s,
    hashes: Hashes,
) -> tuple[Int64s, Int32s, Hashes, Int64s, Int32s, Hashes]:
    """Give the lines that are not blank, without the white space around them, and the paragraphs they make.

    A paragraph is a run of such lines without a blank one between; its hash is made of theirs.

    Args:
        data: (B,). offsets: (N+1,). The others (L,), as in `lines.Lines`.

    Returns:
        Offsets (N+1,), chars and hashes (K,) of lines; then the same three of paragraphs (P,).
    """  # fmt: skip
    rows = len(offsets) - 1
    lines, paragraphs = np.zeros(rows + 1, np.int64), np.zeros(rows + 1, np.int64)
    line_chars, line_hashes = np.empty(len(starts), np.int32), np.empty(len(starts), np.uint64)
    whole_chars, whole_hashes = np.empty(len(starts), np.int32), np.empty(len(starts), np.uint64)
    line, paragraph = 0, 0
    for row in range(rows):
        inside = False
        for k in range(offsets[row], offsets[row + 1]):
            first, last = inner_starts[k], inner_ends[k]
            if first >= last:
                inside = False
                continue
            characters, value = chars[k], hashes[k]
            if first != starts[k] or last != ends[k]:
                value = hash_range(data, first, last)
                characters = 0
                for at in range(first, last):
                    characters += (data[at] & 0xC0) != 0x80
            line_chars[line], line_hashes[line] = characters, value
            line += 1
            if not inside:
                whole_chars[paragraph], whole_hashes[paragraph] = 0, 0
                paragraph += 1
                inside = True
            whole_chars[paragraph - 1] += characters
            whole_hashes[paragraph - 1] = mix((whole_hashes[paragraph - 1] ^ value) + _STEP)
        lines[row + 1] = line
        paragraphs[row + 1] = paragraph
    return (
        lines, line_chars[:line].copy(), line_hashes[:line].copy(),
        paragraphs, whole_chars[:paragraph].copy(), whole_hashes[:paragraph].copy(),
    )  # fmt: skip


@kernel
def sum_pieces(offsets: Int64s, again: Flags, chars: Int32s) -> Int64s:
    """Sum up pieces per document.

    Args:
        offsets: (N+1,). again: (K,), equal to an earlier piece. chars: (K,).

    Returns:
        int64 (N, 4): pieces, pieces that repeat, code points, code points in pieces that repeat.
    """
    rows = len(offsets) - 1
    sums = np.zeros((rows, 4), np.int64)
    for row in range(rows):
        for k in range(offsets[row], offsets[row + 1]):
            sums[row, 0] += 1
            sums[row, 1] += again[k]
            sums[row, 2] += chars[k]
            sums[row, 3] += chars[k] * again[k]
    return sums
