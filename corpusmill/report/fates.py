"""What became of the same records in two runs, matched through their ledgers: what one keeps and the other drops."""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import plan, stats
from corpusmill.report import judgements
from corpusmill.report.asked import stage_steps
from corpusmill.report.outputs import Run
from corpusmill.stages.masking import masked
from corpusmill.storage import paths
from corpusmill.storage.exchange import IndexedFile, read_part
from corpusmill.tokenize.splits import places

PART = 2_000_000  # records of both runs that are compared at once
EXAMPLES = 3  # documents shown for each reason
KEY = "examples of fates"
KEPT = "kept"
By = Literal["id", "url"]
Side = Literal["A", "B"]

# A record and what became of it: `fate` is an index into the run's fates; `stage`, `shard` and `row` say where its last
# ledger row is: counted among all, or, where it was kept, among those that were kept.
RECORD = pa.schema(
    [
        ("key", pa.string()),
        ("fate", pa.int32()),
        ("stage", pa.int16()),
        ("shard", pa.int32()),
        ("row", pa.int64()),
    ]
)


class Change(NamedTuple):
    """Documents that run `keeps` keeps and the other drops for `reason`."""

    keeps: Side
    reason: str


class Example(NamedTuple):
    """A document that one run keeps and the other drops: its value there, and the beginning of its text, masked."""

    id: str
    url: str | None
    value: float | None
    text: str


@dataclass
class Fates:
    """Two runs, record by record.

    Attributes:
        by: what the records were matched by: ids, or URLs where no id is in both runs.
        matched: records in both. kept, dropped: of these, kept or dropped by both.
        only: records, and kept ones, that are in one run alone; by side.
        changes: documents that change sides, most first once all are counted. examples: a few of each.
    """

    by: By
    matched: int = 0
    kept: int = 0
    dropped: int = 0
    only: dict[Side, list[int]] = field(default_factory=lambda: {"A": [0, 0], "B": [0, 0]})
    changes: Counter[Change] = field(default_factory=Counter)
    examples: dict[Change, list[Example]] = field(default_factory=dict)


class _Few(NamedTuple):
    """A candidate for an example: where both runs have it."""

    place: float
    key: str
    dropped: tuple[int, int, int]
    kept: tuple[int, int, int]


def fates(a: Run, b: Run, examples: int = EXAMPLES, part: int = PART) -> Fates:
    """Match the records of two runs, by id, or by URL where they have no id in common.

    Records go to temporary files by a hash of their keys and are compared a part at a time. Where several records
    have one key, the first of one run is compared with the first of the other, and so on.

    Args:
        a: a run.
        b: another.
        examples: shown for each reason.
        part: records held at once.

    Raises:
        OutputError: if a ledger is missing.
    """
    found = _matched(a, b, "id", examples, part)
    return found if found.matched else _by_url(found, a, b, examples, part)


def _by_url(by_id: Fates, a: Run, b: Run, examples: int, part: int) -> Fates:
    found = _matched(a, b, "url", examples, part)
    return found if found.matched else by_id


