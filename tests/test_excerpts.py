"""Which documents a report shows: the nearest to each bound, and what was cut, whatever way the batches come in."""

import itertools
import json
import re
import zlib
from typing import Literal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill import documents, excerpts, marks, spans, stats
from corpusmill.filters.gopher_quality import GopherQuality
from corpusmill.redact import Redact
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, Limit, spec
from corpusmill.stages.masking import masked
from corpusmill.steps import Chain


@spec
class Length:
    """Measures texts; bounds on both sides, one of them by language."""

    use: Literal["length"] = "length"
    size: Bounds = Bounds(3, 6)
    tall: Limit = Bounds(None, 0)

    def build(self):
        """Nothing to load."""

        def measure(view):
            sizes = np.diff(view.text.offsets)
            return Measured({"size": sizes, "tall": np.zeros(len(sizes))})

        return measure


@spec
class Behead:
    """Cuts the first line of every text."""

    use: Literal["behead"] = "behead"
    length: Bounds = Bounds(None, None)

    def build(self):
        """Up to and with the line feed."""

        def measure(view):
            ends = np.array([text.find("\n") + 1 for text in view.column("text").to_pylist()], np.int64)
            rows = np.flatnonzero(ends)
            return Measured({"length": ends}, edits=spans.Spans(rows, np.zeros(len(rows), np.int64), ends[rows]))

        return measure


def report(chain, texts):
    """What a chain reports of texts, each its own id."""
    ids = [f"{len(text)}-{at}" for at, text in texts]
    return chain(documents.from_texts([text for _, text in texts], id=ids)).report


SIZES = st.lists(st.integers(0, 9), min_size=1, max_size=40)


