"""What a finished stage has left: for the drivers, and for those who read it later."""

from dataclasses import dataclass
from typing import Any

from corpusmill import stats
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest


@dataclass(frozen=True)
class StageResult:
    """A finished stage: its manifest, its report, seconds of work by step, and how many shards were taken over.

    `further` are parts of the report that only some stages have, such as the table of contamination.
    """

    layout: StageLayout
    manifest: Manifest
    report: stats.Report
    seconds: dict[str, float]
    resumed: int
    further: dict[str, Any]
