"""All files of a takedown are written aside first; one small file then commits it, and the rest is moving them.

Killed before the journal is there, nothing has happened; killed after it, `finish` moves what is not moved yet.
"""

import shutil
from typing import Any

from corpusmill.storage import commit, paths
from corpusmill.storage.manifest import encode

FOLDER = "takedowns"


class Staging:
    """Files on their way into a run.

    Attributes:
        root: folder of the run.
    """

    def __init__(self, root: str) -> None:
        """Begin anew: what a killed takedown prepared, but did not commit, goes."""
        self.root = root
        self._moves: list[str] = []
        self._drops: list[str] = []
        _clear(_pending(root))

    def new(self, path: str) -> str:
        """Where to write the new content of a file of the run; it takes its place in the order of these calls."""
        name = paths.relative(path, self.root)
        self._moves.append(name)
        return paths.join(_pending(self.root), name)

    def drop(self, path: str) -> None:
        """Let a file of the run go."""
        self._drops.append(paths.relative(path, self.root))

    def commit(self, proof: dict[str, Any]) -> None:
        """Write the proof and the journal: from now on the takedown will be finished."""
        commit.put(self.new(proof_path(self.root)), encode(proof))
        told = {"list": proof["list"], "proof": self._moves[-1], "moves": self._moves, "drops": self._drops}
        commit.put(_journal(self.root), encode(told))


def unfinished(root: str) -> dict[str, Any] | None:
    """The journal of a takedown that was killed after its commit, or None."""
    return commit.read_json(_journal(root))


def finish(root: str) -> str | None:
    """Move what a committed takedown has prepared into its place; gives the path of its proof.

    Returns None where there is nothing to finish. Safe to repeat.
    """
    told = unfinished(root)
    if told is None:
        return None
    for name in told["moves"]:
        staged = paths.join(_pending(root), name)
        if paths.exists(staged):
            _move(staged, paths.join(root, name))
    for name in told["drops"]:
        paths.remove(paths.join(root, name))
    paths.remove(_journal(root))
    _clear(_pending(root))
    return paths.join(root, told["proof"])


def proofs(root: str) -> list[str]:
    """The proofs of a run's takedowns, in order."""
    folder = paths.join(root, FOLDER)
    return [paths.join(folder, name) for name in paths.names(folder) if name[:-5].isdigit() and name.endswith(".json")]


def proof_path(root: str) -> str:
    """The path of the next proof."""
    return paths.join(root, FOLDER, f"{len(proofs(root)) + 1:04d}.json")


def _journal(root: str) -> str:
    return paths.join(root, FOLDER, "pending.json")


def _pending(root: str) -> str:
    return paths.join(root, FOLDER, "pending")


def _move(staged: str, target: str) -> None:
    if paths.is_local(target):
        paths.local(target).parent.mkdir(parents=True, exist_ok=True)
        paths.local(staged).replace(paths.local(target))
        return
    fs, inner = paths.filesystem(target)
    fs.mv(paths.filesystem(staged)[1], inner)


def _clear(folder: str) -> None:
    if not paths.exists(folder):
        return
    if paths.is_local(folder):
        shutil.rmtree(paths.local(folder))
        return
    fs, inner = paths.filesystem(folder)
    fs.rm(inner, recursive=True)
