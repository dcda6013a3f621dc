"""Documents as shingles: text normalised by a named dialect, cut into words or characters, hashed n at a time.

Shapes: N documents, S shingles.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # the kernels import numba, which a recipe can be read and planned without
    from corpusmill.kernels.buffers import Int64s, Text
    from corpusmill.kernels.words import UInt64s

Dialect = Literal["plain", "datatrove", "none", "bigcode"]
Unit = Literal["words", "characters"]

_MASK = (1 << 64) - 1
_LENGTH = 0x9E3779B97F4A7C15
_BASE = 0xD1342543DE82EF95


@dataclass(frozen=True)
class Shingling:
    """How documents become shingles.

    Attributes:
        dialect: what is done to the text before it is cut.
            `plain`: simple lower case; words are runs of letters, marks and numbers of any script.
            `datatrove`: datatrove 0.10's `simplify_text` (lower case, numbers to 0, punctuation to spaces, no
            diacritics); words by white space.
            `none`: nothing; words by white space.
            `bigcode`: nothing; words are runs of `A-Z`, `a-z`, `0-9` and `_`.
        unit: what a shingle counts. Characters are code points of the text itself for `none`, and of the normalised
            words joined by one space otherwise. Scripts without spaces between words want characters.
        ngram: words or characters of a shingle; a shorter document has none, and so no near duplicate.
        tokenizer: how `datatrove` splits the normalised text. `spacy` is datatrove's own, a hundred times slower, for
            parity.

    Raises:
        ValueError: naming the field, what was found and what was expected.
    """

    dialect: Dialect = "plain"
    unit: Unit = "words"
    ngram: int = 5
    tokenizer: Literal["whitespace", "spacy"] = "whitespace"

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        for name, known in (("dialect", Dialect), ("unit", Unit), ("tokenizer", Literal["whitespace", "spacy"])):
            if getattr(self, name) not in get_args(known):
                raise ValueError(f"{name}: found {getattr(self, name)!r}, expected one of {', '.join(get_args(known))}")
        if self.ngram < 1:
            raise ValueError(f"ngram: found {self.ngram}, expected at least 1")
        if self.tokenizer == "spacy" and (self.dialect, self.unit) != ("datatrove", "words"):
            found = f"dialect {self.dialect}, unit {self.unit}"
            raise ValueError(f"tokenizer: spacy is for words of the datatrove dialect; found {found}")


def shingles(text: "Text", how: Shingling) -> "tuple[Int64s, UInt64s]":
    """The shingles of N documents.

    Returns:
        Offsets int64 (N+1,), and 64-bit hashes uint64 (S,) in order of the text, as `shingle_hash` gives them.

    Raises:
        ResourceError: for the tokenizer `spacy` where it is not installed.
    """
    from corpusmill.kernels.shingles import character_hashes, combine

    parts = _word_hashes(text, how) if how.unit == "words" else character_hashes(*_normalised(text, how))
    return combine(*parts, how.ngram)


def shingle_sets(text: "Text", how: Shingling) -> "tuple[Int64s, npt.NDArray[np.uint32]]":
    """The different shingles of each document by the high 32 bits of their hashes, sorted.

    Two different shingles count as one with a chance of 2**-32.

    Returns:
        Offsets int64 (N+1,), and hashes uint32.
    """
    from corpusmill.kernels.shingles import sorted_sets

    return sorted_sets(*shingles(text, how))


def normalised_words(text: "Text", how: Shingling) -> list[list[str]]:
    """The words, or characters, of each document as the shingles are made of them."""
    offsets, data = _normalised(text, how)
    raw = data.tobytes()
    texts = [raw[a:b].decode() for a, b in zip(offsets.tolist(), offsets[1:].tolist(), strict=False)]
    return [list(found) if how.unit == "characters" else found.split(" ") if found else [] for found in texts]


def shingle_hash(shingle: bytes, unit: Unit = "words") -> int:
    """The 64-bit hash of one shingle, in plain Python: words joined by one space, or characters, in UTF-8.

    Args:
        shingle: of normalised words or characters; `normalised_words` gives them.
        unit: whether it is made of words or of characters.

    `datasketch.MinHash(scheme="affine64", hashfunc=shingle_hash)` gives our signatures; for `affine32` the function is
    `lambda shingle: shingle_hash(shingle) & 0xFFFFFFFF`.
    """
    value = 0
    if unit == "words":
        for word in shingle.split(b" "):
            value = (value * _BASE + _word_hash(word)) & _MASK
    else:
        for character in shingle.decode():
            value = (value * _BASE + _mix((ord(character) + _LENGTH) & _MASK)) & _MASK
    return _mix(value)


def _mix(value: int) -> int:
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return value ^ value >> 31


@lru_cache(100_000)
def _word_hash(word: bytes) -> int:
    """What `kernels.words` makes of a word: eight bytes at a time, then the rest and the size."""
    value = 0
    full = len(word) // 8 * 8
    for at in range(0, full, 8):
        value = _mix(value ^ int.from_bytes(word[at : at + 8], "little"))
    return _mix(((value ^ int.from_bytes(word[full:], "little")) + len(word) * _LENGTH) & _MASK)


def _word_hashes(text: "Text", how: Shingling) -> "tuple[Int64s, UInt64s]":
    """Offsets (N+1,) and hashes of the normalised words."""
    from corpusmill.kernels import eights, normalise
    from corpusmill.kernels.shingles import word_hashes
    from corpusmill.kernels.words import ONES

    if how.dialect == "plain":
        return word_hashes(*text, normalise.plain_points(), eights.LOWER, ONES * np.uint64(ord("a")))
    if how.dialect == "bigcode":
        return word_hashes(*text, normalise.ascii_points(), np.uint64(0), ONES * np.uint64(ord("_")))
    _, words = _split(text, how)
    return words.offsets, words.hashes


def _split(text: "Text", how: Shingling) -> "tuple[Text, Any]":
    """The text that the dialects split with a splitter, and its words."""
    from corpusmill import splitters

    if how.dialect == "datatrove":
        from corpusmill.kernels.simplify import simplified, simplify

        text = _made(*simplify(*text, simplified()))
    return text, splitters.split(text, how.tokenizer)


def _normalised(text: "Text", how: Shingling) -> "Text":
    """The normalised words of each document joined by one space; the text itself for characters of `none`."""
    from corpusmill.kernels import normalise

    if how.dialect == "none" and how.unit == "characters":
        return text
    if how.dialect in {"plain", "bigcode"}:
        points = normalise.plain_points() if how.dialect == "plain" else normalise.ascii_points()
        return _made(*normalise.fold(*text, points))
    simplified, words = _split(text, how)
    return _made(*normalise.join(simplified.data, words.offsets, words.starts, words.ends))


def _made(offsets: "Int64s", data: npt.NDArray[np.uint8]) -> "Text":
    """Text that a kernel wrote, as `buffers.text` gives it: read-only, or numba would compile its readers twice."""
    from corpusmill.kernels.buffers import Text

    data.setflags(write=False)
    return Text(offsets, data)