def _matched(a: Run, b: Run, by: By, examples: int, part: int) -> Fates:
    count = max(1, -(-(_records(a) + _records(b)) // part))
    found, few = Fates(by), dict[Change, list[_Few]]()
    with tempfile.TemporaryDirectory(prefix="corpusmill-fates-") as folder:
        files, reasons = [paths.join(folder, name) for name in "ab"], list[list[str]]()
        for run, file in zip((a, b), files, strict=True):
            reasons.append(_spill(run, by, file, count))
        for number in range(count):
            tables = [pa.Table.from_batches(read_part(file, number), schema=RECORD) for file in files]
            _compare(found, few, tables, reasons, examples)
    found.changes = Counter(dict(sorted(found.changes.items(), key=lambda item: (-item[1], item[0]))))
    for change, candidates in few.items():
        found.examples[change] = _shown(a, b, change, candidates)
    return found


def _records(run: Run) -> int:
    first = run.stages[0].manifest["shards"]
    return sum(entry["files"]["ledger"]["rows"] for entry in first if "ledger" in entry["files"])


def _spill(run: Run, by: By, file: str, count: int) -> list[str]:
    """Write every record's last ledger row; gives the fates, of which the first is that it was kept."""
    names = [KEPT]
    last = max(number for number, stage in enumerate(run.stages) if judgements.shards(stage))
    with IndexedFile(file, RECORD, count) as target:
        for batch in _last_rows(run, by, last, names):
            keys = batch.column("key")
            where = (places(keys, KEY) * count).astype(np.int64) if count > 1 else None
            target.add(batch, where)
        target.finish()
    return names


def _last_rows(run: Run, by: By, last: int, names: list[str]) -> Iterator[pa.RecordBatch]:
    codes_of = {KEPT: 0}
    for number, stage in enumerate(run.stages[: last + 1]):
        steps = stage_steps(stage, run.recipe)
        for shard in judgements.shards(stage):
            kept_before = 0
            for records in judgements.read(stage, steps, shard):
                codes, reasons = records.reasons
                for reason in reasons:
                    if reason not in codes_of:
                        codes_of[reason] = len(names)
                        names.append(reason)
                fate = np.array([*(codes_of[reason] for reason in reasons), 0], np.int32)[codes]
                kept = codes < 0
                row = np.where(kept, kept_before + np.cumsum(kept) - 1, records.first + np.arange(records.count))
                kept_before += int(kept.sum())
                keys = pc.fill_null(records.texts(by).combine_chunks(), "")
                wanted = (~kept | (number == last)) & pc.not_equal(keys, "").to_numpy(zero_copy_only=False)
                same = [np.full(records.count, number, np.int16), np.full(records.count, shard, np.int32)]
                batch = pa.RecordBatch.from_arrays([keys, *map(pa.array, (fate, *same, row))], schema=RECORD)
                yield batch.filter(pa.array(wanted))


def _compare(
    found: Fates, few: dict[Change, list[_Few]], tables: Sequence[pa.Table], reasons: Sequence[list[str]], examples: int
) -> None:
    """Count one part."""
    codes = pa.concat_arrays([t["key"].combine_chunks() for t in tables]).dictionary_encode().indices.to_numpy()
    keys = [_numbered(own) for own in (codes[: len(tables[0])], codes[len(tables[0]) :])]
    _, at_a, at_b = np.intersect1d(keys[0], keys[1], assume_unique=True, return_indices=True)
    fate = [t["fate"].to_numpy() for t in tables]
    for side, own, at in (("A", fate[0], at_a), ("B", fate[1], at_b)):
        alone = np.delete(own, at)
        counts = found.only["A" if side == "A" else "B"]
        counts[0] += len(alone)
        counts[1] += int(np.count_nonzero(alone == 0))
    of_a, of_b = fate[0][at_a], fate[1][at_b]
    found.matched += len(at_a)
    found.kept += int(np.count_nonzero((of_a == 0) & (of_b == 0)))
    found.dropped += int(np.count_nonzero((of_a > 0) & (of_b > 0)))
    keeps: Side
    for keeps, kept, dropped, names in (("A", of_a, of_b, reasons[1]), ("B", of_b, of_a, reasons[0])):
        changed = (kept == 0) & (dropped > 0)
        for code in np.unique(dropped[changed]):
            rows = np.flatnonzero(changed & (dropped == code))
            change = Change(keeps, names[code])
            found.changes[change] += len(rows)
            there = few.setdefault(change, [])
            there += _candidates(tables, at_a[rows], at_b[rows], keeps, examples)
            few[change] = sorted(there)[:examples]


def _numbered(codes: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Each key's number with how often it stood before, so that all are different."""
    order = np.argsort(codes, kind="stable")
    ordered = codes[order].astype(np.int64)
    first = np.r_[True, ordered[1:] != ordered[:-1]][: len(ordered)]
    start = np.maximum.accumulate(np.where(first, np.arange(len(ordered)), 0))
    found = np.empty(len(ordered), np.int64)
    found[order] = (ordered << 32) + np.arange(len(ordered)) - start
    return found


def _candidates(
    tables: Sequence[pa.Table], at_a: npt.NDArray[np.int64], at_b: npt.NDArray[np.int64], keeps: Side, examples: int
) -> list[_Few]:
    """The few with the smallest hash of their keys."""
    where = places(tables[0]["key"].take(at_a).combine_chunks(), KEY)
    best = np.argsort(where, kind="stable")[:examples]
    rows = [t.take(at[best]).to_pylist() for t, at in zip(tables, (at_a, at_b), strict=True)]
    kept, dropped = rows if keeps == "A" else reversed(rows)
    return [
        _Few(float(where[n]), k["key"], (d["stage"], d["shard"], d["row"]), (k["stage"], k["shard"], k["row"]))
        for n, k, d in zip(best, kept, dropped, strict=True)
    ]


def _shown(a: Run, b: Run, change: Change, candidates: Sequence[_Few]) -> list[Example]:
    """Read what is shown of a few documents; texts and addresses are masked as reports are."""
    keeps, drops = (a, b) if change.keeps == "A" else (b, a)
    told = [_example(keeps, drops, change.reason, one) for one in candidates]
    report = stats.Report(examples={change.reason: told})
    report = masked(report, plan.masking(drops.recipe.steps))
    return [Example(one.id, one.url, one.value, one.excerpt) for one in report.examples[change.reason]]


def _example(keeps: Run, drops: Run, reason: str, one: _Few) -> stats.Example:
    stage, shard, row = one.dropped
    output = drops.stages[stage]
    signals = {rule.reason: rule.signal for rule in stage_steps(output, drops.recipe).rules}
    columns = ["id", "url", *([signals[reason]] if reason in signals else [])]
    identifier, url, *value = (column[0] for column in output.ledger(shard, columns).slice(row, 1).to_pydict().values())
    number, shard, row = one.kept
    found = keeps.stages[number].documents(shard, np.array([row]), ["text"])
    text = "" if found is None else found["text"][0].as_py()
    return stats.example(identifier or "", url, value[0] if value else None, text)
