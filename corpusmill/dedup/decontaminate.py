"""Documents that hold parts of evaluation sets: found by word n-grams, dropped or cut.

A run over a corpus has two passes. The first finds `hits` in each batch and adds up `count`; the second finds them
again and lets `decide` judge with the sum, and `tally` count for the table of contamination. All sums are of arrays,
so they do not depend on the order of shards.

Shapes: N documents, E entries (different n-grams of the evaluation sets), H hits, I items, S sets.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from corpusmill.dedup.evaluation_sets import read_items
from corpusmill.kernels import buffers
from corpusmill.kernels.buffers import Int64s
from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.kernels.contamination import NgramSet
    from corpusmill.view import View

Flags = npt.NDArray[np.bool_]

LABELS = ("Question:", "Answer:", "Passage:", "Context:", "Q:", "A:")


@spec
class Decontaminate:
    """Drop documents that hold word n-grams of evaluation sets, or cut these out (Brown et al. 2020, appendix C).

    An evaluation set is a JSONL file; a line of it is an item, and each string of an item is looked for by itself.
    Words are runs of letters, marks and numbers in lower case, so that case, punctuation and line breaks do not
    count. A string of fewer than `ngram` words is looked for whole, and so is each such line of a longer one; with
    fewer than `min_words` words it is not looked for, since phrases of that length are found anywhere: with 32
    evaluation sets and 8,359 pages and pieces of novels, 13 found something in 4 of them, 8 in 9, 7 in 22, 5 in 163.

    An n-gram in more than `max_document_frequency` documents of the corpus is a common phrase and no evidence. It is
    a count and no share, since copies of an item on the web are few however large the corpus is, and a share of a
    large corpus would let hundreds of copies pass. Items that have only such n-grams are reported as not checkable.

    Both signals speak of the text before the cut.
    """

    use: Literal["decontaminate"] = "decontaminate"
    benchmarks: Mapping[str, str]  # name: path of a JSONL file
    fields: tuple[str, ...] = ()  # whose strings are looked for, lists of strings too; empty: all fields
    labels: tuple[str, ...] = LABELS  # taken off both ends of a string, since a page that has the item has others
    ngram: int = 13  # words
    min_words: int = 8  # of a string that is looked for whole
    max_document_frequency: int | None = 10  # documents; null: no n-gram is too common
    action: Literal["drop", "cut"] = "drop"
    contaminated_ngrams: Bounds | None = None  # different n-grams found; null is [null, 0] for drop, open for cut
    contaminated_share: Bounds = Bounds(None, None)  # of the document's bytes, in n-grams that were found

    evidence: ClassVar = ("item",)  # `set:line` of the item of which most was found

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be meant, and take the action's own bound where none is given."""
        if not self.benchmarks:
            raise ValueError("benchmarks: empty; give at least one evaluation set, such as {gsm8k: gsm8k/test.jsonl}")
        if not 1 <= self.min_words <= self.ngram:
            raise ValueError(f"min_words: {self.min_words}; give a number from 1 to ngram, which is {self.ngram}")
        if self.max_document_frequency is not None and self.max_document_frequency < 1:
            raise ValueError(f"max_document_frequency: {self.max_document_frequency}; give at least 1, or null")
        if self.contaminated_ngrams is None:
            object.__setattr__(self, "contaminated_ngrams", Bounds(None, 0 if self.action == "drop" else None))

    def references(self) -> tuple[str, ...]:
        """The files that the signals depend on."""
        return tuple(self.benchmarks.values())


@dataclass(frozen=True)
class Table:
    """The n-grams of all evaluation sets, and where each is from.

    Attributes:
        benchmarks: the names of the sets, (S,).
        ngrams: the entries, for looking up.
        item_benchmarks, item_lines: int64 (I,), the set of each item, and its line there, from 1.
        item_offsets: int64 (I+1,) into item_entries, int64: the different entries of each item.
        entry_offsets: int64 (E+1,) into entry_items, int64: the items of each entry.
    """

    benchmarks: tuple[str, ...]
    ngrams: "NgramSet"
    item_benchmarks: Int64s
    item_lines: Int64s
    item_offsets: Int64s
    item_entries: Int64s
    entry_offsets: Int64s
    entry_items: Int64s


class Hits(NamedTuple):
    """The entries found in N documents.

    Attributes:
        offsets: int64 (N+1,), the hits of document i are offsets[i] to offsets[i+1], ordered by start, then end.
        entries: int64 (H,). starts, ends: int64 (H,), bytes from the start of the document's text.
    """

    offsets: Int64s
    entries: Int64s
    starts: Int64s
    ends: Int64s


