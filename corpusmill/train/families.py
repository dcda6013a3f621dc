"""Models of transformers that a decoder can become: their settings, and what they cannot say. No torch here."""

from typing import Any, NamedTuple

from corpusmill.errors import InputError, UsageError
from corpusmill.train.architecture import Architecture


class Family(NamedTuple):
    """A model class of transformers.

    Attributes:
        kind: `model_type` in config.json.
        name: of the class.
        fixed: fields of an architecture that it leaves no choice in.
    """

    kind: str
    name: str
    fixed: dict[str, Any]


_LLAMA = {"norm": "rmsnorm", "norm_place": "pre", "mlp": "swiglu", "positions": "rope"}
_GPT2 = {
    "norm": "layernorm",
    "norm_place": "pre",
    "mlp": "gelu",
    "positions": "learned",
    "qk_norm": False,
    "bias": True,
}
FAMILIES = (
    Family("llama", "LlamaForCausalLM", {**_LLAMA, "qk_norm": False}),
    Family("qwen3", "Qwen3ForCausalLM", {**_LLAMA, "qk_norm": True, "bias": False}),
    Family("gpt2", "GPT2LMHeadModel", _GPT2),
)
_TANH_GELU = {"gelu_new", "gelu_pytorch_tanh"}


def family_of(architecture: Architecture) -> Family:
    """The class whose logits are the decoder's.

    Raises:
        UsageError: there is none; the fields that the nearest class has no counterpart for are named.
    """
    found = sorted(((_differences(architecture, family), family) for family in FAMILIES), key=lambda item: len(item[0]))
    differences, family = found[0]
    if differences:
        raise UsageError(
            f"export: no model class of transformers is like this one; {family.name} is nearest, but for "
            f"{'; '.join(differences)}"
        )
    return family


def _differences(architecture: Architecture, family: Family) -> list[str]:
    wanted = dict(family.fixed)
    if family.kind == "gpt2":
        wanted["kv_heads"] = architecture.heads
    found = [
        f"{name}: found {getattr(architecture, name)}, it has {value}"
        for name, value in wanted.items()
        if getattr(architecture, name) != value
    ]
    if family.kind == "gpt2" and architecture.heads * architecture.head_width != architecture.width:
        found.append(f"head_width: found {architecture.head_width}, it has width / heads")
    return found


def to_config(architecture: Architecture, eos: int | None, dtype: str) -> dict[str, Any]:
    """The content of config.json. Documents began with end-of-text in training, so it is the first token as well.

    Raises:
        UsageError: as `family_of`.
    """
    family = family_of(architecture)
    told: dict[str, Any] = {
        "architectures": [family.name], "model_type": family.kind, "vocab_size": architecture.vocabulary_size,
        "bos_token_id": eos, "eos_token_id": eos, "tie_word_embeddings": architecture.tied,
        "initializer_range": architecture.initial_deviation, "use_cache": True,
        "torch_dtype": dtype,  # its name before version 5, which reads it still
    }  # fmt: skip
    if family.kind == "gpt2":
        return told | {
            "n_embd": architecture.width, "n_layer": architecture.layers, "n_head": architecture.heads,
            "n_inner": architecture.hidden, "n_positions": architecture.max_length, "activation_function": "gelu_new",
            "layer_norm_epsilon": architecture.norm_epsilon, "attn_pdrop": architecture.dropout,
            "embd_pdrop": architecture.dropout, "resid_pdrop": architecture.dropout,
        }  # fmt: skip
    told |= {
        "hidden_size": architecture.width, "num_hidden_layers": architecture.layers,
        "num_attention_heads": architecture.heads, "num_key_value_heads": architecture.kv_heads,
        "head_dim": architecture.head_width, "intermediate_size": architecture.hidden, "hidden_act": "silu",
        "rms_norm_eps": architecture.norm_epsilon, "max_position_embeddings": architecture.max_length,
        # Before version 5 the first of these is read, from then on the second.
        "rope_theta": architecture.rope_theta,
        "rope_parameters": {"rope_type": "default", "rope_theta": architecture.rope_theta},
        "attention_bias": architecture.bias, "attention_dropout": architecture.dropout,
    }  # fmt: skip
    return told | ({"mlp_bias": architecture.bias} if family.kind == "llama" else {"use_sliding_window": False})


