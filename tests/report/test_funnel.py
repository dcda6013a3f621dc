"""The funnel on a terminal."""

from corpusmill.report.funnel import footer
from corpusmill.stats import Report


def test_a_speed_is_told_where_something_was_read():
    """Without bytes there is none, not even one of nothing."""
    read = Report(records=2, kept=2, bytes_read=3_000_000)
    assert "1.5 s of one core; 2.00 MB/s of input per core" == footer(read, {"a": 1.0, "b": 0.5})[-1]
    assert "1.5 s of one core" == footer(Report(records=2, kept=2), {"a": 1.5})[-1]
