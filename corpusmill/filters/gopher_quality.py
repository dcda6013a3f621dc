"""The Gopher quality rules, in several published readings."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from corpusmill.signals import Measured, Values
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.kernels.buffers import Int64s
    from corpusmill.splitters import Splitter, Words
    from corpusmill.view import View

Dialect = Literal["paper", "datatrove", "dclm", "dolma", "nemo"]

STOP_WORDS = ("the", "be", "to", "of", "and", "that", "have", "with")


@dataclass(frozen=True)
class Reading:
    """One reading of the rules.

    Attributes:
        splitter: what a word is.
        counted_by: what a word is for `words` alone.
        bullets: what a line begins with to be a bullet line; the white space before it is not looked at.
        ellipses: what a line ends with to be an ellipsis line.
        spaced_ellipsis: ". . ." is an ellipsis too, wherever it stands.
        whole_lines: lines begin and end with the white space around them.
        every_line_end: lines end as in `str.splitlines`, and not at line feeds only.
        blank_lines: lines of only white space count.
        symbol_words: words of only punctuation do not count as words, and not in the mean length.
        median: the median length of words stands for the mean.
        any_case: stop words are found in any case.
        distinct: a stop word that occurs again does not count again.
        marks_are_letters: vowel signs, Roman numerals and circled letters are letters: Unicode's property Alphabetic.
        of_nothing: what shares of no lines, and of no words that are symbols, are.
        symbols: "apart": hash signs and ellipses have a bound each; "together": one for both; "holding": words that
            hold a hash sign or "…" are counted; "alone": words that are one of `ellipses`, or in which runs of hash
            signs are more than half as many as code points.
    """

    splitter: "Splitter"
    counted_by: "Splitter"
    bullets: str
    ellipses: tuple[str, ...]
    spaced_ellipsis: bool
    whole_lines: bool
    every_line_end: bool
    blank_lines: bool
    symbol_words: bool
    median: bool
    any_case: bool
    distinct: bool
    marks_are_letters: bool
    of_nothing: int
    symbols: Literal["apart", "together", "holding", "alone"]


READINGS: dict[Dialect, Reading] = {
    "paper": Reading(
        splitter="whitespace",
        counted_by="whitespace",
        bullets="•‣◦●▪*-",
        ellipses=("...", "…"),
        spaced_ellipsis=False,
        whole_lines=False,
        every_line_end=False,
        blank_lines=False,
        symbol_words=False,
        median=False,
        any_case=True,
        distinct=True,
        marks_are_letters=False,
        of_nothing=0,
        symbols="apart",
    ),
    "datatrove": Reading(
        splitter="spacy",
        counted_by="spacy",
        bullets="•-",
        ellipses=("...", "…"),
        spaced_ellipsis=False,
        whole_lines=False,
        every_line_end=True,
        blank_lines=True,
        symbol_words=True,
        median=False,
        any_case=False,
        distinct=True,
        marks_are_letters=False,
        of_nothing=0,
        symbols="apart",
    ),
    "dclm": Reading(
        splitter="whitespace",
        counted_by="uniseg",
        bullets="●•*-",
        ellipses=("...", "…", ". . ."),
        spaced_ellipsis=True,
        whole_lines=False,
        every_line_end=False,
        blank_lines=False,
        symbol_words=False,
        median=False,
        any_case=True,
        distinct=False,
        marks_are_letters=False,
        of_nothing=0,
        symbols="together",
    ),
    "dolma": Reading(
        splitter="whitespace",
        counted_by="whitespace",
        bullets="*-",
        ellipses=("…",),
        spaced_ellipsis=False,
        whole_lines=True,
        every_line_end=False,
        blank_lines=True,
        symbol_words=False,
        median=True,
        any_case=False,
        distinct=False,
        marks_are_letters=False,
        of_nothing=0,
        symbols="holding",
    ),
    "nemo": Reading(
        splitter="whitespace",
        counted_by="whitespace",
        bullets="•‣\u2043⁌⁍∙○●◘◦⦾⦿",
        ellipses=("...", "[...]", "…", "(...)", "[…]", "-»", "read more..", "read more"),
        spaced_ellipsis=False,
        whole_lines=False,
        every_line_end=False,
        blank_lines=False,
        symbol_words=False,
        median=False,
        any_case=False,
        distinct=False,
        marks_are_letters=True,
        of_nothing=1,
        symbols="alone",
    ),
}


@spec
class GopherQuality:
    """Drop documents too short, too long, or with odd words, symbols or lines (Rae et al. 2021, A.1.1).

    Dialects: `paper` counts words between white space (or by `splitter`), leaves blank lines out, and finds stop
    words in any case. `datatrove` gives the verdicts of datatrove 0.10's GopherQualityFilter for English: words by
    spaCy (`corpusmill[parity]`), words of only punctuation left out of `words` and `mean_word_length`, lines as
    `str.splitlines` has them, blank ones too, stop words in lower case. datatrove raises where a document has no
    words while its word bounds are switched off; here every share of nothing is 0. `dclm` gives those of
    DCLM's filters: Unicode words that begin with a letter or number for `words`, white space for the rest, ". . ."
    too, one bound for hash signs and ellipses together (`symbol_ratio`), every occurrence of a stop word counts.
    `dolma` gives those of the tagger gopher_v1 of Dolma 1.2: `mean_word_length` is the median, `symbol_ratio` the
    share of words that hold "#" or "…", lines keep their white space, blank ones count, and every occurrence of a
    stop word in lower case counts. `nemo` gives those of NeMo Curator's filters of 2026 for English: `symbol_ratio`
    is the share of words that are an ellipsis (as "...", "[…]") or mostly "#", twelve bullets of Unicode but neither
    "*" nor "-", lines may end with "read more" too, every occurrence of a stop word in lower case counts; a text
    without words has a `symbol_ratio`, `bullet_lines` and `ellipsis_lines` of 1.
    """

    use: Literal["gopher_quality"] = "gopher_quality"
    dialect: Literal["paper", "datatrove", "dclm", "dolma", "nemo"] = "paper"
    splitter: Literal["whitespace", "uax29"] | None = None  # what a word is; null: as the dialect has it
    words: Bounds = Bounds(50, 100_000)  # count
    mean_word_length: Bounds = Bounds(3, 10)  # code points; the median in dolma
    hash_ratio: Bounds = Bounds(None, 0.1)  # "#" per word
    ellipsis_ratio: Bounds = Bounds(None, 0.1)  # "..." and "…" per word
    symbol_ratio: Bounds = Bounds(None, 0.1)  # of both, in dclm, dolma and nemo; elsewhere 0
    bullet_lines: Bounds = Bounds(None, 0.9)  # share of lines that begin with a bullet
    ellipsis_lines: Bounds = Bounds(None, 0.3)  # share of lines that end with an ellipsis
    alphabetic_words: Bounds = Bounds(0.8, None)  # share of words that hold a letter
    stop_words: Bounds = Bounds(2, None)  # of: the be to of and that have with

    def __post_init__(self) -> None:
        """Refuse a splitter where the dialect names its own."""
        if self.splitter is not None and self.dialect != "paper":
            raise ValueError(f"splitter: dialect {self.dialect} splits words its own way; leave splitter out")

    def build(self) -> "Callable[[View], Measured]":
        """Load the tables; the callable measures a view."""
        reading = READINGS[self.dialect]
        return _Measure(reading, self.splitter or reading.splitter, self.splitter or reading.counted_by)


class _Measure:
    def __init__(self, reading: Reading, splitter: "Splitter", counted_by: "Splitter") -> None:
        from corpusmill.kernels.gopher import marks, stop_words

        self.reading = reading
        self.splitter = splitter
        self.counted_by = counted_by
        self.bullets = np.array([ord(bullet) for bullet in reading.bullets], np.int64)
        self.stops = stop_words(STOP_WORDS)
        self.ellipses = marks(reading.ellipses)
        self.marks = _datatrove_marks() if reading.symbol_words else None
        self.symbols = _points("#…") if reading.symbols == "holding" else None

    def __call__(self, view: "View") -> Measured:
        from corpusmill.kernels import gopher, unicode

        words, read = view.words(self.splitter), self.reading
        every = np.diff(words.offsets)
        counts = gopher.count_words(
            view.text.data, words.offsets, words.starts, words.ends, words.chars, words.kinds,
            self._symbol_words(view, words), self.stops, read.any_case,
            unicode.LETTER | unicode.ALPHABETIC_MARK * read.marks_are_letters,
        )  # fmt: skip
        total = counts[:, gopher.WORDS]
        if self.counted_by != self.splitter:
            total = np.diff(view.words(self.counted_by).offsets)
        lengths = share(counts[:, gopher.CHARS], counts[:, gopher.WORDS])
        if read.median:
            lengths = gopher.median_chars(words.offsets, words.chars)
        lines = self._lines(view)
        stops = gopher.DISTINCT_STOP_WORDS if read.distinct else gopher.STOP_WORDS
        return Measured(
            {
                "words": total,
                "mean_word_length": lengths,
                **self._symbols(view, words),
                "bullet_lines": share(lines[:, gopher.BULLET_LINES], lines[:, gopher.LINES], read.of_nothing),
                "ellipsis_lines": share(lines[:, gopher.ELLIPSIS_LINES], lines[:, gopher.LINES], read.of_nothing),
                "alphabetic_words": share(counts[:, gopher.WITH_LETTER], every),
                "stop_words": counts[:, stops],
            }
        )

    def _symbols(self, view: "View", words: "Words") -> dict[str, Values]:
        """The three signals of hash signs and ellipses, each (N,)."""
        from corpusmill.kernels import gopher
        from corpusmill.kernels.words import hold

        data, every = view.text.data, np.diff(words.offsets)
        hashes = ellipses = together = np.zeros_like(every)
        if self.symbols is not None:
            together = hold(data, words.offsets, words.starts, words.ends, self.symbols)
        elif self.reading.symbols == "alone":
            together = gopher.count_symbol_words(
                data, words.offsets, words.starts, words.ends, words.chars, self.ellipses
            )
        else:
            found = gopher.count_symbols(*view.text)
            hashes = found[:, gopher.HASHES]
            ellipses = found[:, gopher.ELLIPSES] + found[:, gopher.SPACED_ELLIPSES] * self.reading.spaced_ellipsis
            together = (hashes + ellipses) * (self.reading.symbols == "together")
        return {
            "hash_ratio": share(hashes, every),
            "ellipsis_ratio": share(ellipses, every),
            "symbol_ratio": share(together, every, self.reading.of_nothing),
        }

    def _symbol_words(self, view: "View", words: "Words") -> npt.NDArray[np.bool_]:
        from corpusmill.kernels.words import consist_of

        if self.marks is None:
            return np.zeros(len(words.starts), bool)
        return consist_of(view.text.data, words.starts, words.ends, self.marks)

    def _lines(self, view: "View") -> "Int64s":
        from corpusmill.kernels import gopher
        from corpusmill.kernels.lines import splitlines, strip

        data = view.text.data
        if self.reading.every_line_end:
            offsets, *ranges = splitlines(*view.text)
            starts, ends = strip(data, *ranges)
        elif self.reading.whole_lines:
            offsets, starts, ends = view.lines.offsets, view.lines.starts, view.lines.ends
        else:
            offsets, starts, ends = view.lines.offsets, view.lines.inner_starts, view.lines.inner_ends
        return gopher.count_lines(data, offsets, starts, ends, self.bullets, self.ellipses, self.reading.blank_lines)


def share(part: "Int64s", whole: "Int64s", of_nothing: int = 0) -> Values:
    """Part by whole, shape (N,); `of_nothing` where the whole is 0."""
    return np.divide(part, whole, out=np.full(len(part), of_nothing, np.float64), where=whole != 0)


def _points(characters: str) -> npt.NDArray[np.bool_]:
    """The code points of a string, as a table of all code points."""
    table = np.zeros(0x110000, bool)
    table[[ord(character) for character in characters]] = True
    return table


def _datatrove_marks() -> npt.NDArray[np.bool_]:
    """The code points that datatrove counts as punctuation, as a table of all code points."""
    table = np.zeros(0x110000, bool)
    text = resources.files("corpusmill.filters").joinpath("datatrove_punctuation.txt").read_text(encoding="ascii")
    for line in text.splitlines():
        if not line.startswith("#"):
            first, last = (int(point, 16) for point in line.split())
            table[first : last + 1] = True
    return table
