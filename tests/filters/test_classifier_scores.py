import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.filters.classifier_scores import AtThreshold, at_threshold, auc, score, top_share

VALUES = st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), min_size=1, max_size=8).map(np.array)


@given(VALUES, VALUES)
def test_auc_counts_pairs(positives, negatives):
    """The area is the share of pairs in the right order, ties half."""
    pairs = [(p > n) + 0.5 * (p == n) for p in positives for n in negatives]
    assert np.mean(pairs) == pytest.approx(auc(positives, negatives))


def test_threshold_by_hand():
    """Two of three positives and one of two negatives are kept: precision 2/3, recall 2/3."""
    found = at_threshold(np.array([0.9, 0.5, 0.1]), np.array([0.5, 0.2]), 0.5)
    assert found == AtThreshold(0.5, 2 / 3, 2 / 3, 2 / 3, 0.5)
    assert at_threshold(np.array([0.1]), np.array([0.2]), 0.5) == AtThreshold(0.5, 0.0, 0.0, 0.0, 0.0)


@given(VALUES, st.floats(0.01, 1))
def test_top_share_is_the_largest_bound(scores, share):
    """At least the share reaches the bound, and fewer reach any larger score."""
    bound = top_share(scores, share)
    assert (scores >= bound).mean() >= share - 1e-9
    larger = scores[scores > bound]
    assert all((scores >= value).mean() < share for value in larger)


def test_json_is_plain():
    """What is written beside a model has Python's numbers, rounded."""
    found = score(np.array([0.75, 1 / 3]), np.array([0.25])).as_json()
    assert (2, 1, 1.0, 0.25) == (found["positives"], found["negatives"], found["auc"], found["top_tenth"])
    assert {"threshold": 0.5, "precision": 1.0, "recall": 0.5, "f1": 0.666667, "negatives_kept": 0.0} in found["table"]
