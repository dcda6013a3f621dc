"""Documents on the page: examples, those next to the bounds, duplicates side by side; what they show is on disk."""

import json
import re
import shutil
from pathlib import Path

import pytest

from corpusmill.report import outputs
from corpusmill.report.page import examples, nearest, pairs, render
from corpusmill.report.page.sections import Piece
from corpusmill.stats import CLOSE, EXCERPT, GAP, OPEN
from tests.report.page import hostile


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with all kinds of documents, hostile ones among them."""
    return outputs.find(str(hostile.run(tmp_path_factory.mktemp("examples"))))


def told(run, stage):
    """A stage's report as it lies on disk."""
    (found,) = (s for s in run.stages if s.title == stage)
    return json.loads(Path(found.path, "report.json").read_text())


def text_of(card):
    """All passages of a card."""
    return "".join(piece.text for passage in card.passages for piece in passage.pieces if piece.mark != "more")


def test_examples_are_those_of_the_reports(run):
    """Each reason, what was kept and what was replaced has its documents, with the counts of the report."""
    section = examples.section(run)
    for stage in run.stages[:-1]:
        report = told(run, stage.title)
        counts = {reason: count for step in report["steps"] for reason, count in step["reasons"].items()}
        for name, shown in report["examples"].items():
            key = f"{stage.title}.kept" if name == "kept" else name
            cards = [card for card in section.examples if card.name == examples.anchor("reason", key)]
            assert len(shown) == section.data[key] == len(cards)
            assert sorted(text_of(card) for card in cards) == sorted(excerpt for *_, excerpt in shown)
            if name in counts:
                assert {f"{name}: {counts[name]:,} dropped"} == {card.group for card in cards}
    replaced = [
        piece for card in section.examples for p in card.passages for piece in p.pieces if piece.mark == "masked"
    ]
    assert {"<EMAIL>", "<PHONE>"} <= {piece.text for piece in replaced}


def test_what_was_cut_is_struck(run):
    """The lines that line dedup cut stand in their text, marked; what is left is not."""
    shown = told(run, "05-line_dedup")["cuts"]["line_dedup"]
    assert shown
    cards = [card for card in examples.section(run).examples if card.name == "reason-line_dedup-cuts"]
    for card, (*_, excerpt) in zip(cards, shown, strict=True):
        assert text_of(card) == excerpt.translate(dict.fromkeys(map(ord, OPEN + CLOSE + GAP)))
        assert any(piece.mark == "cut" for piece in card.passages[0].pieces)
    found = examples.struck(f"a{OPEN}b{CLOSE}c <EMAIL>{OPEN}d")
    assert [Piece("a"), Piece("b", "cut"), Piece("c "), Piece("<EMAIL>", "masked"), Piece("d", "cut")] == found


def test_next_to_the_bounds(run):
    """Those that went lead up to the bound, those that stayed lead away from it; marks are pieces of the excerpt."""
    section, report = nearest.section(run), told(run, "01-curate")
    reason = "gopher_quality.words<30"
    cards = [card for card in section.examples if card.name == nearest.anchor("nearest", reason)]
    values = [next(value for what, value in card.facts if what in ("dropped", "stayed")) for card in cards]
    assert values == sorted(values)
    assert section.data[reason] == {
        "dropped": [value for *_, value, _ in report["nearest_dropped"][reason]],
        "kept": [value for *_, value, _ in report["nearest_kept"][reason]],
    }
    assert all((value < 30) == (side == "dropped") for card in cards for side, value in card.facts[:1])
    words = "gopher_quality.alphabetic_words<0.8"
    signs = [card for card in section.examples if card.name == nearest.anchor("nearest", words)]
    hits = [p.text for card in signs for p in card.passages[0].pieces if p.mark == "hit"]
    assert not any(character.isalpha() for hit in hits for character in hit)
    excerpts = {
        e[-1].strip(GAP)
        for part in ("nearest_dropped", "nearest_kept")
        for group in report[part].values()
        for e in group
    }
    assert {text_of(card) for card in section.examples} >= excerpts


