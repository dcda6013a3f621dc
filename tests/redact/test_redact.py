"""The step: signals, actions, and what must hold for any text."""

import itertools
import os
import re

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from corpusmill import from_texts, loader, spans
from corpusmill.errors import ResourceError
from corpusmill.kernels import buffers
from corpusmill.redact import Redact
from corpusmill.redact.hits import ENTITIES, Hit, disjoint
from corpusmill.redact.rounds import Edit, Redactions, edited, merge
from corpusmill.spec import limits
from corpusmill.steps import Chain
from corpusmill.view import View

TEXT = (
    "Call 202-456-1111 or ann@mail.de, ANN@mail.de; ip 81.2.3.94, 2a00:1450:4001::8a; card 4539 1488 0343 6467; "
    "ssn 460-89-9847, GB29 NWBK 6016 1331 9268 19; https://ann:s3cret@host.com; 12345678Z; "
    "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 — naïve"
)
SECRET = "env:CORPUSMILL_TEST_KEY"
os.environ |= {"CORPUSMILL_TEST_KEY": "a secret of tests", "CORPUSMILL_OTHER_KEY": "another secret"}
SPECS = {
    "mask": Redact(regions=("US",), obfuscated=True),
    "pseudonym": Redact(regions=("US",), action="pseudonym", obfuscated=True),
    "keyed": Redact(regions=("US",), action="pseudonym", key=SECRET, obfuscated=True),
    "hash": Redact(regions=("US",), action="hash", key=SECRET, obfuscated=True),
    "format": Redact(
        regions=("US",),
        obfuscated=True,
        actions=dict.fromkeys(("email", "ip", "phone", "credit_card", "us_ssn"), "format"),
    ),
}
BUILT = {name: Redactions(step) for name, step in SPECS.items()}

PIECES = [
    *(
        "ann@mail.de",
        "@",
        "a",
        ".",
        "-",
        " ",
        "\n",
        "1",
        "202-456-1111",
        "(202) 456-1111",
        "+1",
        "81.2.3.94",
        "8",
        "::",
    ),
    *(
        "2a00:1450:4001::8a",
        "4539 1488 0343 6467",
        "4539148803436467",
        "460-89-9847",
        "GB29NWBK60161331926819",
        "GB29 NWBK",
    ),
    *(
        "https://",
        "u:p4ss@",
        "host.com",
        "[at]",
        "(at)",
        " dot ",
        "call ",
        "card ",
        "ssn ",
        "iban ",
        "<EMAIL>",
        "<PHONE_1>",
    ),
    *(
        "user-1@example.com",
        "192.0.2.1",
        "é",
        "漢",
        "🙂",
        "\u00a0",
        "\u2013",
        "x12",
        "_",
        "/",
        "555-01",
        "202-555-0147",
        "0x",
    ),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "12345678Z",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",
        "0000-0000-0000-0000",
        ":",
        "#",
    ),
]
texts = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join),
    st.text(max_size=60),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=3)), max_size=10).map("".join),
)


def apply(name: str, *rows: str) -> list[str]:
    """The texts after one run."""
    batch = pa.RecordBatch.from_pydict({"text": pa.array(list(rows), pa.string())})
    found = BUILT[name](View(batch))
    return spans.apply(batch.column("text"), found.edits).to_pylist()


def test_masks() -> None:
    """One word for each entity."""
    assert (
        "Call <PHONE> or <EMAIL>, <EMAIL>; ip <IP>, <IP>; card <CREDIT_CARD>; ssn <US_SSN>, <IBAN>; "
        "https://<CREDENTIALS>@host.com; <NATIONAL_ID>; <CRYPTO> — naïve"
    ) == apply("mask", TEXT)[0]


def test_pseudonyms_count_the_values_of_a_document() -> None:
    """Equal values, whatever their case, get equal names."""
    now = apply("pseudonym", TEXT)[0]
    assert now.startswith("Call <PHONE_1> or user-1@example.com, user-1@example.com; ip 192.0.2.1, 2001:db8::")
    assert ["b@host.com"] != apply("pseudonym", "b@host.com")
    assert ["user-1@example.com user-2@example.com user-1@example.com"] == apply(
        "pseudonym", "b@host.com a@host.com B@host.com"
    )