class Matches(NamedTuple):
    """The items found in each document, by M pairs ordered by document, then item.

    Attributes:
        rows, items: int64 (M,).
        found: int64 (M,), different entries of the item in the document that are not too common.
        whole: bool (M,), whether the document holds all entries of the item, common ones too.
    """

    rows: Int64s
    items: Int64s
    found: Int64s
    whole: Flags


@dataclass(frozen=True)
class Tally:
    """What was found in some documents; tallies of disjoint documents add up.

    Attributes:
        documents: int64 (S,), documents with a hit of each set.
        found, whole: int64 (I,), documents with a hit of each item, and with all its entries.
    """

    documents: Int64s
    found: Int64s
    whole: Int64s

    def __add__(self, other: "Tally") -> "Tally":
        """The tally of both."""
        return Tally(self.documents + other.documents, self.found + other.found, self.whole + other.whole)


class Contamination(NamedTuple):
    """One row of the table of contamination: a set, and how many of its items are in the corpus.

    Attributes:
        too_short: items without a string of `min_words` words, which are not looked for.
        too_common: items whose n-grams all are in too many documents; neither is checkable.
        found, whole: items of which a document holds a part, and all n-grams.
        documents: documents that hold a part of any item.
    """

    benchmark: str
    items: int
    too_short: int
    too_common: int
    found: int
    whole: int
    documents: int


def load(step: Decontaminate, read: Callable[[str], bytes]) -> Table:
    """Read the evaluation sets and make the table of their n-grams.

    Args:
        step: the spec.
        read: gives the bytes of a file, decompressed.

    Raises:
        InputError: for a file that is missing, empty or no JSONL, and for fields that are not there.
    """
    from corpusmill.kernels.contamination import ngram_set, ngrams
    from corpusmill.kernels.normalise import plain_points

    items = read_items(step.benchmarks, step.fields, step.labels, read)
    text = buffers.text(pa.array(items.strings, pa.large_binary()))
    lengths, offsets, hashes = ngrams(*text, plain_points(), step.ngram, step.min_words)
    keys, places, entries = np.unique(hashes, return_index=True, return_inverse=True)
    owners = np.repeat(np.array(items.owners, np.int64), np.diff(offsets))
    holders, held = _pairs(owners, entries.astype(np.int64), len(keys))
    by_entry = np.lexsort((holders, held))
    return Table(
        benchmarks=tuple(step.benchmarks),
        ngrams=ngram_set(keys, np.repeat(lengths, np.diff(offsets))[places]),
        item_benchmarks=np.array(items.benchmarks, np.int64),
        item_lines=np.array(items.lines, np.int64),
        item_offsets=_offsets(holders, len(items.lines)),
        item_entries=held,
        entry_offsets=_offsets(held[by_entry], len(keys)),
        entry_items=holders[by_entry],
    )


def _pairs(first: Int64s, second: Int64s, width: int) -> tuple[Int64s, Int64s]:
    """The different pairs of two arrays, in order; values of `second` are below `width`."""
    keys = np.unique(first * np.int64(max(width, 1)) + second)
    return np.divmod(keys, max(width, 1))


def _offsets(owners: Int64s, count: int) -> Int64s:
    """Offsets (count+1,) of runs of sorted owners."""
    return np.searchsorted(owners, np.arange(count + 1)).astype(np.int64)


def hits(view: "View", table: Table) -> Hits:
    """Find the entries of the table in N documents."""
    from corpusmill.kernels.contamination import find
    from corpusmill.kernels.normalise import plain_points

    offsets, data = view.text
    per_document, entries, starts, ends = find(offsets, data, plain_points(), table.ngrams)
    order = np.lexsort((ends, starts))  # documents lie one after the other, so this keeps theirs together
    begins = np.repeat(offsets[:-1], np.diff(per_document))
    return Hits(per_document, entries[order], starts[order] - begins, ends[order] - begins)


def count(found: Hits, table: Table) -> Int64s:
    """In how many of the documents each entry is; (E,), to be added up over the corpus."""
    _, entries = _distinct(found)
    return np.bincount(entries, minlength=len(table.entry_offsets) - 1).astype(np.int64)


