r"""Pre-tokens: the pieces that byte-level BPE cuts text into before it merges, found without a regular expression.

Two families of patterns are known; `Shape` says which, and how they differ inside the family. Each kernel gives what
leftmost matching of the pattern gives, piece after piece, over UTF-8. At each place they try, in this order

    GPT2    's|'t|'re|'ve|'m|'ll|'d    ?\p{L}+    ?\p{N}+    ?[^\s\p{L}\p{N}]+    \s+(?!\S)    \s+
    CL100K  (?i:'s|'t|'re|'ve|'m|'ll|'d)    [^\r\n\p{L}\p{N}]?\p{L}+    \p{N}{1,3}    ?[^\s\p{L}\p{N}]+[\r\n]*
            \s*[\r\n]+    \s+(?!\S)    \s+

The classes are those of the regular expressions in `tokenizers` and `tiktoken` (Unicode 16),
read from a file in this package.

Shapes: B bytes, N documents, P pre-tokens.
    classes  uint8 (0x110000,)   LETTER, NUMBER or SPACE of a code point, else 0
"""

from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.eights import LOW_SEVEN, ascii_letters, trailing_bytes
from corpusmill.kernels.unicode import POINTS, decode
from corpusmill.kernels.words import HIGH, load

LETTER, NUMBER, SPACE = 1, 2, 4
GPT2, CL100K = 0, 1
_APOSTROPHE, _BLANK, _LF, _CR = 0x27, 0x20, 0x0A, 0x0D


class Shape(NamedTuple):
    r"""Which pattern.

    Attributes:
        family: GPT2 or CL100K.
        digits: numbers in a piece at most; 0 for no limit. With a limit no space goes before them.
        last_spaces: whether white space that ends the text is one piece, `\s++$` before `\s*[\r\n]` (tiktoken's
            cl100k; CL100K only, in GPT2 it is so anyway).
    """

    family: int
    digits: int
    last_spaces: bool


@cache
def classes() -> Bytes:
    """Read the classes; some milliseconds, once per process. Shared: do not write to them."""
    found = np.zeros(POINTS, np.uint8)
    for first, last, kind in ranges():
        found[first : last + 1] = kind
    found.setflags(write=False)
    return found


@cache
def ranges() -> list[tuple[int, int, int]]:
    """First and last code point and class of each range of the file."""
    text = resources.files("corpusmill.kernels").joinpath("pretokens.txt").read_text(encoding="ascii")
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return [(int(first, 16), int(last, 16), int(kind)) for first, last, kind in rows]


@kernel
def _class_at(data: Bytes, at: int, classes: Bytes) -> Any:
    """The class of the character at `at`, and the place after it."""
    byte = data[at]
    if byte < 0x80:
        return classes[byte], at + 1
    point, after = decode(data, at)
    return classes[point], after


@kernel
def _letters_end(data: Bytes, at: int, stop: int, classes: Bytes) -> int:
    """Where the letters from `at` on end."""
    while at < stop:
        if at + 8 <= len(data):
            eight = load(data, at)
            size = trailing_bytes((~ascii_letters(eight & LOW_SEVEN) | eight) & HIGH)
            at += size
            if at >= stop:
                return stop
            if size == 8:
                continue
        while at < stop and data[at] >= 0x80:
            point, after = decode(data, at)
            if classes[point] != LETTER:
                return at
            at = after
        if at < stop and data[at] < 0x80:
            if classes[data[at]] != LETTER:
                return at
            at += 1
    return stop


@kernel
def _others_end(data: Bytes, at: int, stop: int, classes: Bytes, wanted: int) -> int:
    """Where the characters of class `wanted` from `at` on end."""
    while at < stop:
        kind, after = _class_at(data, at, classes)
        if kind != wanted:
            return at
        at = after
    return stop


@kernel
def _numbers_end(data: Bytes, at: int, stop: int, classes: Bytes, most: int) -> int:
    """Where at most `most` numbers from `at` on end."""
    for _ in range(most):
        if at == stop:
            break
        kind, after = _class_at(data, at, classes)
        if kind != NUMBER:
            break
        at = after
    return at


@kernel
def _contraction_end(data: Bytes, at: int, stop: int, any_case: bool) -> int:
    """Where the contraction with its apostrophe at `at` ends; `at` if there is none."""
    if at + 1 >= stop:
        return at
    fold = 0x20 if any_case else 0
    first = data[at + 1]
    if any_case and first == 0xC5 and data[at + 2] == 0xBF:
        return at + 3  # the long s, a small s in every respect but its form
    first |= fold
    if first == 0x73 or first == 0x74 or first == 0x6D or first == 0x64:  # s t m d
        return at + 2
    if at + 2 >= stop:
        return at
    second = data[at + 2] | fold
    if first == 0x6C and second == 0x6C:  # ll
        return at + 3
    if (first == 0x72 or first == 0x76) and second == 0x65:  # re ve
        return at + 3
    return at


