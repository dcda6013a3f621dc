"""Finds packed shards: of a run, of a stage of it as its manifest lists them, or in a folder of shards alone."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from corpusmill.errors import InputError, OutputError
from corpusmill.storage import paths
from corpusmill.storage.packed import Shard

Split = Literal["train", "validation"]
SPLITS: tuple[Split, ...] = ("train", "validation")
READ_BYTES = 1 << 24  # at once, for a digest


@dataclass(frozen=True)
class Found:
    """Packed shards on disk.

    Attributes:
        name: of the run, or of the folder where there is none. folder: of the stage that packed them.
        files: paths in order. digests: sha256 of each in hexadecimal digits, or None where no manifest says it.
        tokenizer: path of the tokenizer beside them, or None.
    """

    name: str
    folder: str
    files: list[str]
    digests: list[str | None]
    tokenizer: str | None


def find(path: str, split: Split = "train") -> Found:
    """The packed shards at `path`: a run, the folder of a single run, a stage, its `train`, or a folder of shards.

    Raises:
        InputError: naming what is there instead. OutputError: if a file is not the one of the manifest.
    """
    folder = _stage(path.rstrip("/") or path)
    files, digests = _listed(folder, split)
    if not files:
        advice = "give `validation` in the step tokenize a share above 0 and run it again"
        raise InputError(f"{folder}: no {split} shards; {advice if split == 'validation' else 'pack again'}")
    tokenizer = paths.join(folder, "tokenizer.json")
    return Found(_name(folder), folder, files, digests, tokenizer if paths.exists(tokenizer) else None)


def named(path: str) -> list[str]:
    """The packed shards that a path means: a file is itself, a folder `validation` that split, all else as in `find`.

    Raises:
        InputError, OutputError: as `find` does.
    """
    if paths.exists(path) and not paths.is_folder(path):
        return [path]
    return find(path, "validation" if paths.name(path) == "validation" else "train").files


def has(path: str, split: Split) -> bool:
    """Whether the shards at `path` have rows of such a split: a small share held out may be none.

    Raises:
        InputError: if there are no packed shards at all. OutputError: if one cannot be read.
    """
    files, _ = _listed(_stage(path.rstrip("/") or path), split)
    return any(len(Shard(file)) for file in files)


def sha256(path: str) -> str:
    """Digest of a whole file, for shards that no manifest lists.

    Raises:
        OutputError: if it is missing.
    """
    found = hashlib.sha256()
    try:
        with paths.open_read(path) as file:
            while chunk := file.read(READ_BYTES):
                found.update(chunk)
    except FileNotFoundError as error:
        raise OutputError(f"{path}: no such file; it was there when the shards were listed") from error
    return found.hexdigest()


def _stage(path: str) -> str:
    """The folder that holds `train`, or shards themselves."""
    if not paths.exists(path):
        raise InputError(f"{path}: no such shard or folder; expected a run, or packed shards.{paths.near(path)}")
    if _is_run(path):
        return _of_run(path)
    if _packed(path) or (_arrows(path) and paths.name(path) not in SPLITS):
        return path
    if paths.name(path) in SPLITS:
        above = path.removesuffix(paths.name(path)).rstrip("/") or "."
        if _arrows(path) or paths.exists(paths.join(above, "reports")):
            return above
    runs = [folder for folder in paths.listing(path) if _is_run(folder)]
    if len(runs) == 1:
        return _of_run(runs[0])
    if runs:
        raise InputError(f"{path}: holds {len(runs)} runs; name one of {', '.join(runs)}")
    found = ", ".join(paths.names(path)[:5]) or "an empty folder"
    raise InputError(f"{path}: no packed shards (found: {found}); expected a run with the step tokenize, or its shards")


def _of_run(path: str) -> str:
    stages = [folder for folder in paths.listing(path) if _packed(folder)]
    if not stages:
        raise InputError(f"{path}: a run without packed shards; end its recipe with the step tokenize and run it again")
    if len(stages) > 1:
        raise InputError(f"{path}: a run with {len(stages)} packed stages; name one of {', '.join(stages)}")
    return stages[0]


def _listed(folder: str, split: Split) -> tuple[list[str], list[str | None]]:
    """Files and digests by the stage's manifest, or all shards of a folder that has none."""
    manifest = paths.join(folder, "manifest.json")
    if not paths.exists(manifest):
        if paths.exists(paths.join(folder, "reports")):
            raise InputError(f"{folder}: this stage is not finished; run its recipe again to go on")
        alone = _arrows(paths.join(folder, split)) or (_arrows(folder) if split == "train" else [])
        return alone, [None] * len(alone)
    try:
        facts: dict[str, dict[str, Any]] = {
            paths.join(folder, split, f"{entry['shard']:05d}.arrow"): entry["files"][split]
            for entry in json.loads(paths.read_text(manifest))["shards"]
            if split in entry["files"]
        }
    except (ValueError, KeyError) as error:
        raise OutputError(f"{manifest}: not a manifest of shards ({error}); delete it and run again") from error
    for file, told in facts.items():
        _check_size(file, told["bytes"], manifest)
    return list(facts), [told["sha256"] for told in facts.values()]


def _check_size(file: str, expected: int, manifest: str) -> None:
    """A look at sizes costs nothing, and finds what was cut off or copied in part."""
    try:
        size = paths.info(file)["size"]
    except FileNotFoundError as error:
        raise OutputError(f"{file}: no such file, but {manifest} lists it; run the recipe again") from error
    if size != expected:
        raise OutputError(f"{file}: {size:,} bytes, but {expected:,} in {manifest}; copy it again, or delete it and "
                          "run the recipe again")  # fmt: skip


def _name(folder: str) -> str:
    above, _, own = folder.rpartition("/")
    return paths.name(above) if above and _is_run(above) else own


def _is_run(path: str) -> bool:
    return paths.exists(paths.join(path, "recipe.yaml"))


def _packed(path: str) -> bool:
    return paths.is_folder(paths.join(path, "train"))


def _arrows(folder: str) -> list[str]:
    """Shards by name; those that begin with a dot are of a writer that was stopped."""
    return [paths.join(folder, name) for name in paths.names(folder) if name.endswith(".arrow") and name[0] != "."]
