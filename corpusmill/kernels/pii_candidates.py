"""Where personal data could be: one pass over the bytes that gives places to look at, and nothing that is certain.

Everything that the rules of `corpusmill.redact` look for holds a digit, an `@`, `-----BEGIN` or a written-out
"[at]". The pass goes from one of these to the next, eight bytes at a time, and judges the run of bytes around it.

Shapes: N documents, B bytes, K candidates.
    rows    int64 (K,)   the document, ascending
    kinds   uint8 (K,)   ADDRESS, NUMBER, WORD, DOTTED, COLONS, HEADER, USERINFO, OBFUSCATED
    starts  int64 (K,)   bytes from the start of the document
    ends    int64 (K,)

Candidates of one document may overlap and are ordered by the place of what gave rise to them. Every look to the left
is bounded by a constant or by the last thing of its kind, and every look to the right is passed over afterwards or
bounded by a constant, so that the pass is linear on any text.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.eights import LOW_SEVEN, ascii_digits, ascii_equal, peek, trailing_bytes
from corpusmill.kernels.pii_runs import (
    address_around,
    address_colons,
    begins,
    digit,
    dotted_end,
    mixed_end,
    number_end,
    obfuscated_at,
    userinfo_start,
    word_end,
    word_start,
)
from corpusmill.kernels.words import ONES

ADDRESS = 0  # an "@" with what could be a local part and a domain with a dot around it
NUMBER = 1  # digits with single separators between them: cards, phones, national numbers
WORD = 2  # letters and digits in one word: account numbers, tokens, keys
DOTTED = 3  # four runs of one to three digits, with dots between them
COLONS = 4  # hexadecimal digits and colons: IPv6
HEADER = 5  # -----BEGIN
USERINFO = 6  # what stands between "://" and "@"
OBFUSCATED = 7  # [at], (at)

_AT = ONES * np.uint64(ord("@"))
_DASH = ONES * np.uint64(ord("-"))
_SQUARE = ONES * np.uint64(ord("["))
_ROUND = ONES * np.uint64(ord("("))


class Candidates(NamedTuple):
    """K places to look at; see the head of the module."""

    rows: Int64s
    kinds: Bytes
    starts: Int64s
    ends: Int64s


def find(offsets: Int64s, data: Bytes) -> Candidates:
    """Find the candidates of N documents; offsets (N+1,), data (B,)."""
    return Candidates(*_find(offsets, data))


@kernel
def _room(table: npt.NDArray[np.int64], used: int) -> npt.NDArray[np.int64]:
    """Give a table with room for eight more rows."""
    if used + 8 < len(table):
        return table
    larger = np.empty((2 * len(table), 4), np.int64)
    larger[:used] = table[:used]
    return larger


@kernel
def _next(data: Bytes, at: int, stop: int) -> int:
    """Give the first byte from `at` on that could make a candidate, or `stop`."""
    while at < stop:
        eight = peek(data, at, stop)
        low = eight & LOW_SEVEN
        marks = ascii_digits(low) | ascii_equal(low, _AT) | ascii_equal(low, _DASH)
        marks = (marks | ascii_equal(low, _SQUARE) | ascii_equal(low, _ROUND)) & ~eight
        size = trailing_bytes(marks)
        if size < 8:
            return min(at + size, stop)
        at += 8
    return stop


@kernel
def _quads(data: Bytes, base: int, at: int, right: int, stop: int, seen: Any, table: Any, used: int) -> tuple[Any, int]:
    """Note the dotted runs that begin in [at, right); give the table and its rows used."""
    while at < right:
        if digit(data[at]):
            end, quad = dotted_end(data, base, at, stop)
            if quad:
                table = _room(table, used)
                table[used] = 0, DOTTED, at, end
                used += 1
            seen[1] = end
            at = end
        at += 1
    return table, used


@kernel
def _digits(data: Bytes, base: int, at: int, stop: int, seen: Any, table: Any, used: int) -> tuple[int, Any, int]:
    """Note what the digit at `at` makes; give where to go on, the table and its rows used.

    `seen` holds the ends of the last colons and of the last dotted run, so that each is noted once.
    """
    if at >= seen[0]:
        left, right = address_colons(data, base, at, stop)
        if right > left:
            table[used] = 0, COLONS, left, right
            used += 1
            seen[0] = right
    left = word_start(data, base, at)
    if left < at:  # a word with letters before its first digit
        right = word_end(data, at, stop)
        if right - left >= 8 or (right - left >= 4 and begins(data, left, right, stop)):
            table[used] = 0, WORD, left, right
            used += 1
        return right, table, used
    right, wanted = number_end(data, at, stop)
    end, letters = mixed_end(data, at, stop)
    if letters and right > at and end - at >= 8:  # digits first, letters further on
        table[used] = 0, WORD, at, end
        used += 1
    if wanted:
        table[used] = 0, NUMBER, at, right
        used += 1
    if right > at:
        table, used = _quads(data, base, max(at, seen[1]), right, stop, seen, table, used)
        return right, table, used
    right = word_end(data, at, stop)  # the first digits are glued to letters
    if right - at >= 8:
        table[used] = 0, WORD, at, right
        used += 1
    return right, table, used


@kernel
def _find(offsets: Int64s, data: Bytes) -> tuple[Int64s, Bytes, Int64s, Int64s]:
    table = np.empty((max(64, len(data) // 256), 4), np.int64)
    used = 0
    seen = np.zeros(2, np.int64)
    for row in range(len(offsets) - 1):
        base, stop = offsets[row], offsets[row + 1]
        at = base
        last = base  # the last "@"
        first = used
        while True:
            at = _next(data, at, stop)
            if at >= stop:
                break
            table = _room(table, used)
            byte = data[at]
            if digit(byte):
                at, table, used = _digits(data, base, at, stop, seen, table, used)
                continue
            if byte == 64:
                left = userinfo_start(data, max(base, last), at)
                if left >= 0:
                    table[used] = 0, USERINFO, left, at
                    used += 1
                else:
                    left, right = address_around(data, max(base, last), at, stop)
                    if right > left:
                        table[used] = 0, ADDRESS, left, right
                        used += 1
                last = at
            elif byte == 45:
                if begins_header(data, at, stop):
                    table[used] = 0, HEADER, at, at + 10
                    used += 1
                    at += 10
            elif obfuscated_at(data, at, stop):
                table[used] = 0, OBFUSCATED, at, at + 4
                used += 1
            at += 1
        for k in range(first, used):
            table[k, 0] = row
            table[k, 2] -= base
            table[k, 3] -= base
    found = table[:used]
    return found[:, 0].copy(), found[:, 1].astype(np.uint8), found[:, 2].copy(), found[:, 3].copy()


@kernel
def begins_header(data: Bytes, at: int, stop: int) -> bool:
    """Tell whether `-----BEGIN` stands at `at`."""
    if at + 10 > stop or data[at + 1] != 45 or data[at + 4] != 45:
        return False
    if data[at + 2] != 45 or data[at + 3] != 45 or data[at + 5] != 66 or data[at + 6] != 69:
        return False
    return bool(data[at + 7] == 71 and data[at + 8] == 73 and data[at + 9] == 78)
