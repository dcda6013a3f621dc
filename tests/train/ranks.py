"""Groups of processes for tests, one for each number of ranks."""

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile

from corpusmill.train.launch import _free_port

ROOT = Path(__file__).parents[2]


def environment(rank, size, port):
    """What torchrun sets."""
    told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size, "MASTER_PORT": port}
    settings = {"MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return {**os.environ, **settings, **{name: str(value) for name, value in told.items()}}


def start(module, size, *arguments, seconds=300):
    """Run a module as `size` ranks until all are done; fails with what they printed."""
    port, until = _free_port(), time.monotonic() + seconds
    with ExitStack() as stack:
        logs = [stack.enter_context(TemporaryFile()) for _ in range(size)]
        started = [
            subprocess.Popen(
                [sys.executable, "-m", module, *map(str, arguments)], env=environment(rank, size, port),
                stdout=logs[rank], stderr=logs[rank], cwd=ROOT,
            )
            for rank in range(size)
        ]  # fmt: skip
        try:
            while time.monotonic() < until and any(process.poll() is None for process in started):
                if any(process.returncode for process in started):
                    break  # the others would wait for the one that failed
                time.sleep(0.1)
        finally:
            codes = [process.poll() for process in started]
            for process in started:
                process.kill()
                process.wait()
        said = []
        for rank, log in enumerate(logs):
            log.seek(0)
            said.append(f"--- rank {rank}\n{log.read().decode()[-4000:]}")
    assert [0] * size == codes, "\n".join(said)
