"""Whole runs: equal bytes however they are made, resumed by shard, nothing lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import psutil
import pyarrow.parquet as pq
import pytest

from corpusmill import drive, local
from corpusmill.errors import EngineError, ErrorBudgetError, OutputError, ReconcileError
from corpusmill.pipelines import engine
from tests import crawl, runs


@pytest.fixture
def pages(tmp_path):
    """Two files, some 28 page records."""
    crawl.crawl(tmp_path / "crawl")
    return tmp_path / "crawl"


@pytest.fixture
def reference(pages, tmp_path):
    """The output of an undisturbed run in this process."""
    runs.run(pages, tmp_path / "reference")
    return tmp_path / "reference"


def command(pages, out, *more):
    """A run in a process of its own."""
    file = out.parent / f"{out.name}.yaml"
    file.write_text(crawl.recipe(pages, out))
    return [sys.executable, "-P", "-m", "corpusmill", "run", str(file), *more]


def test_counts_add_up_and_every_record_is_in_the_ledger(pages, tmp_path):
    """Kept, dropped and dead make up the records, in the report and in the files."""
    (result,) = runs.run(pages, tmp_path / "out")
    report = result.report
    assert [] == report.faults()
    assert 28 == report.records == report.kept + report.dropped + report.dead
    assert {"request": 24, "warcinfo": 2} == dict(report.skipped)
    assert {"read.status=404": 2, "read.content_type=image/png": 2} == dict(report.steps["read"].reasons)
    ledger = pq.read_table(f"{result.layout.folder}/ledger")
    kept = pq.read_table(f"{result.layout.folder}/documents")
    assert 28 == ledger.num_rows
    assert report.kept == ledger["reason"].null_count == kept.num_rows > 0
    assert set(kept["id"].to_pylist()) == {row["id"] for row in ledger.to_pylist() if row["reason"] is None}


def test_the_report_has_each_signal_with_its_bounds(reference):
    """report.json needs no recipe beside it to be read: histograms and bounds have the same names."""
    report = json.loads((reference / "small/01-curate/report.json").read_text())
    assert {"*": [50, 100000]} == report["bounds"]["gopher_quality.words"]
    assert set(report["histograms"]) == set(report["bounds"])
    assert 24 == sum(report["histograms"]["gopher_quality.words"].values())


def test_the_order_of_shards_does_not_matter(pages, reference, tmp_path):
    """Shards made in another order have the same bytes."""
    runs.run(pages, tmp_path / "out", execute=runs.shuffled)
    assert [] == runs.same(reference, tmp_path / "out")


def test_beam_gives_the_bytes_of_the_local_driver(pages, reference, tmp_path):
    """Beam in this process writes what the reference does."""
    runs.run(pages, tmp_path / "out", execute=engine.executor())
    assert [] == runs.same(reference, tmp_path / "out")


@pytest.mark.slow
def test_two_workers_give_the_bytes_of_one(pages, reference, tmp_path):
    """A pool of two, and Beam with two worker processes, write what one process does."""
    runs.run(pages, tmp_path / "pool", execute=local.executor(2))
    assert [] == runs.same(reference, tmp_path / "pool")
    runs.run(pages, tmp_path / "beam", execute=engine.executor(workers=2))
    assert [] == runs.same(reference, tmp_path / "beam")


@pytest.mark.slow
def test_another_hash_seed_gives_the_same_bytes(pages, reference, tmp_path):
    """Nothing depends on Python's hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    subprocess.run(
        command(pages, tmp_path / "out", "--runner", "local"), env=environment, check=True, capture_output=True
    )
    assert [] == runs.same(reference, tmp_path / "out")


