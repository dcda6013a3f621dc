"""Rows of text, from whatever format: what becomes a document, what is rejected, what is a dead letter."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from typing import Any

from corpusmill.documents import make_id
from corpusmill.errors import InputError
from corpusmill.storage.inputs import COLUMNS, Arrow, HuggingFace, Jsonl, Parquet, max_bytes
from corpusmill.storage.read import Batcher, milliseconds, parse_date

Tabular = Jsonl | Parquet | Arrow | HuggingFace
MISSING = object()  # no such field, which is not the same as a null in it
SECONDS_BELOW = 1e11  # epoch numbers below this are seconds (until the year 5138), others milliseconds


@dataclass(frozen=True)
class RowTaker:
    """Puts rows into a batcher; knows the input's mapping of fields."""

    source: Tabular
    out: Batcher

    def take(self, values: Mapping[str, Any], offset: int, payload: bytes = b"") -> None:
        """Put one row where it belongs.

        Args:
            values: by document column; a `text` of another type than str (or bytes in UTF-8) is a dead letter.
            offset: byte or row number, for the document's `offset`.
            payload: what to keep of the row if it is a dead letter.
        """
        limit = max_bytes(self.source)
        text = values.get("text", MISSING)
        row = {name: as_text(values.get(name)) for name in ("id", "url", "source", "language", "title")}
        when = values.get("date")
        try:
            text, body = decode(text)
        except (UnicodeError, TypeError) as error:
            kept = payload or (text if isinstance(text, bytes) else str(text).encode("utf-8", "replace"))
            name = row["id"] or make_id(row["url"], None, kept)
            self.out.die(name, row["url"], offset, f"{type(error).__name__}: {error}", kept)
            return
        name = row["id"] or make_id(row["url"], None if when is None else str(when), body)
        if not body or len(body) > limit:
            reason = f"read.bytes>{limit}" if body else "read.bytes<1"
            self.out.reject(name, row["url"], offset, reason)
            return
        row.update(id=name, source=row["source"] or self.source.source)
        self.out.row(**row, text=text, date=as_date(when), file=self.out.file, offset=offset)


def decode(text: Any) -> tuple[str, bytes]:
    """A text as str and as UTF-8.

    Raises:
        TypeError: if it is neither str nor bytes.
        UnicodeError: if it is not valid UTF-8, or has half of a surrogate pair.
    """
    if isinstance(text, bytes):
        return text.decode(), text
    if isinstance(text, str):
        return text, text.encode()
    raise TypeError("the text is missing" if text is MISSING else f"expected a text, found {describe(text)}")


def describe(value: Any) -> str:
    """A value's kind as JSON names it."""
    names = {
        dict: "an object",
        list: "a list",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names.get(type(value), type(value).__name__)


def as_text(value: Any) -> str | None:
    """A field as text; numbers are written out, objects and lists are not."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return str(value) if isinstance(value, int | float) else None


def as_date(value: Any) -> int | None:
    """A field as milliseconds since 1970, or None."""
    if isinstance(value, bytes | str):
        return parse_date(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
    if isinstance(value, datetime):
        return milliseconds(value)
    if isinstance(value, date):
        return milliseconds(datetime(value.year, value.month, value.day, tzinfo=UTC))
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e14:
        return int(value * 1000 if abs(value) < SECONDS_BELOW else value)
    return None


def targets(fields: Mapping[str, str]) -> dict[str, str]:
    """For each document column, the field it is read from: as mapped, else the field of its own name."""
    return {column: fields.get(column, column) for column in COLUMNS}


def no_text(path: str, wanted: str, have: Iterable[str]) -> InputError:
    """The error for an input without the text field: what there is, a near name, and how to map it."""
    names = sorted(have)
    near = get_close_matches(wanted, names, 1, 0.5) or [
        name for name in names if name in {"content", "body", "raw_content"}
    ]
    example = near[0] if near else "their_name"
    guess = f" Is it '{near[0]}'?" if near else ""
    return InputError(
        f"{path}: expected a field '{wanted}' with the text, found {', '.join(names) or 'no fields'}.{guess}"
        f" Name it in the recipe: input: {{fields: {{text: {example}}}}}"
    )
