"""Publishing: to a hub that the real client talks to, and into folders that `datasets` reads."""

import json
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


def names(folder):
    """The shards in a folder that was pushed into."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.suffix in {".parquet", ".arrow"})


def test_each_kind_replaces_its_own(run, tmp_path, at_hub, capsys):
    """A push of one kind leaves shards of the other in a folder and at the hub, says so, and removes its own."""
    target, files = tmp_path / "there", at_hub["files"]
    publish.publish(run, str(target), "documents")
    first = names(target)
    assert 0 == cli.main(["push", run.root, str(target), "--what", "packed"])
    assert f"left     {len(first)} files of an earlier push --what documents" in capsys.readouterr().out
    both = names(target)
    assert {*first} < {*both}
    (target / "validation" / "00017.arrow").write_bytes(b"old")
    (target / "documents" / "00017.parquet").write_bytes(b"old")
    sent = publish.publish(run, str(target), "packed")
    assert (["validation/00017.arrow"], [*first, "documents/00017.parquet"]) == (sent.removed, sent.left)
    sent = publish.publish(run, str(target), "documents")
    assert ["documents/00017.parquet"] == sent.removed
    assert {*both} - {*first} == {*sent.left}
    assert both == names(target)
    files["documents/00017.parquet"] = files["train/00017.arrow"] = files["other/00017.arrow"] = b"old"
    assert 0 == cli.main(["push", run.root, "me/mine", "--what", "packed", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert (["train/00017.arrow"], ["documents/00017.parquet"]) == (told["removed"], told["left"])
    assert ("me/mine", stage_of(run, "tokenize").name) == (told["target"], told["stage"])
    assert {*told["files"]} == {*files} - {"documents/00017.parquet", "other/00017.arrow", ".gitattributes"}
    assert {"documents/00017.parquet", "other/00017.arrow"} < {*files}


def test_a_missing_file_is_told_of_by_its_own_name(run, tmp_path, at_hub):
    """What cannot be read is not blamed on the target; what cannot be written is."""
    shutil.copytree(run.root, tmp_path / "small")
    folder = tmp_path / "small" / stage_of(run, "redact").name / "documents"
    path = max(folder.glob("*.parquet"))
    path.unlink()
    left = outputs.find(str(tmp_path / "small"))
    for target in ("me/mine", str(tmp_path / "there")):
        with pytest.raises(OutputError, match=f"^{path}: no such file; the run is not whole"):
            publish.publish(left, target, "documents")
    assert 0 == at_hub["commits"]
    assert not (tmp_path / "there").exists()
    path.mkdir()
    with pytest.raises(InputError, match=f"^{path}: cannot be read"):
        publish.publish(left, str(tmp_path / "there"), "documents")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=f"^{tmp_path}/file/there/documents/00000.parquet: cannot be written"):
        publish.publish(run, str(tmp_path / "file" / "there"), "documents")


def test_nothing_is_not_published(tmp_path, capsys):
    """A run that kept no document has nothing to send."""
    steps = "{use: gopher_quality, words: [30, null]}\n{use: redact}"
    texts.run(texts.write(tmp_path / "texts", [{"text": "a text"}], 1), tmp_path / "out", steps)
    assert 2 == cli.main(["push", str(tmp_path / "out"), str(tmp_path / "there")])
    assert "01-curate: holds no document to push" in capsys.readouterr().err
    assert not (tmp_path / "there").exists()


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
        hub.push("me/mine", [hub.Item("a", "memory://a")], (), (), public=False)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UsageError, match="pip install"):
        hub.push("me/mine", [], (), (), public=False)


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
