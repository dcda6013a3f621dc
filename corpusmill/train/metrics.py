"""What a training says of itself: rows of JSON always, TensorBoard and Weights & Biases where asked; how fast it is."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from corpusmill.errors import UsageError
from corpusmill.train.hardware import Peak
from corpusmill.train.journal import Journal

FILE = "metrics.jsonl"


class Board(NamedTuple):
    """Where numbers and texts of a step are shown besides."""

    numbers: Callable[[int, dict[str, float]], None]
    text: Callable[[int, str, str], None]
    close: Callable[[], None]


def check_boards(*, tensorboard: bool, wandb: bool) -> None:
    """See that the boards that are asked for are installed, before anything is started.

    Raises:
        UsageError: naming the package and the command that installs it.
    """
    asked = {"tensorboard": tensorboard, "wandb": wandb}
    for name, wanted in asked.items():
        if wanted and find_spec(name) is None:
            raise UsageError(f"watching.{name}: the package {name} is not installed; `pip install {name}`, or leave it "
                             f"out: {FILE} has the same rows")  # fmt: skip


class Metrics:
    """The rows of a run; rank 0 writes, the other ranks hold one that does nothing.

    A row has `step`, and whatever else is measured: `tokens`, `samples`, `loss`, `gradient_norm`, `learning_rate`,
    `skipped`, and what `Pace.figures` gives.

    Raises:
        UsageError: if a board is asked for that is not installed. StorageError: if nothing can be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        rank: int = 0,
        last_step: int = -1,
        tensorboard: bool = False,
        wandb: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Go on after the rows of `last_step`: those after it belong to steps that are done again.

        Args:
            folder: of the run; its name is the run's.
            rank: of this process.
            last_step: -1 for a run that begins.
            tensorboard: whether to show rows there, below the folder.
            wandb: whether to show rows there.
            settings: of the run, for boards.
        """
        self._journal: Journal | None = None
        self._boards: list[Board] = []
        if rank:
            return
        check_boards(tensorboard=tensorboard, wandb=wandb)
        self._journal = Journal(folder / FILE, last_step)
        if tensorboard:
            self._boards.append(_tensorboard(folder / "tensorboard", last_step))
        if wandb:
            self._boards.append(_wandb(folder, dict(settings or {})))

    def write(self, row: Mapping[str, Any]) -> None:
        """Add a row; boards are shown its numbers."""
        if self._journal is None:
            return
        self._journal.write(row)
        numbers = {name: float(value) for name, value in row.items() if _is_number(name, value)}
        for board in self._boards:
            board.numbers(row["step"], numbers)

    def text(self, step: int, name: str, text: str) -> None:
        """Show a text of a step on the boards; it is no row."""
        for board in self._boards:
            board.text(step, name, text)

    def close(self) -> None:
        """Write out what waits."""
        if self._journal is not None:
            self._journal.close()
        for board in self._boards:
            board.close()


class Pace:
    """How fast a training is since its last row.

    MFU, the share of the device's FLOP/s that the model's own FLOPs are, has two denominators: `mfu` that of the data
    sheet, `mfu_measured` what large matrix products reach in fact. A device that nobody knows has none.
    """

    def __init__(
        self,
        flops_per_token: float,
        ranks: int = 1,
        peak: Peak | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Start the clock.

        Args:
            flops_per_token: of training, forward and backward.
            ranks: devices.
            peak: of one device, or None; it must be that of the numbers that are computed in.
            clock: in seconds.
        """
        self._flops, self._ranks, self._peak, self._clock = flops_per_token, ranks, peak, clock
        self._tokens, self._loading = 0, 0.0
        self._start = clock()

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Around the wait for a batch."""
        begin = self._clock()
        yield
        self._loading += self._clock() - begin

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Around what is no training step: validation, samples, a checkpoint; its time does not count."""
        begin = self._clock()
        yield
        self._start += self._clock() - begin

    def add(self, tokens: int) -> None:
        """Count tokens of all ranks, padding included: it is computed with."""
        self._tokens += tokens

    def figures(self) -> dict[str, float]:
        """Of the time since the last call: `seconds`, `tokens_per_second`, `loader_share`, `mfu`, `mfu_measured`.

        On CUDA, read the loss before, so that what was counted is also done.
        """
        now = self._clock()
        seconds = max(now - self._start, 1e-9)
        speed = self._tokens / seconds
        found = {"seconds": seconds, "tokens_per_second": speed, "loader_share": min(self._loading / seconds, 1.0)}
        if self._peak is not None:
            done = speed * self._flops / self._ranks
            found["mfu"] = done / self._peak.flops
            if self._peak.measured is not None:
                found["mfu_measured"] = done / self._peak.measured
        self._start, self._tokens, self._loading = now, 0, 0.0
        return found


def memory_bytes(device: str = "cpu") -> int:
    """The most memory that this process has held: of the device on CUDA, else resident."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    import resource
    import sys

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _is_number(name: str, value: Any) -> bool:
    return name != "step" and isinstance(value, int | float)


def _tensorboard(folder: Path, last_step: int) -> Board:
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder), purge_step=last_step + 1)

    def numbers(step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    return Board(numbers, lambda step, name, text: writer.add_text(name, text, step), writer.close)


def _wandb(folder: Path, settings: dict[str, Any]) -> Board:
    wandb = import_module("wandb")
    run = wandb.init(project="corpusmill", name=folder.name, id=folder.name, resume="allow", dir=str(folder),
                     config=settings)  # fmt: skip

    def text(step: int, name: str, text: str) -> None:
        run.log({name: wandb.Html(f"<pre>{_escaped(text)}</pre>")}, step=step)

    return Board(lambda step, values: run.log(values, step=step), text, run.finish)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
