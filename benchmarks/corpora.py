"""The sets of shared data that benchmarks read, as lists of (id, text); other benchmarks import this module."""

import gzip
import json
import lzma
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

Documents = list[tuple[str, str]]

DATA = Path(__file__).parents[1] / "../shared/data"
CHUNK = 3000  # characters of a novel in one document
EVERY = 10  # of a novel's chunks, each tenth is a document


def _json_lines(path: Path) -> Iterator[dict]:
    opener = lzma.open if path.suffix == ".xz" else gzip.open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _texts(data: Path, path: str, key: str = "id") -> Documents:
    name = path.partition("/")[0]
    return [(str(row.get(key, f"{name}-{i:05}")), row["text"]) for i, row in enumerate(_json_lines(data / path))]


def openwebtext(data: Path) -> Documents:
    """1000 pages of OpenWebText."""
    return _texts(data, "openwebtext-1000/openwebtext-1000.jsonl.xz")


def wiki_passages(data: Path) -> Documents:
    """Passages of Wikipedia from BoolQ."""
    return _texts(data, "wiki-passages-boolq/passages.jsonl.xz")


def web_pages(data: Path) -> Documents:
    """Main content of web pages as people marked it (WCXB)."""
    rows = _json_lines(data / "wcxb-dev/ground-truth.jsonl.gz")
    return [(f"wcxb-{row['file_id']}", row["ground_truth"].get("main_content") or "") for row in rows]


def articles(data: Path) -> Documents:
    """Article bodies as people marked them (article-extraction-benchmark)."""
    with gzip.open(data / "article-extraction-benchmark/ground-truth.json.gz", "rt", encoding="utf-8") as lines:
        return [(key, row["articleBody"]) for key, row in json.load(lines).items()]


def emails(data: Path) -> Documents:
    """Ham and spam of SpamAssassin, decoded bodies."""
    rows = _json_lines(data / "spamassassin/emails.jsonl.xz")
    return [(f"{row['group']}/{row['id']}", row["text"]) for row in rows]


def rust_book(data: Path) -> Documents:
    """Markdown with code: the Rust book, three editions."""
    return _texts(data, "rust-book/docs.jsonl.xz", "path")


def python_code(data: Path) -> Documents:
    """Python source files."""
    return _texts(data, "code-python/files.jsonl.xz", "path")


def novels(data: Path) -> Documents:
    """English novels, each tenth run of 3000 characters."""
    found = []
    with tarfile.open(data / "english-novels/novels.tar.xz", "r:xz") as archive:
        for member in sorted(archive.getmembers(), key=lambda item: item.name):
            source = archive.extractfile(member)
            if source is None:
                continue
            text = source.read().decode("utf-8", "replace")
            starts = range(0, len(text), CHUNK * EVERY)
            found += [(f"{member.name}:{start}", text[start : start + CHUNK]) for start in starts]
    return found


def c4_samples(data: Path) -> Documents:
    """Documents of C4 as it was published."""
    return _texts(data, "c4-dolma-samples/samples.jsonl.gz")


def english_web(data: Path) -> Documents:
    """English pieces of HPLT's crawl, 1000 characters each."""
    rows = _json_lines(data / "hplt-multilingual-web/docs.jsonl.xz")
    return [(row["id"], row["text"]) for row in rows if row["lang_pred"] == "eng_Latn"]


ENGLISH: dict[str, Callable[[Path], Documents]] = {
    "openwebtext-1000": openwebtext,
    "wiki-passages-boolq": wiki_passages,
    "wcxb-dev": web_pages,
    "article-extraction-benchmark": articles,
    "rust-book": rust_book,
    "code-python": python_code,
    "english-novels": novels,
    "c4-dolma-samples": c4_samples,
    "hplt-english": english_web,
    "spamassassin": emails,
}


def size(documents: Documents) -> float:
    """Megabytes of UTF-8 text."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for _, text in documents) / 1e6
