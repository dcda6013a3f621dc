"""What a section of the page is: plain data. Sections say what there is to see; `render` alone makes HTML of it.

No text in here is escaped, and none needs to be: the renderer escapes all of it, shows control and bidi characters as
visible code points, and cuts what is too long. Nothing in here may hold a person's data: excerpts of a report are
masked already, other texts go through `stages.masking` first.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Tone: TypeAlias = Literal["", "quiet", "good", "alarm", "total"]
MARKS = ("", "hit", "cut", "masked", "added", "missing", "more", "code")
Mark: TypeAlias = Literal["", "hit", "cut", "masked", "added", "missing", "more", "code"]


@dataclass(frozen=True)
class Share:
    """A table cell: a share from 0 to 1, shown as a percentage with a small bar; None shows nothing."""

    value: float | None


@dataclass(frozen=True)
class Bytes:
    """A table cell: a number of bytes, shown with a decimal unit."""

    value: int | float | None


@dataclass(frozen=True)
class Name:
    """A table cell: a step, signal, reason, id or URL, set in the code face.

    Attributes:
        text: of the name.
        to: the anchor on this page that tells more of it, if any; a link only where there is such an anchor.
    """

    text: str
    to: str = ""


Cell: TypeAlias = str | int | float | Share | Bytes | Name | None


@dataclass(frozen=True)
class Row:
    """A table row that is not like the others: further in (`level` 1), or of another tone."""

    cells: Sequence[Cell]
    level: int = 0
    tone: Tone = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table.

    Attributes:
        head: the columns' names.
        rows: of cells. Whole numbers get thousands separators, floats four significant digits.
        align: `l` or `r` for each column, e.g. `lrr`; by default the first is left and the others right.
        title: a heading above it.
        note: a line below it.
        folded: whether it starts closed, to be opened by the reader.
        more: rows that were left out; says "and N more".
    """

    head: Sequence[str]
    rows: Sequence[Sequence[Cell] | Row]
    align: str = ""
    title: str = ""
    note: str = ""
    folded: bool = False
    more: int = 0


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart by Vega-Lite.

    Attributes:
        spec: its specification, with its data in it (binned: a page may not grow with the corpus). Leave out `width`
            and `config`: the page gives the width of the column and its own look.
        caption: what to see in it, one or two sentences.
        alternative: the same in words, with the figures, for who does not see it.
        title: a heading above it.
        name: its anchor, from `anchor`.
        group: a heading over this chart and those after it with the same group.
        half: whether two stand side by side where there is room.
    """

    spec: Mapping[str, Any]
    caption: str
    alternative: str
    title: str = ""
    name: str = ""
    group: str = ""
    half: bool = False


@dataclass(frozen=True)
class Piece:
    """A piece of text and its mark.

    Marks: `hit` is what decided, `cut` a removed line (struck through), `masked` a redacted span, `added` and
    `missing` the two sides of a difference, `more` that text is left out, `code`
    what a machine reads.
    """

    text: str
    mark: Mark = ""


@dataclass(frozen=True)
class Passage:
    """A text in pieces with a heading; the passages of a card stand side by side where there is room."""

    pieces: Sequence[Piece]
    heading: str = ""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A document, or a pair of documents, to read.

    Attributes:
        title: a URL, an id, or what it shows.
        passages: its text, or two texts side by side.
        facts: (what, value) pairs, e.g. ("words", 48).
        group: a heading over this card and those after it with the same group; the groups are folded.
        name: the anchor of its group, from `anchor`; the first card of a group decides.
        ask: a command that tells more.
    """

    title: str
    passages: Sequence[Passage]
    facts: Sequence[tuple[str, Cell]] = ()
    group: str = ""
    name: str = ""
    ask: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the page.

    Attributes:
        name: its anchor.
        title: its heading and its line in the table of contents.
        lead: one or two sentences that say what to look at.
        figures: (what, value) pairs that stand large at its head.
        charts, tables, examples: shown in this order.
        notes: lines at its end; what is approximate, what was left out.
        data: figures, JSON-able: what tests compare with report.json.
    """

    name: str
    title: str
    lead: str
    figures: Sequence[tuple[str, Cell]] = ()
    charts: Sequence[Chart] = ()
    tables: Sequence[Table] = ()
    examples: Sequence[Card] = ()
    notes: Sequence[str] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


def share(part: int, whole: int) -> Share:
    """The cell of a part of a whole; empty where there is no whole."""
    return Share(part / whole if whole else None)


def anchor(*parts: str) -> str:
    """The anchor of a thing on the page, e.g. `anchor("signal", "c4.sentences")`: `signal-c4-sentences`.

    By convention: `signal` + `step.signal` for its chart, `reason` + reason for its examples, `step` + step.
    Reasons that differ in punctuation alone, such as `x<5` and `x>5`, keep apart.
    """
    spelled = "-".join(parts).replace("<", "-below-").replace(">", "-above-").replace("=", "-is-")
    return re.sub(r"[^a-z0-9_]+", "-", spelled.lower()).strip("-")
