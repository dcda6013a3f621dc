"""Bytes of tokens: they add up to the text's."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
import tokenizers
from tokenizers import decoders, models, pre_tokenizers

from corpusmill.errors import ResourceError
from corpusmill.kernels import buffers
from corpusmill.tokenize import sizes, tokenizer
from corpusmill.tokenize.encode import Encoder
from tests.data import shared
from tests.tokenize import made

TEXTS = ["Grüße, 日本語!\n\n  two  spaces", "", "\U0001f600 x" * 5, *made.OTHERS]


def added(loaded):
    """Bytes of each text, by its ids."""
    offsets, ids = Encoder(loaded)(buffers.text(pa.array(TEXTS)))
    found = sizes.token_bytes(loaded)
    assert (loaded.size,) == found.shape
    return [int(found[ids[start:stop]].sum()) for start, stop in pairwise(offsets)]


@pytest.mark.parametrize("pattern", ["gpt2", "llama3"])
def test_bytes_of_a_trained_tokenizer_add_up(pattern):
    """The bytes of a text's ids are the text's bytes; the special token has none."""
    loaded = tokenizer.from_json(made.trained(pattern).to_str(), "made")
    assert [len(text.encode()) for text in TEXTS] == added(loaded)
    assert 0 == sizes.token_bytes(loaded)[loaded.special_tokens["<|endoftext|>"]]


def test_bytes_of_rank_files_add_up():
    """The same for tiktoken's cl100k, whose special tokens lie above a gap."""
    loaded = tokenizer.load(str(shared("models/tiktoken/cl100k_base.tiktoken.gz")))
    assert [len(text.encode()) for text in TEXTS] == added(loaded)
    assert 0 == sizes.token_bytes(loaded)[loaded.special_tokens["<|endoftext|>"]]


def test_metaspace_and_byte_fall_back():
    """In SentencePiece's spelling a low line is a space, `<0x0A>` one byte, and added text its own bytes."""
    vocabulary = {"<unk>": 0, "▁": 1, "▁é": 2, "<0x0A>": 3, "a": 4}
    library = tokenizers.Tokenizer(models.BPE(vocabulary, [], byte_fallback=True))
    library.pre_tokenizer = pre_tokenizers.Metaspace()
    library.decoder = decoders.Metaspace()
    library.add_special_tokens(["<unk>"])
    library.add_tokens(["ß!"])
    assert np.array_equal([0, 1, 3, 1, 1, 3], sizes.token_bytes(tokenizer.from_json(library.to_str(), "made")))


def test_word_pieces_are_refused():
    """WordPiece does not say where spaces were."""
    library = tokenizers.Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1}, unk_token="[UNK]"))
    with pytest.raises(ResourceError, match="made: a WordPiece model does not keep spaces"):
        sizes.token_bytes(tokenizer.from_json(library.to_str(), "made"))
