"""Which pairs of texts share one of datatrove 0.10's MinHash buckets, in datatrove's own interpreter.

Usage: PEER_PYTHON datatrove_pairs.py PAIRS.jsonl

Each line has `a` and `b`. 14 buckets of 8 hashes over 5 words, which are datatrove's defaults: of two documents that
share a bucket its four jobs remove one. Prints one line of JSON: a truth value for each pair, and the version.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from datatrove.pipeline.dedup import MinhashDedupSignature
from loguru import logger

logger.remove()


def signature(step, text):
    """The buckets of a text, or None if it has too few words."""
    shingles = step.get_shingles(text)
    return step.get_signature(shingles) if shingles.size else None


def shares(step, one, other):
    a, b = signature(step, one), signature(step, other)
    return a is not None and b is not None and any(x == y for x, y in zip(a, b, strict=True))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        step = MinhashDedupSignature(folder)
        rows = [json.loads(line) for line in Path(sys.argv[1]).read_bytes().split(b"\n") if line]
        found = [shares(step, row["a"], row["b"]) for row in rows]
    print(json.dumps({"shares": found, "version": f"datatrove {version('datatrove')}"}))
