"""Bits per byte of packed rows: those of the documents alone, in all and by domain."""

import math

import numpy as np
import pytest

from corpusmill.errors import RunError
from corpusmill.tokenize.sizes import token_bytes
from corpusmill.train import config
from corpusmill.train.data import Rows
from corpusmill.train.evaluate import perplexity
from tests.storage import packing
from tests.tokenize import made
from tests.train.evaluate import toy

TEXTS = [text[start : start + 150] for text in made.small_texts()[:8] for start in (0, 400, 800)] + made.OTHERS + [""]


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The texts as validation rows."""
    folder = toy.pack(tmp_path_factory.mktemp("packed"), TEXTS, TEXTS)
    return Rows.open([config.Data(path=folder)], 0, "validation")


def measured(rows, **changes):
    """The random model's documents."""
    return perplexity.measure(rows, toy.evaluated().losses, token_bytes(toy.small_tokenizer()), **changes)


def test_packed_documents_cost_what_they_cost_alone(rows):
    """Bits and bytes of each document are those of its text, scored by itself; end-of-text is no text."""
    found = measured(rows, batch=3)
    assert [packing.address(number) for number in range(len(TEXTS))] == list(
        zip(found.shards.tolist(), found.rows.tolist(), strict=True)
    )
    alone = toy.scorer().rolling(TEXTS)
    assert [len(text.encode()) for text in TEXTS] == found.bytes.tolist()
    assert [score.tokens + 1 for score in alone] == found.tokens.tolist()
    assert [-score.log_probability for score in alone] == pytest.approx(found.text_nats.tolist(), rel=1e-5, abs=1e-6)
    assert (found.nats > found.text_nats).all()
    bits = -sum(score.log_probability for score in alone) / math.log(2)
    value, error = perplexity.bits_per_byte(found)
    assert bits / sum(len(text.encode()) for text in TEXTS) == pytest.approx(value)
    assert 0 < error < value


def test_batches_change_nothing_and_limits_take_a_part(rows):
    """Sums are equal for any batch; a limit is of rows."""
    whole, other = measured(rows, batch=1), measured(rows, batch=64)
    for one, two in zip(whole, other, strict=True):
        assert one == pytest.approx(two, rel=1e-5)
    assert 0 < len(measured(rows, limit=2).rows) < len(TEXTS)


def test_documents_that_were_cut_are_whole_again(tmp_path):
    """A document over two rows is one; the first token of its second part is not scored."""
    folder = toy.pack(tmp_path / "cut", ["a"], [TEXTS[0] * 2, "b"], length=48)
    found = measured(Rows.open([config.Data(path=folder)], 0, "validation"))
    count = len(toy.scorer().encode([TEXTS[0] * 2])[0]) + 1
    assert 2 == len(found.rows)
    assert count - math.ceil(count / 48) + 1 == found.tokens[0]


def test_figures_by_domain_add_up(rows):
    """Each domain is the ratio of its own sums; baselines stand beside, and items hold what a comparison needs."""
    found = measured(rows)
    names = ["even" if at % 2 else "" for at in range(len(TEXTS))]
    uniform = found._replace(text_nats=found.bytes * math.log(2) * 3.0)
    results = perplexity.results(found, {"name": "toy"}, {"digest": "d"}, {"source": names}, {"flat": uniform})
    told = {(row.group, row.metric): row for row in results.rows}
    chosen = np.array(names, object) == "even"
    expected = found.text_nats[chosen].sum() / math.log(2) / found.bytes[chosen].sum()
    assert expected == pytest.approx(told["source=even", "bits_per_byte"].value)
    assert 3.0 == pytest.approx(told["", "bits_per_byte.flat"].value)
    assert 0.0 == pytest.approx(told["", "bits_per_byte.flat"].error)
    loss = told["", "loss"].value
    assert found.nats.sum() / found.tokens.sum() == pytest.approx(loss)
    assert math.exp(loss) == pytest.approx(told["", "perplexity"].value)
    items = results.items["validation"]
    assert (len(TEXTS), "0/5/0") == (len(items), items[0]["key"])
    assert found.text_nats.sum() / math.log(2) == pytest.approx(sum(item["bits"] for item in items))


def test_a_broken_model_is_told(rows):
    """NaN is no result."""
    with pytest.raises(RunError, match="not numbers"):
        perplexity.measure(rows, lambda batch: np.full(batch.targets.shape, math.nan), np.ones(3000, np.int64))
