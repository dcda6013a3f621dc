"""What several sections need of a run: its stages by what they hold, names of steps, keep-rates."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from corpusmill.extract import Extractor
from corpusmill.report.outputs import Run, StageOutput
from corpusmill.report.page.sections import Bytes, Cell, Share, Table
from corpusmill.spec import Bounds, members, names
from corpusmill.stats import Report


class Stage(NamedTuple):
    """A finished stage with its report, read once."""

    output: StageOutput
    report: Report

    @property
    def title(self) -> str:
        """As the folder is called, e.g. `01-curate`."""
        return self.output.title

    @property
    def packs(self) -> str | None:
        """The step that packs, for a stage that does."""
        ends = ".train.tokens"
        return next((name.removesuffix(ends) for name in self.report.tallies if name.endswith(ends)), None)


def stages(run: Run) -> list[Stage]:
    """The finished stages in order."""
    return [Stage(output, output.report()) for output in run.stages]


def packed(run: Run) -> Stage | None:
    """The stage that packed, if the run has one."""
    found = stages(run)
    return found[-1] if found and found[-1].packs else None


def with_documents(run: Run) -> list[Stage]:
    """The stages that judge or edit documents: all but the packing one."""
    return [stage for stage in stages(run) if not stage.packs]


def bytes_per_token(run: Run) -> float | None:
    """UTF-8 bytes of text per token, as the run's own tokenizer had it over all documents; None without tokens."""
    stage = packed(run)
    if stage is None or stage.packs is None:
        return None
    encoded = stage.report.tallies[f"{stage.packs}.tokens"]  # once, whatever a mixture repeats or leaves out
    size = stage.report.steps[stage.packs].bytes_in
    return size / encoded if encoded else None


def text_begins(run: Run) -> str:
    """The step from whose end on bytes are of text: the extractor, or `read` where the input is text."""
    steps = zip(names(run.recipe.steps), run.recipe.steps, strict=True)
    return next((name for name, step in steps if isinstance(step, members(Extractor))), "read")


def bounds_of(stage: Stage) -> dict[str, Mapping[str, Bounds]]:
    """The intervals of every signal of a stage, by language, as they were judged."""
    found = stage.output.bounds()
    return {signal: {lang: Bounds(*ends) for lang, ends in table.items()} for signal, table in found.items()}


class Through(NamedTuple):
    """Documents of a language, domain or source: those that came in, those that all stages kept, and their bytes."""

    name: str
    documents: int
    kept: int
    bytes: int

    @property
    def rate(self) -> float | None:
        """Share kept."""
        return self.kept / self.documents if self.documents else None


def through(run: Run, what: str) -> list[Through]:
    """What came into the first stage and out of the last that has documents, most documents first.

    Args:
        run: the run.
        what: `languages`, `domains` or `sources`.
    """
    found = with_documents(run)
    before, after = getattr(found[0].report, what), getattr(found[-1].report, what)
    rows = [Through(name, counts[0], *after.get(name, [0, 0, 0])[1:]) for name, counts in before.items()]
    late = [Through(name, *after[name]) for name in after if name not in before]  # a language named by a later stage
    return sorted([*rows, *late], key=lambda row: (-row.documents, row.name))


def keep_rates(
    first: str, rows: Sequence[Through], *, most: int, title: str, total: int, note: str = "", folded: bool = False
) -> Table:
    """What came in and what was kept of each language, domain or source.

    Args:
        first: what the rows are.
        rows: in the order shown.
        most: rows shown at most.
        title: of the table.
        total: bytes kept of all.
        note: below the title.
        folded: whether the table is closed at first.
    """
    cells: list[list[Cell]] = [
        [
            row.name,
            row.documents,
            row.kept,
            Share(row.rate),
            Bytes(row.bytes),
            Share(row.bytes / total if total else None),
        ]
        for row in rows[:most]
    ]
    head = [first, "documents", "kept", "keep-rate", "bytes kept", "of all bytes kept"]
    return Table(head=head, rows=cells, title=title, more=max(0, len(rows) - most), note=note, folded=folded)
