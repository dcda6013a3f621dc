"""Workers are forked from one process that lasts, see the driver's world, and are missed when they die."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpusmill.errors import EngineError
from corpusmill.pipelines import engine
from corpusmill.pipelines.nursery import Nursery
from corpusmill.stages.work import FORKS, Task
from corpusmill.storage.layout import StageLayout

pytestmark = pytest.mark.skipif(not FORKS, reason="workers are forked on Linux only")
SILENT = {"CONTROL_API_SERVICE_DESCRIPTOR": 'url: "localhost:9"', "PIPELINE_OPTIONS": "{}", "PATH": os.environ["PATH"]}
ROOT = str(Path(__file__).parents[2])


@dataclass(frozen=True)
class Told:
    """Writes down where each task was made."""

    layout: StageLayout

    def build(self):
        def run(task):
            told = [
                os.getpid(),
                os.getppid(),
                str(Path.cwd()),
                os.environ.get("TOLD"),
                signal.getsignal(signal.SIGCHLD),
            ]
            (Path(self.layout.root) / f"{task.shard}.json").write_text(json.dumps([*told[:4], str(told[4])]))

        return run


@dataclass(frozen=True)
class Killed:
    """Dies of a signal."""

    layout: StageLayout

    def build(self):
        return lambda task: os.kill(os.getpid(), signal.SIGKILL)


TASKS = [Task(number, None, "key") for number in range(4)]


def told(folder):
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def gone(pid):
    """Whether a process ends within some seconds."""
    for _ in range(200):
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.1)
    return False


def test_phases_have_workers_of_their_own_from_one_nursery(tmp_path, monkeypatch):
    """Each sees the folder and environment of its time; one that dies ends the phase, and the next goes well."""
    monkeypatch.setenv("PYTHONPATH", ROOT)
    layout, execute = StageLayout(str(tmp_path), 1, "told"), engine.executor(workers=2)
    execute(Told(layout), TASKS)
    first = told(tmp_path)
    monkeypatch.setenv("TOLD", "later")
    monkeypatch.chdir(tmp_path)
    execute(Told(layout), TASKS)
    second = told(tmp_path)
    workers, nurseries, folders, words, handlers = (list(column) for column in zip(*first, *second, strict=True))
    assert 2 == len(set(workers[:4])) == len(set(workers[4:]))
    assert 4 == len(set(workers))
    assert 1 == len(set(nurseries))
    assert os.getpid() not in {*workers, *nurseries}
    assert [str(tmp_path)] * 4 == folders[4:]
    assert [None] * 4 + ["later"] * 4 == words
    assert {str(signal.SIG_DFL)} == set(handlers)
    with pytest.raises(EngineError, match="a worker process died"):
        execute(Killed(layout), TASKS)
    os.kill(nurseries[0], signal.SIGKILL)
    os.waitid(os.P_PID, nurseries[0], os.WEXITED | os.WNOWAIT)  # until all its threads have gone
    execute(Told(layout), TASKS)
    assert nurseries[0] not in {parent for _, parent, *_ in told(tmp_path)}


def test_it_goes_with_the_process_that_started_it(tmp_path):
    """However that ends."""
    code = (
        "from corpusmill.pipelines.nursery import Nursery; import sys\n"
        "n = Nursery(); n.command('lease'); print(n._process.pid, flush=True); sys.stdin.read()"
    )
    for end in (signal.SIGKILL, None):
        with subprocess.Popen(
            [sys.executable, "-P", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as driver:
            pid = int(driver.stdout.readline())
            driver.send_signal(end) if end else driver.stdin.close()
        assert gone(pid)


def test_how_a_worker_ended_is_told_by_its_command(tmp_path):
    """With 1 if it could not begin, or if there is no nursery; with 0 if its lease has gone."""
    (tmp_path / "lease").touch()
    nursery = Nursery()
    command = nursery.command(str(tmp_path / "lease"))
    environment = {"PATH": os.environ["PATH"], "CONTROL_API_SERVICE_DESCRIPTOR": "nonsense {"}
    failed = subprocess.run(command, check=False, shell=True, env=environment, timeout=60)
    assert 1 == failed.returncode
    begun = subprocess.Popen(nursery.command(str(tmp_path / "none")), shell=True, env=SILENT)
    assert 0 == begun.wait(60)
    nursery.close()
    assert 1 == subprocess.run(command, check=False, shell=True, capture_output=True, timeout=60).returncode


def test_nothing_that_it_imports_starts_a_python_thread():
    """A fork would have the thread's locks and not the thread."""
    code = (
        "import threading; from corpusmill.pipelines import nursery; nursery._import(); print(threading.active_count())"
    )
    told = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert "1" == told.stdout.strip()
