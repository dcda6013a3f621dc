"""Runs that are damaged, not finished, or put together from several: each command says so, and none takes it for whole."""

import io
import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from corpusmill import cli
from corpusmill.errors import OutputError
from corpusmill.report import outputs, serve
from corpusmill.report.page import lint
from corpusmill.storage import paths
from tests.report import asked_run

STEPS = """{use: gopher_quality, words: [30, 100000], stop_words: [0, null]}
{use: exact_dedup}
{use: redact, hits: [null, 1], entities: [email]}"""
DAMAGED = "cut off or changed since"
MISSING = "no such file; the run is not whole, run its recipe again"
READERS = ("report", "report --html", "report --json", "what-if", "card", "push", "A B", "serve")
OF_LEDGERS = ("report --html", "what-if", "explain", "A B", "serve")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A finished run of three stages."""
    return Path(asked_run.make(tmp_path_factory.mktemp("outputs"), STEPS, 60).root)


@pytest.fixture
def run(made, tmp_path):
    """The same, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "small"))


def ask(command, run, other, capsys, monkeypatch):
    """What a command ends with, and says."""
    monkeypatch.setattr(serve.Server, "serve_forever", lambda self: None)
    spoken = {
        "A B": ["report", str(run), str(other)],
        "explain": ["explain", str(run), "d001"],
        "serve": ["serve", str(run), "--port", "0"],
        "push": ["push", str(run), str(run.parent / "there")],
    }
    capsys.readouterr()
    verb, *flags = command.split()
    code = cli.main(spoken.get(command, [verb, str(run), *flags]))
    told = capsys.readouterr()
    return code, told.out, told.err


@pytest.mark.parametrize("command", READERS)
def test_a_damaged_report_is_told_of(command, run, made, capsys, monkeypatch):
    """Cut off, missing, or of other content: the path, and what to do."""
    path = run / "02-exact_dedup" / "report.json"
    whole = path.read_text()
    for content, message in ((whole[:100], DAMAGED), (None, MISSING), ("[]", "expected a JSON object"),
                             ('{"records": 1}', "not a report of a stage")):  # fmt: skip
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_text(content)
        code, out, told = ask(command, run, made, capsys, monkeypatch)
        assert (2, True, True) == (code, str(path) in told, message in told), (content, told)
        assert not out


@pytest.mark.parametrize("command", OF_LEDGERS)
def test_a_damaged_ledger_is_told_of(command, run, made, capsys, monkeypatch):
    """Cut off, cut short of its end mark's content, or gone with its folder."""
    path = run / "01-curate" / "ledger" / "00000.parquet"
    whole = path.read_bytes()
    for content, message in ((whole[:500], DAMAGED), (whole[:4] + b"\xff" * (len(whole) - 300) + whole[-296:], DAMAGED),
                             (b"", DAMAGED), (None, MISSING)):  # fmt: skip
        if content is None:
            shutil.rmtree(path.parent)
        else:
            path.write_bytes(content)
        code, _, told = ask(command, run, made, capsys, monkeypatch)
        assert 2 == code, told
        assert str(path.parent) in told
        assert message in told
        assert "Traceback" not in told


def test_no_thread_outlives_a_reading(made, monkeypatch):
    """Ledgers and documents are read by the caller alone: a thread that lets go of a file at the end of Python aborts."""
    readers = set()

    class Watched(io.FileIO):
        def readinto(self, buffer):
            readers.add(threading.get_ident())
            return super().readinto(buffer)

        def read(self, size=-1):
            readers.add(threading.get_ident())
            return super().read(size)

    stage = outputs.find(str(made)).stages[1]
    rows = np.arange(3)
    monkeypatch.setattr(paths, "open_read", lambda path, **_: Watched(path))
    assert ["url", "id"] == stage.ledger(0, ["url", "id"]).column_names
    assert 3 == len(stage.kept(0, rows)) == len(stage.documents(0, rows, ["text"]))
    assert 3 < len(stage.ledger(0))
    assert {threading.get_ident()} == readers


