"""Specs: frozen, strict about bounds, and the source of limits and reasons."""

import dataclasses
from typing import Literal

import pytest

from corpusmill.spec import Bounds, intervals, is_limit, limits, number, spec


@spec
class Example:
    """A spec with two limits and an option."""

    use: Literal["example"] = "example"
    words: Bounds = Bounds(50, 100_000)
    ratio: Bounds = Bounds(None, 0.2)
    head: int = 10


def test_limits_are_the_bounds_in_field_order():
    """The limits of a spec are its bounds, in the order in which they are judged."""
    assert [("words", Bounds(50, 100_000)), ("ratio", Bounds(None, 0.2))] == list(limits(Example()).items())


def test_a_spec_is_frozen_and_keyword_only():
    """A spec cannot be changed, nor built by position."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Example().head = 3
    with pytest.raises(TypeError):
        Example("example")


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        (Bounds(3, 2), r"words: bounds are reversed: \[3, 2\]; the low end comes first"),
        (Bounds(float("nan"), 2), "words: a bound is NaN"),
    ],
)
def test_impossible_bounds_are_refused(bounds, message):
    """Bounds that no value can meet are refused where the spec is made."""
    with pytest.raises(ValueError, match=message):
        Example(words=bounds)


def test_an_own_check_still_runs():
    """A spec's own __post_init__ runs after the check of its bounds."""

    @spec
    class Odd:
        use: Literal["odd"] = "odd"
        head: int = 1

        def __post_init__(self) -> None:
            if self.head % 2 == 0:
                raise ValueError("head must be odd")

    with pytest.raises(ValueError, match="odd"):
        Odd(head=2)


def test_reasons_name_signal_and_bound():
    """A reason reads as the inequality that the value fulfils."""
    assert Bounds(50, 100_000).breaks("words") == ("words<50", "words>100000")
    assert Bounds(0.65, None).breaks("score") == ("score<0.65", "score>null")


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (50.0, "50"), (1e6, "1000000"), (0.2, "0.2"), (-3, "-3"), (1 / 3, "0.333333")]
)
def test_numbers_are_written_as_people_do(value, text):
    """Whole numbers have no decimals and no exponent; others have six digits."""
    assert number(value) == text


def test_a_limit_may_depend_on_the_language():
    """A mapping of languages to bounds is a limit, plain bounds are its shorthand."""
    assert is_limit({"en": Bounds(0, 1)})
    assert not is_limit({"en": 0.5})
    assert not is_limit({})
    assert intervals(Bounds(0, 1)) == {"*": Bounds(0, 1)}


def test_a_spec_measures_dropped_documents_unless_it_says_no():
    """Cheap steps are the default."""
    assert Example.measures_dropped is True
