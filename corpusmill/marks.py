"""Which part of a text makes a signal what it is: for signals of which that can be said simply and exactly.

A part is found again in a passage of the text by the rule's own definition, and where it can be by its own kernels.
What is marked is true of the whole text as well; what lies outside of the passage is not seen. Other signals, such as
a count of words, the score of a model, or the share of the most frequent words, have no marks.
"""

import re
import string
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from corpusmill import stats
from corpusmill.filters import c4, fineweb_quality, gopher_quality, gopher_repetition
from corpusmill.filters.c4 import C4
from corpusmill.filters.fineweb_quality import FineWebQuality
from corpusmill.filters.gopher_quality import GopherQuality
from corpusmill.filters.gopher_repetition import GopherRepetition
from corpusmill.splitters import Words
from corpusmill.view import View


class Part(NamedTuple):
    """Code points `start` to `end` of a text: `hit`, what makes the signal, or `cut`, a line that goes before it."""

    start: int
    end: int
    kind: Literal["hit", "cut"] = "hit"


_CAPITALS = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

Marker: TypeAlias = Callable[[str], Sequence[Part]]


def marker(step: Any, reason: str) -> Marker | None:
    """What marks texts for a bound.

    Args:
        step: the spec.
        reason: of the bound, without the step, e.g. `bullet_lines>0.9`.

    Returns:
        A callable that gives the parts of a text, in order and without overlap; None for a signal without marks.
    """
    signal, below, bound = reason.partition("<") if "<" in reason else reason.partition(">")
    match step:
        case GopherQuality():
            return _gopher_quality(step, signal, below == "<", float(bound))
        case GopherRepetition():
            return _gopher_repetition(step, signal)
        case FineWebQuality():
            return _fineweb(step, signal)
        case C4():
            return _c4(step, signal)
    return None


def first(step: Any, reason: str, text: str) -> int:
    """Where in a text the first mark begins; 0 where there is none, or where the beginning shows enough of them."""
    many = reason.partition(">")[0].endswith("_grams")  # of a text that is dropped for them a tenth and more repeats
    mark = None if many else marker(step, reason)
    parts = mark(text) if mark else ()
    return parts[0].start if parts else 0


Line: TypeAlias = tuple[int, int, str]


def _lines(text: str, keepends: bool = False) -> Iterator[Line]:
    r"""Start, end and text of each line, split on "\n" or as `str.splitlines` does; not one that the passage cuts."""
    found = text.splitlines(keepends=True) if keepends else text.split("\n")
    at = 0
    for number, line in enumerate(found):
        bare = (line.splitlines() or [""])[0] if keepends else line
        if number + 1 < len(found) or len(text) != stats.PASSAGE:
            yield at, at + len(bare), bare
        at += len(line) + (not keepends)


def _of_lines(lines: Callable[[str], Iterator[Line]], test: Callable[[str], bool]) -> Marker:
    return lambda text: [Part(start, end) for start, end, line in lines(text) if test(line)]


def _gopher_quality(step: GopherQuality, signal: str, low: bool, bound: float) -> Marker | None:
    from corpusmill.kernels import unicode

    reading = gopher_quality.READINGS[step.dialect]

    def lines(text: str) -> Iterator[Line]:
        return _lines(text, keepends=reading.every_line_end)

    def inner(line: str) -> str:
        return line if reading.whole_lines else line.strip()

    letters = unicode.LETTER | unicode.ALPHABETIC_MARK * reading.marks_are_letters
    splitter = step.splitter or reading.splitter
    match signal:
        case "bullet_lines":
            return _of_lines(lines, lambda line: inner(line)[:1] in set(reading.bullets))
        case "ellipsis_lines":
            return _of_lines(lines, lambda line: _small(inner(line)).endswith(reading.ellipses))
        case "hash_ratio":
            return lambda text: _found(text, ("#",))
        case "ellipsis_ratio":
            return lambda text: _found(text, (". . .", "...", "…") if reading.spaced_ellipsis else ("...", "…"))
        case "symbol_ratio" if reading.symbols == "together":
            return lambda text: _found(text, ("#", ". . .", "...", "…"))
        case "mean_word_length" if splitter != "spacy" and not reading.median:
            return lambda text: _words(text, splitter, lambda w: w.chars < bound if low else w.chars > bound)
        case "alphabetic_words" if splitter != "spacy":
            return lambda text: _words(text, splitter, lambda w: w.kinds & letters == 0)
    return None


def _small(text: str) -> str:
    """ASCII capitals as small letters."""
    return text.translate(_CAPITALS)


def _found(text: str, signs: Sequence[str]) -> list[Part]:
    """Where one of some signs stands, from the left, without overlap."""
    return [Part(*found.span()) for found in re.finditer("|".join(map(re.escape, signs)), text)]


def _view(text: str) -> View:
    return View(pa.RecordBatch.from_pydict({"text": pa.array([text], pa.string())}))


