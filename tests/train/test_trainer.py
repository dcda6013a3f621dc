"""Runs as a whole: what is checked before, what is written, what is watched, what the command says."""

import base64
import json

import pytest
import torch

from corpusmill import cli, loader
from corpusmill.errors import InputError, OutputError, RecipeError, RunError
from corpusmill.tokenize import tokenizer
from corpusmill.train import export, launch, opened, parallel, room, setup, taken, trainer
from corpusmill.train.loss import IGNORED
from corpusmill.train.progress import Bar
from corpusmill.train.run import Run
from tests.train import tiny


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Packed shards."""
    return tiny.shards(tmp_path_factory.mktemp("data") / "data")


@pytest.fixture
def world():
    """This process alone."""
    torch.set_num_threads(1)
    with parallel.join("cpu") as alone:
        yield alone


@pytest.mark.parametrize(
    ("changes", "ranks", "message"),
    [
        ({}, 3, "found 8 with 3 ranks and batches.micro_rows of 2; expected a multiple of 6; what would do: batches.rows of 12"),
        ({"batches": {"micro_rows": 4}}, 4, "batches.rows of 16 or batches.micro_rows of 2"),
        ({"batches": {"ramp": [[0, 2], [9, 8]]}}, 4, "batches.ramp: found 2 with 4 ranks"),
        ({"model": {"max_length": 32}}, 1, "max_length: found 32; the shards' rows have 64 tokens"),
        ({"model": {"heads": 5}}, 1, "heads"),
        ({"length": {"tokens": 10**9}}, 1, "data: too little for 15,625,000 rows: data: "),
        ({"length": {"epochs": 5}}, 1, "epochs, and 4 are allowed"),
    ],
)  # fmt: skip
def test_settings_that_do_not_go_together(data, tmp_path, changes, ranks, message):
    """Each is told before anything is written, with what would do."""
    with pytest.raises(RecipeError) as caught:
        setup.prepare(tiny.training(data, tmp_path / "out", **changes), ranks)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_that_is_not_the_shards(data, tmp_path):
    """Both digests are named."""
    other = tmp_path / "tokenizer.json"
    other.write_text(tiny.byte_tokenizer().replace("<|endoftext|>", "<|end|>"))
    with pytest.raises(InputError) as caught:
        setup.prepare(tiny.training(data, tmp_path, tokenizer=str(other)), 1)
    ready = setup.prepare(tiny.training(data, tmp_path), 1)
    assert f"but {ready.rows.tokenizer} in the shards of {data}" in str(caught.value)


def test_lengths_by_epochs_and_by_parameters(data, tmp_path):
    """Epochs never take a row too many; tokens of each parameter are counted without the vocabulary's padding."""
    ready = setup.prepare(tiny.training(data, tmp_path, length={"epochs": 1}), 1)
    assert ready.rows.row_count - 8 < ready.steps.samples <= ready.rows.row_count
    ready = setup.prepare(tiny.training(data, tmp_path, length={"per_parameter": 2}), 1)
    parameters = 257 * 32 + 2 * (32 * (32 + 32) + 32 * 32 + 32 * 128 + 64 * 32 + 2 * 32) + 32
    assert 0 <= ready.steps.tokens - 2 * parameters < 8 * tiny.LENGTH


def test_what_a_run_leaves(data, world, tmp_path):
    """Settings, data, tokenizer, a row of metrics for each ten steps, rows of each step, texts, validation, a report."""
    chosen = tiny.training(
        data, tmp_path, length={"tokens": 25 * 8 * tiny.LENGTH}, checkpoints={"every": 10, "background": True},
        watching={"log_every": 10, "validate_every": 10, "sample_every": 10, "prompts": ["", "The "]},
    )  # fmt: skip
    ready = setup.prepare(chosen, 1)
    result = trainer.train(ready, world)
    run = tmp_path / "tiny"
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows if "loss" in row] == [10, 20, 25]
    validated = [row["validation_loss"] for row in rows if "validation_loss" in row]
    assert len(validated) == 3
    assert validated[0] > validated[2] == result.report["validation_loss"]
    assert rows[0]["tokens"] == 10 * 8 * tiny.LENGTH
    samples = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    assert [(row["step"], row["prompt"]) for row in samples] == [
        (step, prompt) for step in (10, 20, 25) for prompt in ("", "The ")
    ]
    assert taken.find(str(run), 25).samples.tolist() == list(range(192, 200))
    assert (run / "tokenizer.json").read_text() == tiny.byte_tokenizer()
    report = json.loads((run / "report.json").read_text())
    assert report == result.report
    assert report["data"] == json.loads((run / "data.json").read_text())["fingerprint"]
    assert not {"seconds", "tokens_per_second"} & report.keys()


def test_a_tokenizer_of_ranks(world, tmp_path):
    """It goes with the model as with its shards, and is left out of an export, whose readers do not know ranks."""
    lines = b"".join(b"%s %d\n" % (base64.b64encode(bytes([byte])), byte) for byte in range(256))
    known = tokenizer.from_ranks(lines, "bytes.tiktoken", "gpt2", {"<|endoftext|>": tiny.EOS})
    data = tiny.shards(tmp_path / "data", rows=60, known=known)
    ready = setup.prepare(tiny.training(data, tmp_path, length={"tokens": 8 * tiny.LENGTH}), 1)
    assert trainer.train(ready, world).report["bits_per_byte"] > 0
    found = opened.open_trained(str(tmp_path / "tiny"), "cpu")
    assert found.tokenizer.digest == known.digest
    told = export.save(found.loaded.model, str(tmp_path / "out"), tokenizer=found.loaded.tokenizer_path, eos=found.eos)
    assert "tokenizer.json" not in told.files


