"""datasketch's MinHash and MinHashLSH over JSON lines in one process, in an interpreter with datasketch 2.

Usage: PEER_PYTHON near_dedup_datasketch.py FOLDER [affine32|affine64|mersenne]

FOLDER has *.jsonl with `id` and `text`. 14 bands of 8 over five-word shingles made in Python. A document that shares a
band with an earlier one that stays is removed, without a look at their similarity: the way of datasketch's own manual.
Prints one line of JSON: CPU and wall seconds of each stage and of all, documents, ids of those removed, the largest
memory in use.
"""

import json
import resource
import sys
import time
from importlib.metadata import version
from pathlib import Path

from datasketch import MinHash, MinHashLSH
from python_shingles import shingles

BANDS, ROWS = 14, 8


def documents(folder):
    """Id and text of every document, in the order of the files."""
    for file in sorted(Path(folder).glob("*.jsonl")):
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield row["id"], row["text"]


def sketch(text, scheme):
    """The signature of a text, or None if it has fewer than five words."""
    found = shingles(text)
    if not found:
        return None
    made = MinHash(num_perm=BANDS * ROWS, seed=1, scheme=scheme)
    made.update_batch([shingle.encode() for shingle in found])
    return made


class Stages:
    """CPU and wall seconds by stage, from one call of `end` to the next."""

    def __init__(self):
        self.seconds, self.last = {}, (time.process_time(), time.perf_counter())

    def end(self, name):
        now = time.process_time(), time.perf_counter()
        self.seconds[name] = {"seconds_cpu": now[0] - self.last[0], "seconds_wall": now[1] - self.last[1]}
        self.last = now


def main(folder, scheme):
    stages = Stages()
    sketches = [(key, sketch(text, scheme)) for key, text in documents(folder)]
    stages.end("signature")
    index = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
    removed = []
    for key, made in sketches:
        if made is None:
            continue
        if index.query(made):
            removed.append(key)
        else:
            index.insert(key, made)
    stages.end("lsh")
    report = {name: sum(stage[name] for stage in stages.seconds.values()) for name in ("seconds_cpu", "seconds_wall")}
    report |= {"stages": stages.seconds, "documents": len(sketches), "removed": sorted(removed)}
    report |= {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "scheme": scheme}
    print(json.dumps(report | {"version": f"datasketch {version('datasketch')}", "python": sys.version.split()[0]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "affine32")
