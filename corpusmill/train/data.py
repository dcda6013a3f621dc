"""Rows of packed shards in training order: the n-th sample is a pure function of the seed and n, and of nothing else.

Samples are numbered from 0 over the whole training, whatever batches and ranks there are. Each epoch of a stream has a
keyed order of its own (`tokenize/order.py`), in which each row stands once. Parts with weights are a stream each, and
`mixing.Mixture` says which comes next; parts without are one stream, so that all of them are through at once.

A row of ids becomes inputs and targets shifted by one (`kernels/training_rows.py`): end-of-text is what each document
begins with, and every token is a target but for those that nothing leads up to.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from corpusmill.errors import InputError, RecipeError
from corpusmill.spec import numbered
from corpusmill.stages.work import digest
from corpusmill.storage import packed_files
from corpusmill.storage.packed import Block, Shard, open_shards
from corpusmill.storage.packed_files import Found, Split
from corpusmill.tokenize.order import MOST, Order, key_of
from corpusmill.train import config, mapped
from corpusmill.train.mixing import Mixture

Int64s = npt.NDArray[np.int64]

SHARED = ("tokenizer", "vocabulary_size", "eos", "sequence_length")  # what all parts of a training have in common


class Batch(NamedTuple):
    """Rows of some samples, of L tokens each.

    Attributes:
        inputs: int64 (B, L). targets: int64 (B, L), -100 where there is none.
        lengths: of each row its segments, int64 (n,): its documents from the left end on, then the padding, if any.
        samples: int64 (B,).
    """

    inputs: Int64s
    targets: Int64s
    lengths: list[Int64s]
    samples: Int64s


class Part(NamedTuple):
    """Packed shards of one path of the training file.

    Attributes:
        name: unique. shards: mapped. rows: in all. tokens: targets of one epoch. weight: in tokens, or None.
        epochs: how often it may be gone through. found: where it lies.
    """

    name: str
    shards: list[Shard]
    rows: int
    tokens: int
    weight: float | None
    epochs: float
    found: Found


class Rows:
    """All parts of a training, mapped into memory.

    Attributes:
        parts: as the training file has them. seed: of the order. split: `train` or `validation`.
        sequence_length: L. vocabulary_size, eos, tokenizer: see `storage.packed.Header`.
        row_count, tokens: rows and targets of one epoch of all parts.
        most_samples: so many can be taken before some part has been gone through `epochs` times.
        mixture: which stream each sample is from.
    """

    def __init__(self, parts: Sequence[Part], seed: int, split: Split = "train") -> None:
        """Lay out parts that are open; see `open`."""
        self.parts = list(parts)
        self.seed, self.split = seed, split
        header = parts[0].shards[0].header
        self.sequence_length, self.vocabulary_size = header.sequence_length, header.vocabulary_size
        self.eos, self.tokenizer = header.eos, header.tokenizer
        self.row_count, self.tokens = sum(part.rows for part in parts), sum(part.tokens for part in parts)
        files = [shard for part in parts for shard in part.shards]
        self._blocks: list[Block] = [block for shard in files for block in shard.blocks]
        self._block_firsts = _firsts(len(block.ids) for block in self._blocks)
        self._shard_firsts = _firsts(map(len, files))
        self._part_firsts = _firsts(len(part.shards) for part in parts)  # in shards
        self._streams = [[part] for part in parts] if parts[0].weight is not None else [self.parts]
        self._stream_rows = np.array([sum(part.rows for part in stream) for stream in self._streams], np.int64)
        self._stream_firsts = _firsts(self._stream_rows.tolist())
        self.mixture = Mixture([_row_share(stream) for stream in self._streams])
        self.most_samples = min(self._caps())

    @classmethod
    def open(cls, parts: Sequence[config.Data], seed: int, split: Split = "train") -> "Rows":
        """Find and map the shards of all parts.

        Raises:
            InputError: if there are none, or parts do not fit together. OutputError: if a shard cannot be read.
            RecipeError: if the weights allow no mixture.
        """
        found = [packed_files.find(part.path, split) for part in parts]
        names = numbered([part.name or at.name for part, at in zip(parts, found, strict=True)])
        opened = [_open(part, name, at, split) for part, name, at in zip(parts, names, found, strict=True)]
        for part in opened[1:]:
            _check_fits(opened[0].shards[0], part.shards[0])
        return cls(opened, seed, split)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of what decides the order and the bytes of all samples; shards without a manifest are read whole."""
        told = [[part.name, part.weight, self._digests[at]] for at, part in enumerate(self.parts)]
        return digest([told, self.tokenizer, self.sequence_length, self.seed, self.split])

    @property
    def tokenizer_file(self) -> str | None:
        """The tokenizer that lies beside the shards of the first part that has one."""
        return next((part.found.tokenizer for part in self.parts if part.found.tokenizer), None)

    def where(self, samples: Int64s) -> tuple[Int64s, Int64s, Int64s]:
        """Part, shard of that part, and row of that shard of each sample; int64 (n,) each.

        Raises:
            IndexError: for a sample below 0.
        """
        rows = self._rows_of(samples)
        shard = np.searchsorted(self._shard_firsts, rows, "right") - 1
        part = np.searchsorted(self._part_firsts, shard, "right") - 1
        return part, shard - self._part_firsts[part], rows - self._shard_firsts[shard]

    def batch(self, samples: Int64s) -> Batch:
        """The rows of some samples, in the order given.

        Raises:
            IndexError: for a sample below 0.
        """
        from corpusmill.kernels.training_rows import shift

        rows, shape = self._rows_of(samples), (len(samples), self.sequence_length)
        inputs, targets = np.empty(shape, np.int64), np.empty(shape, np.int64)
        lengths: list[Int64s] = [np.zeros(0, np.int64)] * len(samples)
        home = np.searchsorted(self._block_firsts, rows, "right") - 1
        for number in set(home.tolist()):
            block, places = self._blocks[number], np.flatnonzero(home == number)
            here = rows[places] - self._block_firsts[number]
            segments, begins = shift(
                block.ids, block.offsets, block.lengths, block.starts, here, places, self.eos, inputs, targets
            )
            for place, (begin, end) in zip(places.tolist(), pairwise(begins.tolist()), strict=True):
                lengths[place] = segments[begin:end]
        return Batch(inputs, targets, lengths, samples)

    def epochs_at(self, sample: int) -> dict[str, float]:
        """How often each part has been gone through when the samples before this one are taken."""
        taken = zip(self._streams, self.mixture.before(sample), self._stream_rows.tolist(), strict=True)
        return {part.name: count / rows for stream, count, rows in taken for part in stream}

    def check(self, samples: int) -> None:
        """See that so many samples can be taken.

        Raises:
            RecipeError: naming each part of which too much is asked, its tokens asked and there.
        """
        if samples <= self.most_samples:
            return
        epochs = self.epochs_at(samples)
        faults = [
            f"{part.name}: {epochs[part.name] * part.tokens:,.0f} tokens asked, {part.tokens:,} there, which would be "
            f"{epochs[part.name]:.2f} epochs, and {part.epochs:g} are allowed"
            for part in self.parts
            if epochs[part.name] > part.epochs
        ]
        raise RecipeError(
            f"data: too little for {samples:,} rows: {'; '.join(faults)}; at most {self.most_samples:,} rows can be "
            "had; train for fewer tokens, give more data, another weight or more `epochs`"
        )

    def told(self) -> dict[str, Any]:
        """As plain values, for `data.json`."""
        parts = [
            {
                "name": part.name, "folder": part.found.folder, "rows": part.rows, "tokens": part.tokens,
                "weight": part.weight, "epochs": part.epochs,
                "shards": [{"file": shard.path.rpartition("/")[2], "rows": len(shard), "sha256": digest}
                           for shard, digest in zip(part.shards, self._digests[at], strict=True)],
            }
            for at, part in enumerate(self.parts)
        ]  # fmt: skip
        shared = {name: getattr(self, name) for name in SHARED}
        return {"fingerprint": self.fingerprint, "split": self.split, "seed": self.seed, **shared, "parts": parts}

    @cached_property
    def _digests(self) -> list[list[str]]:
        found = [zip(part.found.files, part.found.digests, strict=True) for part in self.parts]
        return [[told or packed_files.sha256(path) for path, told in part] for part in found]

    def _rows_of(self, samples: Int64s) -> Int64s:
        """The row of each sample, counted through all parts; int64 (n,)."""
        if len(samples) and samples.min() < 0:
            raise IndexError(f"sample {samples.min()}; they are numbered from 0")
        stream, number = self.mixture.at(samples)
        epoch, place = np.divmod(number, self._stream_rows[stream])
        found = np.empty(len(samples), np.int64)
        kind = epoch * len(self._streams) + stream
        for one in np.unique(kind).tolist():
            mine = kind == one
            now, at = divmod(one, len(self._streams))
            order = Order(int(self._stream_rows[at]), key_of(self.seed, self.split, at, now))
            found[mine] = order.at(place[mine]) + self._stream_firsts[at]
        return found

    def _caps(self) -> Iterable[int]:
        for at, stream in enumerate(self._streams):
            if self.mixture.counts[at]:
                rows = min(part.epochs for part in stream) * int(self._stream_rows[at])
                yield self.mixture.sample_of(at, int(min(rows, MOST)))


