"""Journals: rows by step, taken back when a run goes on from an earlier one."""

import json

import pytest

from corpusmill.errors import OutputError, StorageError
from corpusmill.train.journal import Journal, read


def steps(path):
    return [row["step"] for row in read(path)]


def test_rows_are_on_the_disk_at_once_and_taken_back(tmp_path):
    """A run that goes on from step 2 has no row after it; one that begins has none."""
    path = tmp_path / "run/a.jsonl"
    journal = Journal(path)
    for step in (1, 2, 2, 3):
        journal.write({"step": step, "loss": 1.5})
        assert steps(path)[-1] == step
    journal.close()
    again = Journal(path, last_step=2)
    again.write({"step": 3, "loss": 2.5})
    again.close()
    assert [(1, 1.5), (2, 1.5), (2, 1.5), (3, 2.5)] == [(row["step"], row["loss"]) for row in read(path)]
    Journal(path).close()
    assert [] == steps(path)


@pytest.mark.parametrize("torn", ['{"step": 3, "lo', '{"step": 3}', '{"loss"', "x\n", '{"a": 1}\n', "\ufffd\n"])
def test_a_row_that_was_broken_off_goes(tmp_path, torn):
    """As a kill leaves it: the next row begins a line of its own."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n' + torn)
    journal = Journal(path, last_step=9)
    assert [1, 2] == steps(path)
    journal.write({"step": 3})
    journal.close()
    assert [1, 2, 3] == steps(path)


def test_numbers_that_are_not_finite_are_null(tmp_path):
    """JSON has no word for them, and readers of strict JSON stop at NaN."""
    path = tmp_path / "a.jsonl"
    journal = Journal(path)
    journal.write({"step": 1, "loss": float("nan"), "norm": float("inf"), "rate": 0.1, "name": "ü"})
    journal.close()
    assert {"step": 1, "loss": None, "norm": None, "rate": 0.1, "name": "ü"} == json.loads(path.read_text())


def test_what_cannot_be_read_or_written(tmp_path):
    """Errors name the file, the line, and what was expected."""
    with pytest.raises(OutputError, match="no such file; expected the folder of a training run"):
        steps(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"step": 1}\n???\n{"step": 2}\n')
    with pytest.raises(OutputError, match=r"bad\.jsonl:2: no JSON"):
        steps(tmp_path / "bad.jsonl")
    with pytest.raises(StorageError, match="cannot be written"):
        Journal(tmp_path / "bad.jsonl/a.jsonl")
