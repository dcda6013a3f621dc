"""The C4 page rules: lines are dropped, then pages by what is left."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.spans import Spans
    from corpusmill.view import View

Flags = npt.NDArray[np.bool_]


class Reading(NamedTuple):
    """What a dialect of the rules fixes."""

    min_words_per_line: int
    sentences: Bounds
    characters: Bounds
    apostrophe: bool  # `'` is an end mark
    citations_are_words: bool  # the words of a line are counted before its citations go
    spacy: bool  # sentences are spaCy's


READINGS = {
    "reference": Reading(5, Bounds(3, None), Bounds(None, 190_000), False, False, False),
    "datatrove": Reading(3, Bounds(5, None), Bounds(None, None), True, True, True),
}


@spec
class C4:
    r"""Keep lines that end like sentences, and drop pages with few of them (Raffel et al. 2020, 2.2; TFDS code).

    A line (as `str.splitlines` gives them, stripped) is dropped by the first of these rules that it breaks: a word of
    more than `max_word_length` characters; (here `[12]`, `[]`, `[edit]` and `[citation needed]` are cut out of it;)
    no end mark `.` `?` `!` `"` at its end, or `...` there; fewer than `min_words_per_line` words between white space;
    "javascript"; a phrase of privacy and cookie notices. "lorem ipsum" is looked for before "javascript" and `{` after
    it, each only in lines that got so far, and speak against the page. The text becomes the kept lines, joined by
    "\n" and stripped.

    `dialect: reference` is the code that made C4: 5 words a line and 3 sentences (the paper says 3 and 5), pages of at
    most 190,000 characters. Sentences are counted by rules and not by NLTK's Punkt model: for the difference see
    docs/decisions/c4-sentences.md. `dialect: datatrove` equals datatrove's verdicts and texts: 3 words, counted before
    citations go, 5 sentences by spaCy, `'` is an end mark too, and there is no limit on the page. FineWeb uses that
    one with `terminal_punctuation: false`.

    All signals speak of the text before the edit.
    """

    use: Literal["c4"] = "c4"
    dialect: Literal["reference", "datatrove"] = "reference"
    terminal_punctuation: bool = True  # false leaves out the rule of end marks
    min_words_per_line: int | None = None  # words; null is the dialect's own: 5, or 3 for datatrove
    max_word_length: int = 1000  # characters
    characters: Bounds | None = None  # of the page; null is the dialect's own: [null, 190000], or open for datatrove
    lorem_ipsum: Bounds = Bounds(None, 0)  # lines with "lorem ipsum" that no earlier rule dropped
    curly_bracket: Bounds = Bounds(None, 0)  # lines with `{` that no earlier rule dropped
    sentences: Bounds | None = (
        None  # in the kept lines; null is the dialect's own: [3, null], or [5, null] for datatrove
    )
    kept_lines: Bounds = Bounds(None, None)  # lines that stay
    lines_with_long_word: Bounds = Bounds(None, None)  # lines dropped, by rule
    lines_without_end_mark: Bounds = Bounds(None, None)
    lines_too_short: Bounds = Bounds(None, None)
    lines_with_javascript: Bounds = Bounds(None, None)
    lines_with_policy: Bounds = Bounds(None, None)

    def __post_init__(self) -> None:
        """Take the dialect's own value where none is given."""
        reading = READINGS[self.dialect]
        for name in ("min_words_per_line", "sentences", "characters"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, getattr(reading, name))

    def build(self) -> "Callable[[View], Measured]":
        """Load the tables, and spaCy where the dialect asks for it."""
        if READINGS[self.dialect].spacy:
            from corpusmill import splitters

            splitters.english()

        def measure(view: "View") -> Measured:
            return _measure(self, view)

        return measure


