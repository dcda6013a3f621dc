"""Runs that are killed: at chosen moments of a save, at random ones, one rank of two; and what the command says."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from corpusmill import loader
from corpusmill.train import checkpoint, journal, parallel, setup, trainer
from tests.train import killing, ranks, tiny


def test_killed_at_any_moment_of_a_save(tmp_path):
    """SIGKILL in each part of a save leaves a whole checkpoint to go on from, and the end is that of a run in one go."""
    data = tiny.shards(tmp_path / "data")
    ranks.start("tests.train.killing", 1, tmp_path)
    found, status = json.loads((tmp_path / "found.json").read_text())
    assert status == 0
    assert [moment for moment, *_ in found] == list(killing.MOMENTS)
    assert all(number == signal.SIGKILL for _, number, *_ in found), found
    steps = [step for *_, step, _ in found]
    assert steps == sorted(steps)
    assert steps[-1] < 14, "there was something left to do"
    assert all(len(partial) == 1 for moment, *_, partial in found if moment != "between name and removal of the old")
    run = tmp_path / "out/tiny"
    assert [folder.name for folder in (run / "checkpoints").iterdir()] == ["step-00000014"]
    torch.set_num_threads(1)  # as in the other processes: with more, sums are rounded otherwise
    with parallel.join("cpu") as world:
        ready = setup.prepare(tiny.training(data, tmp_path / "once", **killing.CHANGES), 1)
        trainer.train(ready, world)
    assert [row["loss"] for row in tiny.metrics(run)] == [row["loss"] for row in tiny.metrics(ready.folder)]
    assert (run / "steps.jsonl").read_bytes() == (ready.folder / "steps.jsonl").read_bytes()
    assert (run / "report.json").read_bytes() == (ready.folder / "report.json").read_bytes()


def children(process):
    """Ids of a process's children, in the order in which they were started."""
    return [int(number) for number in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.fixture
def file(tmp_path):
    """A training file of many short steps on two ranks."""
    chosen = tiny.training(
        tiny.shards(tmp_path / "data"), tmp_path / "out", checkpoints={"every": 5}, batches={"rows": 4},
        length={"tokens": 3 * 400 * tiny.LENGTH},
    )  # fmt: skip
    (tmp_path / "training.yaml").write_text(loader.dump(chosen))
    return tmp_path / "training.yaml"


def started(file, *more):
    """The command on two ranks, once it has saved something new."""
    run = file.parent / "out/tiny"
    before = checkpoint.latest(run)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "corpusmill", "train", str(file), "--ranks", "2", *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    until = time.monotonic() + 120
    while checkpoint.latest(run) == before and process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
    return process


def test_the_command_on_two_ranks_killed_and_stopped(file):
    """A killed rank ends all with a message and exit 1; SIGTERM saves and exits 143; both go on from what was saved."""
    run = file.parent / "out/tiny"
    first = started(file)
    try:
        os.kill(children(first)[1], signal.SIGKILL)
        out, err = first.communicate(timeout=90)
        assert first.returncode == 1, err
        assert "rank 1 of 2 ended with -9" in err or "corpusmill: " in err
        second = started(file)
        second.send_signal(signal.SIGTERM)
        out, err = second.communicate(timeout=90)
        assert second.returncode == 143, err
        assert "tiny: 300 steps, going on after step" in err
        assert "stopped by SIGTERM after step" in out
        assert "the same command goes on from there" in out
    finally:
        first.kill()
    saved = checkpoint.step_of(checkpoint.latest(run))
    assert f"after step {saved} of 300" in out
    taken = [row["step"] for row in journal.read(run / "steps.jsonl")]
    assert taken == list(range(1, saved + 1))