def _words(text: str, splitter: Any, choose: Callable[[Words], Any]) -> list[Part]:
    view = _view(text)
    words = view.words(splitter)
    chosen = np.flatnonzero(choose(words))
    return _parts(text, words.starts[chosen], words.ends[chosen])


def _parts(text: str, starts: Any, ends: Any, kind: Literal["hit", "cut"] = "hit") -> list[Part]:
    """Parts from byte positions."""
    data = np.frombuffer(text.encode(), np.uint8)
    points = np.append(0, np.cumsum((data & 0xC0) != 0x80))  # code points before each byte
    return [Part(a, b, kind) for a, b in zip(points[starts].tolist(), points[ends].tolist(), strict=True)]


def _repeated(items: Sequence[tuple[int, int, Any]], first_copies: bool) -> list[Part]:
    """The items that equal an earlier one, and with `first_copies` those that equal a later one."""
    counts: dict[Any, int] = {}
    for _, _, key in items:
        counts[key] = counts.get(key, 0) + 1
    seen, parts = set(), []
    for start, end, key in items:
        if key in seen or (first_copies and counts[key] > 1):
            parts.append(Part(start, end))
        seen.add(key)
    return parts


def _gopher_repetition(step: GopherRepetition, signal: str) -> Marker | None:
    reading = gopher_repetition.READINGS[step.dialect]
    strips = reading.pieces in ("solid", "loose")
    splitter = step.splitter or reading.splitter

    def solid(text: str) -> list[Line]:
        return [(a, b, line.strip() if strips else line) for a, b, line in _lines(text) if line.strip()]

    if signal in ("duplicate_lines", "duplicate_line_characters"):
        return lambda text: _repeated(solid(text), reading.first_copies)
    if signal in ("duplicate_paragraphs", "duplicate_paragraph_characters") and reading.pieces == "solid":
        return lambda text: _repeated(list(_paragraphs(text)), reading.first_copies)
    if signal.startswith("duplicate_") and signal.endswith("_grams") and splitter != "spacy":
        size = int(signal.split("_")[1])
        return lambda text: _grams(text, splitter, size)
    return None


def _paragraphs(text: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Runs of lines without a blank one between."""
    run: list[Line] = []
    for line in [*_lines(text), (0, 0, "")]:
        if line[2].strip():
            run.append(line)
        elif run:
            yield run[0][0], run[-1][1], tuple(item[2].strip() for item in run)
            run = []


def _grams(text: str, splitter: Any, size: int) -> list[Part]:
    """Words in runs of `size` words that occur again; neighbours make one part."""
    words = _view(text).words(splitter)
    hashes = words.hashes.tolist()
    grams = [tuple(hashes[at : at + size]) for at in range(len(hashes) - size + 1)]
    counts: dict[tuple[int, ...], int] = {}
    for gram in grams:
        counts[gram] = counts.get(gram, 0) + 1
    inside = np.zeros(len(hashes) + 2, np.int8)
    for at, gram in enumerate(grams):
        if counts[gram] > 1:
            inside[at + 1 : at + 1 + size] = 1
    edges = np.diff(inside)
    return _parts(text, words.starts[np.flatnonzero(edges > 0)], words.ends[np.flatnonzero(edges < 0) - 1])


def _fineweb(step: FineWebQuality, signal: str) -> Marker | None:
    match signal:
        case "line_punct_ratio":
            marks = _terminal_marks(step.terminal_marks)
            return _of_lines(_lines, lambda line: bool(line.strip()) and not marks[ord(line[-1])])
        case "short_line_ratio":
            return _of_lines(_lines, lambda line: bool(line.strip()) and len(line) <= step.short_line_length)
        case "char_dup_ratio":
            return lambda text: _repeated([line for line in _lines(text) if line[2].strip()], first_copies=False)
    return None


@cache
def _terminal_marks(name: str) -> Any:
    from corpusmill import resources

    return fineweb_quality.terminal_marks(resources.locate(name))


def _c4(step: C4, signal: str) -> Marker | None:
    """Signs that speak against a page, in the lines where they count; for counts of what stays, the lines that go."""
    from corpusmill.kernels import c4 as kernel

    signs = {"curly_bracket": ("{", kernel.CURLY_BRACKET), "lorem_ipsum": ("lorem ipsum", kernel.LOREM_IPSUM)}

    def mark(text: str) -> list[Part]:
        page = kernel.judge_lines(*_view(text).text, c4.rules(step))
        if signal not in signs:
            gone = page.codes != kernel.KEPT
            return [p for p in _parts(text, page.starts[gone], page.ends[gone], "cut") if p.start < p.end]
        sign, flag = signs[signal]
        at = page.flags & flag != 0
        lines = _parts(text, page.starts[at], page.ends[at])
        small = _small(text)
        return [Part(a + p.start, a + p.end) for a, b, _ in lines for p in _found(small[a:b], (sign,))]

    return mark if signal in {*signs, "sentences", "kept_lines"} else None
