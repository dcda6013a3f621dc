"""Which rules each record of a stage breaks, read back from its ledger: for the recipe's bounds, or for others.

A rule is one end of one limit: what a reason names. The ledger holds the values of records that an earlier step
dropped too, as far as they were measured, so that rules can be judged anew without the documents.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.dedup.decontaminate import Decontaminate
from corpusmill.dedup.lines import LineDedup
from corpusmill.dedup.paragraphs import ParagraphDedup
from corpusmill.extract import Extractor
from corpusmill.filters.c4 import C4
from corpusmill.filters.language import Language
from corpusmill.redact import Redactor
from corpusmill.report.outputs import StageOutput, parquet, reading
from corpusmill.spec import ANY_LANGUAGE, intervals, limits, members
from corpusmill.storage.layout import StageLayout

EDITORS = (C4, LineDedup, ParagraphDedup, Decontaminate, *members(Redactor))  # steps that may change a text
CORPUS_EDITORS = (LineDedup, ParagraphDedup, Decontaminate)  # whose values depend on other documents
FAILED = ".failed"

Mask = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Languages(NamedTuple):
    """The languages of N records: `codes` (N,) are indices into `names`; `len(names)` stands for none."""

    codes: npt.NDArray[np.int64]
    names: Sequence[str]


@dataclass(frozen=True)
class Rule:
    """One end of the limit of one signal.

    Attributes:
        step: number of the step in its stage. signal: column of the ledger. reason: as the ledger writes it.
        above: whether it is the high end. ends: the bound by language. named: all languages that the limit names,
            whom `*` does not reach.
    """

    step: int
    signal: str
    reason: str
    above: bool
    ends: Mapping[str, float]
    named: tuple[str, ...]

    @property
    def by_language(self) -> bool:
        """Whether it asks for the document's language."""
        return self.named != (ANY_LANGUAGE,)

    def broken(self, values: Floats, languages: Languages) -> Mask:
        """Which values lie outside; NaN never does.

        Args:
            values: (N,).
            languages: of the same records.
        """
        if not self.by_language:
            end: Any = self.ends[ANY_LANGUAGE]
        else:
            others = self.ends.get(ANY_LANGUAGE, np.nan)
            table = [self.ends.get(name, np.nan) if name in self.named else others for name in languages.names]
            end = np.array([*table, others])[languages.codes]
        return np.asarray(values > end if self.above else values < end)


def rules(number: int, name: str, step: Any) -> list[Rule]:
    """The rules of a step in judging order; open ends are none."""
    found: dict[str, Rule] = {}
    for signal, limit in limits(step).items():
        table = intervals(limit)
        for language, bounds in table.items():
            for above, (end, reason) in enumerate(zip(bounds, bounds.breaks(signal), strict=True)):
                if end is not None:
                    whole = f"{name}.{reason}"
                    ends = {**(found[whole].ends if whole in found else {}), language: end}
                    found[whole] = Rule(number, f"{name}.{signal}", whole, bool(above), ends, tuple(table))
    return list(found.values())


@dataclass(frozen=True)
class Steps:
    """The steps of a stage, as its ledger was written.

    Attributes:
        names, specs: in order. judged: whether their bounds decide, as opposed to comparisons between documents.
    """

    names: tuple[str, ...]
    specs: tuple[Any, ...]
    judged: bool

    @cached_property
    def rules(self) -> list[Rule]:
        """All rules of the stage in judging order."""
        named = enumerate(zip(self.names, self.specs, strict=True))
        return [rule for number, (name, step) in named for rule in rules(number, name, step)] if self.judged else []

    @cached_property
    def language(self) -> int | None:
        """The last step that names languages."""
        found = [number for number, step in enumerate(self.specs) if isinstance(step, Language)]
        return found[-1] if found else None

    def knows_text(self, number: int) -> int:
        """The last extractor before a step: what was dropped up to it has no text; -1 if there is none."""
        found = [n for n, step in enumerate(self.specs[:number]) if isinstance(step, members(Extractor))]
        return found[-1] if found else -1


