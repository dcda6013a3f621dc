"""Models by name: what a training file starts from. What a preset leaves open follows the rest (`architecture`)."""

from typing import Any

_LLAMA: dict[str, Any] = {
    "norm": "rmsnorm", "norm_place": "pre", "norm_epsilon": 1e-5, "mlp": "swiglu", "positions": "rope",
    "rope_theta": 10_000.0, "qk_norm": False, "tied": True, "bias": False, "dropout": 0.0, "initial_deviation": 0.02,
}  # fmt: skip

# Sizes count all parameters, with 8,192 ids at 3m and 10m and 32,768 from 30m on (7b: the 32,000 of Llama 2).
# Below 1b they are ours: deep and narrow, as Liu et al. 2024 (MobileLLM, table 1) found better at a few hundred
# million parameters and less, and heads 64 wide. `layers`, `width` and `heads` are given, the rest follows.
PRESETS: dict[str, dict[str, Any]] = {
    "llama-3m": _LLAMA | {"layers": 4, "width": 192, "heads": 3},
    "llama-10m": _LLAMA | {"layers": 6, "width": 320, "heads": 5},
    "llama-30m": _LLAMA | {"layers": 10, "width": 384, "heads": 6},
    "llama-60m": _LLAMA | {"layers": 14, "width": 512, "heads": 8},
    "llama-160m": _LLAMA | {"layers": 18, "width": 768, "heads": 12},  # GPT-3 small (Brown et al. 2020), deeper
    "llama-350m": _LLAMA | {"layers": 24, "width": 1024, "heads": 16},  # GPT-3 medium, table 2.1 of the same
    # Between OLMo 1B (16 layers of 2,048, 16 heads; Groeneveld et al. 2024) and TinyLlama (22 of 2,048; Zhang et al.
    # 2024); heads 128 wide are what attention kernels are fastest with.
    "llama-1b": _LLAMA | {"layers": 20, "width": 2048, "heads": 16},
    # Llama 3.2 3B, but for its vocabulary (Meta 2024, model card and config.json).
    "llama-3b": _LLAMA
    | {"layers": 28, "width": 3072, "heads": 24, "kv_heads": 8, "hidden": 8192, "rope_theta": 500_000.0},
    # Llama 2 7B (Touvron et al. 2023): 6,738,415,616 parameters with 32,000 ids.
    "llama-7b": _LLAMA | {"layers": 32, "width": 4096, "heads": 32, "hidden": 11_008, "tied": False},
    # GPT-2 (Radford et al. 2019): 124,439,808 parameters with its 50,257 ids. Its dropout of 0.1 was for several
    # epochs; pretraining on new data goes without.
    "gpt2-124m": {
        "layers": 12, "width": 768, "heads": 12, "norm": "layernorm", "norm_place": "pre", "norm_epsilon": 1e-5,
        "mlp": "gelu", "positions": "learned", "rope_theta": 10_000.0, "qk_norm": False, "tied": True, "bias": True,
        "dropout": 0.0, "initial_deviation": 0.02, "max_length": 1024,
    },
}  # fmt: skip
