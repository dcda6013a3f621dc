"""The stage `tokenize` with one and two workers: wall time, and memory of the largest process. Figures of tokenize.md.

    python -m benchmarks.token_run --documents DIR [--copies 16] [--repeats 3] [--runner FnApiRunner] [--work DIR]

DIR has JSON lines of documents (as `benchmarks.near_dedup` makes them). They are copied with a word of the copy before
each text, so that copies are not the same, and run through an empty first stage once; what is timed is the same command
again without the token stage's folder: start-up of the process and of its workers, encoding, packing.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.end_to_end import Peak

RECIPE = """
name: tokens
input: {{format: jsonl, paths: ['{work}/in/*.jsonl'], split_mb: {split_mb}}}
steps:
  - {{use: tokenize, tokenizer: '{tokenizer}', shard_mb: {shard_mb}, validation: 0.01}}
output: {work}/out
"""


def prepare(options):
    """Copies of the documents, each a little different."""
    folder = options.work / "in"
    if folder.exists():
        return
    folder.mkdir(parents=True)
    for copy in range(options.copies):
        for file in sorted(options.documents.rglob("*.jsonl")):
            with file.open() as lines, (folder / f"{copy:03d}-{file.name}").open("w") as out:
                for line in lines:
                    row = json.loads(line)
                    out.write(json.dumps({"id": f"{copy}-{row['id']}", "text": f"Copy {copy}. {row['text']}"}) + "\n")


def once(options, workers):
    """Seconds of the command, and megabytes of its largest process."""
    shutil.rmtree(options.work / "out/tokens/02-tokenize", ignore_errors=True)
    command = [sys.executable, "-P", "-m", "corpusmill", "run", str(options.work / "recipe.yaml")]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--runner", options.runner, "--workers", str(workers)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    peak = Peak(process.pid)
    said, _ = process.communicate()
    peak.stop()
    if process.returncode:
        sys.exit(said)
    return time.perf_counter() - begin, peak.worker


def main():
    """Run one and two workers in turns, and print medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=Path, required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--work", type=Path, default=Path("bench-tokens"))
    parser.add_argument("--copies", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--split-mb", type=float, default=32)
    parser.add_argument("--shard-mb", type=float, default=256)
    parser.add_argument("--runner", default="FnApiRunner")
    options = parser.parse_args()
    prepare(options)
    values = {name: getattr(options, name) for name in ("work", "tokenizer", "split_mb", "shard_mb")}
    (options.work / "recipe.yaml").write_text(RECIPE.format(**values))
    once(options, 2)  # the first stage, and the kernels' cache
    turns = [{workers: once(options, workers) for workers in (1, 2)} for _ in range(options.repeats)]
    seconds = {workers: statistics.median(turn[workers][0] for turn in turns) for workers in (1, 2)}
    report = json.loads((options.work / "out/tokens/02-tokenize/report.json").read_text())
    print(
        json.dumps({
            "runner": options.runner,
            "megabytes": report["steps"][0]["bytes_in"] / 1e6,
            "seconds": seconds,
            "ratio": seconds[1] / seconds[2],
            "ratios": [turn[1][0] / turn[2][0] for turn in turns],
            "largest_process_mb": max(turn[workers][1] for turn in turns for workers in (1, 2)),
            "shard_mb": options.shard_mb,
            "load": os.getloadavg()[0],
        }, indent=1)
    )  # fmt: skip


if __name__ == "__main__":
    main()
