"""Write a small, real crawl from what is on this machine: `crawl/*.warc.gz`, some thousand pages of documentation.

The text is real English that people wrote: docstrings of the standard library and of the installed packages (read
from their source with `ast`, nothing is imported), and the README and licences of every installed package, which are
near-duplicates of each other as on the web. Each page stands in its site's navigation, side bar and footer. Among
them are what a crawl also has: redirects, errors, images, revisits, pages of other encodings, compressed and chunked
bodies, mirrored and cut pages. The same machine gives the same bytes.

    python tools/demo_crawl.py --output demo/crawl --pages 4000
"""

import argparse
import ast
import base64
import gzip
import hashlib
import importlib.metadata
import re
import sysconfig
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import NamedTuple

MIN_WORDS, MAX_SOURCE = 40, 300_000  # a page's fewest words; the largest source file read, in bytes
START = datetime(2026, 1, 5, 8, 0, 0, tzinfo=UTC)
SOFTWARE = "corpusmill demo_crawl"
LICENCE = re.compile(r"(^|/)(licen[sc]e|copying|notice|authors)[^/]*$", re.IGNORECASE)
SKIPPED = ("/test/", "/tests/", "/site-packages/", "/dist-packages/", "/lib2to3/", "/idlelib/", "/_vendor/")


class Page(NamedTuple):
    """One page of a site: address, title, content as sections of (heading, plain text); `front`: README or licence."""

    host: str
    path: str
    title: str
    sections: list[tuple[str, str]]
    front: bool = False

    @property
    def url(self) -> str:
        """The address."""
        return f"https://{self.host}/{self.path}"


class Response(NamedTuple):
    """What the server answered: status line, headers, and the body as sent."""

    url: str
    status: str
    headers: list[tuple[str, str]]
    body: bytes
    revisit_of: "Response | None" = None


# Pages ---------------------------------------------------------------------------------------------------------------


def standard_library(wanted: int) -> Iterator[Page]:
    """Pages of the modules of the standard library."""
    root = Path(sysconfig.get_path("stdlib"))
    files = [path for path in root.rglob("*.py") if not any(part in f"/{path.relative_to(root)}" for part in SKIPPED)]
    version = sysconfig.get_python_version()
    yield from modules(sorted(files), root, "python.docs.example", f"{version}/library", wanted)


