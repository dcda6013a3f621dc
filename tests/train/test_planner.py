"""Parameters and FLOPs by arithmetic are those of the model that is built."""

import pytest

from corpusmill.train import config
from corpusmill.train.architecture import resolve
from corpusmill.train.planner import count, flops_per_token
from corpusmill.train.presets import PRESETS

torch = pytest.importorskip("torch", reason="needs corpusmill[train]")

# Each choice that changes a shape occurs once beside its opposite.
MADE = {
    "post": {"norm_place": "post", "norm": "layernorm", "bias": True, "mlp": "gelu", "tied": False},
    "qk": {"qk_norm": True, "kv_heads": 1, "bias": True, "mlp": "geglu"},
    "plain": {"norm": "layernorm", "mlp": "relu", "positions": "sinusoidal", "head_width": 32, "hidden": 300},
    "learned": {"positions": "learned", "max_length": 700, "qk_norm": True, "norm": "layernorm", "bias": True},
}


def architecture(name, length):
    """A preset or one of `MADE`, with a vocabulary that needs padding."""
    if name in PRESETS:
        return resolve(config.Model(preset=name), 50_257, length)
    return resolve(config.Model(preset="llama-3m", **MADE[name]), 1000, length)


def built(found):
    """The model without its memory."""
    from corpusmill.train.model import Decoder

    with torch.device("meta"):
        return Decoder(found)


@pytest.mark.parametrize("name", [*PRESETS, *MADE])
def test_parameters_and_flops_are_those_of_the_built_model(name):
    """Every parameter is counted once; forward and backward pass cost exactly what the formula says."""
    from torch.utils.flop_counter import FlopCounterMode

    rows, length = 2, 512
    found = architecture(name, length)
    model, counted = built(found), count(found)
    named = [value for key, value in model.named_parameters() if not key.startswith("blocks.")]
    assert sum(value.numel() for value in model.parameters()) == counted.total
    assert sum(value.numel() for value in model.blocks[0].parameters()) == counted.block
    assert sum(value.numel() for value in named) == counted.total - found.layers * counted.block

    ids = torch.zeros((rows, length), dtype=torch.int64, device="meta")
    with FlopCounterMode(display=False) as counter:
        losses = model(ids, None, ids)
        losses.cross_entropy.sum().backward()
    assert counter.get_total_flops() == rows * length * flops_per_token(found, length)


@pytest.mark.parametrize(
    ("name", "vocabulary", "parameters"),
    [
        ("gpt2-124m", 50_257, 124_439_808),  # the published weights (Radford et al. 2019), their 117M corrected
        ("llama-7b", 32_000, 6_738_415_616),  # the published weights of Llama 2 7B (Touvron et al. 2023)
    ],
)
def test_published_models_have_their_published_parameters(name, vocabulary, parameters):
    """Padding of the vocabulary is told apart from the model."""
    counted = count(resolve(config.Model(preset=name), vocabulary, 1024))
    assert parameters == counted.named
    assert counted.padding == counted.total - parameters


@pytest.mark.parametrize(
    ("name", "vocabulary", "length", "giga"),
    [("gpt2-124m", 50_257, 1024, 0.86), ("llama-1b", 32_768, 2048, 7.3), ("llama-1b", 32_768, 4096, 8.3)],
)
def test_flops_per_token_are_those_of_the_design(name, vocabulary, length, giga):
    """Design: 0.86 GFLOP a token for 124M at 1,024; 7.3 and 8.3 for about 1B at 2,048 and 4,096; within 4 %."""
    found = resolve(config.Model(preset=name), vocabulary, length)
    assert pytest.approx(giga * 1e9, rel=0.04) == flops_per_token(found, length)
