"""Write corpusmill/kernels/normalise.txt: the case and decomposition data that the normalising kernels read.

Needs the `regex` package, for marks and digits; the rest is what this Python itself does, and its Unicode version is
written into the file:

    python -P tools/normalise_tables.py corpusmill/kernels/normalise.txt
"""

import itertools
import pathlib
import sys
import unicodedata
from collections.abc import Iterator

import regex

MARK, NONSPACING, DIGIT, CASED, IGNORABLE, STARTER = 1, 2, 4, 8, 16, 32
HANGUL = range(0xAC00, 0xD7A4)  # decomposed by arithmetic
DOTTED_I = 0x130  # the only character whose lower case is two characters


def bits(point: int) -> int:
    """The properties of one code point; those of case are what `str.lower` takes them for."""
    character = chr(point)
    final_after = (character + "Σ").lower().endswith("ς")
    final_across = ("a" + character + "Σ").lower().endswith("ς")
    nonspacing = unicodedata.category(character) == "Mn"
    return (
        MARK * bool(regex.match(r"\p{M}", character))
        | NONSPACING * nonspacing
        | DIGIT * bool(regex.match(r"\p{Nd}", character))
        | CASED * final_after
        | IGNORABLE * (final_across and not final_after)
        | STARTER * (nonspacing and not unicodedata.combining(character))
    )


def lines() -> Iterator[str]:
    """Ranges of properties, then mappings, then combining classes."""
    points = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    for found, group in itertools.groupby(((bits(point), point) for point in points), key=lambda item: item[0]):
        members = [point for _, point in group]
        if found:
            yield f"bits {members[0]:x} {members[-1]:x} {found:x}"
    for point in points:
        lower = chr(point).lower()
        if lower != chr(point):
            yield f"lower {point:x} {ord(lower[0]):x}"
    for point in points:
        parts = unicodedata.normalize("NFD", chr(point))
        if parts != chr(point) and point not in HANGUL:
            yield f"decomposed {point:x} " + " ".join(f"{ord(part):x}" for part in parts)
    for point in points:
        if unicodedata.combining(chr(point)) and unicodedata.category(chr(point)) != "Mn":
            yield f"class {point:x} {unicodedata.combining(chr(point)):x}"


def main(path: str) -> None:
    """Write the file at `path`."""
    assert [point for point in range(0x110000) if len(chr(point).lower()) > 1] == [DOTTED_I]
    head = [
        f"# Case, decomposition (Unicode {unicodedata.unidata_version}), marks and digits (of the regex package).",
        "# Written by tools/normalise_tables.py; the words are read by corpusmill/kernels/normalise.py",
    ]
    pathlib.Path(path).write_text("\n".join([*head, *lines()]) + "\n")


main(sys.argv[1])
