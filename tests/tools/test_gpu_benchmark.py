"""benchmarks/gpu.py, which is for machines that have a GPU, on one that has none: toy models, all that it does."""

import importlib
import json
import logging
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from unittest import mock

import pytest
import torch

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gpu(monkeypatch):
    """The script; benchmarks are no part of the package."""
    monkeypatch.syspath_prepend(ROOT)
    torch.compiler.reset()  # other tests compile the same functions, and there is a limit of how often
    logging.disable(logging.DEBUG)  # the compiler writes thousands of lines, which pytest would keep
    yield importlib.import_module("benchmarks.gpu")
    logging.disable(logging.NOTSET)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the compiler warns now and then, and as an error that ends a case
def test_all_cases_and_checks_run_and_a_second_call_goes_on(gpu, tmp_path, capsys):
    """Each choice is tried and each check holds; what a file lacks is done by a process of its own, and no more."""
    output = tmp_path / "gpu.jsonl"
    toy = ["--device", "cpu", "--tiny", "--only", "124m", "checks", "--output", str(output)]
    gpu.main([*toy, "--one-process"])
    records = [json.loads(line) for line in output.read_text().splitlines()][1:]
    wrong = [one for one in records if one["status"] != "ok" and one["job"].get("attention") != "varlen_fa3"]
    assert wrong == []
    checks = {one["job"]["name"]: one["holds"] for one in records if one["job"]["job"] == "check"}
    assert len(checks) == 10
    assert all(checks.values())
    cases = [one["job"] for one in records if one["job"]["job"] == "case"]
    tried = {(name, case[name]) for case in cases for name in case}
    for choices in gpu.TINY["124m"]:
        assert all(set(choice.items()) <= tried for choice in choices)
    assert all(one["skipped"] == 0 < one["tokens_per_second"] for one in records if "skipped" in one)
    compiled = [
        one["graphs"] > 0 for one in records if one["job"].get("compile") in {"blocks", "whole"} and "graphs" in one
    ]
    assert compiled
    assert all(compiled)
    told = capsys.readouterr().out
    assert "Best for packed documents: 124m, " in told
    assert told.endswith("## Left out\n\nNothing.\n")
    assert output.with_suffix(".md").read_text() in told

    lines = output.read_text().splitlines()
    output.write_text("\n".join(line for line in lines if '"job": "peak"' not in line) + "\n")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(
        [sys.executable, "-m", "benchmarks.gpu", *toy], cwd=ROOT, env=environment, check=True, capture_output=True
    )
    added = [json.loads(line) for line in output.read_text().splitlines()][len(lines) - 1 :]
    assert [one.get("job") for one in added] == [None, {"job": "peak"}]
    assert added[1]["status"] == "ok"


def test_the_best_is_chosen_among_what_worked_on_packed_rows(gpu):
    """Each choice is tried with the best before it; out of memory, and rows without documents, are never the best."""
    plan, done, order = gpu.Plan(["1b"], tiny=False), {}, []

    def speed_of(job):
        if job["micro_rows"] == 32 and job["loss"] == "full":
            return {"status": "out of memory"}
        faster = 10 * (job["loss"] == "chunked") + job["micro_rows"] + 5 * (job["wrap"] == "plain")
        return {"status": "ok", "skipped": 0, "tokens_per_second": faster + 99 * job["attention"].startswith("sdpa_")}

    while (job := plan.next(done)) is not None:
        assert gpu.key(job) not in done
        left = plan.left_out(done)
        assert gpu.words(job) in left
        order.append(job)
        done[gpu.key(job)] = {"job": job, **(speed_of(job) if job["job"] == "case" else {"status": "ok"})}
    assert plan.left_out(done) == []
    best, _, _ = plan.sweep("1b", done)
    assert [best[name] for name in ("micro_rows", "loss", "wrap", "attention")] == [32, "chunked", "plain", "varlen"]
    assert [job["job"] for job in order[:2]] == ["peak", "case"]
    assert len(order) == 1 + 4 + 3 + 4 + 3 + 3 + 1


def test_time_that_is_up_starts_nothing(gpu, tmp_path, capsys):
    """What was not done is told."""
    gpu.main(["--device", "cpu", "--tiny", "--minutes", "0", "--output", str(tmp_path / "gpu.jsonl")])
    told = capsys.readouterr().out
    assert "* 124m, none, fsdp, full, varlen, 2 rows\n" in told
    assert '* 1b: the best of the above with {"attention": "sdpa_cudnn"}\n' in told


def test_a_missing_package_is_named(gpu, tmp_path, monkeypatch):
    """With the command that installs it, before anything is started."""
    monkeypatch.setitem(gpu.NEEDED, "no_such_module", "no-such-package")
    with pytest.raises(SystemExit) as caught:
        gpu.main(["--output", str(tmp_path / "gpu.jsonl")])
    assert str(caught.value).endswith("not installed: no-such-package; python -m pip install no-such-package")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("known", ["is_causal", "window_size"])
def test_varlen_of_an_older_torch(gpu, known):
    """What it lacks is made up for: causal, and keys repeated for the queries of their group."""
    from torch.nn.attention import varlen

    def old(query, key, value, *rest, is_causal=False):
        return query, key, value, rest, is_causal

    def middle(query, key, value, *rest, window_size=(-1, -1)):
        return query, key, value, rest, window_size == (-1, 0)

    query, key = torch.zeros(6, 4, 8), torch.arange(2.0).view(1, 2, 1).expand(6, 2, 8)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(varlen, "varlen_attn", old if known == "is_causal" else middle))
        importlib.import_module("benchmarks.gpu_case").adapt_varlen(stack)
        found = varlen.varlen_attn(query, key, key, 1, 2, 3, 4, window_size=(-1, 0), enable_gqa=True)
    assert found[1].shape == query.shape
    assert found[1][0, :, 0].tolist() == [0, 0, 1, 1]
    assert found[3:] == ((1, 2, 3, 4), True)


def test_a_machine_without_a_gpu_is_told(gpu, tmp_path, monkeypatch):
    """With what can be tried there; nothing is written."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="torch sees no GPU here; --device cpu --tiny"):
        gpu.main(["--output", str(tmp_path / "gpu.jsonl")])
    assert not list(tmp_path.iterdir())
