"""Evaluation sets as strings to look for: JSONL files, whose lines are items."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from corpusmill.errors import InputError


class Items(NamedTuple):
    """The items of some evaluation sets, in the order of the sets and lines.

    Attributes:
        benchmarks, lines: for each item, the number of its set, and its line there, from 1.
        owners, strings: for each string, the number of its item, and its bytes (UTF-8).
    """

    benchmarks: list[int]
    lines: list[int]
    owners: list[int]
    strings: list[bytes]


def read_items(
    benchmarks: Mapping[str, str], fields: Sequence[str], labels: Sequence[str], read: Callable[[str], bytes]
) -> Items:
    """Read evaluation sets.

    Args:
        benchmarks: name of each set: path of its file.
        fields: whose strings are taken, those in lists and objects too; all fields if none is named.
        labels: taken off both ends of strings.
        read: gives the bytes of a file, decompressed.

    Raises:
        InputError: for a file that is missing, empty or no JSONL, and for fields that are not there.
    """
    found = Items([], [], [], [])
    unseen = set(fields)
    for number, path in enumerate(benchmarks.values()):
        for line, item in _objects(path, read):
            named = [name for name in fields if name in item]
            if fields and not named:
                raise InputError(
                    f"{path}: line {line}: expected one of the fields {', '.join(fields)}, found "
                    f"{', '.join(item) or 'none'}; name the fields of this file in `fields`, or leave `fields` out"
                )
            unseen -= set(named)
            pieces = [
                piece for name in named or item for string in _strings(item[name]) for piece in _pieces(string, labels)
            ]
            found.strings.extend(pieces)
            found.owners.extend([len(found.lines)] * len(pieces))
            found.benchmarks.append(number)
            found.lines.append(line)
    if unseen:
        raise InputError(f"fields: no file of `benchmarks` has {', '.join(sorted(unseen))}; is a name misspelt?")
    return found


def _objects(path: str, read: Callable[[str], bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a JSONL file with their line numbers; blank lines are passed over."""
    try:
        content = read(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give the path of a JSONL file in `benchmarks`") from error
    if not content.strip():
        raise InputError(f"{path}: the file is empty; expected one JSON object a line")
    for line, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if not raw.strip():
            continue
        expected = f"{path}: line {line}: expected a JSON object, found {raw[:60].decode(errors='replace')!r}"
        try:
            item = json.loads(raw.decode())
        except ValueError as error:  # not UTF-8, or no JSON
            raise InputError(f"{expected} ({error})") from error
        if not isinstance(item, dict):
            raise InputError(expected)
        yield line, item


def _strings(value: Any) -> Iterator[str]:
    """All strings in a JSON value, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _pieces(string: str, labels: Sequence[str]) -> list[bytes]:
    """The string without labels at its ends, and the same of its lines if there are several."""
    lines = string.split("\n")
    pieces = [_without_labels(piece, labels) for piece in ([string, *lines] if len(lines) > 1 else lines)]
    return [piece.encode(errors="replace") for piece in pieces]  # JSON can hold halves of surrogate pairs


def _without_labels(piece: str, labels: Sequence[str]) -> str:
    before = None
    while piece != before:
        before = piece
        for label in labels:
            piece = piece.strip().removeprefix(label).removesuffix(label)
    return piece
