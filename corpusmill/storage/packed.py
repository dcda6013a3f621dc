"""Packed shards: rows of token ids as an Arrow file that is mapped into memory and not read.

    input_ids         fixed-size list of uint16 or uint32, L a row
    document_lengths  list of int32: tokens of each document of the row, from its left end on; the rest is padding
    lineage           list of (shard, row, start): the address of each document in the stage that was packed, and which
                      of its tokens is the first here. A document's tokens are its ids and the end-of-text after them.

The schema's metadata hold `Header`. Equal rows give equal bytes.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import accumulate
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.errors import OutputError
from corpusmill.storage.exchange import reading
from corpusmill.storage.write import FileStats, WholeFile, telling

Int64s = npt.NDArray[np.int64]
Int32s = npt.NDArray[np.int32]
Ids = npt.NDArray[Any]  # uint16 or uint32

FORMAT, VERSION = "corpusmill.packed", "1"
BATCH_BYTES = 64_000_000  # of ids in a record batch: what a writer holds, and most shards are a single one
LINEAGE = pa.struct([("shard", pa.int32()), ("row", pa.int32()), ("start", pa.int32())])


@dataclass(frozen=True, kw_only=True)
class Header:
    """What all rows of a packed shard have in common.

    Attributes:
        tokenizer: the tokenizer's digest.
        vocabulary_size: ids are below it.
        dtype: of ids, `uint16` or `uint32`.
        eos: the id of end-of-text, which ends each document.
        padding: the id after the last document of a row.
        strategy: how documents were packed.
        sequence_length: tokens of a row, L.
        recipe_key: of the stage that wrote the shard.

    Raises:
        ValueError: if the ids of the vocabulary do not fit the type.
    """

    tokenizer: str
    vocabulary_size: int
    dtype: str
    eos: int
    padding: int
    strategy: str
    sequence_length: int
    recipe_key: str

    def __post_init__(self) -> None:
        """Check that ids fit."""
        if self.dtype not in {"uint16", "uint32"}:
            raise ValueError(f"ids of type {self.dtype}; expected uint16 or uint32")
        most = int(np.iinfo(self.dtype).max)
        if max(self.vocabulary_size - 1, self.eos, self.padding) > most or min(self.eos, self.padding) < 0:
            found = f"a vocabulary of {self.vocabulary_size} ids, end-of-text {self.eos}, padding {self.padding}"
            raise ValueError(f"{found}; {self.dtype} holds ids from 0 to {most}")

    def schema(self) -> pa.Schema:
        """The columns, with this header as metadata."""
        ids = pa.list_(pa.type_for_alias(self.dtype), self.sequence_length)
        columns = [("input_ids", ids), ("document_lengths", pa.list_(pa.int32())), ("lineage", pa.list_(LINEAGE))]
        told = {"format": FORMAT, "version": VERSION, **{name: str(value) for name, value in asdict(self).items()}}
        return pa.schema(columns, told)

    @classmethod
    def from_metadata(cls, path: str, told: dict[bytes, bytes] | None) -> "Header":
        """Read the header of a file.

        Raises:
            OutputError: if it is no packed shard, or of another version.
        """
        known = {key.decode(): value.decode() for key, value in (told or {}).items()}
        if known.get("format") != FORMAT:
            raise OutputError(f"{path}: an Arrow file, but no packed shard; expected one that a run with `pack` wrote")
        if known.get("version") != VERSION:
            found = f"packed shard of version {known.get('version')}"
            raise OutputError(f"{path}: {found}; this corpusmill reads version {VERSION}; pack again")
        try:
            return cls(**{field.name: field.type(known[field.name]) for field in fields(cls)})  # type: ignore[operator]
        except (KeyError, ValueError) as error:
            raise OutputError(f"{path}: its header cannot be read ({error}); pack again") from error


class Block(NamedTuple):
    """Rows as they are written and read: n rows of S segments.

    Attributes:
        ids: (n, L).
        offsets: (n+1,), row i holds the segments from `offsets[i]` to `offsets[i + 1]`.
        lengths, shards, rows, starts: (S,), see the columns above.
    """

    ids: Ids
    offsets: npt.NDArray[Any]
    lengths: npt.NDArray[Any]
    shards: npt.NDArray[Any]
    rows: npt.NDArray[Any]
    starts: npt.NDArray[Any]

    def between(self, start: int, stop: int) -> "Block":
        """Some of the rows, without a copy of ids."""
        here = slice(self.offsets[start], self.offsets[stop])
        offsets = self.offsets[start : stop + 1] - self.offsets[start]
        return Block(self.ids[start:stop], offsets, *(column[here] for column in self[2:]))

    @classmethod
    def joined(cls, blocks: Sequence["Block"]) -> "Block":
        """The rows of several blocks, at least one."""
        if len(blocks) == 1:
            return blocks[0]
        counts = np.concatenate([np.diff(block.offsets) for block in blocks])
        columns = [np.concatenate(parts) for parts in zip(*(block[2:] for block in blocks), strict=True)]
        return cls(np.concatenate([block.ids for block in blocks]), np.cumsum([0, *counts]), *columns)

    def to_batch(self, schema: pa.Schema) -> pa.RecordBatch:
        """As a record batch; ids are not copied."""
        flat = pa.array(np.ascontiguousarray(self.ids).reshape(-1))
        ids = pa.FixedSizeListArray.from_arrays(flat, type=schema.field("input_ids").type)
        offsets = pa.array(self.offsets, pa.int32())
        parts = [pa.array(column, pa.int32()) for column in (self.shards, self.rows, self.starts)]
        lineage = pa.StructArray.from_arrays(parts, fields=list(LINEAGE))
        lengths = pa.ListArray.from_arrays(offsets, pa.array(self.lengths, pa.int32()))
        columns = [ids, lengths, pa.ListArray.from_arrays(offsets, lineage)]
        return pa.RecordBatch.from_arrays(columns, schema=schema)

    @classmethod
    def from_batch(cls, batch: pa.RecordBatch, sequence_length: int) -> "Block":
        """The inverse, without copies, of a batch as it lies in a file."""
        ids, lengths, lineage = batch.columns
        tokens = ids.values.to_numpy(zero_copy_only=True).reshape(-1, sequence_length)
        parts = [lineage.values.field(at).to_numpy(zero_copy_only=True) for at in range(3)]
        return cls(tokens, lengths.offsets.to_numpy(), lengths.values.to_numpy(), *parts)


class PackedFile(WholeFile):
    """A packed shard in the making; it appears under its name only when `finish` is called.

    However rows are cut into blocks, equal rows give equal bytes. Memory is `BATCH_BYTES` of ids, and the last block;
    blocks of `batch_rows` are written as they are.

    Attributes:
        batch_rows: rows of a record batch.

    Raises:
        StorageError: if the file cannot be written.
    """

    def __init__(self, path: str, header: Header) -> None:
        """Prepare to write to the fsspec URL `path`; folders are made as needed."""
        super().__init__(path)
        self.header = header
        self._schema = header.schema()
        self.batch_rows = max(BATCH_BYTES // (header.sequence_length * np.dtype(header.dtype).itemsize), 1)
        self._waiting: list[Block] = []
        self._waiting_rows = 0

    def __enter__(self) -> Self:
        """Open the temporary file."""
        with telling(self.path):
            self._writer = pa.ipc.new_file(self._target.open(), self._schema)
        return self

    def add(self, block: Block) -> None:
        """Add rows; the block's arrays are held, not copied, until the batch is written: leave them as they are.

        Raises:
            ValueError: if they are of another length or type than the header says.
        """
        expected = (self.header.sequence_length, self.header.dtype)
        if (block.ids.shape[1], block.ids.dtype.name) != expected:
            raise ValueError(
                f"rows of {block.ids.shape[1]} {block.ids.dtype.name}; expected {expected[0]} {expected[1]}"
            )
        start = 0
        while start < len(block.ids):
            stop = min(start + self.batch_rows - self._waiting_rows, len(block.ids))
            self._waiting.append(block.between(start, stop))
            self._waiting_rows += stop - start
            start = stop
            if self._waiting_rows == self.batch_rows:
                self._flush()

    def finish(self) -> FileStats:
        """Write the rest and put the file in place under its name."""
        self._flush()
        return self._put()

    def _flush(self) -> None:
        if self._waiting:
            # Joined before they are Arrow's: slices of batches give other bytes for equal rows.
            batch = Block.joined(self._waiting).to_batch(self._schema)
            self._waiting, self._waiting_rows = [], 0
            self.rows += len(batch)
            with telling(self.path):
                self._writer.write_batch(batch)


class Shard:
    """A packed shard, mapped: rows are views of the file, and stay valid as long as they are held.

    Attributes:
        path: of the file.
        header: what all rows have in common.
        blocks: the rows in order, one block for each record batch; mostly a single one.
    """

    def __init__(self, path: str) -> None:
        """Map the file.

        Raises:
            OutputError: if it is missing, not whole, no packed shard, or of another version.
        """
        self.path = path
        with reading(path) as file:
            self.header = Header.from_metadata(path, file.schema.metadata)
            batches = [file.get_batch(number) for number in range(file.num_record_batches)]
        self.blocks = [Block.from_batch(batch, self.header.sequence_length) for batch in batches]
        *self._firsts, self._rows = accumulate((len(block.ids) for block in self.blocks), initial=0)

    def __len__(self) -> int:
        """How many rows there are."""
        return self._rows

    @property
    def tokens(self) -> Ids:
        """All rows, (R, L): a view of a shard of one block, else a copy."""
        if len(self.blocks) == 1:
            return self.blocks[0].ids
        empty = np.zeros((0, self.header.sequence_length), self.header.dtype)
        return np.concatenate([empty, *(block.ids for block in self.blocks)])

    def row(self, number: int) -> Ids:
        """The ids of a row, (L,), without a copy."""
        block, at = self._find(number)
        return block.ids[at]  # type: ignore[no-any-return]

    def take(self, numbers: npt.NDArray[Any], out: Ids | None = None) -> Ids:
        """The ids of rows in any order, (n, L).

        Args:
            numbers: (n,).
            out: (n, L), where they go; by default a new array.

        Raises:
            IndexError: if there is no such row.
        """
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(f"rows {numbers.min()} to {numbers.max()} of {self.path}, which has {len(self)}")
        if out is None:
            out = np.empty((len(numbers), self.header.sequence_length), self.header.dtype)
        home = np.searchsorted(self._firsts, numbers, "right") - 1
        for number in np.unique(home):
            there = np.flatnonzero(home == number)
            block, wanted = self.blocks[number].ids, numbers[there] - self._firsts[number]
            if len(there) == len(numbers):
                np.take(block, wanted, axis=0, out=out, mode="clip")  # in range, as was checked above
            else:
                out[there] = block[wanted]
        return out

    def segments(self, number: int) -> Block:
        """A row with its documents, without a copy: a block of one row."""
        block, at = self._find(number)
        return block.between(at, at + 1)

    def _find(self, number: int) -> tuple[Block, int]:
        if not 0 <= number < self._rows:
            raise IndexError(f"row {number} of {self.path}, which has {len(self)}")
        block = bisect_right(self._firsts, number) - 1
        return self.blocks[block], number - self._firsts[block]


def open_shards(paths: Sequence[str]) -> list[Shard]:
    """Map shards that belong together.

    Raises:
        OutputError: if one cannot be read, or differs from the first in tokenizer, length or anything else.
    """
    shards = [Shard(path) for path in paths]
    for shard in shards[1:]:
        for name, value in asdict(shard.header).items():
            first = getattr(shards[0].header, name)
            if value != first:
                raise OutputError(
                    f"{shard.path}: {name} is {value}, but {first} in {shards[0].path}; use one run's shards"
                )
    return shards
