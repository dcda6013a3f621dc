"""Decoders as folders that transformers reads, and back: config.json, model.safetensors, tokenizer.json."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from corpusmill.errors import InputError, OutputError, StorageError
from corpusmill.storage.write import telling
from corpusmill.tokenize import tokenizer as tokenizers
from corpusmill.train import families
from corpusmill.train.architecture import Architecture
from corpusmill.train.model import Decoder

SHARD_BYTES = 5_000_000_000  # of a file; above it there are several, and an index
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_CONFIG, _TOKENIZER, _INDEX = "config.json", "tokenizer.json", "model.safetensors.index.json"


class Exported(NamedTuple):
    """What was written.

    Attributes:
        family: the model class of transformers.
        parameters: numbers, the padding of the vocabulary left off.
        files: names, in the folder.
    """

    family: str
    parameters: int
    files: list[str]


class _Pair(NamedTuple):
    """A parameter of ours, and what it is there: several, whose rows ours has one after another.

    Attributes:
        transposed: there it is (in, out), as GPT-2's are.
        padded: ours has rows for the padding of the vocabulary.
    """

    ours: str
    theirs: tuple[str, ...]
    rows: tuple[int, ...] = ()
    transposed: bool = False
    padded: bool = False


def save(
    model: Decoder, folder: str, *, tokenizer: str | None = None, eos: int | None = None, dtype: str = "float32",
    shard_bytes: int = SHARD_BYTES,
) -> Exported:  # fmt: skip
    """Write a decoder as a folder; it appears under its name when it is whole.

    Args:
        model: with nothing sharded.
        folder: to be made.
        tokenizer: its tokenizer.json; one that was made of ranks has no counterpart and is left out.
        eos: id of end-of-text.
        dtype: a key of `DTYPES`.
        shard_bytes: of a file at most, though a file has at least one tensor.

    Raises:
        UsageError: no class of transformers is like this model.
        OutputError: the folder is there and not empty.
        StorageError: it cannot be written.
    """
    architecture = model.architecture
    config = families.to_config(architecture, eos, dtype)
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise OutputError(f"{folder}: is there already; name a folder that is not, or remove it")
    making = target.with_name(target.name + ".partial")
    with telling(folder):
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(parents=True)
        try:
            tensors = {name: tensor.to(DTYPES[dtype]).contiguous() for name, tensor in _theirs(model)}
            _save_tensors(making, tensors, shard_bytes)
            _save_json(making / _CONFIG, config)
            _save_json(making / "generation_config.json", {"bos_token_id": eos, "eos_token_id": eos})
            _save_tokenizer(making, tokenizer, eos, architecture.max_length)
            if target.exists():
                target.rmdir()
            making.rename(target)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    files = sorted(path.name for path in target.iterdir())
    return Exported(config["architectures"][0], sum(tensor.numel() for tensor in tensors.values()), files)


def load(folder: str | Path) -> Decoder:
    """Read a folder that `save` wrote, or another of the same classes; weights in float32, on the processor.

    Raises:
        InputError: a model of another class, or weights that are missing, unknown or of another shape.
    """
    place = Path(folder)
    try:
        config = json.loads((place / _CONFIG).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{place / _CONFIG}: cannot be read as JSON: {error}") from None
    architecture = families.from_config(config, str(place / _CONFIG))
    with torch.device("meta"):
        model = Decoder(architecture)
    model.to_empty(device="cpu")
    found = _read_tensors(place)
    parameters = {name: parameter.detach() for name, parameter in model.named_parameters()}
    if architecture.tied:
        found.pop("lm_head.weight", None)  # some writers store the tied matrix twice
    expected = {name for pair in _pairs(architecture) for name in pair.theirs}
    if set(found) != expected:
        differences = (expected - set(found), set(found) - expected)
        missing, unknown = (", ".join(sorted(names)[:5]) or "none" for names in differences)
        raise InputError(f"{folder}: weights missing: {missing}; unknown: {unknown}")
    for pair in _pairs(architecture):
        parts = [found[name].float() for name in pair.theirs]
        whole = parts[0].t() if pair.transposed else torch.cat(parts)
        ours = parameters[pair.ours]
        rows = architecture.vocabulary_size if pair.padded else len(ours)
        if whole.shape != (rows, *ours.shape[1:]):
            shape = (rows, *ours.shape[1:])
            raise InputError(f"{folder}: {pair.theirs[0]}: shape {tuple(whole.shape)}; {_CONFIG} expects {shape}")
        ours[:rows].copy_(whole)
        ours[rows:].zero_()
    return model.eval()


def _theirs(model: Decoder) -> Iterator[tuple[str, Tensor]]:
    parameters = dict(model.named_parameters())
    for pair in _pairs(model.architecture):
        whole = parameters[pair.ours].detach().cpu()
        if pair.padded:
            whole = whole[: model.architecture.vocabulary_size]
        parts = torch.split(whole, list(pair.rows)) if pair.rows else (whole,)
        yield from zip(pair.theirs, (part.t() if pair.transposed else part for part in parts), strict=True)


def _pairs(architecture: Architecture) -> Iterator[_Pair]:
    pairs = _gpt2 if families.family_of(architecture).kind == "gpt2" else _llama
    yield from pairs(architecture)
    if not architecture.tied:
        yield _Pair("head.weight", ("lm_head.weight",), padded=True)


def _llama(architecture: Architecture) -> Iterator[_Pair]:
    """Names of Llama; Qwen3's are the same and two more."""
    kinds = ("weight", "bias") if architecture.bias else ("weight",)
    width = architecture.head_width
    cuts = tuple(count * width for count in (architecture.heads, architecture.kv_heads, architecture.kv_heads))
    yield _Pair("embedding.weight", ("model.embed_tokens.weight",), padded=True)
    for layer in range(architecture.layers):
        ours, theirs = f"blocks.{layer}", f"model.layers.{layer}"
        yield _Pair(f"{ours}.attention_norm.weight", (f"{theirs}.input_layernorm.weight",))
        for kind in kinds:
            names = tuple(f"{theirs}.self_attn.{part}_proj.{kind}" for part in "qkv")
            yield _Pair(f"{ours}.attention.qkv.{kind}", names, cuts)
            yield _Pair(f"{ours}.attention.output.{kind}", (f"{theirs}.self_attn.o_proj.{kind}",))
            names = tuple(f"{theirs}.mlp.{part}_proj.{kind}" for part in ("gate", "up"))
            yield _Pair(f"{ours}.mlp.up.{kind}", names, (architecture.hidden,) * 2)
            yield _Pair(f"{ours}.mlp.down.{kind}", (f"{theirs}.mlp.down_proj.{kind}",))
        if architecture.qk_norm:
            yield _Pair(f"{ours}.attention.query_norm.weight", (f"{theirs}.self_attn.q_norm.weight",))
            yield _Pair(f"{ours}.attention.key_norm.weight", (f"{theirs}.self_attn.k_norm.weight",))
        yield _Pair(f"{ours}.mlp_norm.weight", (f"{theirs}.post_attention_layernorm.weight",))
    yield _Pair("final_norm.weight", ("model.norm.weight",))


