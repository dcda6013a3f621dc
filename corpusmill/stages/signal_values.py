"""The values of a signal of the documents that reach a later stage, from the ledgers before it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corpusmill.storage.layout import StageLayout
from corpusmill.storage.shards import batches


@dataclass(frozen=True)
class SignalValues:
    """Joins a signal to documents by their address.

    Attributes:
        signal: `step.signal`. measured: the stage that measured it. between: the stages after it, in order.
    """

    signal: str
    measured: StageLayout
    between: tuple[StageLayout, ...]

    def read(self, shard: int) -> npt.NDArray[np.float64]:
        """One value per document of the shard that the stages kept, NaN where it was not measured."""
        values = _kept(self.measured, shard, self.signal)
        for layout in self.between:
            values = values[_stays(layout, shard)]
        return values


def _kept(layout: StageLayout, shard: int, signal: str) -> npt.NDArray[np.float64]:
    found = [np.zeros(0)]
    for batch in batches(layout.ledger(shard), ["reason", signal]):
        alive = batch.column("reason").is_null().to_numpy(zero_copy_only=False)
        found.append(batch.column(signal).to_numpy(zero_copy_only=False)[alive])
    return np.concatenate(found)


def _stays(layout: StageLayout, shard: int) -> npt.NDArray[np.bool_]:
    reasons = [batch.column("reason") for batch in batches(layout.ledger(shard), ["reason"])]
    stays = [column.is_null().to_numpy(zero_copy_only=False) for column in reasons]
    return np.concatenate([np.zeros(0, bool), *stays])
