"""Decontamination through whole runs."""

import json

import pytest

from corpusmill.errors import InputError, ResourceError
from corpusmill.pipelines import engine
from tests import runs
from tests.stages import texts

ITEM = "Natalia sold clips to forty eight of her friends in April and then she sold half as many in May"
COMMON = "all rights reserved no part of this page may be copied in any form without our written consent"


def own(i, words=40):
    return " ".join(f"w{i}x{j}" for j in range(words))


@pytest.fixture
def sets(tmp_path):
    path = tmp_path / "math.jsonl"
    items = [ITEM, f"An item that nobody has {own('q', 20)}", COMMON, "Too short"]
    path.write_text("".join(json.dumps({"question": item}) + "\n" for item in items))
    return path


@pytest.fixture
def folder(tmp_path):
    data = [{"id": f"d{i:02d}", "text": f"{own(i)}. {COMMON}. {own(i + 100)}"} for i in range(30)]
    data.append({"id": "leak", "text": f"{own(900)}\n{ITEM.upper().replace(' ', ', ')}\n{own(901)}"})
    return texts.write(tmp_path / "texts", data)


def test_contaminated_documents_go(folder, sets, tmp_path):
    """The copy of an item goes, with the item named; what is common in the corpus is no evidence."""
    _, result = texts.run(folder, tmp_path / "out", f"{{use: decontaminate, benchmarks: {{math: {sets}}}}}")
    rows = [row for row in texts.ledger(result).to_pylist() if row["reason"]]
    assert [("leak", "decontaminate.contaminated_ngrams>0", "math:1")] == [
        (row["id"], row["reason"], row["decontaminate.item"]) for row in rows
    ]
    report = json.loads((tmp_path / "out/small/02-decontaminate/report.json").read_text())
    expected = {
        "benchmark": "math",
        "items": 4,
        "too_short": 1,
        "too_common": 1,
        "found": 1,
        "whole": 1,
        "documents": 1,
    }
    assert [expected] == report["contamination"]


def test_items_are_cut_out(folder, sets, tmp_path):
    """`cut` leaves the rest of the document byte for byte."""
    step = f"{{use: decontaminate, action: cut, benchmarks: {{math: {sets}}}}}"
    _, result = texts.run(folder, tmp_path / "out", step)
    (leak,) = [row for row in texts.kept(result).to_pylist() if row["id"] == "leak"]
    assert f"{own(900)}\n\n{own(901)}" == leak["text"]
    assert 31 == result.report.kept


@pytest.mark.parametrize("execute", [runs.shuffled, engine.executor()], ids=["shuffled", "beam"])
def test_the_same_bytes_on_every_engine(folder, sets, tmp_path, execute):
    """Order and engine leave no trace."""
    step = f"{{use: decontaminate, benchmarks: {{math: {sets}}}}}"
    texts.run(folder, tmp_path / "a", step)
    texts.run(folder, tmp_path / "b", step, execute=execute)
    assert [] == runs.same(tmp_path / "a", tmp_path / "b")


def test_a_missing_set_is_told_before_anything_runs(folder, tmp_path):
    """The path is named."""
    with pytest.raises((InputError, ResourceError), match=r"nowhere\.jsonl"):
        texts.planned(folder, tmp_path / "out", "{use: decontaminate, benchmarks: {math: nowhere.jsonl}}")
