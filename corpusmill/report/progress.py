"""What a running stage shows: a bar on a terminal, a line now and then in a log."""

import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from corpusmill import kernels

LOG_EVERY = 30.0  # seconds between lines where there is no terminal


def _compiled() -> bool:
    """Whether this machine has compiled kernels before: numba keeps them beside the source, or where it is told."""
    folders = [*kernels.__path__, os.environ.get("NUMBA_CACHE_DIR", "")]
    return any(next(Path(folder).rglob("*.nbc"), None) is not None for folder in folders if folder)


class Bar:
    """Shards done, documents and megabytes a second, and the time left, from committed shards."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr)
        self._live: Progress | None = None
        self._task = TaskID(0)
        self._title = ""
        self._begin = self._logged = time.monotonic()
        self._total = self._shards = self._before = 0
        self._warned = False

    def begin(self, stage: str, shards: int, done: int, input_bytes: int) -> None:
        """A stage begins."""
        self._title, self._total, self._shards, self._before = stage, shards, done, done
        self._begin = self._logged = time.monotonic()
        resumed = f", {done} committed by an earlier run" if done else ""
        if input_bytes and not self._inner:
            self._console.print(
                f"{stage}: {shards} shards, {megabytes(input_bytes)} of input{resumed}", highlight=False
            )
        if not done and not self._warned and not _compiled():
            self._warned = True
            hint = "  the first run on a machine compiles the kernels, for about half a minute"
            self._console.print(hint, style="dim")
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[speed]}"),
                TextColumn("left"),
                TimeRemainingColumn(),
            )
            self._live = Progress(*columns, console=self._console)
            self._task = self._live.add_task(stage, total=shards, completed=done, speed="starting")
            self._live.start()

    @property
    def _inner(self) -> bool:
        """True in a phase that prepares its stage."""
        return "/" in self._title

    def update(self, shards: int, documents: int, read: int) -> None:
        """Totals so far."""
        passed = max(time.monotonic() - self._begin, 1e-6)
        speed = f"{documents / passed:,.0f} documents/s  {read / passed / 1e6:,.2f} MB/s read"
        if self._live:
            self._live.update(self._task, completed=shards, speed=speed if documents else "starting")
        elif shards > self._shards and time.monotonic() - self._logged > LOG_EVERY:
            self._logged = time.monotonic()
            left = passed / max(shards - self._before, 1) * (self._total - shards)
            self._console.print(f"{self._title}: {shards}/{self._total} shards, {speed}, {left:,.0f} s left")
        self._shards = shards

    def retry(self, why: str) -> None:
        """Say what happened; the bar goes on."""
        self._console.print(f"{why}; going on with the shards that are not committed", highlight=False, soft_wrap=True)

    def end(self) -> None:
        """Take the bar down."""
        if self._live:
            self._live.stop()
            self._live = None
        passed = time.monotonic() - self._begin
        what = "parts" if self._inner else "shards"
        told = f"{'  ' * self._inner}{self._title}: {self._shards}/{self._total} {what} in {passed:,.1f} s"
        self._console.print(told, highlight=False, soft_wrap=True)


class Silence:
    """Progress that is not shown, for `--quiet`; a second try of the engine is still told, since something failed."""

    def begin(self, stage: str, shards: int, done: int, input_bytes: int) -> None:
        """A stage begins."""

    def update(self, shards: int, documents: int, read: int) -> None:
        """Totals so far."""

    def retry(self, why: str) -> None:
        """Say what happened."""
        print(f"corpusmill: {why}; going on with the shards that are not committed", file=sys.stderr)

    def end(self) -> None:
        """A stage ends."""


def megabytes(count: float) -> str:
    """Bytes as people read them: `12.3 MB`."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,.0f} B"
