"""Committing shards: the report sidecar comes last, and with it the shard is done."""

import json
import os
import re
import socket
import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from corpusmill.storage import paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import encode
from corpusmill.storage.write import TEMPORARY, FileStats
from corpusmill.storage.write import put as put  # noqa: PLC0414, given on to the drivers

PHASE = re.compile(r"\d\d-|.*\.")  # a phase's folder, or a file
FOREIGN_AGE = 86_400.0  # seconds after which another machine's temporary file is taken for left behind


def commit(
    layout: StageLayout, shard: int, key: str, report: Mapping[str, Any], files: Mapping[str, FileStats]
) -> None:
    """Write the sidecar that makes a shard count; its files must be in place.

    Args:
        layout: the stage's files.
        shard: the shard's number.
        key: what decided the shard's content; `committed` asks for the same.
        report: the shard's report as plain values.
        files: what was written, by kind.
    """
    told = {"key": key, "report": report, "files": {kind: asdict(stats) for kind, stats in files.items()}}
    put(layout.sidecar(shard), encode(told))


def committed(layout: StageLayout, shard: int, key: str) -> dict[str, Any] | None:
    """The sidecar of a shard that is committed under `key`, or None if the shard is to be made.

    On a local disk the shard's files must also be there in the size that was written, so that deleting one is enough
    to have the shard made again.
    """
    found = read_json(layout.sidecar(shard))
    if found is None or found.get("key") != key:
        return None
    whole = all(_in_place(layout.file(kind, shard), facts["bytes"]) for kind, facts in found["files"].items())
    return found if whole else None


def _in_place(path: str, size: int) -> bool:
    return not paths.is_local(path) or (paths.exists(path) and paths.info(path)["size"] == size)


def sidecars(layout: StageLayout) -> list[int]:
    """The numbers of the shards that have a sidecar, whatever its key."""
    names = paths.names(paths.join(layout.folder, "reports"))
    return [int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdigit()]


def put_timing(layout: StageLayout, shard: int, seconds: Mapping[str, float]) -> None:
    """Note how long each step of a shard took; not part of what is compared."""
    put(layout.shard_timing(shard), encode({"seconds": {name: round(value, 6) for name, value in seconds.items()}}))


def read_timing(layout: StageLayout, shard: int) -> dict[str, float]:
    """Seconds by step of a shard; empty if they were not noted."""
    found = read_json(layout.shard_timing(shard))
    return dict(found["seconds"]) if found else {}


def put_failure(layout: StageLayout, shard: int, error: str, message: str) -> None:
    """Note what stopped a shard: the class of the error and its message."""
    put(layout.failure(shard), encode({"shard": shard, "error": error, "message": message}))


def first_failure(layout: StageLayout) -> dict[str, Any] | None:
    """The noted failure of the lowest shard, or None."""
    folder = paths.join(layout.folder, "failures")
    found = (read_json(paths.join(folder, name)) for name in paths.names(folder) if name.endswith(".json"))
    return next((failure for failure in found if failure), None)


def clear_failures(layout: StageLayout) -> None:
    """Forget the failures of an earlier attempt."""
    folder = paths.join(layout.folder, "failures")
    for name in paths.names(folder):
        paths.remove(paths.join(folder, name))


def sweep(layout: StageLayout, shards: int) -> None:
    """Remove what earlier runs left behind: temporary files of dead processes, and shards numbered `shards` or more."""
    for kind in paths.names(layout.folder):
        if PHASE.match(kind):  # it sweeps its own
            continue
        folder = paths.join(layout.folder, kind)
        for name in paths.names(folder):
            number = name.partition(".")[0]
            if (number.isdigit() and int(number) >= shards) or _left_behind(folder, name):
                paths.remove(paths.join(folder, name))
    for folder in (layout.folder, layout.root):
        for name in paths.names(folder):
            if _left_behind(folder, name):
                paths.remove(paths.join(folder, name))


def _left_behind(folder: str, name: str) -> bool:
    """True for a temporary file that nobody is writing any more."""
    if not name.startswith(TEMPORARY) or not paths.is_local(folder):
        return False
    host, _, rest = name.removeprefix(TEMPORARY).rpartition("-")[0].rpartition("-")
    if host == socket.gethostname() and rest.isdigit():
        return int(rest) == os.getpid() or not _alive(int(rest))
    return time.time() - paths.local(paths.join(folder, name)).stat().st_mtime > FOREIGN_AGE


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read_json(path: str) -> dict[str, Any] | None:
    """A JSON object, or None where there is no file or not a whole one."""
    try:
        found = json.loads(paths.read_text(path))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None
