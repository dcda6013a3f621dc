"""The texts of a file that a user names: JSON Lines, Parquet, or one text a line; plain or compressed."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

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


def read_texts(name: str, field_name: str = "text") -> Iterator[str]:
    """The texts of one file.

    Raises:
        InputError: the file is missing, damaged, or has no such field; the message has the line.
    """
    try:
        path = Path(resources.locate(name))
        if path.suffix == ".parquet":
            yield from _parquet(path, field_name)
        else:
            yield from _text_lines(path, field_name)
    except (OSError, EOFError, UnicodeDecodeError, lzma.LZMAError, zstandard.ZstdError, pa.ArrowInvalid) as error:
        raise InputError(f"{name}: cannot be read: {error}") from error


def _parquet(path: Path, field_name: str) -> Iterator[str]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if field_name not in file.schema_arrow.names:
            raise InputError(f"{path}: no column {field_name!r}; it has {', '.join(file.schema_arrow.names)}")
        for batch in file.iter_batches(columns=[field_name]):
            yield from (text for text in batch.column(0).to_pylist() if text is not None)


def _text_lines(path: Path, field_name: str) -> Iterator[str]:
    is_json = any(suffix in (".jsonl", ".json", ".ndjson") for suffix in path.suffixes)
    with _opened(path) as stream:
        for number, raw in enumerate(stream, 1):
            line = raw.decode().rstrip("\r\n")
            if is_json and line.strip():
                yield _json_text(line, f"{path}, line {number}", field_name)
            elif line.strip():
                yield line


def _opened(path: Path) -> IO[bytes]:
    return _OPEN.get(path.suffix, open)(path, "rb")  # type: ignore[no-any-return]


def _json_text(line: str, place: str, field_name: str) -> str:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON: {error}") from error
    text = record.get(field_name) if isinstance(record, dict) else None
    if not isinstance(text, str):
        fields = ", ".join(record) if isinstance(record, dict) else type(record).__name__
        raise InputError(f"{place}: no text in the field {field_name!r}; found {fields}")
    return text
