"""Packed shards are found by run, stage, split and folder; what is not whole is refused."""

import shutil

import pytest

from corpusmill.errors import InputError, OutputError
from corpusmill.storage import packed_files
from tests.storage import packing


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A stage of two shards, without manifest and reports."""
    folder = tmp_path_factory.mktemp("packed") / "a"
    packing.write(folder / "train/00000.arrow", packing.some_documents(50))
    packing.write(folder / "train/00001.arrow", packing.some_documents(30, 1))
    packing.write(folder / "validation/00000.arrow", packing.some_documents(9, 3))
    return folder


@pytest.fixture
def stage(packed, tmp_path):
    """The same in a run, finished."""
    stage = tmp_path / "out/novels/02-tokenize"
    shutil.copytree(packed, stage)
    (stage / "reports").mkdir()
    (stage.parent / "recipe.yaml").write_text("name: novels\n")
    packing.listed(stage)
    return stage


def test_by_run_stage_split_and_folder(packed, stage, tmp_path):
    """All of them name the run; the tokenizer beside them is found."""
    (stage / "tokenizer.json").write_text("{}")
    named = [tmp_path / "out", stage.parent, f"{stage.parent}/", stage, stage / "train"]
    found = [packed_files.find(str(path)) for path in named]
    assert [found[0]] * 5 == found
    assert ("novels", str(stage / "tokenizer.json")) == (found[0].name, found[0].tokenizer)
    train = [str(stage / f"train/0000{n}.arrow") for n in (0, 1)]
    assert [train] * 6 == [found[0].files, *(packed_files.named(str(path)) for path in named)]
    assert [packed_files.sha256(file) for file in train] == found[0].digests
    held = [str(stage / "validation/00000.arrow")]
    assert held == packed_files.named(str(stage / "validation")) == packed_files.find(str(stage), "validation").files
    assert held == packed_files.named(held[0])
    alone = shutil.copytree(packed / "train", tmp_path / "alone")
    assert [str(alone / f"0000{n}.arrow") for n in (0, 1)] == packed_files.find(str(alone)).files


def test_which_splits_have_rows(packed, tmp_path):
    """A split may be missing, or be files without a row."""
    assert packed_files.has(str(packed), "validation")
    packing.write(tmp_path / "few/train/00000.arrow", packing.some_documents(3))
    assert not packed_files.has(str(tmp_path / "few"), "validation")
    packing.write(tmp_path / "few/validation/00000.arrow", [])
    assert packed_files.has(str(tmp_path / "few"), "train")
    assert not packed_files.has(str(tmp_path / "few"), "validation")


def test_what_a_writer_left_is_no_shard(packed, stage, tmp_path):
    """Temporary files, in a stage and in a folder without a manifest; a stage lists its shards, whatever lies there."""
    alone = shutil.copytree(packed, tmp_path / "alone")
    for folder in stage, alone:
        shutil.copy(folder / "train/00000.arrow", folder / "train/.tmp-host-1-00002.arrow")
    shutil.copy(stage / "train/00000.arrow", stage / "train/00007.arrow")
    for folder in stage, alone, alone / "train":
        files = packed_files.named(str(folder))
        assert ["00000.arrow", "00001.arrow"] == [file.rpartition("/")[2] for file in files]


def test_half_a_stage_is_refused(stage):
    """Not finished; a shard gone, or cut off; a manifest that is none: never the shards that happen to be there."""
    (stage / "train/00001.arrow").unlink()
    named = [str(path) for path in (stage.parent, stage, stage / "train")]
    for path in named:
        with pytest.raises(
            OutputError, match=r"00001.arrow: no such file, but .*manifest.json lists it; run the recipe"
        ):
            packed_files.named(path)
    (stage / "train/00001.arrow").write_bytes(b"ARROW1")
    with pytest.raises(OutputError, match=r"00001.arrow: 6 bytes, but [\d,]+ in .*manifest.json; copy it again"):
        packed_files.named(named[0])
    (stage / "manifest.json").write_text("{}")
    with pytest.raises(
        OutputError, match=r"manifest.json: not a manifest of shards \('shards'\); delete it and run again"
    ):
        packed_files.named(named[0])
    (stage / "manifest.json").unlink()
    for path in named:
        with pytest.raises(InputError, match="02-tokenize: this stage is not finished; run its recipe again"):
            packed_files.named(path)
    shutil.rmtree(stage / "validation")
    (stage / "validation").mkdir()
    with pytest.raises(InputError, match="02-tokenize: this stage is not finished; run its recipe again"):
        packed_files.named(str(stage / "validation"))


def test_other_folders_are_told(packed, tmp_path):
    """What is there instead, and what to do."""
    run = tmp_path / "two"
    for name in ("02-tokenize", "03-tokenize"):
        shutil.copytree(packed, run / name)
    (run / "recipe.yaml").touch()
    (tmp_path / "no/01-curate").mkdir(parents=True)
    (tmp_path / "no/recipe.yaml").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts/a.jsonl").touch()
    packing.write(tmp_path / "some/train/00000.arrow", packing.some_documents(3))
    for name in ("one", "other"):
        shutil.copytree(run, tmp_path / "several" / name)
    cases = {
        "nowhere": "nowhere: no such shard or folder; expected a run, or packed shards",
        "two": f"two: a run with 2 packed stages; name one of {run}/02-tokenize, {run}/03-tokenize",
        "no": "a run without packed shards; end its recipe with the step tokenize",
        "empty": "no packed shards .found: an empty folder",
        "texts": "no packed shards .found: a.jsonl",
        "several": "holds 2 runs; name one of",
    }
    for name, message in cases.items():
        with pytest.raises(InputError, match=message):
            packed_files.find(str(tmp_path / name))
    with pytest.raises(InputError, match="no validation shards; give `validation` in the step tokenize a share above"):
        packed_files.find(str(tmp_path / "some"), "validation")
