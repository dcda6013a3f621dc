"""Running a Beam job on this machine so that a worker that dies ends it: Beam itself would wait for it for ever."""

import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import grpc
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms import environments

from corpusmill.errors import EngineError
from corpusmill.pipelines.nursery import Nursery

WORKER_THREAD = "run_worker"  # Beam's name for the thread that waits for a worker process
LOOK = 0.2  # seconds between looks at the job


@contextmanager
def local_runner(workers: int, nursery: Nursery) -> Iterator[FnApiRunner]:
    """Beam's runner on this machine: inside this process, or with worker processes of the nursery; never threads.

    The workers hold a lease, a file that goes when the `with` block ends; then they go too.
    """
    if workers == 1:
        yield FnApiRunner(environments.EmbeddedPythonEnvironment.default())
        return
    with tempfile.NamedTemporaryFile(prefix="corpusmill-lease-") as lease:
        command = nursery.command(lease.name)
        yield FnApiRunner(environments.SubprocessSDKEnvironment.from_command_string(command))


def run(job: Callable[[], str | None]) -> str | None:
    """Run `job` to its end in a thread, and give what it gives or raise what it raises.

    Raises:
        EngineError: as soon as a worker process has died; the thread is left behind, waiting for nothing.
    """
    lost = threading.Event()
    future: Future[str | None] = Future()
    thread = threading.Thread(target=_work, args=(job, future), daemon=True)
    with _hearing(lost):
        thread.start()
        while thread.is_alive() and not lost.is_set():
            thread.join(LOOK)
    if not future.done():
        raise EngineError("a worker process died (out of memory, or killed)")
    return future.result()


def _work(job: Callable[[], str | None], future: "Future[str | None]") -> None:
    with _Handing(future):
        future.set_result(job())


class _Handing:
    """Hands an exception of its block to whoever asks the future."""

    def __init__(self, future: "Future[str | None]") -> None:
        self._future = future

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        """Take the exception."""
        if error is not None:
            self._future.set_exception(error)
        return True


@contextmanager
def _hearing(lost: threading.Event) -> Iterator[None]:
    """Set `lost` when one of Beam's threads says that its worker has died, and keep quiet how the others mourn it.

    After a loss the hook stays: threads of the lost job speak late.
    """
    before = threading.excepthook

    def hear(arguments: threading.ExceptHookArgs) -> None:
        if arguments.thread and arguments.thread.name.startswith(WORKER_THREAD):
            lost.set()
        elif not issubclass(arguments.exc_type, grpc.RpcError):
            before(arguments)

    threading.excepthook = hear
    try:
        yield
    finally:
        if not lost.is_set():
            threading.excepthook = before
