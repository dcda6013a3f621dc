"""A batch as steps see it: columns, and its text through the kernels, each table computed once when first asked for.

Shapes: N documents, B bytes, W words, L lines.
"""

from functools import cached_property

import pyarrow as pa

from corpusmill.kernels import buffers
from corpusmill.kernels.lines import Lines, lines
from corpusmill.kernels.unicode import lengths
from corpusmill.splitters import Splitter, Words, split


class View:
    """One batch, shared by all steps until one of them edits the text."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        """Wrap `batch`, of `documents.SCHEMA` or `documents.PAGE_SCHEMA`; nothing is computed yet."""
        self.batch = batch
        self._words: dict[Splitter, Words] = {}

    def __len__(self) -> int:
        """The number of documents, N."""
        return int(self.batch.num_rows)

    def column(self, name: str) -> pa.Array:
        """A column of the batch, shape (N,)."""
        return self.batch.column(name)

    @cached_property
    def text(self) -> buffers.Text:
        """The `text` column as offsets (N+1,) and UTF-8 bytes (B,)."""
        return buffers.text(self.batch.column("text"))

    @cached_property
    def lines(self) -> Lines:
        r"""The lines of the text, split on "\n": where they are, their lengths and hashes."""
        return lines(*self.text)

    @cached_property
    def lengths(self) -> buffers.Int64s:
        """The number of code points of each text, shape (N,)."""
        return lengths(*self.text)

    def words(self, splitter: Splitter) -> Words:
        """The words of the text by one of the splitters: where they are, their hashes, lengths and kinds."""
        if splitter not in self._words:
            self._words[splitter] = split(self.text, splitter)
        return self._words[splitter]
