"""Which of the trainer's open choices is fastest on this GPU, and does everything hold there? See gpu.md.

    python -m benchmarks.gpu --output gpu.jsonl [--earlier FILE ...] [--minutes 25] [--case-seconds 150]
                             [--retry] [--only 124m 1b checks] [--device cpu --tiny [--one-process]]

Jobs, each in a process of its own with a time limit: the peak of a large matrix product; the first case of each model;
the checks; then, of both models in turn, one choice after another, each tried with the best of those before it
(benchmarks/gpu_case.py says what there is to choose). A line of JSON is written as each job ends; called again with
the same output, or with `--earlier` lines, what is there is not done again. At the end a table, the best, what failed,
and what was left out.
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
NEEDED = {  # module: package
    "fsspec": "fsspec", "numba": "numba", "numpy": "numpy", "pyarrow": "pyarrow", "pydantic": "pydantic",
    "torch": "torch", "yaml": "pyyaml", "zstandard": "zstandard",
}  # fmt: skip
GOALS = {"124m": 460_000, "1b": 68_000}  # tokens/s on one H200: 40 % and 50 % of the data sheet's 989 TFLOP/s
ALL = [*GOALS, "checks"]
COLUMNS = "tokens/s", "slowest to fastest", "MFU, data sheet", "MFU, measured", "GiB", "loader", "graphs", "begins"
LEAST = 20  # seconds that a job is not worth starting with

WAYS = [
    {"compile": "blocks", "wrap": "fsdp"}, {"compile": "blocks", "wrap": "plain"},
    {"compile": "whole", "wrap": "plain"}, {"compile": "none", "wrap": "fsdp"}, {"compile": "blocks", "wrap": "ddp"},
]  # fmt: skip
ATTENTION = [{"attention": name} for name in ("varlen", "varlen_fa3", "sdpa_cudnn", "sdpa_flash")]
LOSS = [{"loss": name} for name in ("full", "chunked", "chunked_fused", "linear_ce")]
AGAIN = [{"checkpoint_activations": choice} for choice in (False, True)]
START = {
    "compile": "blocks", "wrap": "fsdp", "loss": "full", "attention": "varlen", "checkpoint_activations": False,
}  # fmt: skip


def _rows(*numbers):
    return [{"micro_rows": number} for number in numbers]


# What is tried one after another; what matters most comes first, and memory that a loss saves is tried at the end.
SWEEPS = {
    "124m": [LOSS, _rows(16, 32, 64, 128), WAYS, ATTENTION, LOSS, _rows(16, 32, 64, 128)],
    "1b": [_rows(4, 8, 16, 32), LOSS, WAYS, ATTENTION, _rows(4, 8, 16, 32), AGAIN],
}
FIRST = {"124m": 32, "1b": 8}
TINY = {name: [LOSS, _rows(2, 4), WAYS, ATTENTION, AGAIN] for name in SWEEPS}


class Plan:
    """What is to be done next, from what has been done: nothing else is remembered."""

    def __init__(self, only, *, tiny):
        from benchmarks.gpu_checks import CHECKS

        self.models = [model for model in SWEEPS if model in only]
        self.checks = [{"job": "check", "name": name} for name in CHECKS] if "checks" in only else []
        self.sweeps, self.tiny = TINY if tiny else SWEEPS, tiny

    def first(self, model):
        """The case that a model's sweep begins with; on a processor nothing is compiled but where that is tried."""
        rows = {"compile": "none", "micro_rows": 2} if self.tiny else {"micro_rows": FIRST[model]}
        return {"job": "case", "model": model, **START, **rows}

    def begin(self):
        """Jobs that come before all sweeps."""
        return [{"job": "peak"}, *map(self.first, self.models), *self.checks]

    def sweep(self, model, done):
        """The best case so far, and the cases of the choice that is being tried which are not done yet."""
        best = self.first(model)
        for number, choices in enumerate(self.sweeps[model]):
            tried = [best | choice for choice in choices]
            left = [case for case in tried if key(case) not in done]
            if left:
                return best, left, self.sweeps[model][number + 1 :]
            best = max([best, *tried], key=lambda case: speed(done.get(key(case))))
        return best, [], []

    def next(self, done):
        """The next job, or None where all is done."""
        waiting = [job for job in self.begin() if key(job) not in done]
        for model in sorted(self.models, key=lambda one: sum(f'"model": "{one}"' in name for name in done)):
            waiting += self.sweep(model, done)[1][:1]
        return waiting[0] if waiting else None

    def left_out(self, done):
        """In words, what has not been tried."""
        found = [words(job) for job in self.begin() if key(job) not in done]
        for model in self.models:
            best, left, later = self.sweep(model, done)
            found += [words(job) for job in left if words(job) not in found]
            differing = [
                json.dumps(choice) for choices in later for choice in choices if not choice.items() <= best.items()
            ]
            found += [f"{model}: the best of the above with {choice}" for choice in dict.fromkeys(differing)]
        return list(dict.fromkeys(found))


