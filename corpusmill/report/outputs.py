"""Finds the run below a path and reads back what it left: recipe, report, timing, ledgers."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill import recipe, stats
from corpusmill.errors import OutputError
from corpusmill.recipe import Recipe
from corpusmill.storage import paths
from corpusmill.storage.layout import StageLayout


@dataclass(frozen=True)
class StageOutput:
    """A finished stage on disk."""

    path: str
    title: str
    manifest: dict[str, Any]

    def report(self) -> stats.Report:
        """The stage's report."""
        return stats.Report.from_json(self._told)

    def bounds(self) -> dict[str, dict[str, list[float | None]]]:
        """The interval of every signal by language, `[low, high]`, as it was judged."""
        return dict(self._told["bounds"])

    @cached_property
    def _told(self) -> dict[str, Any]:
        return _json(paths.join(self.path, "report.json"))

    def further(self) -> dict[str, Any]:
        """Parts of the report that only some stages have."""
        known = {*stats.Report().to_json(), "bounds"}
        return {name: part for name, part in self._told.items() if name not in known}

    def seconds(self) -> dict[str, float]:
        """Seconds of work by step."""
        return dict(_json(paths.join(self.path, "timing.json"))["seconds"])

    def ledger(self, shard: int, columns: list[str] | None = None) -> pa.Table:
        """The ledger of one shard, or some of its columns."""
        import pyarrow.parquet as pq

        with paths.open_read(StageLayout.at(self.path).ledger(shard)) as file:
            return pq.read_table(file, columns=columns)

    def kept(self, shard: int, rows: npt.NDArray[np.int64], columns: Sequence[str] | None = None) -> pa.Table:
        """The ledger rows of kept documents, in order: document `row` is the `row`-th ledger row without a reason.

        That holds for every stage, and where documents were pruned. Memory is a row group and what is asked for.

        Args:
            shard: of the stage.
            rows: (n,), rows of its documents, ascending, each once.
            columns: of the ledger; by default all.

        Raises:
            OutputError: if the ledger is missing, or has fewer kept documents.
        """
        return _pick(StageLayout.at(self.path).ledger(shard), rows, columns, kept=True)

    def documents(self, shard: int, rows: npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table | None:
        """Columns of the same documents from where their text lies; None where documents were pruned."""
        if self.manifest["pruned"]:
            return None
        return _pick(StageLayout.at(self.path).documents(shard), rows, columns, kept=False)


@dataclass(frozen=True)
class Run:
    """A run on disk: its folder, its recipe, its finished stages."""

    root: str
    recipe: Recipe
    stages: list[StageOutput]


def find(path: str) -> Run:
    """The run at `path`, or the only run in the folder `path`.

    Raises:
        OutputError: naming what is there instead.
    """
    root = _root(path)
    chosen = recipe.parse(paths.read_text(paths.join(root, "recipe.yaml")), paths.join(root, "recipe.yaml"))
    manifests = {folder: paths.join(folder, "manifest.json") for folder in sorted(paths.listing(root))}
    stages = [
        StageOutput(folder, paths.name(folder), _json(file)) for folder, file in manifests.items() if paths.exists(file)
    ]
    if not stages:
        raise OutputError(f"{root}: no stage is finished yet; run the recipe again to go on")
    return Run(root, chosen, stages)


def _root(path: str) -> str:
    if paths.exists(paths.join(path, "recipe.yaml")):
        return path
    inside = sorted(paths.listing(path)) if paths.exists(path) else []
    runs = [folder for folder in inside if paths.exists(paths.join(folder, "recipe.yaml"))]
    if len(runs) == 1:
        return runs[0]
    if runs:
        raise OutputError(f"{path}: holds {len(runs)} runs; name one of {', '.join(runs)}")
    found = "no such folder" if not paths.exists(path) else "no recipe.yaml here or one level below"
    raise OutputError(f"{path}: {found}; expected the output of `corpusmill run`")


def _json(path: str) -> dict[str, Any]:
    return json.loads(paths.read_text(path))  # type: ignore[no-any-return]


def _pick(path: str, rows: npt.NDArray[np.int64], columns: Sequence[str] | None, *, kept: bool) -> pa.Table:
    """Rows of a Parquet file, counted among all or among those that were kept."""
    import pyarrow.parquet as pq

    chosen = None if columns is None else list(columns)
    found, first = [], 0
    try:
        with paths.open_read(path, ranges=True) as opened:
            file = pq.ParquetFile(opened)
            schema = file.schema_arrow
            for group in range(file.num_row_groups):
                if not len(rows) or first > rows[-1]:
                    break
                there = np.arange(file.metadata.row_group(group).num_rows)
                if kept:
                    there = there[file.read_row_group(group, ["reason"])["reason"].is_null().to_numpy()]
                low, high = np.searchsorted(rows, [first, first + len(there)])
                if low < high:
                    found.append(file.read_row_group(group, chosen).take(there[rows[low:high] - first]))
                first += len(there)
    except FileNotFoundError as error:
        raise OutputError(f"{path}: no such file; the run is not whole, run its recipe again") from error
    if len(rows) and rows[-1] >= first:
        raise OutputError(f"{path}: expected a document of row {rows[-1]}, found {first} documents; run it again")
    empty = schema.empty_table()
    return pa.concat_tables([*found, empty if chosen is None else empty.select(chosen)])
