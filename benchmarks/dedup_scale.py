"""Time, memory and stored bytes of near dedup against the number of documents: the figures of docs/scale.md.

    python -m benchmarks.dedup_scale corpus FOLDER --documents 100000 [--near 0.2] [--seed 1] [--data DIR]
    python -m benchmarks.dedup_scale point WORK --documents 10000 100000 [--repeats 3] [--step '{use: near_dedup}']
    python -m benchmarks.dedup_scale peer WORK --input FOLDER [--repeats 3] [--peer-python PYTHON | --peer-result FILE]
    python -m benchmarks.dedup_scale page POINTS.jsonl [--svg docs/scale.svg]

`corpus` draws documents of about 1 KB from the sentences of real English texts (those of near_corpus); two documents
drawn apart share a sentence at most. The share `near` are copies of an earlier document with one word in 500 to one in
12 changed. Parquet files of 100,000 documents.

`point` makes a corpus of each size below WORK, runs a recipe of near_dedup alone over it, every phase in a process of
its own, and adds a line to WORK/points.jsonl: processor seconds, largest resident memory (as the system counted it;
and without pages of mapped files, which the system takes back when it needs them, sampled every 10 ms), bytes
written. With --repeats, the median of each time and the largest of each memory. What was made is deleted.

`peer` runs `corpusmill run` with one worker over a folder of JSON lines, FineWeb's parameters, and datatrove's four
jobs over the same in its own interpreter (--peer-result: what peers/near_dedup_datatrove.py printed before); processor
seconds of whole processes, start-up included, up to the lists of what is removed.

`page` prints the tables and draws the figure.
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import corpora, near_corpus
from corpusmill import drive, plan, recipe

FILE = 100_000  # documents of one file
GROUP = 12_000  # documents of one row group, about 12 MB of text
SENTENCES = (6, 13)  # of a document
EDITS = (0.002, 0.08)  # share of words changed, least and most
SAMPLE = 0.01  # seconds between two looks at a process
PEER = Path(__file__).parent / "peers/near_dedup_datatrove.py"
LISTS = ("signature", "buckets", "cluster")  # datatrove's jobs up to the lists of what is removed
FINEWEB = "{use: near_dedup, preset: fineweb}"
FROM_JSONL = """
name: scale
input: {{format: jsonl, paths: ['{folder}/*.jsonl'], source: scale}}
steps:
  - {step}
output: {out}
"""
RECIPE = """
name: scale
input: {{format: parquet, paths: ['{folder}/*.parquet'], source: scale}}
steps:
  - {step}
output: {out}
"""


def sentences(data: Path) -> list[str]:
    """All different sentences of the sources that are neither very short nor very long."""
    cut = (part for passage in near_corpus.passages(data) for part in near_corpus.SENTENCES.split(passage))
    return list(dict.fromkeys(part for part in cut if 30 <= len(part) <= 400))


def texts(pool: list[str], count: int, near: float, seed: int) -> Iterator[str]:
    """Documents one after the other; a copy is of one of the last 200,000, so that memory is bounded."""
    rng = random.Random(seed)
    before: list[str] = []
    for number in range(count):
        if number and rng.random() < near:
            text = edited(before[rng.randrange(len(before))], pool, rng)
        else:
            text = " ".join(rng.choices(pool, k=rng.randint(*SENTENCES)))
            if len(before) < 200_000:
                before.append(text)
            else:
                before[number % 200_000] = text
        yield text


def edited(text: str, pool: list[str], rng: random.Random) -> str:
    """The text with some of its words changed for others."""
    words, others = text.split(" "), rng.choice(pool).split(" ")
    for _ in range(max(1, round(rng.uniform(*EDITS) * len(words)))):
        words[rng.randrange(len(words))] = rng.choice(others)
    return " ".join(words)


def corpus(folder: Path, count: int, near: float, seed: int, data: Path) -> dict:
    """Write the documents."""
    folder.mkdir(parents=True)
    made = texts(sentences(data), count, near, seed)
    size = 0
    for first in range(0, count, FILE):
        numbers = range(first, min(first + FILE, count))
        rows = [next(made) for _ in numbers]
        size += sum(len(row.encode()) for row in rows)
        table = pa.table({"id": [f"d{number:09d}" for number in numbers], "text": rows})
        pq.write_table(table, folder / f"{first // FILE:05d}.parquet", row_group_size=GROUP, compression="zstd")
    return {"documents": count, "megabytes": size / 1e6}


class Measured:
    """Runs each phase in a process of its own and remembers what that took."""

    def __init__(self) -> None:
        self.phases: dict[str, dict] = {}

    def __call__(self, phase, tasks) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=run_tasks, args=(phase, list(tasks), there))
        process.start()
        private = 0
        while process.is_alive():
            private = max(private, private_bytes(process.pid))
            time.sleep(SAMPLE)
        process.join()
        if process.exitcode:
            raise SystemExit(f"{phase.layout.label}: the process ended with {process.exitcode}")
        told = here.recv()
        told["private_mb"] = round(max(private / 1e6, told["start_private_mb"]), 1)
        self.phases[phase.layout.label.rpartition("/")[2]] = told


def private_bytes(pid: int) -> int:
    """Resident bytes of a process that are not pages of files; 0 once it is gone."""
    return _status(pid, "RssAnon")


def _status(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines.splitlines() if line.startswith(name))


def run_tasks(phase, tasks, told) -> None:
    """Build a phase and run its tasks; in a process of its own."""
    begin = time.process_time()
    run = phase.build()
    built, wall = time.process_time(), time.perf_counter()
    start = private_bytes(os.getpid())
    for task in tasks:
        run(task)
    told.send(
        {
            "tasks": len(tasks),
            "seconds": round(time.process_time() - built, 3),
            "wall": round(time.perf_counter() - wall, 3),
            "build_seconds": round(built - begin, 3),
            "start_private_mb": round(start / 1e6, 1),
            "resident_mb": round(_status(os.getpid(), "VmHWM") / 1e6, 1),
        }
    )


class Quiet:
    """Progress that nobody watches."""

    def begin(self, *_):
        """Nothing."""

    update = retry = begin

    def end(self):
        """Nothing."""


def stored(folder: Path) -> dict[str, dict]:
    """Files and bytes of each kind below a stage's folder, and the largest file."""
    found: dict[str, dict] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".arrow", ".parquet"):
            kind = str(path.parent.relative_to(folder))
            one = found.setdefault(kind, {"files": 0, "bytes": 0, "largest": 0})
            size = path.stat().st_size
            one.update(files=one["files"] + 1, bytes=one["bytes"] + size, largest=max(one["largest"], size))
    return found


