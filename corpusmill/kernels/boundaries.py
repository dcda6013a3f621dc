"""Unicode's default word boundaries (UAX #29, rules WB1 to WB999) over UTF-8.

Shapes: N documents, B bytes, W words.
"""

from typing import Any

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.unicode import (
    ALETTER,
    CR,
    DOUBLE_QUOTE,
    EXTEND,
    EXTENDNUMLET,
    FORMAT,
    HEBREW_LETTER,
    KATAKANA,
    LETTER,
    LF,
    MIDLETTER,
    MIDNUM,
    MIDNUMLET,
    NEWLINE,
    NUMBER,
    NUMERIC,
    PICTOGRAPH,
    REGIONAL_INDICATOR,
    SINGLE_QUOTE,
    WSEGSPACE,
    ZWJ,
    decode,
)
from corpusmill.kernels.words import Int32s

_NONE = -1  # the class of what is not there


@kernel
def _ignored(kind: Any) -> bool:
    """Classes that WB4 lets follow anything without a boundary."""
    return kind in (EXTEND, FORMAT, ZWJ)


@kernel
def _letter(kind: Any) -> bool:
    return kind in (ALETTER, HEBREW_LETTER)


@kernel
def _ends_line(kind: Any) -> bool:
    return kind in (CR, LF, NEWLINE)


@kernel
def _next_class(data: Bytes, at: int, stop: int, breaks: Bytes) -> Any:
    """The class of the first code point from `at` that WB4 does not ignore."""
    while at < stop:
        point, at = decode(data, at)
        kind = breaks[point]
        if not _ignored(kind):
            return np.int64(kind)
    return _NONE


@kernel
def _joined(before: Any, earlier: Any, kind: Any) -> Any:
    """Whether rules WB5 to WB13b forbid a boundary before `kind`, by the classes `before` and `earlier` before it."""
    if _letter(before):
        if _letter(kind) or kind == NUMERIC or (before == HEBREW_LETTER and kind == SINGLE_QUOTE):
            return True  # WB5, WB9, WB7a
    elif before == NUMERIC:
        if kind == NUMERIC or _letter(kind):
            return True  # WB8, WB10
    elif before in (MIDLETTER, MIDNUMLET, SINGLE_QUOTE, MIDNUM):
        if before != MIDNUM and _letter(earlier) and _letter(kind):
            return True  # WB7
        return before != MIDLETTER and earlier == NUMERIC and kind == NUMERIC  # WB11
    elif before == DOUBLE_QUOTE:
        return earlier == HEBREW_LETTER and kind == HEBREW_LETTER  # WB7c
    if kind == EXTENDNUMLET:  # WB13a
        return _letter(before) or before in (NUMERIC, KATAKANA, EXTENDNUMLET)
    if before == EXTENDNUMLET:  # WB13b
        return _letter(kind) or kind in (NUMERIC, KATAKANA)
    return before == KATAKANA and kind == KATAKANA  # WB13


@kernel
def _joined_by_next(before: Any, kind: Any, after: Any) -> bool:
    """Whether rules WB6, WB7b and WB12 forbid a boundary before `kind`, by the class `after` it."""
    if _letter(before) and _letter(after) and kind in (MIDLETTER, MIDNUMLET, SINGLE_QUOTE):
        return True
    if before == HEBREW_LETTER and after == HEBREW_LETTER and kind == DOUBLE_QUOTE:
        return True
    return before == NUMERIC and after == NUMERIC and kind in (MIDNUM, MIDNUMLET, SINGLE_QUOTE)


@kernel
def segment_end(data: Bytes, at: int, stop: int, breaks: Bytes, kinds: Bytes) -> int:
    """The first word boundary after `at`, which must be one, in data[at:stop]."""
    point, at = decode(data, at)
    raw: Any = np.int64(breaks[point])
    before, earlier = raw, np.int64(_NONE)
    flags = 1  # regional indicators that end here
    while at < stop:
        if data[at] < 0x80 and raw >= KATAKANA and raw <= EXTENDNUMLET:
            kind = np.int64(breaks[data[at]])  # letters and digits of ASCII, by far the most
            if kind >= ALETTER and kind <= EXTENDNUMLET and raw != KATAKANA:
                raw = before = kind
                at += 1
                continue
        point, after = decode(data, at)
        kind = np.int64(breaks[point])
        if _ends_line(raw):
            return at if raw != CR or kind != LF else after  # WB3, WB3a
        if _ends_line(kind):
            return at  # WB3b
        if _ignored(kind):  # WB4
            raw = kind
            at = after
            continue
        if raw == ZWJ and kinds[point] & PICTOGRAPH:  # WB3c
            joined = True
        elif raw == WSEGSPACE and kind == WSEGSPACE:  # WB3d
            joined = True
        elif before == REGIONAL_INDICATOR and kind == REGIONAL_INDICATOR:  # WB15, WB16
            joined = flags == 1
            flags = 2
        else:
            joined = _joined(before, earlier, kind)
            if not joined and (kind == DOUBLE_QUOTE or (kind >= SINGLE_QUOTE and kind <= MIDNUMLET)):
                joined = _joined_by_next(before, kind, _next_class(data, after, stop, breaks))
        if not joined:
            return at
        earlier = before
        raw = before = kind
        at = after
    return stop


@kernel
def split_uax29(offsets: Int64s, data: Bytes, breaks: Bytes, kinds: Bytes) -> tuple[Int64s, Int32s, Int32s]:
    """Find the segments between word boundaries that hold a letter or a number.

    Args:
        offsets: (N+1,). data: (B,). breaks, kinds: the tables of `unicode`.

    Returns:
        Offsets (N+1,), starts (W,), ends (W,).
    """
    rows = len(offsets) - 1
    words = np.zeros(rows + 1, np.int64)
    capacity = len(data) // 4 + rows + 16
    starts, ends = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    word = 0
    for row in range(rows):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            if data[at] == 0x20 and at + 1 < stop and data[at + 1] > 0x20 and data[at + 1] < 0x80:
                at += 1  # a space before an ASCII character that is neither space nor mark stands alone
                continue
            end = segment_end(data, at, stop, breaks, kinds)
            if _holds_word(data, at, end, kinds):
                if word == capacity:
                    starts, ends = _grown(starts), _grown(ends)
                    capacity = len(starts)
                starts[word], ends[word] = at, end
                word += 1
            at = end
        words[row + 1] = word
    return words, starts[:word], ends[:word]


@kernel
def _holds_word(data: Bytes, start: int, stop: int, kinds: Bytes) -> bool:
    at = start
    while at < stop:
        point, at = decode(data, at)
        if kinds[point] & (LETTER | NUMBER):
            return True
    return False


@kernel
def _grown(places: Int32s) -> Int32s:
    """The same places with room for twice as many."""
    out = np.empty(2 * len(places), np.int32)
    out[: len(places)] = places
    return out
