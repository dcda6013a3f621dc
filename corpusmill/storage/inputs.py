"""What a recipe can read: one spec per format, chosen by its `format:` key."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from corpusmill.documents import SCHEMA
from corpusmill.spec import spec

OURS = {"file", "offset", "cluster", "cluster_size"}  # columns that no input can fill
COLUMNS = tuple(name for name in SCHEMA.names if name not in OURS)  # what `fields` can fill


@spec
class Warc:
    """HTML pages of WARC and ARC archives (ISO 28500; Internet Archive ARC 1.0), plain or .gz, .zst, .lz4.

    A page is a `response` with status 200, or a `resource`, of type HTML or XHTML. Other responses are dropped with
    `read.status`, `read.content_type`, `read.record_type` or `read.bytes`; requests, metadata and the like are skipped.
    """

    format: Literal["warc"] = "warc"
    paths: tuple[str, ...]  # fsspec URLs, globs, or `@list` (also `@list.gz`): a file with one path per line
    prefix: str = ""  # put before each path of a list; Common Crawl: https://data.commoncrawl.org/
    split_mb: float = 64  # 10^6 bytes of the stored file per shard
    source: str = "warc"  # the documents' `source`
    max_page_mb: float = 16  # 10^6 bytes of decoded HTML; larger pages are dropped unread

    def __post_init__(self) -> None:
        """Refuse what can never be read."""
        check(self)


@spec
class Wet:
    """Plain texts of WET archives: the `conversion` records of Common Crawl."""

    format: Literal["wet"] = "wet"
    paths: tuple[str, ...]  # fsspec URLs, globs, or `@list`
    prefix: str = ""  # put before each path of a list
    split_mb: float = 64  # 10^6 bytes of the stored file per shard
    source: str = "wet"  # the documents' `source`
    max_document_mb: float = 16  # 10^6 bytes of text; larger documents are dropped unread

    def __post_init__(self) -> None:
        """Refuse what can never be read."""
        check(self)


@spec
class Jsonl:
    """One JSON object per line, plain, .gz or .zst; a compressed file is one shard."""

    format: Literal["jsonl"] = "jsonl"
    paths: tuple[str, ...]  # fsspec URLs, globs, or `@list`
    prefix: str = ""  # put before each path of a list
    split_mb: float = 64  # 10^6 bytes of the stored file per shard
    source: str = "jsonl"  # the documents' `source` where a record brings none
    fields: Mapping[str, str] = field(default_factory=dict)  # our column: their field; dots reach into objects
    max_document_mb: float = 16  # 10^6 bytes of a line; longer lines are dropped unread

    def __post_init__(self) -> None:
        """Refuse what can never be read."""
        check(self)


@spec
class Parquet:
    """Rows of Parquet files, split at row groups; only the columns named are read."""

    format: Literal["parquet"] = "parquet"
    paths: tuple[str, ...]  # fsspec URLs, globs, or `@list`
    prefix: str = ""  # put before each path of a list
    split_mb: float = 64  # 10^6 bytes of stored columns per shard
    source: str = "parquet"  # the documents' `source` where a row brings none
    fields: Mapping[str, str] = field(default_factory=dict)  # our column: their field; dots reach into structs
    max_document_mb: float = 16  # 10^6 bytes of text; larger documents are dropped

    def __post_init__(self) -> None:
        """Refuse what can never be read."""
        check(self)


@spec
class Arrow:
    """Rows of Arrow IPC files (.arrow, .feather), split at record batches; also the stream format, as one shard."""

    format: Literal["arrow"] = "arrow"
    paths: tuple[str, ...]  # fsspec URLs, globs, or `@list`
    prefix: str = ""  # put before each path of a list
    split_mb: float = 64  # 10^6 bytes of the stored file per shard
    source: str = "arrow"  # the documents' `source` where a row brings none
    fields: Mapping[str, str] = field(default_factory=dict)  # our column: their field; dots reach into structs
    max_document_mb: float = 16  # 10^6 bytes of text; larger documents are dropped

    def __post_init__(self) -> None:
        """Refuse what can never be read."""
        check(self)


@spec
class HuggingFace:
    """Rows of a dataset on the Hugging Face hub, or of local files through one of its builders, streamed."""

    format: Literal["huggingface"] = "huggingface"
    dataset: str  # hub name, local folder, or a builder: json, parquet, csv, text, arrow
    config: str | None = None  # the dataset's configuration
    split: str = "train"  # train, test, …
    revision: str | None = None  # commit or tag of the hub repository; pin it for equal bytes tomorrow
    data_files: tuple[str, ...] = ()  # for builders and folders
    source: str = "huggingface"  # the documents' `source` where a row brings none
    fields: Mapping[str, str] = field(default_factory=dict)  # our column: their field; dots reach into objects
    max_document_mb: float = 16  # 10^6 bytes of text; larger documents are dropped

    def __post_init__(self) -> None:
        """Refuse what can never be read."""
        check(self)


@spec
class Stored:
    """The documents of the stage before; not for recipes."""

    format: Literal["documents"] = "documents"


Input = Warc | Wet | Jsonl | Parquet | Arrow | HuggingFace


def check(source: Any) -> None:
    """Refuse sizes that are not positive, no paths at all, and mappings of columns that do not exist.

    Raises:
        ValueError: naming the field, the value found and what was expected.
    """
    if hasattr(source, "paths") and not source.paths:
        raise ValueError("paths: empty; give at least one path, glob or @list")
    for name in ("split_mb", "max_page_mb", "max_document_mb"):
        if not getattr(source, name, 1) > 0:
            raise ValueError(f"{name}: found {getattr(source, name)}; expected a number above 0")
    unknown = sorted(set(getattr(source, "fields", {})) - set(COLUMNS))
    if unknown:
        raise ValueError(f"fields: {unknown} are not columns of a document; those are {', '.join(COLUMNS)}")


def max_bytes(source: Input) -> int:
    """The largest payload that is kept, in bytes."""
    megabytes = source.max_page_mb if isinstance(source, Warc) else source.max_document_mb
    return int(megabytes * 1_000_000)
