"""Finds the run below a path and reads back what it left: recipe, report, timing, ledgers."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill import plan, recipe, stats
from corpusmill.errors import OutputError
from corpusmill.recipe import Recipe
from corpusmill.storage import commit, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest, encode
from corpusmill.takedown import journal

AGAIN = "the run is not whole, run its recipe again"


@dataclass(frozen=True)
class StageOutput:
    """A finished stage on disk."""

    path: str
    title: str
    manifest: dict[str, Any]

    def report(self) -> stats.Report:
        """The stage's report.

        Raises:
            OutputError: if it is missing or damaged; so do `bounds` and `further`.
        """
        try:
            return stats.Report.from_json(self._told)
        except (KeyError, TypeError, AttributeError) as error:
            raise OutputError(f"{self._report}: not a report of a stage ({error!r}); {AGAIN}") from error

    def bounds(self) -> dict[str, dict[str, list[float | None]]]:
        """The interval of every signal by language, `[low, high]`, as it was judged."""
        return dict(self._told.get("bounds", {}))

    @property
    def _report(self) -> str:
        return paths.join(self.path, "report.json")

    @cached_property
    def _told(self) -> dict[str, Any]:
        return _json(self._report)

    def further(self) -> dict[str, Any]:
        """Parts of the report that only some stages have."""
        known = {*stats.Report().to_json(), "bounds"}
        return {name: part for name, part in self._told.items() if name not in known}

    def seconds(self) -> dict[str, float]:
        """Seconds of work by step; none where they were lost, as nothing else hangs on them."""
        return dict((commit.read_json(paths.join(self.path, "timing.json")) or {}).get("seconds", {}))

    def ledger(self, shard: int, columns: list[str] | None = None) -> pa.Table:
        """The ledger of one shard, or some of its columns.

        Raises:
            OutputError: if it is missing or damaged.
        """
        with parquet(StageLayout.at(self.path).ledger(shard)) as file:
            found = file.read(columns, use_threads=False)
        return found if columns is None else found.select(columns)

    def kept(self, shard: int, rows: npt.NDArray[np.int64], columns: Sequence[str] | None = None) -> pa.Table:
        """The ledger rows of kept documents, in order: document `row` is the `row`-th ledger row without a reason.

        That holds for every stage, and where documents were pruned. Memory is a row group and what is asked for.

        Args:
            shard: of the stage.
            rows: (n,), rows of its documents, ascending, each once.
            columns: of the ledger; by default all.

        Raises:
            OutputError: if the ledger is missing or damaged, or has fewer kept documents.
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
        StageOutput(folder, paths.name(folder), _manifest(file))
        for folder, file in manifests.items()
        if paths.exists(file)
    ]
    if not stages:
        raise OutputError(f"{root}: no stage is finished yet; run the recipe again to go on")
    return Run(root, chosen, stages)


def waiting(run: Run) -> list[str]:
    """Titles of the stages that the recipe asks for and the run has not finished, in order."""
    there = {stage.title for stage in run.stages}
    return [title for title in plan.titles(run.recipe.steps) if title not in there]


def unfinished(titles: Sequence[str]) -> str:
    """What to say of stages that are `waiting`."""
    return f"{', '.join(titles)} {'is' if len(titles) == 1 else 'are'} not finished; run the recipe again to go on"


def check(run: Run) -> None:
    """Refuse stages that were not made one from the other: their counts say nothing of one corpus.

    Raises:
        OutputError: naming the first that does not fit, or one that is missing before others.
    """
    if journal.unfinished(run.root):
        raise OutputError(f"{run.root}: a takedown was stopped half-way; run corpusmill remove again to finish it")
    titles = plan.titles(run.recipe.steps)
    own = [stage for stage in run.stages if stage.title in titles]
    missing = [title for title in titles[: titles.index(own[-1].title)] if title in waiting(run)] if own else titles
    if missing:
        raise OutputError(f"{run.root}: {unfinished(missing)}")
    for before, stage in pairwise(own):
        if not follows(stage, before):
            counts = f"{stage.report().records:,} documents went in, {before.report().kept:,} were kept here"
            raise OutputError(
                f"{stage.path}: made from another {before.title} than lies here ({counts}); the stages are not of one"
                " run, run the recipe again"
            )


def follows(stage: StageOutput, before: StageOutput) -> bool:
    """Whether a stage was made from what now lies in the stage before it."""
    told = replace(Manifest.from_json(before.manifest), pruned=False)  # that came after
    return bool(hashlib.sha256(encode(told.to_json())).hexdigest() == stage.manifest["parent"])


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


@contextmanager
def reading(path: str) -> Iterator[None]:
    """Around what reads a Parquet file of a run.

    Raises:
        OutputError: if the file is missing or damaged.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise missing(path) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise damaged(path, error) from error


@contextmanager
def parquet(path: str) -> Iterator[Any]:
    """A Parquet file of a run as `pyarrow.parquet.ParquetFile`; read it with `use_threads=False`.

    A thread of Arrow's own may let go of a file of this machine only when Python has ended, and then the command
    aborts, once in some forty times. So none is given one: neither by reading ahead, nor by `read_table`.

    Raises:
        OutputError: as `reading`.
    """
    import pyarrow.parquet as pq

    with reading(path), paths.open_read(path, ranges=True) as opened:
        yield pq.ParquetFile(opened, pre_buffer=not paths.is_local(path))


def missing(path: str) -> OutputError:
    """What to raise for a file of a run that is not there."""
    return OutputError(f"{path}: no such file; {AGAIN}")


def damaged(path: str, error: Exception) -> OutputError:
    """What to raise for a file whose bytes are not those that the run wrote."""
    cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return OutputError(f"{path}: cut off or changed since ({cause}); delete it and run the recipe again")


def _manifest(path: str) -> dict[str, Any]:
    told = _json(path)
    try:
        Manifest.from_json(told)
    except OutputError as error:
        raise OutputError(f"{path}: {error}; {AGAIN}") from error
    return told


def _json(path: str) -> dict[str, Any]:
    try:
        told = json.loads(paths.read_text(path))
    except FileNotFoundError as error:
        raise missing(path) from error
    except ValueError as error:
        raise damaged(path, error) from error
    if not isinstance(told, dict):
        raise OutputError(f"{path}: expected a JSON object, found {type(told).__name__}; {AGAIN}")
    return told


def _pick(path: str, rows: npt.NDArray[np.int64], columns: Sequence[str] | None, *, kept: bool) -> pa.Table:
    """Rows of a Parquet file, counted among all or among those that were kept."""
    chosen = None if columns is None else list(columns)
    found, first = [], 0
    with parquet(path) as file:
        schema = file.schema_arrow
        for group in range(file.num_row_groups):
            if not len(rows) or first > rows[-1]:
                break
            there = np.arange(file.metadata.row_group(group).num_rows)
            if kept:
                there = there[file.read_row_group(group, ["reason"], use_threads=False)["reason"].is_null().to_numpy()]
            low, high = np.searchsorted(rows, [first, first + len(there)])
            if low < high:
                found.append(file.read_row_group(group, chosen, use_threads=False).take(there[rows[low:high] - first]))
            first += len(there)
    if len(rows) and rows[-1] >= first:
        raise OutputError(f"{path}: expected a document of row {rows[-1]}, found {first} documents; run it again")
    empty = schema.empty_table()
    return pa.concat_tables([*found, empty if chosen is None else empty.select(chosen)])
