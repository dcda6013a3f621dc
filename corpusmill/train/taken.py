"""Which rows each step took: written while training, read back to name the documents of a batch.

A row of `steps.jsonl` says a step's first sample and how many it took; `data.Rows.where` says the rest, and a digest
that it still says the same.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from corpusmill.errors import OutputError, UsageError
from corpusmill.storage import paths
from corpusmill.train import config, journal
from corpusmill.train.data import Int64s, Rows

FILE = "steps.jsonl"


class Taken(NamedTuple):
    """What one step took.

    Attributes:
        step: its number. samples: int64 (n,).
        shards: each packed shard that gave rows, with its part's name and those rows, int64, as they came.
    """

    step: int
    samples: Int64s
    shards: list[tuple[str, str, Int64s]]


def row(rows: Rows, step: int, first: int, count: int) -> dict[str, Any]:
    """A row of `steps.jsonl`: the step took `count` samples from `first` on."""
    return {"step": step, "first": first, "rows": count, "digest": _digest(rows, first, count)}


def find(run: str, step: int) -> Taken:
    """The rows that a step of a training run took, read back from its shards.

    Args:
        run: folder of the training run; its shards must be where its training file says.
        step: as `metrics.jsonl` numbers them.

    Raises:
        OutputError: if it is no training run, or its shards are others now. UsageError: if it took no such step.
    """
    folder = Path(run)
    kept = folder / "training.yaml"
    if not kept.is_file():
        raise OutputError(f"{run}: no training.yaml here{_near(run)}; expected the folder of a training run")
    told = _of_step(folder / FILE, step)
    chosen = config.parse(kept.read_text(encoding="utf-8"), str(kept))
    rows = Rows.open(chosen.data, chosen.seed)
    expected = json.loads(paths.read_text(str(folder / "data.json")))["fingerprint"]
    samples = np.arange(told["first"], told["first"] + told["rows"])
    if rows.fingerprint != expected or _digest(rows, told["first"], told["rows"]) != told["digest"]:
        found = f"the shards now have the fingerprint {rows.fingerprint}, and {expected} when it was trained"
        raise OutputError(f"{run}: {found}; bring back the shards that data.json lists")
    part, shard, at = rows.where(samples)
    home = part << 32 | shard
    found_in = []
    for one in dict.fromkeys(home.tolist()):
        source = rows.parts[one >> 32]
        found_in.append((source.name, source.shards[one & 0xFFFFFFFF].path, at[home == one]))
    return Taken(step, samples, found_in)


def _of_step(path: Path, step: int) -> dict[str, Any]:
    steps = []
    for told in journal.read(path):
        if told["step"] == step:
            return told
        steps.append(told["step"])
    there = f"{steps[0]} to {steps[-1]}" if steps else "none yet"
    raise UsageError(f"{path}: no step {step}; there are {there}")


def _digest(rows: Rows, first: int, count: int) -> str:
    found = hashlib.blake2b(digest_size=8)
    for column in rows.where(np.arange(first, first + count)):
        found.update(column.astype("<i8").tobytes())
    return found.hexdigest()


def _near(run: str) -> str:
    inside = [folder for folder in paths.listing(run) if paths.exists(paths.join(folder, "training.yaml"))]
    return f"; did you mean {', '.join(inside[:3])}?" if inside else ""
