"""Which document of a cluster stays: a policy gives each a rank, and the smallest (rank, tie) is the best."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.spec import spec

WORST = np.iinfo(np.int64).max


@spec
class Best:
    """The document with the largest value of a signal that an earlier step has measured."""

    best: str  # `step.signal`, e.g. gopher_quality.words; documents without a value come last


@spec
class SourceOrder:
    """The document of the source that is named first; sources that are not named come last."""

    source_order: tuple[str, ...]

    def __post_init__(self) -> None:
        """Refuse an empty order."""
        if not self.source_order:
            raise ValueError("source_order: empty; name the sources, the best first")


Keep: TypeAlias = Literal["longest", "newest", "oldest"] | Best | SourceOrder


def rank(batch: pa.RecordBatch, keep: Keep, values: npt.NDArray[np.float64] | None = None) -> npt.NDArray[np.int64]:
    """Ranks of N documents; smaller is better.

    Args:
        batch: with `text`, `date` and `source`, as far as the policy asks for them.
        keep: the policy.
        values: (N,), of the signal that `Best` names; NaN where there is none.
    """
    if keep == "longest":
        return -_numbers(pc.binary_length(batch.column("text")))
    if keep in ("newest", "oldest"):
        dates = pc.cast(batch.column("date"), pa.int64())
        signed = dates if keep == "oldest" else pc.negate(dates)
        return _numbers(pc.fill_null(signed, WORST))
    if isinstance(keep, SourceOrder):
        return _places(batch.column("source"), keep.source_order)
    assert values is not None
    return _descending(values)


def columns(keep: Keep) -> list[str]:
    """The document columns that a policy reads."""
    if isinstance(keep, str):
        return ["text"] if keep == "longest" else ["date"]
    return ["source"] if isinstance(keep, SourceOrder) else []


def name(keep: Keep) -> str:
    """The policy as the ledger names it."""
    if isinstance(keep, Best):
        return f"best {keep.best}"
    return f"source_order {' > '.join(keep.source_order)}" if isinstance(keep, SourceOrder) else keep


def tie(ids: pa.Array) -> npt.NDArray[np.uint64]:
    """What decides between equal ranks: a digest of the id, so that neither order of files nor spelling matters."""
    from corpusmill.kernels import buffers, words

    return words.hash_texts(*buffers.text(ids))


def _places(sources: pa.Array, order: Sequence[str]) -> npt.NDArray[np.int64]:
    return _numbers(pc.fill_null(pc.index_in(sources, pa.array(order, pa.string())), len(order)))


def _numbers(values: pa.Array) -> npt.NDArray[np.int64]:
    return np.asarray(values.to_numpy(zero_copy_only=False), np.int64)


def _descending(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Integers in the reverse order of the values; -0.0 is 0.0, NaN is last."""
    plain = np.where(np.isnan(values), 0.0, values) + 0.0
    bits = plain.view(np.int64)
    ascending = np.where(bits < 0, bits ^ np.int64(WORST), bits)
    return np.where(np.isnan(values), WORST, ~ascending)
