"""What kinds of text packed documents are: their sources and languages, by their addresses."""

from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.errors import OutputError
from corpusmill.report import outputs
from corpusmill.report.trace import Packed
from corpusmill.storage import paths

Int64s = npt.NDArray[np.int64]


def domains(stage: str, shards: Int64s, rows: Int64s) -> dict[str, list[str]]:
    """Source and language of documents that a stage packed.

    Args:
        stage: folder of the stage, e.g. `out/fineweb/03-tokenize`.
        shards: int64 (n,), and
        rows: int64 (n,): addresses in the stage before, ascending, each once.

    Returns:
        Kind of domain → a name for each document, "" where none is known. A kind is left out where it has no name, or
        where documents were pruned; nothing is left where the folder belongs to no run.

    Raises:
        OutputError: if the stage before was made anew since, or its ledger is missing.
    """
    root = stage.rstrip("/").rpartition("/")[0]
    if not root or not paths.exists(paths.join(root, "recipe.yaml")):
        return {}
    packed = Packed.find(outputs.find(root))
    if packed is None:
        return {}
    if packed.is_stale():
        raise OutputError(f"{stage}: packed before {packed.before.title} was made anew; run the recipe again")
    found: dict[str, list[str]] = {"source": [], "language": []}
    for shard in np.unique(shards).tolist():
        here = rows[shards == shard]
        ledger = packed.before.kept(shard, here, ("language",))
        documents = packed.before.documents(shard, here, ["source"])
        found["language"] += _names(ledger["language"].to_pylist())
        found["source"] += _names([None] * len(here) if documents is None else documents["source"].to_pylist())
    return {kind: names for kind, names in found.items() if any(names)}


def _names(values: list[Any]) -> list[str]:
    return ["" if value is None else str(value) for value in values]
