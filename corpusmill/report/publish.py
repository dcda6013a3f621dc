"""What of a run is published: its last documents or its packed shards, with the data card; raw text only if asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpusmill.errors import UsageError
from corpusmill.report.card import What, card, chosen
from corpusmill.report.outputs import Run
from corpusmill.storage import hub, paths
from corpusmill.storage.hub import CARD, TOKENIZER, Item
from corpusmill.storage.layout import StageLayout

FOLDERS = ("documents", "train", "validation")  # of data files, there as here


@dataclass(frozen=True)
class Published:
    """What was sent.

    Attributes:
        target: the repository or folder.
        files: names there.
        removed: names of files that were there before, and are there no more.
        stage: whose files they are.
    """

    target: str
    files: Sequence[str]
    removed: Sequence[str]
    stage: str


def publish(
    run: Run, target: str, what: What, *, licence: str | None = None, raw: bool = False, public: bool = False
) -> Published:
    """Send files of a finished run to a dataset repository of the hub, or into a folder.

    Args:
        run: the run.
        target: `user/name` on the hub, or a folder as `./name`, `/name` or a URL.
        what: which files.
        licence: for the card.
        raw: send texts that no step has redacted.
        public: make a new repository for all to see.

    Raises:
        UsageError: for raw texts without leave. OutputError: if the run is not whole. StorageError: if they cannot
            be sent.
    """
    found = chosen(run, what)
    if found.manifest["text"] != "redacted" and not raw:
        raise UsageError(
            f"{found.path}: no step has taken personal data out of these texts; add `use: redact` to the recipe and"
            " run it again, or push with --raw"
        )
    items = [*_files(found.path, found.manifest), Item(CARD, card(run, what, licence).encode())]
    if hub.is_folder(target):
        removed = hub.put_into(target, items, FOLDERS)
    else:
        removed = hub.push(target, items, FOLDERS, public=public)
    return Published(target, [item.name for item in items], removed, found.title)


def _files(folder: str, manifest: dict[str, object]) -> Iterator[Item]:
    layout = StageLayout.at(folder)
    shards = manifest["shards"]
    assert isinstance(shards, list)
    for entry in shards:
        for kind in FOLDERS:
            if kind in entry["files"]:
                path = layout.file(kind, entry["shard"])
                yield Item(f"{kind}/{paths.name(path)}", path, entry["files"][kind]["sha256"])
    tokenizer = paths.join(folder, TOKENIZER)
    if paths.exists(tokenizer):  # older runs have none beside their shards
        yield Item(TOKENIZER, tokenizer)
