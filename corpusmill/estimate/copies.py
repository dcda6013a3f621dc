"""A sample of an input whose files cannot be entered in the middle: blocks of records, copied out of whole splits.

Splits are chosen by their bytes, evenly over the input, and read from beginning to end; a keyed hash says which blocks
of consecutive records are kept. The same input gives the same blocks.
"""

import hashlib
import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate

import numpy as np
import pyarrow as pa

from corpusmill import documents
from corpusmill.errors import InputError
from corpusmill.estimate.windows import KEY, LEAST, MOST, RECORDS, Window, Windows, placed
from corpusmill.storage import paths
from corpusmill.storage.inputs import Input
from corpusmill.storage.read import Read, read
from corpusmill.storage.splits import Split
from corpusmill.storage.write import ParquetFile


@dataclass
class _Block:
    """Consecutive records of a split: those with a text, and why the others have none."""

    rows: list[pa.RecordBatch] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)

    @property
    def records(self) -> int:
        """All of them."""
        return sum(int(batch.num_rows) for batch in self.rows) + self.lost.total()


def copy(source: Input, splits: Sequence[Split], count: int, folder: str) -> Windows:
    """Copy about so many records of an input as stored documents.

    Args:
        source: the input; its records are texts.
        splits: all of it.
        count: records wanted.
        folder: where the copies go.

    Raises:
        InputError: if the input has no bytes.
    """
    total = sum(split.length for split in splits)
    if not total:
        raise InputError(f"{splits[0].path}: the input is empty, and nothing can be estimated; expected records")
    places = max(LEAST, min(MOST, count // RECORDS))
    ends = list(accumulate(split.length for split in splits))
    chosen = Counter(int(np.searchsorted(ends, placed(at, places, total, 1)[0], "right")) for at in range(places))
    found: list[Window] = []
    everything = len(chosen) == len([split for split in splits if split.length])
    for number, blocks in sorted(chosen.items()):
        split = splits[number]
        kept, records = _blocks(source, split, -(-count // places), blocks)
        everything &= sum(block.records for block in kept) == records
        for block in kept:
            size = round(split.length * block.records / records)
            found.append(_written(block, size, paths.join(folder, f"{len(found):05d}.parquet")))
    missing = total - sum(window.size for window in found)
    if everything and found:  # what rounding took
        first = found[0].splits[0]
        found[0] = found[0]._replace(splits=(replace(first, length=first.length + missing),))
    empty = _written(_Block(), 0, paths.join(folder, "empty.parquet")).splits[0]
    return Windows(tuple(found), total, everything, empty, stored=True)


def _blocks(source: Input, split: Split, size: int, most: int) -> tuple[list[_Block], int]:
    """Some blocks of `size` records, in order, and how many records the split has."""
    best: list[tuple[int, int, _Block]] = []  # (hash, block, records): the largest hash is thrown out
    records = 0
    for number, part in _pieces(source, split, size):
        records += part.records
        if best and best[-1][1] == number:
            best[-1][2].rows.extend(part.rows)
            best[-1][2].lost.update(part.lost)
            continue
        best.append((_hash(split, number), number, part))
        if len(best) > most + 1:  # the last one may still grow, and is judged when the next begins
            worst = heapq.nlargest(1, best[:-1])[0]
            best.remove(worst)
    chosen = heapq.nsmallest(most, best, key=lambda item: item[:2])
    return [block for _, _, block in sorted(chosen, key=lambda item: item[1])], records


def _pieces(source: Input, split: Split, size: int) -> Iterator[tuple[int, _Block]]:
    """Each block, or the parts of it that come in different batches, with its number."""
    for part in read(source, split):
        lost = [(item.number, item.reason) for item in part.rejected] + [(item.number, "") for item in part.dead]
        for number in _numbers(part, lost, size):
            inside = np.flatnonzero(part.numbers // size == number)
            rows = [part.batch.slice(int(inside[0]), len(inside))] if len(inside) else []
            yield number, _Block(rows, Counter(reason for at, reason in lost if at // size == number))


def _numbers(part: Read, lost: Sequence[tuple[int, str]], size: int) -> list[int]:
    return sorted({*np.unique(part.numbers // size).tolist(), *(at // size for at, _ in lost)})


def _hash(split: Split, block: int) -> int:
    told = f"{KEY} {paths.name(split.path)} {split.start} {block}"
    return int.from_bytes(hashlib.blake2b(told.encode(), digest_size=8).digest(), "big")


def _written(block: _Block, size: int, path: str) -> Window:
    with ParquetFile(path, documents.SCHEMA) as file:
        for batch in block.rows:
            file.write(batch)
        facts = file.finish()
    stored = Split(path, 0, facts.rows, facts.bytes, size, facts.sha256)
    return Window((stored,), tuple(sorted(block.lost.items())))
