"""Tokenizers made without a network: from the shared data, or trained on the files of this checkout."""

import base64
import gzip
import json
from functools import cache
from pathlib import Path

import tokenizers
from tokenizers import models, pre_tokenizers

from corpusmill.tokenize import training
from tests.data import shared

ROOT = Path(__file__).parents[2]
OTHERS = [
    "Grüße aus Köln, naïve café",
    "Привет, мир! 2024 год",
    "日本語のテキスト、漢字とかな。",
    "हिन्दी में पाठ",
    "نص عربي ١٢٣",
    "한국어 문장",
]
# Characters at which patterns differ, and what only looks like them.
ODD = "'’sStTmMdDlLrReEvVſK aA éßŉǅʰ漢क\u0301\u0903 \t\n\r\x0b\x0c\x1c\x85\xa0\u2028\u3000\u200b\ufeff019٣²Ⅳ½.,!-_<|>😀\U0001f1e6\0"


@cache
def small_texts():
    """The documentation and code of this checkout, and a line in each of some languages."""
    paths = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "corpusmill/kernels").glob("*.py")])
    return [path.read_text(encoding="utf-8") for path in paths] + OTHERS * 3


@cache
def trained(pattern="gpt2", split_digits=False):
    """A vocabulary of 3000."""
    return training.train(small_texts(), vocabulary_size=3000, pattern=pattern, split_digits=split_digits)


@cache
def gpt2():
    """GPT-2 from the files it was published as; skips without the shared data."""
    vocabulary = json.loads(shared("models/gpt2/encoder.json").read_text(encoding="utf-8"))
    lines = shared("models/gpt2/vocab.bpe").read_text(encoding="utf-8").split("\n")[1:]
    made = tokenizers.Tokenizer(models.BPE(vocabulary, [tuple(line.split()) for line in lines if line]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(["<|endoftext|>"])
    return made


def ranks(path):
    """Token → rank of a rank file, as tiktoken wants it."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as lines:
        return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}


def rank_file(tokenizer):
    """The bytes of a rank file with the vocabulary of a trained tokenizer, but for its special tokens."""
    from corpusmill.tokenize.tokenizer import byte_characters

    characters = byte_characters()
    model = json.loads(tokenizer.to_str())["model"]
    order = [*characters, *("".join(merge) for merge in model["merges"])]
    tokens = dict.fromkeys(bytes(characters[character] for character in token) for token in order)
    return b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for rank, token in enumerate(tokens))
