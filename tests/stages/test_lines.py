"""Line and paragraph dedup through whole runs."""

from collections import Counter

import pytest

from corpusmill.pipelines import engine
from tests import runs
from tests.stages import texts

HEAD = "Home of the pages that all begin alike, with the same first line."
LONG = " ".join(f"passage{i}" for i in range(40))


def documents(count=40):
    """Pages that share a head, some lines, and a long paragraph, each with lines of its own."""
    return [
        {
            "id": f"d{i:02d}",
            "text": "\n".join(
                [
                    HEAD if i % 2 else HEAD.upper(),
                    f"The first own line of page {i} says this. It goes on for page {i}.",
                    f"Shared by two pages, number {i // 2}, and then it ends.",
                    *([LONG] if i % 5 == 0 else []),
                    " ".join(f"own{i}x{j}" for j in range(30)) + ".",
                ]
            ),
        }
        for i in range(count)
    ]


@pytest.fixture
def folder(tmp_path):
    return texts.write(tmp_path / "texts", documents())


def test_every_line_is_there_once(folder, tmp_path):
    """Each line of the corpus stays in one page; no page loses a line that nobody else keeps."""
    _, result = texts.run(folder, tmp_path / "out", "{use: line_dedup}")
    left = Counter(line.lower() for text in texts.kept(result)["text"].to_pylist() for line in text.split("\n"))
    there = {line.lower() for document in documents() for line in document["text"].split("\n")}
    assert there == set(left)
    assert {1} == set(left.values())
    rows = texts.ledger(result).to_pylist()
    assert all(0 <= row["line_dedup.share_cut"] < 1 for row in rows)
    assert result.report.tallies["line_dedup.units"] == sum(d["text"].count("\n") + 1 for d in documents())


def test_bounds_judge_what_is_left(folder, tmp_path):
    """A page with too few lines left goes, with the reason; a page with none goes by default."""
    data = [*documents(), *({"id": f"e{i}", "text": f"{HEAD}\n{HEAD}"} for i in range(5))]
    folder = texts.write(tmp_path / "more", data)
    _, result = texts.run(folder, tmp_path / "out", "{use: line_dedup}")
    reasons = Counter(row["reason"] for row in texts.ledger(result).to_pylist())
    assert reasons["line_dedup.lines_kept<1"] in (4, 5)
    _, result = texts.run(folder, tmp_path / "strict", "{use: line_dedup, lines_kept: [4, null]}")
    assert any("lines_kept<4" in (row["reason"] or "") for row in texts.ledger(result).to_pylist())


def test_runs_of_sentences(tmp_path):
    """A passage of sentences that stands in two documents stays whole in one of them."""
    passage = "One thing came first here. Then came another thing. A third one followed it."
    data = [
        {"id": f"p{i}", "text": f"This is only in {i} and nowhere. {passage} End of text {i} it is."} for i in range(4)
    ]
    _, result = texts.run(texts.write(tmp_path / "t", data), tmp_path / "out", "{use: line_dedup, unit: sentences}")
    found = texts.kept(result)["text"].to_pylist()
    assert 1 == sum(passage in text for text in found)
    assert 3 == sum("came another" not in text for text in found)
    assert all(f"only in {i}" in " ".join(found) for i in range(4))


PARAGRAPHS = "{use: paragraph_dedup, min_words: 5, duplicated_share: [null, null]}"


def test_paragraphs_seen_before_go(folder, tmp_path):
    """The long paragraph stays in the first page of the corpus that has it."""
    _, result = texts.run(folder, tmp_path / "out", PARAGRAPHS)
    found = texts.kept(result)["text"].to_pylist()
    assert 1 == sum(LONG in text for text in found)
    assert LONG in found[0]
    assert len(documents()) == len(found)
    assert all(f"own{i}x29." in " ".join(found) for i in range(40))


def test_groups_of_shards_decide_alike(folder, tmp_path, monkeypatch):
    """However many groups are scanned side by side, the answer is that of one pass."""
    _, one = texts.run(folder, tmp_path / "a", PARAGRAPHS)
    monkeypatch.setattr("corpusmill.stages.paragraphs.GROUPS", 1)
    _, serial = texts.run(folder, tmp_path / "b", PARAGRAPHS)
    assert texts.ledger(one).equals(texts.ledger(serial))
    assert texts.kept(one).equals(texts.kept(serial))


@pytest.mark.parametrize("steps", ["{use: line_dedup}", PARAGRAPHS])
@pytest.mark.parametrize("execute", [runs.shuffled, engine.executor()], ids=["shuffled", "beam"])
def test_the_same_bytes_on_every_engine(folder, tmp_path, steps, execute):
    """Order and engine leave no trace."""
    texts.run(folder, tmp_path / "a", steps)
    texts.run(folder, tmp_path / "b", steps, execute=execute)
    assert [] == runs.same(tmp_path / "a", tmp_path / "b")
