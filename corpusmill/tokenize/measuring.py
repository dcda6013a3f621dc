"""How well a trained vocabulary suits texts: bytes per token, tokens per word, and what of it is never used.

A word is what `str.split()` gives: a run of anything but white space. Languages that write none between words have few
and long ones; for those look at bytes per token.
"""

import json
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from corpusmill.kernels import buffers
from corpusmill.splitters import split
from corpusmill.tokenize.encode import Encoder
from corpusmill.tokenize.splits import UNKNOWN
from corpusmill.tokenize.tokenizer import Tokenizer, byte_characters

Int64s = npt.NDArray[np.int64]

SHOWN = 20  # entries that are named as examples


class Figures(NamedTuple):
    """Counts of some documents; `single` are tokens of one byte."""

    documents: int
    bytes: int
    tokens: int
    words: int
    single: int

    def __add__(self, other: "Figures") -> "Figures":  # type: ignore[override]
        """Both together."""
        return Figures(*(a + b for a, b in zip(self, other, strict=True)))

    def to_json(self) -> dict[str, int | float | None]:
        """The counts, and what is compared: four digits, null where there is nothing to divide by."""
        return {
            **self._asdict(),
            "bytes_per_token": _ratio(self.bytes, self.tokens),
            "tokens_per_word": _ratio(self.tokens, self.words),
            "single_byte_share": _ratio(self.single, self.tokens),
        }


class Measure:
    """Counts documents under one tokenizer of byte-level BPE."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Prepare to encode."""
        self._encode = Encoder(tokenizer)
        self.tokens = tokens_of(tokenizer)
        self.uses = np.zeros(tokenizer.size, np.int64)
        self._single = np.zeros(tokenizer.size, np.int64)
        self._single[[number for number, token in self.tokens.items() if len(token) == 1]] = 1
        self._counts: dict[tuple[str, str], Figures] = defaultdict(lambda: Figures(0, 0, 0, 0, 0))

    def add(self, batch: pa.RecordBatch) -> None:
        """Add documents: their `text`, `source` and `language`."""
        if not batch.num_rows:
            return
        text = buffers.text(batch.column("text"))
        offsets, ids = self._encode(text)
        self.uses += np.bincount(ids, minlength=len(self.uses))
        single = np.append(0, np.cumsum(self._single[ids]))[offsets]
        counts: list[Any] = [
            np.diff(ends) for ends in (text.offsets, offsets, split(text, "whitespace").offsets, single)
        ]
        keys = [pc.fill_null(batch.column(name), UNKNOWN) for name in ("source", "language")]
        names = ["source", "language", *Figures._fields]
        table = pa.table([*keys, np.ones(batch.num_rows, np.int64), *counts], names=names)
        summed = table.group_by(names[:2]).aggregate([(name, "sum") for name in names[2:]])
        for row in summed.to_pylist():
            key = row["source"], row["language"]
            self._counts[key] += Figures(*(row[f"{name}_sum"] for name in names[2:]))

    def figures(self) -> dict[str, Any]:
        """All documents (`total`), and those of each `source` and `language`, as plain values."""
        found: dict[str, dict[str, Figures]] = {"source": {}, "language": {}}
        total = Figures(0, 0, 0, 0, 0)
        for key, counts in sorted(self._counts.items()):
            total += counts
            for kind, name in zip(found, key, strict=True):
                found[kind][name] = found[kind].get(name, Figures(0, 0, 0, 0, 0)) + counts
        parts = {kind: {name: one.to_json() for name, one in sorted(all_.items())} for kind, all_ in found.items()}
        return {"total": total.to_json(), **parts}

    def vocabulary(self) -> dict[str, Any]:
        """Merged tokens and bytes that were never used, and the longest tokens, as plain values.

        Thirteen bytes never occur in UTF-8 at all, and others are always merged with what goes before; they are
        counted apart from merges.
        """
        merged = [number for number, token in sorted(self.tokens.items()) if len(token) > 1]
        unused = [number for number in merged if not self.uses[number]]
        idle = sum(not self.uses[number] for number, token in self.tokens.items() if len(token) == 1)
        longest = sorted(self.tokens, key=lambda number: (-len(self.tokens[number]), number))[:SHOWN]
        return {
            "merges": len(merged), "unused": len(unused), "unused_bytes": idle,
            "unused_examples": [self._named(number) for number in unused[-SHOWN:]],  # the last ones were the rarest
            "longest": [self._named(number) for number in longest],
        }  # fmt: skip

    def _named(self, number: int) -> dict[str, int | str]:
        token = self.tokens[number]
        uses = int(self.uses[number])
        return {"id": number, "token": token.decode("utf-8", "backslashreplace"), "bytes": len(token), "uses": uses}


def tokens_of(tokenizer: Tokenizer) -> dict[int, bytes]:
    """The bytes of each id of a byte-level vocabulary, special tokens left out."""
    assert tokenizer.settings is not None
    characters = byte_characters()
    special = set(tokenizer.special_tokens.values())
    vocabulary: dict[str, int] = json.loads(tokenizer.settings)["model"]["vocab"]
    return {
        number: bytes(characters[character] for character in token)
        for token, number in vocabulary.items()
        if number not in special
    }


def _ratio(counted: int, of: int) -> float | None:
    return round(counted / of, 4) if of else None
