"""Ids become the text that they were made of."""

import pyarrow as pa
import pytest

from corpusmill.kernels import buffers
from corpusmill.tokenize import tokenizer
from corpusmill.tokenize.decode import decoder
from corpusmill.tokenize.encode import Encoder
from tests.tokenize import made

RANKS = ("made.tiktoken", "gpt2", {"<|endoftext|>": 2999})


@pytest.mark.parametrize("ranks", [False, True])
def test_text_comes_back(ranks):
    """For a tokenizer.json and for a rank file; special tokens are written out where asked for."""
    library = made.trained()
    loaded = (
        tokenizer.from_ranks(made.rank_file(library), *RANKS) if ranks else tokenizer.from_json(library.to_str(), "a")
    )
    text = "Grüße, 日本語!\n  and \U0001f600"
    _, ids = Encoder(loaded)(buffers.text(pa.array([text])))
    end = loaded.special_tokens["<|endoftext|>"]
    assert text == decoder(loaded)([*ids, end])
    assert text + "<|endoftext|>" == decoder(loaded, special=True)([*ids, end])