def test_where_a_text_goes_on_there_is_an_ellipsis(run):
    """On each side that was cut and on no other; the sign of it in the report is not seen."""
    ends = {
        (part, e[-1].startswith(GAP), e[-1].endswith(GAP))
        for part in ("nearest_dropped", "nearest_kept", "cuts")
        for group in told(run, "01-curate" if part != "cuts" else "05-line_dedup")[part].values()
        for e in group
    }
    assert ("nearest_dropped", False, True) in ends
    for made in (nearest.section(run), examples.section(run)):
        for card in made.examples:
            marks = [piece.mark == "more" for passage in card.passages for piece in passage.pieces]
            assert not any(marks[1:-1])
            assert not any(GAP in piece.text for passage in card.passages for piece in passage.pieces)
    assert [Piece("…", "more"), Piece("a"), Piece("…", "more")] == nearest.whole(f"{GAP}a{GAP}", nearest.marked)
    assert [Piece("a…")] == nearest.whole("a…", nearest.marked)
    lines = [card for card in examples.section(run).examples if not card.name.endswith("cuts") and card.passages]
    for card in lines:
        assert (len(text_of(card)) == EXCERPT) == (card.passages[0].pieces[-1].mark == "more")
    assert 0 < sum(len(text_of(card)) == EXCERPT for card in lines) < len(lines)


def test_pairs_side_by_side(run):
    """What both have is the same on both sides, what is different is marked, and the similarity is the ledger's."""
    section = pairs.section(run)
    stage = run.stages[3]
    rows = {row["id"]: row for e in stage.manifest["shards"] for row in stage.ledger(e["shard"]).to_pylist()}
    near = [card for card in section.examples if card.group.startswith("near_dedup")]
    assert near
    for card in near:
        gone, kept = card.title.split(" → ")
        assert rows[gone]["near_dedup.kept"] == kept
        assert dict(card.facts)["similarity"] == rows[gone]["near_dedup.similarity"]
        left, right = ([p for p in passage.pieces if not p.mark] for passage in card.passages)
        assert left == right
        assert re.fullmatch(r"removed: https://site\d\.example/\d+", card.passages[0].heading)
        assert re.fullmatch(r"stays: https://site\d\.example/\d+", card.passages[1].heading)
        assert card.ask == f"corpusmill explain {run.root} {gone} --text"
        assert {"missing", "added"} & {p.mark for passage in card.passages for p in passage.pieces}
    exact = [card for card in section.examples if card.group.startswith("exact_dedup")]
    assert all(p.mark == "" for card in exact for passage in card.passages for p in passage.pieces)


def test_nothing_personal_and_nothing_that_runs(run):
    """What these sections say holds no address, no script and no bidi control, when it is HTML."""
    sections = [made.section(run) for made in (nearest, examples, pairs)]
    page = render.html("t", "", sections)
    body = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "riverhouse" not in page
    assert "+1 650" not in page
    assert "&lt;script&gt;" in body
    assert "<img src=x" not in body
    assert "\u202e" not in page
    assert "\0" not in page
    ask = [card.ask for section in sections for card in section.examples if "<" in card.ask]
    assert ask
    assert all(
        command.startswith(f"corpusmill explain {run.root} 'kept") and "'\"'\"'" in command for command in ask
    )  # a shell runs nothing of it


def test_documents_that_were_removed(run, tmp_path):
    """Where no texts are left the section says so, and a first stage has none before it."""
    shutil.copytree(run.root, tmp_path / "small")
    for manifest in (tmp_path / "small").glob("*/manifest.json"):
        manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "pruned": True}))
    section = pairs.section(outputs.find(str(tmp_path / "small")))
    assert () == tuple(section.examples)
    assert section.notes[0].startswith("exact_dedup: no texts to compare")
