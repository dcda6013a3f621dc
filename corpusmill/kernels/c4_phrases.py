"""The phrases that C4 looks for in a line, and its sentences, found in one walk over the bytes that matter.

Shapes: B bytes, A abbreviations, P places.
"""

import numpy as np

from corpusmill.kernels.buffers import Bytes
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import Int32s, space_at
from corpusmill.kernels.sentences import Words, sentence_break

# What a byte may be the sign of; 0 for nearly all. A phrase is looked for at its rarest letter.
BREAK, LEADER, BRACKET, _MARK, _BRACE, _J, _K, _M, _V = range(1, 10)
SIGNS = np.zeros(256, np.uint8)
# A byte is worth a look where _FIRST of it and _SECOND of the byte after it share a bit.
_FIRST = np.zeros(256, np.uint8)
_SECOND = np.ones(256, np.uint8)
for _bytes, _sign, _bit, _next in (
    (b"\n\v\f\r\x1c\x1d\x1e", BREAK, 1, b""),
    (b"\xc2", BREAK, 2, b"\x85"),
    (b".?!", _MARK, 1, b""),
    (b"{", _BRACE, 1, b""),
    (b"[", BRACKET, 1, b""),
    (b"jJ", _J, 4, b"aA"),
    (b"vV", _V, 4, b"aA"),
    (b"kK", _K, 8, b"iI"),
    (b"mM", _M, 16, b" sS"),
    (b"\xe2", LEADER, 32, b"\x80\x84"),  # U+2028 and U+2029; U+212A, which is k in lower case
):
    SIGNS[list(_bytes)] = _sign
    _FIRST[list(_bytes)] |= _bit
    _SECOND[list(_next)] |= _bit

# What `scan` finds in a line, as bits.
LOREM, JAVASCRIPT, CURLY, POLICY = 1, 2, 4, 8


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
def find_signs(data: Bytes, start: int, end: int, places: Int32s) -> int:
    """Write the places in data[start:end] that are worth a look; give their number."""
    found = 0
    last = min(end, len(data) - 1)
    for i in range(start, last):  # no branch: most bytes are no sign, but which is not to be foreseen
        places[found] = i
        found += (_FIRST[data[i]] & _SECOND[data[i + 1]]) != 0
    if last < end:
        places[found] = last
        found += _FIRST[data[last]] & 1
    return found


@kernel
def scan(
    data: Bytes, start: int, end: int, places: Int32s, first: int, last: int, abbreviations: Words
) -> tuple[int, int]:
    """The phrases that a line holds, as bits, and its sentences; `places` first to last are its signs."""
    found = 0
    while start < end:
        length = space_at(data, start, end)
        if not length:
            break
        start += length
    sentences = 1 if start < end else 0
    marks_end = start  # the run of marks that was looked at ends here
    for k in range(first, last):
        i = int(places[k])
        if i < start or i >= end:
            continue
        sign = SIGNS[data[i]]
        if sign == _MARK:
            if i >= marks_end:
                broken, marks_end = sentence_break(data, start, i, end, abbreviations)
                sentences += broken
        elif sign == _BRACE:
            found |= CURLY
        elif sign == _J:
            if _around(data, start, end, i, 1, _NONE, _JAVA):
                found |= JAVASCRIPT
        elif sign == _K:
            if _cookies(data, start, end, i, 1):
                found |= POLICY
        elif sign == _M:
            if _around(data, start, end, i, 1, _LORE, _IPSUM):
                found |= LOREM
            elif _around(data, start, end, i, 1, _TER, _S_OF_USE):
                found |= POLICY
        elif sign == _V:
            if _around(data, start, end, i, 1, _PRI, _ACY_POLICY):
                found |= POLICY
        elif sign == LEADER and i + 2 < end and data[i + 1] == 0x84 and data[i + 2] == 0xAA:
            if _cookies(data, start, end, i, 3):
                found |= POLICY
    return found, sentences
