r"""Write corpusmill/kernels/pretokens.txt: what `\p{L}`, `\p{N}`, `\s` match in the regex engine of `tokenizers`.

The engine has a Unicode version of its own, so it is asked for every code point:

    python -P tools/pretoken_tables.py corpusmill/kernels/pretokens.txt
"""

import itertools
import pathlib
import sys

from tokenizers import Regex, __version__, pre_tokenizers

CLASSES = {1: r"\p{L}", 2: r"\p{N}", 4: r"\s"}  # the bits of `corpusmill.kernels.pretokens`
BLOCK = 4096  # code points asked for at once


def matched(pattern: str) -> set[str]:
    """The characters that `pattern` matches."""
    split = pre_tokenizers.Split(Regex(pattern), "removed")
    points = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    found = set()
    for block in blocks(points):
        found |= set(block) - set("".join(piece for piece, _ in split.pre_tokenize_str("".join(block))))
    return found


def blocks(points: list[str]) -> list[list[str]]:
    """The characters in blocks."""
    return [points[first : first + BLOCK] for first in range(0, len(points), BLOCK)]


def main(path: str) -> None:
    r"""Write the file at `path`."""
    found = {bit: matched(pattern) for bit, pattern in CLASSES.items()}
    lines = [f"# first last class, of tokenizers {__version__}; others are 0. Written by tools/pretoken_tables.py"]
    kinds = ((sum(bit for bit, known in found.items() if chr(point) in known), point) for point in range(0x110000))
    for kind, group in itertools.groupby(kinds, key=lambda item: item[0]):
        members = [point for _, point in group]
        if kind:
            lines.append(f"{members[0]:x} {members[-1]:x} {kind}")
    pathlib.Path(path).write_text("\n".join(lines) + "\n")


main(sys.argv[1])
