"""How well scores tell positives from negatives.

Shapes: P positives, N negatives; scores in [0, 1].
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

THRESHOLDS = (0.01, 0.02, 0.05, *(round(0.1 * tenth, 1) for tenth in range(1, 10)), 0.95, 0.99)


class AtThreshold(NamedTuple):
    """What keeping all scores at or above `threshold` means; a precision of nothing kept is given as 0."""

    threshold: float
    precision: float
    recall: float
    f1: float
    negatives_kept: float  # share of N


@dataclass(frozen=True)
class Scores:
    """The figures of a classifier on held-out texts.

    Attributes:
        positives, negatives: number of held-out texts.
        auc: probability that a positive scores above a negative, ties counted half.
        table: one row per threshold.
        top_tenth: the bound that a tenth of the negatives reaches, the negatives standing for the crawl.
    """

    positives: int
    negatives: int
    auc: float
    table: list[AtThreshold]
    top_tenth: float

    def as_json(self) -> dict[str, Any]:
        """Plain values, rounded to six digits."""
        table = [{name: round(value, 6) for name, value in row._asdict().items()} for row in self.table]
        figures = {"auc": round(self.auc, 6), "top_tenth": round(self.top_tenth, 6), "table": table}
        return {"positives": self.positives, "negatives": self.negatives, **figures}


def score(positives: Floats, negatives: Floats) -> Scores:
    """All figures for the scores of P positives and N negatives, P and N at least 1."""
    table = [at_threshold(positives, negatives, threshold) for threshold in THRESHOLDS]
    return Scores(len(positives), len(negatives), auc(positives, negatives), table, top_share(negatives, 0.1))


def auc(positives: Floats, negatives: Floats) -> float:
    """The area under the ROC curve, as the share of the P * N pairs in the right order (Mann and Whitney 1947)."""
    ordered = np.sort(negatives)
    below = np.searchsorted(ordered, positives, side="left")
    not_above = np.searchsorted(ordered, positives, side="right")
    return float((below + not_above).sum() / (2 * len(positives) * len(negatives)))


def at_threshold(positives: Floats, negatives: Floats, threshold: float) -> AtThreshold:
    """Precision, recall and F1 of keeping what scores at least `threshold`."""
    kept, wrong = int((positives >= threshold).sum()), int((negatives >= threshold).sum())
    precision = kept / (kept + wrong) if kept + wrong else 0.0
    f1 = 2 * kept / (len(positives) + kept + wrong)
    return AtThreshold(threshold, precision, kept / len(positives), f1, wrong / len(negatives))


def top_share(scores: Floats, share: float) -> float:
    """The largest of `scores` that at least `share` of them reach."""
    count = max(1, int(np.ceil(share * len(scores))))
    return float(np.sort(scores)[-count])