def _measure(step: C4, view: "View") -> Measured:
    from corpusmill.kernels import c4, lines
    from corpusmill.kernels.unicode import lengths

    reading = READINGS[step.dialect]
    digits, abbreviations = _tables()
    offsets, data = view.text
    per_page, starts, ends = lines.splitlines(offsets, data)
    starts, ends = lines.strip(data, starts, ends)
    long = c4.long_words(data, starts, ends, step.max_word_length)
    cuts = c4.find_citations(data, starts, ends, digits)
    clean, clean_starts, clean_ends = _without(data, starts, ends, cuts)
    counted = (data, starts, ends) if reading.citations_are_words else (clean, clean_starts, clean_ends)
    assert step.min_words_per_line is not None  # the dialect's own was taken
    wordy = c4.enough_words(*counted, step.min_words_per_line)
    codes, pages, sentences = c4.judge_lines(
        clean, clean_starts, clean_ends, long, wordy, abbreviations, step.terminal_punctuation, reading.apostrophe
    )
    kept = codes == c4.KEPT
    if reading.spacy:
        sentences = _spacy_sentences(clean, clean_starts, clean_ends, kept)
    signals: dict[str, npt.NDArray[Any]] = {
        "characters": lengths(offsets, data),
        "lorem_ipsum": _sums(pages & c4.LOREM_IPSUM != 0, per_page),
        "curly_bracket": _sums(pages & c4.CURLY_BRACKET != 0, per_page),
        "sentences": _sums(sentences, per_page),
        "kept_lines": _sums(kept, per_page),
        "lines_with_long_word": _sums(codes == c4.LONG_WORD, per_page),
        "lines_without_end_mark": _sums(codes == c4.NO_END_MARK, per_page),
        "lines_too_short": _sums(codes == c4.FEW_WORDS, per_page),
        "lines_with_javascript": _sums(codes == c4.JAVASCRIPT, per_page),
        "lines_with_policy": _sums(codes == c4.POLICY, per_page),
    }
    return Measured(signals, edits=_edits(view, per_page, starts, ends, kept, cuts))


def _without(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], cuts: Any
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The text without the cuts, and the lines' places in it; the same arrays where there is no cut."""
    from corpusmill.kernels.splice import splice

    first, last = cuts
    if len(first) == 0:
        return data, starts, ends
    none = np.zeros(len(first), np.int64)
    whole = np.array([0, len(data)], np.int64)
    _, clean = splice(whole, data, none, first, last, none, np.zeros(2, np.int64), np.zeros(0, np.uint8))
    gone = np.concatenate([[0], np.cumsum(last - first)]).astype(np.int32)
    return clean, starts - gone[np.searchsorted(first, starts)], ends - gone[np.searchsorted(first, ends)]


def _spacy_sentences(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int32], ends: npt.NDArray[np.int32], kept: Flags
) -> npt.NDArray[np.int32]:
    from corpusmill import splitters

    counts = np.zeros(len(starts), np.int32)
    texts = [data[start:end].tobytes().decode() for start, end in zip(starts[kept], ends[kept], strict=True)]
    counts[kept] = splitters.count_sentences(texts)
    return counts


def _sums(values: npt.NDArray[Any], per_page: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sums over the lines of each page; shape (N,)."""
    return np.diff(np.concatenate([[0], np.cumsum(values, dtype=np.int64)])[per_page])


def _edits(
    view: "View",
    per_page: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int32],
    ends: npt.NDArray[np.int32],
    kept: Flags,
    cuts: Any,
) -> "Spans":
    from corpusmill.kernels.line_edits import keep_lines
    from corpusmill.spans import Spans

    return Spans(*keep_lines(*view.text, per_page, starts, ends, kept, *cuts), replacements=(b"", b"\n"))


@cache
def _tables() -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint64]]:
    """The runs of decimal digits, shape (D, 2), and the packed abbreviations, shape (A,)."""
    from importlib import resources as packages

    from corpusmill import resources
    from corpusmill.kernels.sentences import pack

    digits = packages.files("corpusmill.kernels").joinpath("decimal_digits.txt").read_text(encoding="ascii")
    runs = [[int(end, 16) for end in line.split()] for line in digits.splitlines() if not line.startswith("#")]
    words = resources.locate("english_abbreviations.txt").read_text(encoding="ascii").splitlines()
    return np.array(runs, np.int32), pack(word for word in words if word and not word.startswith("#"))
