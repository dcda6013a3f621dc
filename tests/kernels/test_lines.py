"""Line tables are those of Python's own string methods, on all of Unicode."""

import sys
from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.kernels import buffers
from corpusmill.kernels import lines as kernels
from tests.kernels import reference_lines as reference

BREAKS = "\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029"
SPACES = " \t\xa0\u1680\u2000\u200a\u202f\u205f\u3000"
OTHERS = "ab.é中😀\0\u200b\u0301\u1681\u2010"
TEXTS = st.lists(
    st.text(
        st.one_of(st.sampled_from(BREAKS + SPACES + OTHERS), st.characters(exclude_categories=["Cs"])), max_size=40
    ),
    max_size=6,
)


def pieces(text, table):
    """The byte strings of a table (offsets, starts, ends), per document."""
    offsets, starts, ends = table
    raw = text.data.tobytes()
    ranges = [raw[start:end] for start, end in zip(starts, ends, strict=True)]
    return [ranges[first:last] for first, last in pairwise(offsets)]


def view(texts):
    """Texts as the kernels see them."""
    return buffers.text(pa.array(texts, pa.string()))


def test_a_document_is_split_on_newlines_only():
    """A carriage return belongs to its line, and a final newline is followed by one empty line."""
    text = view(["a\r\nb\n", "", "c"])
    assert pieces(text, kernels.split(*text)) == [[b"a\r", b"b", b""], [b""], [b"c"]]


def test_splitlines_knows_all_line_boundaries():
    """Carriage return, both together, NEL and the Unicode separators all end a line, and the last one adds none."""
    text = view(["a\r\nb\rc\u2028d\x85e\n", "", "\n\n"])
    assert pieces(text, kernels.splitlines(*text)) == [[b"a", b"b", b"c", b"d", b"e"], [], [b"", b""]]


@given(TEXTS)
def test_split_is_str_split(texts):
    """The lines are those of `str.split`, also in a slice of a larger array."""
    text = buffers.text(pa.array(["first\nsecond", *texts], pa.string())[1:])
    assert reference.byte_ranges(texts, lambda value: value.split("\n")) == pieces(text, kernels.split(*text))


@given(TEXTS)
def test_splitlines_is_str_splitlines(texts):
    """The lines are those of `str.splitlines`."""
    text = view(texts)
    assert reference.byte_ranges(texts, str.splitlines) == pieces(text, kernels.splitlines(*text))


@given(TEXTS)
def test_strip_is_str_strip(texts):
    """Whitespace at both ends of each document goes, and no other byte does."""
    text = view(texts)
    bounds = text.offsets.astype(np.int32)
    starts, ends = kernels.strip(text.data, bounds[:-1], bounds[1:])
    expected = [[value.strip().encode()] for value in texts]
    assert expected == pieces(text, (np.arange(len(texts) + 1), starts, ends))


@given(TEXTS)
def test_characters_are_code_points(texts):
    """Lengths count code points, not bytes."""
    text = view(texts)
    bounds = text.offsets.astype(np.int32)
    assert [len(value) for value in texts] == kernels.count_characters(text.data, bounds[:-1], bounds[1:]).tolist()


def test_whitespace_is_that_of_python_for_every_code_point():
    """Each code point counts as whitespace exactly where `str.isspace` says so, seen from either side."""
    points = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    text = view([f"x{point}x" for point in points])
    starts, ends = text.offsets[:-1].astype(np.int32) + 1, text.offsets[1:].astype(np.int32) - 1
    inner_starts, inner_ends = kernels.strip(text.data, starts, ends)
    forward = inner_starts == inner_ends
    assert [point.isspace() for point in points] == forward.tolist()
    before = [
        kernels.space_before(text.data, start, end) for start, end in zip(starts[:20000], ends[:20000], strict=True)
    ]
    assert [len(point.encode()) if point.isspace() else 0 for point in points[:20000]] == before


@given(st.lists(st.lists(st.integers(0, 5), max_size=9), max_size=9))
def test_repeats_are_the_later_copies_of_a_document(rows):
    """Each element equal to an earlier one of its own document is a repeat; other documents do not matter."""
    offsets = np.cumsum([0, *map(len, rows)])
    hashes = np.array([value << 60 for row in rows for value in row], np.uint64)
    assert reference.repeated(rows) == kernels.repeats(offsets, hashes).tolist()


@given(st.lists(st.binary(max_size=20), min_size=2, max_size=30))
def test_hashes_are_equal_for_equal_bytes_only(values):
    """Equal ranges have equal hashes, wherever they stand, and different ones differ."""
    data = np.frombuffer(b"".join(values), np.uint8)
    bounds = np.cumsum([0, *map(len, values)]).astype(np.int32)
    hashes = kernels.hash_ranges(data, bounds[:-1], bounds[1:]).tolist()
    assert len(set(values)) == len(set(hashes))
    assert len(set(zip(values, hashes, strict=True))) == len(set(values))


def test_the_table_of_a_batch_holds_ranges_lengths_and_hashes():
    """One table gives for each line its place, stripped place, code points and hash."""
    table = kernels.lines(*view([" é \nb", "", "b"]))
    assert table.offsets.tolist() == [0, 2, 3, 4]
    assert table.starts.tolist() == [0, 5, 6, 6]
    assert table.ends.tolist() == [4, 6, 6, 7]
    assert table.inner_starts.tolist() == [1, 5, 6, 6]
    assert table.inner_ends.tolist() == [3, 6, 6, 7]
    assert table.characters.tolist() == [3, 1, 0, 1]
    assert table.hashes[1] == table.hashes[3]
    assert len(set(table.hashes.tolist())) == 3
    assert table.repeated.tolist() == [False, False, False, False]
