"""How input files are cut into shards, from their sizes alone."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import ceil
from typing import Any

from corpusmill.errors import InputError
from corpusmill.storage import paths
from corpusmill.storage.inputs import Arrow, HuggingFace, Input, Parquet

SAMPLE = 64 << 10  # bytes of each end of a local file that enter its fingerprint
ASKERS = 16  # threads that ask a store for sizes; a list of 90,000 paths must not take an hour
WHOLE = (".gz", ".bz2", ".xz", ".zst", ".lz4")  # compressed text cannot be entered in the middle
IDENTITY = (
    "ETag",
    "etag",
    "md5Hash",
    "crc32c",
    "generation",
    "content_md5",
    "xet_hash",
    "blob_id",
    "LastModified",
    "last_modified",
    "Last-Modified",
)


@dataclass(frozen=True)
class Split:
    """What one shard reads.

    Attributes:
        path: fsspec URL or path.
        start, end: bytes of the stored file, end not included. A record belongs to the split in which it begins.
            For Parquet and Arrow files: row groups or record batches. For Hugging Face: dataset shards.
        size: bytes of the whole file.
        length: bytes of the file that this split accounts for; they add up to the file.
        fingerprint: what the file's content is known by, equal for a copy of it.
        note: why the file is not split, or empty.
    """

    path: str
    start: int
    end: int
    size: int
    length: int
    fingerprint: str
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """As plain values for a manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Split":
        """The inverse of `to_json`."""
        return cls(**data)


def plan_splits(source: Input) -> list[Split]:
    """Find the input's files and cut them into splits, sorted by path and start; reads no records.

    Raises:
        InputError: for a missing file, a glob without matches, or a file that is not of the format (footers are read).
    """
    if isinstance(source, HuggingFace):
        from corpusmill.storage.huggingface import plan_dataset

        return plan_dataset(source)
    files = paths.expand(source.paths, source.prefix)
    plan = _planner(source)
    if len(files) == 1 or paths.is_local(files[0]):
        return [split for path in files for split in plan(path)]
    with ThreadPoolExecutor(ASKERS) as pool:
        return [split for found in pool.map(plan, files) for split in found]


def _planner(source: Input) -> Callable[[str], list[Split]]:
    assert not isinstance(source, HuggingFace)
    if isinstance(source, Parquet | Arrow):
        from corpusmill.storage.columnar import plan_columnar

        return lambda path: plan_columnar(source, path, *identify(path))
    splittable = (".gz",) if source.format in {"warc", "wet"} else ()
    return lambda path: cut(path, source.split_mb, splittable)


def cut(path: str, split_mb: float, splittable: tuple[str, ...] = ()) -> list[Split]:
    """Cut one file into equal byte ranges of at most `split_mb`; a compressed file into one, unless `splittable`."""
    size, fingerprint = identify(path)
    whole = path.endswith(tuple(set(WHOLE) - set(splittable)))
    target = max(1, round(split_mb * 1_000_000))
    count = 1 if whole else max(1, ceil(size / target))
    note = f"{path.rpartition('.')[2]} files cannot be split" if whole and size > target else ""
    ends = [size * i // count for i in range(count + 1)]
    return [Split(path, a, b, size, b - a, fingerprint, note) for a, b in pairwise(ends)]


def identify(path: str) -> tuple[int, str]:
    """Size in bytes and fingerprint of one file.

    A local file is known by its size and its first and last 64 KB, never by its times, so that a copy is the same
    file. A remote one is known by its size and what its store keeps: an ETag, a digest or a generation.

    Raises:
        InputError: if the file is missing or its size is not known.
    """
    try:
        facts = paths.info(path)
        size = facts.get("size")
        if not isinstance(size, int):
            raise InputError(
                f"{path}: the server does not say its size, so it cannot be read by range; download it first"
            )
        return size, _fingerprint(path, size, facts)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file{paths.because(error)}.{paths.near(path)}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be reached ({error})") from error


def _fingerprint(path: str, size: int, facts: dict[str, Any]) -> str:
    digest = hashlib.blake2b(size.to_bytes(8, "little"), digest_size=16)
    known = {key: str(facts[key]) for key in IDENTITY if facts.get(key)}
    if known and not paths.is_local(path):
        digest.update(repr(sorted(known.items())).encode())
    else:
        with paths.open_read(path) as file:
            digest.update(file.read(SAMPLE))
            file.seek(max(0, size - SAMPLE))
            digest.update(file.read(SAMPLE))
    return digest.hexdigest()