@pytest.mark.slow
def test_killed_five_times_and_resumed_gives_the_same_bytes(pages, reference, tmp_path):
    """SIGKILL at a random moment, again and again; then a run to the end: nothing shows."""
    moment = random.Random(5)
    for _ in range(5):
        run = subprocess.Popen(
            command(pages, tmp_path / "out", "--runner", "local"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(moment.uniform(0.3, 3))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
    subprocess.run(command(pages, tmp_path / "out", "--runner", "local"), check=True, capture_output=True)
    assert [] == runs.same(reference, tmp_path / "out")


@pytest.mark.slow
def test_a_killed_beam_worker_is_survived(tmp_path):
    """SIGKILL to one of Beam's two worker processes in the middle of the run: tried again, complete, the same bytes."""
    crawl.crawl(tmp_path / "crawl", files=4, pages=60)
    runs.run(tmp_path / "crawl", tmp_path / "reference")
    run = subprocess.Popen(
        command(tmp_path / "crawl", tmp_path / "out", "--workers", "2"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    sidecars = tmp_path / "out/small/01-curate/reports"
    while run.poll() is None and not list(sidecars.glob("*.json")):
        time.sleep(0.05)
    children = psutil.Process(run.pid).children(recursive=True)
    forked = [child for child in children if "nursery.serve" in " ".join(child.cmdline())]
    workers = [child for child in forked if child.ppid() != run.pid]  # the other is the nursery itself
    assert 2 == len(workers)
    workers[-1].kill()
    try:
        output, _ = run.communicate(timeout=60)
    finally:
        run.kill()
    assert 0 == run.returncode, output.decode()
    assert "a worker process died (out of memory, or killed); going on" in output.decode()
    assert "Traceback" not in output.decode()
    assert [] == runs.same(tmp_path / "reference", tmp_path / "out")


def test_a_lost_worker_costs_only_its_open_shards(pages, reference, tmp_path):
    """When an engine loses a worker, what is committed stays, and the rest is tried again."""
    calls = []

    def execute(stage, tasks):
        calls.append(len(tasks))
        if len(calls) == 1:
            local.executor()(stage, tasks[:2])
            raise EngineError("worker lost")
        local.executor()(stage, tasks)

    progress = runs.Silent()
    runs.run(pages, tmp_path / "out", execute=execute, progress=progress)
    assert [calls[0], calls[0] - 2] == calls
    assert ["worker lost"] == progress.retries
    assert [] == runs.same(reference, tmp_path / "out")


def test_a_complete_run_is_not_run_again(pages, reference):
    """A second run of the same recipe makes no shard."""
    progress = runs.Silent()
    (result,) = runs.run(pages, reference, execute=lambda *_: pytest.fail("ran"), progress=progress)
    shards = len(runs.planned(pages, reference).splits)
    assert [("01-curate", shards, shards)] == progress.begun
    assert shards == result.resumed


def test_only_missing_shards_are_made(pages, reference, tmp_path):
    """Removing one shard's sidecar, or one of its files, has that shard made again and no other."""
    made = []

    def execute(stage, tasks):
        made.append([task.shard for task in tasks])
        local.executor()(stage, tasks)

    runs.run(pages, tmp_path / "out")
    stage = tmp_path / "out/small/01-curate"
    (stage / "reports/00001.json").unlink()
    (stage / "documents/00002.parquet").unlink()
    runs.run(pages, tmp_path / "out", execute=execute)
    assert [[1, 2]] == made
    assert [] == runs.same(reference, tmp_path / "out")


def test_another_bound_makes_all_shards_again(pages, reference, tmp_path):
    """The key of a shard covers the steps; a changed bound is another key."""
    (result,) = runs.run(pages, reference, "steps.gopher_quality.words=[1, 100000]")
    assert 0 == result.resumed
    assert 28 - 4 == result.report.kept


def test_fewer_shards_leave_nothing_behind(pages, tmp_path):
    """Shards of a finer cut are removed when the cut is coarser."""
    runs.run(pages, tmp_path / "out")
    runs.run(pages, tmp_path / "out", "input.split_mb=64")
    assert ["00000.parquet", "00001.parquet"] == sorted(
        file.name for file in (tmp_path / "out/small/01-curate/documents").iterdir()
    )


def test_progress_comes_from_committed_shards(pages, tmp_path):
    """The last update has all shards and records."""
    progress = runs.Silent()
    (result,) = runs.run(pages, tmp_path / "out", progress=progress)
    shards = progress.begun[0][1]
    assert (shards, 28, result.report.bytes_read) == progress.updates[-1]
    assert 1 == progress.ended


def test_a_foreign_folder_is_left_alone(pages, tmp_path):
    """An output folder with files of something else is refused, and nothing is written to it."""
    (tmp_path / "out/small").mkdir(parents=True)
    (tmp_path / "out/small/thesis.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"holds files, but no recipe\.yaml"):
        runs.run(pages, tmp_path / "out")
    assert ["thesis.txt"] == [file.name for file in (tmp_path / "out/small").iterdir()]


def test_lost_counts_stop_the_run(pages, tmp_path):
    """A report that does not add up is an error, never a warning."""
    planned = runs.planned(pages, tmp_path / "out")
    drive.run(planned, local.executor(), runs.Silent())
    sidecar = tmp_path / "out/small/01-curate/reports/00000.json"
    data = json.loads(sidecar.read_text())
    data["report"]["kept"] += 1
    sidecar.write_text(json.dumps(data))
    with pytest.raises(ReconcileError, match="counts do not add up"):
        drive.run(planned, local.executor(), runs.Silent())


def test_an_engine_that_never_finishes_is_given_up(pages, tmp_path):
    """After three tries the run stops and says what is missing."""
    with pytest.raises(EngineError, match="shards are missing after 3 attempts"):
        runs.run(pages, tmp_path / "out", execute=lambda *_: None)


@pytest.mark.parametrize("execute", [local.executor(), engine.executor()], ids=["local", "beam"])
def test_too_many_dead_letters_stop_the_run(tmp_path, execute):
    """Above the budget the run stops with the shard, the counts and what to do, on any engine."""
    lines = ['{"text": "fine"}\n'] * 5 + ["{broken\n"] * 12
    (tmp_path / "bad.jsonl").write_text("".join(lines))
    settings = [f"input={{format: jsonl, paths: ['{tmp_path}/bad.jsonl']}}", "steps=[{use: fineweb_quality}]"]
    with pytest.raises(ErrorBudgetError, match=r"12 of 17 records failed, and errors\.max_share allows 10"):
        runs.run(tmp_path, tmp_path / "out", *settings, execute=execute)
    (result,) = runs.run(tmp_path, tmp_path / "out", *settings, "errors.at_least=12", execute=execute)
    assert 12 == result.report.dead == pq.read_table(f"{result.layout.folder}/dead").num_rows