@kernel
def _spaces_end(data: Bytes, at: int, stop: int, classes: Bytes, lines: bool, last_spaces: bool) -> int:
    r"""Where a piece of white space ends: `\s+(?!\S)|\s+`, with `lines` after `\s*[\r\n]+`, all after `\s++$`."""
    begin = last = at
    after_line = 0
    while at < stop:
        kind, after = _class_at(data, at, classes)
        if kind != SPACE:
            break
        if data[at] == _LF or data[at] == _CR:
            after_line = after
        last = at
        at = after
    if lines and after_line and not (last_spaces and at == stop):
        return after_line
    return at if at == stop or last == begin else last


@kernel
def _gpt2_end(data: Bytes, at: int, stop: int, classes: Bytes, digits: int) -> int:
    """Where the piece that begins at `at` ends, in the family GPT2."""
    if data[at] == _APOSTROPHE:
        end = _contraction_end(data, at, stop, False)
        if end > at:
            return end
    kind, after = _class_at(data, at, classes)
    if data[at] == _BLANK and after < stop:
        next_kind, next_after = _class_at(data, after, classes)
        if next_kind != SPACE and not (digits and next_kind == NUMBER):
            kind, after = next_kind, next_after
    if kind == LETTER:
        return _letters_end(data, after, stop, classes)
    if kind == SPACE:
        return _spaces_end(data, at, stop, classes, False, False)
    if digits and kind == NUMBER:
        return _numbers_end(data, at, stop, classes, digits)
    return _others_end(data, after, stop, classes, kind)


@kernel
def _cl100k_end(data: Bytes, at: int, stop: int, classes: Bytes, digits: int, last_spaces: bool) -> int:
    """Where the piece that begins at `at` ends, in the family CL100K."""
    byte = data[at]
    if byte == _APOSTROPHE:
        end = _contraction_end(data, at, stop, True)
        if end > at:
            return end
    kind, after = _class_at(data, at, classes)
    if kind == LETTER:
        return _letters_end(data, after, stop, classes)
    if kind == NUMBER:
        return _numbers_end(data, at, stop, classes, digits)
    if after < stop and byte != _LF and byte != _CR:
        next_kind, next_after = _class_at(data, after, classes)
        if next_kind == LETTER:
            return _letters_end(data, next_after, stop, classes)
        if byte == _BLANK and next_kind == 0:
            kind, after = next_kind, next_after
    if kind == SPACE:
        return _spaces_end(data, at, stop, classes, True, last_spaces)
    at = _others_end(data, after, stop, classes, 0)
    while at < stop and (data[at] == _LF or data[at] == _CR):
        at += 1
    return at


@kernel
def piece_end(data: Bytes, at: int, stop: int, classes: Bytes, family: int, digits: int, last_spaces: bool) -> Any:
    """Where the pre-token that begins at `at` ends; `at` is before `stop`, the end of the document."""
    if at + 9 <= len(data):  # by far the most: ASCII letters, at most seven, with or without a blank before them
        begin = at + (data[at] == _BLANK)
        eight = load(data, begin)
        marks = (~ascii_letters(eight & LOW_SEVEN) | eight) & HIGH
        size = trailing_bytes(marks)
        if size > 0 and size < 8 and begin + size < stop and data[begin + size] < 0x80:
            return begin + size
    if family == GPT2:
        return _gpt2_end(data, at, stop, classes, digits)
    return _cl100k_end(data, at, stop, classes, digits, last_spaces)


@kernel
def _split(
    offsets: Int64s, data: Bytes, classes: Bytes, family: int, digits: int, last_spaces: bool
) -> tuple[Int64s, Int64s]:
    pieces = np.zeros(len(offsets), np.int64)
    ends = np.empty(len(data), np.int64)
    piece = 0
    for row in range(len(offsets) - 1):
        at, stop = offsets[row], offsets[row + 1]
        while at < stop:
            at = piece_end(data, at, stop, classes, family, digits, last_spaces)
            ends[piece] = at
            piece += 1
        pieces[row + 1] = piece
    return pieces, ends[:piece].copy()


def split(offsets: Int64s, data: Bytes, shape: Shape) -> tuple[Int64s, Int64s]:
    """Cut documents into pre-tokens, which lie end to end.

    Args:
        offsets: (N+1,). data: (B,). shape: the pattern.

    Returns:
        Offsets (N+1,) of pre-tokens, and where each ends in `data`, (P,).
    """
    return _split(offsets, data, classes(), *shape)
