"""The texts of documents on their way through a run, masked as reports are: from what lies on disk."""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import plan, stats
from corpusmill.errors import CorpusmillError
from corpusmill.extract import Extractor
from corpusmill.redact.hits import ENTITIES
from corpusmill.report.outputs import Run, StageOutput
from corpusmill.spec import members
from corpusmill.stages.masking import masker
from corpusmill.steps import Chain
from corpusmill.storage import paths
from corpusmill.storage.inputs import HuggingFace, Jsonl, Warc, Wet
from corpusmill.storage.read import Read, read
from corpusmill.storage.splits import WHOLE, Split, identify

LONGEST = 20_000  # code points of a text that are shown
_LINE = r"[^\n]*\n|[^\n]+"
_MARGIN = 1_000  # code points after those, so that what is masked in them is not cut in two first
MASKS = re.compile(f"<(?:{'|'.join(sorted(entity.upper() for entity in ENTITIES))})(?:_\\w+)?>")


class Source(NamedTuple):
    """A record as it was read, or why there is none; of HTML also the text that the run's extractor finds in it."""

    text: str | None
    note: str
    extracted: str | None = None


class Place(NamedTuple):
    """Where a document went into a stage: its shard, and its row of that shard of the stage before."""

    shard: int
    row: int


@dataclass(frozen=True)
class Texts:
    """Reads texts of a run."""

    run: Run

    @cached_property
    def _mask(self) -> Any:
        return masker(plan.masking(self.run.recipe.steps))

    def masked(self, texts: Sequence[str], longest: int = LONGEST) -> list[str]:
        """Texts as they may be shown: without personal data, and cut."""
        parts = [text[: longest + _MARGIN] for text in texts]
        found: list[str] = self._mask(parts)
        changed = [at for at, text in enumerate(texts) if len(text) > len(parts[at]) and found[at] != parts[at]]
        heads: list[str] = self._mask([parts[at][:longest] for at in changed])
        for at, head in zip(changed, heads, strict=True):
            found[at] = stats.safe(found[at], head)
        return [text[:longest] for text in found]

    def after(self, stage: StageOutput, shard: int, row: int) -> str | None:
        """The text of a document that a stage kept, `row` counting those; None where documents were removed."""
        found = stage.documents(shard, np.array([row]), ["text"])
        return None if found is None else self.masked(found["text"].to_pylist())[0]

    def before(self, number: int, places: Sequence[Place], ids: Sequence[str]) -> list[str | None]:
        """Texts that went into stage `number`, counted from 1; None where there is none, or of another document.

        Args:
            number: from 2 on.
            places: of the documents.
            ids: of the documents, as long as `places`.
        """
        stage, found = self.run.stages[number - 2], list[str | None]()
        for place, name in zip(places, ids, strict=True):
            table = stage.documents(place.shard, np.array([place.row]), ["id", "text"])
            there = table is not None and table["id"][0].as_py() == name
            found.append(table["text"][0].as_py() if table is not None and there else None)
        shown = iter(self.masked([text for text in found if text is not None]))
        return [None if text is None else next(shown) for text in found]

    def places(self, stage: StageOutput, ids: Iterable[str], most: int) -> dict[str, Place]:
        """Where documents went into a stage that compares them, by id; looks at `most` ledger rows at least.

        Of several with one id the one that stayed is meant, and of those the first.
        """
        wanted = pa.array(sorted(set(ids)), pa.string())
        found: dict[str, tuple[bool, Place]] = {}
        seen = 0
        for entry in stage.manifest["shards"]:
            if seen >= most or not len(wanted):
                break
            ledger = stage.ledger(entry["shard"], ["row", "id", "reason"])
            seen += ledger.num_rows
            for row in ledger.filter(pc.is_in(ledger["id"], wanted)).to_pylist():
                mine = (row["reason"] is not None, Place(entry["shard"], row["row"]))
                if row["id"] not in found or mine < found[row["id"]]:
                    found[row["id"]] = mine
        return {name: place for name, (_, place) in found.items()}

    def source(self, shard: int, row: dict[str, Any]) -> Source:
        """The record of a first stage's ledger row, read again from the input.

        Args:
            shard: of the first stage.
            row: of its ledger.
        """
        source = self.run.recipe.input
        if isinstance(source, HuggingFace):
            return Source(None, "a dataset of a hub, which is not asked again")
        (entry,) = (entry for entry in self.run.stages[0].manifest["shards"] if entry["shard"] == shard)
        split = Split.from_json(entry["split"])
        try:
            if identify(split.path) != (split.size, split.fingerprint):
                return Source(None, f"{split.path} is not the file that was read; its record is not shown")
            page = _page(source, split, row)
        except CorpusmillError as error:
            return Source(None, f"the input cannot be read again: {error}")
        if page is None:
            return Source(None, f"{split.path}, byte or row {row['offset']}: a record that the reader could not use")
        body = page.column("html" if "html" in page.schema.names else "text")[0].as_py()
        text = body if isinstance(body, str) else body[: 4 * (LONGEST + _MARGIN)].decode(errors="replace")
        note = f"{paths.name(split.path)} at {row['offset']}, {len(body):,} "
        note += "characters" if isinstance(body, str) else "bytes"
        return Source(self.masked([text])[0], note, self._extracted(page))

    def _extracted(self, page: pa.RecordBatch) -> str | None:
        """The text in a page's HTML; None where there is no HTML, or no text in it."""
        _, specs = plan.cut(self.run.recipe.steps)[0]
        extractors = [step for step in specs if isinstance(step, members(Extractor))]
        if not extractors or "html" not in page.schema.names:
            return None
        kept = Chain(extractors[:1])(page).kept
        return self.masked([kept.column("text")[0].as_py()])[0] if kept.num_rows else None


