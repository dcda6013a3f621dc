"""Edits as byte spans: every step that changes text says which bytes, and only this module changes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from corpusmill.kernels import buffers
from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.splice import splice


@dataclass(frozen=True)
class Spans:
    """K half-open byte ranges of documents in a batch, ordered by row, then start; disjoint.

    Attributes:
        rows: int64 (K,). starts, ends: int64 (K,), UTF-8 bytes from the start of the row's text.
        which: int64 (K,), index into `replacements`; all zero by default.
        replacements: what the spans become; by default one empty text, so that every span is cut.
    """

    rows: Int64s
    starts: Int64s
    ends: Int64s
    which: Int64s | None = None
    replacements: Sequence[bytes] = field(default=(b"",))

    def __len__(self) -> int:
        """The number of spans, K."""
        return len(self.rows)

    def check(self, texts: pa.Array) -> None:
        """Raise ValueError where spans overlap, are out of order, or reach outside their row."""
        lengths = np.diff(buffers.text(texts).offsets)
        inside = (self.starts >= 0) & (self.starts <= self.ends) & (self.ends <= lengths[self.rows])
        same_row = np.diff(self.rows) == 0
        ordered = np.all(np.diff(self.rows) >= 0) and np.all(self.starts[1:][same_row] >= self.ends[:-1][same_row])
        if not (inside.all() and ordered):
            raise ValueError("spans must lie within their rows, in order, without overlap")


def placed(spans: Spans) -> tuple[Int64s, Int64s]:
    """Where each replacement begins and ends in the edited text of its row; (K,) each."""
    lengths = np.array([len(text) for text in spans.replacements], np.int64)
    new = lengths[np.zeros(len(spans), np.int64) if spans.which is None else spans.which]
    grown = np.cumsum(new - (spans.ends - spans.starts))
    before = np.append(0, grown)[:-1]
    first = np.searchsorted(spans.rows, spans.rows)  # the row's first span
    starts = spans.starts + before - before[first] if len(spans) else spans.starts
    return starts, starts + new


def apply(texts: pa.Array, spans: Spans) -> pa.StringArray:
    """The texts with every span replaced (or cut).

    Args:
        texts: shape (N,), string, no nulls.
        spans: must satisfy `Spans.check`, and begin and end between code points.
    """
    spans.check(texts)
    offsets, data = buffers.text(texts)
    which = np.zeros(len(spans), np.int64) if spans.which is None else spans.which
    new = buffers.text(pa.array(list(spans.replacements), pa.binary()))
    return buffers.strings(*splice(offsets, data, spans.rows, spans.starts, spans.ends, which, new.offsets, new.data))
