"""Are two outputs the same: file by file, and where they differ, what differs first."""

import hashlib
import json
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from corpusmill.errors import OutputError
from corpusmill.storage import paths
from corpusmill.storage.layout import PAGE
from corpusmill.storage.write import TEMPORARY

IGNORED = ("timing", "failures", PAGE, TEMPORARY)  # names that begin so: times, notes, the page, unfinished files
VALUES = (".parquet", ".json", ".arrow")  # files that are compared value by value
CHUNK = 1 << 20
SHOWN = 80  # characters of a differing value


@dataclass(frozen=True)
class Difference:
    """One file that is not the same in both outputs."""

    file: str
    what: str

    def __str__(self) -> str:
        """As a line for people."""
        return f"{self.file}: {self.what}"


def compare(a: str, b: str) -> list[Difference]:
    """All differences between two folders, by name; empty if they are equal byte for byte.

    Times (`timing.json`, `timing/`), notes of stopped runs, `report.html` and temporary files are left out.

    Raises:
        OutputError: if one of them is no folder, or has no files.
    """
    have_a, have_b = files(a), files(b)
    for folder, have in ((a, have_a), (b, have_b)):
        if not have:
            raise OutputError(f"{folder}: expected a folder with the files of a run, found none")
    found = []
    for name in sorted(set(have_a) | set(have_b)):
        if name not in have_a or name not in have_b:
            found.append(Difference(name, f"only in {a if name in have_a else b}"))
        else:
            what = difference(paths.join(a, name), paths.join(b, name))
            if what:
                found.append(Difference(name, what))
    return found


def files(folder: str, below: str = "") -> list[str]:
    """The names of all files that count below a folder, relative to it, sorted."""
    found = []
    for entry in paths.names(paths.join(folder, below) if below else folder):
        name = f"{below}/{entry}" if below else entry
        if entry.startswith(IGNORED):
            continue
        if paths.is_folder(paths.join(folder, name)):
            found += files(folder, name)
        else:
            found.append(name)
    return found


def difference(a: str, b: str) -> str | None:
    """What first tells two files apart, or None if their bytes are equal."""
    if _digest(a) == _digest(b):
        return None
    told = None
    try:
        if a.endswith(".parquet"):
            told = _parquet(a, b)
        elif a.endswith(".arrow"):
            told = _arrow(a, b)
        elif a.endswith(".json"):
            told = _json(json.loads(paths.read_text(a)), json.loads(paths.read_text(b)), "")
    except (ValueError, OSError) as error:
        told = f"cannot be read ({str(error).splitlines()[0]})"
    sizes = f"{paths.info(a)['size']} and {paths.info(b)['size']} bytes"
    what = "the bytes differ, the values do not" if a.endswith(VALUES) else "the bytes differ"
    return told or f"{what} ({sizes})"


def _digest(path: str) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    with paths.open_read(path) as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.digest()


def _parquet(a: str, b: str) -> str | None:
    """The first row and column in which two Parquet files differ."""
    import pyarrow.parquet as pq

    with paths.open_read(a) as file_a, paths.open_read(b) as file_b:
        one, two = pq.ParquetFile(file_a), pq.ParquetFile(file_b)
        if not one.schema_arrow.equals(two.schema_arrow):
            names = sorted({*one.schema_arrow.names} ^ {*two.schema_arrow.names})
            return f"the columns differ: {', '.join(names) or 'in their types or order'}"
        row = 0
        for left, right in zip_longest(one.iter_batches(1024), two.iter_batches(1024)):
            if left is None or right is None or left.num_rows != right.num_rows:
                break
            if not left.equals(right):
                return _first(left, right, row)
            row += left.num_rows
        rows = (one.metadata.num_rows, two.metadata.num_rows)
        return f"{rows[0]} and {rows[1]} rows; the first {row} are equal" if rows[0] != rows[1] else None


def _arrow(a: str, b: str) -> str | None:
    """The first row and column in which two Arrow files differ, or what their headers say."""
    from pyarrow import ipc

    with paths.open_read(a) as file_a, paths.open_read(b) as file_b:
        one, two = ipc.open_file(file_a), ipc.open_file(file_b)
        said, heard = (dict(file.schema.metadata or {}) for file in (one, two))
        changed = sorted(key for key in {*said, *heard} if said.get(key) != heard.get(key))
        for key in [key for key in changed if key != b"recipe_key"] or changed:  # a key differs with anything else
            values = [_short(told.get(key, b"").decode()) for told in (said, heard)]
            return f"{key.decode()}: {values[0]} and {values[1]}"
        if not one.schema.equals(two.schema):
            return "the columns differ, in their names, types or order"
        row = 0
        for number in range(min(one.num_record_batches, two.num_record_batches)):
            left, right = one.get_batch(number), two.get_batch(number)
            size = min(left.num_rows, right.num_rows)
            if not left.slice(0, size).equals(right.slice(0, size)):
                return _first(left.slice(0, size), right.slice(0, size), row)
            row += size
            if left.num_rows != right.num_rows:
                break
        rows = [sum(file.get_batch(at).num_rows for at in range(file.num_record_batches)) for file in (one, two)]
        return f"{rows[0]} and {rows[1]} rows; the first {row} are equal" if rows[0] != rows[1] else None


def _first(left: pa.RecordBatch, right: pa.RecordBatch, row: int) -> str | None:
    for at in range(left.num_rows):
        for name in left.schema.names:
            values = left.column(name)[at].as_py(), right.column(name)[at].as_py()
            if values[0] != values[1] and not (values[0] != values[0] and values[1] != values[1]):
                return f"row {row + at}, column {name}: {_short(values[0])} and {_short(values[1])}"
    return None


def _json(left: Any, right: Any, place: str) -> str | None:
    """The first place where two JSON values differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in sorted({*left, *right}):
            if key not in left or key not in right:
                return f"{place}.{key}: only in one of them".removeprefix(".")
            told = _json(left[key], right[key], f"{place}.{key}")
            if told:
                return told
        return None
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        return next(
            (told for i, pair in enumerate(zip(left, right, strict=True)) if (told := _json(*pair, f"{place}[{i}]"))),
            None,
        )
    return None if left == right else f"{place.removeprefix('.')}: {_short(left)} and {_short(right)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