def enterable(source: Any, split: Split) -> bool:
    """Whether one record can be read from where it lies, and not from the beginning of its split on alone."""
    archive = isinstance(source, Warc | Wet) and not split.note and not split.path.endswith((".zst", ".lz4"))
    return archive or (isinstance(source, Jsonl) and not split.path.endswith(WHOLE))


def _page(source: Any, split: Split, row: dict[str, Any]) -> pa.RecordBatch | None:
    """A record, as a batch of one row; None if it is not among those that the reader gives."""
    if enterable(source, split):
        narrow = replace(split, start=row["offset"], end=row["offset"] + 1, length=1)
        found = next((page for part in read(source, narrow) for page in _matching(part, row)), None)
        if found is not None:
            return found
    parts = (part for part in read(source, split) if len(part.numbers))
    for part in parts:
        if part.numbers[-1] >= row["row"]:
            return next(_matching(part, row), None)
    return None


def _matching(part: Read, row: dict[str, Any]) -> Iterator[pa.RecordBatch]:
    same = pc.and_kleene(
        pc.equal(part.batch.column("id"), row["id"]), pc.equal(part.batch.column("offset"), row["offset"])
    )
    return (part.batch.slice(at, 1) for at in np.flatnonzero(pc.fill_null(same, fill_value=False)).tolist())


class Change(NamedTuple):
    """A stretch of two texts: `same` in both, or `before` alone and `after` alone, each of which may be empty."""

    before: str
    after: str

    @property
    def same(self) -> bool:
        """Whether both have it."""
        return self.before == self.after


def changes(before: str, after: str, unit: str = r"\S+|\s+") -> list[Change]:
    """The difference of two texts, from the left.

    Args:
        before: a text.
        after: the other.
        unit: a pattern that cuts a text into what is compared, without rest; by default words.
    """
    a, b = (re.findall(unit, text) for text in (before, after))
    matched = difflib.SequenceMatcher(None, a, b, autojunk=False)
    return [Change("".join(a[i:j]), "".join(b[k:m])) for _, i, j, k, m in matched.get_opcodes()]


def lines(before: str, after: str, most: int = 2_000) -> list[Change]:
    """The difference of two texts by lines; of a long one its first `most` lines."""
    first, second = ("".join(re.findall(_LINE, text)[:most]) for text in (before, after))
    return changes(first, second, _LINE)
