"""Lines and paragraphs as the readings of the Gopher repetition rules have them.

Shapes: N documents, K pieces (lines or paragraphs).
"""

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from corpusmill.kernels.buffers import Int64s
    from corpusmill.kernels.lines import Flags, Hashes, Int32s
    from corpusmill.view import View

Pieces = Literal["solid", "loose", "runs", "every", "filled"]


def sums(view: "View", pieces: Pieces, first_copies: bool) -> tuple["Int64s", "Int64s"]:
    """Count lines and paragraphs, and those that occur again.

    Args:
        view: N documents.
        pieces: `solid`: lines are stripped, blank ones left out, and paragraphs are what blank lines part. `loose`: the
            same lines; paragraphs lie between runs of two and more line feeds, and are then stripped. `runs`: lines lie
            between runs of line feeds, paragraphs between runs of two and more, both as they stand. `every`: lines
            lie between line feeds, as they stand, blank ones too, and there are no paragraphs. `filled`: lines lie
            between line feeds, as they stand, but for blank ones, and paragraphs between pairs of line feeds.
        first_copies: of pieces that occur again, the first copy is a duplicate too.

    Returns:
        Sums of `kernels.pieces.sum_pieces` over lines and over paragraphs, each (N, 4).
    """
    from corpusmill.kernels.lines import strip

    if pieces == "runs":
        offsets, data = view.text
        starts, ends = strip(data, offsets[:-1].astype(np.int32), offsets[1:].astype(np.int32))
        lines = _split(view, offsets[:-1], offsets[1:], 1)
        paragraphs = _split(view, starts.astype(np.int64), ends.astype(np.int64), 2)
    elif pieces == "filled":
        lines, paragraphs = _filled(view), _split(view, view.text.offsets[:-1], view.text.offsets[1:], 2, whole=False)
    elif pieces == "every":
        table = view.lines
        lines = table.offsets, table.characters, table.hashes
        paragraphs = np.zeros_like(view.text.offsets), table.characters[:0], table.hashes[:0]
    else:
        lines, paragraphs = _solid(view)
        if pieces == "loose":
            paragraphs = _loose_paragraphs(view)
    return _sum(*lines, first_copies), _sum(*paragraphs, first_copies)


def _split(
    view: "View", starts: "Int64s", ends: "Int64s", least: int, whole: bool = True
) -> tuple["Int64s", "Int32s", "Hashes"]:
    """Offsets, code points and hashes of the pieces of `kernels.pieces.split_runs`."""
    from corpusmill.kernels.lines import count_characters, hash_ranges
    from corpusmill.kernels.pieces import split_runs

    data = view.text.data
    offsets, begins, stops = split_runs(starts, ends, data, least, whole)
    return offsets, count_characters(data, begins, stops), hash_ranges(data, begins, stops)


def _solid(
    view: "View",
) -> tuple[tuple["Int64s", "Int32s", "Hashes"], tuple["Int64s", "Int32s", "Hashes"]]:
    """Offsets, code points and hashes of stripped lines that are not blank, and of paragraphs."""
    from corpusmill.kernels.pieces import solid_lines

    table = view.lines
    found = solid_lines(
        view.text.data, table.offsets, table.starts, table.ends, table.inner_starts, table.inner_ends,
        table.characters, table.hashes,
    )  # fmt: skip
    return found[:3], found[3:]


def _filled(view: "View") -> tuple["Int64s", "Int32s", "Hashes"]:
    """Offsets, code points and hashes of lines that are not blank, with the white space around them."""
    table = view.lines
    solid = table.inner_starts < table.inner_ends
    kept = np.append(0, np.cumsum(solid, dtype=np.int64))[table.offsets]
    return kept, table.characters[solid], table.hashes[solid]


def _loose_paragraphs(view: "View") -> tuple["Int64s", "Int32s", "Hashes"]:
    """Offsets, code points and hashes of what lies between runs of line feeds, stripped, unless it is blank."""
    from corpusmill.kernels.lines import count_characters, hash_ranges, strip
    from corpusmill.kernels.pieces import split_runs

    offsets, data = view.text
    pieces, begins, stops = split_runs(offsets[:-1], offsets[1:], data, 2, True)
    begins, stops = strip(data, begins, stops)
    solid = begins < stops
    begins, stops = begins[solid], stops[solid]
    kept = np.append(0, np.cumsum(solid, dtype=np.int64))[pieces]
    return kept, count_characters(data, begins, stops), hash_ranges(data, begins, stops)


def _sum(offsets: "Int64s", chars: "Int32s", hashes: "Hashes", first_copies: bool) -> "Int64s":
    from corpusmill.kernels.pieces import sum_pieces

    return sum_pieces(offsets, _duplicates(offsets, hashes, first_copies), chars)


def _duplicates(offsets: "Int64s", hashes: "Hashes", first_copies: bool) -> "Flags":
    """Which pieces equal an earlier one of their document, or any other where first copies are duplicates too."""
    from corpusmill.kernels.lines import repeats

    again = repeats(offsets, hashes)
    if not first_copies:
        return again
    backwards = repeats(np.ascontiguousarray(offsets[-1] - offsets[::-1]), np.ascontiguousarray(hashes[::-1]))
    return again | backwards[::-1]
