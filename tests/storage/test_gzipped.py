"""Tests of gzip members: heads, places, pieces."""

import gzip
import io
import random
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill.storage.gzipped import Run, Window, find_member, header_length, runs


def member(data: bytes, flags: int = 0) -> bytes:
    """A gzip member with the optional parts of its head that `flags` names (RFC 1952)."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff"
    head += b"\x05\0extra" if flags & 4 else b""
    head += b"name\0" if flags & 8 else b""
    head += b"comment\0" if flags & 16 else b""
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF) if flags & 2 else b""
    packer = zlib.compressobj(wbits=-15)
    return head + packer.compress(data) + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def whole(data: bytes) -> list[bytes]:
    """What each run of a file inflates to."""
    found = runs(io.BytesIO(data), 0, len(data), lambda start: start.startswith(b"R"))
    return [b"".join(iter(run.more, b"")) for run in found]


@pytest.mark.parametrize("flags", range(0, 32, 2))
def test_heads(flags):
    """Every optional part of a head is passed over; gzip itself agrees."""
    data = member(b"R hello", flags)
    assert gzip.decompress(data) == b"R hello"
    assert whole(data * 2) == [b"R hello"] * 2


@pytest.mark.parametrize("data", [b"", b"\x1f\x8b\x08", b"\x1f\x8b\x07" + b"\0" * 20, b"\x1f\x8b\x08\xe0" + b"\0" * 20])
def test_no_heads(data):
    """Cut heads, other methods and reserved flags are no heads."""
    assert header_length(memoryview(data)) is None


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=6), st.binary(max_size=100))
@settings(deadline=None)
def test_runs(records, junk):
    """Members that begin with a record are runs; others belong to the run before; junk before the first is told."""
    data = b"".join(member(b"R" + record) + member(b"more") for record in records)
    assert whole(data) == [b"R" + record + b"more" for record in records]
    window = Window(io.BytesIO(b"junk" + junk + data), 0)
    found = find_member(window, lambda start: start.startswith(b"R"))
    assert found is not None
    assert found >= 4 + len(junk) or data.startswith(b"R")


def test_large_member():
    """A large member comes in pieces, and its sum is checked."""
    data = b"R" + random.Random(1).randbytes(3_000_000) + b"x" * 3_000_000
    run = Run(Window(io.BytesIO(member(data)), 0), lambda _: True)
    pieces = list(iter(run.more, b""))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 64 << 10
    assert run.finish() == len(member(data))
    assert run.damages == []
