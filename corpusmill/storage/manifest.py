"""The list of a stage's shards, and JSON with one spelling."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from corpusmill.errors import OutputError

PARTS = "stage, key, parent, shards, text and pruned"


@dataclass(frozen=True)
class Manifest:
    """What a finished stage consists of.

    Attributes:
        stage: the stage's title, e.g. `01-curate`.
        key: digest of all that decides the stage's output but for its input's bytes.
        parent: digest of the manifest that the stage read, or None for a stage that reads the input.
        shards: one entry per shard in order: `shard`, `key`, `split`, and `files` by kind with rows, bytes, sha256.
        text: `raw`, or `redacted` from the stage on that took personal data out.
        pruned: whether documents and dead letters were removed when the run was done (`keep_intermediate: false`).
    """

    stage: str
    key: str
    parent: str | None
    shards: list[dict[str, Any]] = field(default_factory=list)
    text: str = "raw"
    pruned: bool = False

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the rows and bytes of all shards added up by kind of file."""
        totals: dict[str, dict[str, int]] = {}
        for shard in self.shards:
            for kind, facts in shard["files"].items():
                total = totals.setdefault(kind, {"rows": 0, "bytes": 0})
                total["rows"] += facts["rows"]
                total["bytes"] += facts["bytes"]
        return {**asdict(self), "totals": totals}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Manifest":
        """The inverse of `to_json`.

        Raises:
            OutputError: if a part is missing.
        """
        try:
            return cls(data["stage"], data["key"], data["parent"], data["shards"], data["text"], pruned=data["pruned"])
        except KeyError as error:
            raise OutputError(f"expected a manifest with {PARTS}; {error} is missing") from error


def encode(data: Any) -> bytes:
    """JSON with sorted keys, two spaces and a line end: equal values give equal bytes.

    Raises:
        ValueError: for NaN and infinities, which JSON has no words for.
    """
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False)
    return text.encode("utf-8", "surrogatepass") + b"\n"