@given(SIZES, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_nearest_on_both_sides(sizes, chance):
    """Those whose values are nearest, of equals by their ids; in whatever batches and order they come."""
    texts = [(at, "x" * size) for at, size in enumerate(sizes)]
    chain, whole = Chain([Length()]), stats.Report()
    mixed = chance.sample(texts, len(texts))
    cut = chance.randrange(len(texts) + 1)
    for part in (mixed[cut:], mixed[:cut]):
        whole.add(report(chain, part))
    assert whole.to_json()["nearest_dropped"] == report(chain, texts).to_json()["nearest_dropped"]
    assert whole.to_json()["nearest_kept"] == report(chain, texts).to_json()["nearest_kept"]
    below, above = (sorted((s for s in sizes if test(s)), key=key)[:3] for test, key in (
        (lambda s: s < 3, lambda s: -s), (lambda s: s > 6, lambda s: s)
    ))  # fmt: skip
    inside = sorted(s for s in sizes if 3 <= s <= 6)
    expected = {"length.size<3": (below, inside[:3]), "length.size>6": (above, inside[::-1][:3])}
    for reason, (dropped, kept) in expected.items():
        assert dropped == [e.value for e in whole.nearest_dropped.get(reason, ())]
        assert kept == [e.value for e in whole.nearest_kept.get(reason, ())]
        for shown in (whole.nearest_dropped, whole.nearest_kept):
            assert all(e.excerpt == "x" * int(e.value) for e in shown.get(reason, ()))
    assert "length.tall>0" not in whole.nearest_kept  # all that stays lies on a bound of 0


def test_bounds_by_language():
    """A document is near to the bound of its own language only."""
    batch = documents.from_texts(["a", "bb", "ccc"], language=["en", "de", "fr"], id=["a", "b", "c"])
    step = Length(size=Bounds(None, None), tall={"en": Bounds(None, 1), "*": Bounds(-1, 2)})
    found = Chain([step])(batch).report
    shown = {reason: [e.id for e in examples] for reason, examples in found.nearest_kept.items()}
    assert shown.pop("length.tall>1") == ["a"]
    assert {name: sorted(ids) for name, ids in shown.items()} == {
        "length.tall<-1": ["b", "c"],
        "length.tall>2": ["b", "c"],
    }
    assert {} == found.nearest_dropped


def test_records_are_ordered_by_key_then_id_then_row():
    """As sorting says; `plumless` and `buckeroo` have one key, and equal ids stay as they came."""
    ids = ["plumless", "a", "buckeroo", "b", "plumless", "a", *"cdefgh"]
    records = excerpts.Records(documents.from_texts(["x"] * len(ids), id=ids))
    expected = sorted(range(len(ids)), key=lambda row: (zlib.crc32(ids[row].encode()), ids[row], row))
    assert expected == records.order.tolist()
    assert expected == np.argsort(records.ranks).tolist()
    some = np.array([0, 2, 3, 4, 7])
    wanted = [some.tolist().index(row) for row in expected if row in some]
    assert wanted == records.ordered(some).tolist()
    assert wanted[:3] == records.few(some, 3).tolist()


@pytest.mark.parametrize("unit", ["a", "aé", "€uro ", "\U0001f600", "a" * 3999 + "é", "a" * 3997 + "\U0001f600" * 9])
def test_the_beginning_of_a_text(unit):
    """As many code points as are asked for, however many bytes each has, also where one lies across the limit."""
    for times in (1, 2, stats.LONGEST):
        text = (unit * times)[: 3 * stats.LONGEST]
        assert text[: stats.LONGEST] == excerpts.beginning(pa.array(["before", text, "after"]), 1)


def test_what_was_cut_stands_in_its_text():
    """The text as it was, with the cut between its signs; of documents that are still there, and not of blank cuts."""
    texts = ["head\nbody", "  \nbody", "no line", "x\nbody", "\ufdd0y\nbody"]
    found = Chain([Length(size=Bounds(4, None)), Behead()])(documents.from_texts(texts, id=list("abcde"))).report
    assert {"behead": ["a", "d", "e"]} == {step: sorted(e.id for e in shown) for step, shown in found.cuts.items()}
    (first,) = (e for e in found.cuts["behead"] if e.id == "a")
    assert f"{stats.OPEN}head\n{stats.CLOSE}body" == first.excerpt
    (own,) = (e for e in found.cuts["behead"] if e.id == "e")
    assert 1 == own.excerpt.count(stats.OPEN) == own.excerpt.count(stats.CLOSE)


def test_personal_data_is_masked_before_a_passage_is_cut():
    """Not even half a value stays, not at the ends of a passage, nor where a cut goes through it."""
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7bq" * 12 + "\n-----END RSA PRIVATE KEY-----\n"
    mail = "write to person@riverhouse.org or to anyone\n"
    batch = documents.from_texts([key + "and a body of text", mail + "more", mail * 200], id=["a", "b", "c"])
    found = masked(Chain([Behead()])(batch).report, Redact())
    texts = {e.id: e.excerpt for e in found.cuts["behead"]}
    assert "MIIE" not in json.dumps(found.to_json()["cuts"])
    assert "riverhouse" not in json.dumps(found.to_json())
    assert "<PRIVATE_KEY>" in texts["a"]  # the mark would have stood within the value: it went
    assert f"{stats.OPEN}write to <EMAIL> or to anyone\n{stats.CLOSE}more" == texts["b"]
    assert len(texts["c"]) <= stats.PASSAGE + 1
    assert texts["c"].endswith(stats.GAP)


@pytest.mark.parametrize("size", [20, 50, 85])
@pytest.mark.parametrize("shown", ["nearest_dropped", "cuts", "examples"])
def test_a_long_masked_value_moves_no_half_value_into_sight(size, shown):
    """Whatever length of a key goes from the front, no address that the end of what is read cuts in two is shown."""
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7bqa\n" * size + "-----END RSA PRIVATE KEY-----\n"
    mail = "write to person@riverhouse.org or to anyone\n"
    for shift in range(len(mail)):
        text = f"head\n{key}{'z' * shift} {mail * 200}"
        chain = Chain([Length(), Behead()]) if shown == "nearest_dropped" else Chain([Behead()])
        found = masked(chain(documents.from_texts([text], id=["a"])).report, Redact()).to_json()
        (excerpt,) = {e[-1] for group in found[shown].values() for e in group}
        assert "<PRIVATE_KEY>" in excerpt
        assert not re.search("riverh|person|MIIE", json.dumps(found))


def test_where_nothing_is_masked_a_passage_is_the_text():
    """All of a short text; of a longer one its first lines, and the sign that it goes on."""
    texts = ["head\n" + "plain words and no more of them\n" * lines for lines in (1, 24, 25, 400)]
    found = masked(Chain([Length()])(documents.from_texts(texts, id=list("abcd"))).report, Redact())
    shown = {e.id: e.excerpt for group in found.nearest_dropped.values() for e in group}
    assert shown == {"a": texts[0], "b": texts[1], "c": texts[2][: 5 + 24 * 32 - 1] + stats.GAP}
    assert {"a", "b", "c"} == set(shown)
    assert {e.id: e.excerpt for e in found.examples["length.size>6"]}["d"] == " ".join(texts[3].split())[
        : stats.EXCERPT
    ]


@pytest.mark.parametrize("lead", [0, 300, 1500])
def test_a_passage_lies_around_what_makes_the_signal(lead):
    """A mark that lies far down is in the passage, with its line whole."""
    line = "- a bullet line"
    text = "plain words and no more of them\n" * (lead // 32) + line + "\nplain words and no more" * 60
    step = GopherQuality(bullet_lines=Bounds(None, 0), words=Bounds(1, None), stop_words=Bounds(0, None))
    report = masked(Chain([step])(documents.from_texts([text])).report, Redact(), {"gopher_quality": step})
    (shown,) = report.nearest_dropped["gopher_quality.bullet_lines>0"]
    plain = shown.excerpt.strip(stats.GAP)
    assert len(plain) <= stats.PASSAGE
    (part,) = marks.marker(step, "bullet_lines>0")(plain)
    assert line == plain[part.start : part.end]
    assert plain in text
    assert (shown.excerpt[0] == stats.GAP) == (not text.startswith(plain))
    assert (shown.excerpt[-1] == stats.GAP) == (not text.endswith(plain))


def test_reports_with_them_add_up_in_any_order():
    """Every order of adding gives the same bytes, also read back from JSON."""
    chain = Chain([Length(), Behead()])
    parts = [
        report(chain, [(100 * part + at, f"{'x' * (at % 9)}\n{part}") for at in range(30)]).to_json()
        for part in range(3)
    ]
    added = set()
    for order in itertools.permutations(parts):
        total = stats.Report()
        for part in order:
            total.add(stats.Report.from_json(json.loads(json.dumps(part))))
        added.add(json.dumps(total.to_json()))
    assert 1 == len(added)
    assert 3 == len(total.nearest_dropped["length.size>6"])
    older = {k: v for k, v in parts[0].items() if k not in ("nearest_dropped", "nearest_kept", "cuts")}
    assert {} == stats.Report.from_json(older).cuts
