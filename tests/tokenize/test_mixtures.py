"""Mixtures: what each source gives, and what is refused."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from corpusmill.errors import RecipeError
from corpusmill.tokenize.mixtures import Ask, allot, from_published, published


def tokens(allotments):
    """Tokens by source."""
    return {entry.source: entry.tokens for entry in allotments}


def test_weights_divide_a_total():
    """The LLaMA mixture of 1.4 T tokens; with the sizes that its epochs imply, its epochs come out."""
    asked = from_published("llama")
    epochs = published()["llama"].epochs
    total = 1_400_000_000_000
    available = {source: round(total * asked[source].weight / 100 / epochs[source]) for source in epochs}
    found = allot(available, asked, total)
    assert 938_000_000_000 == tokens(found)["common_crawl"]
    assert total == sum(entry.tokens for entry in found)
    assert epochs == {entry.source: round(entry.epochs, 6) for entry in found}
    assert 0.045 == pytest.approx(next(entry.share for entry in found if entry.source == "books"))


def test_without_a_total_the_scarcest_source_decides():
    """As much as the caps allow."""
    found = allot({"web": 1000, "wiki": 30}, {"web": Ask(weight=9), "wiki": Ask(weight=1, epochs=3)})
    assert {"web": 810, "wiki": 90} == tokens(found)
    assert [0.81, 3.0] == [entry.epochs for entry in found]


def test_budgets_come_first():
    """Weights divide what budgets leave; a weight of 0 leaves a source out."""
    asked = {"a": Ask(tokens=40), "b": Ask(weight=1), "c": Ask(weight=2), "d": Ask(weight=0)}
    available = dict.fromkeys("abcd", 100)
    assert {"a": 40, "b": 20, "c": 40, "d": 0} == tokens(allot(available, asked, 100))
    assert {"a": 40, "b": 50, "c": 100, "d": 0} == tokens(allot(available, asked))
    assert {"a": 7} == tokens(allot({"a": 10}, {"a": Ask(tokens=7)}, 7))


SOURCES = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.integers(0, 10**6), st.floats(0, 10), st.sampled_from([0.5, 1, 1.5, 4])),
    min_size=1,
)


@given(SOURCES, st.one_of(st.none(), st.integers(1, 10**6)))
def test_what_is_given_adds_up_and_keeps_to_the_caps(sources, total):
    """No source gives more than its cap, shares are those of the weights to within a token."""
    asked = {name: Ask(weight=weight, epochs=cap) for name, (_, weight, cap) in sources.items()}
    weights = sum(ask.weight for ask in asked.values())
    assume(weights > 0)
    available = {name: have for name, (have, _, _) in sources.items()}
    try:
        found = allot(available, asked, total)
    except RecipeError:
        if total is None:
            assert any(int(available[name] * ask.epochs) == 0 < ask.weight for name, ask in asked.items())
            return
        wanted = {name: total * ask.weight / weights for name, ask in asked.items()}
        assert any(wanted[name] > int(available[name] * asked[name].epochs) - 1e-3 for name in asked)
        return
    everything = sum(entry.tokens for entry in found)
    assert total in {None, everything}
    for entry in found:
        assert entry.tokens <= available[entry.source] * asked[entry.source].epochs
        assert abs(entry.tokens - everything * asked[entry.source].weight / weights) <= 1.001


def test_what_cannot_be_met_is_refused():
    """Every source that falls short is named, with what was asked, what is there, and what would do."""
    available = {"web": 1000, "wiki": 30, "books": 0}
    asked = {"web": Ask(weight=2), "wiki": Ask(weight=1, epochs=2), "books": Ask(tokens=5)}
    with pytest.raises(RecipeError) as caught:
        allot(available, asked, 305)
    wiki, books = str(caught.value).split("\n")
    assert wiki.startswith("mixture: wiki: asked for 100 tokens, found 30, which at 2 epochs give 60; ")
    assert wiki.endswith("; ask for at most 185 in all, lower its weight, or allow 3.34 epochs")
    assert "mixture: books: asked for 5 tokens, found 0, which at 1 epochs give 0; ask for less" == books
    asked["books"] = Ask(weight=0)
    assert 180 == sum(tokens(allot(available, asked, 180)).values())
    with pytest.raises(RecipeError):
        allot(available, asked, 181)


@pytest.mark.parametrize(
    ("available", "asked", "total", "told"),
    [
        ({"wiki": 3}, {"wikki": Ask(weight=1)}, None, "wikki: no such source; found wiki; did you mean 'wiki'?"),
        ({"a": 3, "b": 4}, {"a": Ask(weight=1)}, None, "b: 4 tokens, but no weight; give it one, or 0"),
        ({"a": 3}, {"a": Ask(weight=0)}, None, "no source has a weight or a budget above 0"),
        ({"a": 3}, {"a": Ask(tokens=3)}, 2, "2 tokens are asked for in all, but the budgets add up to 3"),
        ({"a": 3}, {"a": Ask(tokens=3)}, 4, "4 tokens are asked for in all, but the budgets add up to 3"),
        ({"a": 0, "b": 9}, {"a": Ask(weight=1), "b": Ask(weight=2)}, None, "a: 0 tokens at 1 epochs; weigh it 0"),
        ({}, {}, None, "no source has a weight or a budget above 0"),
    ],
)
def test_mixtures_that_make_no_sense(available, asked, total, told):
    """Said with the source's name."""
    with pytest.raises(RecipeError) as caught:
        allot(available, asked, total)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "expected a weight or a number of tokens, found neither"),
        ({"weight": 1, "tokens": 1}, "expected a weight or a number of tokens, found both"),
        ({"weight": -1}, "weight: found -1; expected 0 or more"),
        ({"weight": float("inf")}, "weight: found inf; expected 0 or more"),
        ({"tokens": -5}, "tokens: found -5; expected 0 or more"),
        ({"weight": 1, "epochs": float("nan")}, "epochs: found nan; expected 0 to 100"),
        ({"weight": 1, "epochs": 101}, "epochs: found 101; expected 0 to 100"),
    ],
)
def test_what_cannot_be_asked_of_a_source(given, told):
    """Before any token is counted."""
    with pytest.raises(ValueError, match=told):
        Ask(**given)


