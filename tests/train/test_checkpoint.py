"""Checkpoints: whole or not there, kept and removed as asked, refused for another run."""

import json
import shutil

import pytest
import torch

from corpusmill.errors import InputError, OutputError, RunError, StorageError
from corpusmill.train import checkpoint, parallel, setup, trainer
from corpusmill.train.attention import Segments
from corpusmill.train.run import Run
from tests.train import tiny


@pytest.fixture(scope="module")
def world():
    """This process alone."""
    torch.set_num_threads(1)
    with parallel.join("cpu") as alone:
        yield alone


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Packed shards."""
    return tiny.shards(tmp_path_factory.mktemp("data") / "data")


@pytest.fixture(scope="module")
def done(world, data, tmp_path_factory):
    """Shards, and a finished run of 8 steps that saved each step and keeps the last two and each third."""
    folder = tmp_path_factory.mktemp("done")
    chosen = tiny.training(data, folder, checkpoints={"every": 1, "keep_last": 2, "keep_every": 3, "background": True})
    trainer.train(setup.prepare(chosen, 1), world)
    return folder / "tiny"


def test_what_is_kept(done):
    """The last two, each third, nothing half-written; the newest is the last."""
    names = [folder.name for folder in checkpoint.all_in(done)]
    assert names == [f"step-{step:08d}" for step in (3, 6, 7, 8)]
    assert sorted(path.name for path in (done / "checkpoints").iterdir()) == names
    assert checkpoint.latest(done) == done / "checkpoints/step-00000008"
    told = checkpoint.manifest(checkpoint.latest(done))
    assert (told["step"], told["samples"], told["tokens"]) == (8, 64, 64 * tiny.LENGTH)
    assert told["training"]["seed"] == 0


def test_the_model_of_a_run_of_a_checkpoint_and_of_nothing(done, world, data, tmp_path):
    """It loads without ranks, has the weights of the run, and computes its validation loss; other folders are named."""
    loaded = checkpoint.open_model(str(done))
    assert loaded.tokenizer_path == str(done / "tokenizer.json")
    assert loaded.architecture.vocabulary_size == 257
    ready = setup.prepare(tiny.training(data, done.parent), 1)
    run = Run(ready, world)
    assert run.step == 8
    for name, parameter in loaded.model.named_parameters():
        assert torch.equal(parameter, run.tensors[f"model.{name}"].full_tensor()), name
    batch = ready.validation.batch(torch.arange(8).numpy())
    segments = Segments.of(batch.lengths, tiny.LENGTH, "cpu")
    with torch.no_grad():
        losses = loaded.model(torch.from_numpy(batch.inputs), segments, torch.from_numpy(batch.targets))
    mean = losses.cross_entropy.sum() / (batch.targets >= 0).sum()
    assert float(mean) == pytest.approx(json.loads((done / "report.json").read_text())["validation_loss"], rel=1e-5)
    early = checkpoint.open_model(str(done / "checkpoints/step-00000003"))
    assert early.manifest["step"] == 3
    assert early.tokenizer_path == loaded.tokenizer_path
    with pytest.raises(InputError, match="no model here; expected the folder of a training run"):
        checkpoint.open_model(str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(InputError, match="without a whole checkpoint"):
        checkpoint.open_model(str(tmp_path))


def test_other_data_model_and_batches_are_refused(done, data, world, tmp_path):
    """What differs is named, with both values; so are batches under which the step began elsewhere."""
    others = tiny.shards(tmp_path / "others", seed=1)
    copy = tmp_path / "out/tiny"
    shutil.copytree(done, copy)
    kept = checkpoint.manifest(checkpoint.latest(copy))

    def refused(where, **changes):
        with pytest.raises(OutputError) as caught:
            Run(setup.prepare(tiny.training(where, tmp_path / "out", **changes), 1), world)
        return str(caught.value)

    told = refused(others)
    assert f"the data's fingerprint is {kept['data']} there, but " in told
    assert "give this run another name" in told
    assert "model.hidden is 64 there, but 96 here" in refused(data, model={"hidden": 96})
    told = refused(data, batches={"rows": 4}, length={"tokens": 16 * 4 * tiny.LENGTH})
    assert "step 8 had seen 64 samples, but with these batches it would have seen 32" in told
    folder = checkpoint.latest(copy)
    with pytest.raises(OutputError, match=r"the tokenizer's digest is abc there, but .* here"):
        checkpoint.check(folder, {**kept, "tokenizer": "abc"}, kept)
    (folder / "manifest.json").write_text(json.dumps({**kept, "version": 99}))
    assert "checkpoint of version 99; this corpusmill reads 1" in refused(data)


def test_a_damaged_checkpoint_is_named(done, data, world, tmp_path):
    """A file cut short, or gone, is an error that names the checkpoint and what to do."""
    for number, damage in enumerate(
        (lambda file: file.write_bytes(file.read_bytes()[:100]), lambda file: file.unlink())
    ):
        copy = tmp_path / str(number) / "tiny"
        shutil.copytree(done, copy)
        damage(next(checkpoint.latest(copy).glob("*.distcp")))
        ready = setup.prepare(tiny.training(data, copy.parent), 1)
        with pytest.raises(OutputError, match=r"step-00000008: cannot be loaded .*remove this checkpoint"):
            Run(ready, world)


@pytest.mark.parametrize("background", [True, False])
def test_no_space_left(data, world, tmp_path, background, monkeypatch):
    """A device that is full stops the run with a message; what was saved before is whole, and the run goes on from it."""
    changes = {"checkpoints": {"every": 3, "background": background}}
    ready = setup.prepare(tiny.training(data, tmp_path, **changes), 1)
    partial = ready.folder / "checkpoints/step-00000006.partial"
    taking = Run.take

    def filling(self, batches, targets):
        if self.step == 5:  # the file that DCP will write is a device that is always full
            partial.mkdir()
            (partial / "__0_0.distcp").symlink_to("/dev/full")
        return taking(self, batches, targets)

    monkeypatch.setattr(Run, "take", filling)
    with pytest.raises(StorageError) as caught:
        trainer.train(ready, world)
    told = str(caught.value)
    assert "step-00000006.partial: cannot be written (rank 0: No space left on device)" in told
    assert "free space and run again: training goes on from step-00000003" in told
    assert isinstance(caught.value, RunError)
    monkeypatch.undo()
    assert [folder.name for folder in checkpoint.all_in(ready.folder)] == ["step-00000003"]
    again = trainer.train(ready, world)
    assert again.step == 8
    assert not partial.exists()


def test_saving_twice_and_copies_before_they_change(data, world, tmp_path):
    """A checkpoint that is there is not written again; what is written in the background is as it was when asked for."""
    ready = setup.prepare(tiny.training(data, tmp_path), 1)
    run = Run(ready, world)
    saver = checkpoint.Saver(
        ready.folder, tiny.training(data, tmp_path, checkpoints={"background": True}).checkpoints, world
    )
    before = {name: parameter.detach().full_tensor().clone() for name, parameter in run.model.named_parameters()}
    saver.save(run.tensors, {**run.manifest(), "step": 5})
    with torch.no_grad():
        for parameter in run.parameters:
            parameter.add_(1.0)
    saver.finish()
    saver.save(run.tensors, {**run.manifest(), "step": 5})
    saver.finish()
    loaded = checkpoint.open_model(str(ready.folder)).model
    for name, parameter in loaded.named_parameters():
        assert torch.equal(parameter, before[name]), name
