"""The FineWeb quality filter: signals of a document's lines."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from corpusmill.errors import ResourceError
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.splitters import Splitter
    from corpusmill.view import View

# Which words `list_ratio` counts.
_SPLITTERS: "dict[str, Splitter]" = {"reference": "whitespace", "datatrove": "spacy"}


@spec
class FineWebQuality:
    r"""Drop lists, menus and pages that repeat their lines (FineWeb, Penedo et al. 2024, section 3.6 and its code).

    Lines are the text split on "\n" without the blank ones, and are not stripped: a space after the full stop hides
    it. The terminal marks of the published code are Unicode's sentence enders; closing quotes, colons and the
    ellipsis sign are not among them, so lines of dialogue count as unpunctuated. A text without lines has the
    ratio 0 in every signal, and falls by `line_punct_ratio`.

    `char_dup_ratio` is 0.01 in the code and in the paper's table; FineWeb-2 sets 0.1. `list_ratio` is in the code
    only. `dialect: reference` counts words between white space for `list_ratio`; `datatrove` counts spaCy's tokens,
    with which every verdict equals datatrove's.
    """

    use: Literal["fineweb_quality"] = "fineweb_quality"
    dialect: Literal["reference", "datatrove"] = "reference"
    short_line_length: int = 30  # characters; a line of so many is short
    terminal_marks: str = "terminal_marks.txt"  # a list (`resources`): one character a line
    line_punct_ratio: Bounds = Bounds(0.12, None)  # lines that end in a terminal mark / lines
    short_line_ratio: Bounds = Bounds(None, 0.67)  # short lines / lines
    char_dup_ratio: Bounds = Bounds(None, 0.01)  # characters of repeated lines, first copies apart / characters
    list_ratio: Bounds = Bounds(None, 0.3)  # newlines / words

    def references(self) -> tuple[str, ...]:
        """The files that the signals depend on."""
        return (self.terminal_marks,)

    def build(self) -> "Callable[[View], Measured]":
        """Load the marks."""
        from corpusmill import resources
        from corpusmill.kernels.fineweb import count_lines

        marks = terminal_marks(resources.locate(self.terminal_marks))
        splitter = _SPLITTERS[self.dialect]

        def measure(view: "View") -> Measured:
            lines = view.lines
            blank = lines.inner_starts == lines.inner_ends
            counts = count_lines(
                view.text.data,
                lines.offsets,
                lines.starts,
                lines.ends,
                blank,
                lines.characters,
                lines.repeated,
                marks,
                self.short_line_length,
            )
            newlines = np.diff(lines.offsets) - 1
            words = np.diff(view.words(splitter).offsets)
            return Measured(
                {
                    "line_punct_ratio": ratio(counts.ended, counts.lines),
                    "short_line_ratio": ratio(counts.short, counts.lines),
                    "char_dup_ratio": ratio(counts.repeated, counts.characters),
                    "list_ratio": ratio(newlines, words),
                }
            )

        return measure


def ratio(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Part by whole, and 0 where there is nothing; shape (N,)."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def terminal_marks(path: Path) -> npt.NDArray[np.bool_]:
    """The characters of a list as flags of all code points; lines that begin with "# " are comments."""
    marks = np.zeros(0x110000, bool)
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if line == "" or line.startswith("# "):
            continue
        if len(line) != 1:
            raise ResourceError(f"{path}, line {number}: expected one character, found {line!r}")
        marks[ord(line)] = True
    return marks
