"""The C4 page rules: lines are dropped, then pages by what is left."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.kernels.c4 import Page, Rules
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
    characters: Bounds | None = None  # of the page; null is the dialect's own: [null, 190000], for datatrove open
    lorem_ipsum: Bounds = Bounds(None, 0)  # lines with "lorem ipsum" that no earlier rule dropped
    curly_bracket: Bounds = Bounds(None, 0)  # lines with `{` that no earlier rule dropped
    sentences: Bounds | None = None  # of the kept lines; null is the dialect's own: [3, null], for datatrove [5, null]
    kept_lines: Bounds = Bounds(None, None)  # lines that stay
    lines_with_long_word: Bounds = Bounds(None, None)  # lines dropped by each rule, from here on
    lines_without_end_mark: Bounds = Bounds(None, None)  # lines
    lines_too_short: Bounds = Bounds(None, None)  # lines
    lines_with_javascript: Bounds = Bounds(None, None)  # lines
    lines_with_policy: Bounds = Bounds(None, None)  # lines

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


def rules(step: C4) -> "Rules":
    """The rules for lines as the kernel takes them."""
    from corpusmill import splitters
    from corpusmill.kernels import c4

    reading = READINGS[step.dialect]
    assert step.min_words_per_line is not None  # the dialect's own was taken
    return c4.Rules(
        _decimal_digits(),
        splitters.abbreviations(),
        longest=step.max_word_length,
        least=step.min_words_per_line,
        end_marks=step.terminal_punctuation,
        apostrophe=reading.apostrophe,
        citations_are_words=reading.citations_are_words,
    )


def _measure(step: C4, view: "View") -> Measured:
    from corpusmill.kernels import c4
    from corpusmill.kernels.line_edits import keep_lines
    from corpusmill.kernels.unicode import lengths
    from corpusmill.spans import Spans

    reading = READINGS[step.dialect]
    page = c4.judge_lines(*view.text, rules(step))
    kept = page.codes == c4.KEPT
    sentences = _spacy_sentences(view, page, kept) if reading.spacy else page.sentences
    signals: dict[str, npt.NDArray[Any]] = {
        "characters": lengths(*view.text),
        "lorem_ipsum": _sums(page.flags & c4.LOREM_IPSUM != 0, page.offsets),
        "curly_bracket": _sums(page.flags & c4.CURLY_BRACKET != 0, page.offsets),
        "sentences": _sums(sentences, page.offsets),
        "kept_lines": _sums(kept, page.offsets),
        "lines_with_long_word": _sums(page.codes == c4.LONG_WORD, page.offsets),
        "lines_without_end_mark": _sums(page.codes == c4.NO_END_MARK, page.offsets),
        "lines_too_short": _sums(page.codes == c4.FEW_WORDS, page.offsets),
        "lines_with_javascript": _sums(page.codes == c4.JAVASCRIPT, page.offsets),
        "lines_with_policy": _sums(page.codes == c4.POLICY, page.offsets),
    }
    found = keep_lines(*view.text, page.offsets, page.starts, page.ends, kept, page.cut_starts, page.cut_ends)
    return Measured(signals, edits=Spans(*found, replacements=(b"", b"\n")))


def _spacy_sentences(view: "View", page: "Page", kept: Flags) -> npt.NDArray[np.int32]:
    """The sentences of the kept lines without their citations, else 0; shape (L,)."""
    from corpusmill import splitters

    data = view.text.data
    first = np.searchsorted(page.cut_starts, page.starts)
    last = np.searchsorted(page.cut_starts, page.ends)
    texts = []
    for line in np.flatnonzero(kept):
        cuts = slice(first[line], last[line])
        begins = [page.starts[line], *page.cut_ends[cuts]]
        stops = [*page.cut_starts[cuts], page.ends[line]]
        texts.append(b"".join(data[a:b].tobytes() for a, b in zip(begins, stops, strict=True)).decode())
    counts = np.zeros(len(kept), np.int32)
    counts[kept] = splitters.count_sentences(texts)
    return counts


def _sums(values: npt.NDArray[Any], per_page: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sums over the lines of each page; shape (N,)."""
    return np.diff(np.concatenate([[0], np.cumsum(values, dtype=np.int64)])[per_page])


@cache
def _decimal_digits() -> npt.NDArray[np.int32]:
    """The runs of decimal digits, first and last code point; shape (D, 2)."""
    from importlib import resources as packages

    lines = packages.files("corpusmill.kernels").joinpath("decimal_digits.txt").read_text(encoding="ascii")
    runs = [[int(end, 16) for end in line.split()] for line in lines.splitlines() if not line.startswith("#")]
    return np.array(runs, np.int32)
