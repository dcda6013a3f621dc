"""Runs of words that repeat, for the Gopher repetition rules.

Shapes: N documents, W words.
"""

from typing import Any

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel
from corpusmill.kernels.words import Int32s, UInt64s

LONGEST = 10  # words in the longest n-gram
# How `count_grams` counts 5- to 10-grams that repeat.
ONCE, SKIPPING, EACH, LATER = range(4)
COUNTING = {"once": ONCE, "skipping": SKIPPING, "each": EACH, "later": LATER}

_STEP = np.uint64(0x9E3779B97F4A7C15)


@kernel
def _power(count: int) -> int:
    """The smallest power of two with room for `count` entries in an open table."""
    size = 4
    while size < 2 * count:
        size *= 2
    return size


@kernel
def _number_words(
    hashes: UInt64s, first: int, count: int, base: int, table: Int64s, one: Int32s, counts: Int32s, live: Int32s
) -> int:
    """Number the words of a document by their first place, and list the places of words that repeat.

    `table` holds places above `base`; whatever is at or below it is left from an earlier pass, and free.
    """
    mask = _power(count) - 1
    for i in range(count):
        value = hashes[first + i]
        slot = np.int64(value & np.uint64(mask))
        while table[slot] > base and hashes[first + table[slot] - base - 1] != value:
            slot = (slot + 1) & mask
        if table[slot] > base:
            place = table[slot] - base - 1
            counts[place] += 1
            one[i] = place
        else:
            table[slot] = base + i + 1
            counts[i] = 1
            one[i] = i
    found = 0
    for i in range(count):
        live[found] = i
        found += counts[one[i]] > 1
    return found


@kernel
def _number_grams(
    n: int,
    base: int,
    found: int,
    table: Int64s,
    one: Int32s,
    before: Int32s,
    ids: Int32s,
    counts: Int32s,
    live: Int32s,
) -> int:
    """Number the n-grams that can repeat by their first place, from the numbers of (n-1)-grams; give how many.

    An n-gram repeats only where both (n-1)-grams in it do. `live` lists the places of (n-1)-grams that repeat,
    and then those of the n-grams numbered. Two n-grams are equal where they begin with the same (n-1)-gram
    and end with the same word, so no hash but that of words decides.
    """  # fmt: skip
    kept = 0
    for j in range(found - 1):
        i = live[j]
        live[kept] = i
        kept += live[j + 1] == i + 1
    mask = _power(kept) - 1
    for j in range(kept):
        i = np.int64(live[j])
        value = (np.uint64(before[i]) << np.uint64(32) | np.uint64(one[i + n - 1])) * _STEP
        slot = np.int64((value >> np.uint64(32)) & np.uint64(mask))
        while table[slot] > base:
            place = table[slot] - base - 1
            if before[place] == before[i] and one[place + n - 1] == one[i + n - 1]:
                break
            slot = (slot + 1) & mask
        if table[slot] > base:
            place = table[slot] - base - 1
            counts[place] += 1
            ids[i] = place
        else:
            table[slot] = base + i + 1
            counts[i] = 1
            ids[i] = i
    return kept


@kernel
def _keep_repeated(found: int, ids: Int32s, counts: Int32s, live: Int32s) -> int:
    kept = 0
    for j in range(found):
        i = live[j]
        live[kept] = i
        kept += counts[ids[i]] > 1
    return kept


@kernel
def _top(
    n: int,
    count: int,
    found: int,
    ids: Int32s,
    counts: Int32s,
    live: Int32s,
    ahead: Int64s,
    gaps: bool,
    longest: bool,
    singles: bool,
) -> tuple[int, int]:
    """Code points in all copies of the n-gram with most copies, and its first place or -1."""  # fmt: skip
    spaces = n - 1 if gaps else 0
    most, size, place = 1, 0, -1
    for j in range(found):
        i = live[j]
        if ids[i] != i:
            continue
        own = ahead[i + n] - ahead[i] + spaces
        if counts[i] > most or (longest and counts[i] == most and most > 1 and own > size):
            most, size, place = counts[i], own, i
    if most == 1 and singles and count >= n:
        size, place = ahead[n] + spaces, 0
    return most * size, place


@kernel
def _covered(n: int, found: int, live: Int32s, ahead: Int64s) -> Any:
    """Code points of words that lie in an n-gram that repeats, each word counted once."""
    total: Any = 0
    end: Any = 0
    for j in range(found):
        i: Any = np.int64(live[j])
        total += ahead[i + n] - ahead[max(i, end)]
        end = i + n
    return total


@kernel
def _skipped(n: int, base: int, found: int, ids: Int32s, live: Int32s, seen: Int64s, ahead: Int64s) -> Any:
    """Code points of n-grams met before; after one, the search goes on behind it. First copies do not count."""
    total: Any = 0
    end: Any = 0
    for j in range(found):
        i: Any = np.int64(live[j])
        if i < end:
            continue
        if seen[ids[i]] == base:
            total += ahead[i + n] - ahead[i]
            end = i + n
        else:
            seen[ids[i]] = base
    return total


@kernel
def _each(n: int, found: int, live: Int32s, ahead: Int64s) -> Any:
    """Code points of all n-grams that repeat, first copies and overlaps too."""
    total: Any = 0
    for j in range(found):
        i: Any = np.int64(live[j])
        total += ahead[i + n] - ahead[i]
    return total


@kernel
def _later(n: int, found: int, ids: Int32s, live: Int32s, ahead: Int64s) -> Any:
    """Code points of words that lie in a copy after the first, each word once, with the spaces between those."""
    total: Any = 0
    end: Any = 0
    for j in range(found):
        i: Any = np.int64(live[j])
        if ids[i] == i:
            continue
        first = max(i, end)
        total += ahead[i + n] - ahead[first] + min(i + n - first, n - 1)
        end = i + n
    return total


