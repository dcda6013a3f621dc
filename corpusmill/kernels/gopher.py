"""The counts behind the Gopher quality rules.

Shapes: N documents, B bytes, L lines, W words.
    counts  int64 (N, C)   one column per name below
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.unicode import decode
from corpusmill.kernels.words import HIGH, ONES, Int32s, load

# Columns of `count_symbols`.
HASHES, ELLIPSES, SPACED_ELLIPSES = range(3)
# Columns of `count_lines`.
LINES, BULLET_LINES, ELLIPSIS_LINES = range(3)
# Columns of `count_words`.
WORDS, CHARS, WITH_LETTER, STOP_WORDS, DISTINCT_STOP_WORDS = range(5)

_LOWER_CASE = ONES * np.uint64(0x20)  # sets the bit that tells small ASCII letters from capitals
_BELOW = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)  # masks of the first bytes
_ALL_HASHES = ONES * np.uint64(ord("#"))
_ALL_STOPS = ONES * np.uint64(ord("."))


class Marks(NamedTuple):
    """A list of strings, mark i being data[offsets[i]:offsets[i+1]]; no capitals."""

    offsets: Int64s
    data: Bytes


def marks(strings: Sequence[str]) -> Marks:
    """The strings as the kernels read them.

    Raises:
        ValueError: for one with ASCII capitals, which would never be found.
    """
    encoded = [string.encode() for string in strings]
    if any(part != part.lower() for part in encoded):
        raise ValueError(f"marks are compared in small letters; found capitals in {list(strings)}")
    return Marks(np.cumsum([0, *map(len, encoded)], dtype=np.int64), np.frombuffer(b"".join(encoded), np.uint8))


class StopWords(NamedTuple):
    """A list of words of at most eight bytes, found by one multiplication.

    Attributes:
        codes: uint64 (64,), a word's bytes as one number, first byte lowest; its place is `code * step >> 58`.
        sizes: int64 (64,), bytes; -1 for a place that holds no word.
        step: uint64.
    """

    codes: npt.NDArray[np.uint64]
    sizes: Int64s
    step: np.uint64


def stop_words(words: Sequence[str]) -> StopWords:
    """Place the words so that no two share a place; each must be ASCII, of one to eight letters.

    Raises:
        ValueError: if no placing is found, which more than about twenty words make likely.
    """
    codes = [int.from_bytes(word.encode("ascii"), "little") for word in words]
    for attempt in range(10_000):
        step = (0x9E3779B97F4A7C15 + 0x5851F42D4C957F2E * attempt) % 2**64  # odd
        places = [(code * step & 2**64 - 1) >> 58 for code in codes]
        if len(set(places)) == len(places):
            table = StopWords(np.zeros(64, np.uint64), np.full(64, -1, np.int64), np.uint64(step))
            table.codes[places] = codes
            table.sizes[places] = [len(word) for word in words]
            return table
    raise ValueError(f"{len(words)} stop words cannot be placed in 64 places")


@kernel
def ellipsis_at(data: Bytes, at: int, stop: int) -> Any:
    """Whether ``...`` or ``…`` begins at byte `at`."""
    if stop - at < 3:
        return False
    if data[at] == 0x2E:
        return data[at + 1] == 0x2E and data[at + 2] == 0x2E
    return data[at] == 0xE2 and data[at + 1] == 0x80 and data[at + 2] == 0xA6


@kernel
def spaced_ellipsis_at(data: Bytes, at: int, stop: int) -> Any:
    """Whether ``. . .`` begins at byte `at`."""
    if stop - at < 5 or data[at] != 0x2E or data[at + 2] != 0x2E or data[at + 4] != 0x2E:
        return False
    return data[at + 1] == 0x20 and data[at + 3] == 0x20


@kernel
def _may_be_symbol(eight: Any) -> Any:
    """Tell whether one of eight bytes is a hash sign, a full stop, or not ASCII."""
    hashes, stops = eight ^ _ALL_HASHES, eight ^ _ALL_STOPS
    return ((hashes - ONES) & ~hashes | (stops - ONES) & ~stops | eight) & HIGH != np.uint64(0)


@kernel
def count_symbols(offsets: Int64s, data: Bytes) -> Int64s:
    """Count ``#``, ``...`` with ``…``, and ``. . .``, each as `str.count` does: from the left, without overlap.

    Args:
        offsets: (N+1,). data: (B,).

    Returns:
        int64 (N, 3): HASHES, ELLIPSES, SPACED_ELLIPSES.
    """
    rows = len(offsets) - 1
    counts = np.zeros((rows, 3), np.int64)
    for row in range(rows):
        stop = offsets[row + 1]
        free = spaced_free = 0  # the first byte that no ellipsis counted so far covers
        at = offsets[row]
        while at < stop:
            while at + 8 <= stop and not _may_be_symbol(load(data, at)):
                at += 8
            if at == stop:
                break
            byte = data[at]
            if byte == 0x23:
                counts[row, HASHES] += 1
            elif byte == 0x2E or byte == 0xE2:
                if at >= free and ellipsis_at(data, at, stop):
                    counts[row, ELLIPSES] += 1
                    free = at + 3
                if at >= spaced_free and spaced_ellipsis_at(data, at, stop):
                    counts[row, SPACED_ELLIPSES] += 1
                    spaced_free = at + 5
            at += 1
    return counts


@kernel
def _ends_with(data: Bytes, start: int, stop: int, ends: Marks, mark: int) -> Any:
    """Whether data[start:stop] ends with a mark; ASCII capitals are read as small letters."""
    first, last = ends.offsets[mark], ends.offsets[mark + 1]
    if stop - start < last - first:
        return False
    for back in range(1, last - first + 1):
        byte = data[stop - back]
        if byte >= 0x41 and byte <= 0x5A:
            byte += 0x20
        if byte != ends.data[last - back]:
            return False
    return True


@kernel
def count_lines(
    data: Bytes, offsets: Int64s, starts: Int32s, ends: Int32s, bullets: Int64s, ellipses: Marks, blank: bool
) -> Int64s:
    """Count lines, lines that begin with a bullet, and lines that end with an ellipsis.

    Args:
        data: (B,). offsets: (N+1,), of lines. starts, ends: (L,), of which part of the line is looked at.
        bullets: code points.
        ellipses: what a line ends with, in any case.
        blank: empty lines count as lines.

    Returns:
        int64 (N, 3): LINES, BULLET_LINES, ELLIPSIS_LINES.
    """
    rows = len(offsets) - 1
    counts = np.zeros((rows, 3), np.int64)
    for row in range(rows):
        for line in range(offsets[row], offsets[row + 1]):
            start, stop = starts[line], ends[line]
            counts[row, LINES] += blank or start < stop
            if start >= stop:
                continue
            point, _ = decode(data, start)
            for bullet in bullets:
                counts[row, BULLET_LINES] += bullet == point
            for mark in range(len(ellipses.offsets) - 1):
                if _ends_with(data, start, stop, ellipses, mark):
                    counts[row, ELLIPSIS_LINES] += 1
                    break
    return counts


@kernel
def _code(data: Bytes, start: int, size: int) -> Any:
    """The first eight bytes of a word as one number, with zeros after its end."""
    if start + 8 <= len(data):
        return load(data, start) & _BELOW[min(size, 8)]
    code = np.uint64(0)
    for at in range(start + min(size, 8) - 1, start - 1, -1):
        code = code << np.uint64(8) | np.uint64(data[at])
    return code


@kernel
def count_words(
    data: Bytes,
    offsets: Int64s,
    starts: Int32s,
    ends: Int32s,
    chars: Int32s,
    kinds: Bytes,
    symbols: npt.NDArray[np.bool_],
    stops: StopWords,
    any_case: bool,
    letters: int,
) -> Int64s:
    """Count words that are no symbols, their code points, words with a letter, and stop words.

    Args:
        data: (B,). offsets: (N+1,), of words. starts, ends, chars: (W,). kinds: (W,), of words.
        symbols: (W,), words that neither WORDS nor CHARS counts.
        stops: must be in small letters where `any_case` is set, which finds stop words in any case.
        letters: bits of the kinds that WITH_LETTER counts.

    Returns:
        int64 (N, 5): WORDS, CHARS, WITH_LETTER, STOP_WORDS, DISTINCT_STOP_WORDS.
    """  # fmt: skip
    rows = len(offsets) - 1
    counts = np.zeros((rows, 5), np.int64)
    for row in range(rows):
        total = lettered = found = characters = 0
        seen = np.uint64(0)
        for word in range(offsets[row], offsets[row + 1]):
            counted = not symbols[word]
            total += counted
            characters += chars[word] * counted
            lettered += (kinds[word] & letters) != 0
            size = ends[word] - starts[word]
            code = _code(data, starts[word], size)
            if any_case:
                code |= _LOWER_CASE & _BELOW[min(size, 8)]
            place = code * stops.step >> np.uint64(58)
            hit = (stops.codes[place] == code) & (stops.sizes[place] == size)
            found += hit
            seen |= np.uint64(hit) << place
        counts[row, WORDS] = total
        counts[row, CHARS] = characters
        counts[row, WITH_LETTER] = lettered
        counts[row, STOP_WORDS] = found
        while seen:
            counts[row, DISTINCT_STOP_WORDS] += 1
            seen &= seen - np.uint64(1)
    return counts


@kernel
def median_chars(offsets: Int64s, chars: Int32s) -> npt.NDArray[np.float64]:
    """Give the median code points of each document's words, the mean of the middle two where they are even; 0 for none.

    Args:
        offsets: (N+1,), of words. chars: (W,).

    Returns:
        float64 (N,).
    """
    out = np.zeros(len(offsets) - 1, np.float64)
    for row in range(len(out)):
        ordered = np.sort(chars[offsets[row] : offsets[row + 1]])
        count = len(ordered)
        if count:
            out[row] = (ordered[(count - 1) // 2] + ordered[count // 2]) / 2
    return out


@kernel
def count_symbol_words(
    data: Bytes, offsets: Int64s, starts: Int32s, ends: Int32s, chars: Int32s, ellipses: Marks
) -> Int64s:
    """Count the words that are an ellipsis, or in which runs of hash signs are more than half as many as code points.

    Args:
        data: (B,). offsets: (N+1,), of words. starts, ends, chars: (W,).
        ellipses: words in any case.

    Returns:
        int64 (N,).
    """
    out = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(out)):
        for word in range(offsets[row], offsets[row + 1]):
            start, stop = starts[word], ends[word]
            runs = 0
            for at in range(start, stop):
                runs += data[at] == 0x23 and (at == start or data[at - 1] != 0x23)
            symbol = 2 * runs > chars[word]
            for mark in range(len(ellipses.offsets) - 1):
                size = ellipses.offsets[mark + 1] - ellipses.offsets[mark]
                symbol |= size == stop - start and _ends_with(data, start, stop, ellipses, mark)
            out[row] += symbol
    return out
