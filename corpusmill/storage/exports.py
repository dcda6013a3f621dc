"""Packed shards for other trainers: documents whole again, padding left out, in the order of shards and addresses."""

import struct
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.errors import InputError
from corpusmill.storage.packed import Shard, open_shards
from corpusmill.storage.unpack import documents
from corpusmill.storage.write import FileStats, Temporary, telling

MEGATRON_TYPES: dict[str, tuple[int, np.dtype[Any]]] = {
    "uint16": (8, np.dtype("<u2")),
    "uint32": (4, np.dtype("<i4")),
}  # code in the index, type in the file


def megatron(paths: Sequence[str], prefix: str) -> tuple[FileStats, FileStats]:
    """Write `prefix.bin` and `prefix.idx`, Megatron's indexed dataset of version 1; a sequence is a document.

    The index (megatron.core.datasets.indexed_dataset): magic, version, a code for the type of ids, the number of
    sequences and of document bounds; then the length and the first byte of each sequence, and the document bounds.
    It comes last, so that an export that was broken off cannot be read. Memory is a chunk of documents and 20 bytes
    for each one.

    Args:
        paths: packed shards of one run, at least one.
        prefix: fsspec URL without the suffix.

    Returns:
        What was written to the .bin and the .idx file; `rows` are documents.

    Raises:
        InputError: if no shard is given, or ids do not fit. OutputError: if a shard cannot be read.
        StorageError: if a file cannot be written.
    """
    shards = opened(paths)
    code, dtype = MEGATRON_TYPES[shards[0].header.dtype]
    if shards[0].header.vocabulary_size - 1 > np.iinfo(dtype).max:
        raise InputError(f"a vocabulary of {shards[0].header.vocabulary_size} ids; Megatron's int32 holds 2147483648")
    found = [np.zeros(0, np.int64)]
    with ExitStack() as stack:
        data, index = Temporary(f"{prefix}.bin"), Temporary(f"{prefix}.idx")
        stack.callback(data.discard)
        stack.callback(index.discard)
        with telling(data.path):
            file = data.open()
            for shard in shards:
                for chunk in documents(shard):
                    file.write(np.ascontiguousarray(chunk.ids, dtype).data)
                    found.append(np.diff(chunk.offsets))
        lengths = np.concatenate(found)
        with telling(index.path):
            index.open().write(_index(code, dtype.itemsize, lengths))
        with telling(data.path):
            stats = FileStats(len(lengths), *data.put())
        with telling(index.path):
            return stats, FileStats(len(lengths), *index.put())


def nanogpt(paths: Sequence[str], path: str) -> FileStats:
    """Write all ids as one flat file of uint16, as nanoGPT's `train.bin`; each document ends with end-of-text.

    Returns:
        What was written; `rows` are documents.

    Raises:
        InputError: if no shard is given, or ids are wider than nanoGPT reads. OutputError, StorageError: as above.
    """
    shards = opened(paths)
    if shards[0].header.dtype != "uint16":
        size = shards[0].header.vocabulary_size
        raise InputError(
            f"ids of {shards[0].header.dtype} (vocabulary {size}); nanoGPT reads uint16; export for Megatron"
        )
    rows = 0
    target = Temporary(path)
    try:
        with telling(path):
            file = target.open()
            for shard in shards:
                for chunk in documents(shard):
                    file.write(np.ascontiguousarray(chunk.ids, "<u2").data)
                    rows += len(chunk.rows)
            return FileStats(rows, *target.put())
    finally:
        target.discard()


def opened(paths: Sequence[str]) -> list[Shard]:
    """The shards to export, mapped.

    Raises:
        InputError: if there is none, or one is named twice. OutputError: if one cannot be read, or is of another run.
    """
    if not paths:
        raise InputError("no packed shards to export; name at least one")
    twice = [path for path, count in Counter(paths).items() if count > 1]
    if twice:
        raise InputError(f"{twice[0]}: named {paths.count(twice[0])} times; name each shard or folder once")
    return open_shards(paths)


def _index(code: int, width: int, lengths: npt.NDArray[np.int64]) -> bytes:
    """Megatron's index of sequences that are documents."""
    head = b"MMIDIDX\0\0" + struct.pack("<QBQQ", 1, code, len(lengths), len(lengths) + 1)
    pointers = (np.cumsum(lengths) - lengths) * width
    bounds = np.arange(len(lengths) + 1)
    return head + lengths.astype("<i4").tobytes() + pointers.astype("<i8").tobytes() + bounds.astype("<i8").tobytes()
