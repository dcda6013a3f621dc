"""Pages with known content, and how well a text matches it.

Sets are read from a folder of public corpora (`--data`, see the table in extraction.md); none of it is copied here.
"""

import gzip
import json
import lzma
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+")


class Score(NamedTuple):
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Gold:
    """One page; `text` is its whole content, or `present` and `absent` hold segments that belong in it or do not."""

    name: str
    html: bytes
    kind: str = ""
    text: str | None = None
    present: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()


def words(text: str) -> list[str]:
    return WORD.findall(text.casefold())


def overlap(found: Counter, wanted: Counter) -> Score:
    both = (found & wanted).total()
    precision = both / found.total() if found else float(not wanted)
    recall = both / wanted.total() if wanted else 1.0
    return Score(precision, recall, 2 * both / max(found.total() + wanted.total(), 1))


def bag_score(found: str, wanted: str) -> Score:
    """Words as a multiset."""
    return overlap(Counter(words(found)), Counter(words(wanted)))


def shingle_counts(text: str, size: int = 4) -> Counter:
    tokens = re.findall(r"\w+", text)
    return Counter(tuple(tokens[i : i + size]) for i in range(max(len(tokens) - size + 1, 1))) if tokens else Counter()


def shingle_score(found: str, wanted: str) -> Score:
    """4-word shingles as a multiset, as scrapinghub/article-extraction-benchmark counts them."""
    return overlap(shingle_counts(found), shingle_counts(wanted))


def segment_counts(found: str, page: Gold) -> tuple[int, int, int]:
    """Segments rightly present, wrongly present, wrongly absent; spaces are not compared."""
    flat = squeeze(found)
    right = sum(squeeze(part) in flat for part in page.present)
    wrong = sum(squeeze(part) in flat for part in page.absent)
    return right, wrong, len(page.present) - right


def squeeze(text: str) -> str:
    return "".join(text.split())


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(archive, "r:xz") as tar:
        for member in tar:
            if member.isfile():
                yield member.name, tar.extractfile(member).read()


def wcxb(data: Path, every: int = 1) -> list[Gold]:
    folder = data / "wcxb-dev"
    with gzip.open(folder / "ground-truth.jsonl.gz", "rt") as lines:
        gold = {row["file_id"]: row for row in map(json.loads, lines)}
    found = []
    for name, html in members(folder / "html.tar.xz"):
        row = gold[Path(name).stem]
        truth = row["ground_truth"]
        if int(row["file_id"]) % every == 0 and (truth.get("main_content") or "").strip():
            kind = row["_internal"]["page_type"]["primary"]
            snippets = (tuple(truth.get("with") or ()), tuple(truth.get("without") or ()))
            found.append(Gold(name, html, kind, truth["main_content"], *snippets))
    return found


def trafilatura_eval(data: Path) -> list[Gold]:
    folder = data / "trafilatura-eval"
    rows = json.loads(gzip.decompress((folder / "evaldata.json.gz").read_bytes()))
    pages = {Path(name).name: html for name, html in members(folder / "html.tar.xz")}
    return [
        Gold(row["file"], pages[row["file"]], present=tuple(row["with"]), absent=tuple(row["without"]))
        for row in rows.values()
        if row["file"] in pages
    ]


def articles(data: Path) -> list[Gold]:
    folder = data / "article-extraction-benchmark"
    gold = json.loads(gzip.decompress((folder / "ground-truth.json.gz").read_bytes()))
    pages = ((name, html) for name, html in members(folder / "html.tar.xz"))
    found = []
    for name, html in pages:
        key = Path(name).name.split(".")[0]
        plain = gzip.decompress(html) if name.endswith(".gz") else html
        found.append(Gold(key, plain, text=gold[key]["articleBody"]))
    return found


def article_outputs(data: Path) -> dict[str, dict[str, str]]:
    """What other extractors gave for the pages of `articles`, as stored upstream."""
    found = {}
    for path in sorted((data / "article-extraction-benchmark/output").glob("*.json.gz")):
        rows = json.loads(gzip.decompress(path.read_bytes()))
        rows = rows.get("output", rows)  # some files say first how they were made
        bodies = {key: row["articleBody"] or "" for key, row in rows.items()}
        found[path.name.removesuffix(".json.gz")] = bodies
    return found


def readability(data: Path) -> list[Gold]:
    from lxml import html as lxml_html

    parts: dict[str, dict[str, bytes]] = {}
    for name, content in members(data / "mozilla-readability/test-pages.tar.xz"):
        parts.setdefault(Path(name).parent.name, {})[Path(name).name] = content
    found = []
    for name, files in sorted(parts.items()):
        if files.get("expected.html", b"").strip():
            root = lxml_html.document_fromstring(files["expected.html"].decode("utf-8"))
            text = " ".join(part for part in root.itertext() if isinstance(part, str))
            found.append(Gold(name, files["source.html"], text=text))
    return found


def hplt(data: Path) -> list[dict]:
    """Crawled pages with the outputs of other extractors; no gold."""
    with lzma.open(data / "hplt-cc-sample100/pages.jsonl.xz", "rt") as lines:
        return [json.loads(line) for line in lines]
