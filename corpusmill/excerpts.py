"""Which documents of a batch a report shows, and what of their text: examples, the nearest to a bound, what was cut.

Every choice depends on values and ids alone, so that no order of batches or shards changes it.
"""

import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill import stats
from corpusmill.signals import Verdict, rows_of
from corpusmill.spans import Spans
from corpusmill.spec import intervals, limits

CONTEXT = 100  # bytes of text on both sides of an edit that is shown
_EARLY = 2_000  # bytes of a text in which its first cut must begin to be shown
_TRIED = 50  # documents that are looked at for cuts to show
_BYTES = 4 * stats.LONGEST  # that surely hold as many code points

Int64s = npt.NDArray[np.int64]


class Records:
    """The records of an input batch as a report knows them; their rows are rows of that batch. N records."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        """Records of `documents.SCHEMA` or `documents.PAGE_SCHEMA`."""
        self._ids, self._urls = batch.column("id"), batch.column("url")

    @cached_property
    def keys(self) -> Int64s:
        """A hash of each id, (N,), which puts examples in an order that is no one's choice."""
        return np.array([zlib.crc32(one) for one in self._ids.cast(pa.binary()).to_pylist()], np.int64)

    def few(self, rows: Int64s, count: int = stats.EXAMPLES) -> Int64s:
        """Places in `rows` of the records with the smallest keys, `count` at most, smallest first."""
        keys = self.keys[rows]
        at = np.arange(len(rows))
        if len(rows) > count:
            at = np.flatnonzero(keys <= np.partition(keys, count - 1)[count - 1])
        order = sorted(at.tolist(), key=lambda place: (keys[place], self._ids[int(rows[place])].as_py(), place))
        return np.array(order[:count], np.int64)

    def first(self, rows: Int64s, order: npt.NDArray[np.float64], count: int) -> Int64s:
        """Places in `rows` of those with the smallest `order`, (len(rows),); of equal ones the smallest keys."""
        if len(rows) <= count:
            return np.arange(len(rows))
        last = np.partition(order, count - 1)[count - 1]
        before, equal = np.flatnonzero(order < last), np.flatnonzero(order == last)
        if len(before) + len(equal) > count:
            equal = equal[self.few(rows[equal], count - len(before))]
        return np.concatenate([before, equal])

    def example(self, row: int, value: float | None, text: str) -> stats.Example:
        """The record with an excerpt of its text, white space run together."""
        return stats.example(self._ids[row].as_py(), self._urls[row].as_py(), value, text)

    def passage(self, row: int, value: float | None, text: str) -> stats.Example:
        """The record with the beginning of its text, lines and all."""
        return stats.passage(int(self.keys[row]), self._ids[row].as_py(), self._urls[row].as_py(), value, text)


def near(
    report: stats.Report, records: Records, name: str, step: Any, texts: pa.Array, inputs: Int64s,
    signals: Mapping[str, npt.NDArray[Any]], verdict: Verdict, judged: npt.NDArray[np.bool_], languages: Any,
) -> None:  # fmt: skip
    """Add to the report what lies nearest to each bound of a step, of M documents that it measured.

    Args:
        report: of the batch; it is changed.
        records: of the batch.
        name: of the step.
        step: its spec.
        texts: (M,), as they were judged.
        inputs: (M,), rows of the records.
        signals: by name, (M,).
        verdict: over the M documents.
        judged: (M,), those that were still there.
        languages: (M,), for bounds by language, or None.
    """
    passed = judged & (verdict.codes < 0)
    codes = iter(range(len(verdict.reasons)))  # in the order of judging
    for signal, limit in limits(step).items():
        values = np.asarray(signals[signal], np.float64)
        table = intervals(limit)
        for language, bounds in table.items():
            stays = None
            for end, reason, sign, code in zip(bounds, bounds.breaks(signal), (1, -1), codes, strict=False):
                if end is None:
                    continue
                if stays is None:
                    mine = passed & rows_of(language, table, languages, len(passed))
                    stays = np.flatnonzero(mine & ~np.isnan(values))
                gone = np.flatnonzero(judged & (verdict.codes == code))
                # at a bound of 0, all that stays lies on it, and none is nearer than others
                sides = (gone, -sign), (stays if end else stays[:0], sign)
                shown = (_chosen(records, texts, inputs, values, rows, order) for rows, order in sides)
                report.add_nearest(f"{name}.{reason}", *shown)


def _chosen(
    records: Records, texts: pa.Array, inputs: Int64s, values: npt.NDArray[np.float64], rows: Int64s, sign: int
) -> list[stats.Example]:
    """Of some rows those with the smallest values, or the largest."""
    best = rows[records.first(inputs[rows], sign * values[rows], stats.NEAREST)]
    return [records.passage(int(inputs[row]), float(values[row]), beginning(texts, int(row))) for row in best]


def beginning(texts: pa.Array, row: int) -> str:
    """The first `stats.LONGEST` code points of a text; a long one is not decoded whole."""
    data = memoryview(texts[row].as_buffer())
    found = _decoded(bytes(data[: stats.LONGEST]))
    return found if found.isascii() or len(data) <= stats.LONGEST else _decoded(bytes(data[:_BYTES]))


def _decoded(data: bytes) -> str:
    return data.decode(errors="ignore")[: stats.LONGEST].replace(stats.OPEN, "\ufffd").replace(stats.CLOSE, "\ufffd")


def cut(records: Records, inputs: Int64s, texts: pa.Array, edits: Spans, alive: npt.NDArray[np.bool_]) -> list[int]:
    """The few rows of texts whose cuts are shown: something that is not blank was cut early in each.

    Args:
        records: of the batch.
        inputs: (M,), rows of the records.
        texts: (M,), before the edits.
        edits: of these texts.
        alive: (M,), whose cuts are worth showing.
    """
    early = np.flatnonzero(alive[edits.rows] & (edits.starts < _EARLY))
    rows, first = np.unique(edits.rows[early], return_index=True)
    some = records.few(inputs[rows], _TRIED)
    found = [int(rows[at]) for at in some.tolist() if not _blank(texts, edits, int(early[first[at]]))]
    return found[: stats.EXAMPLES]


def _blank(texts: pa.Array, edits: Spans, at: int) -> bool:
    data = memoryview(texts[int(edits.rows[at])].as_buffer())
    return not bytes(data[edits.starts[at] : min(edits.ends[at], edits.starts[at] + _EARLY)]).strip()


def struck(texts: pa.Array, edits: Spans, row: int) -> str:
    """The beginning of a text with `stats.OPEN` and `stats.CLOSE` around all that is cut out of it."""
    data = bytes(memoryview(texts[row].as_buffer())[:_BYTES])
    return "".join(_pieces(data, edits, row))[: stats.LONGEST]


def _pieces(data: bytes, edits: Spans, row: int) -> Iterator[str]:
    low, high = np.searchsorted(edits.rows, [row, row + 1])
    done = 0
    for start, end in zip(edits.starts[low:high].tolist(), edits.ends[low:high].tolist(), strict=True):
        gone = data[start:end]
        if not gone.strip():
            continue
        yield _decoded(data[done:start])
        yield f"{stats.OPEN}{_decoded(gone)}{stats.CLOSE}"
        done = end
    yield _decoded(data[done:])
