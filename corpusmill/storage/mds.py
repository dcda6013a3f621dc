"""Packed rows as MosaicML Streaming's MDS shards, version 2: each row is a sample with the column `tokens`.

A shard (streaming.base.format.mds): the number of samples, where each begins and the last ends, all uint32; then the
columns as JSON, and the samples, of int32 as LLM Foundry writes and reads them. `index.json` lists the shards, and
comes last, so that an export that was broken off cannot be read. Equal rows give equal bytes, those of `MDSWriter`.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np

from corpusmill.errors import InputError
from corpusmill.storage import paths as files
from corpusmill.storage.exports import opened
from corpusmill.storage.packed import Ids, Shard
from corpusmill.storage.write import FileStats, Temporary, telling

TYPE = np.dtype("<i4")
LIMIT = 1 << 26  # bytes of a shard, as by default in MDSWriter


class Written(NamedTuple):
    """What an export consists of.

    Attributes:
        listed: `index.json`, that lists the shards; rows are shards.
        shards: in order; their rows are samples.
        padded: rows that end in padding, which MDS has no word for. padding: ids of it in all.
    """

    listed: FileStats
    shards: list[FileStats]
    padded: int
    padding: int


def write(paths: Sequence[str], folder: str, limit: int = LIMIT) -> Written:
    """Write all rows in order as `shard.00000.mds`, … and `index.json`.

    Memory is a shard as it is written.

    Args:
        paths: packed shards of one run, at least one, each once.
        folder: fsspec URL; what is there under these names is replaced.
        limit: bytes of a shard at most, but at least a row.

    Raises:
        InputError: without shards or rows, or for ids that int32 does not hold. OutputError: if a shard cannot be read.
        StorageError: if a file cannot be written; nothing of the export is left then.
    """
    shards = opened(paths)
    total = sum(map(len, shards))
    if not total:
        raise InputError(f"no rows to export: {len(shards)} packed shards hold none; name others")
    header = shards[0].header
    if header.vocabulary_size - 1 > np.iinfo(TYPE).max:
        raise InputError(f"a vocabulary of {header.vocabulary_size} ids; MDS of int32 holds 2147483648")
    size = header.sequence_length * TYPE.itemsize
    about: dict[str, Any] = {
        "column_encodings": [f"ndarray:int32:{header.sequence_length}"], "column_names": ["tokens"],
        "column_sizes": [size], "compression": None, "format": "mds", "hashes": ["sha256"], "size_limit": limit,
        "version": 2,
    }  # fmt: skip
    config = json.dumps(about, sort_keys=True).encode()
    most = max((limit - 8 - len(config)) // (size + 4), 1)
    entries, written = [], []
    with ExitStack() as stack:
        for number, pieces in enumerate(_cut(shards, most)):
            name = f"shard.{number:05}.mds"
            rows = sum(map(len, pieces))
            offsets = np.arange(rows + 1, dtype=np.int64) * size + 4 + 4 * (rows + 1) + len(config)
            head = np.concatenate([[rows], offsets]).astype("<u4").tobytes()
            stats = _put(files.join(folder, name), rows, [head, config, *(piece.astype(TYPE).data for piece in pieces)])
            stack.callback(files.remove, files.join(folder, name))
            raw = {"basename": name, "bytes": stats.bytes, "hashes": {"sha256": stats.sha256}}
            entries.append({**about, "raw_data": raw, "samples": rows, "zip_data": None})
            written.append(stats)
        index = json.dumps({"shards": entries, "version": 2}, sort_keys=True).encode()
        listed = _put(files.join(folder, "index.json"), len(entries), [index])
        stack.pop_all()
    padding = np.concatenate([_padding(shard) for shard in shards])
    return Written(listed, written, int(np.count_nonzero(padding)), int(padding.sum()))


def _cut(shards: Sequence[Shard], most: int) -> Iterator[list[Ids]]:
    """All rows in order, in lists of pieces that hold `most` rows together; the last may hold less."""
    pieces: list[Ids] = []
    room = most
    for block in (block for shard in shards for block in shard.blocks):
        at = 0
        while at < len(block.ids):
            pieces.append(block.ids[at : at + room])
            at += len(pieces[-1])
            room -= len(pieces[-1])
            if not room:
                yield pieces
                pieces, room = [], most
    if pieces:
        yield pieces


def _put(path: str, rows: int, parts: Sequence[Any]) -> FileStats:
    target = Temporary(path)
    try:
        with telling(path):
            file = target.open()
            for part in parts:
                file.write(part)
            return FileStats(rows, *target.put())
    finally:
        target.discard()


def _padding(shard: Shard) -> Any:
    """Ids after the last document of each row; int64 (R,)."""
    found = [np.zeros(0, np.int64)]
    for block in shard.blocks:
        ends = np.concatenate([[0], np.cumsum(block.lengths, dtype=np.int64)])[block.offsets]
        found.append(shard.header.sequence_length - np.diff(ends))
    return np.concatenate(found)