def packages(wanted: int) -> Iterator[Page]:
    """Pages of every installed package: README, licences, and its share of `wanted` modules."""
    found = {
        dist.metadata["Name"].lower(): dist for dist in importlib.metadata.distributions() if dist.metadata["Name"]
    }
    share = max(4 * wanted // max(len(found), 1), 1)  # packages differ in size, and the smallest have few modules
    for name in sorted(found):
        dist = found[name]
        host, version = f"{re.sub('[^a-z0-9]+', '-', name)}.docs.example", dist.version
        yield from front(dist, name, host)
        files = [entry for entry in dist.files or () if entry.suffix == ".py" and ".." not in entry.parts]
        root = Path(str(dist.locate_file("")))
        sources = [root / entry for entry in sorted(files) if not any(part in f"/{entry}" for part in SKIPPED)]
        yield from modules(sources, root, host, f"en/{version}/api", share)


def front(dist: importlib.metadata.Distribution, name: str, host: str) -> Iterator[Page]:
    """The README of a package, and each of its licence files."""
    about = dist.metadata.get_payload() if hasattr(dist.metadata, "get_payload") else ""
    text = dist.metadata["Description"] or (about if isinstance(about, str) else "")
    if len(text.split()) >= MIN_WORDS:
        yield Page(host, "index.html", f"{name} {dist.version}", [("", text)], front=True)
    for entry in sorted(dist.files or ()):
        if LICENCE.search(str(entry)) and entry.suffix in {"", ".txt", ".md", ".rst"}:
            text = read(Path(str(dist.locate_file(entry))))
            if len(text.split()) >= MIN_WORDS:
                yield Page(host, f"legal/{entry.name.lower()}.html", f"{entry.name} - {name}", [("", text)], front=True)


def modules(files: list[Path], root: Path, host: str, under: str, wanted: int) -> Iterator[Page]:
    """At most `wanted` pages from source files: one per module, and one per class with a long docstring."""
    given = 0
    for path in sorted(files, key=lambda path: digest(str(path.relative_to(root)))):
        if given >= wanted:
            return
        source = read(path)
        if source.count('"""') < 4:
            continue
        name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
        for title, sections in documented(name, source):
            if sum(len(text.split()) for _, text in sections) >= MIN_WORDS:
                given += 1
                yield Page(host, f"{under}/{title}.html", f"{title} - {host.partition('.')[0]} documentation", sections)


def documented(name: str, source: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Title and sections of the pages that a module's docstrings make."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    own = [("", ast.get_docstring(tree) or "")]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (text := ast.get_docstring(node)):
            own.append((signature(node), text))
        elif isinstance(node, ast.ClassDef) and (text := ast.get_docstring(node)):
            methods = [item for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)]
            inner = [(signature(item), ast.get_docstring(item) or "") for item in methods]
            yield f"{name}.{node.name}", [("", text), *((head, body) for head, body in inner if body)]
    yield name, [section for section in own if section[1]]


def signature(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A function as a heading."""
    return f"{node.name}({', '.join(arg.arg for arg in node.args.args)})"


def read(path: Path) -> str:
    """A text file, or "" if it is missing, large or not UTF-8."""
    try:
        return path.read_text("utf-8") if path.stat().st_size <= MAX_SOURCE else ""
    except (OSError, UnicodeDecodeError):
        return ""


def collect(wanted: int) -> list[Page]:
    """At most `wanted` pages, one per address: READMEs and licences first; in an order that mixes the sites."""
    found = {page.url: page for page in (*standard_library(wanted // 3), *packages(wanted))}
    chosen = sorted(found.values(), key=lambda page: (not page.front, digest(page.url)))[:wanted]
    return sorted(chosen, key=lambda page: digest(f"order {page.url}"))


def digest(text: str) -> int:
    """A number that depends on the text only: the order and the variety of this crawl come from it."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


# HTML ----------------------------------------------------------------------------------------------------------------


HEADING = re.compile(r"(#{1,4} .*|\S.*\n[=\-~^]{3,} *)(\n|$)")


def blocks(text: str) -> Iterator[str]:
    """Plain or Markdown-like text as HTML: paragraphs, lists, headings, code."""
    for part in re.split(r"\n\s*\n", text.replace("\t", "    ").strip("\n")):
        lines = part.split("\n")
        if heading := HEADING.match(part):
            yield f"<h2>{escape(lines[0].lstrip('# '))}</h2>"
            yield from blocks(part[heading.end() :])
        elif part.lstrip().startswith((">>>", "```")) or all(line.startswith("    ") for line in lines):
            yield f"<pre><code>{escape(part)}</code></pre>"
        elif re.match(r"\s*([-*+]|\d+[.)]) ", part):
            items = re.split(r"\n?\s*(?:^|(?<=\n))\s*(?:[-*+]|\d+[.)]) ", part)
            yield "<ul>\n" + "\n".join(f"<li>{inline(item)}</li>" for item in items if item.strip()) + "\n</ul>"
        elif part.strip():
            yield f"<p>{inline(part)}</p>"


def inline(text: str) -> str:
    """Escaped text with code, links and e-mail addresses marked up."""
    text = re.sub(r"``?([^`\n]+)``?", r"<code>\1</code>", escape(" ".join(text.split()), quote=False))
    text = re.sub(r"\[([^\]]+)\]\((https?://[^)\s]+)\)", r'<a href="\2">\1</a>', text)
    return re.sub(r"(?<![\w.@/])([\w.+-]+@[\w-]+\.[\w.-]*\w)", r'<a href="mailto:\1">\1</a>', text)


TOP = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="{{charset}}">
<title>{title}</title>
<link rel="stylesheet" href="/_static/site.css">
<style>body {{ margin: 0 }} .nav li {{ display: inline }}</style>
<script>window.dataLayer = window.dataLayer || []; function track(e) {{ dataLayer.push(e); }}</script>
</head>
"""
FOOT = """<footer><p>© 2026 the {site} developers. All rights reserved. Built with care.</p></footer>
</body></html>"""
TABLES = """<body bgcolor="#ffffff"><table width="100%">
<tr><td colspan="2" class="header">{site} | <a href="/">home</a> | <a href="/search">search</a></td></tr>
<tr><td class="sidebar"><ul>{menu}</ul></td><td>
{content}
</td></tr></table><hr>"""
MODERN = """<body><div class="cookie-banner">We use cookies to improve your experience. <button>Accept</button></div>
<div class="page"><header class="site-header"><a class="logo" href="/">{site}</a>
<form class="search"><input type="text" placeholder="Search docs"><button>Go</button></form></header>
<nav class="sidebar"><ul>{menu}</ul></nav><div class="wrapper"><main><div class="document"><article>
{content}
</article></div></main></div><aside class="toc"><p>On this page</p></aside></div>"""
DIVS = """<body><div id="top" class="navbar"><ul class="nav">{menu}</ul></div><div class="container"><div class="row">
<div class="breadcrumbs"><a href="/">{site}</a> » docs</div><div class="content"><div class="body">
{content}
</div></div><div class="related"><a href="#top">Back to top</a> <a href="/next">Next</a></div></div></div>"""


def render(page: Page, siblings: list[Page]) -> str:
    """The page as its site shows it: header, navigation, side bar, content, footer."""
    site = escape(page.host.partition(".")[0])
    entries = ((escape(other.path), escape(other.title.partition(" ")[0])) for other in siblings)
    menu = "".join(f'<li><a href="/{path}">{title}</a></li>' for path, title in entries)
    parts = [f"<h1>{escape(page.title.partition(' - ')[0])}</h1>"]
    for head, text in page.sections:
        parts += [f'<h3><code>{escape(head)}</code><a class="headerlink" href="#x">¶</a></h3>'] if head else []
        parts += blocks(text)
    body = (TABLES, MODERN, DIVS)[digest(page.host) % 3]
    filled = body.format(site=site, menu=menu, content="\n".join(parts))
    return TOP.format(title=escape(page.title)) + filled + FOOT.format(site=site)


# Responses -----------------------------------------------------------------------------------------------------------

IMAGE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def responses(pages: list[Page]) -> Iterator[Response]:
    """What fetching the pages gave; every few pages something other than a plain UTF-8 page."""
    sites = defaultdict(list)
    for page in pages:
        sites[page.host].append(page)
    for number, page in enumerate(pages):
        answer = response(page.url, render(page, sites[page.host][:25]), number)
        yield answer
        if number % 40 == 7:
            moved = [("Content-Type", "text/html; charset=utf-8"), ("Location", page.url)]
            yield Response(page.url.replace("https:", "http:"), "301 Moved Permanently", moved, b"<h1>Moved</h1>\n")
        if number % 60 == 11:
            yield response(f"{page.url}/missing", "<!DOCTYPE html><p>Not found.", 0)._replace(status="404 Not Found")
        if number % 50 == 13:
            yield Response(f"https://{page.host}/logo-{number}.png", "200 OK", [("Content-Type", "image/png")], IMAGE)
        if number % 50 == 17:
            yield answer._replace(revisit_of=answer, body=b"")
        if number % 50 == 23:  # the same content on another site
            mirror = page._replace(host=f"mirror{number % 3}.example", path=f"{page.host}/{page.path}")
            yield response(mirror.url, render(mirror, sites[page.host][:8]), 0)
        if number % 200 == 29:
            yield answer._replace(url=f"{page.url}?print=1", body=answer.body[: len(answer.body) // 2])


def response(url: str, document: str, number: int) -> Response:
    """A page as sent: mostly UTF-8, named in the header; some Latin-1, some unnamed, some compressed or chunked."""
    charset = "iso-8859-1" if number % 9 == 4 and encodes(document, "iso-8859-1") else "utf-8"
    body = document.replace("{charset}", charset, 1).encode(charset)
    headers = [("Content-Type", "text/html" if number % 9 in {4, 5} else f"text/html; charset={charset}")]
    if number % 10 == 3:
        body = gzip.compress(body, 6, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    if number % 10 in {3, 6}:
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [*chunks(body, 4096), b""])
        headers.append(("Transfer-Encoding", "chunked"))
    else:
        headers.append(("Content-Length", str(len(body))))
    return Response(url, "200 OK", headers, body)


def encodes(text: str, charset: str) -> bool:
    """Whether all characters exist in `charset`."""
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True


def chunks(body: bytes, size: int) -> Iterator[bytes]:
    """Parts of at most `size` bytes."""
    yield from (body[at : at + size] for at in range(0, len(body), size))


# WARC (ISO 28500) ----------------------------------------------------------------------------------------------------


def sha1(data: bytes) -> str:
    """A digest as WARC writes it."""
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def record(kind: str, date: str, headers: Iterable[tuple[str, str]], block: bytes) -> bytes:
    """One record, as a gzip member of its own."""
    named = dict(headers)
    key = f"{kind} {named.get('WARC-Target-URI', named.get('WARC-Filename'))} {date}"
    fixed = [("WARC-Type", kind), ("WARC-Record-ID", f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, key)}>")]
    lines = [*fixed, ("WARC-Date", date), *headers, ("Content-Length", str(len(block)))]
    head = "WARC/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    return gzip.compress(head.encode() + block + b"\r\n\r\n", 6, mtime=0)


def exchange(answer: Response, date: str) -> bytes:
    """The request and the response (or revisit) records of one answer."""
    host, path = answer.url.split("/", 3)[2:]
    target = [("WARC-Target-URI", answer.url), ("WARC-IP-Address", "192.0.2.1")]
    asked = f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {SOFTWARE}\r\n\r\n".encode()
    http = [("Content-Type", "application/http; msgtype=request")]
    said = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in answer.headers), "", ""]
    block = "\r\n".join(said).encode() + answer.body
    seen = answer.revisit_of
    payload = [("WARC-Payload-Digest", sha1((seen or answer).body)), ("WARC-Block-Digest", sha1(block))]
    same = [("WARC-Profile", "http://netpreserve.org/warc/1.0/revisit/identical-payload-digest")] if seen else []
    kind = [("Content-Type", "application/http; msgtype=response"), *payload, *same]
    return record("request", date, [*target, *http], asked) + record(
        "revisit" if seen else "response", date, [*target, *kind], block
    )


def write(answers: Iterable[Response], folder: Path, files: int) -> Counter[str]:
    """Deal the answers to `files` archives; return how many there were of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [folder / f"DEMO-2026-{number:05}.warc.gz" for number in range(files)]
    info = f"software: {SOFTWARE}\r\nformat: WARC File Format 1.0\r\nisPartOf: DEMO-2026\r\n".encode()
    archives = [[record("warcinfo", stamp(0), [("WARC-Filename", name.name)], info)] for name in names]
    kinds: Counter[str] = Counter()
    for number, answer in enumerate(answers):
        archives[number % files].append(exchange(answer, stamp(number)))
        kinds["revisit" if answer.revisit_of else f"{answer.status[:3]} {answer.headers[0][1].split(';')[0]}"] += 1
    for name, archive in zip(names, archives, strict=True):
        name.write_bytes(b"".join(archive))
    return kinds


def stamp(number: int) -> str:
    """When the answer of that number came."""
    return (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def main() -> None:
    """Write the crawl and say what it holds."""
    options = argparse.ArgumentParser(description="Write a small, real crawl from the documentation on this machine.")
    options.add_argument("--output", type=Path, default=Path("crawl"), help="folder for the archives (crawl)")
    options.add_argument("--pages", type=int, default=4000, help="most pages of documentation (4000)")
    options.add_argument("--files", type=int, default=8, help="archives to deal them to (8)")
    given = options.parse_args()
    pages = collect(given.pages)
    kinds = write(responses(pages), given.output, given.files)
    size = sum(path.stat().st_size for path in given.output.glob("*.warc.gz"))
    print(f"{len(pages)} pages of {len({page.host for page in pages})} sites, {kinds.total()} responses:")
    for kind, count in sorted(kinds.items()):
        print(f"  {count:6} {kind}")
    print(f"{given.output}: {given.files} archives, {size / 1e6:.1f} MB compressed")


if __name__ == "__main__":
    main()