def key(job):
    """A job's name among results."""
    return json.dumps(job, sort_keys=True)


def words(job):
    """A job as a reader wants it."""
    if job["job"] != "case":
        return " ".join(job.values())
    names = [job["model"], job["compile"], job["wrap"], job["loss"], job["attention"], f"{job['micro_rows']} rows"]
    return ", ".join(names + ["activations again"] * job["checkpoint_activations"])


def speed(record):
    """Tokens/s of a case that can be chosen: one that worked, on packed rows, and stayed finite."""
    if not record or record["status"] != "ok" or record["job"]["attention"].startswith("sdpa_"):
        return -1.0
    return record["tokens_per_second"] if record["skipped"] == 0 else -1.0


def work(job, *, device, tiny):
    """Do a job in this process; gives what it came to, whatever happens."""
    import torch

    from benchmarks import gpu_case, gpu_checks

    did = {"case": gpu_case.measure, "check": gpu_checks.check, "peak": gpu_case.matmul_peak}[job["job"]]
    given = {"case": [job], "check": [job.get("name")], "peak": []}[job["job"]]
    if device == "cpu":
        torch.set_num_threads(1)
    try:
        return {"status": "ok", **did(*given, device=device, tiny=tiny)}
    except torch.OutOfMemoryError:
        return {"status": "out of memory", "memory_gib": torch.cuda.max_memory_allocated() / 2**30}
    except gpu_case.UnsupportedError as error:
        return {"status": "unsupported", "why": str(error)}
    except Exception as error:  # a record like any other: one case that fails must not cost the others
        import traceback

        where = traceback.format_exc().splitlines()[-12:]
        status = "out of memory" if "out of memory" in str(error) else "failed"  # the compiler's errors quote it
        return {"status": status, "why": f"{type(error).__name__}: {error}"[:2000], "where": where}


