"""A Hugging Face hub of one dataset repository on this machine, for the real client: what it asks, this answers."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Hub(BaseHTTPRequestHandler):
    """Answers the requests of `create_repo`, `list_repo_tree` and `create_commit`."""

    def do_POST(self):
        """Make the repository, say how files are to be sent, take a commit."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self._chunked()
        state = self.server.state
        if self.path == "/api/repos/create":
            state["made"] = json.loads(body)
            self._answer({"url": f"{state['url']}/datasets/me/mine", "name": "me/mine"})
        elif self.path == "/api/validate-yaml":
            state["card"] = json.loads(body)["content"]
            self._answer({})
        elif self.path == "/api/datasets/me/mine/preupload/main":
            files = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                     for file in json.loads(body)["files"]]  # fmt: skip
            self._answer({"files": files})
        elif self.path == "/api/datasets/me/mine/commit/main" and not state["refuses"]:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    state["files"][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
                elif line["key"] == "deletedFile":
                    del state["files"][line["value"]["path"]]
            state["commits"] += 1
            self._answer({"commitUrl": f"{state['url']}/datasets/me/mine/commit/1", "commitOid": "1" * 40})
        else:
            self._answer({"error": "Forbidden: no write access"}, 403)

    def do_GET(self):
        """The names of all files."""
        files = self.server.state["files"].items()
        self._answer([{"type": "file", "path": path, "size": len(data), "oid": "0" * 40} for path, data in files])

    def _chunked(self):
        data = b""
        while self.headers.get("Transfer-Encoding") == "chunked" and (size := int(self.rfile.readline(), 16)):
            data += self.rfile.read(size)
            self.rfile.readline()
        return data

    def _answer(self, data, status=200):
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def hub():
    """A hub that runs; gives its state: url, files, commits, and whether it refuses commits."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.state = {"url": f"http://127.0.0.1:{server.server_port}", "files": {".gitattributes": b""}, "commits": 0,
                    "refuses": False}  # fmt: skip
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
