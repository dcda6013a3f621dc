"""Near-duplicates in pairs: what went beside what stayed in its place, and where they differ."""

import heapq
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow.compute as pc

from corpusmill.report.outputs import Run
from corpusmill.report.page.nearest import ask
from corpusmill.report.page.sections import Card, Passage, Piece, Section, anchor
from corpusmill.report.page.totals import Stage, stages
from corpusmill.report.texts import Change, Place, Texts, changes

ROWS = 3_000_000  # ledger rows of a stage in which pairs, and then their documents, are looked for
EACH = 4  # pairs of a stage that are least alike, and pairs that are like any other
LONGEST = 3_000  # characters of a text that are compared
AROUND = 150  # characters of what both have that are shown on each side of a difference
LEAD = (
    "On the left a document that was removed, on the right the one that stays in its place. The least alike come first:"
    " if they say different things, the threshold is too low."
)


class Pair(NamedTuple):
    """A removed document, where it went into the stage, and the id of the one that stays."""

    id: str
    place: Place
    kept: str
    similarity: float | None
    method: str


def section(run: Run) -> Section | None:
    """Pairs of every stage that removed documents for others, where their texts are still there."""
    made, notes = [], []
    texts = Texts(run)
    for number, stage in enumerate(stages(run), 1):
        for name in stage.report.steps:
            if f"{name}.cluster_size" not in stage.report.histograms or number == 1:
                continue
            if run.stages[number - 2].manifest["pruned"]:
                notes.append(f"{name}: no texts to compare; documents were removed when the run was done.")
                continue
            made += _cards(texts, stage, number, name)
    if not made and not notes:
        return None
    notes.append(f"Of each text the first {LONGEST:,} characters are compared by words, with personal data masked.")
    data = {card.title: dict(card.facts)["similarity"] for card in made}
    return Section(
        name="pairs", title="Duplicates side by side", lead=LEAD, examples=made, notes=notes, data={"pairs": data}
    )


def _cards(texts: Texts, stage: Stage, number: int, name: str) -> list[Card]:
    least, any_ = _chosen(stage, name)
    both = [*((pair, "least alike") for pair in least), *((pair, "like any other") for pair in any_)]
    places = texts.places(stage.output, [pair.kept for pair, _ in both], ROWS)
    there = [(pair, group) for pair, group in both if pair.kept in places]
    gone = texts.before(number, [pair.place for pair, _ in there], [pair.id for pair, _ in there])
    kept = texts.before(number, [places[pair.kept] for pair, _ in there], [pair.kept for pair, _ in there])
    urls = [_urls(texts, number, (pair.place, places[pair.kept])) for pair, _ in there]
    return [
        _card(name, pair, group, (before[:LONGEST], after[:LONGEST]), called, ask(texts.run, pair.id))
        for (pair, group), before, after, called in zip(there, gone, kept, urls, strict=True)
        if before is not None and after is not None
    ]


def _urls(texts: Texts, number: int, both: tuple[Place, Place]) -> tuple[str, str]:
    """Addresses of two documents that went into a stage, masked; empty where there is none."""
    stage = texts.run.stages[number - 2]
    tables = [stage.documents(place.shard, np.array([place.row]), ["url"]) for place in both]
    gone, kept = texts.masked(["" if table is None else table["url"][0].as_py() or "" for table in tables])
    return gone, kept


def _chosen(stage: Stage, name: str) -> tuple[list[Pair], list[Pair]]:
    """The pairs that are least alike, and others by the hash of their ids."""
    least: list[tuple[float, int, Pair]] = []
    any_: list[tuple[int, Pair]] = []
    seen = 0
    for entry in stage.output.manifest["shards"]:
        if seen >= ROWS:
            break
        columns = ["row", "id", f"{name}.kept", f"{name}.kept_in", f"{name}.similarity", f"{name}.method"]
        ledger = stage.output.ledger(entry["shard"], columns)
        seen += ledger.num_rows
        here = ledger.filter(pc.and_(pc.is_valid(ledger[f"{name}.kept"]), pc.is_null(ledger[f"{name}.kept_in"])))
        keyed = [(_key(pair), pair) for pair in _pairs(here.to_pylist(), entry["shard"], name)]
        alike = [(1.0 if pair.similarity is None else pair.similarity, key, pair) for key, pair in keyed]
        least = heapq.nsmallest(EACH, [*least, *(item for item in alike if item[0] < 1)])
        any_ = heapq.nsmallest(2 * EACH, [*any_, *keyed])
    first = [pair for _, _, pair in least]
    return first, [pair for _, pair in any_ if pair not in first][:EACH]


def _key(pair: Pair) -> int:
    return zlib.crc32(pair.id.encode())


def _pairs(rows: list[dict[str, Any]], shard: int, name: str) -> Iterator[Pair]:
    for row in rows:
        place = Place(shard, row["row"])
        yield Pair(row["id"], place, row[f"{name}.kept"], row[f"{name}.similarity"], row[f"{name}.method"])


def _card(name: str, pair: Pair, group: str, both: tuple[str, str], urls: tuple[str, str], command: str) -> Card:
    found = changes(*both)
    return Card(
        title=f"{pair.id} → {pair.kept}",
        facts=(("similarity", pair.similarity), ("found by", pair.method)),
        group=f"{name}: {group}",
        name=anchor("pairs", name, group),
        ask=command,
        passages=[
            Passage(_side(found, 0, "missing"), f"removed: {urls[0] or pair.id}"),
            Passage(_side(found, 1, "added"), f"stays: {urls[1] or pair.kept}"),
        ],
    )


def _side(found: list[Change], side: int, mark: Any) -> list[Piece]:
    """One text with what it alone has; long stretches that both have are cut short."""
    pieces = []
    for at, change in enumerate(found):
        text = change[side]
        if change.same and len(text) > 3 * AROUND:
            head, tail = text[:AROUND] if at else text[: 2 * AROUND], text[-AROUND:] if at + 1 < len(found) else ""
            text = f"{head} … {tail}"
        if text:
            pieces.append(Piece(text, "" if change.same else mark))
    return pieces
