"""The second phase of tokens where a mixture is asked for: how often which documents come, and packed with which."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.stages.encoding import placed
from corpusmill.stages.phases import Int64s, Made, committing
from corpusmill.stages.work import Clock, Task
from corpusmill.storage import exchange
from corpusmill.storage.exchange import IndexedFile
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.write import FileStats
from corpusmill.tokenize import cuts
from corpusmill.tokenize.cuts import Cut
from corpusmill.tokenize.mixtures import Allotment, allot
from corpusmill.tokenize.step import Tokenize

Range = tuple[int, int]  # first shard and last, not included
SHARED = 16  # groups of a corpus that has enough for them: so many workers can pack at once
LEAST_BYTES = 16e6  # of a group, unless the corpus has less, or less is asked for
CUTS = pa.schema([("source", pa.string()), ("passes", pa.int64()), ("below", pa.float64()), ("within", pa.int64())])
GROUPS = pa.schema([("pass", pa.int64()), ("first", pa.int64()), ("last", pa.int64())])


def grouped(sizes: Sequence[float], most: float) -> list[Range]:
    """Neighbours together, in groups of about equal size, none above `most` by more than one of its members.

    So many groups are made that as many workers have the same to do, whatever `most` is: `SHARED`, unless they would be
    below `LEAST_BYTES`.

    Returns:
        First and last (not included) of each; at least one group.
    """
    total = sum(sizes)
    count = max(math.ceil(total / most), min(SHARED, int(total / LEAST_BYTES)), 1)
    found, before, at = [0], 0.0, 0
    for number, size in enumerate(sizes):
        here = min(int((before + size / 2) * count / (total or 1)), count - 1)
        if here != at and number:
            found.append(number)
        before, at = before + size, here
    return list(pairwise([*found, len(sizes)]))


def decided(ids: StageLayout, shards: int, step: Tokenize) -> tuple[list[Allotment], dict[str, Cut]]:
    """What each source gives, and how, from the counts of all shards.

    Raises:
        RecipeError: listing every source that cannot give what is asked of it. OutputError: if counts are missing.
    """
    total: dict[str, Int64s] = {}
    for shard in range(shards):
        for source, counts in placed(ids, shard).items():
            total[source] = total.get(source, 0) + counts
    available = {source: int(counts.sum()) for source, counts in sorted(total.items())}
    found = allot(available, step.asked() or {}, step.mixture_tokens)
    turned = {source: cuts.turned_counts(counts, step.seed) for source, counts in total.items()}
    return found, {entry.source: cuts.cut(entry.tokens, turned[entry.source]) for entry in found}


@dataclass(frozen=True)
class Mix:
    """One task that decides the mixture, or refuses it.

    Attributes:
        groups: of shards that are packed together when all their documents come. sizes: their stored bytes.
    """

    layout: StageLayout
    ids: StageLayout
    step: Tokenize
    name: str
    groups: tuple[Range, ...]
    sizes: tuple[int, ...]

    apart: ClassVar = True  # it may refuse, and then packed shards of an earlier run stay

    def build(self) -> Callable[[Task], None]:
        """Nothing to load."""
        return committing(self.layout, self._make)

    def _make(self, task: Task, clock: Clock) -> Made:
        found, chosen = decided(self.ids, self.groups[-1][1], self.step)
        asked = self.step.asked() or {}
        tallies = Counter[str]()
        for entry in found:
            told = {"wanted": entry.tokens, "available": entry.available, "within": chosen[entry.source].within}
            tallies.update({f"{self.name}.mixture.{entry.source}.{key}": value for key, value in told.items()})
        cuts_table = [{"source": source, **cut._asdict()} for source, cut in chosen.items()]
        groups = [
            {"pass": number, "first": first, "last": last}
            for number, ranges in enumerate(self._by_pass(chosen))
            for first, last in ranges
        ]
        clock.note(f"{self.name}.mixture")
        files = {
            "cuts": _written(self.layout.file("cuts", task.shard), CUTS, cuts_table),
            "groups": _written(self.layout.file("groups", task.shard), GROUPS, groups),
        }
        return Made(files=files, records=len(asked), tallies=tallies)

    def _by_pass(self, chosen: Mapping[str, Cut]) -> Iterator[list[Range]]:
        """The groups of each pass: neighbours together where few of their documents come, so that no file is tiny."""
        held = [self._tokens(group) for group in self.groups]
        for number in range(self.step.passes):
            shares = {source: cut.share(number) for source, cut in chosen.items()}
            if number and not any(shares.values()):
                return
            sizes = []
            for tokens, size in zip(held, self.sizes, strict=True):
                come = sum(count * shares[source] for source, count in sorted(tokens.items()))
                sizes.append(size * come / (sum(tokens.values()) or 1))
            yield [
                (self.groups[first][0], self.groups[last - 1][1])
                for first, last in grouped(sizes, self.step.shard_mb * 1e6)
            ]

    def _tokens(self, group: Range) -> Counter[str]:
        total = Counter[str]()
        for shard in range(*group):
            total.update({source: int(counts.sum()) for source, counts in placed(self.ids, shard).items()})
        return total


def _written(path: str, schema: pa.Schema, rows: Sequence[Mapping[str, object]]) -> FileStats:
    with IndexedFile(path, schema, 1) as file:
        file.add(pa.RecordBatch.from_pylist(list(rows), schema=schema))
        return file.finish()


class Mixture(NamedTuple):
    """What the phase has decided: the cut of each source, and the groups of shards of each pass."""

    cuts: Mapping[str, Cut]
    groups: Mapping[int, tuple[Range, ...]]
    seed: str

    @classmethod
    def read(cls, layout: StageLayout, seed: str) -> "Mixture":
        """As the phase has written it.

        Raises:
            OutputError: if a file is missing or not whole.
        """
        told = [row for batch in exchange.read_all(layout.file("cuts", 0)) for row in batch.to_pylist()]
        chosen = {row.pop("source"): Cut(**row) for row in told}
        groups: dict[int, tuple[Range, ...]] = {}
        for batch in exchange.read_all(layout.file("groups", 0)):
            for row in batch.to_pylist():
                groups[row["pass"]] = (*groups.get(row["pass"], ()), (row["first"], row["last"]))
        return cls(chosen, groups, seed)

    def copies(self, sources: pa.Array, places: npt.NDArray[np.float64]) -> Int64s:
        """How often documents come; int64 (N,)."""
        rows = pc.index_in(sources, value_set=pa.array(list(self.cuts), pa.string())).to_numpy()
        passes = np.array([cut.passes for cut in self.cuts.values()], np.int64)
        below = np.array([cut.below for cut in self.cuts.values()])
        more: Int64s = passes[rows] + (cuts.turned(places, self.seed) < below[rows])
        return more
