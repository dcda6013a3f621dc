"""Time, memory and stored bytes of near dedup against the number of documents: the figures of docs/scale.md.

    python -m benchmarks.dedup_scale corpus FOLDER --documents 100000 [--near 0.2] [--seed 1] [--data DIR]
    python -m benchmarks.dedup_scale point WORK --documents 10000 100000 [--repeats 3] [--step '{use: near_dedup}']
    python -m benchmarks.dedup_scale components WORK --documents 20000000 100000000 [--stars]
    python -m benchmarks.dedup_scale_figure WORK/points.jsonl --svg docs/scale.svg

`corpus` draws documents of about 1 KB from the sentences of real English texts (those of near_corpus); two documents
drawn apart share a sentence at most. The share `near` are copies of an earlier document with one word in 500 to one in
12 changed. Parquet files of 100,000 documents.

`point` makes a corpus of each size below WORK, runs a recipe of near_dedup alone over it, every phase in a process of
its own, and adds a line to WORK/points.jsonl: processor seconds, largest resident memory (as the system counted it;
and without pages of mapped files, which the system takes back when it needs them, sampled every 10 ms), bytes
written. With --repeats, the median of each time and the largest of each memory. What was made is deleted.

`components` measures the one phase whose memory grows with the corpus, over buckets that are made up as the corpus has
them: 0.94 a document, of two documents each, a third of the documents in them. --stars: by star rounds.

`dedup_scale_figure` prints the tables of dedup_scale.md and draws the figure.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import corpora, near_corpus
from corpusmill import drive, plan, recipe
from corpusmill.dedup.near import NearDedup
from corpusmill.stages import components
from corpusmill.stages.components import RUNS, Components
from corpusmill.stages.members import group_count
from corpusmill.stages.near import KEY_BYTES, PART_BYTES, runs_batches
from corpusmill.stages.phases import Inlet, part_work
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout

FILE = 100_000  # documents of one file
GROUP = 12_000  # documents of one row group, about 12 MB of text
SENTENCES = (6, 13)  # of a document
EDITS = (0.002, 0.08)  # share of words changed, least and most
BUCKETS = 0.94  # a document, in the corpus above with 20 bands of 5
SAMPLE = 0.01  # seconds between two looks at a process
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

    def __init__(self, target=None) -> None:
        self.phases: dict[str, dict] = {}
        self.target = target or run_tasks

    def __call__(self, phase, tasks) -> None:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=self.target, args=(phase, list(tasks), there))
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
        part = work / "part"
        shutil.rmtree(part, ignore_errors=True)
        corpus(part, count, options.near, options.seed, options.data)
        part.rename(folder)
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


def made_up_runs(work: Path, count: int) -> Components:
    """The phase that finds components, over buckets of two documents."""
    rng = np.random.default_rng(1)
    parts = max(1, -(-count * 20 * KEY_BYTES // PART_BYTES))
    candidates = StageLayout(str(work), 2, "candidates")
    buckets = int(count * BUCKETS / parts)
    for part in range(parts):
        one = rng.integers(0, count // 3, buckets) * 3
        members = np.stack([one, one + 1], axis=1).reshape(-1)
        with IndexedFile(candidates.file("runs", part), RUNS, 1) as file:
            for batch in runs_batches(np.arange(0, 2 * buckets + 1, 2), members):
                file.add(batch)
            file.finish()
    numbering = (*range(0, count, FILE), count)
    groups = group_count(count, NearDedup())
    return Components(StageLayout(str(work), 3, "components"), Inlet(candidates, "runs", parts), "x", numbering, groups)


def by_stars(phase, tasks, told) -> None:
    """As `run_tasks`, with components from star rounds."""
    components.UNION_FIND_MAX = 0
    run_tasks(phase, tasks, told)


def components_alone(work: Path, count: int, stars: bool) -> dict:
    """The measurement of one phase at one size."""
    shutil.rmtree(work / "alone", ignore_errors=True)
    measured = Measured(by_stars if stars else run_tasks)
    phase = made_up_runs(work / "alone", count)
    measured(phase, part_work(phase, "key", 1).tasks)
    shutil.rmtree(work / "alone")
    return {"documents": count, "alone": "stars" if stars else "union-find", "phases": measured.phases}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["corpus", "point", "components"])
    parser.add_argument("place", type=Path)
    parser.add_argument("--documents", type=int, nargs="+")
    parser.add_argument("--near", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--step", default="{use: near_dedup}")
    parser.add_argument("--keep", action="store_true", help="leave the corpus where it is")
    parser.add_argument("--stars", action="store_true", help="star rounds in place of union-find")
    parser.add_argument("--data", type=Path, default=corpora.DATA)
    options = parser.parse_args()
    if options.action == "corpus":
        print(json.dumps(corpus(options.place, options.documents[0], options.near, options.seed, options.data)))
        return
    options.place.mkdir(parents=True, exist_ok=True)
    for count in options.documents:
        if options.action == "components":
            found = components_alone(options.place, count, options.stars)
        else:
            found = point(options.place, count, options.step, options.repeats, options)
        with (options.place / "points.jsonl").open("a") as lines:
            lines.write(json.dumps(found) + "\n")
        print(json.dumps(found, indent=1), flush=True)


if __name__ == "__main__":
    main()
