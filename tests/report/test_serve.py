"""Serving a run: what is found is what the ledgers hold, and nothing that a page of the web tries comes through."""

import html
import http.client
import re
import sys
import threading
from contextlib import contextmanager
from urllib.parse import urlencode

import pyarrow as pa
import pytest

pytest.importorskip("duckdb")

from corpusmill import cli
from corpusmill.errors import OutputError, UsageError
from corpusmill.report import outputs, serve
from corpusmill.report.outputs import Run
from corpusmill.report.serve_search import PAGE, Ledgers
from corpusmill.steps import domain
from tests.browser import browser
from tests.report.page import hostile


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of a run over hostile documents."""
    return serve.Site(outputs.find(str(hostile.run(tmp_path_factory.mktemp("serve")))))


@contextmanager
def listening(site):
    """A server of the site on this machine."""
    server = serve.Server(site, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def get(server, path, method="GET", **headers):
    """A response with its body as text."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.text = answer.read().decode()
    connection.close()
    return answer


def ledger(site, number):
    """All rows of a stage's ledger, with the shard of each."""
    stage = site.run.stages[number]
    tables = [(entry["shard"], stage.ledger(entry["shard"])) for entry in stage.manifest["shards"]]
    return [{**row, "shard": shard} for shard, table in tables for row in table.to_pylist()]


def found(site, **given):
    """All rows of a search, page after page, as (shard, record), and how many it tells of."""
    rows, number = [], 0
    while number == 0 or len(rows) == PAGE * number:
        number += 1
        part = site.ledgers.search(site.ledgers.query({**given, "page": str(number)}))
        rows += [(row.shard, row.record) for row in part.rows]
    return rows, part.total


def test_a_search_finds_what_the_ledger_holds(site):
    """Each filter, and several together, give exactly the rows that plain Python finds, in their order."""
    rows = ledger(site, 0)
    hosts = domain(pa.array([row["url"] for row in rows], pa.string())).to_pylist()
    words = "gopher_quality.words"
    for row, host in zip(rows, hosts, strict=True):
        row["host"] = host or ""
    cases = [
        ({}, lambda row: True),
        ({"reason": "kept"}, lambda row: row["reason"] is None),
        ({"reason": "dropped"}, lambda row: row["reason"] is not None),
        ({"reason": "gopher_quality.words<30"}, lambda row: row["reason"] == "gopher_quality.words<30"),
        ({"language": hostile.SCRIPT}, lambda row: row["language"] == hostile.SCRIPT),
        ({"domain": "site1.example"}, lambda row: row["host"] == "site1.example"),
        ({"domain": "www.EXAMPLE"}, lambda row: row["host"].endswith(".example")),
        ({"text": "SITE3"}, lambda row: "site3" in (row["url"] + row["id"]).lower()),
        ({"text": "%"}, lambda row: "%" in row["url"] + row["id"]),
        ({"text": "short1"}, lambda row: "short1" in row["id"]),
        ({"signal": words, "low": "80", "high": "84"}, lambda row: row[words] is not None and 80 <= row[words] <= 84),
        ({"signal": words, "high": "8e1", "language": "de", "reason": "kept"},
         lambda row: row[words] is not None and row[words] <= 80 and row["language"] == "de" and row["reason"] is None),
    ]  # fmt: skip
    empty = 0
    for given, meant in cases:
        wanted = sorted((row["shard"], row["row"]) for row in rows if meant(row))
        assert (wanted, len(wanted)) == found(site, **given), given
        empty += not wanted
    assert empty <= 2
    last = {(row["shard"], row["id"], row["offset"]) for row in ledger(site, 5) if row["reason"] is None}
    wanted = sorted((r["shard"], r["row"]) for r in rows if (r["shard"], r["id"], r["offset"]) in last)
    assert (wanted, len(wanted)) == found(site, reason="kept at the end")
    assert 0 < len(wanted) < sum(row["reason"] is None for row in rows)
    later = {row["reason"] for row in ledger(site, 2)} - {None}
    (reason,) = sorted(later)
    assert len([row for row in ledger(site, 2) if row["reason"] == reason]) == found(site, reason=reason)[1]


