"""The two ways to gather give the same bytes."""

import pytest

from corpusmill.pipelines import engine, packed
from tests import runs
from tests.stages import texts
from tests.stages.test_near import WIDE, documents

STEPS = f"{{use: exact_dedup, by: normalised}}\n{WIDE}\n{{use: line_dedup}}\n{{use: paragraph_dedup, min_words: 5}}"


@pytest.mark.parametrize(("workers", "steps"), [(1, STEPS), (2, WIDE)])
def test_packed_and_indexed_are_the_same(tmp_path, monkeypatch, workers, steps):
    """Through the engine's shuffle or by ranges of files, in one process or two: equal files."""
    folder = texts.write(tmp_path / "texts", documents())
    monkeypatch.setattr("corpusmill.stages.near.PART_BYTES", 20_000)
    monkeypatch.setattr("corpusmill.stages.members.GROUP_BYTES", 20_000)
    monkeypatch.setattr(packed, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr("corpusmill.stages.work.WORKER_BYTES", 1)
    texts.run(folder, tmp_path / "a", steps)
    texts.run(folder, tmp_path / "b", steps, execute=engine.executor(workers=workers, exchange="packed"))
    assert [] == runs.same(tmp_path / "a", tmp_path / "b")


def test_the_engine_with_a_shuffle_packs(tmp_path):
    """Which phases go through a shuffle, and that a part without records is made."""
    folder = texts.write(tmp_path / "texts", documents(8))
    planned = texts.planned(folder, tmp_path / "out", WIDE)
    phases = {work.phase.layout.label: packed.gathers(work.phase) for work in planned.stages[1].works(planned.splits)}
    assert phases == {
        "02-near_dedup/01-signatures": False,
        "02-near_dedup/02-candidates": True,
        "02-near_dedup/03-components": False,
        "02-near_dedup/04-members": False,
        "02-near_dedup/05-matches": True,
        "02-near_dedup": True,
    }
