"""Pages with a word of a list, on small worked texts."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill import documents
from corpusmill.errors import ResourceError
from corpusmill.filters.bad_words import BadWords, pattern
from corpusmill.view import View
from tests.data import shared


@pytest.fixture
def words(tmp_path):
    """A list of two words, one of them a phrase, and one with a sign in it."""
    path = tmp_path / "en.txt"
    path.write_text("darn\nold fool\na.b\n\n", encoding="utf-8")
    return str(path)


def listed(step, texts, **columns):
    """The signal of each text."""
    return step.build()(View(documents.from_texts(texts, **columns))).signals["listed"].tolist()


def test_a_word_counts_where_it_stands_by_itself(words):
    """Case does not count, signs and ends are borders, letters, digits and underscores are not."""
    texts = [
        "Darn!",
        "oh darn",
        "(old  fool)",
        "old fool",
        "darned",
        "xdarn",
        "darn_",
        "darn2",
        "édarn",
        "a.b",
        "axb",
        "",
    ]
    assert listed(BadWords(lists={"en": words}), texts) == [1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0]


def test_unspaced_languages_look_anywhere(words):
    """In Japanese a word counts inside others, and a language without a list is left alone."""
    step = BadWords(lists={"ja": words, "en": words})
    texts = ["xdarned"] * 3 + ["darn"] * 2
    assert listed(step, texts, language=["ja", "en", None, "de", None]) == [1, 0, 0, 0, 1]


def test_the_share_that_is_spared_depends_on_the_url_only(words):
    """About that share of pages stays, the same in every run and in any order."""
    urls = [f"https://example.org/{number}" for number in range(1000)]
    step = BadWords(lists={"en": words}, keep_share=0.1)
    found = listed(step, ["darn"] * 1000, url=urls)
    assert 850 < sum(found) < 950
    assert listed(step, ["darn, again"] * 1000, url=urls[::-1]) == found[::-1]
    assert listed(BadWords(lists={"en": words}, keep_share=1.0), ["darn"], id=["a"]) == [0]


def test_wrong_options_are_refused(tmp_path, words):
    """A share beyond 1, no list, and a list without words are named."""
    with pytest.raises(ValueError, match=r"keep_share: 1\.5"):
        BadWords(lists={"en": words}, keep_share=1.5)
    with pytest.raises(ValueError, match="lists: empty"):
        BadWords(lists={})
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n", encoding="utf-8")
    with pytest.raises(ResourceError, match="found none"):
        BadWords(lists={"en": str(empty)}).build()


def test_the_lists_are_files_the_step_depends_on(words):
    """The step names its lists, so that a changed list is measured again."""
    assert BadWords(lists={"en": words}).references() == (words,)


PIECES = st.sampled_from(["darn", "old fool", "a.b", " ", "_", "é", "1", "-", "\n", "Darn", "x", "中", "\u0301", "’"])


@given(st.lists(st.lists(PIECES, max_size=6).map("".join), max_size=5))
def test_the_pattern_is_that_of_the_published_code(texts):
    """What is found is what Python's own pattern, with its borders, finds."""
    published = re.compile(r"(?:\W|^)(darn|old fool|a\.b)(?:\W|$)")
    lower = pc.utf8_lower(pa.array(texts, pa.string()))
    found = pc.match_substring_regex(lower, pattern(["a.b", "darn", "old fool"], anywhere=False)).to_pylist()
    assert [bool(published.search(text.lower())) for text in texts] == found


def test_the_published_english_list():
    """LDNOOBW's list finds its own words, those with signs too, and not those inside others."""
    path = shared("wordlists/ldnoobw/en")
    words = path.read_text(encoding="utf-8").split("\n")
    own = [f"well, {word.upper()}!" for word in words if word]
    assert set(listed(BadWords(lists={"en": str(path)}), own)) == {1}
    assert listed(BadWords(lists={"en": str(path)}), ["A cockerel in Scunthorpe.", "class assassin"]) == [0, 0]
