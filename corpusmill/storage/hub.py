"""Puts files into a dataset repository of the Hugging Face hub, or into any folder that fsspec knows."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from corpusmill.errors import InputError, OutputError, StorageError, UsageError
from corpusmill.storage import paths
from corpusmill.storage.write import Temporary, telling

CHUNK = 1 << 20
CARD, TOKENIZER = "README.md", "tokenizer.json"
OURS = b"By corpusmill "  # in every card
_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_SHARD = re.compile(r"\d{5,}\.(parquet|arrow)")


@dataclass(frozen=True)
class Item:
    """A file to put somewhere.

    Attributes:
        name: its path there, with `/`.
        source: where it lies, or its content.
        sha256: what its bytes must be; None for content.
    """

    name: str
    source: str | bytes
    sha256: str | None = None

    def chunks(self) -> Iterator[bytes]:
        """The bytes.

        Raises:
            OutputError: if the file is missing. InputError: if it cannot be read.
        """
        if isinstance(self.source, bytes):
            yield self.source
            return
        try:
            with paths.open_read(self.source) as file:
                while chunk := file.read(CHUNK):
                    yield chunk
        except FileNotFoundError as error:
            raise self._missing() from error
        except OSError as error:
            why = error.strerror or error
            raise InputError(f"{self.source}: cannot be read ({why}); look at the disk, then push again") from error

    def need(self) -> None:
        """Refuse a file that is missing, before others are sent.

        Raises:
            OutputError: if it is.
        """
        if isinstance(self.source, str) and not paths.exists(self.source):
            raise self._missing()

    def _missing(self) -> OutputError:
        return OutputError(f"{self.source!s}: no such file; the run is not whole, run its recipe again")


def is_folder(target: str) -> bool:
    """True for a path or URL, as opposed to a repository of the hub."""
    return "://" in target or target.startswith(("/", "./", "../")) or target in {".", ".."}


class Put(NamedTuple):
    """What became of shards that an earlier push had put there: names of those removed, and of those of other kinds."""

    removed: list[str]
    left: list[str]


def put_into(folder: str, items: Sequence[Item], owned: Sequence[str], known: Sequence[str]) -> Put:
    """Copy files into a folder.

    Args:
        folder: path or URL; new, empty, or of an earlier copy.
        items: the files; each appears whole or not at all, in this order.
        owned: folders in it of which no shards but these stay.
        known: all folders in it that an earlier copy may have made.

    Raises:
        OutputError: if the folder holds anything else, or a file is missing or not what it was. InputError: if one
            cannot be read. StorageError: if one cannot be written.
    """
    _check(folder, {*known, *(item.name for item in items if "/" not in item.name)})
    for item in items:
        item.need()
    for item in items:
        path = paths.join(folder, item.name)
        target = Temporary(path)
        digest = hashlib.sha256()
        try:
            with telling(path):
                opened = target.open()
            for chunk in item.chunks():  # what fails in here is not about the target
                digest.update(chunk)
                with telling(path):
                    opened.write(chunk)
            _same(item, digest.hexdigest())
            with telling(path):
                target.put()
        finally:
            target.discard()
    there = (f"{inside}/{name}" for inside in known for name in paths.names(paths.join(folder, inside)))
    found = _earlier(there, items, owned, known)
    for name in found.removed:
        paths.remove(paths.join(folder, name))
    return found


def _check(folder: str, known: set[str]) -> None:
    """Refuse a folder of somebody else: files in it would be written over."""
    there = [name for name in paths.names(folder) if name not in {TOKENIZER, *known}]
    card = paths.join(folder, CARD)
    if not there and paths.names(folder) and not (paths.exists(card) and OURS in paths.read_input(card)):
        there = paths.names(folder)
    if there:
        raise OutputError(
            f"{folder}: found {', '.join(there[:3])}, which no earlier push has put there; choose an empty folder, or"
            " delete this one if a push into it was stopped"
        )


def _earlier(there: Iterable[str], items: Sequence[Item], owned: Sequence[str], known: Sequence[str]) -> Put:
    """Of the files that are there, shards that are not among the items, by whose folder they lie in."""
    names = {item.name for item in items}
    shards = sorted(name for name in there if name not in names and _SHARD.fullmatch(paths.name(name)))
    mine = [name for name in shards if name.partition("/")[0] in owned]
    return Put(mine, [name for name in shards if name.partition("/")[0] in {*known} - {*owned}])


def push(
    repository: str, items: Sequence[Item], owned: Sequence[str], known: Sequence[str], *, public: bool, api: Any = None
) -> Put:
    """Put files into a dataset repository, in one commit.

    The repository is made if there is none. What the hub has already is not sent again.

    Args:
        repository: `user/name`.
        items: the files, on this machine.
        owned: folders of the repository of which no shards but these stay: those of an earlier push would else be
            read with them. Earlier commits keep what they had.
        known: all folders that an earlier push may have made.
        public: whether all may see a repository that is made now.
        api: the hub's client; by default the one that `hf auth login` has prepared.

    Raises:
        UsageError: for a name that is none, or if the client is not installed. OutputError: if a file is missing or
            not what it was. InputError: if one cannot be read. StorageError: if the hub refuses or cannot be reached.
    """
    if not _NAME.fullmatch(repository):
        raise UsageError(f"{repository}: expected user/name on the hub, or a folder as ./name, /name or a URL")
    try:
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError
    except ModuleNotFoundError as error:
        raise UsageError("push needs the package huggingface-hub; pip install 'corpusmill[hub]'") from error
    adding = [CommitOperationAdd(item.name, _checked(item)) for item in items]
    client = HfApi() if api is None else api
    try:
        client.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
        there = [
            entry.path for entry in client.list_repo_tree(repository, recursive=True, repo_type="dataset")
            if hasattr(entry, "blob_id")  # a file
        ]  # fmt: skip
        found = _earlier(there, items, owned, known)
        removing = [CommitOperationDelete(name) for name in found.removed]
        message = f"{len(items)} files by corpusmill"
        client.create_commit(repository, [*adding, *removing], commit_message=message, repo_type="dataset")
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        cause = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        raise StorageError(
            f"{repository}: the hub did not take the files ({cause}); nothing was committed: look at the name,"
            " the network and `hf auth login`, then push again"
        ) from error
    return found


def _checked(item: Item) -> Any:
    """What the client is given: a path on this machine, or content.

    Raises:
        InputError: for a file elsewhere. OutputError: if the bytes are not those that the run wrote.
    """
    if isinstance(item.source, bytes):
        return item.source
    if not paths.is_local(item.source):
        raise InputError(f"{item.source}: the hub's client reads files of this machine; copy the run here, then push")
    digest = hashlib.sha256()
    for chunk in item.chunks():
        digest.update(chunk)
    _same(item, digest.hexdigest())
    return Path(paths.local(item.source))


def _same(item: Item, found: str) -> None:
    if item.sha256 not in (None, found):
        raise OutputError(
            f"{item.source!s}: sha256 {found[:12]}…, but the run's manifest has {str(item.sha256)[:12]}…;"
            " the file was changed since: run the recipe again"
        )
