"""Local Beam jobs end when a worker dies, and leave no worker behind."""

import subprocess
import sys
import threading
import time

import pytest

from corpusmill.errors import EngineError
from corpusmill.pipelines import supervise


def test_a_job_gives_what_it_gives_and_raises_what_it_raises():
    """Supervision changes neither results nor errors."""
    assert "DONE" == supervise.run(lambda: "DONE")
    with pytest.raises(KeyError, match="broken"):
        supervise.run(lambda: {}["broken"])


def test_a_dead_worker_ends_a_job_that_would_wait_for_ever():
    """The thread that waits for a worker fails; the job is given up at once."""
    forever = threading.Event()

    def job():
        def die():
            raise RuntimeError("Worker subprocess exited with return code 137")

        threading.Thread(target=die, name=supervise.WORKER_THREAD).start()
        forever.wait()

    before = threading.excepthook
    try:
        with pytest.raises(EngineError, match="a worker process died"):
            supervise.run(job)
    finally:
        forever.set()
        threading.excepthook = before


def test_the_hook_is_put_back_after_a_good_run():
    """Nothing of the supervision stays when nothing was lost."""
    before = threading.excepthook
    supervise.run(lambda: None)
    assert threading.excepthook is before


def test_a_worker_goes_when_its_lease_goes(tmp_path):
    """A worker that outlives its run exits by itself."""
    lease = tmp_path / "lease"
    lease.touch()
    code = f"import time; from corpusmill.pipelines import worker; worker._watch(__import__('pathlib').Path({str(lease)!r}), lambda: None)"
    watching = subprocess.Popen([sys.executable, "-P", "-c", code + "; time.sleep(60)"])
    time.sleep(1)
    assert watching.poll() is None
    lease.unlink()
    assert 0 == watching.wait(timeout=20)