@dataclass(frozen=True)
class Records:
    """Some rows of a ledger; columns are read when they are asked for.

    Attributes:
        steps: of the stage. count: of rows. first: number of the first among those of its shard.
    """

    steps: Steps
    count: int
    first: int
    _read: Any = field(repr=False)  # column name → pa.ChunkedArray

    @cached_property
    def reasons(self) -> tuple[Int64s, list[str]]:
        """For each record an index into the reasons of this part, or -1 for those kept."""
        found = self._read("reason").combine_chunks().dictionary_encode()
        codes = found.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, found.dictionary.to_pylist()

    @cached_property
    def ends(self) -> Int64s:
        """The number of the step that ended each record; -1 for the reader, the number of steps for those kept."""
        codes, reasons = self.reasons
        places = {name: number for number, name in enumerate(self.steps.names)}
        table = [places.get(reason.partition(".")[0], -1) for reason in reasons]
        return np.array([*table, len(self.steps.names)], np.int64)[codes]

    @cached_property
    def failed(self) -> Mask:
        """Which records became dead letters."""
        codes, reasons = self.reasons
        return np.array([*(reason.endswith(FAILED) for reason in reasons), False])[codes]

    @cached_property
    def languages(self) -> Languages:
        """The language of each record, as far as it is known."""
        found = self._read("language").combine_chunks().dictionary_encode()
        names = found.dictionary.to_pylist()
        return Languages(found.indices.fill_null(len(names)).to_numpy(zero_copy_only=False).astype(np.int64), names)

    @cached_property
    def sizes(self) -> Int64s:
        """Bytes of each record's text after the last step that saw it; 0 where there never was one."""
        sizes = self._read("bytes_out")
        if not self.steps.judged:  # what is compared is not changed, and of the removed only what came in is noted
            sizes = pc.coalesce(sizes, self._read("bytes_in"))
        return sizes.fill_null(0).to_numpy().astype(np.int64)  # type: ignore[no-any-return]

    def values(self, signal: str) -> Floats:
        """The values of a signal, NaN where it was not measured."""
        return self._read(signal).to_numpy().astype(np.float64, copy=False)  # type: ignore[no-any-return]

    def texts(self, column: str) -> pa.ChunkedArray:
        """A column of strings, e.g. `id`."""
        return self._read(column)

    def seen(self, number: int) -> Mask:
        """Which records a step has measured: all that reached it; and if it is cheap, others that have a text."""
        reached: Mask = self.ends >= number
        if self.steps.specs[number].measures_dropped and self.steps.judged:
            reached = reached | ((self.ends > self.steps.knows_text(number)) & ~self.failed & (self.ends >= 0))
        return reached

    def language_known(self, number: int) -> Mask | None:
        """Which records have, at a step, the language that the ledger names; None for all."""
        names = self.steps.language
        return None if names is None or names >= number else self.seen(names)

    def broken(self, rule: Rule) -> Mask:
        """Which records break a rule, among those whose value and language are known."""
        found = rule.broken(self.values(rule.signal), self.languages)
        known = self.language_known(rule.step) if rule.by_language else None
        return found if known is None else found & known


def read(stage: StageOutput, steps: Steps, shard: int) -> Iterator[Records]:
    """The ledger of a shard, a row group (some 16 MB) at a time; none for a stage without a ledger.

    Raises:
        OutputError: if the ledger is missing or damaged.
    """
    path = StageLayout.at(stage.path).ledger(shard)
    with parquet(path) as file:
        first = 0
        for group in range(file.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            yield Records(steps, count, first, _columns(path, file, group))
            first += count


def _columns(path: str, file: Any, group: int) -> Any:
    def column(name: str) -> pa.ChunkedArray:
        with reading(path):
            return file.read_row_group(group, [name], use_threads=False)[name]

    return column


def shards(stage: StageOutput) -> list[int]:
    """The shards of a stage that have a ledger."""
    return [entry["shard"] for entry in stage.manifest["shards"] if "ledger" in entry["files"]]
