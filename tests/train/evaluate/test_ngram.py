"""N-grams: probabilities that add up, and a baseline that learns."""

import math

import numpy as np
import pytest

from corpusmill.errors import InputError
from corpusmill.train.data import Batch
from corpusmill.train.evaluate.ngram import Ngrams

SIZE, EOS = 11, 10


def batches(count, rows=4, length=32, seed=0):
    """Documents of a chain in which a token is mostly the sum of the two before it; packed two a row."""
    draw, found = np.random.default_rng(seed), []
    for number in range(count):
        targets, lengths = np.zeros((rows, length), np.int64), []
        for row in range(rows):
            cut = int(draw.integers(4, length - 4))
            lengths.append(np.array([cut, length - cut]))
            targets[row] = np.concatenate([chain(draw, cut), chain(draw, length - cut)])
        inputs = np.roll(targets, 1, axis=1)
        for row, (cut, _) in enumerate(lengths):
            inputs[row, [0, cut]] = EOS
        found.append(Batch(inputs, targets, lengths, np.arange(number * rows, (number + 1) * rows)))
    return found


def chain(draw, length):
    """A document with its end-of-text."""
    ids = [int(draw.integers(0, 10)), int(draw.integers(0, 10))]
    while len(ids) < length - 1:
        ids.append((ids[-1] + ids[-2]) % 10 if draw.random() < 0.9 else int(draw.integers(0, 10)))
    return [*ids[: length - 1], EOS]


def test_probabilities_add_up_to_one():
    """For seen, half-seen and unseen contexts, over all ids; none is 0."""
    model = Ngrams.fit(batches(30), SIZE)
    for before in (EOS, EOS), (EOS, 3), (1, 2), (7, EOS), (3, 3):
        grams = np.array([[*before, token] for token in range(SIZE)])
        for order in 1, 2, 3:
            found = model.probabilities(grams, order)
            assert found.min() > 0
            assert 1.0 == pytest.approx(found.sum())


def test_higher_orders_learn_more():
    """The chain has order 2: a trigram comes near its entropy on new rows, and a bigram cannot."""
    model = Ngrams.fit(batches(200), SIZE)
    fresh = batches(20, seed=1)
    costs = [
        sum(model.losses(batch, order).sum() for batch in fresh) / sum(batch.targets.size for batch in fresh)
        for order in (1, 2, 3)
    ]
    middle = -(0.91 * math.log(0.91) + 0.09 * math.log(0.01))  # of a token inside a document
    assert costs[2] < middle + 0.7 < costs[1] + 0.1
    assert costs[2] < costs[1] - 0.5
    assert costs[0] == pytest.approx(float(np.mean([model.unigram(batch).mean() for batch in fresh])))


def test_documents_do_not_see_each_other():
    """After a cut, the context is end-of-text, twice; targets that are not there cost nothing."""
    (batch,) = batches(1)
    model = Ngrams.fit(batches(30), SIZE)
    cut = int(batch.lengths[0][0])
    first = [EOS, EOS, int(batch.targets[0, cut])]
    assert -math.log(model.probabilities(np.array([first]))[0]) == pytest.approx(model.losses(batch)[0, cut])
    batch.targets[0, cut] = -100
    assert 0.0 == model.losses(batch)[0, cut]


def test_what_cannot_be_counted_is_told():
    """Too few rows to fit weights on, and too many ids for one key."""
    with pytest.raises(InputError, match="one batch of rows is too little"):
        Ngrams.fit(batches(1), SIZE)
    with pytest.raises(InputError, match="a vocabulary of 3,000,000 ids"):
        Ngrams.fit(batches(2), 3_000_000)
