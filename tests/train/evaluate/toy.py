"""A small random decoder with a small tokenizer, for tests of the evaluator."""

from functools import cache

import torch

from corpusmill.tokenize import tokenizer
from corpusmill.train import config
from corpusmill.train.architecture import resolve
from corpusmill.train.evaluate.model import Evaluated
from corpusmill.train.evaluate.score import Scorer
from corpusmill.train.model import Decoder
from tests.storage import packing
from tests.tokenize import made

LENGTH = 192


@cache
def small_tokenizer():
    """3000 ids, trained on this checkout."""
    return tokenizer.from_json(made.trained().to_str(), "made")


@cache
def evaluated(seed=0):
    """Random weights, large enough that choices differ."""
    torch.set_num_threads(1)
    shape = config.Model(
        preset="llama-3m", layers=2, width=48, heads=4, kv_heads=2, head_width=12, hidden=96, initial_deviation=0.5
    )
    loaded = small_tokenizer()
    model = Decoder(resolve(shape, loaded.size, LENGTH)).eval()
    model.initialise(seed)
    return Evaluated(model, torch.device("cpu"))


def scorer(seed=0, **changes):
    """A scorer of the random model."""
    loaded = small_tokenizer()
    told = {"eos": loaded.special_tokens["<|endoftext|>"], "max_length": LENGTH, **changes}
    return Scorer(evaluated(seed).logits, loaded, **told)


def pack(folder, train, validation, length=LENGTH):
    """Packed shards of texts, as a stage leaves them; the address of text i is `packing.address(i)`."""
    loaded = small_tokenizer()
    told = packing.header(
        tokenizer=loaded.digest, vocabulary_size=loaded.size, eos=loaded.special_tokens["<|endoftext|>"],
        padding=loaded.special_tokens["<|endoftext|>"], sequence_length=length,
    )  # fmt: skip
    for kind, texts in ("train", train), ("validation", validation):
        (folder / kind).mkdir(parents=True)
        packing.write(folder / kind / "00000.arrow", scorer().encode(texts), told)
    (folder / "tokenizer.json").write_text(loaded.settings)
    return str(folder)
