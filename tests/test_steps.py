"""The chain: who is measured, who is dropped, what the ledger and the report say."""

from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pytest

from corpusmill import documents, spans
from corpusmill.dedup import NearDedup
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, members, numbered, spec
from corpusmill.steps import Chain, domain


@spec
class Extract:
    """Gives pages their text; fails on `bad`; does not look into pages above its bound."""

    use: Literal["extract"] = "extract"
    measures_dropped: ClassVar[bool] = False
    html_bytes: Bounds = Bounds(1, 10)

    def build(self):
        """Decode."""

        def measure(view):
            pages = view.column("html").to_pylist()
            text = pa.array([page.decode() if len(page) <= 10 else "" for page in pages])
            sizes = np.array([len(page) for page in pages])
            failed = {row: "cannot" for row, page in enumerate(pages) if page == b"bad"}
            return Measured({"html_bytes": sizes}, {"text": text, "title": text}, failed=failed)

        return measure


@spec
class Language:
    """Calls everything that begins with e English; costly."""

    use: Literal["language"] = "language"
    measures_dropped: ClassVar[bool] = False
    score: Bounds = Bounds(3, None)

    def build(self):
        """Look at the first letter."""

        def measure(view):
            texts = view.column("text").to_pylist()
            languages = pa.array(["en" if text.startswith("e") else "de" for text in texts], pa.string())
            return Measured({"score": np.array([len(text) for text in texts])}, {"language": languages})

        return measure


@spec
class Behead:
    """Cuts the first byte of every text; cheap."""

    use: Literal["behead"] = "behead"
    length: Bounds = Bounds(None, 6)

    def build(self):
        """Measure before the cut."""

        def measure(view):
            lengths = np.diff(view.text.offsets)
            rows = np.flatnonzero(lengths)
            zeros = np.zeros(len(rows), np.int64)
            return Measured({"length": lengths}, edits=spans.Spans(rows, zeros, zeros + 1))

        return measure


PAGES = [b"", b"bad", b"e", b"hello", b"eellow", b"eellowww", b"x" * 20, b"efg"]


@pytest.fixture
def outcome():
    """Eight pages through three steps."""
    batch = documents.conform({"html": PAGES, "url": [f"http://www.a.com/{i}" for i in range(8)]})
    return Chain([Extract(), Language(), Behead()])(batch)


def test_the_kept_are_edited_documents(outcome):
    """What comes out has the document schema, the new columns and the edited text."""
    assert outcome.kept.schema == documents.SCHEMA
    assert ["ello", "ellow", "fg"] == outcome.kept["text"].to_pylist()
    assert ["de", "en", "en"] == outcome.kept["language"].to_pylist()
    assert [3, 4, 7] == outcome.rows.tolist()


def test_every_input_row_has_one_ledger_row_with_its_reason(outcome):
    """Reasons name step, signal and bound; kept rows have none."""
    expected = [
        "extract.html_bytes<1", "extract.failed", "language.score<3", None, None, "behead.length>6",
        "extract.html_bytes>10", None,
    ]  # fmt: skip
    assert expected == outcome.ledger["reason"].to_pylist()


def test_cheap_steps_measure_dropped_documents_and_costly_ones_do_not(outcome):
    """The ledger can answer what a looser bound would have kept."""
    assert [None, None, 1, 5, 6, 8, None, 3] == outcome.ledger["behead.length"].to_pylist()
    assert [None, None, 1, 5, 6, 8, None, 3] == outcome.ledger["language.score"].to_pylist()
    one_dropped = Chain([Behead(length=Bounds(None, 3)), Language()])(documents.from_texts(["hello", "eel"]))
    assert [5, 3] == one_dropped.ledger["behead.length"].to_pylist()
    assert [None, 2] == one_dropped.ledger["language.score"].to_pylist()
    assert [None, "en"] == one_dropped.ledger["language"].to_pylist()


