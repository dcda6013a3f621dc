"""Both pages in a real browser: they draw, load nothing, are reached by keyboard, fit narrow and wide windows."""

from pathlib import Path

import pytest

from corpusmill import cli
from corpusmill.report import outputs, page
from tests.browser import browser, check_page, page_checks
from tests.report.page import hostile


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs over hostile documents; the second drops those of many words, hostile ones among them."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "other").mkdir()
    return hostile.run(folder), hostile.run(folder / "other", "steps.gopher_quality.words=[30, 100]")


@pytest.fixture(scope="module")
def file(runs):
    """The page of a run."""
    return page.write(outputs.find(str(runs[0])))


@pytest.fixture(scope="module")
def beside(runs):
    """The page of two runs side by side."""
    path = runs[1] / "beside.html"
    assert 0 == cli.main(["report", *map(str, runs), "--html", str(path)])
    return path


@pytest.fixture(scope="module")
def chromium():
    """A browser."""
    with browser() as made:
        yield made


def test_a_browser_shows_all_of_it(chromium, file, beside):
    """At 400 and 1,600 pixels, light and dark: charts drawn, nothing asked for or complained of, nothing sticks out."""
    for path, charts in ((file, 11), (beside, 0)):
        for look in page_checks.looks(chromium, path):
            assert look.problems == ()
            assert look.charts >= charts
        assert list(page_checks.used(chromium)) == []


def test_the_command_says_what_is_wrong(chromium, runs, file, beside, capsys, monkeypatch):
    """One line for each window; a picture from elsewhere, a wide line and a wrong figure are told, and end with 1."""
    monkeypatch.setattr(page_checks, "WIDTHS", (400,))
    monkeypatch.setattr(page_checks, "THEMES", ("dark",))
    html = Path(file).read_text(encoding="utf-8")
    added = '<img src="https://elsewhere.example/x.png"><p style="width: 3000px">wide</p>'
    broken = runs[0] / "broken.html"
    broken.write_text(html.replace("</header>", f"{added}</header>").replace("<dd>90<", "<dd>91<"))
    assert 1 == check_page.main([str(broken)])
    told = capsys.readouterr().out
    assert "400 px dark " in told
    assert "it scrolls sideways, by " in told
    assert "elsewhere.example" in told
    assert "funnel, records read: 91, but the reports say 90" in told
    assert " figures held against the reports, 1 differ" in told
    assert " bars of charts held against the reports, 0 differ" in told
    assert told.endswith("  fails\n")
    assert 0 == check_page.main([str(beside)])
    told = capsys.readouterr().out
    assert "0 charts, 5 sections" in told
    assert ", 0 complaints, 0 requests" in told
    assert told.endswith("  passes\n")


def test_hostile_texts_are_shown_as_text(file, beside):
    """What would run, turn round or vanish stands on the pages as what it is."""
    for path, most in ((file, 2_000_000), (beside, 100_000)):
        written = Path(path).read_text(encoding="utf-8")
        assert "window.broken = 1&lt;/script&gt;" in written
        assert "<script>window.broken" not in written
        assert "⟨U+202E⟩" in written
        assert not {"\0", "\u202e", "\u2066"} & set(written)
        assert "x" * 10_000 not in written
        assert len(written.encode()) < most
