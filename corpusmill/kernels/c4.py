"""The line rules of C4: which lines a page keeps, and the edit that leaves only those.

Shapes: N documents, B bytes, L lines, C citations, D ranges of digits, A abbreviations.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels import c4_phrases
from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.c4_phrases import BRACKET, LEADER, SIGNS, find_signs, scan
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import Int32s, break_at, space_at, strip_range
from corpusmill.kernels.sentences import Words
from corpusmill.kernels.unicode import decode

Ranges = npt.NDArray[np.int32]

# What becomes of a line, in the order of the rules. Lorem ipsum and a curly bracket speak of the page and are flags.
KEPT, LONG_WORD, NO_END_MARK, FEW_WORDS, JAVASCRIPT, POLICY = range(6)
LOREM_IPSUM, CURLY_BRACKET = 1, 2

_EDIT = np.frombuffer(b"edit]", np.uint8)
_NEEDED = np.frombuffer(b"citation needed]", np.uint8)


@kernel
def _well_ended(data: Bytes, start: int, end: int, apostrophe: bool) -> bool:
    """Whether the line ends in an end mark and not in three full stops."""
    if start == end:
        return False
    last = data[end - 1]
    if last == 0x2E:
        return not (end - start >= 3 and data[end - 2] == 0x2E and data[end - 3] == 0x2E)
    return last == 0x3F or last == 0x21 or last == 0x22 or (apostrophe and last == 0x27)


@kernel
def _has_words(data: Bytes, start: int, end: int, least: int) -> bool:
    """Whether the line has at least `least` words between white space."""
    count = 0
    inside = False
    i = start
    while i < end and count < least:
        length = space_at(data, i, end)
        if length:
            inside = False
            i += length
        else:
            count += not inside
            inside = True
            i += 1
    return count >= least


@kernel
def _has_long_word(data: Bytes, start: int, end: int, most: int) -> bool:
    """Whether a word of the line has more than `most` characters."""
    if end - start <= most:
        return False
    characters = 0
    i = start
    while i < end:
        length = space_at(data, i, end)
        if length:
            characters = 0
            i += length
        else:
            characters += (data[i] & 0xC0) != 0x80
            if characters > most:
                return True
            i += 1
    return False


@kernel
def _citation(data: Bytes, start: int, end: int, digits: Ranges) -> int:
    """Where the citation that begins with the `[` at `start` ends, or `start` if it is none."""
    for tail in (_EDIT, _NEEDED):
        if start + 1 + len(tail) <= end:
            same = True
            for k in range(len(tail)):
                if data[start + 1 + k] != tail[k]:
                    same = False
                    break
            if same:
                return start + 1 + len(tail)
    i = start + 1
    while i < end:
        if data[i] == 0x5D:
            return i + 1
        point, after = decode(data, i)
        if point < 0x80:
            if not 0x30 <= point <= 0x39:
                return start
        else:
            at = np.searchsorted(digits[:, 0], point, side="right") - 1
            if point > digits[at, 1]:
                return start
        i = after
    return start


@kernel
def _find_citations(
    data: Bytes, start: int, end: int, digits: Ranges, firsts: Int64s, lasts: Int64s, found: int
) -> int:
    r"""Write what the pattern `\[\d*\]|\[edit\]|\[citation needed\]` finds in data[start:end] after the others."""
    i = start
    while i < end:
        after = _citation(data, i, end, digits) if data[i] == 0x5B else i
        if after > i:
            firsts[found] = i
            lasts[found] = after
            found += 1
            i = after
        else:
            i += 1
    return found


@kernel
def _without(data: Bytes, start: int, end: int, firsts: Int64s, lasts: Int64s, low: int, high: int, out: Bytes) -> int:
    """Copy data[start:end] less the cuts low to high; give the length of the copy."""
    size = 0
    for cut in range(low, high + 1):
        stop = firsts[cut] if cut < high else end
        for i in range(start, stop):
            out[size] = data[i]
            size += 1
        if cut < high:
            start = lasts[cut]
    return size


class Rules(NamedTuple):
    """What a reading of the rules fixes.

    Attributes:
        digits: (D, 2), first and last code point of the runs of decimal digits, ascending.
        abbreviations: (A,), from `sentences.pack`.
        longest: characters that a word may have.
        least: words that a line must have.
        end_marks: whether a line must end in an end mark.
        apostrophe: whether `'` is an end mark.
        citations_are_words: whether words are counted before the citations go.
    """

    digits: Ranges
    abbreviations: Words
    longest: int
    least: int
    end_marks: bool
    apostrophe: bool
    citations_are_words: bool


class Scratch(NamedTuple):
    """Memory for one document at a time: places of signs, those of a line's copy, and the copy."""

    places: Int32s
    spare: Int32s
    clean: Bytes


