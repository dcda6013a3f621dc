"""What a running stage shows: lines in a log; nothing with `--quiet`, unless something goes wrong."""

import io

from rich.console import Console

from corpusmill.report.progress import Bar, Silence


def stage(progress):
    """A stage of two shards, the second of which is tried twice."""
    progress.begin("01-curate", 2, 0, 10_000_000)
    progress.update(1, 50, 5_000_000)
    progress.retry("a worker was killed")
    progress.update(2, 100, 10_000_000)
    progress.end()


def test_a_log_has_lines_and_quiet_has_none(capsys):
    """Without a terminal the bar tells begin, second try and end; Silence the second try alone."""
    log = io.StringIO()
    stage(Bar(Console(file=log, width=200)))
    told = log.getvalue()
    assert "01-curate: 2 shards, 10.0 MB of input" in told
    assert "a worker was killed; going on" in told
    assert "01-curate: 2/2 shards in" in told
    assert "\x1b" not in told
    stage(Silence())
    out, err = capsys.readouterr()
    assert out == ""
    assert ["corpusmill: a worker was killed; going on with the shards that are not committed"] == err.splitlines()
