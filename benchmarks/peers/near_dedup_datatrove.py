"""datatrove 0.10's four MinHash jobs over JSON lines in one process, run in datatrove's own interpreter.

Usage: PEER_PYTHON near_dedup_datatrove.py FOLDER [TASKS]

FOLDER has *.jsonl with `id` and `text`. 14 buckets of 8 hashes over 5 words, which are datatrove's defaults. Prints one
line of JSON: CPU and wall seconds of each job and of all, documents, ids of those removed, the largest memory in use.
The lists of what to remove are complete after `cluster`; `filter` reads the documents again, and writes those that
stay and those that go.
"""

import json
import resource
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
    MinhashDedupSignature,
)
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter
from loguru import logger

logger.remove()


def jobs(source, work, tasks):
    """Name, pipeline and number of tasks of each job."""
    config = MinhashConfig()
    read = JsonlReader(source, glob_pattern="*.jsonl")
    removed = JsonlWriter(f"{work}/removed", compression=None)
    return [
        ("signature", [read, MinhashDedupSignature(f"{work}/signatures", config)], tasks),
        ("buckets", [MinhashDedupBuckets(f"{work}/signatures", f"{work}/pairs", config=config)], config.num_buckets),
        ("cluster", [MinhashDedupCluster(f"{work}/pairs", f"{work}/lists", config)], 1),
        (
            "filter",
            [read, MinhashDedupFilter(f"{work}/lists", removed), JsonlWriter(f"{work}/kept", compression=None)],
            tasks,
        ),
    ]


def cpu():
    """CPU seconds of this process and of those it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(times.ru_utime + times.ru_stime for times in used)


def run(source, work, tasks):
    stages = {}
    for name, pipeline, count in jobs(source, work, tasks):
        begin = cpu(), time.perf_counter()
        logs = f"{work}/logs/{name}"
        # Each job runs its tasks one after the other in this process.
        LocalPipelineExecutor(pipeline, tasks=count, workers=1, logging_dir=logs, skip_completed=False).run()
        stages[name] = {"seconds_cpu": cpu() - begin[0], "seconds_wall": time.perf_counter() - begin[1]}
    return stages


def ids(folder):
    """The ids of the documents in a folder of JSON lines."""
    files = sorted(Path(folder).rglob("*.jsonl"))
    return [json.loads(line)["id"] for file in files for line in file.open(encoding="utf-8")]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        found = run(sys.argv[1], place, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
        gone, stayed = ids(f"{place}/removed"), ids(f"{place}/kept")
    report = {name: sum(stage[name] for stage in found.values()) for name in ("seconds_cpu", "seconds_wall")}
    report |= {"stages": found, "documents": len(gone) + len(stayed), "removed": sorted(gone)}
    report |= {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    print(json.dumps(report | {"version": f"datatrove {version('datatrove')}", "python": sys.version.split()[0]}))
