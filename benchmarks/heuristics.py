"""How fast are the heuristic filters beside datatrove's? The figures of heuristics.md.

    python -m benchmarks.heuristics --peer-python PEER [--data DIR] [--repeats 3] [--sets openwebtext-1000,wcxb-dev]

Both sides get the same documents in memory and are timed in CPU seconds of one thread, in turns; the medians of the
repeats are given. All filters are measured on every document's own text: ours by `steps.Chain`, with its ledger and
report, C4 last since it edits; datatrove's by calling each filter on each document. `--rounds` copies of the documents
make our times long enough to be read; datatrove gets one.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from benchmarks import corpora
from benchmarks.parity import PEER, write
from corpusmill import documents
from corpusmill.filters.c4 import C4
from corpusmill.filters.fineweb_quality import FineWebQuality
from corpusmill.filters.gopher_quality import GopherQuality
from corpusmill.filters.gopher_repetition import GopherRepetition
from corpusmill.steps import Chain

NAMES = ("gopher_quality", "gopher_repetition", "fineweb_quality", "c4")
DEFAULT = (GopherQuality(), GopherRepetition(), FineWebQuality(), C4())
SPACY = tuple(type(step)(dialect="datatrove") for step in DEFAULT)
ROWS = [*((name,) for name in NAMES), ("fineweb_quality", "c4"), NAMES]


def our_seconds(specs, batches):
    """CPU seconds of a chain over batches of documents."""
    chain = Chain(specs)
    chain(batches[0].slice(0, 5))
    begin = time.process_time()
    for batch in batches:
        chain(batch)
    return time.process_time() - begin


def peer_seconds(python, names, path):
    """CPU seconds of datatrove's filters, and its version."""
    command = [python, str(PEER), "seconds", str(path), ",".join(names)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found["seconds"], found["datatrove"]


def batches_of(rows, size=16_000_000):
    """The documents in batches of about 16 MB of text, as the drivers make them."""
    batches, part, held = [], [], 0
    for row in rows:
        part.append(row)
        held += len(row[1].encode())
        if held >= size:
            batches.append(part)
            part, held = [], 0
    batches += [part] if part else []
    return [documents.from_texts([text for _, text in part], id=[key for key, _ in part]) for part in batches]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer-python", required=True, help="an interpreter with datatrove")
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    parser.add_argument("--sets", default="openwebtext-1000,wcxb-dev")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = [row for name in options.sets.split(",") for row in corpora.ENGLISH[name](options.data)]
    megabytes = corpora.size(rows)
    many = batches_of([(f"{key}/{turn}", text) for turn in range(options.rounds) for key, text in rows])
    once = batches_of(rows)
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "documents.jsonl"
        write(rows, path)
        for _ in range(options.repeats):
            for names in ROWS:
                ours = [DEFAULT[NAMES.index(name)] for name in names]
                exact = [SPACY[NAMES.index(name)] for name in names]
                theirs, peer = peer_seconds(options.peer_python, names, path)
                seconds = our_seconds(ours, many) / options.rounds, our_seconds(exact, once), theirs
                times.setdefault(names, []).append([megabytes / value for value in seconds])
    print(f"{len(rows)} documents, {megabytes:.1f} MB of UTF-8, from {options.sets}; {options.repeats} repeats")
    print(
        f"{os.cpu_count()} cores, {platform.machine()}; Python {platform.python_version()}, numba {version('numba')},"
    )
    print(f"numpy {version('numpy')}, pyarrow {version('pyarrow')}; datatrove {peer}; {time.strftime('%Y-%m-%d')}\n")
    print("| filters | default, MB/s | datatrove dialect, MB/s | datatrove, MB/s | default / datatrove |")
    print("|---|---:|---:|---:|---:|")
    for names, values in times.items():
        ours, exact, theirs = (statistics.median(column) for column in zip(*values, strict=True))
        print(f"| {' + '.join(names)} | {ours:.1f} | {exact:.2f} | {theirs:.2f} | {ours / theirs:.0f} |")


if __name__ == "__main__":
    main()
