"""Publishing: to a hub that the real client talks to, and into folders that `datasets` reads."""

import shutil
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from corpusmill import cli
from corpusmill.errors import InputError, OutputError, StorageError, UsageError
from corpusmill.report import outputs, publish
from corpusmill.storage import hub
from tests.report import fakehub
from tests.report.page import hostile
from tests.stages import texts

pytest.importorskip("huggingface_hub")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run."""
    return outputs.find(str(hostile.run(tmp_path_factory.mktemp("publish"))))


@pytest.fixture
def at_hub(monkeypatch):
    """A hub on this machine that the client believes to be the hub."""
    import huggingface_hub

    with fakehub.hub() as state:
        api = huggingface_hub.HfApi(endpoint=state["url"], token="hf_none")
        monkeypatch.setattr(huggingface_hub, "HfApi", lambda: api)
        yield state


def stage_of(run, name):
    """A stage's folder."""
    return next(Path(stage.path) for stage in run.stages if stage.title.endswith(name))


def test_documents_go_to_the_hub_in_one_commit(run, at_hub):
    """The files that the run wrote, and the card; a second push removes shards that are there no more."""
    at_hub["files"]["documents/00017.parquet"] = b"of an earlier push"
    at_hub["files"]["documents/notes.txt"] = b"not ours"
    sent = publish.publish(run, "me/mine", "documents")
    assert {"name": "mine", "organization": "me", "visibility": "private", "type": "dataset"} == at_hub["made"]
    files = at_hub["files"]
    for path in sorted((stage_of(run, "redact") / "documents").glob("*.parquet")):
        assert path.read_bytes() == files[f"documents/{path.name}"]
    assert ["documents/00017.parquet"] == sent.removed
    assert "documents/00017.parquet" not in files
    assert b"not ours" == files["documents/notes.txt"]
    assert files["README.md"].startswith(b"---\npretty_name: small\n")
    assert at_hub["card"].encode() == files["README.md"]
    assert 1 == at_hub["commits"]


def test_a_hub_that_refuses_is_told_of(run, at_hub):
    """Nothing is committed, and the message says what to look at."""
    at_hub["refuses"] = True
    with pytest.raises(StorageError, match=r"did not take the files .*403.* nothing was committed"):
        publish.publish(run, "me/mine", "documents")
    assert 0 == at_hub["commits"]
    with pytest.raises(UsageError, match="expected user/name on the hub"):
        publish.publish(run, "mine", "documents")


def test_a_folder_is_read_by_datasets(run, tmp_path, capsys):
    """What was pushed into a folder loads, splits and all; the card tells where the files lie."""
    datasets = pytest.importorskip("datasets")
    target = str(tmp_path / "there")
    assert 0 == cli.main(["push", run.root, target])
    assert "pushed " in capsys.readouterr().out
    loaded = datasets.load_dataset(target, cache_dir=str(tmp_path / "cache"))
    wanted = pq.read_table(stage_of(run, "redact") / "documents")
    assert ["train"] == list(loaded)
    assert sorted(wanted["id"].to_pylist()) == sorted(loaded["train"]["id"])
    assert not any("@riverhouse.org" in text for text in loaded["train"]["text"])
    packed = str(tmp_path / "packed")
    assert 0 == cli.main(["push", run.root, packed, "--what", "packed", "--license", "odc-by"])
    loaded = datasets.load_dataset(packed, cache_dir=str(tmp_path / "cache"))
    assert {"train", "validation"} == set(loaded)
    assert 128 == len(loaded["train"][0]["input_ids"])
    assert (stage_of(run, "tokenize") / "tokenizer.json").read_bytes() == (
        tmp_path / "packed/tokenizer.json"
    ).read_bytes()


def test_a_second_push_into_a_folder(run, tmp_path):
    """Shards of an earlier push go; a folder of somebody else is left alone."""
    target = tmp_path / "there"
    publish.publish(run, str(target), "documents")
    (target / "documents" / "00017.parquet").write_bytes(b"old")
    assert ["documents/00017.parquet"] == publish.publish(run, str(target), "documents").removed
    assert not (target / "documents" / "00017.parquet").exists()
    for name in ("README.md", "notes.txt"):
        other = tmp_path / name.replace(".", "-")
        other.mkdir()
        (other / name).write_text("mine")
        with pytest.raises(OutputError, match="which no earlier push has put there"):
            publish.publish(run, str(other), "documents")
        assert ["mine"] == [path.read_text() for path in other.iterdir()]


def test_a_changed_file_is_not_published(run, tmp_path, monkeypatch):
    """Bytes that are not those of the manifest are refused, here as there; so is a push without the client."""
    shutil.copytree(run.root, tmp_path / "small")
    path = next((tmp_path / "small" / stage_of(run, "redact").name / "documents").glob("*.parquet"))
    path.write_bytes(path.read_bytes() + b"!")
    changed = outputs.find(str(tmp_path / "small"))
    for target in ("me/mine", str(tmp_path / "there")):
        with pytest.raises(OutputError, match="the file was changed since"):
            publish.publish(changed, target, "documents")
    with pytest.raises(InputError, match="copy the run here"):
        hub.push("me/mine", [hub.Item("a", "memory://a")], (), public=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match="pip install"):
        hub.push("me/mine", [], (), public=False)


def test_raw_texts_need_leave(tmp_path, capsys):
    """Texts that no step has redacted are refused without --raw."""
    texts.run(texts.write(tmp_path / "texts", [{"text": "a text"}], 1), tmp_path / "out", "{use: exact_dedup}")
    arguments = ["push", str(tmp_path / "out"), str(tmp_path / "there")]
    assert 2 == cli.main(arguments)
    assert "push with --raw" in capsys.readouterr().err
    assert not (tmp_path / "there").exists()
    assert 0 == cli.main([*arguments, "--raw"])
    assert (tmp_path / "there" / "documents" / "00000.parquet").exists()
    card = str(tmp_path / "card.md")
    assert 0 == cli.main(["card", str(tmp_path / "out"), "--out", card])
    assert 2 == cli.main(["card", str(tmp_path / "out"), "--out", card])
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "there" / "README.md").read_text() == Path(card).read_text()
