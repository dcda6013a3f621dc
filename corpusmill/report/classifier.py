"""The figures of a trained classifier as a table."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.filters.classifier_scores import Scores


def figures(scores: Scores) -> Group:
    """AUC, and precision and recall by threshold, on the held-out texts."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("threshold", "precision", "recall", "F1"):
        table.add_column(name, justify="right")
    for row in scores.table:
        table.add_row(f"{row.threshold:g}", f"{row.precision:.4f}", f"{row.recall:.4f}", f"{row.f1:.4f}")
    return Group(
        Text(f"held out: {scores.positives:,} positive and {scores.negatives:,} negative texts; AUC {scores.auc:.5f}"),
        table,
        Text(f"a tenth of the negatives scores {scores.top_tenth:.6g} or more"),
    )
