"""Exports: what transformers computes with them, what comes back, and what is refused."""

import dataclasses
import json

import pytest
import torch

from corpusmill.errors import InputError, OutputError, UsageError
from corpusmill.train import architecture, config, export
from corpusmill.train.generate import generate
from corpusmill.train.model import Decoder
from tests.train import tiny

torch.set_num_threads(1)
VOCABULARY = 257
GPT2 = {"preset": "gpt2-124m", "max_length": 48, "kv_heads": None}
KINDS = {
    "llama": {}, "llama-untied-grouped": {"tied": False, "kv_heads": 2, "rope_theta": 5e5, "head_width": 10},
    "llama-biases": {"bias": True}, "qwen3": {"qk_norm": True, "kv_heads": 1}, "gpt2": GPT2,
    "gpt2-untied": {**GPT2, "tied": False, "hidden": 80},
}  # fmt: skip


def model(**changes):
    """A small decoder none of whose parameters is 0 or 1."""
    told = {"preset": "llama-3m", "layers": 2, "width": 32, "heads": 4, "initial_deviation": 0.3, **changes}
    made = Decoder(architecture.resolve(config.Model(**told), VOCABULARY, 48))
    made.initialise(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)), alpha=0.05)
    return made.eval()


@pytest.fixture
def tokenizer_file(tmp_path):
    """Bytes as tokens."""
    (tmp_path / "tokenizer.json").write_text(tiny.byte_tokenizer(), encoding="utf-8")
    return str(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("kind", KINDS)
def test_transformers_computes_the_same(kind, tmp_path, tokenizer_file):
    """Logits, greedy text and tokenizer are those of transformers' class; read back, the weights are equal."""
    transformers = pytest.importorskip("transformers")
    made = model(**KINDS[kind])
    told = export.save(made, str(tmp_path / "out"), tokenizer=tokenizer_file, eos=256)
    theirs, loading = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert type(theirs).__name__ == told.family
    assert not any(loading.values())
    assert told.parameters == sum(parameter.numel() for parameter in theirs.parameters())
    ids = torch.randint(0, VOCABULARY, (2, 48), generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        ours, other = made(ids), theirs.eval()(ids).logits
    assert ours.shape == other.shape
    assert (ours - other).abs().max() <= 1e-5 * ours.abs().max()
    prompt = [256, 72, 105]
    written = theirs.generate(
        torch.tensor([prompt]), max_new_tokens=8, do_sample=False, eos_token_id=None, pad_token_id=0
    )
    assert written[0, 3:].tolist() == generate(made, [prompt], max_tokens=8, greedy=True)[0]
    reader = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    assert list("größer".encode()) == reader("größer")["input_ids"]
    assert reader.eos_token_id == theirs.config.eos_token_id == 256

    back = export.load(tmp_path / "out")
    assert back.architecture == dataclasses.replace(made.architecture, preset=kind.partition("-")[0])
    for name, parameter in made.named_parameters():
        rows = VOCABULARY if parameter.shape[0] == made.architecture.padded_vocabulary else None
        assert torch.equal(parameter[:rows], dict(back.named_parameters())[name][:rows]), name


def test_large_models_come_in_several_files(tmp_path):
    """Above the limit there is an index, which both sides read; half precision stays half."""
    transformers = pytest.importorskip("transformers")
    made = model()
    told = export.save(made, str(tmp_path / "out"), shard_bytes=20_000, dtype="bfloat16")
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) == sum(name.endswith(".safetensors") for name in told.files) > 2
    assert index["metadata"]["total_size"] == 2 * told.parameters
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    back = export.load(tmp_path / "out")
    expected = made.blocks[1].mlp.down.weight.bfloat16()
    assert torch.equal(expected, theirs.model.layers[1].mlp.down_proj.weight)
    assert torch.equal(expected.float(), back.blocks[1].mlp.down.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"norm_place": "post"}, "LlamaForCausalLM is nearest, but for norm_place: found post, it has pre"),
        ({"mlp": "geglu", "qk_norm": True}, "Qwen3ForCausalLM is nearest, but for mlp: found geglu, it has swiglu"),
        ({"positions": "sinusoidal", "norm": "layernorm"}, "norm: found layernorm.*positions: found sinusoidal"),
        ({**GPT2, "kv_heads": 2}, "GPT2LMHeadModel is nearest, but for kv_heads: found 2, it has 4"),
        ({**GPT2, "head_width": 16}, "head_width: found 16, it has width / heads"),
        ({**GPT2, "bias": False}, "bias: found False, it has True"),
    ],
)
def test_what_has_no_counterpart_is_refused(changes, message, tmp_path):
    """The nearest class and the fields that differ are named, and nothing is written."""
    with pytest.raises(UsageError, match=message):
        export.save(model(**changes), str(tmp_path / "out"))
    assert not list(tmp_path.iterdir())


def test_folders_that_are_no_export(tmp_path):
    """A folder that is there, another model's config, weights that are not the config's: each is told."""
    made = model()
    export.save(made, str(tmp_path / "out"))
    with pytest.raises(OutputError, match="is there already"):
        export.save(made, str(tmp_path / "out"))
    file = tmp_path / "out" / "config.json"
    told = json.loads(file.read_text())
    for change, message in (
        ({"model_type": "mixtral"}, "model_type: found 'mixtral'; expected one of llama, qwen3, gpt2"),
        ({"hidden_act": "gelu"}, "no counterpart for hidden_act 'gelu'"),
        ({"rope_parameters": {"rope_type": "yarn"}}, "rope_scaling.*yarn"),
        ({"mlp_bias": True}, "attention_bias"),
        ({"num_hidden_layers": 3}, "weights missing: model.layers.2.input_layernorm.weight.*unknown: none"),
        ({"num_hidden_layers": 1}, "missing: none; unknown: model.layers.1"),
        ({"vocab_size": 300}, r"model.embed_tokens.weight: shape \(257, 32\); config.json expects \(300, 32\)"),
    ):
        file.write_text(json.dumps(told | change))
        with pytest.raises(InputError, match=message):
            export.load(tmp_path / "out")
    file.write_text(json.dumps({name: value for name, value in told.items() if name != "hidden_size"}))
    with pytest.raises(InputError, match="hidden_size: this key is missing"):
        export.load(tmp_path / "out")
    file.write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        export.load(tmp_path / "out")
    file.write_text(json.dumps(told))
    weights = tmp_path / "out" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="its weights cannot be read"):
        export.load(tmp_path / "out")
