"""What it costs to keep the documents nearest to each bound, and what was cut: nearest.py TEXTS.jsonl.

The same chain over the same batches with and without, batch by batch in turn, in processor time. The difference of two
such times is lost in the noise of a busy machine; so what is done for it in the chain is timed by itself, where it is
done, and only adding up and committing, which take milliseconds, by difference.
"""

import argparse
import json
import statistics
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from corpusmill import C4, Chain, FineWebQuality, GopherQuality, GopherRepetition, documents, stats, steps
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


@contextmanager
def timed(spent):
    """Add the seconds of what is looked for in a chain to `spent["chosen"]`."""

    def around(work):
        def call(*given):
            begin = time.process_time()
            found = work(*given)
            spent["chosen"] += time.process_time() - begin
            return found

        return call

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(steps.excerpts, "near", around(steps.excerpts.near)))
        stack.enter_context(mock.patch.object(steps._Work, "_cuts", around(steps._Work._cuts)))
        yield


def without():
    """A chain that looks for nothing."""
    return mock.patch.multiple(steps.excerpts, near=lambda *_: None, cut=lambda *_: [])


def turn(chain, parts, called, first):
    """Seconds of each part of the work, with and without, and the sizes of both reports; `first` says which leads."""
    names = ("with", "without")[:: 1 if first else -1]
    spent = {name: dict.fromkeys(("steps", "chosen", "add", "commit"), 0.0) for name in names}
    totals = {name: stats.Report() for name in names}
    for part in parts:
        for name in names:
            with timed(spent[name]) if name == "with" else without():
                begin = time.process_time()
                report = chain(part).report
                middle = time.process_time()
                totals[name].add(report)
            spent[name]["steps"] += middle - begin
            spent[name]["add"] += time.process_time() - middle
    for name in names:
        begin = time.process_time()
        spent[name]["size"] = len(json.dumps(masked(totals[name], Redact(), called).to_json()))
        spent[name]["commit"] = time.process_time() - begin
    return spent


def main():
    """Print a line with and one without, and the shares; for the least and the median of all turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts")
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--turns", type=int, default=12)
    options = parser.parse_args()
    parts, chain = batches(options.texts, options.documents), Chain(SPECS)
    called = dict(zip(chain.names, SPECS, strict=True))
    turn(chain, parts, called, True)
    turns = [turn(chain, parts, called, at % 2) for at in range(options.turns)]
    print(f"{options.documents:,} documents, {sum(part.nbytes for part in parts) / 1e6:,.0f} MB, {len(parts)} batches")
    for of in (min, statistics.median):
        both = {name: {k: of([one[name][k] for one in turns]) for k in turns[0][name]} for name in turns[0]}
        for name in ("with", "without"):
            ms = ", ".join(f"{k} {1e3 * both[name][k]:.1f} ms" for k in ("steps", "chosen", "add", "commit"))
            print(f"{of.__name__:6} {name:7} {ms}, report {both[name]['size']:,.0f} bytes")
        more = {k: both["with"][k] - both["without"][k] for k in ("steps", "chosen", "add", "commit")}
        whole = sum(both["without"][k] for k in ("steps", "add", "commit"))
        share = {
            "timed": more["chosen"] + more["add"] + more["commit"],
            "by difference": more["steps"] + more["add"] + more["commit"],
        }
        print(f"{of.__name__:6} more:   " + ", ".join(f"{k} {value / whole:.2%}" for k, value in share.items()))


if __name__ == "__main__":
    main()
