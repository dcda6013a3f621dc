"""Checkpoints: whole or not there, readable at any number of ranks, and refused for other data or another model.

    <run>/checkpoints/step-00000100/    DCP's files, one per rank, and manifest.json
    <run>/checkpoints/step-00000200.partial/    being written, or left by a run that was killed; the next start removes
                                                it

A folder gets its name when everything in it is on the disk, so whatever has the name can be loaded.
"""

import json
import os
import shutil
import warnings
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict_loader import load as read_all
from torch.distributed.checkpoint.state_dict_saver import async_save

from corpusmill.errors import InputError, OutputError, StorageError
from corpusmill.storage.write import put
from corpusmill.train import optim
from corpusmill.train.architecture import Architecture
from corpusmill.train.config import Checkpoints
from corpusmill.train.parallel import World
from corpusmill.train.spikes import SpikeGuard

if TYPE_CHECKING:
    from corpusmill.train.model import Decoder

VERSION = 1
FOLDER, MANIFEST, PARTIAL = "checkpoints", "manifest.json", ".partial"


@dataclass(frozen=True)
class Loaded:
    """A trained model as evaluation and generation take it.

    Attributes:
        model: on one device, in float32, with nothing sharded.
        architecture: of the model.
        manifest: of the checkpoint; empty for an export.
        tokenizer_path: the tokenizer's file, or None where none lies there.
    """

    model: "Decoder"
    architecture: Architecture
    manifest: dict[str, Any]
    tokenizer_path: str | None


def state(model: nn.Module, optimizer: torch.optim.Optimizer, guard: SpikeGuard) -> dict[str, Tensor]:
    """All tensors of a run by name; they are those in use, so `load` writes into them."""
    return {
        **{f"model.{name}": parameter.detach() for name, parameter in model.named_parameters()},
        **{f"optimizer.{name}": value for name, value in optim.state(model, optimizer).items()},
        **{f"guard.{name}": value for name, value in guard.state().items()},
    }


def all_in(run: Path) -> list[Path]:
    """The whole checkpoints of a run, the oldest first."""
    found = (run / FOLDER).glob(f"step-*/{MANIFEST}") if (run / FOLDER).is_dir() else ()
    return sorted(path.parent for path in found if path.parent.suffix != PARTIAL)


def folder_of(run: Path, step: int) -> Path:
    """Where the checkpoint of a step is, or would be."""
    return run / FOLDER / f"step-{step:08d}"


def step_of(folder: Path) -> int:
    """The step of a checkpoint."""
    return int(folder.name.removeprefix("step-"))


def latest(run: Path) -> Path | None:
    """The newest whole checkpoint of a run."""
    return next(reversed(all_in(run)), None)


def sweep(run: Path) -> None:
    """Remove what a run that was killed left half-written. One rank calls this, before any saves."""
    for path in sorted((run / FOLDER).glob(f"step-*{PARTIAL}")):
        shutil.rmtree(path)


def manifest(folder: Path) -> dict[str, Any]:
    """What a checkpoint says of itself.

    Raises:
        OutputError: if it cannot be read, or is of another version.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{folder}: no checkpoint of corpusmill ({error}); expected {MANIFEST} in it") from error
    if found.get("version") != VERSION:
        raise OutputError(f"{folder}: checkpoint of version {found.get('version')}; this corpusmill reads {VERSION}")
    return cast("dict[str, Any]", found)


def check(folder: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse to go on from a checkpoint of another run.

    Args:
        folder: of the checkpoint, for messages.
        found: its manifest.
        expected: `architecture`, `tokenizer` and `data` of this run, as a manifest has them.

    Raises:
        OutputError: naming what differs, with both values.
    """
    faults = [
        f"{what} is {found[name]} there, but {expected[name]} here"
        for name, what in (("data", "the data's fingerprint"), ("tokenizer", "the tokenizer's digest"))
        if found[name] != expected[name]
    ]
    there, here = found["architecture"], expected["architecture"]
    faults += [
        f"model.{name} is {there.get(name)!r} there, but {here.get(name)!r} here"
        for name in sorted({*there, *here})
        if there.get(name) != here.get(name)
    ]
    if faults:
        advice = "take back the old settings, or give this run another name"
        raise OutputError(f"{folder}: cannot go on from this checkpoint: {'; '.join(faults)}; {advice}")


