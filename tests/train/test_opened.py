"""Trained models opened and used, by the commands that do so."""

import json
import shutil

import pytest
import torch

from corpusmill import cli
from corpusmill.train import architecture, config, export, parallel, setup, trainer
from corpusmill.train.model import Decoder
from corpusmill.train.opened import open_trained
from tests.train import tiny

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An export with its tokenizer, never trained."""
    made = Decoder(architecture.resolve(config.Model(**tiny.MODEL, initial_deviation=0.5), 257, 64))
    made.initialise(0)
    place = tmp_path_factory.mktemp("export")
    (place / "tokenizer.json").write_text(tiny.byte_tokenizer(), encoding="utf-8")
    export.save(made, str(place / "out"), tokenizer=str(place / "tokenizer.json"), eos=tiny.EOS)
    return place / "out"


def test_a_run_is_opened_exported_and_opened_again(tmp_path, capsys):
    """Two steps of training, an export of its last checkpoint: both write the same text, and know their end-of-text."""
    chosen = tiny.training(tiny.shards(tmp_path / "data"), tmp_path / "models", length={"tokens": 2 * 8 * 64})
    with parallel.join("cpu") as world:
        trainer.train(setup.prepare(chosen, 1), world)
    run, out = str(tmp_path / "models" / "tiny"), str(tmp_path / "out")
    assert 0 == cli.main(["export-model", run, "--out", out])
    assert "LlamaForCausalLM" in capsys.readouterr().out
    assert open_trained(run).eos == open_trained(out).eos == tiny.EOS
    told = []
    for model in (run, out):
        assert 0 == cli.main(["generate", model, "--prompt", "The", "--max-tokens", "20", "--seed", "3"])
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]
    assert told[0].startswith("The")
    file = tmp_path / "models" / "tiny" / "tokenizer.json"
    file.write_text(file.read_text().replace("<|endoftext|>", "<|end|>"))
    assert 2 == cli.main(["generate", run])
    assert "bring back the tokenizer that the model was trained with" in capsys.readouterr().err


def test_generate_prints_each_text(folder, capsys):
    """Prompts and counts are told apart, a stop cuts, greedy is greedy."""
    command = ["generate", str(folder), "--prompt", "ab", "--prompt", "cd", "--max-tokens", "6"]
    assert 0 == cli.main([*command, "--count", "2", "--top-k", "5", "--top-p", "0.9"])
    lines = capsys.readouterr().out
    assert [lines.count(f"--- {number} of 4\n{'ab' if number < 3 else 'cd'}") for number in (1, 2, 3, 4)] == [1] * 4
    assert 0 == cli.main(["generate", str(folder), "--greedy", "--max-tokens", "6"])
    greedy = capsys.readouterr().out[:-1]
    assert 0 == cli.main(["generate", str(folder), "--temperature", "0", "--max-tokens", "6", "--stop", greedy[2:4]])
    assert greedy[: greedy.find(greedy[2:4])] + "\n" == capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--top-p", "1.5"], "top_p: found 1.5"),
        (["--temperature", "-1"], "temperature: found -1"),
        (["--max-tokens", "64"], "max_tokens: found 64; expected from 1 to 63: the model has 64 positions"),
    ],
)
def test_settings_that_cannot_be(flags, message, folder, capsys):
    """The message names the setting, and the exit code is that of usage."""
    assert 2 == cli.main(["generate", str(folder), *flags])
    assert message in capsys.readouterr().err


def test_a_model_without_a_tokenizer(folder, tmp_path, capsys):
    """It writes no text, and is exported with a word about it; what is no model is told."""
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "tokenizer.json").unlink()
    assert 2 == cli.main(["generate", str(tmp_path / "bare")])
    assert "the model has no tokenizer" in capsys.readouterr().err
    assert 0 == cli.main(
        ["export-model", str(tmp_path / "bare"), "--out", str(tmp_path / "out"), "--dtype", "bfloat16"]
    )
    assert "without a tokenizer" in capsys.readouterr().out
    assert "bfloat16" == json.loads((tmp_path / "out" / "config.json").read_text())["torch_dtype"]
    assert 2 == cli.main(["generate", str(tmp_path)])
    assert "no model here" in capsys.readouterr().err