@pytest.mark.parametrize("number", range(7))
def test_no_field_becomes_sql(site, number):
    """Quotes, comments and statements in any field find nothing, are refused, or are text; no row is lost by them."""
    every = found(site)[1]
    evil = ("' OR ''='", '" OR 1=1 --', "x'); DROP VIEW ledger_0; --", 'gopher_quality.words" FROM ledger_0 --')
    for value in evil:
        name = ("stage", "reason", "domain", "language", "signal", "low", "text")[number]
        try:
            rows, total = found(site, **{name: value})
        except UsageError:
            continue
        assert ([], 0) == (rows, total)
    assert every == found(site)[1]


def test_duckdb_reads_the_run_and_nothing_else(site, tmp_path):
    """No file beside the run is opened, none written, and no setting changed, whatever the SQL."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for sql in (f"SELECT * FROM read_csv('{tmp_path}/secret.csv')", f"COPY (SELECT 1) TO '{tmp_path}/new.csv'",
                "SET enable_external_access = true", "INSTALL httpfs"):  # fmt: skip
        with pytest.raises(OutputError, match="cannot be read any more"):
            site.ledgers._ask(sql, [])
    assert ["secret.csv"] == [path.name for path in tmp_path.iterdir()]


def test_hostile_documents_are_shown_as_text(site):
    """On the pages of every document: no tag of theirs, no bidi override, no NUL, no personal data."""
    seen = 0
    for row in ledger(site, 0):
        if row["id"].startswith(("kept", "short", "long")):
            given = {"stage": site.run.stages[0].title, "shard": str(row["shard"]), "record": str(row["row"])}
            status, text, _ = site.answer("/document", given)
            assert 200 == status
            assert not re.search("<script|<img|\u202e|\u2066|\0", text)
            assert "riverhouse" not in text
            assert len(text) < 200_000
            assert "⟨U+202E⟩" in text or row["id"] == "long"  # cut before that
            seen += 1
    assert 9 == seen
    for given in ({}, {"text": "short"}, {"language": hostile.SCRIPT}, {"text": '"><script>\u202e\0'}):
        status, text, _ = site.answer("/search", given)
        assert 200 == status
        assert not re.search("<script|<img|\0", text)
    for path, given in (("/<script>", {}), ("/search", {"stage": "<script>"}), ("/document", {"shard": "<script>"})):
        status, text, _ = site.answer(path, given)
        assert status in {400, 404}
        assert "<script" not in text
        assert "That did not work" in text


def test_a_document_says_what_happened_and_shows_its_text(site):
    """A kept one as the last stage left it; one that the first stage dropped as it was read; a copy with its keeper."""
    rows = {row["id"]: row for row in ledger(site, 0)}
    first = site.run.stages[0].title

    def shown(name):
        where = {"stage": first, "shard": str(rows[name]["shard"]), "record": str(rows[name]["row"])}
        return html.unescape(site.answer("/document", where)[1])

    kept = shown("d30")
    assert "after 07-tokenize" not in kept
    assert "after 06-redact" in kept
    assert hostile.prose(30).split("\n", 1)[0] in kept
    dropped = shown("short1\u202e")
    assert "dropped: gopher_quality.words<30" in dropped
    assert "as it was read" in dropped
    assert "</title>" in dropped
    stage = next(s for s in range(7) if site.run.stages[s].title.endswith("exact_dedup"))
    copy = next(row for row in ledger(site, stage) if row["reason"] is not None)
    assert copy["exact_dedup.kept"] in shown(copy["id"])


def test_requests(site):
    """The report, the search, faults; strangers' names are refused; headers allow nothing from elsewhere."""
    with listening(site) as server:
        port = server.server_address[1]
        report, search = get(server, "/"), get(server, "/search?" + urlencode({"language": "en"}))
        assert (200, 200) == (report.status, search.status)
        assert 'href="/search"' in report.text
        assert "script-src 'sha256-" in report.headers["Content-Security-Policy"]
        assert "script-src" not in search.headers["Content-Security-Policy"]
        for answer in (report, search):
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
            assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]
            assert "nosniff" == answer.headers["X-Content-Type-Options"]
            assert answer.headers["Access-Control-Allow-Origin"] is None
        for name in (
            "evil.example",
            f"evil.example:{port}",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            "a@b",
        ):
            refused = get(server, "/search", Host=name)
            assert (403, True) == (refused.status, len(refused.text) < 100), name
        for name in (f"localhost:{port}", "127.0.0.1", "[::1]"):
            assert 200 == get(server, "/search", Host=name).status, name
        assert 404 == get(server, "/../../etc/passwd").status
        assert 404 == get(server, "//evil.example/search").status
        assert 400 == get(server, "/search?" + "&".join(f"a{n}=1" for n in range(40))).status
        assert 400 == get(server, "/search?page=0").status
        swapped = get(server, "/search?signal=gopher_quality.words&low=70&high=60")
        assert (400, True) == (swapped.status, "found 70 and 60; expected the lower end first" in swapped.text)
        assert "1 record of 01-curate;" in get(server, "/search?text=short2").text
        assert 501 == get(server, "/search", method="POST").status
        with pytest.raises(UsageError, match="choose another --port"):
            serve.Server(site, "127.0.0.1", port)