def test_validation_is_the_loss_of_its_rows(data, world, tmp_path):
    """Mean over targets, and bits per byte of their text, by hand from all rows one at a time."""
    ready = setup.prepare(tiny.training(data, tmp_path, watching={"validate_rows": 7}), 1)
    result = trainer.train(ready, world)
    run = Run(ready, world)
    entropy, of_text, targets, size = 0.0, 0.0, 0, 0
    with parallel.looking(run.model):
        for number in range(7):
            batch = ready.validation.batch(torch.tensor([number]).numpy())
            losses = run.losses(batch).cross_entropy.numpy()
            entropy += float(losses.sum())
            of_text += float(losses[batch.targets != tiny.EOS].sum())  # what is ignored costs nothing
            counted = batch.targets[batch.targets != IGNORED]
            targets += len(counted)
            size += int((counted != tiny.EOS).sum())  # each id but end-of-text is a byte
    assert result.report["validation_loss"] == pytest.approx(entropy / targets, rel=1e-5)
    assert result.report["bits_per_byte"] == pytest.approx(of_text / size / 0.6931471805599453, rel=1e-5)


def test_without_validation_and_tokenizer(world, tmp_path):
    """A run needs neither: it has then no validation loss, or no bits per byte and no texts."""
    bare = tiny.shards(tmp_path / "bare", validation=0)
    result = trainer.train(setup.prepare(tiny.training(bare, tmp_path, name="bare"), 1), world)
    assert "validation_loss" not in result.report
    plain = tiny.shards(tmp_path / "plain")
    (plain / "tokenizer.json").unlink()
    chosen = tiny.training(plain, tmp_path, name="plain", watching={"prompts": ["a"]})
    report = trainer.train(setup.prepare(chosen, 1), world).report
    assert "validation_loss" in report
    assert "bits_per_byte" not in report
    assert (tmp_path / "plain/samples.jsonl").read_text() == ""


def test_two_processes_do_not_train_in_one_folder(data, world, tmp_path):
    """The second is refused while the first holds the folder."""
    ready = setup.prepare(tiny.training(data, tmp_path), 1)
    with launch.alone(ready.folder), pytest.raises(OutputError, match="another process trains there"):
        trainer.train(ready, world)


def test_out_of_memory_is_told_with_what_would_fit(data, world, tmp_path, monkeypatch):
    """The planner's advice names settings of the training file."""
    ready = setup.prepare(tiny.training(data, tmp_path, batches={"rows": 64, "micro_rows": 64}), 1)
    assert "batches.micro_rows=" in room.told(ready, world, 12_000_000)

    def full(self, batch):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Run, "losses", full)
    with pytest.raises(RunError, match=r"cpu of rank 0 is out of memory; by the plan .* the run goes on from"):
        trainer.train(ready, world)


def test_full_logits_where_there_is_room(data, tmp_path, monkeypatch):
    """`auto` takes chunks above a number of bytes; what is asked for is taken."""
    ready = setup.prepare(tiny.training(data, tmp_path), 1)
    cpu = torch.device("cpu")
    assert room.how(ready, cpu) == "full"
    monkeypatch.setitem(room.MOST_LOGITS, "cpu", 4 * 2 * tiny.LENGTH * 384 - 1)
    assert room.how(ready, cpu) == "chunked"
    chosen = tiny.training(data, tmp_path, sharding={"loss": "full"})
    assert room.how(setup.prepare(chosen, 1), cpu) == "full"


def test_the_command(data, tmp_path, capsys):
    """It trains, says where things are and how good, and what it finds when it is run again."""
    file = tmp_path / "training.yaml"
    file.write_text(loader.dump(tiny.training(data, tmp_path / "out")))
    torch.set_num_threads(1)
    assert cli.main(["train", str(file)]) == 0
    said = capsys.readouterr()
    assert f"finished: {tmp_path}/out/tiny, 8 steps, 4,096 tokens, loss " in said.out
    assert "tiny: step 1/8  loss 5." in said.err
    assert cli.main(["train", str(file)]) == 0
    assert "finished before: " in capsys.readouterr().out
    longer = f"length.tokens={12 * 8 * tiny.LENGTH}"
    assert cli.main(["train", str(file), "--set", longer]) == 0
    said = capsys.readouterr()
    assert "tiny: 12 steps, going on after step 8" in said.err
    assert ", 12 steps, " in said.out
    assert cli.main(["train", str(file), "--set", "model.layers=3"]) == 2
    assert "model.layers is 2 there, but 3 here" in capsys.readouterr().err
    assert cli.main(["train", str(file), "--set", "sharding.device=cuda"]) == (
        2 if not torch.cuda.is_available() else 0
    )


def test_the_bar_tells_what_was_skipped(capsys):
    """A line for each row that has skipped steps; the first row is told where there is no terminal."""
    bar = Bar()
    bar.begin("small", 10, 4)
    row = {"loss": 2.0, "tokens_per_second": 1000.0, "mfu": 0.41, "skipped": 2, "skipped_steps": [5, 6]}
    bar.update(6, row)
    bar.end()
    said = capsys.readouterr().err
    assert "small: 10 steps, going on after step 4" in said
    assert "small: step 6/10  loss 2.0000  1,000 tokens/s  MFU 41.0%" in said
    assert "small: skipped 5, 6: loss or gradient far above" in said


def test_a_mesh_that_does_not_divide():
    """Groups of hsdp, and whole-model compiling on several ranks, are refused by name."""
    world = parallel.World(0, 4, 4, torch.device("cpu"))
    chosen = tiny.training("x", "y", sharding={"strategy": "hsdp", "shard_ranks": 3}).sharding
    with pytest.raises(RecipeError, match=r"sharding.shard_ranks: found 3 with 4 ranks; expected a divisor"):
        parallel._mesh(chosen, world)
