"""Reports show pieces of documents: personal data and secrets are masked before a report is written."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from corpusmill import documents, stats
from corpusmill.errors import InputError
from corpusmill.redact import Redact


def masked(report: stats.Report, step: Redact, called: Mapping[str, Any] | None = None) -> stats.Report:
    """The report with every excerpt and address masked, and cut to the length that is kept.

    Args:
        report: of a shard; it is changed.
        step: the recipe's redaction, or the default one; whatever it writes, here it masks.
        called: the steps of the report by name, where passages are to lie around what makes their signals.
    """
    report.change_excerpts(masker(step), _placing(called or {}))
    return report


def masker(step: Redact) -> Callable[[Sequence[str]], list[str]]:
    """What masks texts before they are shown; `step` as in `masked`."""
    return _masker(dataclasses.replace(step, action="mask", actions=None, presidio=None))


def _placing(called: Mapping[str, Any]) -> Callable[[str, str], int]:
    def place(reason: str, text: str) -> int:
        from corpusmill import marks

        name, _, bound = reason.partition(".")
        return marks.first(called[name], bound, text) if name in called else 0

    return place


@lru_cache(maxsize=4)
def _masker(step: Redact) -> Callable[[Sequence[str]], list[str]]:
    """Built once per process: numbering plans take a moment to load."""
    from corpusmill import spans
    from corpusmill.view import View

    measure = step.build()

    def mask(texts: Sequence[str]) -> list[str]:
        batch = documents.from_texts(texts, id=[""] * len(texts))
        edits = measure(View(batch)).edits
        found = batch.column("text") if edits is None else spans.apply(batch.column("text"), edits)
        return found.to_pylist()  # type: ignore[no-any-return]

    return mask


def redacted(text: bytes, step: Redact, name: str) -> tuple[bytes, dict[str, int]]:
    """One text without personal data, and how many values of each entity were found.

    Args:
        text: UTF-8, as one document.
        step: what is looked for, and what becomes of it.
        name: of the text, for messages.

    Raises:
        InputError: if it is no UTF-8.
    """
    from corpusmill import spans
    from corpusmill.view import View

    try:
        batch = documents.from_texts([text.decode()])
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: expected UTF-8, found byte {text[error.start]:#04x} at byte {error.start}"
        ) from error
    measured = step.build()(View(batch))
    found = batch.column("text") if measured.edits is None else spans.apply(batch.column("text"), measured.edits)
    counts = {signal: int(values[0]) for signal, values in measured.signals.items() if signal != "hits"}
    return found[0].as_py().encode(), counts
