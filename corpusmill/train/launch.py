"""Starting ranks on this machine, and what signals mean while a run goes on. No torch here."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from corpusmill.errors import EngineError, OutputError

GRACE = 60.0  # seconds that ranks have to end after one of them failed
TOLD = 20  # lines of a failed rank's output that are shown


class Stop:
    """Remembers SIGTERM or Ctrl-C, so that the run ends between two steps, with a checkpoint.

    Attributes:
        signal: the first that came, or 0. A second one ends the process at once.
    """

    def __init__(self) -> None:
        self.signal = 0

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Take note."""
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Be the handler of both signals for a while."""
        before = {number: signal.signal(number, self) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep a folder for this process; the operating system gives it back however the process ends.

    Raises:
        OutputError: another process on this machine trains there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"{folder}: another process trains there; wait for it, or name this run otherwise"
            ) from error
        yield


def ranks(arguments: Sequence[str], count: int) -> int:
    """Run `corpusmill` with these arguments as `count` ranks on this machine.

    Rank 0 speaks for all; what others print is shown if one of them fails. Signals are passed on, once each.

    Returns:
        Rank 0's exit code.

    Raises:
        EngineError: a rank ended early; the others are ended, and the last lines that it printed are told.
    """
    port = _free_port()
    stop = Stop()
    with contextlib.ExitStack() as stack:
        logs = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(count)]
        started = [_start(arguments, rank, count, port, logs[rank]) for rank in range(count)]
        stack.callback(_end, started)
        stack.enter_context(stop.listening())
        passed_on = 0
        while True:
            codes = [process.poll() for process in started]
            failed = next((rank for rank, code in enumerate(codes) if code and not stop.signal), None)
            if failed not in {None, 0}:
                assert failed is not None
                with contextlib.suppress(subprocess.TimeoutExpired):  # it may have told the same, and better
                    started[0].wait(2.0)
                if started[0].poll() is None:
                    raise EngineError(_ended(failed, count, codes[failed], logs[failed]))
            if codes[0] is not None:
                _wait(started)
                lost = next((rank for rank, process in enumerate(started) if (process.poll() or 0) < 0), 0)
                if codes[0] > 0 and lost and not stop.signal:  # rank 0 only knows that a connection is gone
                    raise EngineError(_ended(lost, count, started[lost].returncode, logs[lost]))
                return codes[0] if codes[0] >= 0 else 128 - codes[0]
            if stop.signal != passed_on:
                passed_on = stop.signal
                for process in started:
                    process.send_signal(passed_on)
            with contextlib.suppress(subprocess.TimeoutExpired):
                started[0].wait(0.2)


def _start(arguments: Sequence[str], rank: int, count: int, port: int, log: BinaryIO) -> "subprocess.Popen[bytes]":
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count, "MASTER_PORT": port}
    environment = {**os.environ, "MASTER_ADDR": "127.0.0.1", **{name: str(value) for name, value in told.items()}}
    # A session of their own: Ctrl-C reaches this process only, which passes it on once.
    return subprocess.Popen(  # noqa: S603, the user's own arguments
        [sys.executable, "-P", "-m", "corpusmill", *arguments], env=environment, start_new_session=True,
        stdout=log if rank else None, stderr=log if rank else None,
    )  # fmt: skip


def _wait(started: "Sequence[subprocess.Popen[bytes]]") -> None:
    for process in started:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def _end(started: "Sequence[subprocess.Popen[bytes]]") -> None:
    """End what still runs: those that wait for a rank that is gone would wait long."""
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


def _ended(rank: int, count: int, code: int | None, log: BinaryIO) -> str:
    log.seek(0)
    told = "\n".join(log.read().decode("utf-8", "replace").splitlines()[-TOLD:])
    return f"rank {rank} of {count} ended with {code}:\n{told}"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