def test_a_browser_shows_it_without_complaint(site):
    """Report, search and document: no error of the policy, nothing loaded but the page, nothing wider than a phone."""
    with browser() as chromium, listening(site) as server:
        chromium.size(400)
        for path in ("", "search?language=en", "search?text=evil"):
            chromium.events.clear()
            chromium.call("Page.navigate", url=server.url + path)
            chromium.wait(f"document.readyState === 'complete' && location.href.endsWith('/{path}')")
            assert [] == chromium.complaints()
            assert [] == chromium.requests()
            assert chromium.ask("document.documentElement.scrollWidth") <= 400
        assert chromium.ask("getComputedStyle(document.querySelector('form.search')).display") == "grid"
        chromium.ask("document.querySelector('tbody a').click()")
        chromium.wait("location.pathname === '/document' && document.readyState === 'complete'")
        assert chromium.ask("document.querySelector('.text').textContent.length") > 20
        assert chromium.ask("window.broken ?? null") is None
        assert [] == chromium.complaints()


def test_what_cannot_be_served(site, capsys, monkeypatch):
    """A run elsewhere, another machine's address, fields that make no sense."""
    with pytest.raises(UsageError, match="copy it here"):
        Ledgers(Run("memory://run", site.run.recipe, site.run.stages))
    for given in ({"page": "x"}, {"low": "1"}, {"signal": "gopher_quality.words", "low": "nan"}, {"stage": "99-no"}):
        with pytest.raises(UsageError):
            site.ledgers.query(given)
    assert [True, True, True, False, False] == [
        serve.local(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "box.example")
    ]
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "duckdb", None)
        with pytest.raises(UsageError, match="pip install"):
            Ledgers(site.run)
    with pytest.raises(SystemExit):
        cli.main(["serve", "out", "--port", "70000"])
    monkeypatch.setattr(serve, "Site", lambda run: site)
    monkeypatch.setattr(serve.Server, "serve_forever", lambda self: (_ for _ in ()).throw(KeyboardInterrupt))
    capsys.readouterr()
    assert 0 == cli.main(["serve", site.run.root, "--port", "0", "--host", "0.0.0.0"])
    told = capsys.readouterr()
    assert "whoever reaches it can read every document" in told.err
    assert "http://0.0.0.0:" in told.out


def test_documents_that_dedup_removed_have_their_size(site):
    """A stage that compares documents says how large those were that it removed."""
    title = next(stage.title for stage in site.run.stages if "near_dedup" in stage.title)
    rows = site.ledgers.search(site.ledgers.query({"stage": title})).rows
    removed = [row.size for row in rows if row.reason is not None]
    assert removed
    assert all(removed)
