"""Files behind URLs: the one place that talks to fsspec."""

import gzip
import os
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO

import fsspec

from corpusmill.errors import InputError, UsageError

BLOCK = 8 << 20  # bytes fetched at once from an object store: fewer requests, bounded memory
GLOB = frozenset("*?[")


def is_local(path: str) -> bool:
    """True for a plain path or a file:// URL."""
    return "://" not in path or path.startswith("file://")


def local(path: str) -> Path:
    """The operating system's path of a local URL."""
    return Path(path.removeprefix("file://"))


def join(folder: str, *parts: str) -> str:
    """Put names below a folder; works for URLs and for plain paths."""
    return "/".join((folder.rstrip("/") if folder != "/" else "", *parts))


def name(path: str) -> str:
    """The last name of a path or URL."""
    return path.rstrip("/").rsplit("/", 1)[-1]


def relative(path: str, folder: str) -> str:
    """The path as seen from the folder, if it lies in it; else as it is."""
    inside = folder.rstrip("/") + "/"
    return path.removeprefix(inside)


def filesystem(path: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path as that file system writes it.

    Raises:
        UsageError: for a scheme that nothing knows, or whose package is not installed.
    """
    try:
        return fsspec.core.url_to_fs(path)  # type: ignore[no-any-return]
    except ImportError as error:
        raise UsageError(f"{path}: {error}; install that package beside corpusmill") from error
    except ValueError as error:
        raise UsageError(
            f"{path}: {error}; expected a path or a URL such as s3://, gs://, hf:// or https://"
        ) from error


def open_read(path: str, *, ranges: bool = False) -> BinaryIO:
    """Open for reading with seeks; remote files are fetched by range.

    Args:
        path: fsspec URL or path.
        ranges: ask for exactly the ranges that are read (columnar files, whose reader joins them itself);
            otherwise `BLOCK` bytes ahead.
    """
    if is_local(path):
        return local(path).open("rb", buffering=0)
    fs, inner = filesystem(path)
    options = {"cache_type": "none"} if ranges else {"cache_type": "readahead", "block_size": BLOCK}
    return fs.open(inner, "rb", **options)  # type: ignore[no-any-return]


def exists(path: str) -> bool:
    """True if there is a file or folder of that name."""
    if is_local(path):
        return local(path).exists()
    fs, inner = filesystem(path)
    fs.invalidate_cache()
    return bool(fs.exists(inner))


def is_folder(path: str) -> bool:
    """True if there is a folder of that name."""
    if is_local(path):
        return local(path).is_dir()
    fs, inner = filesystem(path)
    return bool(fs.isdir(inner))


def info(path: str) -> dict[str, Any]:
    """Size and whatever else the file system says of one file.

    Raises:
        FileNotFoundError: if there is none.
    """
    if is_local(path):
        return {"size": local(path).stat().st_size}
    fs, inner = filesystem(path)
    return dict(fs.info(inner))


def names(folder: str) -> list[str]:
    """The names in a folder, sorted; empty if it does not exist."""
    if is_local(folder):
        return sorted(entry.name for entry in local(folder).iterdir()) if local(folder).is_dir() else []
    fs, inner = filesystem(folder)
    fs.invalidate_cache()
    try:
        return sorted(name(entry) for entry in fs.ls(inner, detail=False))
    except OSError:  # many a web server lists nothing
        return []


def listing(folder: str) -> list[str]:
    """The files and folders in a folder as paths, sorted; empty if it does not exist."""
    return [join(folder, entry) for entry in names(folder)]


def read_text(path: str) -> str:
    """A small file as UTF-8 text.

    Raises:
        FileNotFoundError: if there is none.
    """
    if is_local(path):
        return local(path).read_text("utf-8")
    fs, inner = filesystem(path)
    fs.invalidate_cache()
    return str(fs.cat_file(inner), "utf-8")


def read_input(path: str) -> bytes:
    """A whole file that the user named.

    Raises:
        InputError: if there is none, or it cannot be read.
    """
    try:
        with open_read(path) as file:
            return file.read()
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file{because(error)}.{near(path)}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def remove(path: str) -> None:
    """Remove a file; one that is already gone is no error."""
    if is_local(path):
        local(path).unlink(missing_ok=True)
        return
    fs, inner = filesystem(path)
    with suppress(FileNotFoundError):
        fs.rm_file(inner)


def expand(paths: Iterable[str], prefix: str = "") -> list[str]:
    """All files that paths, globs and `@lists` name, sorted, each once.

    Args:
        paths: fsspec URLs, globs, or `@file` with one path per line (`@file.gz` is unpacked).
        prefix: put before each path of a list.

    Raises:
        InputError: for a file that is missing or a glob that matches nothing, with near names.
    """
    found: set[str] = set()
    for path in paths:
        if path.startswith("@"):
            found.update(file for line in read_list(path[1:]) for file in expand_one(prefix + line))
        else:
            found.update(expand_one(path))
    return sorted(found)


def expand_one(path: str) -> list[str]:
    """The files of one path or glob; see `expand`. A listed remote path is not looked up here."""
    if not GLOB & set(path):
        if is_local(path):
            if local(path).is_dir():
                raise InputError(f"{path} is a folder; expected a file or a glob such as {join(path, '*')}")
            if not local(path).exists():
                raise InputError(f"{path}: no such file.{near(path)}")
        return [path]
    fs, inner = filesystem(path)
    try:
        matches = [match for match in fs.glob(inner) if not fs.isdir(match)]
    except OSError as error:
        raise InputError(f"{path}: cannot be listed ({error})") from error
    if not matches:
        raise InputError(f"{path}: no file matches.{near(path)}")
    if not is_local(path):
        return [str(fs.unstrip_protocol(match)) for match in matches]
    written_relative = not path.startswith(("/", "file://"))
    return [os.path.relpath(match) if written_relative else match for match in matches]


def read_list(path: str) -> list[str]:
    """The paths that a list file holds: one per line; blank lines and `#` lines are left out.

    Raises:
        InputError: if there is no such list or it is empty.
    """
    try:
        with open_read(path) as file:
            data = file.read()
    except FileNotFoundError as error:
        raise InputError(f"@{path}: no such list of paths{because(error)}.{near(path)}") from error
    except OSError as error:
        raise InputError(f"@{path}: cannot be read ({error})") from error
    text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise InputError(f"@{path}: the list is empty; expected one path per line")
    return found


def near(path: str) -> str:
    """What lies where `path` was looked for: near names, else a few names, else the missing folder."""
    folder, _, name = path.rpartition("/")
    if GLOB & set(folder):
        return ""
    have = names(folder or ".")
    if not have and not is_local(path):
        return ""
    if not have:
        return f" There is no folder {folder or '.'}, or it is empty."
    close = get_close_matches(name, have, 3, 0.6) or have[:5]
    more = f" and {len(have) - len(close)} more" if len(have) > len(close) else ""
    return f" {folder or 'The working folder'} holds {', '.join(close)}{more}."


def because(error: FileNotFoundError) -> str:
    """Why a remote file is not found, where that is more than that: fsspec says so of servers that do not answer."""
    cause = error.__cause__
    return "" if cause is None or isinstance(cause, FileNotFoundError) else f" ({cause})"
