"""Figures of an evaluation as they are kept: flat rows, in an order of their own, and values of each item beside them.

<name>.json         model, tasks (one row a task), scores (one row a task, group and metric), domains, baselines
<name>.items.jsonl  one line a question: task, key, group, and its metrics; one line a document of packed rows
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from corpusmill.errors import InputError
from corpusmill.storage import paths
from corpusmill.storage.manifest import encode
from corpusmill.storage.write import put

VERSION = 1
ITEMS = ".items.jsonl"


@dataclass(frozen=True)
class Row:
    """One figure.

    Attributes:
        task, metric: what was measured. group: a subject, source or language, "" for all.
        value: the figure. error: its standard error, or None.
        items: how many questions or documents it is of.
    """

    task: str
    group: str
    metric: str
    value: float
    error: float | None
    items: int


@dataclass
class Results:
    """All that an evaluation found.

    Attributes:
        model: what was evaluated: path, step, tokenizer and so on.
        tasks: name → file, digest of it, shots, how many were asked, template.
        rows: figures in the order they are shown in.
        items: of each task, in order: `key`, `group`, and values by metric.
    """

    model: dict[str, Any]
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, other: "Results") -> None:
        """Take over what another evaluation of the same model found."""
        self.tasks |= other.tasks
        self.rows += other.rows
        self.items |= other.items

    def to_json(self) -> dict[str, Any]:
        """All but the items."""
        return {
            "version": VERSION,
            "model": self.model,
            "tasks": self.tasks,
            "scores": [asdict(row) for row in self.rows],
        }


def write(path: str, results: Results) -> str:
    """Write results, and their items beside them; equal results give equal bytes.

    Returns:
        The path of the items.

    Raises:
        StorageError: if they cannot be written.
    """
    beside = path.removesuffix(".json") + ITEMS
    lines = [
        json.dumps({"task": task, **item}, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        for task, items in results.items.items()
        for item in items
    ]
    put(beside, "".join(lines).encode("utf-8", "surrogatepass"))
    put(path, encode(results.to_json()))
    return beside


def read(path: str) -> Results:
    """Read what `write` wrote.

    Raises:
        InputError: it is missing, or is no result of an evaluation.
    """
    if not paths.exists(path):
        raise InputError(f"{path}: no such file; expected the JSON that `corpusmill eval` wrote")
    try:
        data = json.loads(paths.read_text(path))
        if data["version"] != VERSION:
            raise InputError(f"{path}: results of version {data['version']}; expected {VERSION}: evaluate again")
        found = Results(data["model"], data["tasks"], [Row(**row) for row in data["scores"]])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: expected the JSON that `corpusmill eval` wrote; {error}") from error
    beside = path.removesuffix(".json") + ITEMS
    if not paths.exists(beside):
        raise InputError(f"{beside}: missing; it holds the items of {path} and belongs beside it")
    for item in _items(paths.read_text(beside)):
        found.items.setdefault(item.pop("task"), []).append(item)
    return found


def _items(text: str) -> Iterator[dict[str, Any]]:
    for line in text.split("\n"):
        if line:
            yield json.loads(line)
