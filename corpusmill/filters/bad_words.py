"""Pages that hold a word of a list: the last rule of C4 and mC4."""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.errors import ResourceError
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.view import View

# Written without white space between words, so that a word is looked for anywhere (mC4, Xue et al. 2021).
UNSPACED = ("ja", "th", "zh")

# What cannot stand beside a listed word; close to Python's \w, which the published pattern uses.
_WORD = r"[^\p{L}\p{N}_]"


@spec
class BadWords:
    """Drop pages that hold a word of their language's list (C4, Raffel et al. 2020, 2.2; mC4, Xue et al. 2021).

    A list is a text file with one word or phrase a line, such as LDNOOBW's; case does not count. A word counts where
    no letter, digit or underscore stands beside it, and in Japanese, Thai and Chinese anywhere. mC4's allowances
    (such as taking `sm` off the Japanese list) are made in the list. Documents in a language without a list are
    left alone.

    `keep_share` spares that share of the pages with a listed word, chosen by the MD5 of the URL (of the id where
    there is none), so that a second run spares the same.
    """

    use: Literal["bad_words"] = "bad_words"
    lists: Mapping[str, str]  # ISO 639 code: path, URL or name of the list (`resources`)
    language: str = "en"  # of documents that have none
    keep_share: float = 0.0  # from 0 to 1
    listed: Bounds = Bounds(None, 0)  # 1 if the page holds a listed word and is not spared, else 0

    def __post_init__(self) -> None:
        """Refuse a share outside [0, 1] and a step without lists."""
        if not 0 <= self.keep_share <= 1:
            raise ValueError(f"keep_share: {self.keep_share}; give a share from 0 to 1")
        if not self.lists:
            raise ValueError("lists: empty; give a list for at least one language, such as {en: words.txt}")

    def references(self) -> tuple[str, ...]:
        """The files that the signals depend on."""
        return tuple(self.lists.values())

    def build(self) -> "Callable[[View], Measured]":
        """Load the lists."""
        from corpusmill import resources

        patterns = {code: pattern(_read(resources.locate(name)), code in UNSPACED) for code, name in self.lists.items()}

        def measure(view: "View") -> Measured:
            languages = pc.fill_null(view.column("language"), self.language)
            found = np.zeros(len(view), bool)
            for code in sorted(set(languages.to_pylist()) & set(patterns)):
                rows = np.flatnonzero(pc.equal(languages, code).to_numpy(zero_copy_only=False))
                texts = pc.utf8_lower(view.column("text").take(pa.array(rows)))
                matches = pc.match_substring_regex(texts, patterns[code])
                found[rows] = matches.to_numpy(zero_copy_only=False)
            spared = _spared(view, found, self.keep_share)
            return Measured({"listed": (found & ~spared).astype(np.float64)})

        return measure


def pattern(words: Sequence[str], anywhere: bool) -> str:
    """One regular expression (RE2) for lower-case words; a word stands by itself unless it may stand `anywhere`."""
    either = "|".join(_escaped(word) for word in words)
    return either if anywhere else f"(?:^|{_WORD})(?:{either})(?:$|{_WORD})"


def _read(path: Path) -> list[str]:
    """The words of a list, in lower case."""
    lines = path.read_text(encoding="utf-8").split("\n")
    words = sorted({line.strip().lower() for line in lines} - {""})
    if not words:
        raise ResourceError(f"{path}: expected one word or phrase a line, found none")
    return words


def _escaped(word: str) -> str:
    """The word with a backslash before every ASCII sign; RE2 refuses one before other characters."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", word)


def _spared(view: "View", found: npt.NDArray[np.bool_], share: float) -> npt.NDArray[np.bool_]:
    """Which of the found pages stay by the hash of their URL, or id."""
    spared = np.zeros(len(found), bool)
    if share > 0:
        keys = pc.coalesce(view.column("url"), view.column("id"))
        for row in np.flatnonzero(found):
            digest = hashlib.md5(keys[int(row)].as_py().encode(), usedforsecurity=False).digest()
            spared[row] = int.from_bytes(digest, "big") < share * 2**128
    return spared