def from_config(told: dict[str, Any], path: str) -> Architecture:
    """The architecture behind a config.json.

    Args:
        told: its content.
        path: named in messages.

    Raises:
        InputError: another class of model, or a setting that a decoder has no counterpart for.
    """
    kind = told.get("model_type")
    family = next((family for family in FAMILIES if family.kind == kind), None)
    if family is None:
        known = ", ".join(family.kind for family in FAMILIES)
        raise InputError(f"{path}: model_type: found {kind!r}; expected one of {known}")
    faults = _faults(told, family)
    if faults:
        raise InputError(f"{path}: a decoder of ours has no counterpart for {'; '.join(faults)}")
    try:
        fields = _gpt2(told) if family.kind == "gpt2" else _llama(told)
        common = {"vocabulary_size": told["vocab_size"], "initial_deviation": told.get("initializer_range", 0.02)}
    except KeyError as error:
        raise InputError(f"{path}: {error.args[0]}: this key is missing; it is no {family.kind} model's") from None
    return Architecture(**{"preset": family.kind, "bias": False, **fields, **common, **family.fixed})


def _faults(told: dict[str, Any], family: Family) -> list[str]:
    rope = told.get("rope_parameters") or told.get("rope_scaling") or {}
    found: dict[str, tuple[Any, bool]] = {
        "rope_scaling": (rope, rope.get("rope_type", "default") == "default"),
        "use_sliding_window": (told.get("use_sliding_window"), not told.get("use_sliding_window")),
    }
    if family.kind == "gpt2":
        activation, inverse = told.get("activation_function", "gelu_new"), "scale_attn_by_inverse_layer_idx"
        found |= {
            "activation_function": (activation, activation in _TANH_GELU),
            "scale_attn_weights": (False, told.get("scale_attn_weights", True)),
            inverse: (True, not told.get(inverse)),
        }
    else:
        activation = told.get("hidden_act", "silu")
        biases = [bool(told.get(name)) for name in ("attention_bias", "mlp_bias")]
        found |= {
            "hidden_act": (activation, activation == "silu"),
            "attention_bias": (biases[0], biases[0] == biases[1]),
        }
    return [f"{name} {value!r}" for name, (value, fits) in found.items() if not fits]


def _llama(told: dict[str, Any]) -> dict[str, Any]:
    heads, rope = told["num_attention_heads"], told.get("rope_parameters") or {}
    theta = rope.get("rope_theta", told.get("rope_theta", 10_000.0))
    return {
        "layers": told["num_hidden_layers"], "width": told["hidden_size"], "heads": heads,
        "kv_heads": told.get("num_key_value_heads") or heads,
        "head_width": told.get("head_dim") or told["hidden_size"] // heads, "hidden": told["intermediate_size"],
        "norm_epsilon": told["rms_norm_eps"], "rope_theta": float(theta),
        "tied": told.get("tie_word_embeddings", False), "bias": bool(told.get("attention_bias")),
        "dropout": told.get("attention_dropout", 0.0), "max_length": told["max_position_embeddings"],
    }  # fmt: skip


def _gpt2(told: dict[str, Any]) -> dict[str, Any]:
    width, heads = told["n_embd"], told["n_head"]
    return {
        "layers": told["n_layer"], "width": width, "heads": heads, "kv_heads": heads, "head_width": width // heads,
        "hidden": told.get("n_inner") or 4 * width, "norm_epsilon": told.get("layer_norm_epsilon", 1e-5),
        "rope_theta": 10_000.0, "tied": told.get("tie_word_embeddings", True), "dropout": told.get("resid_pdrop", 0.1),
        "max_length": told["n_positions"],
    }  # fmt: skip