def test_with_a_key_a_value_has_one_name_in_all_documents() -> None:
    """Wherever it stands; and another key gives another name."""
    one, two = apply("keyed", "x@host.com and ann@mail.de", "ann@mail.de")
    assert one.endswith(two)
    assert re.fullmatch(r"user-[a-p]{16}@example\.com", two)
    other = Redactions(Redact(action="pseudonym", key="env:CORPUSMILL_OTHER_KEY"))
    batch = pa.RecordBatch.from_pydict({"text": ["ann@mail.de"]})
    assert [two] != spans.apply(batch.column("text"), other(View(batch)).edits).to_pylist()


def test_hashes_stand_in_brackets() -> None:
    """With the key only."""
    assert re.fullmatch(r"<EMAIL_[a-p]{16}>", apply("hash", "ann@mail.de")[0])
    with pytest.raises(ValueError, match="needs `key`"):
        Redact(action="hash")


def test_formats_stay_where_asked_for() -> None:
    """Numbers that nobody has."""
    now = apply("format", TEXT)[0]
    assert now.startswith("Call 202-555-0100 or user-1@example.com")
    assert "card 0000-" in now
    assert "ssn 000-01-0001" in now


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"actions": {"iban": "format"}}, "cannot keep a format"),
        ({"national_ids": ("xx_id",)}, "xx_id"),
        ({"entities": ("email",), "actions": {"ip": "mask"}}, "not in `entities`"),
        ({"entities": ("emails",)}, "emails"),
    ],
)
def test_what_cannot_be_done_is_refused(options: dict, message: str) -> None:
    """When the recipe is read."""
    with pytest.raises(ValueError, match=message):
        Redact(**options)


def test_signals_count_values_and_hold_none() -> None:
    """By entity and in all; a bound on them drops documents as any bound does."""
    batch = pa.RecordBatch.from_pydict({"text": [TEXT, "nothing here", ""]})
    measured = SPECS["mask"].build()(View(batch))
    assert set(limits(SPECS["mask"])) == set(measured.signals)
    counts = {name: values.tolist() for name, values in measured.signals.items()}
    assert [11, 0, 0] == counts["hits"]
    assert [2, 0, 0] == counts["email"]
    assert [2, 0, 0] == counts["ip"]
    assert {} == measured.evidence
    assert {} == measured.columns


def test_only_the_entities_asked_for() -> None:
    """Others stay."""
    redactions = Redactions(Redact(entities=("email",)))
    batch = pa.RecordBatch.from_pydict({"text": [TEXT]})
    now = spans.apply(batch.column("text"), redactions(View(batch)).edits)[0].as_py()
    assert "<EMAIL>" in now
    assert "202-456-1111" in now


@pytest.mark.parametrize("name", SPECS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=texts)
@example(text="1.2.3.4.5 81.2.3.94-81.2.3.95.1")
@example(text="a@b.com@c.com ann@mail.deann@mail.de")
@example(text="call 202-456-1111 202-456-1112 4671234 4671234")
@example(text="https://u:p@ann@mail.de https://u:p4ss@x:y@host.com")
def test_a_second_run_changes_nothing(name: str, text: str) -> None:
    """What was written is never found."""
    once = apply(name, text)
    assert once == apply(name, *once)


@settings(max_examples=400, deadline=None)
@given(st.lists(texts, max_size=4))
def test_edits_lie_between_code_points_and_leave_the_rest(rows: list[str]) -> None:
    """Bytes outside the spans are the same, each document's edits do not depend on its neighbours."""
    batch = pa.RecordBatch.from_pydict({"text": pa.array(rows, pa.string())})
    found = BUILT["mask"](View(batch))
    found.edits.check(batch.column("text"))
    for row, edits in found.by_row.items():
        data = rows[row].encode()
        for edit in edits:
            data[: edit.start].decode()
            data[: edit.end].decode()
        alone = BUILT["mask"](View(pa.RecordBatch.from_pydict({"text": pa.array([rows[row]])})))
        assert alone.by_row == {0: edits}
    now = spans.apply(batch.column("text"), found.edits)
    now.validate(full=True)
    for row, text in enumerate(now.to_pylist()):
        kept = edited(rows[row].encode(), [edit._replace(new=b"") for edit in found.by_row.get(row, [])])
        written = [edit.new for edit in found.by_row.get(row, [])]
        assert len(text.encode()) == len(kept) + sum(len(new) for new in written)


