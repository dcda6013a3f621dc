"""Bits per byte of packed validation rows: of each document, by domain, and in all."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.errors import RunError
from corpusmill.train.data import Batch, Rows
from corpusmill.train.evaluate.results import Results, Row

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Losses = Callable[[Batch], Floats]  # -log p of each target, (B, L), 0 where there is none

TASK = "validation"


class Documents(NamedTuple):
    """What documents cost a model; n documents in the order of their addresses.

    Attributes:
        parts: numbers of the rows' parts. shards, rows: the documents' addresses in the stage that was packed.
        tokens, nats: targets and their losses, end-of-text included; float64 nats.
        bytes, text_nats: of targets that stand for text; end-of-text is none.
    """

    parts: Int64s
    shards: Int64s
    rows: Int64s
    tokens: Int64s
    nats: Floats
    bytes: Int64s
    text_nats: Floats


def measure(rows: Rows, losses: Losses, sizes: Int64s, *, limit: int | None = None, batch: int = 16) -> Documents:
    """Measure documents.

    Args:
        rows: packed rows, each taken once.
        losses: of a model, or of a baseline.
        sizes: bytes of each id, as `tokenize.sizes.token_bytes` gives them.
        limit: of rows; they are those that a keyed order has first. None is all.
        batch: rows at once.

    Raises:
        RunError: for a model that gives NaN.
    """
    count = rows.row_count if limit is None else min(limit, rows.row_count)
    found = []
    for start in range(0, count, batch):
        here = rows.batch(np.arange(start, min(start + batch, count), dtype=np.int64))
        found.append(_segments(rows, here, losses(here), sizes))
    columns = [np.concatenate(parts) for parts in zip(*found, strict=True)]
    if not np.isfinite(columns[4]).all():
        raise RunError("losses are not numbers (NaN); the model cannot be evaluated, take an earlier checkpoint")
    order = np.lexsort((columns[2], columns[1], columns[0]))
    parts, shards, numbers, *sums = (column[order] for column in columns)
    new = np.diff(parts, prepend=-1) | np.diff(shards, prepend=-1) | np.diff(numbers, prepend=-1)
    first = np.flatnonzero(new)  # a document that was cut has several segments
    return Documents(parts[first], shards[first], numbers[first], *(np.add.reduceat(column, first) for column in sums))


def _segments(rows: Rows, batch: Batch, losses: Floats, sizes: Int64s) -> tuple[npt.NDArray[Any], ...]:
    """The columns of `Documents` for each segment of a batch."""
    there = batch.targets >= 0
    text = np.where(there, sizes[np.where(there, batch.targets, 0)], 0)
    values = (there.astype(np.int64), losses * there, text, losses * (text > 0))
    found = []
    for at, (part, shard, row) in enumerate(zip(*rows.where(batch.samples), strict=True)):
        block = rows.parts[part].shards[shard].segments(int(row))
        starts = np.cumsum(block.lengths) - block.lengths
        whole = slice(int(block.lengths.sum()))  # without the padding
        sums = [np.add.reduceat(column[at, whole], starts) for column in values]
        found.append((np.full(len(starts), part), block.shards, block.rows, *sums))
    return tuple(np.concatenate(columns) for columns in zip(*found, strict=True))


def results(
    documents: Documents, model: dict[str, Any], told: dict[str, Any], domains: Mapping[str, Sequence[str]],
    baselines: Mapping[str, Documents],
) -> Results:  # fmt: skip
    """Figures in all and by domain, each beside the baselines'.

    Args:
        documents: as `measure` gives them.
        model: what is told of it.
        told: of the rows: file, digest and so on.
        domains: kinds of domain, and the name of each document's: {"source": [...]}; "" for those without.
        baselines: by name, of the same documents.
    """
    rows = _rows("", np.ones(len(documents.rows), bool), documents, baselines)
    for kind, names in domains.items():
        each = np.array(names, object)
        for name in sorted({name for name in names if name}):
            rows += _rows(f"{kind}={name}", each == name, documents, baselines)
    items = [
        {"key": f"{part}/{shard}/{row}", "group": "", "tokens": tokens, "nats": nats, "bytes": size,
         "bits": bits / math.log(2)}
        for part, shard, row, tokens, nats, size, bits in zip(*(column.tolist() for column in documents), strict=True)
    ]  # fmt: skip
    return Results(model, {TASK: {"shots": 0, "asked": len(items), **told}}, rows, {TASK: items})


def _rows(
    group: str, chosen: npt.NDArray[np.bool_], documents: Documents, baselines: Mapping[str, Documents]
) -> list[Row]:
    count = int(chosen.sum())
    value, error = bits_per_byte(documents, chosen)
    loss = float(documents.nats[chosen].sum() / documents.tokens[chosen].sum())
    found = [
        Row(TASK, group, "bits_per_byte", value, error, count),
        Row(TASK, group, "loss", loss, None, count),
        Row(TASK, group, "perplexity", math.exp(min(loss, 700.0)), None, count),
    ]
    for name, other in baselines.items():
        found.append(Row(TASK, group, f"bits_per_byte.{name}", *bits_per_byte(other, chosen), count))
    return found


def bits_per_byte(documents: Documents, chosen: npt.NDArray[np.bool_] | None = None) -> tuple[float, float | None]:
    """Bits of text over its bytes, and the standard error of that ratio over documents.

    Documents without text, whose only token is end-of-text, count nothing.
    """
    mine = slice(None) if chosen is None else chosen
    bits, sizes = documents.text_nats[mine] / math.log(2), documents.bytes[mine]
    if not sizes.sum():
        return 0.0, None
    value = float(bits.sum() / sizes.sum())
    if len(sizes) < 2:
        return value, None
    rest = (bits - value * sizes) / sizes.mean()
    return value, float(rest.std(ddof=1) / math.sqrt(len(sizes)))
