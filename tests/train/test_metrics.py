"""Metrics: rows on disk and on boards, and how fast a run says it is."""

import sys
from types import ModuleType, SimpleNamespace

import pytest

from corpusmill.errors import UsageError
from corpusmill.train import metrics
from corpusmill.train.hardware import PEAKS, Peak
from corpusmill.train.journal import read
from corpusmill.train.metrics import FILE, Metrics, Pace

ROW = {"step": 10, "tokens": 2048, "loss": 2.5, "skipped": 0, "mfu": float("nan"), "note": "x"}


class Clock:
    """Time that passes when it is told."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_rank_0_writes_and_a_resumed_run_goes_on(tmp_path):
    """Rows after the resumed step are taken back; other ranks write nothing."""
    for last, step in ((-1, 10), (10, 20), (10, 15)):
        found = Metrics(tmp_path, last_step=last)
        found.write({**ROW, "step": step})
        found.close()
    other = Metrics(tmp_path / "other", rank=1, tensorboard=True, wandb=True)
    other.write(ROW)
    other.text(10, "sample", "x")
    other.close()
    assert [10, 15] == [row["step"] for row in read(tmp_path / FILE)]
    assert not (tmp_path / "other").exists()


def test_tensorboard_shows_the_same_numbers(tmp_path):
    """Numbers by name and step, texts; what a resumed run does again replaces what was shown."""
    pytest.importorskip("tensorboard", reason="needs corpusmill[boards]")
    pytest.importorskip("torch", reason="needs corpusmill[train]")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for last, loss in ((-1, 2.5), (9, 3.5)):
        found = Metrics(tmp_path, last_step=last, tensorboard=True)
        found.write({**ROW, "loss": loss})
        found.text(10, "sample", "once upon a time")
        found.close()
    shown = EventAccumulator(str(tmp_path / "tensorboard"))
    shown.Reload()
    assert {"tokens", "loss", "skipped", "mfu"} == set(shown.Tags()["scalars"])
    assert [(10, 3.5)] == [(event.step, event.value) for event in shown.Scalars("loss")]
    assert ["sample/text_summary"] == shown.Tags()["tensors"]


def test_wandb_is_told_numbers_and_texts(tmp_path, monkeypatch):
    """A run of the folder's name that goes on where it was; texts are escaped."""
    told = []

    class Run:
        def log(self, values, step):
            told.append((step, values))

        def finish(self):
            told.append("finished")

    module = ModuleType("wandb")
    module.__spec__ = SimpleNamespace(name="wandb")
    module.init = lambda **how: told.append(how) or Run()
    module.Html = lambda text: text
    monkeypatch.setitem(sys.modules, "wandb", module)
    found = Metrics(tmp_path / "small", wandb=True, settings={"seed": 1})
    found.write({"step": 3, "loss": 2.5, "name": "x"})
    found.text(3, "sample", "<s>a&b")
    found.close()
    begun, *rest = told
    assert ("small", "small", "allow", {"seed": 1}) == tuple(begun[key] for key in ("name", "id", "resume", "config"))
    assert [(3, {"loss": 2.5}), (3, {"sample": "<pre>&lt;s>a&amp;b</pre>"}), "finished"] == rest


def test_a_board_that_is_not_there_is_told_before_anything_is_written(tmp_path, monkeypatch):
    """With the command that installs it."""
    monkeypatch.setattr(metrics, "find_spec", lambda name: None)
    for board in ("tensorboard", "wandb"):
        with pytest.raises(UsageError, match=rf"watching\.{board}: .*`pip install {board}`"):
            Metrics(tmp_path / "run", **{board: True})
    assert not (tmp_path / "run").exists()


def test_pace_has_both_denominators():
    """Tokens over seconds, their FLOPs over both peaks of all devices; waits are a share; what is aside counts nothing."""
    clock = Clock()
    pace = Pace(6e9, 2, Peak("toy", 1e12, 1, "made up", 5e11), clock)
    for _ in range(4):
        with pace.loading():
            clock.now += 0.5
        clock.now += 1.5
        pace.add(250)
        with pace.aside():
            clock.now += 100
    found = pace.figures()
    assert found == pytest.approx(
        {"seconds": 8, "tokens_per_second": 125, "loader_share": 0.25, "mfu": 0.375, "mfu_measured": 0.75}
    )
    clock.now += 1
    pace.add(10)
    assert (
        pytest.approx({"seconds": 1, "tokens_per_second": 10, "loader_share": 0, "mfu": 0.03, "mfu_measured": 0.06})
        == pace.figures()
    )


def test_mfu_of_a_known_and_of_an_unknown_device():
    """124M at 460k tokens/s on an H200 is 40 % of the data sheet and 50 % of what products reach; a CPU has none."""
    clock = Clock()
    paces = [Pace(0.86e9, 1, peak, clock) for peak in (PEAKS["H200"], None)]
    clock.now += 1
    for pace in paces:
        pace.add(460_000)
    known, unknown = (pace.figures() for pace in paces)
    assert known["mfu"] == pytest.approx(0.40, abs=0.005)
    assert known["mfu_measured"] == pytest.approx(0.50, abs=0.005)
    assert {"seconds", "tokens_per_second", "loader_share"} == set(unknown)


def test_memory_is_of_this_process():
    """More than Python itself takes, less than a machine has."""
    assert 1 << 23 < metrics.memory_bytes() < 1 << 40
