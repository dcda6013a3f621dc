"""The page of a training run, from the files it leaves."""

import json

import pytest

from corpusmill import cli
from corpusmill.report.page import training


def lines(rows):
    """JSON lines, the last broken off as in a run that is writing."""
    return "".join(json.dumps(row) + "\n" for row in rows) + '{"step": 9'


@pytest.fixture
def run(tmp_path):
    """A run of 1,000 steps with validation, samples and an evaluation."""
    rows = [
        {"step": n, "tokens": 512 * n, "loss": 5 - n / 500, "gradient_norm": 1.0, "learning_rate": 1e-3, "skipped": int(n == 7),
         "seconds": 0.1, "tokens_per_second": 5000.0, "memory_bytes": 10**8}
        for n in range(1, 1001)
    ]  # fmt: skip
    rows[500:500] = [{"step": 500, "validation_loss": 3.5, "bits_per_byte": 1.9}]
    rows.append({"step": 1000, "validation_loss": 3.1, "bits_per_byte": 1.7})
    (tmp_path / "metrics.jsonl").write_text(lines(rows))
    (tmp_path / "samples.jsonl").write_text(lines([{"step": 500, "prompt": "Once", "text": " upon a <script> time"}]))
    report = {
        "name": "tiny",
        "parameters": 30880,
        "architecture": {"layers": 2, "norm": "rmsnorm"},
        "epochs": {"data": 0.5},
    }
    (tmp_path / "report.json").write_text(json.dumps(report))
    (tmp_path / "data.json").write_text(json.dumps({"parts": [{"name": "data", "rows": 10, "tokens": 640}]}))
    (tmp_path / "eval").mkdir()
    score = {"task": "arc", "group": "", "metric": "acc", "value": 0.25, "error": 0.0433, "items": 100}
    (tmp_path / "eval/step-1000.json").write_text(json.dumps({"scores": [score]}))
    return tmp_path


def test_curves_samples_and_evaluation(run, capsys):
    """One page with all of it, by the command; a broken last line is left out."""
    assert 0 == cli.main(["report", str(run), "--html"])
    assert f"page     {run}/report.html" in capsys.readouterr().out
    page = (run / "report.html").read_text()
    for told in (
        "training run",
        "30,880",
        "bits per byte",
        "1.7",
        "1 steps were skipped",
        "upon a &lt;script&gt; time",
        "± 0.0433",
    ):
        assert told in page
    charts = json.loads(page.split('id="charts">')[1].split("</script>")[0])
    assert len(charts) == 7
    assert all(len(chart["data"]["values"]) <= training.POINTS for chart in charts)
    assert charts[4]["data"]["values"][-1]["memory in GB"] == pytest.approx(0.1)
    assert charts[0]["data"]["values"][-1]["loss"] == pytest.approx(3.0, abs=0.01)


def test_a_run_that_has_just_begun(run, tmp_path, capsys):
    """Without rows it says so; without a report it says how far the run is."""
    (run / "report.json").unlink()
    assert "Not finished: the last row is of step 1,000" in training.page(str(run))
    (run / "metrics.jsonl").write_text("")
    assert 2 == cli.main(["report", str(run), "--html"])
    assert "has no rows yet" in capsys.readouterr().err


def test_means_keep_the_ends(run):
    """Thinned curves are means of runs of equal length."""
    assert training.thinned([(1, 2.0), (2, 4.0), (3, 6.0)], 2) == [(1.5, 3.0), (3, 6.0)]
    assert training.thinned([], 5) == []
