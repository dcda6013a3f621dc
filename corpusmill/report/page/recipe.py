"""Recipe: what was asked for, of what input, and the keys by which the stages are known."""

from collections.abc import Iterator

from corpusmill import __version__
from corpusmill.report.outputs import Run
from corpusmill.report.page.sections import Bytes, Card, Cell, Name, Passage, Piece, Section, Table
from corpusmill.report.page.writing import LONGEST_PASSAGE
from corpusmill.report.settings import SECRETS
from corpusmill.stages.masking import masker
from corpusmill.storage import paths

FILES = 100  # of the input that are shown
LEAD = "The recipe as it was run, with every default written, and what it was run on."
KEYS = (
    "A stage's key is a digest of all that decides its output but the bytes of the input: the version of corpusmill,"
    " the steps with their defaults, the files that they read, and how the input is read. The version at the head of"
    " this section is of what made the page."
)


def section(run: Run) -> Section:
    """The recipe, folded; its stages, and the files of its input."""
    name = paths.join(run.root, "recipe.yaml")
    mask = masker(SECRETS)
    keys: list[list[Cell]] = [
        [stage.title, Name(stage.manifest["key"]), len(stage.manifest["shards"])] for stage in run.stages
    ]
    tables = [Table(head=["stage", "key", "shards"], rows=keys, align="llr", title="Stages", note=KEYS)]
    files = _files(run)
    if files:
        shown = mask(list(files)[:FILES])
        rows: list[list[Cell]] = [
            [Name(path), shards, Bytes(size), Name(digest)]
            for path, (shards, size, digest) in zip(shown, files.values(), strict=False)
        ]
        head = ["file", "shards", "bytes", "fingerprint"]
        more = len(files) - len(shown)
        tables.append(Table(head=head, rows=rows, align="lrrl", title="Input", folded=True, more=more))
    (text,) = mask([paths.read_text(name)])
    return Section(
        name="recipe", title="Recipe", lead=LEAD, figures=[("corpusmill", __version__), ("files of input", len(files))],
        tables=tables,
        examples=[
            Card(title=f"{name}, continued" if number else name, passages=[Passage([Piece(part, "code")])],
                 group="The recipe as it was run", name="recipe-yaml")
            for number, part in enumerate(_parts(text))
        ],
        data={"keys": {stage.title: stage.manifest["key"] for stage in run.stages}, "files": len(files)},
    )  # fmt: skip


def _files(run: Run) -> dict[str, tuple[int, int, str]]:
    """Files of the input: shards that read it, bytes, and what its content is known by."""
    found: dict[str, tuple[int, int, str]] = {}
    for shard in run.stages[0].manifest["shards"]:
        split = shard.get("split") or {}
        if "path" in split:
            shards, *_ = found.get(split["path"], (0,))
            found[split["path"]] = (shards + 1, split["size"], split["fingerprint"])
    return found


def _parts(text: str) -> Iterator[str]:
    """Whole lines, as many as a passage may have."""
    part = ""
    for line in text.splitlines(keepends=True):
        if part and len(part) + len(line) > LONGEST_PASSAGE:
            yield part
            part = ""
        part += line
    yield part