@kernel
def count_all_grams(offsets: Int64s, chars: Int32s) -> Int64s:
    """Count the code points of all n-grams, overlaps too, whether they repeat or not.

    Args:
        offsets: (N+1,). chars: (W,).

    Returns:
        int64 (N, 6) for 5 to 10 words.
    """
    totals = np.zeros((len(offsets) - 1, 6), np.int64)
    for row in range(len(totals)):
        first, stop = offsets[row], offsets[row + 1]
        for word in range(first, stop):
            for n in range(5, LONGEST + 1):
                # The n-grams of a document that hold this word: those that begin from `low` to `high`.
                low, high = max(first, word - n + 1), min(word, stop - n)
                totals[row, n - 5] += chars[word] * max(0, high - low + 1)
    return totals


@kernel
def count_grams(
    offsets: Int64s, hashes: UInt64s, chars: Int32s, gaps: bool, longest: bool, singles: bool, counting: int
) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Count the code points in the top 2- to 4-grams and in 5- to 10-grams that repeat.

    Args:
        offsets: (N+1,). hashes, chars: (W,).
        gaps: the top n-gram is counted with a space between its words.
        longest: of n-grams with as many copies the longest is the top one, else the first.
        singles: where no n-gram repeats, the first is the top one, else there is none.
        counting: ONCE: all words in n-grams that repeat count, once. SKIPPING: copies after the first count, and the
            search goes on behind each. EACH: all copies count whole, however they overlap. LATER: words in copies
            after the first count, once, and the spaces between them.

    Returns:
        int64 (N, 3) for 2, 3, 4 words; int64 (N, 6) for 5 to 10 words; int64 (N,), code points of all words; and
        int64 (N, 3), which word of the W the top n-gram begins with, or -1.
    """
    rows = len(offsets) - 1
    widest = 1
    for row in range(rows):
        widest = max(widest, offsets[row + 1] - offsets[row])
    table = np.zeros(_power(widest), np.int64)
    one, counts, live = np.empty(widest, np.int32), np.empty(widest, np.int32), np.empty(widest + 1, np.int32)
    ids = np.empty((2, widest), np.int32)
    seen, ahead = np.zeros(widest, np.int64), np.zeros(widest + 1, np.int64)
    tops, repeated = np.zeros((rows, 3), np.int64), np.zeros((rows, 6), np.int64)
    totals, places = np.zeros(rows, np.int64), np.full((rows, 3), -1, np.int64)
    base = 0
    for row in range(rows):
        first, count = offsets[row], offsets[row + 1] - offsets[row]
        for i in range(count):
            ahead[i + 1] = ahead[i] + chars[first + i]
        totals[row] = ahead[count]
        found = _number_words(hashes, first, count, base, table, one, counts, live)
        base += count + 1
        before = one
        for n in range(2, LONGEST + 1):
            if not found and not (singles and n < 5):
                break
            now = ids[n & 1]
            found = _number_grams(n, base, found, table, one, before, now, counts, live)
            found = _keep_repeated(found, now, counts, live)
            if n < 5:
                size, place = _top(n, count, found, now, counts, live, ahead, gaps, longest, singles)
                tops[row, n - 2] = size
                places[row, n - 2] = first + place if place >= 0 else -1
            elif counting == SKIPPING:
                repeated[row, n - 5] = _skipped(n, base, found, now, live, seen, ahead)
            elif counting == EACH:
                repeated[row, n - 5] = _each(n, found, live, ahead)
            elif counting == LATER:
                repeated[row, n - 5] = _later(n, found, now, live, ahead)
            else:
                repeated[row, n - 5] = _covered(n, found, live, ahead)
            before = now
            base += count + 1
    return tops, repeated, totals, places


@kernel
def _occurrences(data: Bytes, start: int, stop: int, phrase: Bytes) -> int:
    """How often `phrase` occurs in data[start:stop], from the left, without overlap."""
    found = 0
    at = start
    while at + len(phrase) <= stop:
        same = 0
        while same < len(phrase) and data[at + same] == phrase[same]:
            same += 1
        found += same == len(phrase)
        at += same if same == len(phrase) else 1
    return found


@kernel
def _phrase(data: Bytes, starts: Int32s, ends: Int32s, place: int, n: int) -> Bytes:
    """Give the bytes of `n` words from `place` on with one space between them."""
    size = n - 1
    for word in range(place, place + n):
        size += ends[word] - starts[word]
    phrase = np.full(size, 0x20, np.uint8)
    last = 0
    for word in range(place, place + n):
        for at in range(starts[word], ends[word]):
            phrase[last] = data[at]
            last += 1
        last += 1
    return phrase


@kernel
def count_phrases(offsets: Int64s, data: Bytes, starts: Int32s, ends: Int32s, places: Int64s) -> Int64s:
    """Count the code points that a phrase covers in its text, found as `str.replace` finds it, also inside of words.

    Args:
        offsets: (N+1,), of documents. data: (B,). starts, ends: (W,), of words.
        places: (N, 3), which word a phrase of 2, 3, 4 words begins with, or -1. It is the words with one space between.

    Returns:
        int64 (N, 3).
    """
    out = np.zeros(places.shape, np.int64)
    for row in range(len(places)):
        for column in range(3):
            if places[row, column] < 0:
                continue
            phrase = _phrase(data, starts, ends, places[row, column], column + 2)
            chars = 0
            for byte in phrase:
                chars += (byte & 0xC0) != 0x80
            out[row, column] = chars * _occurrences(data, offsets[row], offsets[row + 1], phrase)
    return out