def test_lost_times_are_only_lost_times(run, capsys):
    """Without timing.json, or with half of one, the report and its page are made."""
    (run / "01-curate" / "timing.json").unlink()
    (run / "02-exact_dedup" / "timing.json").write_text('{"seco')
    assert 0 == cli.main(["report", str(run)])
    assert "gopher_quality" in capsys.readouterr().out
    assert 0 == cli.main(["report", str(run), "--html"])


def test_a_damaged_manifest_is_told_of(run):
    """Which parts it lacks, or that it is none."""
    path = run / "03-redact" / "manifest.json"
    told = json.loads(path.read_text())
    del told["parent"]
    path.write_text(json.dumps(told))
    with pytest.raises(OutputError, match=r"03-redact/manifest.json: expected a manifest with .* 'parent' is missing"):
        outputs.find(str(run))
    path.write_text("{")
    with pytest.raises(OutputError, match=f"03-redact/manifest.json: {DAMAGED}"):
        outputs.find(str(run))


def test_a_run_that_is_not_finished_says_so(run, made, capsys, monkeypatch):
    """Every command that reads it: on the screen, in the page's findings, in JSON; publishing refuses."""
    shutil.rmtree(run / "03-redact")
    one = "03-redact is not finished; run the recipe again to go on"
    for command in ("report", "what-if", "A B"):
        code, told, _ = ask(command, run, made, capsys, monkeypatch)
        assert (0, True) == (code, one in told), told
        assert "is not finished" not in ask(command, made, made, capsys, monkeypatch)[1]
    assert one in ask("what-if --sweep gopher_quality.words", run, made, capsys, monkeypatch)[1]
    code, _, told = ask("what-if --sweep redact.hits", run, made, capsys, monkeypatch)
    assert (2, True) == (code, one in told)
    assert ["03-redact"] == json.loads(ask("report --json", run, made, capsys, monkeypatch)[1])["waiting"]
    assert ["03-redact"] == json.loads(ask("what-if --json", run, made, capsys, monkeypatch)[1])["waiting"]
    assert 0 == cli.main(["report", str(made), str(run), "--json"])
    assert {"A": [], "B": ["03-redact"]} == json.loads(capsys.readouterr().out)["waiting"]
    first, *_ = lint.findings(outputs.find(str(run)))
    assert ("not finished", "03-redact", True) == (first.what, first.subject, first.grave)
    assert "not finished" not in {item.what for item in lint.findings(outputs.find(str(made)))}
    for command in ("card", "push"):
        code, _, told = ask(command, run, made, capsys, monkeypatch)
        assert (2, True) == (code, one in told)
    assert not (run.parent / "there").exists()
    shutil.rmtree(run / "02-exact_dedup")
    assert "02-exact_dedup, 03-redact are not finished;" in ask("report", run, made, capsys, monkeypatch)[1]


@pytest.mark.parametrize("command", [*READERS, "what-if --sweep redact.hits"])
def test_stages_of_other_runs_are_refused(command, run, made, tmp_path, capsys, monkeypatch):
    """A stage put in from elsewhere, even with the same counts, and one that is missing before others."""
    other = asked_run.make(tmp_path / "other", STEPS, 40).root
    shutil.rmtree(run / "03-redact")
    shutil.copytree(Path(other) / "03-redact", run / "03-redact")
    code, out, told = ask(command, run, made, capsys, monkeypatch)
    assert (2, "") == (code, out)
    assert "03-redact: made from another 02-exact_dedup than lies here" in told
    assert "run the recipe again" in told
    shutil.rmtree(run / "02-exact_dedup")
    code, out, told = ask(command, run, made, capsys, monkeypatch)
    assert (2, "", True) == (code, out, "02-exact_dedup is not finished" in told)
    assert not (tmp_path / "there").exists()
