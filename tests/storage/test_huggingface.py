"""Tests of reading datasets through the `datasets` package, without a network."""

import json

import pytest

from corpusmill.errors import InputError
from corpusmill.storage.inputs import HuggingFace
from corpusmill.storage.splits import plan_splits
from tests.storage.archives import account

pytest.importorskip("datasets")


@pytest.fixture
def files(tmp_path):
    """Three files of JSON lines."""
    for part in range(3):
        lines = [json.dumps({"content": f"text {part} {n}", "meta": {"url": f"u{n}"}}) for n in range(20)]
        (tmp_path / f"part-{part}.jsonl").write_text("\n".join(lines))
    return tuple(f"{tmp_path}/part-{part}.jsonl" for part in range(3))


def test_local_files(files):
    """Local files go through a builder, one split per file, fields mapped."""
    source = HuggingFace(dataset="json", data_files=files, fields={"text": "content", "url": "meta.url"})
    assert len(plan_splits(source)) == 3
    rows = account(source).rows
    assert [f"text {part} {n}" for part in range(3) for n in range(20)] == [row["text"] for row in rows]
    assert rows[21]["url"] == "u1"
    assert rows[21]["offset"] == 1
    assert rows[21]["source"] == "huggingface"


def test_folder(tmp_path, files):
    """A local folder is a dataset too."""
    source = HuggingFace(dataset=str(tmp_path), fields={"text": "content"})
    assert len(account(source).rows) == 60


def test_fingerprint_follows_content(tmp_path, files):
    """Changed files have another fingerprint."""
    source = HuggingFace(dataset="json", data_files=files)
    before = plan_splits(source)[0].fingerprint
    assert plan_splits(source)[0].fingerprint == before
    (tmp_path / "part-1.jsonl").write_text('{"content": "new"}')
    assert plan_splits(source)[0].fingerprint != before


def test_misnamed_text(files):
    """A dataset without the text field says what it has."""
    with pytest.raises(InputError, match=r"json: expected a field 'text' with the text, found content, meta\.url"):
        account(HuggingFace(dataset="json", data_files=files))


def test_unknown_split(files):
    """A split that the dataset does not have is an input error."""
    with pytest.raises(InputError, match="Bad split: tset"):
        plan_splits(HuggingFace(dataset="json", data_files=files, split="tset"))


def test_hub_without_network(monkeypatch):
    """A hub name without a network is refused at once, with what to do."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(InputError, match=r"nobody/nothing: the hub does not give this dataset .*Check the name"):
        plan_splits(HuggingFace(dataset="nobody/nothing"))


def test_missing_file(tmp_path):
    """A missing local file is told as for any input."""
    with pytest.raises(InputError, match="no such file"):
        plan_splits(HuggingFace(dataset="json", data_files=(f"{tmp_path}/none.jsonl",)))
