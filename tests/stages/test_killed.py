"""Runs with stages of several phases, killed in the middle of one and run again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpusmill.tokenize.training import train
from tests import runs
from tests.stages import texts
from tests.stages.test_near import documents

STEPS = "{use: near_dedup, threshold: 0.6, bands: 64, rows: 1, bucket_cap: 1000}\n{use: line_dedup}"

# Phases: killed as soon as each has begun, so that one run dies in every part of the shuffle.
PHASES = ("02-near_dedup/01-signatures", "02-near_dedup/02-candidates", "02-near_dedup/04-members",
          "02-near_dedup/05-matches", "03-line_dedup/02-copies")  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return texts.write(tmp_path_factory.mktemp("killed") / "texts", documents(400), files=4)


@pytest.fixture(scope="module")
def reference(folder):
    texts.run(folder, folder.parent / "reference", STEPS)
    return folder.parent / "reference"


def command(folder: Path, out: Path, *flags: str, steps: str = STEPS) -> list[str]:
    """The recipe on the command line."""
    recipe = out.parent / "small.yaml"
    lines = "\n".join(f"  - {line}" for line in steps.splitlines())
    recipe.write_text(texts.RECIPE.format(folder=folder, out=out, steps=lines))
    return [sys.executable, "-P", "-m", "corpusmill", "run", str(recipe), *flags]


def test_killed_in_every_phase_and_resumed_gives_the_same_bytes(folder, reference, tmp_path):
    """SIGKILL as each phase of the shuffle begins; then a run to the end: nothing shows."""
    out = tmp_path / "out"
    for phase in PHASES:
        run = subprocess.Popen(
            command(folder, out, "--runner", "local"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        while run.poll() is None and not (out / "small" / phase).exists():
            time.sleep(0.002)
        assert run.poll() is None, f"the run ended before {phase}"
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        assert not (out / "small/03-line_dedup/manifest.json").exists()
    subprocess.run(command(folder, out, "--runner", "local"), check=True, capture_output=True)
    assert [] == runs.same(reference, out)


def test_killed_while_tokens_are_written_and_resumed_gives_the_same_bytes(folder, tmp_path):
    """SIGKILL with a file written and not yet in place: of ids, then of a packed shard, each the second; nothing shows."""
    tokenizer = tmp_path / "small.json"
    tokenizer.write_text(train([d["text"] for d in documents(30)], vocabulary_size=300).to_str())
    steps = f"{{use: tokenize, tokenizer: {tokenizer}, sequence_length: 64, shard_mb: 0.01, validation: 0.2}}"
    out = tmp_path / "out"
    arguments = command(folder, out, "--runner", "local", steps=steps)[4:]
    stage = out / "small/02-tokenize"
    for kind, call, unfinished, done in (
        ("exchange.IndexedFile", 3, stage / "01-ids/ids", stage / "01-ids/reports"),  # counts lie between
        ("packed.PackedFile", 3, stage / "train", stage / "reports"),  # validation lies between
    ):
        code = f"""if True:
            import os, signal
            from corpusmill import cli
            from corpusmill.storage import exchange, packed
            calls, put = [], {kind}._put
            def killed(file):
                calls.append(file)
                if len(calls) == {call}:
                    os.kill(os.getpid(), signal.SIGKILL)
                return put(file)
            {kind}._put = killed
            raise SystemExit(cli.main({arguments!r}))"""
        run = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, check=False)
        assert -signal.SIGKILL == run.returncode, run.stderr.decode()
        assert 1 == len(list(unfinished.glob(".tmp-*")))
        assert ["00000.json"] == [path.name for path in done.iterdir()]
        assert not (stage / "manifest.json").exists()
    texts.run(folder, out, steps)
    texts.run(folder, tmp_path / "reference", steps)
    assert len(list((stage / "train").iterdir())) > 2
    assert [] == runs.same(tmp_path / "reference", out)


@pytest.mark.slow
def test_a_killed_beam_worker_is_survived_in_the_shuffle(folder, reference, tmp_path):
    """SIGKILL to one of Beam's workers in the middle of a gathering phase; both exchanges end in the same bytes."""
    out = tmp_path / "out"
    arguments = command(folder, out, "--workers", "2", "--exchange", "packed")[4:]
    code = f"""if True:
        from corpusmill import cli
        from corpusmill.stages import work
        work.WORKER_BYTES = 1  # or so small a corpus would not be worth a worker
        raise SystemExit(cli.main({arguments!r}))"""
    run = subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    members = out / "small/02-near_dedup/04-members/members"
    unfinished = []
    while run.poll() is None and not unfinished:  # its name holds the process that writes it
        unfinished = list(members.glob(".tmp-*"))
    os.kill(int(unfinished[0].name.rsplit("-", 2)[-2]), signal.SIGKILL)
    try:
        output, _ = run.communicate(timeout=120)
    finally:
        run.kill()
    assert 0 == run.returncode, output.decode()
    assert "a worker process died (out of memory, or killed); going on" in output.decode()
    assert [] == runs.same(reference, out)
