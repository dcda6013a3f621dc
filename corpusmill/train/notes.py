"""What a run writes down besides checkpoints, all of it by rank 0: its settings, rows of metrics, samples, a report."""

import json
from pathlib import Path
from typing import Any, Protocol

import torch

from corpusmill import loader
from corpusmill.storage.write import put
from corpusmill.train import config, hardware, metrics, planner, taken
from corpusmill.train.journal import Journal
from corpusmill.train.metrics import Metrics, Pace
from corpusmill.train.parallel import World, is_bf16
from corpusmill.train.run import Run, Taken
from corpusmill.train.setup import Ready

SAMPLES, REPORT, TIMING = "samples.jsonl", "report.json", "timing.json"


class Progress(Protocol):
    """Who is told how far a run is."""

    def begin(self, name: str, steps: int, done: int) -> None:
        """A run of so many steps begins, or goes on after `done`."""
        ...

    def update(self, step: int, row: dict[str, Any]) -> None:
        """Metrics of the last steps."""
        ...

    def say(self, line: str) -> None:
        """Something worth a line."""
        ...

    def end(self) -> None:
        """No more steps."""
        ...


class Notes:
    """Collects what steps came to, and writes it down now and then."""

    def __init__(self, run: Run, progress: Progress | None) -> None:
        """Write the settings, and take back rows of steps that are done again."""
        self._run, self._progress = run, progress
        ready, first = run.ready, run.world.rank == 0
        watching = ready.chosen.watching
        if first:
            _settings(ready)
        self.metrics = Metrics(
            ready.folder, rank=run.world.rank, last_step=run.step, tensorboard=watching.tensorboard,
            wandb=watching.wandb, settings=loader.plain(ready.chosen),
        )  # fmt: skip
        self._steps = Journal(ready.folder / taken.FILE, run.step) if first else None
        self._samples = Journal(ready.folder / SAMPLES, run.step) if first else None
        self.pace = Pace(
            planner.flops_per_token(ready.architecture, ready.rows.sequence_length),
            run.world.size,
            _peak(ready, run.world),
        )
        self._waiting: list[Taken] = []
        self._seconds = 0.0
        self._last: dict[str, Any] = {}
        if progress is not None:
            progress.begin(ready.chosen.name, ready.steps.count, run.step)

    def step(self, one: Taken) -> None:
        """Note a step; its numbers are read when the next row is written."""
        if self._steps is not None:
            self._steps.write(taken.row(self._run.ready.rows, one.step, one.first, one.rows))
        self._waiting.append(one)
        self.pace.add(one.rows * self._run.ready.rows.sequence_length)

    def log(self) -> None:
        """Write a row of metrics for the steps since the last one."""
        if not self._waiting:
            return
        run, last = self._run, self._waiting[-1]
        numbers = torch.stack([torch.stack([one.loss, one.norm.to(one.loss.device)]) for one in self._waiting])
        losses, norms = numbers.double().cpu().unbind(1)  # here the host waits for the device
        skipped = torch.stack([one.skipped for one in self._waiting]).cpu()
        kept = ~skipped if bool((~skipped).any()) else torch.ones_like(skipped)
        figures = self.pace.figures()
        self._seconds += figures["seconds"]
        row = {
            "step": last.step, "tokens": run.samples * run.ready.rows.sequence_length, "samples": run.samples,
            "loss": float(losses[kept].mean()), "gradient_norm": float(norms[kept].mean()), "learning_rate": last.rate,
            "skipped": int(skipped.sum()),
            "skipped_steps": [one.step for one, bad in zip(self._waiting, skipped.tolist(), strict=True) if bad],
            **figures, "memory_bytes": metrics.memory_bytes(str(run.world.device)),
        }  # fmt: skip
        self._waiting = []
        self._last = row
        self.metrics.write(row)
        if self._progress is not None:
            self._progress.update(last.step, row)

    def validated(self, found: dict[str, float]) -> None:
        """Note figures of validation rows."""
        if found:
            self.metrics.write({"step": self._run.step, **found})
            told = ", ".join(f"{name.replace('_', ' ')} {value:,.4g}" for name, value in found.items())
            self.say(f"step {self._run.step:,}: {told}")

    def sampled(self, found: list[dict[str, Any]]) -> None:
        """Note what the model writes."""
        for sample in found:
            if self._samples is not None:
                self._samples.write({"step": self._run.step, **sample})
            self.metrics.text(self._run.step, f"sample/{sample['prompt']}", sample["text"])

    def say(self, line: str) -> None:
        """Tell whoever looks on."""
        if self._progress is not None:
            self._progress.say(line)

    def report(self, validation: dict[str, float]) -> dict[str, Any]:
        """Write the final figures; the clock's go into a file of their own."""
        run = self._run
        ready = run.ready
        report = {
            "name": ready.chosen.name, "step": run.step, "samples": run.samples,
            "tokens": run.samples * ready.rows.sequence_length, "parameters": planner.count(ready.architecture).total,
            "skipped": int(run.skipped), "loss": self._last.get("loss"), **validation, **ready.identity,
            "epochs": ready.rows.epochs_at(run.samples),
        }  # fmt: skip
        if run.world.rank == 0:
            put(str(ready.folder / REPORT), _json(report))
            put(str(ready.folder / TIMING), _json({"seconds": self._seconds, "ranks": run.world.size}))
        return report

    def close(self) -> None:
        """Write out what waits."""
        if self._progress is not None:
            self._progress.end()
        self.metrics.close()
        for journal in (self._steps, self._samples):
            if journal is not None:
                journal.close()


def finished(ready: Ready) -> dict[str, Any] | None:
    """The report of a run that has taken all its steps, or None."""
    path = ready.folder / REPORT
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    same = all(found.get(name) == value for name, value in ready.identity.items())
    return found if same and found["step"] == ready.steps.count and found["samples"] == ready.steps.samples else None


def _settings(ready: Ready) -> None:
    folder: Path = ready.folder
    put(str(folder / "training.yaml"), config.resolved(ready.chosen).encode())
    put(str(folder / "data.json"), _json(ready.rows.told()))
    if ready.tokenizer is not None:
        put(str(folder / "tokenizer.json"), ready.tokenizer.to_json().encode())


def _peak(ready: Ready, world: World) -> hardware.Peak | None:
    """The device's peak in the numbers that are computed in; fp32 has none in the table."""
    if world.device.type != "cuda" or not is_bf16(ready.chosen.sharding, world.device):
        return None
    return hardware.peak(torch.cuda.get_device_name(world.device))


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False).encode()
