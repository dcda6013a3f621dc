"""The Gopher repetition rules, in several published readings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from corpusmill.signals import Measured, Values
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.filters.gopher_pieces import Pieces
    from corpusmill.kernels.buffers import Int64s
    from corpusmill.splitters import Splitter
    from corpusmill.view import View

Dialect = Literal["paper", "datatrove", "dclm", "dolma", "nemo"]


@dataclass(frozen=True)
class Reading:
    """One reading of the rules.

    Attributes:
        splitter: what a word is.
        first_copies: of lines and paragraphs that occur again, the first copy is a duplicate too.
        pieces: as in `gopher_pieces.sums`.
        pieces_of: whose code points the shares of lines and paragraphs are of.
        grams_of: whose code points those of n-grams are of; "grams": of all words for the top n-grams, of all n-grams,
            which overlap, for those that repeat.
        gaps, longest, singles: as in `kernels.repetition.count_grams`.
        counting: of n-grams that repeat "once" counts each word in one, "skipping" copies after the first without
            overlap, "each" all copies whole, "later" each word in a copy after the first, and spaces between them.
        in_text: copies of the top n-gram are those of its words with one space between, also inside of other words.
        short_repeats: of a document with less than n words all n-grams repeat, of one without words all paragraphs.
    """

    splitter: "Splitter"
    first_copies: bool
    pieces: "Pieces"
    pieces_of: Literal["pieces", "text", "words"]
    grams_of: Literal["words", "text", "grams"]
    gaps: bool
    longest: bool
    singles: bool
    counting: Literal["once", "skipping", "each", "later"]
    in_text: bool
    short_repeats: bool


READINGS: dict[Dialect, Reading] = {
    "paper": Reading(
        splitter="whitespace",
        first_copies=False,
        pieces="solid",
        pieces_of="pieces",
        grams_of="words",
        gaps=False,
        longest=True,
        singles=False,
        counting="once",
        in_text=False,
        short_repeats=False,
    ),
    "datatrove": Reading(
        splitter="spacy",
        first_copies=False,
        pieces="runs",
        pieces_of="text",
        grams_of="text",
        gaps=True,
        longest=False,
        singles=True,
        counting="skipping",
        in_text=False,
        short_repeats=False,
    ),
    "dclm": Reading(
        splitter="uniseg",
        first_copies=True,
        pieces="loose",
        pieces_of="pieces",
        grams_of="words",
        gaps=False,
        longest=True,
        singles=False,
        counting="once",
        in_text=False,
        short_repeats=False,
    ),
    "dolma": Reading(
        splitter="whitespace",
        first_copies=True,
        pieces="every",
        pieces_of="words",
        grams_of="grams",
        gaps=False,
        longest=False,
        singles=True,
        counting="each",
        in_text=False,
        short_repeats=False,
    ),
    "nemo": Reading(
        splitter="whitespace",
        first_copies=False,
        pieces="filled",
        pieces_of="pieces",
        grams_of="text",
        gaps=True,
        longest=False,
        singles=True,
        counting="later",
        in_text=True,
        short_repeats=True,
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
    begin with a letter or number. `dolma` gives those of the tagger gopher_v1 of Dolma 1.2, which has no rule for
    paragraphs: lines as they stand, blank ones too, of which the first copy is a duplicate, so that most texts with
    blank lines between paragraphs are dropped; the code points of lines are set against those of words. The top
    n-gram may occur once, of several the first counts. Copies of n-grams count whole, however they overlap, and are
    set against all n-grams of the text. Dolma's own config for Common Crawl has the bound 0.3 for
    `duplicate_line_characters`: set it to have that. `nemo` gives those of NeMo Curator's filters of 2026: words
    between white space, lines as they stand but for blank ones, paragraphs between two line feeds, first copies not
    counted. The top n-gram may occur once; its words, with one space between, are searched in the whole text, where
    they may begin and end inside of words. Shares of n-grams are of the whole text, and 1 where it has less than n
    words. Of several top n-grams NeMo Curator takes one by the hash seed of its process, here the first is taken: its
    `top_n_grams` of such a text change from run to run, and may differ from ours. It raises on a blank text, which is
    dropped here.
    Words are compared by 64-bit hashes within a document.
    """

    use: Literal["gopher_repetition"] = "gopher_repetition"
    dialect: Literal["paper", "datatrove", "dclm", "dolma", "nemo"] = "paper"
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
        from corpusmill.kernels import repetition

        words, read = view.words(self.splitter), self.reading
        counting = repetition.COUNTING[read.counting]
        tops, repeated, chars, places = repetition.count_grams(
            words.offsets, words.hashes, words.chars, read.gaps, read.longest, read.singles, counting
        )
        if read.in_text:
            tops = repetition.count_phrases(*view.text, words.starts, words.ends, places)
        whole = view.lengths if read.grams_of == "text" else chars
        wholes = np.broadcast_to(whole[:, None], repeated.shape)
        if read.grams_of == "grams":
            wholes = repetition.count_all_grams(words.offsets, words.chars)
        signals = self._pieces(view, chars)
        signals |= {f"top_{n}_grams": share(tops[:, n - 2], whole) for n in (2, 3, 4)}
        signals |= {f"duplicate_{n}_grams": share(repeated[:, n - 5], wholes[:, n - 5]) for n in range(5, 11)}
        if read.short_repeats:
            _fill_short(signals, np.diff(words.offsets))
        return Measured(signals)

    def _pieces(self, view: "View", of_words: "Int64s") -> dict[str, Values]:
        from corpusmill.filters.gopher_pieces import sums

        lines, paragraphs = sums(view, self.reading.pieces, self.reading.first_copies)
        if self.reading.pieces_of != "pieces":
            whole = view.lengths if self.reading.pieces_of == "text" else of_words
            lines[:, 2] = paragraphs[:, 2] = whole
        return {
            "duplicate_paragraphs": share(paragraphs[:, 1], paragraphs[:, 0]),
            "duplicate_paragraph_characters": share(paragraphs[:, 3], paragraphs[:, 2]),
            "duplicate_lines": share(lines[:, 1], lines[:, 0]),
            "duplicate_line_characters": share(lines[:, 3], lines[:, 2]),
        }


def _fill_short(signals: dict[str, Values], words: "Int64s") -> None:
    """Set the shares of n-grams to 1 in documents with less than n words, that of paragraphs in those with none."""
    least = {"duplicate_paragraphs": 1} | {f"top_{n}_grams": n for n in (2, 3, 4)}
    least |= {f"duplicate_{n}_grams": n for n in range(5, 11)}
    for name, count in least.items():
        signals[name][words < count] = 1


def share(part: "Int64s", whole: "Int64s") -> Values:
    """Part by whole, shape (N,); 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(len(part), np.float64), where=whole != 0)
