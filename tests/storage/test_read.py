"""Tests of what all readers share: dates, batches, rows."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.errors import StorageError
from corpusmill.storage.inputs import Jsonl, Warc
from corpusmill.storage.read import Read, milliseconds, parse_date, read
from corpusmill.storage.rows import as_date, as_text
from corpusmill.storage.splits import Split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-05-01T10:20:30Z", datetime(2024, 5, 1, 10, 20, 30)),
        (" 2024-05-01T10:20:30.123456Z ", datetime(2024, 5, 1, 10, 20, 30, 123000)),
        ("2024-05-01T12:20:30+02:00", datetime(2024, 5, 1, 10, 20, 30)),
        ("2024-05-01 10:20", datetime(2024, 5, 1, 10, 20)),
        ("2024-05-01", datetime(2024, 5, 1)),
        ("20080430204825", datetime(2008, 4, 30, 20, 48, 25)),
        ("20080430204825123", datetime(2008, 4, 30, 20, 48, 25)),
        ("200804302048", datetime(2008, 4, 30, 20, 48)),
        ("1969-12-31T23:59:59Z", datetime(1969, 12, 31, 23, 59, 59)),
    ],
)
def test_dates(text, expected):
    """Dates as archives write them are understood, in UTC where they name no zone."""
    assert parse_date(text) == round((expected - datetime(1970, 1, 1)).total_seconds() * 1000)


@pytest.mark.parametrize("text", ["", "-", "yesterday", "20081330204825", "0000-01-01", "2024", "١٢٣٤٥٦٧٨", "9" * 30])
def test_no_dates(text):
    """What is no date is none, and no error."""
    assert parse_date(text) is None


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])))
def test_milliseconds_are_exact(moment):
    """Milliseconds are cut, not rounded, at any date."""
    back = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds(moment))
    assert timedelta(0) <= moment - back < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1700000000, 1700000000000), (1700000000123, 1700000000123), (1.5, 1500), (True, None), ([], None), (1e300, None)],
)
def test_epoch_numbers(value, expected):
    """Numbers are seconds or milliseconds since 1970, by their size."""
    assert as_date(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", "a"),
        (b"\xff\x41", "\ufffdA"),
        ("\ud800x", "?x"),
        (7, "7"),
        (None, None),
        ({"a": 1}, None),
        (MemoryError, None),
    ],
)
def test_as_text(value, expected):
    """Fields become valid text, or nothing."""
    assert as_text(value) == expected


@pytest.mark.parametrize("source", [Warc(paths=("gone",)), Jsonl(paths=("gone",))])
def test_file_gone(tmp_path, source):
    """A file that is gone when its shard is read is told as a storage error that can be resumed after."""
    split = Split(f"{tmp_path}/gone", 0, 10, 10, 10, "x")
    with pytest.raises(StorageError, match=r"gone: cannot be read .*committed shards are kept"):
        list(read(source, split))


def test_read_defaults():
    """A part needs only its rows; all else is empty."""
    part = Read(batch=None, numbers=None)
    assert ([], [], [], {}, 0) == (part.rejected, part.dead, part.incidents, part.skipped, part.bytes)
