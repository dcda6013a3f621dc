"""Where a sample of an input is read: windows of stored bytes, spread evenly over all files and placed by a key.

A record belongs to the window in which it begins, so that every record of the input has about the same chance to be
read, whatever its size. The same input gives the same windows.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from corpusmill.errors import InputError, UsageError
from corpusmill.storage.inputs import Input, Jsonl, Warc, Wet
from corpusmill.storage.read import read
from corpusmill.storage.splits import WHOLE, Split

KEY = "corpusmill estimate"
RECORDS = 40  # of a window, about
LEAST, MOST = 10, 100  # windows
PILOTS = 10  # small windows that tell how large a record is
PILOT_BYTES = 64_000
PILOT_RECORDS = 20  # in all pilots, else they are made larger
ALL = 0.5  # share of the input from which on it is read whole


class Window(NamedTuple):
    """A part of the input: the splits that read it, of which there are several where it runs over the end of a file.

    `lost` are records of it that the splits do not have any more: (reason, or nothing for a dead letter, how many).
    """

    splits: tuple[Split, ...]
    lost: tuple[tuple[str, int], ...] = ()

    @property
    def size(self) -> int:
        """Stored bytes."""
        return sum(split.length for split in self.splits)


@dataclass(frozen=True)
class Windows:
    """A sample of an input.

    Attributes:
        windows: of it. input_bytes: of the whole input, as stored. whole: whether the windows are all of it.
        empty: a split without records, which tells what a shard costs by itself.
        stored: whether all are copies, as stored documents.
    """

    windows: tuple[Window, ...]
    input_bytes: int
    whole: bool
    empty: Split
    stored: bool = False

    @property
    def size(self) -> int:
        """Stored bytes that are read."""
        return sum(window.size for window in self.windows)


def choose(source: Input, splits: Sequence[Split], documents: int) -> Windows:
    """Choose windows that hold about so many records.

    Args:
        source: the input, which is `enterable`.
        splits: all of it, as a run would read it.
        documents: records wanted.

    Raises:
        InputError: if the input has no bytes.
    """
    files = _files(splits)
    total = sum(file.size for file in files)
    if not total:
        raise InputError(f"{splits[0].path}: the input is empty, and nothing can be estimated; expected records")
    count = max(LEAST, min(MOST, documents // RECORDS))
    width = documents / _density(source, files, total) / count
    if width >= ALL * total / count:
        ends = [total * at // count for at in range(count + 1)]
        parts = [(a, b) for a, b in pairwise(ends) if b > a]
    else:
        parts = [placed(at, count, total, max(1, round(width))) for at in range(count)]
    found = tuple(Window(tuple(_pieces(files, first, last))) for first, last in parts)
    empty = replace(files[-1], start=files[-1].size, length=0)
    return Windows(found, total, sum(last - first for first, last in parts) == total, empty)


def enterable(source: Input, splits: Sequence[Split]) -> bool:
    """Whether the files of an input can be read from any byte on.

    Raises:
        UsageError: for archives that cannot; their pages cannot be copied either.
    """
    archive = isinstance(source, Warc | Wet)
    closed = tuple(set(WHOLE) - {".gz"} if archive else WHOLE)
    found = next((split.path for split in splits if split.path.endswith(closed)), None)
    if found is not None and isinstance(source, Warc):
        raise UsageError(
            f"{found}: estimate enters archives in the middle, and this one can only be read from its beginning;"
            " expected WARC, plain or .gz: pack a few files anew, or run the recipe on them"
        )
    return found is None and (archive or isinstance(source, Jsonl))


def _files(splits: Sequence[Split]) -> list[Split]:
    """Each file once, whole."""
    files = {split.path: replace(split, start=0, end=split.size, length=split.size) for split in splits}
    return list(files.values())


def placed(at: int, count: int, total: int, width: int) -> tuple[int, int]:
    """The window of one of `count` equal parts of the input: somewhere in it, decided by a keyed hash."""
    low, high = total * at // count, total * (at + 1) // count
    place = int.from_bytes(hashlib.blake2b(f"{KEY} {at}/{count}".encode(), digest_size=8).digest(), "big") / 2**64
    first = low + int(place * max(1, high - low - width))
    return first, min(first + width, high)


def _pieces(files: Sequence[Split], first: int, last: int) -> Iterator[Split]:
    """The splits that read bytes `first` to `last` of all files, one after the other."""
    for file, end in zip(files, accumulate(file.size for file in files), strict=True):
        begin = end - file.size
        low, high = max(first, begin) - begin, min(last, end) - begin
        if low < high:
            yield replace(file, start=low, end=high, length=high - low, note="")


def _density(source: Input, files: Sequence[Split], total: int) -> float:
    """Records for each stored byte, from small windows."""
    width = PILOT_BYTES
    while True:
        parts = [placed(at, PILOTS, total, min(width, -(-total // PILOTS))) for at in range(PILOTS)]
        pieces = [split for first, last in parts for split in _pieces(files, first, last)]
        found = sum(records(part) for split in pieces for part in read(source, split))
        size = sum(split.length for split in pieces)
        if found >= PILOT_RECORDS or PILOTS * width >= total:
            return max(1, found) / size
        width *= 4


def records(part: Any) -> int:
    """Page records of a `Read`."""
    return int(part.batch.num_rows) + len(part.rejected) + len(part.dead)
