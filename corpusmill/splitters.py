"""How text is split into words and sentences: the one place that names the splitters, and that imports spaCy.

`whitespace`  what `str.split()` gives.
`uax29`       the segments between Unicode's default word boundaries that hold a letter or a number.
`uniseg`      those of them that begin with a letter or a number: DCLM's reading.
`spacy`       the tokens of spaCy's blank English pipeline, without white space: datatrove's reading.
"""

from collections.abc import Sequence
from functools import cache
from importlib import resources as packages
from typing import Any, Literal, NamedTuple

import numpy as np

from corpusmill.errors import ResourceError
from corpusmill.kernels import boundaries, unicode, words
from corpusmill.kernels.buffers import Bytes, Int64s, Text
from corpusmill.kernels.lines import strip
from corpusmill.kernels.sentences import pack
from corpusmill.kernels.words import Int32s, UInt64s

Splitter = Literal["whitespace", "uax29", "uniseg", "spacy"]

# The name of an attribute of spaCy, on which its tokenizer fails, but not the first time. datatrove then takes the
# name out of the text; here that is done always, so that a document's words depend on nothing that came before it.
_POISON = "IS_ALPHA"


class Words(NamedTuple):
    """The words of N documents; starts and ends are positions in the batch's text.

    Attributes:
        offsets: int64 (N+1,), the words of document i are offsets[i] to offsets[i+1].
        starts, ends: int32 (W,).
        hashes: uint64 (W,), of the word's bytes.
        chars: int32 (W,), code points.
        kinds: uint8 (W,), bits of `kernels.unicode` (LETTER, NUMBER, ...) of all its code points.
    """

    offsets: Int64s
    starts: Int32s
    ends: Int32s
    hashes: UInt64s
    chars: Int32s
    kinds: Bytes


def split(text: Text, splitter: Splitter) -> Words:
    """Split N documents into words and describe each.

    Raises:
        ResourceError: for `spacy` where spaCy is not installed.
    """
    tables = unicode.tables()
    if splitter == "whitespace":
        return Words(*words.split_whitespace(*text, tables.kinds))
    found = _split_spacy(text) if splitter == "spacy" else boundaries.split_uax29(*text, *tables)
    if splitter == "uniseg":
        found = _begin_with_letter_or_number(text, *found)
    offsets, starts, ends = found
    return Words(offsets, starts, ends, *words.describe(text.data, starts, ends, tables.kinds))


def _begin_with_letter_or_number(
    text: Text, offsets: Int64s, starts: Int32s, ends: Int32s
) -> tuple[Int64s, Int32s, Int32s]:
    kept = words.begin_with(text.data, starts, unicode.tables().kinds, unicode.LETTER | unicode.NUMBER)
    return np.append(0, np.cumsum(kept, dtype=np.int64))[offsets], starts[kept], ends[kept]


@cache
def english() -> Any:
    """Load spaCy's blank English pipeline, loaded the first time it is asked for.

    Raises:
        ResourceError: where spaCy is not installed.
    """
    try:
        import spacy
    except ImportError as error:
        raise ResourceError(
            "the datatrove dialects split words with spaCy, which is not installed: pip install corpusmill[parity]"
        ) from error
    return spacy.blank("en")


def _split_spacy(text: Text) -> tuple[Int64s, Int32s, Int32s]:
    pipeline = english()
    counts = [0]
    starts: list[Int32s] = [np.zeros(0, np.int32)]
    ends: list[Int32s] = [np.zeros(0, np.int32)]
    for row in range(len(text.offsets) - 1):
        first = text.offsets[row]
        raw = text.data[first : text.offsets[row + 1]]
        begin, end = _tokens(pipeline, raw.tobytes().decode())
        places = _byte_places(raw)
        outer = (first + places[begin]).astype(np.int32), (first + places[end]).astype(np.int32)
        inner_starts, inner_ends = strip(text.data, *outer)
        solid = inner_starts < inner_ends
        starts.append(inner_starts[solid])
        ends.append(inner_ends[solid])
        counts.append(int(solid.sum()))
    return np.cumsum(counts, dtype=np.int64), np.concatenate(starts), np.concatenate(ends)


def _byte_places(raw: Bytes) -> Int64s:
    """Where each code point begins, and the end."""
    return np.append(np.flatnonzero((raw & 0xC0) != 0x80), len(raw))


def _tokens(pipeline: Any, text: str) -> tuple[Int64s, Int64s]:
    """Starts and ends of spaCy's tokens that are not white space, in code points."""
    from spacy.attrs import IDX, IS_SPACE, LENGTH

    if _POISON in text:
        return _tokens_around(pipeline, text)
    with pipeline.memory_zone():
        table = pipeline.tokenizer(text).to_array([IDX, LENGTH, IS_SPACE]).astype(np.int64)
    table = table[table[:, 2] == 0]
    return table[:, 0], table[:, 0] + table[:, 1]


def _tokens_around(pipeline: Any, text: str) -> tuple[Int64s, Int64s]:
    """Tokens of the text without `IS_ALPHA`; where one spans a removed place, it spans it in the text too."""
    begin, end = _tokens(pipeline, text.replace(_POISON, ""))
    kept = np.ones(len(text), bool)
    at = text.find(_POISON)
    while at >= 0:
        kept[at : at + len(_POISON)] = False
        at = text.find(_POISON, at + len(_POISON))
    places = np.flatnonzero(kept)
    return places[begin], places[end - 1] + 1


@cache
def abbreviations() -> UInt64s:
    """The packaged English abbreviations, whose full stop ends no sentence, packed for the kernels; shape (A,)."""
    lines = packages.files("corpusmill").joinpath("lists/english_abbreviations.txt").read_text(encoding="ascii")
    return pack([word for word in lines.splitlines() if word and not word.startswith("#")])


def count_sentences(texts: Sequence[str]) -> list[int]:
    """The sentences of each text by spaCy's rule-based sentencizer; an empty text is one sentence, as in datatrove.

    Raises:
        ResourceError: where spaCy is not installed.
    """
    pipeline = english()
    from spacy.pipeline import Sentencizer

    sentencizer = Sentencizer()
    with pipeline.memory_zone():
        return [max(1, _sentences(pipeline, sentencizer, text)) for text in texts]


def _sentences(pipeline: Any, sentencizer: Any, text: str) -> int:
    try:
        return sum(1 for _ in sentencizer(pipeline.tokenizer(text)).sents)
    except (KeyError, AssertionError):
        if _POISON not in text:
            raise
        return _sentences(pipeline, sentencizer, text.replace(_POISON, ""))
