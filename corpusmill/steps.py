"""A chain of built steps over a batch: the whole of a map stage, and the way to use steps in Python."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill import documents, excerpts, spans, stats
from corpusmill.signals import Measured, Verdict, judge
from corpusmill.spec import limits, names
from corpusmill.view import View

Batch: TypeAlias = pa.RecordBatch | pa.Table | Mapping[str, Sequence[Any]]
Mask = npt.NDArray[np.bool_]


def ledger_schema(specs: Sequence[Any], called: Sequence[str] | None = None) -> pa.Schema:
    """The ledger's columns: what is known of every record, then `step.signal` for every signal of the chain.

    Args:
        specs: the steps.
        called: their names, where the chain is a part of a recipe that numbers them.
    """
    fixed = [("id", pa.string()), ("url", pa.string()), ("offset", pa.int64()), ("language", pa.string())]
    sizes = [("reason", pa.string()), ("bytes_in", pa.int64()), ("bytes_out", pa.int64())]
    named = list(zip(called or names(specs), specs, strict=True))
    signals = [(f"{n}.{s}", pa.float64()) for n, step in named for s in limits(step)]
    evidence = [(f"{n}.{e}", pa.string()) for n, step in named for e in getattr(step, "evidence", ())]
    return pa.schema([*fixed, *sizes, *signals, *evidence])


class Death(NamedTuple):
    """A row of the input batch that a step could not measure."""

    row: int
    step: str
    error: str


class Outcome(NamedTuple):
    """What a chain makes of a batch.

    `kept` holds the surviving documents; `ledger` one row per input row (see `ledger_schema`); `dead` the rows that
    failed; `rows` the input row of each kept document; `seconds` the processor time spent by step.
    """

    kept: pa.RecordBatch
    ledger: pa.RecordBatch
    report: stats.Report
    dead: list[Death]
    rows: npt.NDArray[np.int64]
    seconds: dict[str, float]


class Chain:
    """Built steps in order.

    >>> from corpusmill import Chain, GopherQuality, documents
    >>> Chain([GopherQuality()])(documents.from_texts(["too short"])).ledger["reason"].to_pylist()
    ['gopher_quality.words<50']
    """

    def __init__(
        self, specs: Sequence[Any], called: Sequence[str] | None = None, measures: Sequence[Any] | None = None
    ) -> None:
        """Build every step: models load here, so make a chain once per process.

        Args:
            specs: the steps.
            called: their names, where the chain is a part of a recipe that numbers them.
            measures: what measures for each step, where it knows more than its spec can build.
        """
        self.specs = list(specs)
        self.names = list(called or names(specs))
        self.schema = ledger_schema(specs, self.names)
        whole = [step.use for step in self.specs if measures is None and not hasattr(step, "build")]
        if whole:
            raise TypeError(
                f"{', '.join(whole)}: compares the documents of a whole corpus, which a chain never sees; write it into"
                " a recipe and run that (corpusmill run, or plan.make and drive.run)"
            )
        self._measures = list(measures) if measures else [step.build() for step in self.specs]

    def __call__(self, data: Batch) -> Outcome:
        """Measure and judge a batch, a table, or a mapping of columns with at least `text` (or `html`)."""
        work = _Work(documents.conform(data), self.schema)
        for name, step, measure in zip(self.names, self.specs, self._measures, strict=True):
            begin = time.process_time()
            work.take(name, step, measure)
            work.seconds[name] = time.process_time() - begin
        return work.outcome()

    def map(self, data: Batch) -> dict[str, list[Any]]:
        """The kept documents as lists: for `datasets.Dataset.map(chain.map, batched=True, remove_columns=…)`."""
        return self(data).kept.to_pydict()  # type: ignore[no-any-return]


@dataclass
class _Step:
    """One step at work: what it measured, spread over the rows of the working batch."""

    name: str
    target: npt.NDArray[np.int64]  # the rows of the working batch that were measured
    measured: Measured
    verdict: Verdict


class _Work:
    """The state of one batch on its way through a chain.

    `rows` maps the working batch to the input batch. Rows leave it when they fail, or when they were dropped before
    there was a text; dropped rows otherwise stay, so that cheap steps measure them for the ledger.
    """

    def __init__(self, batch: pa.RecordBatch, schema: pa.Schema) -> None:
        count = batch.num_rows
        self.input = batch
        self.records = excerpts.Records(batch)
        self.view = View(batch)
        self.rows = np.arange(count, dtype=np.int64)
        self.alive = np.ones(count, bool)
        self.reasons = np.full(count, None, dtype=object)
        self.languages = np.full(count, None, dtype=object)
        self.sizes_in = np.full(count, -1, np.int64)
        self.sizes_out = np.full(count, -1, np.int64)
        own = list(schema)[7:]
        self.values = {field.name: np.full(count, np.nan) for field in own if field.type == pa.float64()}
        self.evidence = {field.name: np.full(count, None, dtype=object) for field in own if field.type == pa.string()}
        self.schema = schema
        self.dead: list[Death] = []
        self.report = stats.Report(records=count)
        self.seconds: dict[str, float] = {}
        self._note_sizes()

    def take(self, name: str, step: Any, measure: Any) -> None:
        """Let one step measure, judge and change the working batch."""
        counts = self.report.steps[name] = stats.StepCounts()
        counts.documents_in, counts.bytes_in = self._alive_size()
        alive = self.alive[self.rows]
        everything = step.measures_dropped or bool(alive.all())
        target = np.arange(len(self.rows)) if everything else np.flatnonzero(alive)
        view = self.view if everything else View(self.view.batch.take(pa.array(target)))
        measured: Measured = measure(view)
        languages = measured.columns.get("language", _language(view))
        verdict = judge(step, measured.signals, languages)
        found = _Step(name, target, measured, verdict)
        judged = self._record(found, counts)
        if "text" in view.batch.schema.names:
            excerpts.near(
                self.report, self.records, name, step, view.column("text"), self.rows[target], measured.signals,
                verdict, judged, languages,
            )  # fmt: skip
        self._change(name, target, measured)
        counts.documents_out, counts.bytes_out = self._alive_size()

    def _record(self, step: _Step, counts: stats.StepCounts) -> Mask:
        """Take over what was measured and decided; gives which of the measured were judged, being still there."""
        inputs = self.rows[step.target]
        failed = np.isin(np.arange(len(inputs)), list(step.measured.failed))
        judged = self.alive[inputs] & ~failed
        for signal, values in step.measured.signals.items():
            full = self.values[f"{step.name}.{signal}"]
            full[inputs[~failed]] = values[~failed]
            if judged.any():
                self.report.histograms[f"{step.name}.{signal}"] = stats.bins(np.asarray(values[judged], np.float64))
        for name, found in step.measured.evidence.items():
            self.evidence[f"{step.name}.{name}"][inputs[~failed]] = found.to_numpy(zero_copy_only=False)[~failed]
        dropped = judged & (step.verdict.codes >= 0)
        for code in np.unique(step.verdict.codes[dropped]):
            self._drop(step, int(code), np.flatnonzero(dropped & (step.verdict.codes == code)), counts)
        for row, error in step.measured.failed.items():
            self.dead.append(Death(int(inputs[row]), step.name, error))
            self.reasons[inputs[row]] = f"{step.name}.failed"
            counts.failed += int(self.alive[inputs[row]])
            self.alive[inputs[row]] = False
        return judged

    def _drop(self, step: _Step, code: int, at: npt.NDArray[np.int64], counts: stats.StepCounts) -> None:
        reason = f"{step.name}.{step.verdict.reasons[code]}"
        inputs = self.rows[step.target[at]]
        self.reasons[inputs] = reason
        self.alive[inputs] = False
        counts.reasons[reason] = len(at)
        values = step.measured.signals[step.verdict.signals[code]]
        self._examples(reason, step.target[at], np.asarray(values, np.float64)[at])

    def _examples(self, reason: str, at: npt.NDArray[np.int64], values: npt.NDArray[np.float64] | None) -> None:
        batch = self.view.batch
        text = batch.column("text") if "text" in batch.schema.names else None
        self.report.add_examples(
            reason,
            [
                self.records.example(
                    int(self.rows[at[i]]),
                    None if values is None else float(values[i]),
                    "" if text is None else text[int(at[i])].as_py(),
                )
                for i in self.records.few(self.rows[at])
            ],
        )

    def _change(self, name: str, target: npt.NDArray[np.int64], measured: Measured) -> None:
        """Take over columns and edits; rows that failed, or that got no text while others did, leave."""
        everything = len(target) == len(self.rows)
        stays = np.ones(len(target), bool)
        stays[list(measured.failed)] = False
        gives_text = "text" in measured.columns
        if gives_text:  # those that this step dropped have none, and there is nothing to measure on them
            stays &= self.alive[self.rows[target]]
        if gives_text or not stays.all():
            base = self.view.batch.take(pa.array(target)) if gives_text else self.view.batch
            keep = stays if gives_text else ~np.isin(np.arange(len(self.rows)), target[~stays])
            batch = _with_columns(base, measured.columns) if gives_text else base
            self._replace(batch, target if gives_text else None, keep)
        elif measured.columns:
            columns = {k: v if everything else _scatter(v, target, len(self.rows)) for k, v in measured.columns.items()}
            self.view.batch = _with_columns(self.view.batch, columns)
        if measured.edits is not None and len(measured.edits):
            self._edit(name, target, measured)
        self._note_sizes()

    def _replace(self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64] | None, keep: Mask) -> None:
        """Make `batch`, cut to `keep`, the working batch."""
        self.rows = (self.rows if rows is None else self.rows[rows])[keep]
        self.view = View(batch.filter(pa.array(keep)))

    def _edit(self, name: str, target: npt.NDArray[np.int64], measured: Measured) -> None:
        edits = measured.edits
        assert edits is not None
        assert not measured.failed, "a step that edits text must not also fail rows"
        moved = spans.Spans(target[edits.rows], edits.starts, edits.ends, edits.which, edits.replacements)
        before = self.view.batch.column("text")
        text = spans.apply(before, moved)
        self.view = View(_with_columns(self.view.batch, {"text": text}))
        if not measured.shown:
            self._cuts(name, before, moved)
            return
        starts, ends = spans.placed(moved)
        for kind, edits_of in measured.shown.items():
            at = edits_of[np.unique(moved.rows[edits_of], return_index=True)[1]]  # the first of each document
            self.report.tallies[f"{name}.edits.{kind}"] += len(edits_of)
            self.report.tallies[f"{name}.documents.{kind}"] += len(at)
            hosts = domain(self.view.batch.column("url").take(pa.array(moved.rows[edits_of])))
            for found in pc.value_counts(hosts.drop_null()).to_pylist():
                self.report.tallies[f"{name}.domains.{found['values']}"] += found["counts"]
            self._show(f"{name}.{kind}", moved.rows[at], starts[at], ends[at])

    def _show(self, name: str, rows: npt.NDArray[np.int64], starts: Any, ends: Any) -> None:
        """Examples of edits, in the edited text around them."""
        found = []
        for i in self.records.few(self.rows[rows]):
            text = self.view.batch.column("text")[int(rows[i])].as_py().encode()
            piece = text[max(0, starts[i] - excerpts.CONTEXT) : ends[i] + excerpts.CONTEXT].decode(errors="ignore")
            found.append(self.records.example(int(self.rows[rows[i]]), None, piece))
        self.report.add_examples(name, found)

    def _cuts(self, name: str, texts: pa.Array, edits: spans.Spans) -> None:
        """Examples of what was cut out of documents that are still there, in the text as it was."""
        rows = excerpts.cut(self.records, self.rows, texts, edits, self.alive[self.rows])
        shown = [self.records.passage(int(self.rows[r]), None, excerpts.struck(texts, edits, r)) for r in rows]
        if shown:
            self.report.add_cuts(name, shown)

    def _note_sizes(self) -> None:
        batch = self.view.batch
        if "text" in batch.schema.names:
            sizes = pc.binary_length(batch.column("text")).to_numpy(zero_copy_only=False)
            self.sizes_out[self.rows] = sizes
            self.sizes_in[self.rows] = np.where(self.sizes_in[self.rows] < 0, sizes, self.sizes_in[self.rows])
            languages = batch.column("language")
            if languages.null_count < len(languages):
                self.languages[self.rows] = languages.to_numpy(zero_copy_only=False)

    def _alive_size(self) -> tuple[int, int]:
        """Documents alive, and their bytes of HTML or text."""
        alive = self.alive[self.rows]
        if "text" in self.view.batch.schema.names:
            return int(alive.sum()), int(self.sizes_out[self.rows[alive]].sum())
        sizes = pc.binary_length(self.view.batch.column("html")).to_numpy(zero_copy_only=False)
        return int(alive.sum()), int(sizes[alive].sum())

    def outcome(self) -> Outcome:
        """Close the books of this batch."""
        alive = np.flatnonzero(self.alive[self.rows])
        kept = self.view.batch.take(pa.array(alive))
        self.report.kept = len(alive)
        self.report.dead = len(self.dead)
        self.report.dropped = len(self.alive) - len(alive) - len(self.dead)
        if len(alive):
            self._examples("kept", alive, None)
        self._tally()
        return Outcome(kept, self._ledger(), self.report, self.dead, self.rows[alive], self.seconds)

    def _tally(self) -> None:
        kept = self.alive & (self.sizes_out >= 0)
        sizes = np.where(kept, self.sizes_out, 0)
        self.report.languages = tally(pa.array(self.languages, pa.string()), self.alive, sizes)
        self.report.domains = tally(domain(self.input.column("url")), self.alive, sizes)
        self.report.sources = tally(self.input.column("source"), self.alive, sizes)

    def _ledger(self) -> pa.RecordBatch:
        known = [self.input.column(name) for name in ("id", "url", "offset")]
        sizes = [pa.array(size, pa.int64(), mask=size < 0) for size in (self.sizes_in, self.sizes_out)]
        text = [pa.array(value, pa.string()) for value in (self.languages, self.reasons)]
        signals = [pa.array(value, mask=np.isnan(value)) for value in self.values.values()]
        evidence = [pa.array(value, pa.string()) for value in self.evidence.values()]
        return pa.RecordBatch.from_arrays([*known, *text, *sizes, *signals, *evidence], schema=self.schema)


def domain(urls: pa.Array) -> pa.Array:
    """The host of each URL in lower case without `www.` and port; null where there is none."""
    found = pc.extract_regex(urls, r"^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?(?P<host>[^/:?#]+)")
    return pc.replace_substring_regex(pc.utf8_lower(pc.struct_field(found, "host")), r"^www\.", "")


def tally(keys: pa.Array, kept: Mask, sizes: npt.NDArray[np.int64]) -> dict[str, list[int]]:
    """For each key that is not null: documents, documents kept, bytes kept."""
    table = pa.table({"key": keys, "one": np.ones(len(kept), np.int64), "kept": kept.astype(np.int64), "bytes": sizes})
    sums = table.group_by("key").aggregate([("one", "sum"), ("kept", "sum"), ("bytes", "sum")]).sort_by("key")
    rows = zip(*(sums[name].to_pylist() for name in ("key", "one_sum", "kept_sum", "bytes_sum")), strict=True)
    return {key: list(numbers) for key, *numbers in rows if key is not None}


def _language(view: View) -> pa.Array | None:
    return view.column("language") if "language" in view.batch.schema.names else None


def _scatter(values: pa.Array, at: npt.NDArray[np.int64], count: int) -> pa.Array:
    """Values at their rows of a batch of `count`, null elsewhere."""
    where = np.full(count, -1, np.int64)
    where[at] = np.arange(len(at))
    return values.take(pa.array(where, mask=where < 0))


def _with_columns(batch: pa.RecordBatch, columns: Mapping[str, pa.Array]) -> pa.RecordBatch:
    """The batch with columns replaced; a batch of pages that gets a text becomes one of documents."""
    have = {name: batch.column(name) for name in batch.schema.names} | dict(columns)
    if "text" in have and "html" in have:
        have.pop("html")
    return documents.conform(have) if "text" in have else pa.RecordBatch.from_pydict(have, schema=batch.schema)
