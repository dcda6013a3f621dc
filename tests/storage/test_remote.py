"""Tests of reading over HTTP with ranges, and from an object store."""

import gzip
import re
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill.errors import InputError, UsageError
from corpusmill.storage.inputs import Jsonl, Parquet, Warc
from corpusmill.storage.splits import plan_splits
from tests.storage.archives import account, members, pages


class Ranges(BaseHTTPRequestHandler):
    """Serves files by range and notes how many bytes it sent."""

    protocol_version = "HTTP/1.1"

    def __init__(self, root, sent, *args):
        self.root, self.sent = root, sent
        super().__init__(*args)

    def do_HEAD(self):
        self.answer(send=False)

    def do_GET(self):
        self.answer(send=True)

    def answer(self, *, send):
        path = Path(self.root, self.path.lstrip("/"))
        if not path.is_file():
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        data = path.read_bytes()
        size = len(data)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            start, end = int(wanted[1]), min(int(wanted[2] or size - 1), size - 1)
            data = data[start : end + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"tag"')
        self.end_headers()
        if send:
            self.sent.append(len(data))
            self.wfile.write(data)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(tmp_path):
    """A server for a folder: its address, the folder, the sizes of what it sent."""
    sent: list[int] = []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, tmp_path, sent))
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}", tmp_path, sent
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def test_warc_over_http(server):
    """An archive on a web server is listed, split and read like a local one."""
    url, folder, _ = server
    (folder / "a.warc.gz").write_bytes(members(pages(8)))
    (folder / "warc.paths.gz").write_bytes(gzip.compress(b"a.warc.gz\n"))
    source = Warc(paths=(f"@{url}/warc.paths.gz",), prefix=f"{url}/", split_mb=0.0005)
    local = Warc(paths=(f"{folder}/a.warc.gz",))
    splits = plan_splits(source)
    assert len(splits) > 3
    assert account(local).records == account(source, splits).records


def test_missing_over_http(server):
    """A missing address is an input error."""
    with pytest.raises(InputError, match=r"none\.warc\.gz: no such file"):
        plan_splits(Warc(paths=(f"{server[0]}/none.warc.gz",)))


@pytest.mark.parametrize("path", ["{}/a.warc.gz", "{}/*.warc.gz", "@{}/list"])
def test_nobody_answers(path):
    """A server that does not answer is an input error, not a crash."""
    with pytest.raises(InputError, match="Cannot connect to host"):
        plan_splits(Warc(paths=(path.format("http://127.0.0.1:9"),)))


@pytest.mark.parametrize("path", ["what://a/b.warc.gz", "what://a/*.warc.gz"])
def test_unknown_scheme(path):
    """A scheme that nothing knows is refused with those that are known."""
    with pytest.raises(UsageError, match=r"what://a/.*expected a path or a URL such as s3://, gs://"):
        plan_splits(Warc(paths=(path,)))


def test_only_ranges_are_read(server, monkeypatch):
    """A split of a large file fetches about its own part."""
    url, folder, sent = server
    monkeypatch.setattr("corpusmill.storage.paths.BLOCK", 64 << 10)
    lines = b"".join(b'{"text": "%06d%s"}\n' % (n, b"x" * 1000) for n in range(4000))
    (folder / "a.jsonl").write_bytes(lines)
    splits = plan_splits(Jsonl(paths=(f"{url}/a.jsonl",), split_mb=0.5))
    sent.clear()
    assert len(account(Jsonl(paths=(f"{url}/a.jsonl",)), splits[3:4]).rows) in range(400, 500)
    assert sum(sent) < 2_500_000


def test_parquet_over_http(server):
    """A Parquet split fetches its row groups in few requests, not in small pieces."""
    url, folder, sent = server
    table = pa.table({"text": [f"{n}" * 500 for n in range(10_000)], "other": [f"{n}" * 500 for n in range(10_000)]})
    pq.write_table(table, folder / "a.parquet", row_group_size=1000, compression="none", use_dictionary=False)
    source = Parquet(paths=(f"{url}/a.parquet",), split_mb=2)
    splits = plan_splits(source)
    sent.clear()
    found = account(source, splits[2:3])
    assert 500 < len(found.rows) < 3000
    assert sum(sent) < 2.5 * splits[2].length + 500_000
    assert len(sent) < 12


def test_object_store():
    """Archives in an object store are found by a glob and read."""
    fs = fsspec.filesystem("memory")
    for name in "ba":
        fs.pipe_file(f"/store/{name}.warc.gz", members(pages(3)))
    source = Warc(paths=("memory://store/*.warc.gz",), split_mb=0.0005)
    splits = plan_splits(source)
    assert sorted({split.path.rpartition("/")[2] for split in splits}) == ["a.warc.gz", "b.warc.gz"]
    assert len(account(source, splits).rows) == 6
