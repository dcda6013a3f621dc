"""Packed shards of this project's own pages as bytes, a model of some thousand parameters, and its training file."""

import functools
import json
from pathlib import Path

import numpy as np
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from corpusmill.storage.packed import Header
from corpusmill.tokenize import tokenizer
from corpusmill.tokenize.tokenizer import byte_characters
from corpusmill.train import config
from tests.storage import packing

ROOT = Path(__file__).parents[2]
LENGTH = 64
EOS = 256
MODEL = {"preset": "llama-3m", "layers": 2, "width": 32, "heads": 4, "kv_heads": 2, "head_width": 8, "hidden": 64}


@functools.cache
def byte_tokenizer():
    """The text of a tokenizer.json whose ids are bytes, and end-of-text."""
    made = tokenizers.Tokenizer(models.BPE(byte_characters(), []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens(["<|endoftext|>"])
    return made.to_str()


@functools.cache
def documents():
    """Paragraphs of the project's pages, as bytes."""
    paths = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
    return [list(part.encode()) for path in paths for part in path.read_text(encoding="utf-8").split("\n\n")]


def shards(folder, rows=400, validation=24, length=LENGTH, seed=0, known=None):
    """Write `train` and `validation` shards and the tokenizer; gives the folder."""
    known = known or tokenizer.from_json(byte_tokenizer(), "bytes")
    told = Header(
        tokenizer=known.digest, vocabulary_size=257, dtype="uint16", eos=EOS,
        padding=EOS, strategy="best_fit", sequence_length=length, recipe_key="key",
    )  # fmt: skip
    order = np.random.default_rng(seed).permutation(len(documents()))
    chosen, total = [], 0
    for number in order:
        chosen.append(documents()[number])
        total += len(documents()[number]) + 1
        if total > (rows + validation) * length:
            break
    cut = len(chosen) * validation // (rows + validation)
    for split, part in (("validation", chosen[:cut]), ("train", chosen[cut:])):
        (folder / split).mkdir(parents=True)
        if part:
            packing.write(folder / split / "00000.arrow", part, told)
    if not cut:
        (folder / "validation").rmdir()
    (folder / "tokenizer.json").write_text(known.to_json(), encoding="utf-8")
    return folder


def training(data, output, **changes):
    """A training file of the tiny model; `changes` such as `batches={"rows": 8}` are merged into it."""
    told = {
        "name": "tiny", "data": str(data), "output": str(output), "model": dict(MODEL), "length": {"tokens": 8 * 8 * LENGTH},
        "batches": {"rows": 8, "micro_rows": 2}, "checkpoints": {"every": 4, "background": False},
        "watching": {"log_every": 1, "validate_every": 0, "validate_rows": 8, "prompts": [], "sample_tokens": 8},
        "sharding": {"device": "cpu"}, "optimizer": {"learning_rate": 1e-2},
    }  # fmt: skip
    for name, value in changes.items():
        told[name] = {**told[name], **value} if isinstance(value, dict) and isinstance(told.get(name), dict) else value
    if "length" in changes:
        told["length"] = changes["length"]
    return config.parse(json.dumps(told))


def metrics(folder):
    """Rows of metrics that have a loss."""
    rows = map(json.loads, (Path(folder) / "metrics.jsonl").read_text().splitlines())
    return [row for row in rows if "loss" in row]
