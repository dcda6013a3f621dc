"""Write corpusmill/kernels/unicode.txt: the Unicode properties that the kernels read, as ranges of code points.

Needs the `regex` package, whose Unicode version becomes that of the file:

    python -P tools/unicode_tables.py corpusmill/kernels/unicode.txt
"""

import itertools
import pathlib
import sys

import regex

# The order is that of `corpusmill.kernels.unicode`: the place of a name is its number.
WORD_BREAK = [
    "Other", "CR", "LF", "Newline", "Extend", "ZWJ", "Format", "WSegSpace", "Regional_Indicator", "Katakana",
    "ALetter", "Hebrew_Letter", "Numeric", "ExtendNumLet", "Single_Quote", "Double_Quote", "MidLetter", "MidNum",
    "MidNumLet",
]  # fmt: skip
KINDS = {
    1: r"\p{L}",
    2: r"\p{N}",
    4: None,
    8: r"\p{Extended_Pictographic}",
    16: r"(?!\p{L})\p{Alphabetic}",
}  # 4: str.isspace


def classes() -> list[tuple[int, int]]:
    """Word_Break number and kind bits of every code point."""
    breaks = [regex.compile(rf"\p{{Word_Break={name}}}") for name in WORD_BREAK]
    kinds = {bit: regex.compile(pattern) for bit, pattern in KINDS.items() if pattern}
    found = []
    for point in range(0x110000):
        character = chr(point)
        number = next(i for i, pattern in enumerate(breaks) if pattern.match(character))
        bits = sum(bit for bit, pattern in kinds.items() if pattern.match(character))
        found.append((number, bits | (4 if character.isspace() else 0)))
    return found


def main(path: str) -> None:
    """Write the file at `path`."""
    lines = ["# first last Word_Break kinds; code points not listed are 0 0. Written by tools/unicode_tables.py"]
    points = enumerate(classes())
    for (number, bits), group in itertools.groupby(points, key=lambda item: item[1]):
        members = [point for point, _ in group]
        if number or bits:
            lines.append(f"{members[0]:x} {members[-1]:x} {number} {bits}")
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


main(sys.argv[1])
