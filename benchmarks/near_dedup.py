"""How fast is a whole near dedup, JSON lines to lists of what goes, beside others? The figures of near_dedup.md.

    python -m benchmarks.near_corpus CORPUS --documents 50000
    python -m benchmarks.near_dedup CORPUS/documents --datatrove DT --datasketch DS --text-dedup TD [--repeats 3]

One process each, the same documents, 14 bands of 8 over five-word shingles, CPU seconds of the process and its
children, start-up included. Ours runs `near_dedup` in this machine's `local` driver with one worker: JSON lines are
read, checked and stored as documents (01-curate), then the stage; the lists are there after `matches`, and the last
phase writes documents and ledger. datatrove's are there after `cluster`; `filter` writes documents.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

PEERS = Path(__file__).parent / "peers"
RECIPE = """
name: near
input: {{format: jsonl, paths: ['{folder}/*.jsonl']}}
steps:
  - {{use: near_dedup, preset: fineweb, normalise: {normalise}, threshold: 0.7}}
output: {out}
"""


def ours(folder: str, normalise: str) -> dict:
    """One whole run in a process of its own: seconds of it all, and of work by phase."""
    with tempfile.TemporaryDirectory() as place:
        recipe = Path(place) / "near.yaml"
        recipe.write_text(RECIPE.format(folder=folder, out=place, normalise=normalise))
        begin, before = time.perf_counter(), _children()
        command = [sys.executable, "-P", "-m", "corpusmill", "run", str(recipe), "--runner", "local"]
        subprocess.run(command, check=True, capture_output=True)
        seconds = {"seconds_wall": time.perf_counter() - begin, "seconds_cpu": _children() - before}
        stages = dict[str, float]()
        for timing in sorted(Path(place).glob("near/*/timing.json")):
            for name, spent in json.loads(timing.read_text())["seconds"].items():
                stages[f"{timing.parent.name} {name}"] = spent
        ledgers = Path(place).glob("near/02-near_dedup/ledger/*.parquet")
        rows = [row for file in sorted(ledgers) for row in pq.read_table(file, columns=["id", "reason"]).to_pylist()]
    gone = sorted(row["id"] for row in rows if row["reason"])
    return {**seconds, "stages": stages, "documents": len(rows), "removed": gone, "version": f"corpusmill, {normalise}"}


def peer(python: str, script: str, folder: str) -> dict:
    """One run of a peer, which reports on itself; its start-up is added."""
    before = _children()
    found = subprocess.run([python, str(PEERS / script), folder], check=True, capture_output=True, text=True)
    report = json.loads(found.stdout.strip().splitlines()[-1])
    return {**report, "seconds_whole": _children() - before}


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Run each in turn, `--repeats` times, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=os.path.abspath)
    parser.add_argument("--datatrove")
    parser.add_argument("--datasketch")
    parser.add_argument("--text-dedup")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    runs = {
        "plain": lambda: ours(options.folder, "plain"),
        "datatrove's words": lambda: ours(options.folder, "datatrove"),
    }
    for name in ("datasketch", "text_dedup", "datatrove"):
        python = getattr(options, name)
        if python:
            runs[name] = lambda python=python, name=name: peer(python, f"near_dedup_{name}.py", options.folder)
    ours(options.folder, "plain")  # compiles the kernels where they are not
    found: dict[str, list[dict]] = {name: [] for name in runs}
    for repeat in range(options.repeats):
        for name, run in runs.items():
            if repeat and name == "datatrove":
                continue  # minutes each: once is enough beside medians of seconds
            found[name].append(run())
            print(name, f"{found[name][-1]['seconds_cpu']:.1f} s", file=sys.stderr)
    _print(found)


def _print(found: dict[str, list[dict]]) -> None:
    base = statistics.median(run["seconds_cpu"] for run in found["plain"])
    kept = set(found["plain"][0]["removed"])
    print("| | CPU s | times ours | wall s | documents | removed | also removed by ours | stages, s |")
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    for name, runs in found.items():
        cpu, wall = (statistics.median(run[key] for run in runs) for key in ("seconds_cpu", "seconds_wall"))
        last = runs[-1]
        spent = {
            k: v if isinstance(v, float) else v.get("seconds_cpu", v["seconds_wall"]) for k, v in last["stages"].items()
        }
        stages = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in spent.items())
        gone = set(last["removed"])
        print(f"| {name} ({last['version']}) | {cpu:.1f} | {cpu / base:.1f} | {wall:.1f} | {last['documents']:,} |"
              f" {len(gone):,} | {len(gone & kept):,} | {stages} |")  # fmt: skip


if __name__ == "__main__":
    main()
