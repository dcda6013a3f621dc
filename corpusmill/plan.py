"""From a recipe to stages, their shards and keys; nothing runs and nothing is written."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from corpusmill import __version__, recipe, resources
from corpusmill.recipe import Recipe
from corpusmill.stage import MapStage, Task
from corpusmill.storage import paths, splits
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.splits import Split

FORMAT = 1  # of the files on disk; part of every key


@dataclass(frozen=True)
class Planned:
    """A stage and the tasks that make its shards."""

    stage: MapStage
    tasks: tuple[Task, ...]

    @property
    def input_bytes(self) -> int:
        """Bytes of the source that the tasks will read, as stored."""
        return sum(task.split.length for task in self.tasks)


@dataclass(frozen=True)
class Plan:
    """All stages of a run, and the folder they write to."""

    recipe: Recipe
    root: str
    stages: tuple[Planned, ...]


def make(chosen: Recipe) -> Plan:
    """Decide stages, shards and keys; looks at names and sizes of the input, not at its content.

    Raises:
        InputError: if the input is missing. ResourceError: if a model or list is.
    """
    root = paths.join(chosen.output, chosen.name)
    found = splits.plan_splits(chosen.input)
    key = stage_key(chosen.input, chosen.steps)
    layout = StageLayout(root, 1, "curate")
    stage = MapStage(
        layout=layout, input=chosen.input, specs=tuple(chosen.steps), key=key,
        max_share=chosen.errors.max_share, at_least=chosen.errors.at_least,
    )  # fmt: skip
    tasks = tuple(Task(shard, split, shard_key(key, split)) for shard, split in enumerate(found))
    return Plan(chosen, root, (Planned(stage, tasks),))


def stage_key(source: Any, specs: Sequence[Any]) -> str:
    """A digest of all that decides a stage's output but for the input's bytes.

    It covers the package's version, each step with its defaults and the digests of the files it reads, and how the
    input is read (but not where it lies, so that a copy elsewhere has the same key).
    """
    where = ("paths", "prefix", "split_mb")
    reading = {name: value for name, value in recipe.plain(source).items() if name not in where}
    steps = [{**recipe.plain(step), "files": _digests(step)} for step in specs]
    return _digest({"format": FORMAT, "version": __version__, "input": reading, "steps": steps})


def shard_key(key: str, split: Split) -> str:
    """The key of one shard: its stage's key, and which bytes of which file it reads."""
    return _digest([key, paths.name(split.path), split.fingerprint, split.start, split.end])


def _digests(step: Any) -> list[str]:
    references = step.references() if hasattr(step, "references") else ()
    return [resources.digest(reference) for reference in references]


def _digest(data: Any) -> str:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]
