"""The splitters by name, and words of a view."""

import builtins
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill import documents, splitters
from corpusmill.errors import ResourceError
from corpusmill.kernels import buffers
from corpusmill.view import View
from tests.kernels.reference_words import SAMPLES, uax29_words


def words(texts, splitter):
    """The words of each text."""
    text = buffers.text(pa.array(["päd", *texts]).slice(1))
    table = splitters.split(text, splitter)
    raw = text.data.tobytes()
    found = [raw[a:b].decode() for a, b in zip(table.starts, table.ends, strict=True)]
    counts = [int(n) for n in table.offsets]
    return [found[a:b] for a, b in pairwise(counts)]


def test_splitters_by_name():
    """One text has other words under each splitter."""
    text = "Don't stop: 3.14 — ok..."
    assert [["Don't", "stop:", "3.14", "—", "ok..."]] == words([text], "whitespace")
    assert [["Don't", "stop", "3.14", "ok"]] == words([text], "uax29")
    assert [["Don't", "3.14", "1\u0301"]] == words(["Don't _x 3.14 \u0301 1\u0301 _1"], "uniseg")
    assert uax29_words(text) == words([text], "uax29")[0]


def test_spacy_words():
    """SpaCy's tokens are stripped, and tokens of white space are left out."""
    pytest.importorskip("spacy")
    expected = ["Do", "n't", "stop", ":", "3.14", "—", "ok", "...", "x", "é"]
    assert [expected] == words(["  Don't stop: 3.14 — ok...\n\n \u2003x\u2028é "], "spacy")


@settings(max_examples=50)
@given(st.lists(st.text(alphabet=SAMPLES), max_size=3))
def test_spacy_words_are_the_stripped_tokens(texts):
    """The byte spans are those of the tokens, on all kinds of characters."""
    spacy = pytest.importorskip("spacy")
    nlp = spacy.blank("en")
    expected = [[t for token in nlp.tokenizer(text) if (t := token.text.strip())] for text in texts]
    assert expected == words(texts, "spacy")


def test_spacy_cannot_hold_the_name_of_its_attribute():
    """IS_ALPHA, on which spaCy fails, is left out, and the words around it stay where they are."""
    pytest.importorskip("spacy")
    assert [["é", "y", "z"], ["x"]] == words(["é IS_ALPHA y IS_ALPHA IS_ALPHA z", "x"], "spacy")


def test_a_missing_spacy_is_named_with_its_remedy(monkeypatch):
    """Without spaCy the error says what to install."""
    original = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == "spacy":
            raise ImportError(name)
        return original(name, *args, **kwargs)

    splitters.english.cache_clear()
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(ResourceError, match=r"pip install corpusmill\[parity\]"):
        words(["a"], "spacy")


def test_a_view_splits_once():
    """A view gives the same table each time it is asked."""
    view = View(documents.from_texts(["a b", ""]))
    assert view.words("whitespace") is view.words("whitespace")
    assert [3, 0] == view.lengths.tolist()


def test_sentences_are_those_of_spacys_sentencizer():
    """A mark ends a sentence where more follows, also white space; an empty text is one; `IS_ALPHA` is left out."""
    pytest.importorskip("spacy")
    texts = ["", "One. Two", "Mr. One", "Hi.  ", "One. IS_ALPHA two. Three.", "IS_ALPHA"]
    assert splitters.count_sentences(texts) == [1, 2, 1, 2, 3, 1]


def test_the_packaged_abbreviations_are_all_there():
    """Every line of the list that is no comment is in the table."""
    lines = (Path(splitters.__file__).parent / "lists/english_abbreviations.txt").read_text(encoding="ascii")
    listed = {line for line in lines.split("\n") if line and line[0] != "#"}
    packed = {int(word).to_bytes(8, "big").lstrip(b"\0").decode() for word in splitters.abbreviations()}
    assert {"mr", "dr", "prof", "inc", "dec"} <= listed
    assert packed == listed
