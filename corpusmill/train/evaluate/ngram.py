"""Baselines that a language model has to beat: unigram to trigram over the same tokens, interpolated.

P3(w | u v) = a f(w | u v) + (1 - a) P2(w | v), and so on down to the uniform distribution (Jelinek and Mercer 1980). A
weight depends on how often its context was seen, in powers of two, and is fitted by expectation-maximisation on rows
that were held out; then those rows are counted, too.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.errors import InputError
from corpusmill.train.data import Batch

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

ORDER = 3
HELD = 20  # one batch in so many is held out
ROUNDS = 30  # of expectation-maximisation; changes are below 1e-4 by then
BUCKETS = 32  # of context counts: 0, 1, 2-3, 4-7, …


class Level(NamedTuple):
    """n-grams of one order.

    Attributes:
        keys, counts: of n-grams, keys ascending; int64 (G,).
        contexts, totals: of their first n - 1 tokens; int64 (C,).
    """

    keys: Int64s
    counts: Int64s
    contexts: Int64s
    totals: Int64s

    def share(self, key: Int64s, context: Int64s) -> tuple[Floats, Int64s]:
        """Relative frequencies of n-grams, 0 where the context is new; and the bucket of each context."""
        total = _count(self.contexts, self.totals, context)
        found = _count(self.keys, self.counts, key) / np.maximum(total, 1)
        bucket = np.where(total > 0, np.frexp(total.astype(np.float64))[1], 0)
        return found, np.minimum(bucket, BUCKETS - 1).astype(np.int64)


class Ngrams:
    """A fitted model; a callable as the evaluator's `losses` are.

    Attributes:
        vocabulary_size: V; fewer than two million, so that three ids make one key.
        levels: unigrams first.
        weights: of each level by bucket of the context's count, float64 (order, BUCKETS).
    """

    def __init__(self, vocabulary_size: int, levels: list[Level], weights: Floats) -> None:
        self.vocabulary_size, self.levels, self.weights = vocabulary_size, levels, weights

    @classmethod
    def fit(cls, batches: Iterable[Batch], vocabulary_size: int) -> "Ngrams":
        """Count and weigh. Memory: about 60 bytes a token.

        Raises:
            InputError: for a vocabulary that is too large, or fewer than two batches.
        """
        if vocabulary_size >= 1 << 21:
            raise InputError(f"a vocabulary of {vocabulary_size:,} ids; n-grams are counted for fewer than 2,097,152")
        counted: list[Int64s] = [np.zeros((0, ORDER), np.int64)]
        held: list[Int64s] = []
        for number, batch in enumerate(batches):
            (held if number % HELD == 1 else counted).append(_grams(batch))
        if not held:
            raise InputError("one batch of rows is too little to count n-grams; make batches smaller, or pack more")
        kept, rest = np.concatenate(counted), np.concatenate(held)
        model = cls(vocabulary_size, _levels(kept, vocabulary_size), np.zeros((ORDER, BUCKETS)))
        model._weigh(rest)
        return cls(vocabulary_size, _levels(np.concatenate([kept, rest]), vocabulary_size), model.weights)

    def losses(self, batch: Batch, order: int = ORDER) -> Floats:
        """-log P of each target, float64 (B, L); 0 where there is none."""
        found = np.zeros(batch.targets.shape)
        found[batch.targets >= 0] = -np.log(self.probabilities(_grams(batch), order))
        return found

    def unigram(self, batch: Batch) -> Floats:
        """The same by unigrams alone."""
        return self.losses(batch, 1)

    def probabilities(self, grams: Int64s, order: int = ORDER) -> Floats:
        """P of the last token of each n-gram (N, 3), after at most `order` - 1 tokens; above 0 and, over all ids, 1."""
        found = np.full(len(grams), 1 / self.vocabulary_size)
        for number, level in enumerate(self.levels[:order]):
            share, bucket = level.share(*_keys(grams, number + 1, self.vocabulary_size))
            weight = self.weights[number][bucket]
            found = weight * share + (1 - weight) * found
        return found

    def _weigh(self, grams: Int64s) -> None:
        """Fit the weights of each level, those below given."""
        lower = np.full(len(grams), 1 / self.vocabulary_size)
        for number, level in enumerate(self.levels):
            share, bucket = level.share(*_keys(grams, number + 1, self.vocabulary_size))
            weight = np.full(BUCKETS, 0.5)
            weight[0] = 0.0  # an unseen context says nothing
            seen = np.bincount(bucket, minlength=BUCKETS)
            for _ in range(ROUNDS):
                mine = weight[bucket] * share
                owed = mine / (mine + (1 - weight[bucket]) * lower)
                weight = np.where(seen > 0, np.bincount(bucket, owed, BUCKETS) / np.maximum(seen, 1), weight)
            # Were a weight 1, an n-gram that is new would have no probability at all.
            self.weights[number] = np.minimum(weight, 0.999)
            lower = self.weights[number][bucket] * share + (1 - self.weights[number][bucket]) * lower


def _grams(batch: Batch) -> Int64s:
    """Each target with the two tokens before it, int64 (N, 3); end-of-text stands before a document's first input."""
    before = np.roll(batch.inputs, 1, axis=1)
    for row, lengths in enumerate(batch.lengths):
        starts = np.cumsum(lengths) - lengths
        before[row, starts] = batch.inputs[row, starts]
    there = batch.targets >= 0
    return np.stack([before[there], batch.inputs[there], batch.targets[there]], axis=1)


def _levels(grams: Int64s, size: int) -> list[Level]:
    levels = []
    for order in range(1, ORDER + 1):
        key, context = _keys(grams, order, size)
        keys, counts = np.unique(key, return_counts=True)
        contexts, totals = np.unique(context, return_counts=True)
        levels.append(Level(keys, counts.astype(np.int64), contexts, totals.astype(np.int64)))
    return levels


def _keys(grams: Int64s, order: int, size: int) -> tuple[Int64s, Int64s]:
    """One number for the last `order` tokens, and one for all of them but the last."""
    context = np.zeros(len(grams), np.int64)
    for column in range(ORDER - order, ORDER - 1):
        context = context * size + grams[:, column]
    return context * size + grams[:, -1], context


def _count(keys: Int64s, counts: Int64s, wanted: Int64s) -> Int64s:
    """Counts of keys, 0 for those that are not there."""
    if not len(keys):
        return np.zeros(len(wanted), np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, counts[at], 0)
