"""Whole runs against datatrove, scaling, and memory: the figures of end_to_end.md.

    python -m benchmarks.end_to_end prepare --input DIR --mb 12          # real English documents as JSON lines
    python -m benchmarks.end_to_end speed --peer-python PEER --kind text --input DIR --glob '*.jsonl' --model LID
    python -m benchmarks.end_to_end speed --peer-python PEER --kind warc --input DIR --glob '*.warc.gz' --model LID
    python -m benchmarks.end_to_end scaling --kind warc --input DIR --glob '*.warc.gz' --model LID
    python -m benchmarks.end_to_end memory --kind warc --input SMALL --large LARGE --glob '*.warc.gz' --model LID

Every run is a process of its own on one core (`taskset`), ours and the peer's in turns; medians are printed as JSON.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

HERE = Path(__file__).parent


def our_run(options, folder, output, *, workers=1, runner="local", core="1"):
    """Seconds of wall time inside the run, of work by step, and the kept documents; start-up is given apart."""
    command = [sys.executable, "-P", "-m", "corpusmill", "run", recipe(options, folder, output)]
    command += ["--runner", runner, "--workers", str(workers)]
    prefix = ["taskset", "-c", core] if core else []
    begin = time.perf_counter()
    process = subprocess.Popen([*prefix, *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = Peak(process.pid)
    text, _ = process.communicate()
    peak.stop()
    wall = time.perf_counter() - begin
    if process.returncode:
        sys.exit(text)
    stage = next(Path(output).glob("*/01-*"))
    seconds = json.loads((stage / "timing.json").read_text())["seconds"]
    report = json.loads((stage / "report.json").read_text())
    return {
        "wall": wall,
        "work": sum(seconds.values()),
        "steps": seconds,
        "kept": report["kept"],
        "records": report["records"],
        "worker_mb": peak.worker,
        "bytes_in": text_bytes(report),
    }


def text_bytes(report):
    """Bytes of text that reached the language step."""
    return next(step["bytes_in"] for step in report["steps"] if step["step"] == "language")


def peak_mb(pid):
    """The largest resident memory that a process has had."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) * 1024 / 1e6 if found else 0.0


