"""Search over the ledgers of a run: DuckDB over their Parquet files, which reads nothing else and writes nothing.

No text of a request becomes SQL: values are parameters, columns are looked up among those of the ledger.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from corpusmill.errors import OutputError, UsageError
from corpusmill.report.outputs import Run, StageOutput, damaged, missing
from corpusmill.storage import paths
from corpusmill.storage.layout import StageLayout

PAGE = 50  # rows of a page
PAGES = 10_000  # pages that can be turned to
KEPT, DROPPED, AT_END = "kept", "dropped", "kept at the end"  # beside the reasons; no reason is called so
FIELDS = ("stage", "reason", "domain", "language", "signal", "low", "high", "text", "page")
_NUMERIC = {"DOUBLE", "FLOAT", "BIGINT", "INTEGER"}
# As `steps.domain` has it.
_HOST = r"""regexp_replace(lower(regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://(?:[^/?#@]*@)?([^/:?#]+)', 1)),
            '^www\.', '')"""


@dataclass(frozen=True)
class Query:
    """What is looked for; an empty field looks for everything.

    Attributes:
        stage: title of the stage whose ledger is searched.
        reason: `kept` or `dropped` by that stage, `kept at the end` by all of them, or why it was dropped.
        domain: a host, with all below it.
        language: as the ledger has it.
        signal: a column of the ledger; shown, and between `low` and `high`, ends included, where they are given.
        text: part of an id or of a URL, in capitals or not.
        page: of the result, from 1.
    """

    stage: str
    reason: str = ""
    domain: str = ""
    language: str = ""
    signal: str = ""
    low: float | None = None
    high: float | None = None
    text: str = ""
    page: int = 1

    def fields(self) -> dict[str, str]:
        """As they stand in an address, empty ones left out."""
        told = {name: getattr(self, name) for name in FIELDS}
        return {name: f"{value:.15g}" if isinstance(value, float) else str(value)
                for name, value in told.items() if value not in ("", None)}  # fmt: skip


class Row(NamedTuple):
    """A ledger row as a search shows it."""

    shard: int
    record: int
    id: str
    url: str | None
    language: str | None
    reason: str | None
    size: int | None
    value: float | None


class Found(NamedTuple):
    """A page of rows, and how many there are in all."""

    rows: list[Row]
    total: int


class Ledgers:
    """The ledgers of a run.

    Raises:
        UsageError: if duckdb is not installed, or the run does not lie on this machine. OutputError: if a ledger is
            missing or damaged.
    """

    def __init__(self, run: Run) -> None:
        """Open them; nothing is read yet but what the columns are called."""
        try:
            import duckdb
        except ModuleNotFoundError as error:
            raise UsageError("serve needs the package duckdb; pip install 'corpusmill[serve]'") from error
        if not paths.is_local(run.root):
            raise UsageError(f"{run.root}: serve reads runs of this machine; copy it here first")
        self.run = run
        self._error = duckdb.Error
        self._base = duckdb.connect(":memory:", config={"threads": 2})
        for name in ("autoinstall_known_extensions", "autoload_known_extensions"):
            self._base.execute(f"SET {name} = false")
        self.columns: dict[str, list[str]] = {}
        for number, stage in enumerate(self.stages):
            layout = StageLayout.at(stage.path)
            files = [str(paths.local(layout.ledger(entry["shard"]))) for entry in stage.manifest["shards"]]
            for file in files:
                if not paths.exists(file):
                    raise missing(file)
            try:
                found = self._base.from_parquet(files, filename=True, union_by_name=True)
                found.create_view(_view(number))
            except duckdb.Error as error:
                raise damaged(paths.join(stage.path, "ledger"), error) from error
            types = zip(found.columns, map(str, found.types), strict=True)
            self.columns[stage.title] = [name for name, kind in types if "." in name and kind in _NUMERIC]
        folder = str(paths.local(run.root).absolute())
        self._base.execute("SET allowed_directories = $1", [[folder, str(paths.local(run.root))]])
        self._base.execute("SET enable_external_access = false")
        self._base.execute("SET lock_configuration = true")

    @cached_property
    def stages(self) -> list[StageOutput]:
        """Those that have a ledger."""
        return [s for s in self.run.stages if all("ledger" in entry["files"] for entry in s.manifest["shards"])]

    @cached_property
    def reasons(self) -> dict[str, dict[str, int]]:
        """Documents by reason, by stage, most first."""
        told: dict[str, dict[str, int]] = {}
        for stage in self.stages:
            steps = stage.report().steps.values()
            counts = [(reason, count) for step in steps for reason, count in step.reasons.items()]
            told[stage.title] = dict(sorted(counts, key=lambda item: (-item[1], item[0])))
        return told

    @cached_property
    def languages(self) -> list[str]:
        """All that a report names."""
        return sorted({name for stage in self.stages for name in stage.report().languages if name})

    def query(self, given: Mapping[str, str]) -> Query:
        """The query that the fields of an address ask for.

        Raises:
            UsageError: for a field that cannot be.
        """
        titles = [stage.title for stage in self.stages]
        reason, signal = given.get("reason", ""), given.get("signal", "")
        stage = given.get("stage") or titles[0]
        if stage not in titles:
            raise UsageError(f"stage: found {stage!r}; expected one of {', '.join(titles)}")
        named = [title for title in titles if reason in self.reasons[title]]  # a reason says which stage is meant
        named += [title for title in titles if signal in self.columns[title]]
        if named and reason not in self.reasons[stage] and signal not in self.columns[stage]:
            stage = named[0]
        if signal and signal not in self.columns[stage]:
            raise UsageError(f"signal: {stage} has not measured {signal!r}; choose one of its signals")
        page = given.get("page") or "1"
        if not re.fullmatch(r"[0-9]{1,5}", page) or not 1 <= int(page) <= PAGES:
            raise UsageError(f"page: found {page!r}; expected a number from 1 to {PAGES}")
        low, high = (_number(name, given.get(name, "")) for name in ("low", "high"))
        if low is not None and high is not None and low > high:
            raise UsageError(f"low, high: found {low:.15g} and {high:.15g}; expected the lower end first")
        if not signal and (low, high) != (None, None):
            raise UsageError("low, high: bounds of no signal; choose a signal, too")
        domain = given.get("domain", "").strip().lower().removeprefix("www.")
        return Query(stage, reason, domain, given.get("language", ""), signal, low, high, given.get("text", ""),
                     int(page))  # fmt: skip

    def search(self, query: Query) -> Found:
        """The rows of a page, in the order of the input.

        Raises:
            OutputError: if the ledgers cannot be read any more.
        """
        where, values = _where(query, _view(len(self.stages) - 1))
        shown = _quoted(query.signal) if query.signal else "NULL"
        view = _view([stage.title for stage in self.stages].index(query.stage))
        total = self._ask(f"SELECT count(*) FROM {view} WHERE {where}", values)[0][0]  # noqa: S608, see the module
        rows = self._ask(
            f"SELECT {_SHARD} AS shard, row, id, url, language, reason, coalesce(bytes_out, bytes_in), {shown}"  # noqa: S608
            f" FROM {view} WHERE {where} ORDER BY shard, row LIMIT {PAGE} OFFSET {PAGE * (query.page - 1)}",
            values,
        )
        return Found([Row(*row) for row in rows], total)

    def id_of(self, stage: str, shard: int, record: int) -> str:
        """The id of a record.

        Raises:
            OutputError: if there is none.
        """
        titles = [stage.title for stage in self.stages]
        known = stage in titles
        sql = f"SELECT id FROM {_view(titles.index(stage))} WHERE {_SHARD} = ? AND row = ?" if known else ""  # noqa: S608
        found = self._ask(sql, [shard, record]) if known else []
        if not found:
            raise OutputError(f"{stage}, shard {shard}, record {record}: no such record in this run")
        return str(found[0][0])

    def _ask(self, sql: str, values: list[Any]) -> list[Any]:
        try:
            with self._base.cursor() as cursor:  # one for each thread
                found: list[Any] = cursor.execute(sql, values).fetchall()
                return found
        except self._error as error:
            raise OutputError(f"{self.run.root}: its ledgers cannot be read any more ({error}); start again") from error


_SHARD = r"CAST(regexp_extract(filename, '(\d+)\.parquet$', 1) AS INTEGER)"
_RECORD = f'{_SHARD}, id, "offset"'  # what tells a record from others, in every stage


def _view(number: int) -> str:
    return f"ledger_{number}"


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _where(query: Query, last: str) -> tuple[str, list[Any]]:
    """Conditions, and the values of their parameters; `last` is the view of the last stage."""
    parts: list[tuple[str, list[Any]]] = [("true", [])]
    if query.reason in {KEPT, DROPPED}:
        parts.append((f"reason IS {'NULL' if query.reason == KEPT else 'NOT NULL'}", []))
    elif query.reason == AT_END:
        left = f"SELECT {_RECORD} FROM {last} WHERE reason IS NULL"  # noqa: S608, see the module
        parts.append((f"({_RECORD}) IN ({left})", []))
    elif query.reason:
        parts.append(("reason = ?", [query.reason]))
    if query.domain:
        parts.append((f"({_HOST} = ? OR ends_with({_HOST}, ?))", [query.domain, f".{query.domain}"]))
    if query.language:
        parts.append(("language = ?", [query.language]))
    for sign, end in ((">=", query.low), ("<=", query.high)):
        if end is not None:
            parts.append((f"{_quoted(query.signal)} {sign} ?", [end]))
    if query.text:
        parts.append(("(contains(lower(id), lower(?)) OR contains(lower(url), lower(?)))", [query.text] * 2))
    return " AND ".join(sql for sql, _ in parts), [value for _, values in parts for value in values]


def _number(name: str, text: str) -> float | None:
    if not text.strip():
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if math.isnan(found):
        raise UsageError(f"{name}: found {text[:40]!r}; expected a number")
    return found
