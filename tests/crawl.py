"""Small crawls for tests, written by hand so that every byte is known."""

import gzip
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

WORDS = [
    "the", "of", "and", "to", "in", "that", "with", "have", "be", "house", "river", "stone", "light", "winter",
    "garden", "music", "paper", "letter", "window",
]  # fmt: skip


def record(kind: str, url: str, body: bytes, number: int, content_type: str) -> bytes:
    """One WARC record as its own gzip member."""
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nWARC-Date: 2024-05-01T00:00:{number % 60:02d}Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-{number:012d}>\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + body + b"\r\n\r\n", mtime=0)


def response(url: str, html: str, number: int, status: int = 200, content_type: str = "text/html") -> bytes:
    """A fetched page as a response record."""
    payload = html.encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(payload)}\r\n\r\n"
    return record("response", url, head.encode() + payload, number, "application/http; msgtype=response")


def prose(seed: int, sentences: int = 30) -> str:
    """English-like paragraphs, the same for the same seed."""
    pick = random.Random(seed)
    lines = [" ".join(pick.choice(WORDS) for _ in range(12)).capitalize() + "." for _ in range(sentences)]
    return "".join(f"<p>{' '.join(lines[i : i + 3])}</p>" for i in range(0, sentences, 3))


def page(seed: int, sentences: int = 30) -> str:
    """A page around some prose."""
    return f"<html><head><title>Page {seed}</title></head><body><main>{prose(seed, sentences)}</main></body></html>"


def write(path: Path, records: Iterable[bytes]) -> Path:
    """Write records one after the other."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(records))
    return path


def crawl(folder: Path, files: int = 2, pages: int = 12) -> Sequence[Path]:
    """Files of pages, some too short, with a request, an error page and an image among them."""
    found = []
    for file in range(files):
        base = file * 1000
        records = [record("warcinfo", "", b"software: test\r\n", base + 900, "application/warc-fields")]
        for number in range(pages):
            url = f"https://site{number % 3}.example/{file}/{number}"
            records.append(record("request", url, b"GET / HTTP/1.1\r\n\r\n", base + 500 + number, "application/http"))
            records.append(response(url, page(base + number, 30 if number % 4 else 2), base + number))
        records.append(response("https://site.example/gone", "gone", base + 800, status=404))
        records.append(response("https://site.example/i.png", "png", base + 801, content_type="image/png"))
        found.append(write(folder / f"crawl-{file}.warc.gz", records))
    return found


RECIPE = """
name: small
about: for tests
input:
  format: warc
  paths: ['{crawl}/*.warc.gz']
  split_mb: 0.004
steps:
  - use: resiliparse
  - use: gopher_quality
    words: [50, 100000]
  - use: fineweb_quality
    line_punct_ratio: [0.0, null]
    list_ratio: [null, 1]
    char_dup_ratio: [null, 1]
output: '{out}'
"""


def recipe(folder: Path, out: Path) -> str:
    """A recipe over the crawl in `folder`."""
    return RECIPE.format(crawl=folder, out=out)
