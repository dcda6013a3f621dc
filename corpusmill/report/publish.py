"""What of a run is published: its last documents or its packed shards, with the data card; raw text only if asked."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from corpusmill.errors import OutputError, UsageError
from corpusmill.report.card import UNKNOWN, Licences, What, card, chosen
from corpusmill.report.outputs import Run
from corpusmill.storage import hub, paths
from corpusmill.storage.hub import CARD, TOKENIZER, Item
from corpusmill.storage.layout import StageLayout

KINDS: Mapping[What, Sequence[str]] = {"documents": ("documents",), "packed": ("train", "validation")}
FOLDERS = [kind for kinds in KINDS.values() for kind in kinds]  # of data files, there as here


@dataclass(frozen=True)
class Published:
    """What was sent.

    Attributes:
        target: the repository or folder.
        files: names there.
        removed: names of files that were there before, and are there no more.
        left: names of shards of an earlier push of other kinds, which are not touched.
        stage: whose files they are.
    """

    target: str
    files: Sequence[str]
    removed: Sequence[str]
    left: Sequence[str]
    stage: str


def publish(
    run: Run, target: str, what: What, *, licences: Licences = UNKNOWN, raw: bool = False, public: bool = False
) -> Published:
    """Send files of a finished run to a dataset repository of the hub, or into a folder.

    Args:
        run: the run.
        target: `user/name` on the hub, or a folder as `./name`, `/name` or a URL.
        what: which files.
        licences: for the card.
        raw: send texts that no step has redacted.
        public: make a new repository for all to see.

    Raises:
        UsageError: for raw texts without leave, or a licence of no source. OutputError: if the run is not whole, or
            has nothing to send. StorageError: if they cannot be sent.
    """
    found = chosen(run, what)
    if not sum(found.manifest["totals"].get(kind, {"rows": 0})["rows"] for kind in KINDS[what]):
        raise OutputError(
            f"{found.path}: holds no {'document' if what == 'documents' else 'row of tokens'} to push; look at"
            " corpusmill report for what dropped them"
        )
    if found.manifest["text"] != "redacted" and not raw:
        raise UsageError(
            f"{found.path}: no step has taken personal data out of these texts; add `use: redact` to the recipe and"
            " run it again, or push with --raw"
        )
    items = [*_files(found.path, found.manifest), Item(CARD, card(run, what, licences).encode())]
    if hub.is_folder(target):
        there = hub.put_into(target, items, KINDS[what], FOLDERS)
    else:
        there = hub.push(target, items, KINDS[what], FOLDERS, public=public)
    return Published(target, [item.name for item in items], there.removed, there.left, found.title)


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
