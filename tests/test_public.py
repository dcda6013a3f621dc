"""The public surface: what `import corpusmill` promises."""

import doctest

import pyarrow as pa
import pytest

import corpusmill
from corpusmill import dedup, extract, filters, redact, tokenize
from corpusmill.spec import members


def test_public_names():
    """This list is the promise; a name leaves it only with a new major version."""
    expected = [
        "BadWords", "Bounds", "C4", "Chain", "CorpusmillError", "Decontaminate", "ExactDedup", "FastText",
        "FineWebQuality", "GopherQuality", "GopherRepetition", "Language", "LineDedup", "Measured", "NearDedup",
        "Outcome", "ParagraphDedup", "Redact", "Resiliparse", "SCHEMA", "Tokenize", "Trafilatura", "UrlFilter", "View", "__version__",
        "conform", "from_texts",
    ]  # fmt: skip
    assert expected == sorted(corpusmill.__all__)
    for name in expected:
        assert getattr(corpusmill, name) is not None


def test_every_step_is_public():
    """A step that a recipe can name can be imported from the top."""
    steps = {
        cls.__name__
        for cls in (
            *members(filters.Filter),
            *members(extract.Extractor),
            *members(dedup.Dedup),
            *members(redact.Redactor),
            *members(tokenize.Packer),
        )
    }
    assert steps <= set(corpusmill.__all__)


def test_an_unknown_name_is_an_attribute_error():
    """A typo reads as Python's own."""
    with pytest.raises(AttributeError, match="no attribute 'Chian'"):
        corpusmill.Chian


def test_the_examples_run():
    """The examples in docstrings give what they show."""
    from corpusmill import steps

    assert (0, 3) == tuple(doctest.testmod(corpusmill))
    assert (0, 2) == tuple(doctest.testmod(steps))


def test_three_lines_on_a_table_and_a_dataset():
    """The README's three lines, on what people have at hand."""
    from corpusmill import Bounds, Chain, GopherQuality

    datasets = pytest.importorskip("datasets", reason="needs corpusmill[hub]")
    text = "the house of the river and the stone with that light to be have. " * 10
    chain = Chain([GopherQuality(words=Bounds(50, None))])
    kept = chain(pa.table({"text": [text, "short"]})).kept
    mapped = datasets.Dataset.from_dict({"text": [text, "short"]}).map(chain.map, batched=True, remove_columns=["text"])
    assert [text] == kept["text"].to_pylist() == mapped["text"]
