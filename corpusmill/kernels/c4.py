"""The line rules of C4: which lines a page keeps, and the edit that leaves only those.

Shapes: N documents, B bytes, L lines, C citations, K spans, D ranges of digits.
    starts, ends  int32 (L,)   stripped lines as positions in the batch's text
"""

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import Flags, Int32s, space_at
from corpusmill.kernels.sentences import Words, sentence_break
from corpusmill.kernels.unicode import decode

Ranges = npt.NDArray[np.int32]

# What becomes of a line, in the order of the rules. Lorem ipsum and a curly bracket speak of the page and are flags.
KEPT, LONG_WORD, NO_END_MARK, FEW_WORDS, JAVASCRIPT, POLICY = range(6)
LOREM_IPSUM, CURLY_BRACKET = 1, 2

_EDIT = np.frombuffer(b"edit]", np.uint8)
_NEEDED = np.frombuffer(b"citation needed]", np.uint8)

# What a byte may be the sign of; 0 for nearly all. A phrase is looked for at its rarest letter.
_MARK, _CURLY, _J, _K, _M, _V, _KELVIN = range(1, 8)
_SIGNS = np.zeros(256, np.uint8)
for _bytes, _sign in ((b".?!", _MARK), (b"{", _CURLY), (b"jJ", _J), (b"kK", _K), (b"mM", _M), (b"vV", _V)):
    _SIGNS[list(_bytes)] = _sign
_SIGNS[0xE2] = _KELVIN  # U+212A is k in lower case

_FOUND_LOREM, _FOUND_JAVASCRIPT, _FOUND_CURLY, _FOUND_POLICY = 1, 2, 4, 8


def _phrase(text: bytes) -> Bytes:
    return np.frombuffer(text, np.uint8)


_JAVA, _LORE, _IPSUM = _phrase(b"avascript"), _phrase(b"lore"), _phrase(b" ipsum")
_TER, _S_OF_USE, _PRI, _ACY_POLICY = _phrase(b"ter"), _phrase(b"s of use"), _phrase(b"pri"), _phrase(b"acy policy")
_COO, _IE_POLICY, _IES = _phrase(b"coo"), _phrase(b"ie policy"), _phrase(b"ies")
_USES, _USE_OF, _USE = _phrase(b"uses coo"), _phrase(b"use of coo"), _phrase(b"use coo")
_NONE = _phrase(b"")


@kernel
def _around(data: Bytes, start: int, end: int, at: int, size: int, before: Bytes, after: Bytes) -> bool:
    """Whether `before` and `after` stand around data[at:at+size] in data[start:end], in any ASCII case."""
    if at - len(before) < start or at + size + len(after) > end:
        return False
    for k in range(len(after)):
        byte = data[at + size + k]
        if (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) != after[k]:
            return False
    for k in range(len(before)):
        byte = data[at - len(before) + k]
        if (byte | 0x20 if 0x41 <= byte <= 0x5A else byte) != before[k]:
            return False
    return True


@kernel
def _cookies(data: Bytes, start: int, end: int, at: int, size: int) -> bool:
    """Whether the k at `at`, of `size` bytes, is that of a cookie notice."""
    if not _around(data, start, end, at, size, _COO, _NONE):
        return False
    if _around(data, start, end, at, size, _COO, _IE_POLICY):
        return True
    return (
        _around(data, start, end, at, size, _USES, _IES)
        or _around(data, start, end, at, size, _USE_OF, _IES)
        or _around(data, start, end, at, size, _USE, _IES)
    )


