"""Every error corpusmill raises on purpose, and the hint that many of their messages end with.

CorpusmillError                 the command prints the message and exits with `exit_code`
├── UsageError       (exit 2)   nothing was written; the user changes something and starts again
│   ├── RecipeError             the recipe: key, type, bound, step order
│   ├── InputError              the input: missing file, empty glob, wrong schema or format
│   ├── OutputError             the output: another recipe's files are there, or it is not an output
│   └── ResourceError           a model or word list: missing, or not the bytes that were pinned
├── RunError         (exit 1)   the run stopped; what is committed stays and is resumed
│   ├── ErrorBudgetError        more records failed than `errors.max_share` allows
│   ├── ReconcileError          a stage's counts do not add up: a bug, never ignored
│   ├── AlarmError              a source or domain lost more to duplicates than the recipe's alarm allows
│   ├── StorageError            a read or write failed for a reason outside the records (disk full, …)
│   └── EngineError             the engine stopped: a worker was killed, the job failed; a second try may work
└── RecordError                 one record cannot be used; it becomes a dead-letter row and the run goes on

Anything else that is raised is a bug, and stops the run with its shard number.
"""

from collections.abc import Iterable


class CorpusmillError(Exception):
    """Base class; `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(CorpusmillError):
    """Something the user gave cannot be used; nothing was written."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe that cannot be run; the message lists every fault with file and line."""


class InputError(UsageError):
    """An input that is missing, empty, or of another format or schema than expected."""


class OutputError(UsageError):
    """An output folder that cannot be read, or that belongs to another recipe."""


class ResourceError(UsageError):
    """A model or word list that is missing or is not the pinned file."""


class RunError(CorpusmillError):
    """The run stopped; committed shards are kept and a second run resumes after them."""


class ErrorBudgetError(RunError):
    """More records of a shard failed than the recipe's `errors.max_share` allows."""


class ReconcileError(RunError):
    """Input is not kept + dropped + dead for a stage."""


class AlarmError(RunError):
    """A source or domain lost too much; what is committed stays, and a wider alarm goes on from there."""


class StorageError(RunError):
    """A file could not be read or written for a reason that lies outside its records."""


class EngineError(RunError):
    """The engine that runs a stage stopped, and no shard says why (a killed worker, a cancelled job)."""


class RecordError(CorpusmillError):
    """One record cannot be read or makes a step fail; it goes to the dead letters."""


def near(word: str, known: Iterable[str]) -> str:
    """For a message about an unknown `word`: a hint at a known one that is like it, or nothing."""
    from difflib import get_close_matches

    match = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{match[0]}'?" if match else ""
