"""The texts of a file that a user names: JSON Lines, Parquet, or one text a line; plain or compressed."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import pyarrow as pa
import zstandard

from corpusmill import resources
from corpusmill.errors import InputError

_OPEN: dict[str, Callable[[Path, str], Any]] = {
    ".gz": gzip.open,
    ".xz": lzma.open,
    ".bz2": bz2.open,
    ".zst": zstandard.open,
}


class Found(NamedTuple):
    """A text, and its language where the file names one."""

    text: str
    language: str | None


def read_texts(name: str, field_name: str = "text") -> Iterator[str]:
    """The texts of one file.

    Raises:
        InputError: the file is missing, damaged, or has no such field; the message has the line.
    """
    return (found.text for found in read(name, field_name, None))


def read(name: str, field_name: str = "text", language: str | None = "language") -> Iterator[Found]:
    """The texts of one file with their languages; what is no string is no language.

    Args:
        name: a path.
        field_name: of the texts.
        language: of their languages; None where nobody asks for them.

    Raises:
        InputError: as `read_texts`.
    """
    try:
        path = Path(resources.locate(name))
        if path.suffix == ".parquet":
            yield from _parquet(path, field_name, language)
        else:
            yield from _text_lines(path, field_name, language)
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError, zstandard.ZstdError, pa.ArrowInvalid) as error:
        raise InputError(f"{name}: cannot be read: {error}") from error


def _parquet(path: Path, field_name: str, language: str | None) -> Iterator[Found]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        there = file.schema_arrow.names
        if field_name not in there:
            raise InputError(f"{path}: no column {field_name!r}; it has {', '.join(there)}")
        also = [language] if language in there else []
        for batch in file.iter_batches(columns=[field_name, *also]):
            texts = batch.column(field_name).to_pylist()
            named = batch.column(language).to_pylist() if also else [None] * len(texts)
            yield from (_found(text, of) for text, of in zip(texts, named, strict=True) if text is not None)


def _text_lines(path: Path, field_name: str, language: str | None) -> Iterator[Found]:
    is_json = any(suffix in (".jsonl", ".json", ".ndjson") for suffix in path.suffixes)
    with _opened(path) as stream:
        for number, raw in enumerate(stream, 1):
            line = raw.decode().rstrip("\r\n")
            if is_json and line.strip():
                record = _record(line, f"{path}, line {number}", field_name)
                yield _found(record[field_name], record.get(language) if language else None)
            elif line.strip():
                yield Found(line, None)


def _found(text: str, language: Any) -> Found:
    return Found(text, language if isinstance(language, str) and language else None)


def _opened(path: Path) -> IO[bytes]:
    return _OPEN.get(path.suffix, open)(path, "rb")  # type: ignore[no-any-return]


def _record(line: str, place: str, field_name: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get(field_name), str):
        fields = ", ".join(record) if isinstance(record, dict) else type(record).__name__
        raise InputError(f"{place}: no text in the field {field_name!r}; found {fields}")
    return record