def load(folder: Path, into: Mapping[str, Tensor], *, alone: bool = False) -> None:
    """Read a checkpoint into tensors, sharded in any way or not at all.

    DCP's index is a pickle: load only checkpoints that you wrote, and take exports from others.

    Args:
        folder: of the checkpoint.
        into: some or all of its tensors by name.
        alone: by this process only; else by all ranks together.

    Raises:
        OutputError: if a tensor is missing or has another shape, or a file is damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "torch.distributed is disabled")  # that is what `alone` asks for
            read_all(_nested(into), checkpoint_id=str(folder), no_dist=alone)
    except CheckpointException as error:
        why = next(iter(error.failures.values()))[0]
        raise OutputError(
            f"{folder}: cannot be loaded ({why}); remove this checkpoint to go on from the one before"
        ) from error


class Saver:
    """Writes checkpoints of a run, in the background where asked, one at a time."""

    def __init__(self, run: Path, chosen: Checkpoints, world: World) -> None:
        """Make the group of ranks that background writing talks in. Collective."""
        self._run, self._chosen, self._world = run, chosen, world
        self._group = dist.new_group(backend="gloo")
        self._future: Future[Any] | None = None
        self._partial = Path()
        self._manifest: dict[str, Any] = {}

    def save(self, tensors: Mapping[str, Tensor], told: Mapping[str, Any]) -> None:
        """Save; returns when the tensors may be changed again, which is when they are copied. Collective.

        Args:
            tensors: as `state` gives them.
            told: the manifest, with `step`.

        Raises:
            StorageError: this one or the one before could not be written.
        """
        self.finish()
        final = folder_of(self._run, told["step"])
        if final.exists():
            return
        self._partial, self._manifest = final.with_name(final.name + PARTIAL), {"version": VERSION, **told}
        self._future = async_save(  # type: ignore[assignment]
            _nested(tensors), checkpoint_id=str(self._partial), process_group=self._group
        )
        if not self._chosen.background:
            self.finish()

    def failed(self) -> bool:
        """Whether writing in the background has failed on this rank; `finish` on all ranks tells why.

        A checkpoint that is complete gets its name here.
        """
        if self._future is None or not self._future.done():
            return False
        if self._future.exception() is not None:
            return True
        self._put()
        return False

    def finish(self) -> None:
        """Wait until what is being written is in place.

        Raises:
            StorageError: it could not be written.
        """
        if self._future is None:
            return
        try:
            self._future.result()
        except CheckpointException as error:
            self._future = None
            rank, (why, _) = next(iter(error.failures.items()))
            reason = getattr(why, "strerror", None) or str(why)
            told = f"{self._partial}: cannot be written (rank {rank}: {reason})"
            kept = latest(self._run)
            goes_on = f"training goes on from {kept.name}" if kept else "training begins anew"
            raise StorageError(f"{told}; free space and run again: {goes_on}") from error
        self._put()

    def _put(self) -> None:
        """Give the folder its name; DCP's last act is an index that rank 0 writes when all ranks are done."""
        self._future = None
        if self._world.rank != 0:
            return
        put(str(self._partial / MANIFEST), json.dumps(self._manifest, indent=1, sort_keys=True).encode())
        _sync(self._partial)
        self._partial.rename(self._partial.with_suffix(""))
        _sync(self._partial.parent)
        prune(self._run, self._chosen)


def prune(run: Path, chosen: Checkpoints) -> None:
    """Remove checkpoints that are neither among the last nor kept for good."""
    for folder in all_in(run)[: -chosen.keep_last]:
        if not chosen.keep_every or step_of(folder) % chosen.keep_every:
            doomed = folder.with_name(folder.name + PARTIAL)  # in one move, so that no half of it passes for a whole
            folder.rename(doomed)
            shutil.rmtree(doomed)


def open_model(path: str, device: str = "cpu") -> Loaded:
    """The model of a run (its latest checkpoint), of a checkpoint, or of an export.

    Raises:
        InputError: there is none of these at the path.
        OutputError: the checkpoint cannot be read.
    """
    from corpusmill.train.model import Decoder

    folder = Path(path)
    if (folder / FOLDER).is_dir():
        found = latest(folder)
        if found is None:
            raise InputError(f"{path}: a training run without a whole checkpoint; let it train until it has saved one")
        folder = found
    if (folder / "config.json").is_file():
        from corpusmill.train import export

        model = export.load(folder)
        beside = folder / "tokenizer.json"
        return Loaded(model.to(device), model.architecture, {}, str(beside) if beside.is_file() else None)
    if not (folder / MANIFEST).is_file():
        expected = (
            "expected the folder of a training run, of a checkpoint (manifest.json) or of an export (config.json)"
        )
        raise InputError(f"{path}: no model here; {expected}")
    told = manifest(folder)
    architecture = Architecture.from_json(told["architecture"])
    with torch.device(device):
        model = Decoder(architecture)
    load(folder, {f"model.{name}": parameter.detach() for name, parameter in model.named_parameters()}, alone=True)
    model.eval()
    return Loaded(model, architecture, told, _tokenizer_near(folder))


def _tokenizer_near(folder: Path) -> str | None:
    """The tokenizer in a checkpoint's folder or in that of its run."""
    places = (place / "tokenizer.json" for place in (folder, folder.parents[1]))
    return next((str(place) for place in places if place.is_file()), None)


def _nested(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """By the first word of the name, as DCP, which joins the names again, is fastest with few keys on top."""
    found: dict[str, Any] = {}
    for name, tensor in tensors.items():
        kind, _, rest = name.partition(".")
        found.setdefault(kind, {})[rest] = tensor
    return found


def _sync(folder: Path) -> None:
    """Make sure that names in a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