@kernel
def _scan(data: Bytes, start: int, end: int, abbreviations: Words) -> tuple[int, int]:
    """The phrases that a line holds, as bits, and its sentences."""
    found = 0
    while start < end:
        length = space_at(data, start, end)
        if not length:
            break
        start += length
    sentences = 1 if start < end else 0
    marks_end = start  # the run of marks that was looked at ends here
    for i in range(start, end):
        sign = _SIGNS[data[i]]
        if sign == 0:
            continue
        if sign == _MARK:
            if i >= marks_end:
                broken, marks_end = sentence_break(data, start, i, end, abbreviations)
                sentences += broken
        elif sign == _CURLY:
            found |= _FOUND_CURLY
        elif sign == _J:
            if _around(data, start, end, i, 1, _NONE, _JAVA):
                found |= _FOUND_JAVASCRIPT
        elif sign == _K:
            if _cookies(data, start, end, i, 1):
                found |= _FOUND_POLICY
        elif sign == _M:
            if _around(data, start, end, i, 1, _LORE, _IPSUM):
                found |= _FOUND_LOREM
            elif _around(data, start, end, i, 1, _TER, _S_OF_USE):
                found |= _FOUND_POLICY
        elif sign == _V:
            if _around(data, start, end, i, 1, _PRI, _ACY_POLICY):
                found |= _FOUND_POLICY
        elif i + 2 < end and data[i + 1] == 0x84 and data[i + 2] == 0xAA:
            if _cookies(data, start, end, i, 3):
                found |= _FOUND_POLICY
    return found, sentences


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
def find_citations(data: Bytes, starts: Int32s, ends: Int32s, digits: Ranges) -> tuple[Int64s, Int64s]:
    r"""Find what the pattern `\[\d*\]|\[edit\]|\[citation needed\]` finds in each line.

    Args:
        data: (B,). starts, ends: (L,).
        digits: (D, 2), first and last code point of the runs of decimal digits, ascending.

    Returns:
        Starts and ends (C,), ascending.
    """
    room = 0
    for i in range(len(data)):
        room += data[i] == 0x5B
    first = np.empty(room, np.int64)
    last = np.empty(room, np.int64)
    found = 0
    if room:
        for line in range(len(starts)):
            i = int(starts[line])
            end = int(ends[line])
            while i < end:
                if data[i] == 0x5B:
                    after = _citation(data, i, end, digits)
                    if after > i:
                        first[found] = i
                        last[found] = after
                        found += 1
                        i = after
                        continue
                i += 1
    return first[:found], last[:found]


@kernel
def judge_lines(
    data: Bytes,
    starts: Int32s,
    ends: Int32s,
    long: Flags,
    wordy: Flags,
    abbreviations: Words,
    end_marks: bool,
    apostrophe: bool,
) -> tuple[Bytes, Bytes, Int32s]:
    """Take each line, without its citations, through the rules in their order.

    Args:
        data: (B,). starts, ends: (L,).
        long, wordy: (L,), whether the line has a word that is too long, and whether it has enough words.
        abbreviations: (A,), from `sentences.pack`.
        end_marks: whether a line must end in an end mark. apostrophe: whether `'` is one.

    Returns:
        Codes (L,): KEPT or the rule that drops the line. Pages (L,): bits LOREM_IPSUM and CURLY_BRACKET, where the
        line got as far as those rules. Sentences (L,): of kept lines, else 0.
    """
    count = len(starts)
    codes = np.zeros(count, np.uint8)
    pages = np.zeros(count, np.uint8)
    sentences = np.zeros(count, np.int32)
    for line in range(count):
        start, end = int(starts[line]), int(ends[line])
        if long[line]:
            codes[line] = LONG_WORD
        elif end_marks and not _well_ended(data, start, end, apostrophe):
            codes[line] = NO_END_MARK
        elif not wordy[line]:
            codes[line] = FEW_WORDS
        else:
            found, sentences[line] = _scan(data, start, end, abbreviations)
            if found & _FOUND_LOREM:
                pages[line] |= LOREM_IPSUM
            if found & _FOUND_JAVASCRIPT:
                codes[line] = JAVASCRIPT
            else:
                if found & _FOUND_CURLY:
                    pages[line] |= CURLY_BRACKET
                if found & _FOUND_POLICY:
                    codes[line] = POLICY
            if codes[line] != KEPT:
                sentences[line] = 0
    return codes, pages, sentences


@kernel
def long_words(data: Bytes, starts: Int32s, ends: Int32s, most: int) -> Flags:
    """Which lines have a word of more than `most` characters, shape (L,)."""
    found = np.zeros(len(starts), np.bool_)
    for line in range(len(starts)):
        found[line] = _has_long_word(data, int(starts[line]), int(ends[line]), most)
    return found


@kernel
def enough_words(data: Bytes, starts: Int32s, ends: Int32s, least: int) -> Flags:
    """Which lines have at least `least` words, shape (L,)."""
    found = np.zeros(len(starts), np.bool_)
    for line in range(len(starts)):
        found[line] = _has_words(data, int(starts[line]), int(ends[line]), least)
    return found
