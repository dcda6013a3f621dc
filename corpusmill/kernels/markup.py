"""How much work the markup of a page makes for a parser, counted without parsing it.

Shapes: N pages, B bytes.
    offsets  int64 (N+1,)   page i is data[offsets[i]:offsets[i+1]]
    data     uint8 (B,)
"""

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel

# Elements that never hold others, or that HTML closes by itself: they do not deepen the tree.
FLAT = (
    "area base br col embed hr img input link meta param source track wbr "
    "p li dt dd td th tr tbody thead tfoot colgroup caption option optgroup rp rt html head body"
)
# Inside svg and math, `<path/>` closes itself, which `<div/>` never does; these elements end that.
BREAKOUT = (
    "b big body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 head hr i img li listing menu meta nobr ol p "
    "pre ruby s small span strong strike sub sup table tt u ul var desc title"
)
NAME = 8  # bytes of a tag name that are looked at


def _key(name: str) -> int:
    key = 0
    for byte in name.encode():
        key = key << 8 | byte
    return key


FLAT_KEYS = np.array(sorted(_key(name) for name in FLAT.split()), np.int64)
BREAKOUT_KEYS = np.array(sorted(_key(name) for name in BREAKOUT.split()), np.int64)
SCRIPT, STYLE, SVG, MATH = _key("script"), _key("style"), _key("svg"), _key("math")
LONG = 0  # the key of every longer name, `foreignobject` among them, which breaks out, too


@kernel
def burden(offsets: Int64s, data: Bytes) -> tuple[Int64s, Int64s]:
    """What each page asks of a tree parser: its tags, and its nesting.

    Nesting is the sum, over the tags, of how many elements are open there, plus for each attribute the attributes
    before it in its tag. That is the time of a parser that walks up from every node and compares an attribute with
    those before it: it grows with the tags in pages as people write them, and with their square in a page of
    nothing but opening tags. Comments, scripts and styles are passed over; a stray closing tag closes nothing.

    Returns:
        tags: int64 (N,), opening and closing. nesting: int64 (N,), elements and attributes.
    """
    count = len(offsets) - 1
    tags = np.zeros(count, np.int64)
    nesting = np.zeros(count, np.int64)
    for page in range(count):
        tags[page], nesting[page] = _burden_of(data, offsets[page], offsets[page + 1])
    return tags, nesting


@kernel
def _burden_of(data: Bytes, start: int, end: int) -> tuple[int, int]:
    tags = 0
    total = 0
    depth = 0
    foreign = False
    at = start
    while at < end - 1:
        if data[at] != 60:  # <
            at += 1
            continue
        at += 1
        closing = data[at] == 47  # /
        if closing:
            at += 1
        if at + 2 < end and data[at] == 33 and data[at + 1] == 45 and data[at + 2] == 45:  # !--
            at = _after_comment(data, at + 3, end)
            continue
        if at >= end or not 97 <= data[at] | 32 <= 122:
            continue
        key, at = _name(data, at, end)
        attributes, at = _attributes(data, at, end)
        tags += 1
        total += depth + attributes
        flat = _is_in(FLAT_KEYS, key) or (foreign and data[at - 2] == 47)  # />
        if closing:
            depth = max(depth - (not flat), 0)
            foreign = foreign and key not in (SVG, MATH)
        elif key in (SCRIPT, STYLE):
            at = _after_raw(data, at, end, key)
        else:
            depth += not flat
            foreign = (foreign or key in (SVG, MATH)) and key != LONG and not _is_in(BREAKOUT_KEYS, key)
    return tags, total


@kernel
def _name(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The lower-cased name that begins at `at` as one number (`LONG` if longer than `NAME`), and where it ends."""
    key = 0
    length = 0
    while at < end and data[at] > 32 and data[at] != 47 and data[at] != 62:
        byte = data[at]
        key = (key << 8) | (byte | 32 if 65 <= byte <= 90 else byte) if length < NAME else LONG
        length += 1
        at += 1
    return (key if length <= NAME else LONG), at


@kernel
def _attributes(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The sum 0 + 1 + … over the attributes of a tag, counted by the spaces before them, and where the tag ends."""
    total = 0
    seen = 0
    quote = 0
    while at < end:
        byte = data[at]
        if quote != 0:
            quote = 0 if byte == quote else quote
        elif byte == 62:  # >
            return total, at + 1
        elif (byte == 34 or byte == 39) and data[at - 1] == 61:  # a quote after =
            quote = byte
        elif byte > 32 and data[at - 1] <= 32:
            total += seen
            seen += 1
        at += 1
    return total, at


@kernel
def _after_comment(data: Bytes, at: int, end: int) -> int:
    while at + 2 < end:
        if data[at] == 45 and data[at + 1] == 45 and data[at + 2] == 62:  # -->
            return at + 3
        at += 1
    return end


@kernel
def _after_raw(data: Bytes, at: int, end: int, key: int) -> int:
    """Where the closing tag of a script or style begins."""
    while at + 2 < end:
        if data[at] == 60 and data[at + 1] == 47 and _name(data, at + 2, end)[0] == key:
            return at
        at += 1
    return end


@kernel
def _is_in(keys: Int64s, key: int) -> bool:
    place = np.searchsorted(keys, key)
    return bool(place < len(keys) and keys[place] == key)
