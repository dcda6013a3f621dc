r"""Paragraph dedup by n-gram overlap and a Bloom filter, after BFF of DCLM, but with one answer whatever runs it.

What the filter holds before a document is all n-grams of the documents before it, cut or not. So the corpus can be cut
into groups of shards: each group fills a filter of its own (`fill`), and then goes through its documents with the union
(`|`) of the filters of the groups before it (`scan`). That gives bit for bit what one pass over all documents gives.

Shapes: N documents, P paragraphs, H n-grams, W words of the filter.
"""

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from corpusmill.signals import Measured
from corpusmill.spec import Bounds, spec

if TYPE_CHECKING:
    from corpusmill.kernels.buffers import Int64s
    from corpusmill.kernels.lines import Int32s
    from corpusmill.kernels.words import UInt64s
    from corpusmill.view import View


@spec
class ParagraphDedup:
    r"""Cut paragraphs whose word n-grams mostly stood earlier in the corpus, and drop documents of such (DCLM's BFF).

    A paragraph (between "\n") goes, with its line feed, when more than `overlap` of its n-grams were seen before: in
    documents of earlier shards and rows, or in earlier paragraphs. It is looked at as a whole before it is added. A
    document is judged by the share over all its n-grams. A paragraph with fewer words than `ngram` is one n-gram of all
    its words; with fewer than `min_words` it has none and is always kept. The defaults are those of DCLM.

    The n-grams of what is cut are added too, where BFF adds only those of what stays; its answer then depends on which
    thread came first, and cannot be had in parallel. So here a paragraph may go because it is like one that went. Words
    are Unicode's that hold a letter or a number; BFF counts marks of punctuation as words too.

    The filter takes a new n-gram for a seen one at `false_positive_rate` once it holds `expected_ngrams` different
    ones, and more often if it holds more. null counts the n-grams of the corpus first.
    """

    use: Literal["paragraph_dedup"] = "paragraph_dedup"
    ngram: int = 13  # words
    min_words: int = 13  # of a paragraph
    overlap: float = 0.8  # share of the paragraph's n-grams
    expected_ngrams: int | None = None  # different ones in the whole corpus
    false_positive_rate: float = 0.01  # of one n-gram, by the full filter
    duplicated_share: Bounds = Bounds(None, 0.8)  # share of the document's n-grams seen before

    def __post_init__(self) -> None:
        """Refuse what cannot be.

        Raises:
            ValueError: naming the field, what was found and what was expected.
        """
        if self.ngram < 1:
            raise ValueError(f"ngram: found {self.ngram}; expected 1 word or more")
        if not 1 <= self.min_words <= self.ngram:
            raise ValueError(f"min_words: found {self.min_words}; expected 1 to {self.ngram}, which is ngram")
        if not 0 <= self.overlap <= 1:
            raise ValueError(f"overlap: found {self.overlap}; expected a share from 0 to 1")
        if not 1e-6 <= self.false_positive_rate <= 0.5:
            found = self.false_positive_rate
            raise ValueError(f"false_positive_rate: found {found}; expected a number from 0.000001 to 0.5")
        if self.expected_ngrams is not None and self.expected_ngrams < 1:
            raise ValueError(f"expected_ngrams: found {self.expected_ngrams}; expected 1 or more, or null")


class Paragraphs(NamedTuple):
    r"""The paragraphs of N documents and their n-grams.

    Attributes:
        offsets: int64 (N+1,), the paragraphs of each document.
        starts, ends: int32 (P,), positions in the batch's text, without the "\n".
        ngrams: int64 (P+1,), the n-grams of each paragraph.
        hashes: uint64 (H,), of the n-grams, in the order of the text.
    """

    offsets: "Int64s"
    starts: "Int32s"
    ends: "Int32s"
    ngrams: "Int64s"
    hashes: "UInt64s"


def ngram_hashes(view: "View", step: ParagraphDedup) -> Paragraphs:
    """The paragraphs of a batch and the hashes of their word n-grams; `len(found.hashes)` counts them all."""
    from corpusmill.kernels import bloom, lines

    words = view.words("uax29")
    owned, starts, ends = lines.split(*view.text)
    of_paragraphs = np.append(np.searchsorted(words.starts, starts), len(words.starts))  # no word spans a line feed
    return Paragraphs(owned, starts, ends, *bloom.hash_grams(of_paragraphs, words.hashes, step.ngram, step.min_words))


def empty_filter(step: ParagraphDedup, ngrams: int | None = None) -> "UInt64s":
    """An empty filter, shape (W,), for `expected_ngrams`, or where that is null for the given number of n-grams.

    All groups of a run must use the same number, else their filters cannot be joined.

    Raises:
        ValueError: where neither number is given, or the filter would be above 128 GiB.
    """
    from corpusmill.kernels import bloom

    expected = step.expected_ngrams or ngrams
    if expected is None:
        raise ValueError("expected_ngrams: found null; expected a number, or count the n-grams of the corpus first")
    return bloom.empty(bloom.size(max(expected, 1), step.false_positive_rate).blocks)


def fill(bits: "UInt64s", view: "View", step: ParagraphDedup) -> None:
    """Add all n-grams of a batch to the filter (W,), in place; order does not matter."""
    from corpusmill.kernels import bloom

    bloom.add(bits, ngram_hashes(view, step).hashes, bloom.best(step.false_positive_rate)[1])


def scan(bits: "UInt64s", view: "View", step: ParagraphDedup, *, update: bool = True) -> Measured:
    """Go through the documents in order: the spans that cut paragraphs, and the signal.

    Args:
        bits: the filter (W,), with all n-grams that came before.
        view: N documents.
        step: the same as for the filter.
        update: add the n-grams of each paragraph once it was judged, in place.
    """
    from corpusmill.kernels import bloom, line_cuts
    from corpusmill.spans import Spans

    found = ngram_hashes(view, step)
    probes = bloom.best(step.false_positive_rate)[1]
    seen = bloom.count_seen(bits, found.ngrams, found.hashes, probes, update)
    gone = _share(seen, np.diff(found.ngrams)) > step.overlap
    nothing = line_cuts.Sentences(np.zeros(len(gone) + 1, np.int64), found.starts[:0], found.ends[:0], gone[:0])
    spans = line_cuts.cut_spans(view.text.offsets, found.offsets, found.starts, gone, nothing)
    sums = np.append(0, np.cumsum(seen))[found.offsets]
    share = _share(np.diff(sums), np.diff(found.ngrams[found.offsets]))
    return Measured({"duplicated_share": share}, edits=Spans(*spans))


def _share(part: "Int64s", whole: "Int64s") -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Part by whole; 0 where the whole is 0."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