def test_mixtures_of_the_literature():
    """The sums that the papers print, each with its source."""
    known = published()
    sums = {name: round(sum(entry.weights.values()), 2) for name, entry in known.items()}
    assert {"bloomberggpt": 100, "gopher": 100, "gpt3": 101, "llama": 100, "pile": 100, "redpajama": 1210} == sums
    assert all("Table" in entry.source for entry in known.values())
    finance = sum(weight for name, weight in known["bloomberggpt"].weights.items() if name.startswith("finpile"))
    assert 51.27 == round(finance, 2)
    assert ["gpt3", "llama", "pile"] == [name for name, entry in known.items() if entry.epochs]
    assert all(list(entry.weights) == list(entry.epochs) for entry in known.values() if entry.epochs)
    effective = {  # the table's raw sizes in GiB times its epochs, as shares: its weights
        source: size * known["pile"].epochs[source] / 1254.20
        for source, size in {"pile_cc": 227.12, "books3": 100.96, "wikipedia": 6.38, "gutenberg": 10.88}.items()
    }
    assert {s: pytest.approx(known["pile"].weights[s] / 100, abs=5e-5) for s in effective} == effective


def test_caps_of_the_literature():
    """As often as any document came there: epochs rounded up, a source that was not used up once, as where none are told."""
    caps = {name: [ask.epochs for ask in from_published(name).values()] for name in published()}
    assert [1, 3, 2, 1, 4] == caps["gpt3"]
    assert [2, 2, 1, 3, 3, 2, 2] == caps["llama"]
    assert {1} == {*caps["redpajama"], *caps["gopher"], *caps["bloomberggpt"]}
    assert 3 == max(caps["pile"])


def test_what_there_is_is_said_once():
    """A mixture of the literature over other names: each source that is missing, and how to name one's own."""
    with pytest.raises(RecipeError) as caught:
        allot({"web": 1234567, "book": 5}, from_published("gpt3"))
    first, *others, last = str(caught.value).split("\n")
    assert "mixture: common_crawl: no such source; found book, web" == first
    assert "mixture: books1: no such source; did you mean 'book'?" in others
    assert "mixture: web: 1,234,567 tokens, but no weight; give it one, or 0" in others
    assert 6 == len(others)
    assert last.endswith("other names, edit what this prints: corpusmill mixtures gpt3 --yaml")
    with pytest.raises(RecipeError, match=r"'llamma' is not known; did you mean 'llama'\?; expected one of bloomb"):
        from_published("llamma")
