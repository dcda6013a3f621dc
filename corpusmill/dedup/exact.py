"""Exact duplicates: documents with the same 128-bit key; the best of each cluster stays."""

import hashlib
from typing import ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.dedup.alarm import Alarm
from corpusmill.dedup.keep import Keep
from corpusmill.spec import spec

UInt64s = npt.NDArray[np.uint64]


@spec
class ExactDedup:
    """Keep one of all documents with the same text, or with the same URL.

    `by: text` compares bytes; `normalised` compares what is left after NFC, lower case, and every run of white space
    made one blank; `url` compares canonical URLs (`urls.canonical`). Keys are BLAKE2b digests of 128 bits: among 10^11
    documents two different texts meet with a probability of 10^-17. A document without a URL, or whose normalised text
    is empty, has no key and stays.
    """

    use: Literal["exact_dedup"] = "exact_dedup"
    by: Literal["text", "normalised", "url"] = "text"
    keep: Keep = "longest"  # longest, newest, oldest, {best: step.signal}, {source_order: [...]}; ties by id
    against: tuple[str, ...] = ()  # folders of earlier runs with the same step: their documents always stay
    alarm: Alarm = Alarm()

    outside_key: ClassVar = ("against", "alarm")


class Keys(NamedTuple):
    """128-bit keys of N documents in two halves, and which documents have one; shape (N,) each."""

    high: UInt64s
    low: UInt64s
    valid: npt.NDArray[np.bool_]


def keys(batch: pa.RecordBatch, by: Literal["text", "normalised", "url"]) -> Keys:
    """The key of every document.

    Args:
        batch: of `documents.SCHEMA`; only the columns of `columns(by)` are read.
        by: what is compared.
    """
    values = _values(batch, by)
    digests = [b"\0" * 16 if value is None else _digest(value) for value in values.cast(pa.binary()).to_pylist()]
    halves = np.frombuffer(b"".join(digests), ">u8").reshape(len(digests), 2).astype(np.uint64)
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    return Keys(np.ascontiguousarray(halves[:, 0]), np.ascontiguousarray(halves[:, 1]), valid)


def columns(by: Literal["text", "normalised", "url"]) -> list[str]:
    """The document columns that a key is made of."""
    return ["url"] if by == "url" else ["text"]


def _values(batch: pa.RecordBatch, by: str) -> pa.Array:
    """What is compared; null for a document without a key."""
    if by == "url":
        from corpusmill import urls

        return urls.canonical(batch.column("url"))
    if by == "text":
        return batch.column("text")
    return _without_empty(normalised(batch.column("text")))


def normalised(texts: pa.Array) -> pa.Array:
    """NFC, lower case, runs of white space as one blank, none at the ends."""
    plain = pc.utf8_lower(pc.utf8_normalize(texts, "NFC"))
    return pc.utf8_trim_whitespace(pc.replace_substring_regex(plain, r"[\s\pZ\x{0B}\x{1C}-\x{1F}\x{85}]+", " "))


def _without_empty(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.equal(pc.binary_length(texts), 0), None, texts)


def _digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()
