"""What is measured of a vocabulary, worked out by hand."""

import pyarrow as pa
import pytest

from corpusmill.tokenize import tokenizer
from corpusmill.tokenize.measuring import Measure
from corpusmill.tokenize.training import train


@pytest.fixture(scope="module")
def vocabulary():
    """All bytes, end-of-text, and one merge: `ab`."""
    made = train(["ab ab ab"], vocabulary_size=258)
    assert "ab" in made.get_vocab()
    return tokenizer.from_json(made.to_str(), "small")


def batch(*rows):
    names = ("text", "source", "language")
    return pa.table([pa.array(column, pa.string()) for column in zip(*rows, strict=True)], names=names).to_batches()[0]


def test_figures_by_hand(vocabulary):
    """`ab| |ab| |ab` is 8 bytes, 5 tokens, 2 of them bytes, 3 words; `é x` 4 bytes, each a token, and 2 words."""
    found = Measure(vocabulary)
    found.add(batch(("ab ab ab", "web", "en"), ("é x", "wiki", None)))
    found.add(batch(("ab", "web", "de")))
    figures = found.figures()
    web = {"documents": 2, "bytes": 10, "tokens": 6, "words": 4, "single": 2, "bytes_per_token": 1.6667,
           "tokens_per_word": 1.5, "single_byte_share": 0.3333}  # fmt: skip
    wiki = {"documents": 1, "bytes": 4, "tokens": 4, "words": 2, "single": 4, "bytes_per_token": 1.0,
            "tokens_per_word": 2.0, "single_byte_share": 1.0}  # fmt: skip
    assert {"web": web, "wiki": wiki} == figures["source"]
    assert ["de", "en", "unknown"] == list(figures["language"])
    assert wiki == figures["language"]["unknown"]
    assert (3, 14, 10, 6, 6) == tuple(
        figures["total"][name] for name in ("documents", "bytes", "tokens", "words", "single")
    )
    said = found.vocabulary()
    assert (1, 0, 252) == (said["merges"], said["unused"], said["unused_bytes"])  # used: space, x, both bytes of é
    assert {"id": 257, "token": "ab", "bytes": 2, "uses": 4} == said["longest"][0]


def test_what_is_never_used_is_named(vocabulary):
    """Texts without `ab` leave the one merge unused; nothing to divide by is null."""
    found = Measure(vocabulary)
    found.add(batch((" ", "web", "en")))
    assert [{"id": 257, "token": "ab", "bytes": 2, "uses": 0}] == found.vocabulary()["unused_examples"]
    assert found.figures()["total"]["tokens_per_word"] is None
    assert Measure(vocabulary).figures()["total"]["bytes_per_token"] is None
