"""Worker processes of Beam's local runner, forked from one process that has imported all they need.

A worker is busy for two seconds with imports, and each phase of a run has workers of its own. Beam starts a worker as a
command, with its addresses in the environment; ours is a few lines that hand the environment to the nursery, which
forks, and that end as the worker ends.
"""

import gc
import importlib
import json
import os
import select
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
import weakref

from corpusmill.pipelines import worker
from corpusmill.stages.work import FORKS, modules
from corpusmill.tokenize.order import Order

END = 5.0  # seconds that the nursery has to end in
CLIENT = """
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as nursery:
    nursery.connect(sys.argv[1])
    told = json.dumps([sys.argv[2], os.getcwd(), dict(os.environ)]).encode()
    nursery.sendall(len(told).to_bytes(8, "little") + told)
    sys.exit(nursery.recv(1) != b"0")
"""


class Nursery:
    """Starts workers; gone with this object, and with this process however it ends."""

    def __init__(self) -> None:
        """Nothing is started before `start`, or before the first worker is wanted."""
        self._end: weakref.finalize[..., Nursery] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._socket = ""

    def command(self, lease: str) -> str:
        """What a shell runs to start a worker with a lease; it ends when the worker does, with 0 if all was well."""
        if not FORKS:
            code = f"from corpusmill.pipelines import worker; worker.main({lease!r})"
            return f"exec {shlex.join([sys.executable, '-P', '-c', code])}"
        self.start()
        return f"exec {shlex.join([sys.executable, '-I', '-S', '-c', CLIENT, self._socket, lease])}"

    def close(self) -> None:
        """End it; its workers go with their leases."""
        if self._end is not None:
            self._end()

    def start(self) -> None:
        """Start the process unless it runs; who asks for a worker before it is ready waits."""
        if not FORKS or (self._process is not None and self._process.poll() is None):
            return
        self.close()
        folder = tempfile.TemporaryDirectory(prefix="corpusmill-")  # nobody else's to read
        self._socket = f"{folder.name}/socket"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._socket)
            listener.listen()
            number = listener.fileno()
            code = f"from corpusmill.pipelines import nursery; nursery.serve({number})"
            command = [sys.executable, "-P", "-c", code]
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[number])  # noqa: S603
        self._end = weakref.finalize(self, _end, self._process, folder)


def _end(process: "subprocess.Popen[bytes]", folder: "tempfile.TemporaryDirectory[str]") -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    folder.cleanup()


def serve(number: int) -> None:
    """Be the nursery until standard input ends, which it does when the process that started it does.

    Args:
        number: the file descriptor on which to listen.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the driver's; workers go with their lease
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a worker
    _import()
    listener = socket.socket(fileno=number)
    while True:
        ready, _, _ = select.select([listener, sys.stdin], [], [])
        if sys.stdin in ready:
            return
        asking, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            _work(asking)
        asking.close()


def _import() -> None:
    """What workers need, without anything that starts a thread: a process with threads must not be forked."""
    worker.silence()
    importlib.import_module("apache_beam.runners.worker.sdk_worker_main")
    for name in modules():
        importlib.import_module(name)
    Order(2, 0).between(0, 2)  # at the first call of any kernel numba fills its tables, for half a second
    gc.collect()
    gc.freeze()  # so that workers share these pages


def _work(asking: socket.socket) -> None:
    """Be a worker; never returns."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        size = int.from_bytes(_received(asking, 8), "little")
        lease, folder, environment = json.loads(_received(asking, size))
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        worker.main(lease, lambda: asking.sendall(b"0"))
        asking.sendall(b"0")
        code = 0
    finally:
        if code:
            traceback.print_exc()
        sys.stdout.flush()
        os._exit(code)


def _received(asking: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        more = asking.recv(size - len(found))
        if not more:
            raise ConnectionError("who asked for a worker has gone")
        found += more
    return found
