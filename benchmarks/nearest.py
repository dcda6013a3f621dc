"""What it costs to keep the documents nearest to each bound, and what was cut: nearest.py TEXTS.jsonl.

The same chain over the same batches with and without; processor time, the least of several turns, in turn.
"""

import argparse
import json
import time
from pathlib import Path
from unittest import mock

from corpusmill import C4, Chain, FineWebQuality, GopherQuality, GopherRepetition, documents, excerpts, stats, steps
from corpusmill.redact import Redact
from corpusmill.stages.masking import masked

BATCH = 16_000_000  # bytes of a batch, as readers cut them
SPECS = (GopherRepetition(), GopherQuality(), C4(terminal_punctuation=False), FineWebQuality())


def batches(path, most):
    """The first texts of a file as a reader gives them."""
    found, part, size = [], [], 0
    with Path(path).open(encoding="utf-8") as file:
        for _, line in zip(range(most), file, strict=False):
            part.append(json.loads(line))
            size += len(part[-1]["text"].encode())
            if size >= BATCH:
                found, part, size = [*found, part], [], 0
    columns = ("id", "url", "text")
    return [documents.conform({c: [r.get(c) for r in rows] for c in columns}) for rows in [*found, part] if rows]


def turn(chain, parts, called):
    """Seconds of the chain, and of what is done when a shard is committed."""
    begin, total = time.process_time(), stats.Report()
    for part in parts:
        total.add(chain(part).report)
    middle = time.process_time()
    written = json.dumps(masked(total, Redact(), called).to_json())
    return middle - begin, time.process_time() - middle, len(written)


def main():
    """Print a line with and one without."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    parts, chain = batches(options.texts, options.documents), Chain(SPECS)
    called = dict(zip(chain.names, SPECS, strict=True))
    turn(chain, [parts[0].slice(0, 100)], called)
    off = mock.patch.multiple(steps.excerpts, near=lambda *_: None, cut=lambda *_: [])
    found = {"with": [], "without": []}
    for _ in range(options.turns):
        found["with"].append(turn(chain, parts, called))
        with off:
            found["without"].append(turn(chain, parts, called))
    print(f"{options.documents:,} documents, {sum(part.nbytes for part in parts) / 1e6:,.0f} MB; {excerpts.__name__}")
    for name, turns in found.items():
        steps_, commit = (min(one[at] for one in turns) for at in (0, 1))
        print(f"{name:8} steps {steps_:.3f} s, commit {commit:.3f} s, report {turns[0][2]:,} bytes")
    sums = {name: min(a + b for a, b, _ in turns) for name, turns in found.items()}
    print(f"more: {sums['with'] / sums['without'] - 1:.1%}")


if __name__ == "__main__":
    main()
