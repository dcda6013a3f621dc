"""Judging: closed intervals, field order, limits by language."""

from typing import Literal

import numpy as np
import pyarrow as pa

from corpusmill.signals import judge
from corpusmill.spec import Bounds, Limit, spec


@spec
class Two:
    """Two limits."""

    use: Literal["two"] = "two"
    words: Limit = Bounds(2, 4)
    ratio: Bounds = Bounds(None, 0.5)


def verdicts(step, languages=None, **values):
    """The reason of each document, or None."""
    found = judge(step, {name: np.array(value, float) for name, value in values.items()}, languages)
    return [None if code < 0 else found.reasons[code] for code in found.codes]


def test_both_ends_are_inside():
    """A value equal to a bound is kept."""
    assert [None, None, "words<2", "words>4"] == verdicts(Two(), words=[2, 4, 1.999, 4.001], ratio=[0.5] * 4)


def test_the_first_broken_bound_is_the_reason():
    """A document that breaks two bounds is dropped for the first in field order."""
    assert ["words<2", "ratio>0.5"] == verdicts(Two(), words=[1, 3], ratio=[0.9, 0.9])


def test_not_measured_breaks_nothing():
    """NaN stands for a value that was not measured."""
    assert [None] == verdicts(Two(), words=[np.nan], ratio=[np.nan])


def test_an_open_end_breaks_nothing():
    """A null end lets everything through on its side."""
    assert [None, None] == verdicts(Two(words=Bounds(None, None)), words=[-1e300, 1e300], ratio=[0, 0])


def test_limits_by_language():
    """Each language has its interval, * stands for the others, null and unknown among them."""
    step = Two(words={"en": Bounds(2, 4), "*": Bounds(10, None)})
    languages = pa.array(["en", "de", None, "en"])
    assert [None, "words<10", "words<10", "words>4"] == verdicts(step, languages, words=[3, 3, 3, 9], ratio=[0] * 4)


def test_a_language_without_interval_is_not_judged():
    """Without * a language that is not named passes."""
    step = Two(words={"en": Bounds(2, 4)})
    assert [None, "words>4"] == verdicts(step, pa.array(["de", "en"]), words=[9, 9], ratio=[0, 0])


def test_no_documents():
    """An empty batch is judged."""
    assert [] == verdicts(Two(), words=[], ratio=[])