def start(job, options, seconds):
    """Do a job in a process of its own; gives its record, or None where this call's time was up, not the job's own."""
    if options.one_process:
        return work(job, device=options.device, tiny=options.tiny)
    with tempfile.TemporaryDirectory() as folder:
        result, log = Path(folder) / "result.json", Path(folder) / "log"
        command = [sys.executable, "-m", "benchmarks.gpu", "--device", options.device, "--child", json.dumps(job)]
        command += ["--output", str(result), *(["--tiny"] if options.tiny else [])]
        limit = min(seconds, options.case_seconds)
        with log.open("wb") as file:
            # A session of its own, so that the compiler's processes end with it.
            found = {**os.environ, "PYTHONPATH": str(ROOT)}  # where the current folder is not looked in by itself
            child = subprocess.Popen(command, cwd=ROOT, env=found, stdout=file, stderr=file, start_new_session=True)
            try:
                code = child.wait(limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        if result.is_file():
            return json.loads(result.read_text(encoding="utf-8"))
        if code is None and limit < options.case_seconds:
            return None
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        why = f"longer than {options.case_seconds} s" if code is None else f"ended with {code}"
        return {"status": "too slow" if code is None else "failed", "why": why, "where": tail}


def machine(device):
    """What the figures are of."""
    import torch

    told = {"python": platform.python_version(), "torch": torch.__version__, "device": f"cpu ({platform.machine()})"}
    if device == "cuda":
        told |= {"device": torch.cuda.get_device_name(), "cuda": torch.version.cuda}
    return told


def shares(record, told, done):
    """MFU against the data sheet, against what this machine's products reached; None where it is not known."""
    from corpusmill.train import hardware

    known, peak = hardware.peak(told["device"]), done.get(key({"job": "peak"}), {})
    flops = record["tokens_per_second"] * record["flops_per_token"]
    return flops / known.flops if known else None, flops / peak["flops"] if peak.get("status") == "ok" else None


def table(plan, done, told):
    """The report, as lines of Markdown."""

    def percent(share):
        return "" if share is None else f"{100 * share:.1f} %"

    peak = done.get(key({"job": "peak"}), {})
    lines = [", ".join(f"{name} {value}" for name, value in told.items())]
    if "flops" in peak:
        lines.append(f"bf16 products of {peak['size']:,} cubed: {peak['flops'] / 1e12:,.1f} TFLOP/s")
    for model in plan.models:
        records = [record for record in done.values() if record["job"].get("model") == model]
        records.sort(key=lambda record: -record.get("tokens_per_second", 0))
        best = max(records, key=speed, default=None)
        lines += ["", f"## {model} (goal on one H200: {GOALS[model]:,} tokens/s)", ""]
        columns = (
            "tokens/s",
            "slowest to fastest",
            "MFU, data sheet",
            "MFU, measured",
            "GiB",
            "loader",
            "graphs",
            "begins",
        )
        lines += [f"| case | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
        for record in records:
            if record["status"] != "ok":
                lines.append(f"| {words(record['job'])} | {record['status']} | | | | | | | |")
                continue
            sheet, measured = map(percent, shares(record, told, done))
            memory = "" if record["memory_gib"] is None else f"{record['memory_gib']:.1f}"
            mark = "**" * (record is best and speed(record) > 0)
            speeds = [f"{record[name]:,.0f}" for name in ("tokens_per_second", "slowest", "fastest")]
            cells = [f"{mark}{words(record['job'])}{mark}", speeds[0], " to ".join(speeds[1:]), sheet, measured, memory]
            cells += [percent(record["loader_share"]), record["graphs"], f"{record['seconds_to_first_step']:.0f} s"]
            lines.append(f"| {' | '.join(map(str, cells))} |")
        if best and speed(best) > 0:
            lines += ["", f"Best for packed documents: {words(best['job'])}"]
    return lines + _others(plan, done)


def _others(plan, done):
    """Checks, what went wrong and why, and what was left out."""
    lines = ["", "## Checks", ""]
    for record in done.values():
        if record["job"]["job"] == "check":
            told = record["status"]
            if told == "ok":
                told = "holds" if record["holds"] else "DOES NOT HOLD"
                told += f": {record['found']:.3g}, at most {record['most']:g}"
            lines.append(f"* {record['job']['name']}: {told}")
    wrong = [record for record in done.values() if record.get("why")]
    lines += ["", "## What could not be done", ""]
    lines += [f"* {words(one['job'])}: {one['why'].splitlines()[0][:300]}" for one in wrong] or ["Nothing."]
    left = plan.left_out(done)
    return [*lines, "", "## Left out", "", *([f"* {one}" for one in left] or ["Nothing."])]


def read(paths):
    """Earlier results by job; a later line wins."""
    found = {}
    for path in paths:
        if Path(path).is_file():
            for line in Path(path).read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                if "job" in record:
                    found[key(record["job"])] = record
    return found


def options_of(arguments):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", default="gpu.jsonl", help="lines of JSON; the table goes beside it as .md")
    parser.add_argument("--earlier", nargs="*", default=[], help="lines of earlier calls elsewhere")
    parser.add_argument("--minutes", type=float, default=25, help="of this call; what is under way then is not kept")
    parser.add_argument("--case-seconds", type=float, default=150, help="of one job")
    parser.add_argument("--retry", action="store_true", help="do again what failed, was too slow or out of memory")
    parser.add_argument("--only", nargs="+", choices=ALL, default=ALL)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--tiny", action="store_true", help="toy models: says that the script works, and nothing else")
    parser.add_argument("--one-process", action="store_true", help="all jobs in this process, for tests")
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def main(arguments=None):
    """Measure until all is done or time is up."""
    options, begin = options_of(arguments), time.monotonic()
    missing = [package for module, package in NEEDED.items() if find_spec(module) is None]
    if missing:
        sys.exit(f"benchmarks.gpu: not installed: {', '.join(missing)}; python -m pip install {' '.join(missing)}")
    sys.path[:0] = [] if str(ROOT) in sys.path else [str(ROOT)]
    if options.child:
        found = work(options.child, device=options.device, tiny=options.tiny)
        Path(options.output).write_text(json.dumps(found), encoding="utf-8")
        return
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("benchmarks.gpu: torch sees no GPU here; --device cpu --tiny tries the script itself")
    plan, done, told = (
        Plan(options.only, tiny=options.tiny),
        read([*options.earlier, options.output]),
        machine(options.device),
    )
    with Path(options.output).open("a", encoding="utf-8") as file:
        print(json.dumps({"machine": told}), file=file)
        while (job := plan.next(done)) is not None:
            left = 60 * options.minutes - (time.monotonic() - begin)
            found = start(job, options, left) if left > LEAST else None
            if found is None:
                break
            done[key(job)] = {"job": job, **told, **found}
            print(json.dumps(done[key(job)]), file=file, flush=True)
            shown = (
                f"{found['tokens_per_second']:,.0f} tokens/s" if "tokens_per_second" in found else found.get("why", "")
            )
            print(f"{time.monotonic() - begin:6.0f} s  {words(job)}: {found['status']} {shown}", flush=True)
    report = "\n".join(table(plan, done, told))
    Path(options.output).with_suffix(".md").write_text(report + "\n", encoding="utf-8")
    print(report)


if __name__ == "__main__":
    main()
