"""Load time, memory and speed of the URL filter with millions of listed domains.

python -m benchmarks.url_filter [--domains 5000000] [--data ../shared/data]

Times are CPU time of one core. Listed domains are the UT1 ones plus made ones of the same lengths. URLs are those of
the shared crawl plan. The peer is the usual way in Python: a set, and urllib for the host.
"""

import argparse
import gzip
import json
import multiprocessing
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from corpusmill import documents, urls
from corpusmill.filters.url_filter import UrlFilter
from corpusmill.view import View


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domains", type=int, default=5_000_000)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    options = parser.parse_args()
    warm()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "domains.txt"
        path.write_text("\n".join(made_domains(options.data, options.domains)))
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as fresh:
            for name, load in ("UrlFilter", load_filter), ("Python set", load_set):
                seconds, memory = fresh.apply(cost, (load, path))
                print(f"{name}: {options.domains:,} domains loaded in {seconds:.2f} s, peak memory +{memory:.0f} MB")
        measure, listed = load_filter(path), load_set(path)
        batch = documents.from_texts([""] * 300_000, url=sample_urls(options.data, 300_000))
        report(batch, measure)
        seconds, _ = timed(lambda: [in_set(url, listed) for url in batch.column("url").to_pylist()])
        print(f"Python set and urlsplit, domains only: {batch.num_rows / seconds:,.0f} URLs/s")


def report(batch: pa.RecordBatch, measure) -> None:
    size = batch.column("url").nbytes / 1e6
    seconds = min(timed(lambda: measure(View(batch)))[0] for _ in range(3))
    print(f"all six signals: {batch.num_rows / seconds:,.0f} URLs/s, {size / seconds:.0f} MB/s of URLs")
    seconds = min(timed(lambda: urls.canonical(batch.column("url")))[0] for _ in range(3))
    print(f"canonical form only: {batch.num_rows / seconds:,.0f} URLs/s")


def cost(load, path: Path) -> tuple[float, float]:
    """Seconds, and growth of the peak memory in MB, of loading a list in a fresh process."""
    warm()
    before = peak()
    seconds, _ = timed(lambda: load(path))
    return seconds, peak() - before


def load_filter(path: Path):
    return UrlFilter(domains=(str(path),)).build()


def load_set(path: Path) -> set[str]:
    return set(path.read_text().split("\n"))


def warm() -> None:
    """Compile the kernels, so that no time below has it."""
    UrlFilter().build()(View(documents.from_texts(["", ""], url=["http://a.com", None])))


def in_set(url: str, listed: set[str]) -> bool:
    labels = (urlsplit(url).hostname or "").split(".")
    return any(".".join(labels[at:]) in listed for at in range(len(labels)))


def made_domains(data: Path, count: int) -> list[str]:
    real = [name for path in sorted((data / "ut1-blocklists").glob("*.domains.gz")) for name in lines(path)]
    random = np.random.default_rng(0)
    lengths = np.char.str_len(np.array(real))[random.integers(0, len(real), count - len(real))]
    letters = random.choice(list("abcdefghijklmnopqrstuvwxyz0123456789-"), int(lengths.sum()))
    text, ends = "".join(letters), np.cumsum(lengths)
    return real + [text[end - length : end - 4] + ".com" for end, length in zip(ends, lengths, strict=True)]


def sample_urls(data: Path, count: int) -> list[str]:
    rows = [json.loads(line) for line in lines(data / "crawl/filelist.jsonl.gz")]
    known = [row["url"] for row in rows if row.get("url")]
    return (known * (count // len(known) + 1))[:count]


def lines(path: Path) -> list[str]:
    return [line for line in gzip.decompress(path.read_bytes()).decode(errors="replace").split("\n") if line]


def timed(call):
    begin = time.process_time()
    value = call()
    return time.process_time() - begin, value


def peak() -> float:
    """Peak resident memory of this process so far, MB; not `ru_maxrss`, which a child takes over from its parent."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main()
