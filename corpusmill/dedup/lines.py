r"""Line dedup: of each line, or run of sentences, that the corpus holds more than once, one copy stays.

Each shard gives the keys of its units (`keys`). Keys are brought together by partition, and `owners` says which
occurrences go. Each shard then cuts those (`cut`). No text moves, and no order of shards or documents matters.

Shapes: N documents, U units, M occurrences of keys in a partition.
"""

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.kernels.buffers import Int64s, Text
    from corpusmill.kernels.line_keys import Units
    from corpusmill.kernels.words import UInt64s

Flags = npt.NDArray[np.bool_]


@spec
class LineDedup:
    r"""Cut lines, or runs of three sentences, that stand elsewhere in the corpus (Raffel et al. 2020, 2.2; TFDS code).

    `unit: line` is what the code that made C4 does: a line (between "\n") without white space at its ends and in lower
    case; one page of the corpus keeps it, once, all other copies go with their line feed. Blank lines are left alone.
    `unit: sentences` is what the paper says: runs of `sentences` sentences, overlapping; each sentence of a run that
    goes, goes. Sentences are those of the filter `c4`. Cutting brings sentences together that were apart, so that a
    second run may find runs that the first could not; of lines a second run finds none.

    `owner` says which document keeps a unit that several hold. `document`, as C4's code: the one with the smallest
    hash, so that of pages that share much one stays whole, and no sentence vanishes from the corpus: runs overlap, and
    were each given to a page of its own, two copies of a passage would lose it both. `unit`: another for each line.

    All signals speak of what is left.
    """

    use: Literal["line_dedup"] = "line_dedup"
    unit: Literal["line", "sentences"] = "line"
    sentences: int = 3  # of a run, for the unit sentences; documents with fewer have no unit
    normalise: Literal["lower", "strip"] = "lower"  # strip leaves out the lower case
    min_words: int = 1  # between white space; units with fewer are left alone
    owner: Literal["unit", "document"] | None = None  # null is unit for lines, document for sentences
    lines_kept: Bounds = Bounds(1, None)  # lines that are not blank
    share_cut: Bounds = Bounds(None, None)  # bytes cut by bytes before
    sentences_left: Bounds = Bounds(None, None)  # C4's code has [3, null]

    def __post_init__(self) -> None:
        """Take the unit's own owner where none is given, and refuse what cannot be.

        Raises:
            ValueError: for counts below 1, and where `owner: unit` would lose sentences.
        """
        for name in ("sentences", "min_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}; expected 1 or more")
        if self.owner is None:
            object.__setattr__(self, "owner", "unit" if self.unit == "line" else "document")
        if self.unit == "sentences" and self.owner == "unit":
            raise ValueError(
                "owner: found unit with unit: sentences, which would cut a passage from every document that holds it; "
                "expected document"
            )


def keys(text: "Text", step: LineDedup) -> "Units":
    """The units of N documents that may be cut: where they are in their document, and a 128-bit key of each."""
    from corpusmill import splitters
    from corpusmill.kernels import line_keys, lines

    lower = line_keys.lower_case() if step.normalise == "lower" else np.zeros(0, np.int32)
    owned, starts, ends = lines.split(*text)
    if step.unit == "line":
        return line_keys.line_units(*text, owned, starts, ends, step.min_words, lower)
    of_lines, first, last = line_keys.split_sentences(text.data, starts, ends, splitters.abbreviations())
    return line_keys.window_units(*text, of_lines[owned], first, last, step.sentences, step.min_words, lower)


def owners(
    high: "UInt64s", low: "UInt64s", document: "Int64s", tie: "UInt64s", unit_index: "Int64s", step: LineDedup
) -> Flags:
    """Which occurrences are to be cut: all but one of each key. The order of the occurrences does not matter.

    The document with the smallest tie hash keeps the unit (with `owner: unit` the smallest mix of tie hash and key;
    then the smallest number), and of its copies the first.

    Args:
        high: uint64 (M,), upper half of the keys; all occurrences of a key must be there.
        low: uint64 (M,), lower half.
        document: int64 (M,), the document's number.
        tie: uint64 (M,), a well mixed hash of what names the document, its id or URL.
        unit_index: int64 (M,), which unit of its document it is; any number that rises along the text.
        step: whose `owner` is asked for.

    Raises:
        ValueError: where there are 2**31 occurrences or more.
    """
    from corpusmill.kernels import line_keys

    if len(high) >= 2**31:
        raise ValueError(f"{len(high)} keys in one partition; at most {2**31 - 1} fit: use more partitions")
    kept: Flags = line_keys.first_copies(high, low, tie, document, unit_index, step.owner == "unit")
    return ~kept


def cut(text: "Text", units: "Units", drop: Flags, step: LineDedup) -> Measured:
    """The spans that cut the dropped units (U,), merged, and the signals of what is left.

    Args:
        text: N documents.
        units: what `keys` gave of them.
        drop: bool (U,), from `owners`.
        step: the same as for `keys`.
    """
    from corpusmill import splitters
    from corpusmill.kernels import line_cuts, line_keys, lines
    from corpusmill.spans import Spans

    owned, starts, ends = lines.split(*text)
    of_lines, first, last = line_keys.split_sentences(text.data, starts, ends, splitters.abbreviations())
    solid = np.diff(of_lines) > 0  # every line that is not blank holds a sentence
    if step.unit == "line":
        gone = line_cuts.covered(text.offsets, owned, starts, ends, units, drop)
        lost = np.repeat(gone, np.diff(of_lines))
        partly = line_cuts.Sentences(np.zeros_like(of_lines), first[:0], last[:0], lost[:0])
    else:
        lost = line_cuts.covered(text.offsets, of_lines[owned], first, last, units, drop)
        gone = solid & (_sums(~lost, of_lines) == 0)
        partly = line_cuts.Sentences(of_lines, first, last, lost)
    found = line_cuts.cut_spans(text.offsets, owned, starts, gone, partly)
    signals = {
        "lines_kept": _sums(solid & ~gone, owned),
        "share_cut": share_cut(text.offsets, *found),
        "sentences_left": _sums(~lost, of_lines[owned]),
    }
    return Measured(signals, edits=Spans(*found))


def share_cut(offsets: "Int64s", rows: "Int64s", starts: "Int64s", ends: "Int64s") -> npt.NDArray[np.float64]:
    """Bytes in spans by bytes of the document, shape (N,); 0 where it is empty."""
    sizes = np.diff(offsets)
    lost = np.bincount(rows, ends - starts, len(sizes))
    return np.divide(lost, sizes, out=np.zeros(len(sizes)), where=sizes > 0)


def _sums(flags: Flags, owned: "Int64s") -> "Int64s":
    """How many are set from owned[i] to owned[i+1], for each i."""
    return np.diff(np.append(0, np.cumsum(flags, dtype=np.int64))[owned])
