"""Packed shards for tests."""

import hashlib
import json

import numpy as np

from corpusmill.storage.packed import Block, Header, PackedFile
from corpusmill.tokenize.pack import Documents, fill, plan

EOS = 300


def header(**changes):
    """A header for small tests."""
    told = {
        "tokenizer": "ab" * 32, "vocabulary_size": 301, "dtype": "uint16", "eos": EOS, "padding": EOS,
        "strategy": "best_fit", "sequence_length": 8, "recipe_key": "key",
    }  # fmt: skip
    return Header(**{**told, **changes})


def some_documents(count, seed=0, longest=30):
    """Documents of ids below `EOS`."""
    draw = np.random.default_rng(seed)
    return [draw.integers(0, EOS, draw.integers(0, longest)).tolist() for _ in range(count)]


def address(number):
    """Documents lie three in a shard, from shard 5 on."""
    return 5 + number // 3, number % 3


def write(path, documents, told=None, cuts=(), order=None):
    """Pack documents into one shard, its rows added in blocks that end at `cuts`."""
    told = told or header()
    offsets = np.cumsum([0, *map(len, documents)]).astype(np.int64)
    ids = np.array([token for document in documents for token in document], told.dtype)
    planned = plan(np.diff(offsets), told.sequence_length, told.strategy)
    order = np.arange(planned.rows) if order is None else order
    ends = [*sorted(min(cut, planned.rows) for cut in cuts), planned.rows]
    with PackedFile(str(path), told) as file:
        for start, stop in zip([0, *ends], ends, strict=False):
            rows = order[start:stop]
            at, segments = planned.segments_of(rows)
            shards, source_rows = np.array([address(d) for d in planned.segment_document[segments]]).reshape(-1, 2).T
            block = fill(planned, Documents.of(offsets, ids), told.eos, rows)
            lengths, starts = planned.segment_length[segments], planned.segment_start[segments]
            file.add(Block(block, at, lengths, shards, source_rows, starts))
        return file.finish()


def listed(stage):
    """Write the manifest of a stage's shards, as far as a reader of shards needs it."""
    entries = {}
    for path in sorted(path for split in ("train", "validation") for path in (stage / split).glob("[0-9]*.arrow")):
        facts = {"rows": 1, "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        entry = entries.setdefault(path.stem, {"shard": int(path.stem), "key": "", "split": None, "files": {}})
        entry["files"][path.parent.name] = facts
    (stage / "manifest.json").write_text(json.dumps({"shards": list(entries.values())}))
