"""A run in the browser: its report, search over its ledgers, its documents. For one reader, on this machine.

Every page is read-only and made on request. Nothing is loaded from elsewhere (CSP), no other site may show these pages
in a frame, and a request by another name than this machine's is refused, so that no page of the web can reach them
through a name of its own (DNS rebinding).
"""

import base64
import hashlib
import ipaddress
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from corpusmill.errors import CorpusmillError, OutputError, UsageError
from corpusmill.report import explain, page
from corpusmill.report import serve_shown as shown
from corpusmill.report.outputs import Run
from corpusmill.report.serve_search import Ledgers
from corpusmill.report.serve_shown import Reading
from corpusmill.report.texts import Texts

FIELDS = 32  # of an address at most
LINK = '<p><a href="/search">Search the documents</a></p>'
_POLICY = re.compile('http-equiv="Content-Security-Policy" content="([^"]+)"')


def local(host: str) -> bool:
    """Whether only this machine reaches an address."""
    return host == "localhost" or (_literal(host) and ipaddress.ip_address(host).is_loopback)


def _literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class Site:
    """The pages of a run.

    Raises:
        UsageError: if the run cannot be served; see `Ledgers`.
    """

    def __init__(self, run: Run) -> None:
        """Open the ledgers and make the report."""
        self.run = run
        self.ledgers = Ledgers(run)
        report = page.page(run)
        found = _POLICY.search(report)
        assert found is not None
        self.report = report.replace('<nav aria-label="Sections">', f'{LINK}<nav aria-label="Sections">', 1)
        self.report_policy = f"{found[1]}; frame-ancestors 'none'"
        digest = base64.b64encode(hashlib.sha256(shown.style().encode()).digest()).decode()
        self.policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none';"
            " frame-ancestors 'none'"
        )
        self._texts = Texts(run)
        self._lock = Lock()  # what masks was made for one thread

    def answer(self, path: str, given: dict[str, str]) -> tuple[HTTPStatus, str, str]:
        """Status, page and policy for a path and the fields of its query."""
        try:
            if path == "/":
                return HTTPStatus.OK, self.report, self.report_policy
            if path == "/search":
                return HTTPStatus.OK, self._search(given), self.policy
            if path == "/document":
                return HTTPStatus.OK, self._document(given), self.policy
        except CorpusmillError as error:
            status = HTTPStatus.NOT_FOUND if isinstance(error, OutputError) else HTTPStatus.BAD_REQUEST
            return status, shown.fault(self.run, str(error)), self.policy
        return HTTPStatus.NOT_FOUND, shown.fault(self.run, f"{path}: no such page"), self.policy

    def _search(self, given: dict[str, str]) -> str:
        query = self.ledgers.query(given)
        found = self.ledgers.search(query)
        return shown.search(self.ledgers, query, found, self._masked([row.url for row in found.rows]))

    def _masked(self, texts: list[str | None]) -> list[str | None]:
        with self._lock:
            known = iter(self._texts.masked([text for text in texts if text is not None]))
        return [None if text is None else next(known) for text in texts]

    def _document(self, given: dict[str, str]) -> str:
        stage, shard, record = (given.get(name, "") for name in ("stage", "shard", "record"))
        if not (re.fullmatch(r"[0-9]{1,9}", shard) and re.fullmatch(r"[0-9]{1,15}", record)):
            raise UsageError("document: expected the numbers of a shard and of a record")
        name = self.ledgers.id_of(stage, int(shard), int(record))
        way = next(
            way for way in explain.search(self.run, name)
            if any((v.stage, v.shard, v.row["row"]) == (stage, int(shard), int(record)) for v in way)
        )  # fmt: skip
        (url,) = self._masked([way[0].row["url"]])
        with self._lock:
            return shown.document(self.run, way, url, self._readings(way))

    def _readings(self, way: list[explain.Found]) -> list[Reading]:
        """The text after the last stage that kept it; before all stages, what the input still has."""
        for visit in reversed(way):
            if visit.row["reason"] is None:
                text = self._texts.after(self.run.stages[visit.number - 1], visit.shard, visit.kept)
                if text is not None:
                    return [Reading(f"after {visit.stage}", text)]
        source = self._texts.source(way[0].shard, way[0].row)
        read = Reading(f"as it was read: {source.note}", source.text)
        return [read] if source.extracted is None else [Reading("as extracted", source.extracted), read]


class Server(ThreadingHTTPServer):
    """Listens; `site` answers.

    Raises:
        UsageError: if the address is taken, or is none of this machine.
    """

    daemon_threads = True

    def __init__(self, site: Site, host: str, port: int) -> None:
        """Take the address; port 0 is any that is free."""
        self.site, self.host = site, host
        self.address_family = AF_INET6 if ":" in host else AF_INET
        try:
            super().__init__((host, port), Handler)
        except OSError as error:
            raise UsageError(f"{host}:{port}: cannot listen here ({error.strerror}); choose another --port") from error

    @property
    def url(self) -> str:
        """Where to look."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.server_address[1]}/"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server
    server_version, sys_version = "corpusmill", ""
    timeout = 30  # seconds that a silent reader may hold a thread

    def do_GET(self) -> None:
        """Answer with a page."""
        if not self._meant():
            self._send(HTTPStatus.FORBIDDEN, "text/plain", b"this server is not known by that name\n", {})
            return
        parts = urlsplit(self.path)
        try:
            given = dict(parse_qsl(parts.query, max_num_fields=FIELDS))
        except ValueError:
            self._send(HTTPStatus.BAD_REQUEST, "text/plain", b"too many fields\n", {})
            return
        status, text, policy = self.server.site.answer(parts.path, given)
        self._send(status, "text/html", text.encode(errors="replace"), {"Content-Security-Policy": policy})

    def _meant(self) -> bool:
        """Whether the reader named this machine: a name that is not ours may be a stranger's that leads here."""
        names = self.headers.get_all("Host", [])
        name = urlsplit(f"//{names[0]}").hostname if len(names) == 1 and re.fullmatch(r"[\w.:\[\]-]+", names[0]) else ""
        return bool(name) and (name in {"localhost", self.server.host} or _literal(str(name)))

    def _send(self, status: HTTPStatus, kind: str, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        always = {
            "Content-Type": f"{kind}; charset=utf-8", "Content-Length": str(len(body)), "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
        }  # fmt: skip
        for name, value in {**always, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, so named by the standard library
        """Say nothing: addresses of documents stay out of logs."""
