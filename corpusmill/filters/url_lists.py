"""Lists of domains, URLs and words, read into sets and automatons that millions of entries fit in.

A list is a text file, plain or compressed (gzip, xz, bzip2, zstd), one entry a line; blank lines and lines that begin
with `#` are skipped. An entry that could never match is refused with its line.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill import resources, urls
from corpusmill.errors import ResourceError
from corpusmill.kernels import buffers, byte_sets
from corpusmill.kernels.buffers import Int64s
from corpusmill.kernels.byte_sets import Nodes, Table

BLOCK = 1 << 23  # bytes
_WILDCARD = re.compile(rb"(?m)^[ \t]*\*?\.(?=[^.\s])")  # `*.example.com` and `.example.com` mean the domain
_NO_HOST = np.isin(np.arange(256), [*range(33), *b"/?:"])
_PUNCTUATION = re.compile(r"[\x00-/:-`{-\x7f]")  # of lower-case text


class Automaton(NamedTuple):
    """Many substrings in one automaton: `nodes` int32 (K, 37), `ends` bool (K,); see `kernels.byte_sets`."""

    nodes: Nodes
    ends: npt.NDArray[np.bool_]


def domains(references: Sequence[str]) -> Table:
    """The set of all domains of the lists, for `byte_sets.domain_listed`.

    Raises:
        ResourceError: for an entry with a path, a port or a blank.
    """
    parts = []
    for reference in references:
        for first, block in _blocks(resources.read(reference)):
            found = _canonical(_WILDCARD.sub(b"", block))
            bad = np.flatnonzero(_NO_HOST[found.data])
            if len(bad):
                row = int(np.searchsorted(found.offsets, bad[0], side="right")) - 1
                entry = found.data[found.offsets[row] : found.offsets[row + 1]].tobytes().decode(errors="replace")
                raise ResourceError(
                    f"{reference}, line {first + row}: {entry!r} is not a domain: it has a path, a port or a blank; "
                    "put addresses of pages into a list of URLs"
                )
            parts.append(_without_empty(byte_sets.hash_backwards(*found), found.offsets))
    return urls.hash_set(_joined(parts))


def addresses(references: Sequence[str]) -> Table:
    """The set of all URLs of the lists in canonical form, for `byte_sets.url_listed`."""
    parts = []
    for reference in references:
        for _, block in _blocks(resources.read(reference)):
            found = _canonical(block)
            parts.append(_without_empty(byte_sets.hash_forwards(*found), found.offsets))
    return urls.hash_set(_joined(parts))


def words(references: Sequence[str]) -> Table:
    """The set of all words of the lists, for `byte_sets.words_found`.

    Raises:
        ResourceError: for an entry that is not one word of letters and digits.
    """
    found = []
    for place, entry in _entries(references):
        if _PUNCTUATION.search(entry):
            raise ResourceError(f"{place}: {entry!r} is not one word of letters and digits; use a list of substrings")
        found.append(entry)
    return urls.hash_set(byte_sets.hash_forwards(*buffers.text(pa.array(found, pa.string()))))


def substrings(references: Sequence[str]) -> Automaton:
    """All substrings of the lists, without their punctuation, for `byte_sets.substrings_found`.

    Raises:
        ResourceError: for an entry with fewer than two letters or digits, or with any beyond ASCII.
    """
    found = []
    for place, entry in _entries(references):
        bare = _PUNCTUATION.sub("", entry)
        if len(bare) < 2 or not bare.isascii():
            raise ResourceError(f"{place}: {entry!r}: a substring needs two letters or digits, all of them ASCII")
        found.append(bare)
    return automaton(found)


def automaton(patterns: Sequence[str]) -> Automaton:
    """The Aho-Corasick automaton of patterns of a-z and 0-9, with every transition filled in."""
    children: list[dict[int, int]] = [{}]
    ends = [False]
    for pattern in patterns:
        node = 0
        for byte in pattern.encode():
            kind = byte - 97 if byte >= 97 else byte - 22
            if kind not in children[node]:
                children[node][kind] = len(children)
                children.append({})
                ends.append(False)
            node = children[node][kind]
        ends[node] = True
    return _filled(children, np.array(ends))


def _filled(children: list[dict[int, int]], ends: npt.NDArray[np.bool_]) -> Automaton:
    """Breadth first: where a node has no child, it goes where its longest proper suffix goes."""
    nodes = np.zeros((len(children), byte_sets.CLASSES), np.int32)
    queue = deque([(0, 0)])  # (node, the node of its longest proper suffix)
    while queue:
        node, suffix = queue.popleft()
        if node:
            nodes[node] = nodes[suffix]
            ends[node] |= ends[suffix]
        for kind, child in children[node].items():
            queue.append((child, int(nodes[suffix, kind]) if node else 0))
            nodes[node, kind] = child
    return Automaton(nodes, ends)


def _entries(references: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The place and the lower-case text of each entry of short lists."""
    for reference in references:
        try:
            lines = resources.read(reference).decode().lower().splitlines()
        except UnicodeDecodeError as error:
            raise ResourceError(f"{reference}: not UTF-8: {error}") from error
        for number, line in enumerate(lines, 1):
            entry = line.strip()
            if entry and not entry.startswith("#"):
                yield f"{reference}, line {number}", entry


def _blocks(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The number of the first line, and whole lines of some 8 MB, so that no copy of a long list is made at once."""
    start, first = 0, 1
    while start < len(data):
        end = data.find(b"\n", start + BLOCK) + 1 or len(data)
        block = data[start:end]
        yield first, block
        start, first = end, first + block.count(b"\n")


def _canonical(data: bytes) -> buffers.Text:
    """Each line as a canonical URL; comments and blank lines become empty."""
    text = np.frombuffer(data, np.uint8)
    offsets = np.concatenate([[0], np.flatnonzero(text == ord("\n")) + 1, [len(text)]])
    return urls.canonical_bytes(offsets, text)


def _without_empty(hashes: Table, offsets: Int64s) -> Table:
    return hashes[np.diff(offsets) > 0]


def _joined(parts: list[Table]) -> Table:
    return np.concatenate([*parts, np.zeros(0, np.uint64)])
