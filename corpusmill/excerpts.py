"""Which documents of a batch a report shows, and what of their text: examples, the nearest to a bound, what was cut.

Every choice depends on values and ids alone, so that no order of batches or shards changes it.
"""

import zlib
from collections.abc import Iterator, Mapping
from functools import cache, cached_property
from itertools import islice
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
_SIGNS = str.maketrans(dict.fromkeys((stats.OPEN, stats.CLOSE, stats.GAP), "\ufffd"))  # those of a text's own

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

    @cached_property
    def order(self) -> Int64s:
        """All rows, (N,), by their keys; of equal keys by their ids, of equal ids as they come."""
        order = np.argsort(self.keys, kind="stable")
        same = np.diff(self.keys[order]) == 0
        if same.any():
            at = np.flatnonzero(np.append(same, False) | np.append(False, same))
            order[at] = sorted(order[at].tolist(), key=lambda row: (self.keys[row], self._ids[row].as_py(), row))
        return order

    @cached_property
    def ranks(self) -> Int64s:
        """The place of each row in `order`, (N,)."""
        ranks = np.empty_like(self.order)
        ranks[self.order] = np.arange(len(ranks))
        return ranks

    def few(self, rows: Int64s, count: int = stats.EXAMPLES) -> Int64s:
        """Places in `rows` of the records with the smallest keys, `count` at most, smallest first."""
        ranks = self.ranks[rows]
        at = np.arange(len(rows))
        if len(rows) > count:
            at = np.flatnonzero(ranks <= np.partition(ranks, count - 1)[count - 1])
        return at[np.argsort(ranks[at], kind="stable")][:count]

    def ordered(self, rows: Int64s) -> Int64s:
        """All places in `rows`, which rise, by the keys of their records."""
        if len(rows) == len(self.order):
            return self.order
        places = np.full(len(self.order), -1)
        places[rows] = np.arange(len(rows))
        found = places[self.order]
        return found[found >= 0]

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
        inputs: (M,), rows of the records, which rise.
        signals: by name, (M,).
        verdict: over the M documents.
        judged: (M,), those that were still there.
        languages: (M,), for bounds by language, or None.
    """
    order = _of(records.ordered(inputs), judged)  # so that of equal values the first is the one to show
    broken = verdict.codes[order]
    gone, passed = order[broken >= 0], order[broken < 0]
    why = verdict.codes[gone]

    @cache  # one document can be near to several bounds
    def passage(row: int) -> stats.Example:
        return records.passage(int(inputs[row]), None, beginning(texts, row))

    codes = iter(range(len(verdict.reasons)))  # in the order of judging
    for signal, limit in limits(step).items():
        values = signals[signal]
        table = intervals(limit)
        for language, bounds in table.items():
            stays = None
            for end, reason, sign, code in zip(bounds, bounds.breaks(signal), (1, -1), codes, strict=False):
                if end is None:
                    continue
                if stays is None:
                    stays = _of(passed, rows_of(language, table, languages, len(judged)))
                    stays = _of(stays, ~np.isnan(values))
                # at a bound of 0, all that stays lies on it, and none is nearer than others
                sides = (gone[why == code], -sign), (stays if end else stays[:0], sign)
                found = ([_with(passage(row), value) for row, value in _least(values, *side)] for side in sides)
                report.add_nearest(f"{name}.{reason}", *found)


def _with(shown: stats.Example, value: float) -> stats.Example:
    return stats.Example(
        shown.key, shown.id, shown.url, value, shown.excerpt
    )  # `_replace` takes twice as long and more


def _of(rows: Int64s, true: npt.NDArray[np.bool_]) -> Int64s:
    """Those of some rows for which something is true, which it mostly is for all."""
    return rows if true.all() else rows[np.flatnonzero(true[rows])]


def _least(values: npt.NDArray[Any], rows: Int64s, sign: int) -> Iterator[tuple[int, float]]:
    """Of some rows the few with the smallest values, or for a negative sign the largest; of equal ones the first."""
    if not len(rows):
        return
    left = values[rows].astype(np.float64, copy=False)  # ours: an index by rows copies
    pick, taken = (np.argmin, np.inf) if sign > 0 else (np.argmax, -np.inf)
    for _ in range(min(stats.NEAREST, len(left))):  # several times faster than to partition all
        at = int(pick(left))
        yield int(rows[at]), float(left[at])
        left[at] = taken


def beginning(texts: pa.Array, row: int) -> str:
    """The first `stats.LONGEST` code points of a text; a long one is not decoded whole."""
    data = memoryview(texts[row].as_buffer())
    found = _decoded(bytes(data[: stats.LONGEST]))
    missing = stats.LONGEST - len(found)
    return found if not missing or len(data) <= stats.LONGEST else _decoded(bytes(data[: stats.LONGEST + 4 * missing]))


def _decoded(data: bytes) -> str:
    return data.decode(errors="ignore")[: stats.LONGEST].translate(_SIGNS)


def cut(records: Records, inputs: Int64s, texts: pa.Array, edits: Spans, alive: npt.NDArray[np.bool_]) -> list[int]:
    """The few rows of texts whose cuts are shown: something that is not blank was cut early in each.

    Args:
        records: of the batch.
        inputs: (M,), rows of the records.
        texts: (M,), before the edits.
        edits: of these texts.
        alive: (M,), whose cuts are worth showing.
    """
    first = np.flatnonzero(np.diff(edits.rows, prepend=-1))  # of each text; if it is not early, none is
    first = first[alive[edits.rows[first]] & (edits.starts[first] < _EARLY)]
    some = first[records.few(inputs[edits.rows[first]], _TRIED)].tolist()
    return list(islice((int(edits.rows[at]) for at in some if not _blank(texts, edits, at)), stats.EXAMPLES))


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