def _distinct(found: Hits) -> tuple[Int64s, Int64s]:
    """The different (document, entry) pairs, in order."""
    rows = np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets))
    return _pairs(rows, found.entries, int(found.entries.max(initial=0)) + 1)


def _common(frequencies: Int64s, step: Decontaminate) -> Flags:
    """Which entries are in too many documents to be evidence; (E,)."""
    most = step.max_document_frequency
    return np.zeros(len(frequencies), bool) if most is None else frequencies > most


def decide(view: "View", found: Hits, frequencies: Int64s, step: Decontaminate) -> Measured:
    """The signals of N documents, and for `cut` the spans of their hits.

    Args:
        view: the documents.
        found: their hits.
        frequencies: (E,), the sum of `count` over the corpus.
        step: the spec.
    """
    from corpusmill.spans import Spans

    size = len(view)
    common = _common(frequencies, step)
    rows, entries = _distinct(found)
    ngrams = np.bincount(rows[~common[entries]], minlength=size)
    which, starts, ends = _covered(found, ~common[found.entries])
    lengths = np.diff(view.text.offsets)
    covered = np.bincount(which, ends - starts, minlength=size)
    signals = {
        "contaminated_ngrams": ngrams.astype(np.float64),
        "contaminated_share": covered / np.maximum(lengths, 1),
    }
    return Measured(signals, edits=Spans(which, starts, ends) if step.action == "cut" else None)


def _covered(found: Hits, counted: Flags) -> tuple[Int64s, Int64s, Int64s]:
    """The union of the counted hits: rows, starts, ends of disjoint spans, in order."""
    rows = np.repeat(np.arange(len(found.offsets) - 1), np.diff(found.offsets))[counted]
    starts, ends = found.starts[counted], found.ends[counted]
    if not len(rows):
        return rows, starts, ends
    # Moved apart by more than any text is long, so that one running maximum serves all documents.
    apart = rows * (ends.max() + 1)
    reach = np.maximum.accumulate(apart + ends)
    first = np.append(True, (apart + starts)[1:] > reach[:-1])
    last = np.append(first[1:], True)
    return rows[first], starts[first], (reach - apart)[last]


def matches(found: Hits, frequencies: Int64s, step: Decontaminate, table: Table) -> Matches:
    """Which items are in which document: the evidence for a removal, by `table.item_benchmarks` and `item_lines`."""
    rows, entries = _distinct(found)
    counts = np.diff(table.entry_offsets)[entries]
    pair = np.repeat(np.arange(len(rows)), counts)
    places = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    items = table.entry_items[table.entry_offsets[entries][pair] + places]
    evidence = ~_common(frequencies, step)[entries][pair]
    size = len(table.item_lines)
    keys, which = np.unique(rows[pair] * size + items, return_inverse=True)
    evident = np.bincount(which[evidence], minlength=len(keys)).astype(np.int64)
    whole = np.bincount(which, minlength=len(keys)) == np.diff(table.item_offsets)[keys % size]
    stay = evident > 0
    return Matches(keys[stay] // size, keys[stay] % size, evident[stay], whole[stay])


def tally(matched: Matches, table: Table) -> Tally:
    """Count documents by set and item."""
    size = len(table.item_lines)
    _, benchmarks = _pairs(matched.rows, table.item_benchmarks[matched.items], len(table.benchmarks))
    return Tally(
        np.bincount(benchmarks, minlength=len(table.benchmarks)).astype(np.int64),
        np.bincount(matched.items, minlength=size).astype(np.int64),
        np.bincount(matched.items[matched.whole], minlength=size).astype(np.int64),
    )


def contamination(total: Tally, frequencies: Int64s, step: Decontaminate, table: Table) -> list[Contamination]:
    """The table of contamination, a row for each set in the order of the recipe.

    Args:
        total: the sum of `tally` over the corpus.
        frequencies: (E,), the sum of `count` over the corpus.
        step: the spec.
        table: what `load` gave.
    """
    sizes = np.diff(table.item_offsets)
    common = np.append(0, np.cumsum(_common(frequencies, step)[table.item_entries]))
    too_common = (sizes > 0) & (np.diff(common[table.item_offsets]) == sizes)
    flags = (sizes >= 0, sizes == 0, too_common, total.found > 0, total.whole > 0)
    sums = [np.bincount(table.item_benchmarks[flag], minlength=len(table.benchmarks)).tolist() for flag in flags]
    rows = zip(table.benchmarks, *sums, total.documents.tolist(), strict=True)
    return [Contamination(*row) for row in rows]