def test_sizes_before_and_after_edits(outcome):
    """bytes_in is the text when it was first known, bytes_out after the last edit; null without text."""
    assert [5, 6, 3] == outcome.ledger["bytes_in"].take(pa.array([3, 4, 7])).to_pylist()
    assert [4, 5, 2] == outcome.ledger["bytes_out"].take(pa.array([3, 4, 7])).to_pylist()
    assert [None, None] == outcome.ledger["bytes_out"].take(pa.array([1, 6])).to_pylist()


def test_the_report_reconciles(outcome):
    """Counts in equal counts out at every step."""
    report = outcome.report
    assert [] == report.faults()
    assert (8, 3, 4, 1) == (report.records, report.kept, report.dropped, report.dead)
    assert {"a.com": [8, 3, 11]} == report.domains
    assert {"en": [4, 2, 7], "de": [1, 1, 4]} == report.languages
    assert 1 == report.steps["extract"].failed
    assert [46, 23, 22, 11] == [report.steps["extract"].bytes_in, *(s.bytes_out for s in report.steps.values())]


def test_the_dead_say_where_they_failed(outcome):
    """A row that fails names its step and the error."""
    assert [(1, "extract", "cannot")] == outcome.dead


def test_histograms_count_the_judged_only(outcome):
    """A document that an earlier step dropped is in the ledger, not in a later step's histogram."""
    assert 7 == outcome.report.histograms["extract.html_bytes"].total()
    assert 4 == outcome.report.histograms["behead.length"].total()


def test_halves_equal_the_whole():
    """Cutting a batch changes nothing."""
    batch = documents.conform({"html": PAGES})
    chain = Chain([Extract(), Language(), Behead()])
    whole, parts = chain(batch), [chain(batch.slice(0, 3)), chain(batch.slice(3))]
    assert whole.ledger.to_pylist() == [row for part in parts for row in part.ledger.to_pylist()]
    assert whole.kept.to_pylist() == [row for part in parts for row in part.kept.to_pylist()]


def test_an_empty_batch():
    """No documents in, none out, and the same columns."""
    outcome = Chain([Behead()])(documents.from_texts([]))
    assert 0 == outcome.kept.num_rows
    assert [
        "id",
        "url",
        "offset",
        "language",
        "reason",
        "bytes_in",
        "bytes_out",
        "behead.length",
    ] == outcome.ledger.schema.names


def test_mappings_and_tables():
    """A chain takes what datasets and pyarrow hand over, and gives datasets what it wants."""
    chain = Chain([Behead()])
    assert ["bc"] == chain.map({"text": ["abc"]})["text"]
    assert ["bc"] == chain(pa.table({"text": ["abc"], "other": [1]})).kept["text"].to_pylist()


def test_a_chain_of_nothing():
    """Without steps everything is kept."""
    assert ["a"] == Chain([])(documents.from_texts(["a"])).kept["text"].to_pylist()


def test_steps_of_the_same_kind_are_numbered():
    """The second of a kind gets a number, so that reasons stay apart."""
    assert ["fasttext", "language", "fasttext_2"] == numbered(["fasttext", "language", "fasttext"])


def test_members_of_a_family():
    """A union gives its classes, a single class itself."""
    assert (Extract, Behead) == members(Extract | Behead)
    assert (Extract,) == members(Extract)


def test_domains():
    """Scheme, user, port, www. and case fall away."""
    urls = ["HTTP://www.Example.com:80/x?http://b.c/", "https://u:p@a.b/#c", "nonsense", None, "http://[::1]/"]
    assert ["example.com", "a.b", None, None] == domain(pa.array(urls)).to_pylist()[:4]


def test_a_step_that_compares_documents_is_no_step_of_a_chain():
    """The message says what to do."""
    with pytest.raises(TypeError, match=r"near_dedup: compares the documents of a whole corpus.*recipe"):
        Chain([NearDedup()])
