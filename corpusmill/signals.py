"""What a built step gives back for a batch, and the one place that decides over it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.spec import ANY_LANGUAGE, Bounds, intervals, limits

if TYPE_CHECKING:  # spans import numba, which a recipe can be read and planned without
    from corpusmill.spans import Spans

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """What a step found in N documents.

    Attributes:
        signals: by name, one finite number per document, shape (N,); exactly the limits of the spec.
        columns: new values for document columns, each of length N (`language`, or `text` and `title` of an extractor).
        edits: byte spans of `text` to cut or replace, or None. Signals that speak of text speak of it after the edit
            only where their docstring says so.
        failed: row → what went wrong, for documents that become dead letters.
        evidence: by name, a text per document (or null) that the ledger keeps beside the signals; exactly the names in
            the spec's `evidence`.
        shown: by name, int64 arrays of edits (indices into `edits`) that the report shows in their context, as edited.
    """

    signals: Mapping[str, npt.NDArray[Any]]
    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    edits: "Spans | None" = None
    failed: Mapping[int, str] = field(default_factory=dict)
    evidence: Mapping[str, pa.Array] = field(default_factory=dict)
    shown: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """The first broken bound of each document.

    Attributes:
        codes: shape (N,), int32: -1 for a document inside all bounds, else an index into `reasons`.
        reasons: every reason the spec can give, in judging order, e.g. ``words<50``.
        signals: the signal that each reason speaks of, as long as `reasons`.
    """

    codes: npt.NDArray[np.int32]
    reasons: list[str]
    signals: list[str]


def judge(step: Any, values: Mapping[str, npt.NDArray[Any]], languages: pa.Array | None = None) -> Verdict:
    """Decide, for each document, which limit of `step` it breaks first, in field order.

    NaN means "not measured" and breaks nothing. Both ends of an interval are inside.

    Args:
        step: a spec; its limits are read with `spec.limits`.
        values: signal name → shape (N,).
        languages: shape (N,), for limits that depend on the language; None if unknown.
    """
    count = len(next(iter(values.values()))) if values else 0
    codes = np.full(count, -1, np.int32)
    reasons: list[str] = []
    names: list[str] = []
    for name, limit in limits(step).items():
        table = intervals(limit)
        for language, bounds in table.items():
            rows = rows_of(language, table, languages, count)
            for outside, reason in zip(_outside(values[name], bounds), bounds.breaks(name), strict=True):
                codes[rows & outside & (codes < 0)] = len(reasons)
                reasons.append(reason)
                names.append(name)
    return Verdict(codes, reasons, names)


def _outside(values: npt.NDArray[Any], bounds: Bounds) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    never = np.zeros(len(values), bool)
    low, high = bounds
    return (never if low is None else values < low), (never if high is None else values > high)


def rows_of(
    language: str, table: Mapping[str, Bounds], languages: pa.Array | None, count: int
) -> npt.NDArray[np.bool_]:
    """Which of N documents the interval of a language in a table judges; (N,)."""
    if set(table) == {ANY_LANGUAGE}:
        return np.ones(count, bool)
    names = np.array([None] * count if languages is None else languages.to_pylist(), dtype=object)
    if language == ANY_LANGUAGE:
        return ~np.isin(names.astype(str), [name for name in table if name != ANY_LANGUAGE])
    return np.asarray(names == language, dtype=bool)