def _gpt2(architecture: Architecture) -> Iterator[_Pair]:
    """Names of GPT-2, whose matrices are transposed."""
    yield _Pair("embedding.weight", ("transformer.wte.weight",), padded=True)
    yield _Pair("positions.weight", ("transformer.wpe.weight",))
    names = {"attention_norm": "ln_1", "attention.qkv": "attn.c_attn", "attention.output": "attn.c_proj",
             "mlp_norm": "ln_2", "mlp.up": "mlp.c_fc", "mlp.down": "mlp.c_proj"}  # fmt: skip
    for layer in range(architecture.layers):
        for ours, theirs in names.items():
            for kind in ("weight", "bias"):
                transposed = kind == "weight" and not ours.endswith("norm")
                name = f"transformer.h.{layer}.{theirs}.{kind}"
                yield _Pair(f"blocks.{layer}.{ours}.{kind}", (name,), transposed=transposed)
    for kind in ("weight", "bias"):
        yield _Pair(f"final_norm.{kind}", (f"transformer.ln_f.{kind}",))


def _save_tensors(folder: Path, tensors: dict[str, Tensor], shard_bytes: int) -> None:
    files: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if files[-1] and size + tensor.nbytes > shard_bytes:
            files.append({})
            size = 0
        files[-1][name] = tensor
        size += tensor.nbytes
    names = [f"model-{number:05}-of-{len(files):05}.safetensors" for number in range(1, len(files) + 1)]
    if len(files) == 1:
        names = ["model.safetensors"]
    else:
        where = {name: file for file, content in zip(names, files, strict=True) for name in content}
        total = sum(tensor.nbytes for tensor in tensors.values())
        _save_json(folder / _INDEX, {"metadata": {"total_size": total}, "weight_map": where})
    for file, content in zip(names, files, strict=True):
        try:
            save_file(content, folder / file, metadata={"format": "pt"})
        except SafetensorError as error:
            raise StorageError(f"{folder / file}: {error}; free space and run again") from None


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    index = folder / _INDEX
    try:
        names = ["model.safetensors"]
        if index.is_file():
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        found: dict[str, Tensor] = {}
        for name in names:
            with safe_open(folder / name, framework="pt") as file:
                found |= {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118, it is no mapping
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(f"{folder}: its weights cannot be read: {error}; export it again") from None
    return found


def _save_tokenizer(folder: Path, source: str | None, eos: int | None, longest: int) -> None:
    """The tokenizer as its library writes it, and what transformers must know besides."""
    known = None if source is None else tokenizers.load(source)
    if known is None or known.settings is None:
        return
    (folder / _TOKENIZER).write_text(known.settings, encoding="utf-8")
    names = {number: name for name, number in known.special_tokens.items()}
    told: dict[str, Any] = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": longest}
    told["clean_up_tokenization_spaces"] = False
    if eos in names:
        told |= {"bos_token": names[eos], "eos_token": names[eos]}
    _save_json(folder / "tokenizer_config.json", told)


def _save_json(path: Path, told: dict[str, Any]) -> None:
    path.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