def test_rounds_end_on_what_shows_up_later() -> None:
    """A value that only appears when its neighbour is gone is found too, and joined to the first edits."""
    first = [Edit(2, 5, b"<X>", (Hit(2, 5, "ip", b"v"),))]
    text = b"ab123cd"
    assert b"ab<X>cd" == edited(text, first)
    behind = merge(first, [Hit(5, 7, "ip", b"cd")], [b"<Y>"])
    assert b"ab<X><Y>" == edited(text, behind)
    across = merge(first, [Hit(4, 6, "ip", b">c")], [b"<Y>"])
    assert b"ab<Y>d" == edited(text, across)
    assert 2 == len(across[0].hits)
    assert first == merge(first, [Hit(3, 4, "ip", b"X")], [b"<Y>"])


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(1, 90), st.sampled_from(ENTITIES)).map(
            lambda t: Hit(t[0], t[0] + t[1], t[2], b"v")
        ),
        max_size=12,
    )
)
def test_overlaps_go_by_priority(hits: list[Hit]) -> None:
    """What stays is disjoint, and what goes overlaps something that stays and is not less important."""
    kept = disjoint(hits)
    for one, other in itertools.pairwise(kept):
        assert one.end <= other.start
    for hit in set(hits) - set(kept):
        over = [one for one in kept if one.start < hit.end and hit.start < one.end]
        assert any(ENTITIES.index(one.entity) <= ENTITIES.index(hit.entity) for one in over)


def test_the_batch_may_be_a_slice() -> None:
    """Offsets of Arrow arrays do not begin at zero."""
    array = pa.array(["x", "ann@mail.de", "y 81.2.3.94"]).slice(1)
    batch = pa.RecordBatch.from_arrays([array], names=["text"])
    found = BUILT["mask"](View(batch))
    assert ["<EMAIL>", "y <IP>"] == spans.apply(batch.column("text"), found.edits).to_pylist()
    assert 2 == len(buffers.text(array).offsets) - 1


def test_the_secret_is_named_and_never_written(tmp_path, monkeypatch):
    """An environment variable or a file; one that is missing or short is told; nothing of it is in what is kept."""
    path = tmp_path / "key.txt"
    path.write_text("a secret of tests\n")
    by_file, by_name = Redact(key=str(path)), Redact(key=SECRET)
    assert by_file.derived() == by_name.derived() != Redact(key="env:CORPUSMILL_OTHER_KEY").derived()
    assert "a secret" not in str(by_file.derived()) + loader.dump(by_file) + repr(by_file)
    monkeypatch.delenv("CORPUSMILL_TEST_KEY")
    with pytest.raises(ResourceError, match="the environment has no CORPUSMILL_TEST_KEY"):
        by_name.build()
    path.write_text("short")
    with pytest.raises(ResourceError, match="found 5 bytes; expected a secret of at least 8"):
        by_file.build()


def test_titles_are_redacted_and_edits_are_shown():
    """A title by itself; which edits are of which entity."""
    batch = from_texts(["Mail ann@mail.de or call 202-456-1111.", "nothing"], title=["By ann@mail.de", None])
    measured = Redact().build()(View(batch))
    assert ["By <EMAIL>", None] == measured.columns["title"].to_pylist()
    assert {"email": [0], "phone": [1]} == {kind: at.tolist() for kind, at in measured.shown.items()}
    outcome = Chain([Redact()])(batch)
    (shown,) = outcome.report.examples["redact.email"]
    assert "Mail <EMAIL> or call <PHONE>." == shown.excerpt
    assert 1 == outcome.report.tallies["redact.edits.email"] == outcome.report.tallies["redact.documents.phone"]
