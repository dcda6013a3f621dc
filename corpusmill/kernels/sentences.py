"""Sentences of a line, counted by rules.

A sentence ends at a run of `.`, `?` and `!`, with any closing quotes and brackets after it, that white space and
further text follow. It does not end

- at one full stop after an abbreviation of the list, after a single letter (`J. Smith`) or after single letters
  with full stops between them (`e.g.`, `U.S.`);
- at two or more full stops and nothing else (`...`) before a lower-case ASCII letter.

The end of the line ends the last one.

Shapes: B bytes, A abbreviations.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.lines import space_at, space_before

Words = npt.NDArray[np.uint64]

LONGEST = 8  # bytes of an abbreviation: it is looked up as one 64-bit number


def pack(words: Iterable[str]) -> Words:
    """Abbreviations as the numbers that `sentence_break` looks up, sorted; shape (A,).

    Raises:
        ValueError: for a word that is not 1 to 8 ASCII letters in lower case.
    """
    distinct = set(words)  # `words` may be an iterator, and is read only once
    for word in distinct:
        if not (word.isascii() and word.isalpha() and word.islower() and len(word) <= LONGEST):
            raise ValueError(f"expected 1 to {LONGEST} ASCII letters in lower case, found {word!r}")
    return np.array(sorted({int.from_bytes(word.encode(), "big") for word in distinct}), np.uint64)


@kernel
def _closing(data: Bytes, i: int, end: int) -> int:
    """The length of the closing quote or bracket at `i`, or 0."""
    byte = data[i]
    if byte == 0x22 or byte == 0x27 or byte == 0x29 or byte == 0x5D or byte == 0x7D:  # " ' ) ] }
        return 1
    if byte == 0xC2:  # right-pointing double angle
        return 2 if i + 1 < end and data[i + 1] == 0xBB else 0
    if byte == 0xE2 and i + 2 < end and data[i + 1] == 0x80:  # right quotation marks, single and double
        return 3 if data[i + 2] == 0x99 or data[i + 2] == 0x9D else 0
    return 0


@kernel
def _letter(byte: int) -> bool:
    return 0x61 <= (byte | 0x20) <= 0x7A


@kernel
def _word_byte(byte: int) -> bool:
    """Whether the byte may be part of a word: a digit, or any part of a character outside ASCII."""
    return byte >= 0x80 or 0x30 <= byte <= 0x39


@kernel
def _quote_before(data: Bytes, start: int, i: int) -> bool:
    """Whether a dash or quotation mark of U+2010 to U+201F ends just before `i`."""
    return i - 3 >= start and data[i - 3] == 0xE2 and data[i - 2] == 0x80 and 0x90 <= data[i - 1] <= 0x9F


@kernel
def _abbreviated(data: Bytes, start: int, stop: int, abbreviations: Words) -> bool:
    """Whether the ASCII word that ends at the full stop `stop` is an abbreviation."""
    i = stop
    packed = np.uint64(0)
    place = np.uint64(0)
    singles = True  # so far letters and full stops take turns
    dots = False
    while i > start:
        byte = data[i - 1]
        if _letter(byte):
            if singles and (stop - i) % 2 == 1:
                singles = False
            if place < np.uint64(64):
                packed |= np.uint64(byte | 0x20) << place
            place += np.uint64(8)
        elif byte == 0x2E:
            if (stop - i) % 2 == 0:
                singles = False
            dots = True
        else:
            break
        i -= 1
    if i > start and (
        _word_byte(data[i - 1]) and not space_before(data, start, i) and not _quote_before(data, start, i)
    ):
        return False  # the rest of a longer word or number
    if i == stop:
        return False
    if singles and _letter(data[i]):
        return True
    if dots or place > np.uint64(64):
        return False
    at = np.searchsorted(abbreviations, packed)
    return bool(at < len(abbreviations) and abbreviations[at] == packed)


@kernel
def sentence_break(data: Bytes, start: int, i: int, end: int, abbreviations: Words) -> tuple[bool, int]:
    """Whether the run of end marks at `i` ends a sentence before the line's end, and where the run stops.

    Args:
        data: (B,), UTF-8; the line is data[start:end], and data[i] is the first mark of a run.
        abbreviations: (A,), from `pack`.
    """
    stops = 0
    after = i
    while after < end and (data[after] == 0x2E or data[after] == 0x3F or data[after] == 0x21):
        stops += data[after] == 0x2E
        after += 1
    marks = after - i
    at = after
    while at < end:
        length = _closing(data, at, end)
        if not length:
            break
        at += length
    if at == end or not space_at(data, at, end):
        return False, after
    while at < end:
        length = space_at(data, at, end)
        if not length:
            break
        at += length
    if at == end:
        return False, after
    if stops == marks:
        if marks == 1 and _abbreviated(data, start, i, abbreviations):
            return False, after
        if marks > 1 and 0x61 <= data[at] <= 0x7A:
            return False, after
    return True, after


@kernel
def count_sentences(data: Bytes, start: int, end: int, abbreviations: Words) -> int:
    """The number of sentences in the line data[start:end]: 0 where it is blank."""
    i = start
    while i < end:
        length = space_at(data, i, end)
        if not length:
            break
        i += length
    if i == end:
        return 0
    count = 1
    while i < end:
        if data[i] == 0x2E or data[i] == 0x3F or data[i] == 0x21:
            broken, i = sentence_break(data, start, i, end, abbreviations)
            count += broken
        else:
            i += 1
    return count
