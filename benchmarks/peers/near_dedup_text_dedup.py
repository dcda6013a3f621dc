"""text-dedup's MinHash command over JSON lines in one process, in an interpreter with text-dedup 0.4.

Usage: PEER_PYTHON near_dedup_text_dedup.py FOLDER [xxh3|sha1]

FOLDER has *.jsonl with `id` and `text`. 14 bands of 8 over 5 words, text split at what `\\W` matches; documents that
share a band are one cluster (union-find), of which one stays; similarity is not looked at. Prints one line of JSON:
CPU and wall seconds of all, wall seconds by text-dedup's own stages, documents, ids of those removed, the largest
memory in use. `Loading` makes an Arrow copy of the input, as text-dedup always does.
"""

import json
import os
import resource
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path


def cpu():
    """CPU seconds of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(times.ru_utime + times.ru_stime for times in used)


def run(files, place, hash_func):
    """Run the command; gives its CPU and wall seconds, wall seconds by stage, and the ids of documents that stay."""
    # `datasets` reads these when it is imported: nothing is asked of a hub, and nothing stays in a cache.
    os.environ |= {"HF_HOME": place, "HF_DATASETS_OFFLINE": "1", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    import datasets
    from text_dedup import minhash
    from text_dedup.utils import IOArgs, MetaArgs, MinHashArgs, timer

    begin, stages = (cpu(), time.perf_counter()), {}
    timer.Timer.report = lambda self, **_: stages.update(self.elapsed_times)
    files_to_read = {"path": "json", "data_files": files, "split": "train", "cache_dir": f"{place}/cache"}
    minhash.main.callback(
        io_args=IOArgs(**files_to_read, output=f"{place}/kept", num_proc=1),
        meta_args=MetaArgs(column="text"),
        minhash_args=MinHashArgs(ngram=5, min_length=5, num_perm=112, b=14, r=8, hash_func=hash_func),
    )
    report = {"seconds_cpu": cpu() - begin[0], "seconds_wall": time.perf_counter() - begin[1]}
    report["stages"] = {name: {"seconds_wall": seconds} for name, seconds in stages.items()}
    return report, set(datasets.load_from_disk(f"{place}/kept")["id"])


def main(folder, hash_func):
    files = [str(file) for file in sorted(Path(folder).glob("*.jsonl"))]
    with tempfile.TemporaryDirectory() as place:
        report, kept = run(files, place, hash_func)
    everything = [json.loads(line)["id"] for file in files for line in Path(file).read_bytes().split(b"\n") if line]
    report |= {"documents": len(everything), "removed": sorted(set(everything) - kept)}
    report |= {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "hash": hash_func}
    print(json.dumps(report | {"version": f"text-dedup {version('text-dedup')}", "python": sys.version.split()[0]}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "xxh3")
