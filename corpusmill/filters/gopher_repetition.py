"""The Gopher repetition rules, in several published readings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from corpusmill.signals import Measured, Values
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.kernels.buffers import Int64s
    from corpusmill.kernels.lines import Flags, Hashes, Int32s
    from corpusmill.splitters import Splitter
    from corpusmill.view import View

Dialect = Literal["paper", "datatrove", "dclm"]


@dataclass(frozen=True)
class Reading:
    """One reading of the rules.

    Attributes:
        splitter: what a word is.
        first_copies: of lines and paragraphs that occur again, the first copy is a duplicate too.
        loose_paragraphs: paragraphs lie between runs of two and more line feeds, and are then stripped.
        raw_pieces: lines lie between runs of line feeds, paragraphs between runs of two and more, both as they stand;
            else lines are stripped, blank ones left out, and paragraphs are what blank lines part.
        of_text: shares are of all code points of the text; else of those of the lines, or of the words.
        gaps, longest, singles, skip: as in `kernels.repetition.count_grams`.
    """

    splitter: "Splitter"
    first_copies: bool
    loose_paragraphs: bool
    raw_pieces: bool
    of_text: bool
    gaps: bool
    longest: bool
    singles: bool
    skip: bool


READINGS: dict[Dialect, Reading] = {
    "paper": Reading(
        splitter="whitespace",
        first_copies=False,
        loose_paragraphs=False,
        raw_pieces=False,
        of_text=False,
        gaps=False,
        longest=True,
        singles=False,
        skip=False,
    ),
    "datatrove": Reading(
        splitter="spacy",
        first_copies=False,
        loose_paragraphs=False,
        raw_pieces=True,
        of_text=True,
        gaps=True,
        longest=False,
        singles=True,
        skip=True,
    ),
    "dclm": Reading(
        splitter="uniseg",
        first_copies=True,
        loose_paragraphs=True,
        raw_pieces=False,
        of_text=False,
        gaps=False,
        longest=True,
        singles=False,
        skip=False,
    ),
}


@spec
class GopherRepetition:
    """Drop documents that repeat lines, paragraphs or runs of words (Rae et al. 2021, A.1.1 and table A1).

    Dialects: `paper` compares stripped lines that are not blank, and paragraphs between blank lines; copies after
    the first are duplicates. Words lie between white space (or as `splitter` says). The top n-gram must occur twice;
    of several with as many copies the longest counts. Duplicate n-grams count with all their copies, each word once.
    Shares are of the code points of lines, or of words. `datatrove` gives the verdicts of datatrove 0.10's
    GopherRepetitionFilter for English: words by spaCy (`corpusmill[parity]`), shares of the whole text, a top n-gram
    that may occur once, first copies not counted. datatrove raises on an empty text, here every share of it is 0.
    `dclm` gives those of DCLM's filters for a text that is not blank (a blank one it drops, here it is kept): as the
    paper's, but the first copy is a duplicate too, only empty lines part paragraphs, and words are Unicode's that
    begin with a letter or number.
    Words are compared by 64-bit hashes within a document.
    """

    use: Literal["gopher_repetition"] = "gopher_repetition"
    dialect: Literal["paper", "datatrove", "dclm"] = "paper"
    splitter: Literal["whitespace", "uax29"] | None = None  # what a word is; null: as the dialect has it
    duplicate_paragraphs: Bounds = Bounds(None, 0.3)  # share of paragraphs equal to an earlier one
    duplicate_paragraph_characters: Bounds = Bounds(None, 0.2)  # share of code points in them
    duplicate_lines: Bounds = Bounds(None, 0.3)  # share of lines equal to an earlier one
    duplicate_line_characters: Bounds = Bounds(None, 0.2)  # share of code points in them
    top_2_grams: Bounds = Bounds(None, 0.2)  # share of code points in the copies of the most frequent 2-gram
    top_3_grams: Bounds = Bounds(None, 0.18)
    top_4_grams: Bounds = Bounds(None, 0.16)
    duplicate_5_grams: Bounds = Bounds(None, 0.15)  # share of code points in 5-grams that occur again
    duplicate_6_grams: Bounds = Bounds(None, 0.14)
    duplicate_7_grams: Bounds = Bounds(None, 0.13)
    duplicate_8_grams: Bounds = Bounds(None, 0.12)
    duplicate_9_grams: Bounds = Bounds(None, 0.11)
    duplicate_10_grams: Bounds = Bounds(None, 0.1)

    def __post_init__(self) -> None:
        """Refuse a splitter where the dialect names its own."""
        if self.splitter is not None and self.dialect != "paper":
            raise ValueError(f"splitter: dialect {self.dialect} splits words its own way; leave splitter out")

    def build(self) -> "Callable[[View], Measured]":
        """Choose the reading; the callable measures a view."""
        reading = READINGS[self.dialect]
        return _Measure(reading, self.splitter or reading.splitter)


class _Measure:
    def __init__(self, reading: Reading, splitter: "Splitter") -> None:
        self.reading = reading
        self.splitter = splitter

    def __call__(self, view: "View") -> Measured:
        return Measured({**self._pieces(view), **self._grams(view)})

    def _pieces(self, view: "View") -> dict[str, Values]:
        lines, paragraphs = _raw_sums(view) if self.reading.raw_pieces else _solid_sums(view, self.reading)
        whole = view.lengths if self.reading.of_text else None
        return {
            "duplicate_paragraphs": share(paragraphs[:, 1], paragraphs[:, 0]),
            "duplicate_paragraph_characters": share(paragraphs[:, 3], paragraphs[:, 2] if whole is None else whole),
            "duplicate_lines": share(lines[:, 1], lines[:, 0]),
            "duplicate_line_characters": share(lines[:, 3], lines[:, 2] if whole is None else whole),
        }

    def _grams(self, view: "View") -> dict[str, Values]:
        from corpusmill.kernels.repetition import count_grams

        words, read = view.words(self.splitter), self.reading
        tops, repeated, chars = count_grams(
            words.offsets, words.hashes, words.chars, read.gaps, read.longest, read.singles, read.skip
        )
        whole = view.lengths if read.of_text else chars
        found = {f"top_{n}_grams": share(tops[:, n - 2], whole) for n in (2, 3, 4)}
        return found | {f"duplicate_{n}_grams": share(repeated[:, n - 5], whole) for n in range(5, 11)}


def _raw_sums(view: "View") -> tuple["Int64s", "Int64s"]:
    """Sums of `kernels.pieces.sum_pieces` over lines and over paragraphs, as datatrove splits them."""
    from corpusmill.kernels.lines import strip

    offsets, data = view.text
    starts, ends = strip(data, offsets[:-1].astype(np.int32), offsets[1:].astype(np.int32))
    lines = _sums(view, offsets[:-1], offsets[1:], 1)
    return lines, _sums(view, starts.astype(np.int64), ends.astype(np.int64), 2)


def _sums(view: "View", starts: "Int64s", ends: "Int64s", least: int) -> "Int64s":
    from corpusmill.kernels import lines
    from corpusmill.kernels.pieces import split_runs, sum_pieces

    data = view.text.data
    offsets, begins, stops = split_runs(starts, ends, data, least)
    again = lines.repeats(offsets, lines.hash_ranges(data, begins, stops))
    return sum_pieces(offsets, again, lines.count_characters(data, begins, stops))


def _solid_sums(view: "View", reading: Reading) -> tuple["Int64s", "Int64s"]:
    """Sums of `kernels.pieces.sum_pieces` over stripped lines that are not blank, and over paragraphs."""
    from corpusmill.kernels.pieces import solid_lines, sum_pieces

    table = view.lines
    found = solid_lines(
        view.text.data, table.offsets, table.starts, table.ends, table.inner_starts, table.inner_ends,
        table.characters, table.hashes,
    )  # fmt: skip
    (lines, line_chars, line_hashes), (wholes, chars, hashes) = found[:3], found[3:]
    if reading.loose_paragraphs:
        wholes, chars, hashes = _loose_paragraphs(view)
    return (
        sum_pieces(lines, _duplicates(lines, line_hashes, reading), line_chars),
        sum_pieces(wholes, _duplicates(wholes, hashes, reading), chars),
    )


def _loose_paragraphs(view: "View") -> tuple["Int64s", "Int32s", "Hashes"]:
    """Offsets, code points and hashes of what lies between runs of line feeds, stripped, unless it is blank."""
    from corpusmill.kernels.lines import count_characters, hash_ranges, strip
    from corpusmill.kernels.pieces import split_runs

    offsets, data = view.text
    pieces, begins, stops = split_runs(offsets[:-1], offsets[1:], data, 2)
    begins, stops = strip(data, begins, stops)
    solid = begins < stops
    begins, stops = begins[solid], stops[solid]
    kept = np.append(0, np.cumsum(solid, dtype=np.int64))[pieces]
    return kept, count_characters(data, begins, stops), hash_ranges(data, begins, stops)


def _duplicates(offsets: "Int64s", hashes: "Hashes", reading: Reading) -> "Flags":
    """Which pieces equal an earlier one of their document, or any other where first copies are duplicates too."""
    from corpusmill.kernels.lines import repeats

    again = repeats(offsets, hashes)
    if not reading.first_copies:
        return again
    backwards = repeats(np.ascontiguousarray(offsets[-1] - offsets[::-1]), np.ascontiguousarray(hashes[::-1]))
    return again | backwards[::-1]


def share(part: "Int64s", whole: "Int64s") -> Values:
    """Part by whole, shape (N,); 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(len(part), np.float64), where=whole != 0)