def _open(part: config.Data, name: str, found: Found, split: Split) -> Part:
    opened = open_shards(found.files)
    rows = sum(map(len, opened))
    blocks = [block for shard in opened for block in shard.blocks]
    for block in blocks:
        mapped.read_scattered(block.ids)
    tokens = sum(int(block.lengths.sum(dtype=np.int64)) - int(np.count_nonzero(block.starts)) for block in blocks)
    if not tokens:
        raise InputError(f"{found.folder}: {len(opened)} {split} shards, and no token in them; pack more documents")
    weight = None if part.weight is None else float(part.weight)
    return Part(name, opened, rows, tokens, weight, part.epochs, found)


def _check_fits(first: Shard, other: Shard) -> None:
    for name in SHARED:
        one, two = getattr(first.header, name), getattr(other.header, name)
        if one != two:
            raise InputError(
                f"{other.path}: {name} is {two}, but {one} in {first.path}; one model is trained on shards of one "
                "tokenizer and length; pack one of them again"
            )


def _firsts(sizes: Iterable[int]) -> Int64s:
    """Where each of several things begins that lie one after the other."""
    return np.array([0, *accumulate(sizes)][:-1], np.int64)


def _row_share(stream: Sequence[Part]) -> float:
    """Weights are of tokens: a part whose rows hold fewer gives more rows."""
    (part, *others) = stream
    return 1.0 if others or part.weight is None else part.weight * part.rows / part.tokens
