"""corpusmill plan-model: forward from a model, backward from a budget or from shards; bad questions."""

import json

import pytest

from corpusmill import cli
from corpusmill.train.config import Data
from corpusmill.train.data import Rows
from tests.storage import packing


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """Packed rows of eight tokens, 301 ids."""
    folder = tmp_path_factory.mktemp("packed")
    packing.write(folder / "00000.arrow", packing.some_documents(200))
    return folder


def asked(capsys, *arguments):
    """What the command prints, read back from JSON."""
    assert 0 == cli.main(["plan-model", *map(str, arguments), "--json"])
    return json.loads(capsys.readouterr().out)


def told(capsys, *arguments):
    """Exit code and message of a command that cannot be answered."""
    code = cli.main(["plan-model", *map(str, arguments)])
    return code, capsys.readouterr().err


def test_a_model_forward(capsys):
    """GPT-2 on the design's goals: 460k tokens/s are 40 % of an H200 (design, section 4); memory falls with ZeRO."""
    found = asked(capsys, "gpt2-124m", "--gpus", 1, "--mfu", 0.4, "--price", 2.5)
    assert 124_439_808 == found["parameters"]["named"]
    assert 20 * 124_439_808 == found["tokens"] == found["optimal_tokens"]
    assert pytest.approx(460e3, rel=0.02) == found["tokens_per_second"]
    assert pytest.approx(found["tokens"] / found["tokens_per_second"] / 3600) == found["hours"]
    assert pytest.approx(2.5 * found["device_hours"]) == found["cost"]
    assert found["epochs"] is None
    strategies = [row["setup"]["strategy"] for row in found["memory"]]
    assert ["ddp", "zero1", "zero2", "fsdp", "hsdp", "cpu_offload"] == strategies
    assert all(row["fits"]["H200"] == "yes" for row in found["memory"])


def test_settings_and_flags_change_the_plan(capsys):
    """Layers add parameters, tokens over-train, ranks cut what ZeRO cuts, and a device that is asked for is in the table."""
    flags = [
        "--set",
        "model.layers=40",
        "--set",
        "batches.micro_rows=2",
        "--tokens",
        "2T",
        "--gpu",
        "A100",
        "--gpus",
        64,
    ]
    found = asked(capsys, "llama-7b", *flags)
    assert found["parameters"]["named"] > 8e9
    assert pytest.approx(2e12 / 20 / found["parameters"]["named"]) == found["over_training"]
    by_strategy = {row["setup"]["strategy"]: row for row in found["memory"]}
    whole, cut = by_strategy["ddp"]["bytes"], by_strategy["fsdp"]["bytes"]
    assert pytest.approx(whole["weights"] / 64, rel=1e-6) == cut["weights"]
    assert ("no", "yes") == tuple(by_strategy[name]["fits"]["A100"] for name in ("ddp", "fsdp"))


def test_shards_say_their_sizes_and_how_often_they_are_seen(shards, capsys):
    """Ids, length and tokens come from the shards; too many epochs are named."""
    rows = Rows.open([Data(path=str(shards))], seed=0)
    found = asked(capsys, "llama-3m", "--shards", shards, "--tokens", 3 * rows.tokens)
    assert (301, 8) == (found["architecture"]["vocabulary_size"], found["sequence_length"])
    assert rows.tokens == found["tokens_there"]
    assert pytest.approx(3) == found["epochs"]
    assert 2.5 * rows.tokens < found["effective_tokens"] < 3 * rows.tokens
    assert 0 == cli.main(["plan-model", "llama-3m", "--shards", str(shards)])
    assert "more than 4 epochs teach less and less" in " ".join(capsys.readouterr().out.split())


def test_a_training_file_with_its_own_shards(shards, tmp_path, capsys):
    """Length in epochs needs the shards, or tokens; without them the file says where they should be."""
    file = tmp_path / "small.yaml"
    file.write_text(f"name: small\ndata: {shards}\nmodel: {{preset: llama-3m}}\nlength: {{epochs: 2}}\n")
    rows = Rows.open([Data(path=str(shards))], seed=0)
    found = asked(capsys, file)
    assert (2, 2 * rows.tokens, 301) == (found["epochs"], found["tokens"], found["architecture"]["vocabulary_size"])
    file.write_text("name: small\ndata: not/there\nlength: {epochs: 2}\n")
    assert (2, True) == ((found := told(capsys, file))[0], "not/there: no such shard or folder" in found[1])
    sizes = ["--vocabulary-size", 1000, "--sequence-length", 64]
    code, message = told(capsys, file, *sizes)
    assert 2 == code
    assert "length is in epochs, and its shards are not there; give --tokens or --shards" in message
    assert 1e6 == asked(capsys, file, *sizes, "--tokens", "1M")["tokens"]


def test_backward_from_budgets_and_shards(shards, capsys):
    """Hours, money and FLOPs are the same budget; shards are proposed for one, two and four epochs."""
    hours = asked(capsys, "--budget-hours", 100, "--mfu", 0.5)
    money = asked(capsys, "--budget-money", 250, "--price", 2.5, "--mfu", 0.5)
    flops = asked(capsys, "--budget-flops", 100 * 3600 * 989e12 * 0.5)
    assert [one["name"] for one in hours] == [one["name"] for one in money] == [one["name"] for one in flops]
    assert "shape" == hours[0]["name"]
    assert pytest.approx(100) == hours[0]["device_hours"] == money[0]["device_hours"]
    assert pytest.approx(250) == money[0]["cost"]
    found = asked(capsys, "--shards", shards)
    assert {1, 2, 4} == {one["epochs"] for one in found}
    for given in (["--budget-hours", "100"], ["--shards", str(shards)], ["llama-160m", "--price", "2"]):
        assert 0 == cli.main(["plan-model", *given])
        out = capsys.readouterr().out
        assert "of optimal" in out or "sparing" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a model (a preset or a training file), a budget, or --shards"),
        (
            ["lama-160m"],
            "lama-160m: neither a preset nor a training file; did you mean 'llama-160m'?; presets: llama-3m",
        ),
        (["llama-3m", "--gpu", "H2000"], "--gpu H2000: not in the table of devices; did you mean 'H200'?"),
        (["llama-3m", "--mfu", "1.5"], "--mfu: found 1.5; expected a share above 0, at most 1"),
        (["llama-3m", "--set", "model.layer=3"], "model.layer: unknown key; did you mean 'layers'?"),
        (["llama-3m", "--set", "model.heads=7"], "model.width: found 192 and 7 heads"),
        (["llama-3m", "--budget-hours", "3"], "a budget chooses the model; leave out MODEL"),
        (["--budget-hours", "3", "--tokens", "3B"], "--tokens and --set go with a MODEL"),
        (["--budget-money", "3"], "--budget-money: needs --price"),
        (["--shards", "not/there"], "not/there: no such shard or folder"),
        (["gpt2-124m", "--sequence-length", "2048"], "model.max_length: found 1024; the shards' rows have 2048 tokens"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_questions(arguments, message, capsys):
    """Exit code 2, and what was found, where, what would do."""
    code, said = told(capsys, *arguments)
    assert 2 == code
    assert message in said


@pytest.mark.parametrize("number", ["0", "many", "3X", "1e999"])
def test_numbers_that_are_none(number, capsys):
    """argparse says what is expected."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["plan-model", "llama-3m", "--tokens", number])
    assert 2 == ended.value.code
    assert "e.g. 3e9 or 3B" in capsys.readouterr().err
