"""Architectures: presets, what follows from what, and what makes no decoder."""

import pytest

from corpusmill.errors import InputError, RecipeError
from corpusmill.train import config, planner
from corpusmill.train.architecture import Architecture, resolve
from corpusmill.train.presets import PRESETS


def found(vocabulary=8192, length=256, **changes):
    """The architecture of a training file."""
    return resolve(config.Model(**changes), vocabulary, length)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_as_large_as_its_name_says(preset):
    """Within 15 %, with the vocabulary that the presets' comment states."""
    vocabulary = {"llama-3m": 8192, "llama-10m": 8192, "llama-7b": 32_000, "gpt2-124m": 50_257}.get(preset, 32_768)
    number = preset.rpartition("-")[2]
    expected = float(number[:-1]) * {"m": 1e6, "b": 1e9}[number[-1]]
    assert planner.count(found(vocabulary, preset=preset)).total == pytest.approx(expected, rel=0.15)


def test_what_is_open_follows_the_rest():
    """Widths of heads and MLP follow the width, positions the shards; what is given stays."""
    plain = found(preset="llama-30m", width=512, heads=4)
    assert (plain.head_width, plain.kv_heads, plain.hidden, plain.max_length) == (128, 4, 1408, 256)
    assert found(preset="llama-30m", mlp="relu").hidden == 4 * 384
    given = found(preset="llama-30m", head_width=10, kv_heads=2, hidden=77, max_length=999, tied=False)
    assert (given.head_width, given.kv_heads, given.hidden, given.max_length, given.tied) == (10, 2, 77, 999, False)
    assert found(preset="gpt2-124m").max_length == 1024
    assert [found(vocabulary=size).padded_vocabulary for size in (257, 384, 50_257)] == [384, 384, 50_304]


def test_it_is_read_back_as_it_was_written():
    """And fields of another version are named."""
    one = found(preset="gpt2-124m", dropout=0.1)
    told = one.to_json()
    assert Architecture.from_json(told) == one
    with pytest.raises(InputError, match="missing heads, unknown experts"):
        Architecture.from_json({name: value for name, value in told.items() if name != "heads"} | {"experts": 8})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preset": "lama-30m"}, "model.preset: found 'lama-30m'; did you mean 'llama-30m'.*known are: llama-3m"),
        ({"width": 100}, "model.width: found 100 and 6 heads; expected a multiple of heads"),
        ({"heads": 0}, "model.width: found 384 and 0 heads"),
        ({"kv_heads": 4}, r"model.kv_heads: found 4; expected a divisor of heads \(6\)"),
        ({"head_width": 33}, "model.head_width: found 33; rope turns pairs"),
        ({"width": 33, "heads": 1, "positions": "sinusoidal"}, "model.width: found 33; sinusoidal"),
        ({"max_length": 128}, "model.max_length: found 128; the shards' rows have 256 tokens"),
        ({"layers": 0, "dropout": 1.0}, "model.layers: found 0.*\nmodel.dropout: found 1; expected from 0 to below 1"),
        ({"norm_epsilon": 0.0}, "model.norm_epsilon: found 0; expected a number above 0"),
        ({"preset": "gpt2-124m", "max_length": 64}, "max_length: found 64"),
    ],
)
def test_what_makes_no_decoder_is_refused(changes, message):
    """Every fault is named with what was found and expected."""
    with pytest.raises(RecipeError, match=message):
        found(**{"preset": "llama-30m", **changes})