@kernel
def _judge(
    data: Bytes, start: int, end: int, places: Int32s, first: int, last: int, wordy: bool, rules: Rules
) -> tuple[int, int, int]:
    """Take a line without citations through the rules after that of long words: code, flags, sentences."""
    if rules.end_marks and not _well_ended(data, start, end, rules.apostrophe):
        return NO_END_MARK, 0, 0
    if not wordy:
        return FEW_WORDS, 0, 0
    found, sentences = scan(data, start, end, places, first, last, rules.abbreviations)
    flags = LOREM_IPSUM if found & c4_phrases.LOREM else 0
    if found & c4_phrases.JAVASCRIPT:
        return JAVASCRIPT, flags, 0
    if found & c4_phrases.CURLY:
        flags |= CURLY_BRACKET
    if found & c4_phrases.POLICY:
        return POLICY, flags, 0
    return KEPT, flags, sentences


@kernel
def _judge_cited(
    data: Bytes, start: int, end: int, firsts: Int64s, lasts: Int64s, low: int, high: int, work: Scratch, rules: Rules
) -> tuple[int, int, int]:
    """As `_judge`, on a copy of the line without its citations, which are the cuts low to high."""
    size = _without(data, start, end, firsts, lasts, low, high, work.clean)
    wordy = (
        _has_words(data, start, end, rules.least)
        if rules.citations_are_words
        else _has_words(work.clean, 0, size, rules.least)
    )
    signs = find_signs(work.clean, 0, size, work.spare)
    return _judge(work.clean, 0, size, work.spare, 0, signs, wordy, rules)


@kernel
def _room(offsets: Int64s, data: Bytes) -> tuple[int, int, int]:
    """Upper bounds of the number of lines and of citations, and the bytes of the longest document."""
    lines, brackets, widest = len(offsets) - 1, 0, 0
    for i in range(len(data)):
        byte = data[i]
        lines += (byte >= 0x0A) & (byte <= 0x1E) | (byte == 0xC2) | (byte == 0xE2)
        brackets += byte == 0x5B
    for row in range(len(offsets) - 1):
        widest = max(widest, offsets[row + 1] - offsets[row])
    return lines, brackets, widest


class Page(NamedTuple):
    """The lines of N documents and what the rules say of each; positions are in the batch's text.

    Attributes:
        offsets: int64 (N+1,), the lines of each document.
        starts, ends: int32 (L,), stripped.
        codes: uint8 (L,), KEPT or the rule that drops the line.
        flags: uint8 (L,), bits LOREM_IPSUM and CURLY_BRACKET where the line got as far as those rules.
        sentences: int32 (L,), of kept lines, else 0.
        cut_starts, cut_ends: int64 (C,), the citations in lines without a long word, ascending.
    """

    offsets: Int64s
    starts: Int32s
    ends: Int32s
    codes: Bytes
    flags: Bytes
    sentences: Int32s
    cut_starts: Int64s
    cut_ends: Int64s


@kernel
def judge_lines(offsets: Int64s, data: Bytes, rules: Rules) -> Page:
    """Split documents (offsets (N+1,), data (B,)) as `str.splitlines` does, and judge each line."""
    room, brackets, widest = _room(offsets, data)
    work = Scratch(np.empty(widest + 1, np.int32), np.empty(widest + 1, np.int32), np.empty(widest, np.uint8))
    lines = np.zeros(len(offsets), np.int64)
    starts, ends, sentences = np.empty(room, np.int32), np.empty(room, np.int32), np.zeros(room, np.int32)
    codes, flags = np.zeros(room, np.uint8), np.zeros(room, np.uint8)
    firsts, lasts = np.empty(brackets, np.int64), np.empty(brackets, np.int64)
    line, cuts = 0, 0
    for row in range(len(offsets) - 1):
        begin, stop = int(offsets[row]), int(offsets[row + 1])
        signs = find_signs(data, begin, stop, work.places)
        first, bracketed = 0, False
        for k in range(signs + 1):  # the end of the document ends a line too
            at, length = stop, 0
            if k < signs:
                at = int(work.places[k])
                sign = SIGNS[data[at]]
                bracketed |= sign == BRACKET
                if at >= begin and sign <= LEADER:
                    length = break_at(data, at, stop)
                if not length:
                    continue
            elif begin == stop:
                continue
            start, end = strip_range(data, begin, at)
            starts[line], ends[line] = start, end
            low = cuts
            if _has_long_word(data, start, end, rules.longest):
                codes[line] = LONG_WORD
            else:
                if bracketed:
                    cuts = _find_citations(data, start, end, rules.digits, firsts, lasts, cuts)
                if cuts > low:
                    found = _judge_cited(data, start, end, firsts, lasts, low, cuts, work, rules)
                else:
                    wordy = _has_words(data, start, end, rules.least)
                    found = _judge(data, start, end, work.places, first, k, wordy, rules)
                codes[line], flags[line], sentences[line] = found
            line += 1
            begin, first, bracketed = at + length, k, False
        lines[row + 1] = line
    return Page(
        lines, starts[:line], ends[:line], codes[:line], flags[:line], sentences[:line], firsts[:cuts], lasts[:cuts]
    )