class Peak(threading.Thread):
    """The largest resident memory of any one process below a pid, in MB, as the system kept it for each."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.worker, self.going = pid, 0.0, True
        self.start()

    def run(self):
        while self.going:
            try:
                top = psutil.Process(self.pid)
                for process in [top, *top.children(recursive=True)]:
                    self.worker = max(self.worker, peak_mb(process.pid))
            except psutil.NoSuchProcess:
                pass
            time.sleep(0.5)  # looking costs milliseconds, which two busy workers on two cores would miss

    def stop(self):
        self.going = False
        self.join()


def recipe(options, folder, output):
    """The steps that datatrove's pipeline has, in its order."""
    head = {"text": "  format: jsonl", "warc": "  format: warc"}[options.kind]
    extract = "  - use: resiliparse\n" if options.kind == "warc" else ""
    text = f"""
name: bench
input:
{head}
  paths: ['{folder}/{options.glob}']
  split_mb: {options.split_mb}
steps:
{extract}  - {{use: language, keep: [en], model: '{options.model}'}}
  - use: gopher_repetition
  - use: gopher_quality
  - {{use: c4, terminal_punctuation: false}}
  - use: fineweb_quality
output: '{output}'
errors: {{at_least: 1000}}
"""
    path = Path(output) / "recipe.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def peer_run(options, output):
    """datatrove on the same files, on one core."""
    script = str(HERE / "peers" / "datatrove_pipeline.py")
    command = [
        "taskset",
        "-c",
        "1",
        options.peer_python,
        script,
        options.kind,
        options.input,
        options.glob,
        output,
        options.model,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def speed(options):
    """Ours and the peer's in turns."""
    ours, peers = [], []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as output:
            ours.append(our_run(options, options.input, output))
        with tempfile.TemporaryDirectory() as output:
            peers.append(peer_run(options, output))
    mine = statistics.median(run["work"] for run in ours)
    theirs = statistics.median(run["seconds"] for run in peers)
    extraction = statistics.median(run["steps"].get("resiliparse", 0) / run["work"] for run in ours)
    return {
        "corpusmill_s": mine,
        "corpusmill_wall_s": statistics.median(run["wall"] for run in ours),
        "datatrove_s": theirs,
        "ratio": theirs / mine,
        "text_mb": ours[0]["bytes_in"] / 1e6,
        "text_mb_s": ours[0]["bytes_in"] / 1e6 / mine,
        "extraction_share": extraction,
        "kept": ours[0]["kept"],
        "peer_kept": peers[0]["kept"],
        "steps": ours[-1]["steps"],
    }


def scaling(options):
    """One worker against two, through Beam's local runner; start-up is in both."""
    walls = {1: [], 2: []}
    for _ in range(options.repeats):
        for workers, seconds in walls.items():
            with tempfile.TemporaryDirectory() as output:
                seconds.append(our_run(options, options.input, output, workers=workers, runner="FnApiRunner", core=""))
                shards = len(list(Path(output).glob("*/01-*/documents/*")))
    one, two = (statistics.median(run["wall"] for run in walls[workers]) for workers in (1, 2))
    return {"wall_1_s": one, "wall_2_s": two, "ratio": one / two, "shards": shards}


def memory(options):
    """The same recipe over a small and a large input."""
    found = {}
    for name, folder in (("small", options.input), ("large", options.large)):
        size = sum(file.stat().st_size for file in Path(folder).glob(options.glob))
        with tempfile.TemporaryDirectory() as output:
            run = our_run(options, folder, output, workers=2, runner="FnApiRunner", core="")
        found[name] = {"input_mb": size / 1e6, "text_mb": run["bytes_in"] / 1e6, "worker_peak_mb": run["worker_mb"]}
    found["ratio"] = found["large"]["worker_peak_mb"] / found["small"]["worker_peak_mb"]
    return found


def prepare(options):
    """Documents of OpenWebText, marked web pages, articles and Wikipedia, over and over, up to a size."""
    from benchmarks import corpora

    sets = (corpora.openwebtext, corpora.web_pages, corpora.articles, corpora.wiki_passages)
    documents = [document for load in sets for document in load(corpora.DATA)]
    Path(options.input).mkdir(parents=True, exist_ok=True)
    written = turn = 0
    with (Path(options.input) / "documents.jsonl").open("w", encoding="utf-8") as file:
        while written < options.mb * 1e6:
            for name, text in documents:
                url = f"https://{name.partition('-')[0]}.example/{turn}/{name}"
                line = json.dumps({"id": f"{turn}-{name}", "url": url, "text": text}, ensure_ascii=False)
                written += file.write(line + "\n")
                if written >= options.mb * 1e6:
                    break
            turn += 1
    return {"bytes": written, "rounds": turn}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("prepare", "speed", "scaling", "memory"))
    parser.add_argument("--kind", choices=("text", "warc"))
    parser.add_argument("--input", required=True)
    parser.add_argument("--large")
    parser.add_argument("--glob")
    parser.add_argument("--model", default="lid.176.ftz")
    parser.add_argument("--mb", type=float, default=12)
    parser.add_argument("--peer-python")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--split-mb", type=float, default=64)
    options = parser.parse_args()
    options.input = str(Path(options.input).resolve())
    options.model = str(Path(options.model).resolve()) if Path(options.model).exists() else options.model
    if options.what == "speed" and not (options.peer_python and shutil.which("taskset")):
        parser.error("speed needs --peer-python, and taskset on the path")
    print(
        json.dumps(
            {"prepare": prepare, "speed": speed, "scaling": scaling, "memory": memory}[options.what](options), indent=2
        )
    )


if __name__ == "__main__":
    main()