def most_records(phase: Path) -> int:
    """Records of the largest task of a phase."""
    return max(json.loads(path.read_text())["report"]["records"] for path in (phase / "reports").iterdir())


def once(work: Path, folder: Path, step: str) -> dict:
    """One run over a corpus, and what it took."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    measured = Measured()
    made = plan.make(recipe.parse(RECIPE.format(folder=folder, out=out, step=step), "scale.yaml"))
    *_, result = drive.run(made, measured, Quiet())
    report = result.report
    stage = Path(result.layout.folder)
    tallies = {name.partition(".")[2]: count for name, count in sorted(report.tallies.items())}
    found = {"phases": measured.phases, "stored": stored(stage), "seconds": result.seconds, "tallies": tallies}
    found["largest"] = {phase: most_records(stage / phase) for phase in ("02-candidates", "04-members", "05-matches")}
    found |= {"shards": len(result.manifest.shards), "kept": report.kept, "dropped": report.dropped}
    shutil.rmtree(out)
    return found


def point(work: Path, count: int, step: str, repeats: int, options: argparse.Namespace) -> dict:
    """The measurement of one size."""
    folder = work / f"corpus-{count}"
    if not folder.exists():
        corpus(folder, count, options.near, options.seed, options.data)
    runs = [once(work, folder, step) for _ in range(repeats)]
    found = runs[0]
    for name, phase in found["phases"].items():
        every = [run["phases"][name] for run in runs]
        for key in ("seconds", "wall", "build_seconds"):
            phase[key] = statistics.median(one[key] for one in every)
        for key in ("private_mb", "resident_mb"):
            phase[key] = max(one[key] for one in every)
    if not options.keep:
        shutil.rmtree(folder)
    return {"documents": count, "step": step, "repeats": repeats, "near": options.near, **found}


def children_seconds() -> float:
    """Processor seconds of the processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(work: Path, folder: Path) -> dict:
    """One run of the command; its processor seconds, and those of its parts."""
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    path = work / "peer.yaml"
    path.write_text(FROM_JSONL.format(folder=folder, out=out, step=FINEWEB))
    before = children_seconds()
    command = [sys.executable, "-P", "-m", "corpusmill", "run", str(path), "--runner", "local"]
    subprocess.run(command, check=True, capture_output=True)
    spent = children_seconds() - before
    stages = [json.loads(file.read_text())["seconds"] for file in sorted(out.glob("*/*/timing.json"))]
    seconds = {name: one for stage in stages for name, one in stage.items()}
    report = json.loads(next(out.glob("*/02-near_dedup/report.json")).read_text())
    shutil.rmtree(out)
    to_lists = spent - seconds["near_dedup.remove"]
    found = {"documents": report["records"], "removed": report["dropped"], "to_lists": to_lists, "all": spent}
    return found | {"parts": stages}


def peer(work: Path, options: argparse.Namespace) -> dict:
    """Both, and how many times as long datatrove takes to its lists."""
    runs = [ours(work, options.input) for _ in range(options.repeats)]
    found = sorted(runs, key=lambda run: run["to_lists"])[len(runs) // 2]
    if options.peer_result:
        told = options.peer_result.read_text()
    else:
        command = [options.peer_python, str(PEER), str(options.input)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    theirs = json.loads(told)
    lists = sum(theirs["stages"][name]["seconds_cpu"] for name in LISTS)
    theirs["removed"] = len(theirs["removed"])
    ratio = lists / found["to_lists"]
    return {"ours": found, "all_of_ours": [run["to_lists"] for run in runs], "theirs": theirs, "ratio": ratio}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["corpus", "point", "peer", "page"])
    parser.add_argument("place", type=Path)
    parser.add_argument("--documents", type=int, nargs="+")
    parser.add_argument("--near", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--input", type=Path)
    parser.add_argument("--peer-python")
    parser.add_argument("--peer-result", type=Path)
    parser.add_argument("--step", default="{use: near_dedup}")
    parser.add_argument("--keep", action="store_true", help="leave the corpus where it is")
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    options = parser.parse_args()
    if options.action == "corpus":
        print(json.dumps(corpus(options.place, options.documents[0], options.near, options.seed, options.data)))
        return
    options.place.mkdir(parents=True, exist_ok=True)
    if options.action == "peer":
        print(json.dumps(peer(options.place, options), indent=1))
        return
    for count in options.documents:
        found = point(options.place, count, options.step, options.repeats, options)
        with (options.place / "points.jsonl").open("a") as lines:
            lines.write(json.dumps(found) + "\n")
        print(json.dumps(found, indent=1), flush=True)


if __name__ == "__main__":
    main()
