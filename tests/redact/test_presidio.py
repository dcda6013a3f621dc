"""Presidio's recognizers on windows, without the network."""

import logging
import socket

import pyarrow as pa
import pytest

pytest.importorskip("presidio_analyzer", reason="the extra 'presidio' is not installed")

from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import ResourceError
from corpusmill.kernels import buffers
from corpusmill.redact import Redact
from corpusmill.redact.presidio import Presidio, byte_places, windows
from corpusmill.redact.rounds import Redactions
from corpusmill.spans import apply
from corpusmill.view import View


def redact_text(redactions, text):
    """One text, edited."""
    batch = pa.RecordBatch.from_pydict({"text": pa.array([text])})
    return apply(batch.column("text"), redactions(View(batch)).edits)[0].as_py()


FILLING = "Ein Wörterbuch für alle Fälle, ohne Zahlen. " * 30


def test_it_finds_what_the_patterns_do_not(monkeypatch, caplog) -> None:
    """Passport numbers near their word, by Presidio's score, asking no network and warning of nothing."""

    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AssertionError("asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    with caplog.at_level(logging.WARNING):
        step = Redact(presidio=Presidio(entities=("US_PASSPORT", "EMAIL_ADDRESS")))
        redactions = Redactions(step)
        text = f"{FILLING}é My passport number is A12345678. {FILLING}ann@mail.de"
        now = redact_text(redactions, text)
    assert f"{FILLING}é My passport number is <US_PASSPORT>. {FILLING}<EMAIL>" == now
    assert now == redact_text(redactions, now)
    assert [] == caplog.records


def test_score_and_context_come_from_the_spec() -> None:
    """Without its word a passport number scores low; a word of the recipe may stand in for it."""
    text = "A12345678 was given out"
    assert text == redact_text(Redactions(Redact(presidio=Presidio(entities=("US_PASSPORT",)))), text)
    low = Redact(presidio=Presidio(entities=("US_PASSPORT",), score=0.05))
    assert "<US_PASSPORT> was given out" == redact_text(Redactions(low), text)
    named = Redact(presidio=Presidio(entities=("US_PASSPORT",), context=("passport",)))
    assert "<US_PASSPORT> was given out" == redact_text(Redactions(named), text)


def test_its_hits_are_counted_as_others() -> None:
    """So that a bound can be set on them."""
    measure = Redact(presidio=Presidio(entities=("US_PASSPORT",), score=0.05)).build()
    from corpusmill.view import View

    found = measure(View(pa.RecordBatch.from_pydict({"text": ["A12345678"]})))
    assert [1] == found.signals["others"].tolist()


def test_urls_are_looked_for_in_the_whole_text() -> None:
    """They need no digit."""
    step = Redact(entities=(), presidio=Presidio(entities=("URL",)))
    assert f"{FILLING}<URL> {FILLING}" == redact_text(Redactions(step), f"{FILLING}https://host.com/path {FILLING}")


def test_names_need_a_model_that_is_installed() -> None:
    """The message says how to get one."""
    with pytest.raises(ValueError, match="spacy download en_core_web_sm"):
        Presidio(entities=("PERSON",))
    with pytest.raises(ResourceError, match="spacy download no_such_model"):
        Presidio(entities=("PERSON",), model="no_such_model").build()
    with pytest.raises(ResourceError, match="US_PASSPORT"):
        Presidio(entities=("NO_SUCH_ENTITY",)).build()


@given(st.text(max_size=40))
def test_code_points_become_bytes_in_one_place(text: str) -> None:
    """Each place is the size of the text before it."""
    assert [len(text[:place].encode()) for place in range(len(text) + 1)] == byte_places(text)


@given(st.lists(st.text("ab 1@é漢.\n", max_size=300), max_size=3))
def test_windows_are_disjoint_and_decodable(rows: list[str]) -> None:
    """In order, between code points, inside their row."""
    last = (-1, 0)
    for row, start, end in windows(buffers.text(pa.array(rows, pa.string()))):
        data = rows[row].encode()
        data[start:end].decode()
        assert 0 <= start < end <= len(data)
        assert (row, start) >= last
        last = (row, start)
