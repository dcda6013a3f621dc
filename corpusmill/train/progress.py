"""What a running training shows: a bar on a terminal, a line now and then in a log. No torch here."""

import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

LOG_EVERY = 30.0  # seconds between lines where there is no terminal


class Bar:
    """Steps done, loss, tokens a second, MFU, and the time left."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr, highlight=False)
        self._live: Progress | None = None
        self._task = TaskID(0)
        self._name, self._steps, self._first = "", 0, 0
        self._begin = self._logged = time.monotonic()

    def begin(self, name: str, steps: int, done: int) -> None:
        """A run of so many steps begins, or goes on after `done`."""
        self._name, self._steps, self._first = name, steps, done
        self._begin = time.monotonic()
        self._logged = 0.0  # the first row is told
        self.say(f"{name}: {steps:,} steps" + (f", going on after step {done:,}" if done else ""))
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[told]}"),
                TextColumn("left"),
                TimeRemainingColumn(),
            )
            self._live = Progress(*columns, console=self._console)
            self._task = self._live.add_task(name, total=steps, completed=done, told="starting")
            self._live.start()

    def update(self, step: int, row: dict[str, Any]) -> None:
        """Metrics of the last steps."""
        told = f"loss {row['loss']:.4f}  {row['tokens_per_second']:,.0f} tokens/s"
        if "mfu" in row:
            told += f"  MFU {row['mfu']:.1%}"
        if self._live:
            self._live.update(self._task, completed=step, told=told)
        elif time.monotonic() - self._logged > LOG_EVERY:
            self._logged = time.monotonic()
            left = (self._logged - self._begin) / max(step - self._first, 1) * (self._steps - step)
            self.say(f"{self._name}: step {step:,}/{self._steps:,}  {told}  {left:,.0f} s left")
        if row["skipped"]:
            skipped = ", ".join(map(str, row["skipped_steps"]))
            self.say(f"{self._name}: skipped {skipped}: loss or gradient far above the steps before, or not finite")

    def say(self, line: str) -> None:
        """Something worth a line."""
        self._console.print(line, soft_wrap=True, markup=False)

    def end(self) -> None:
        """Take the bar down."""
        if self._live:
            self._live.stop()
            self._live = None
