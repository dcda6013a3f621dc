"""Batches of documents to ids, equal to those of `tokenizers` or tiktoken.

A kernel cuts the known patterns, looks pre-tokens up in a cache and merges new ones. Whole documents go to the library
where its answer depends on more: those that hold the text of an added token, and all of them if the tokenizer is not
byte-level BPE over a known pattern. For rank files the library is tiktoken, which is needed for unknown patterns only.
"""

import re
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from corpusmill.errors import ResourceError, RunError
from corpusmill.tokenize.patterns import OTHERS, PATTERNS
from corpusmill.tokenize.ranks import Ranks
from corpusmill.tokenize.tokenizer import Merges, Tokenizer

if TYPE_CHECKING:  # the kernels import numba
    from corpusmill.kernels.bpe_cache import Cache
    from corpusmill.kernels.buffers import Int64s, Text

UInt32s = npt.NDArray[np.uint32]
Library = Callable[[list[str]], list[Sequence[int]]]  # ids of each text

CACHE_ENTRIES = 1 << 19  # 59 MB; why so many: benchmarks/tokenize.md
_MOST_PREFIXES = 16  # of added tokens, each looked for in all text


class Encoder:
    """Encodes with one tokenizer; keeps its cache from call to call. Not for two threads at once.

    The ids are those of `tokenizers.Tokenizer.encode(text, add_special_tokens=False)`; for a rank file, those of
    `tiktoken.Encoding.encode_ordinary`. What was encoded before changes nothing.

    Attributes:
        whole: why the library encodes every document, which is slower; None where the kernel does.
    """

    def __init__(self, tokenizer: Tokenizer, *, cache_entries: int = CACHE_ENTRIES) -> None:
        """Make the tables.

        Args:
            tokenizer: as `tokenizer.load` gives it.
            cache_entries: pre-tokens to remember at most, 112 bytes each; 32768 at least.

        Raises:
            ResourceError: as `library`.
        """
        self.tokenizer = tokenizer
        self._library = library(tokenizer)
        self._cache: Cache | None = None
        self.whole = tokenizer.whole
        if self.whole is None and tokenizer.settings is not None and not _same_classes():
            self.whole = "this version of `tokenizers` knows other letters than the kernel"
        if self.whole is None:
            assert tokenizer.merges is not None
            assert tokenizer.pattern is not None
            self._cache = _cache(tokenizer.merges, tokenizer.pattern, cache_entries)
        contents = sorted({token.content.encode() for token in tokenizer.added if token.content})
        self._prefixes = sorted({(text[0], text[1] if len(text) > 1 else -1) for text in contents})
        if len(self._prefixes) > _MOST_PREFIXES:
            self._prefixes = sorted({(text[0], -1) for text in contents})
        self._added = re.compile(b"|".join(map(re.escape, contents))) if contents else None

    def __call__(self, text: "Text") -> "tuple[Int64s, UInt32s]":
        """Encode N documents.

        Args:
            text: as `kernels.buffers.text` gives it.

        Returns:
            Offsets int64 (N+1,) and ids uint32 (T,): document i has ids[offsets[i]:offsets[i+1]].

        Raises:
            ResourceError: if the pattern of a rank file leaves out some of a text. RunError: if tiktoken gives up.
        """
        skipped = self._skipped(text)
        if self._cache is None:
            placed, ids = np.zeros(len(text.offsets), np.int64), np.zeros(0, np.uint32)
        else:
            placed, ids = self._cache.encode(text.offsets, text.data, skipped)
        rows = np.flatnonzero(skipped)
        return self._with_library(text, rows, placed, ids) if len(rows) else (placed, ids)

    def _skipped(self, text: "Text") -> npt.NDArray[np.bool_]:
        """The documents that the library encodes, bool (N,)."""
        from corpusmill.kernels import bpe_cache

        skipped = np.full(len(text.offsets) - 1, self._cache is None)
        if self._cache is None or self._added is None:
            return skipped
        for first, second in self._prefixes:
            skipped |= bpe_cache.hold(text.offsets, text.data, first, second)
        for row in np.flatnonzero(skipped):
            document = text.data[text.offsets[row] : text.offsets[row + 1]].tobytes()
            skipped[row] = self._added.search(document) is not None
        return skipped

    def _with_library(
        self, text: "Text", rows: npt.NDArray[Any], placed: "Int64s", ids: UInt32s
    ) -> "tuple[Int64s, UInt32s]":
        """Put the ids of documents `rows`, which have none so far, in their places."""
        assert self._library is not None
        documents = [text.data[text.offsets[row] : text.offsets[row + 1]].tobytes().decode() for row in rows]
        found = self._library(documents)
        counts = np.diff(placed)
        parts, before = [], 0
        for row, these in zip(rows, found, strict=True):
            parts += [ids[before : placed[row]], np.array(these, np.uint32)]
            counts[row] = len(these)
            before = placed[row]
        parts.append(ids[before:])
        return np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]), np.concatenate(parts)


def library(tokenizer: Tokenizer) -> Library | None:
    """What encodes whole texts; None for a rank file whose pattern a kernel knows, which never needs it.

    Raises:
        ResourceError: tiktoken is needed and not installed, or the pattern is no regular expression.
    """
    if tokenizer.ranks is None:
        known = tokenizer.library()
        return lambda texts: [found.ids for found in known.encode_batch_fast(texts, add_special_tokens=False)]
    return None if tokenizer.whole is None else _tiktoken(tokenizer.ranks, tokenizer.name)


def _tiktoken(ranks: Ranks, name: str) -> Library:
    try:
        import tiktoken
    except ImportError as error:
        raise ResourceError(
            f"{name}: no kernel knows the pattern {ranks.pattern!r}, and tiktoken, which does, is not installed:"
            f" pip install 'corpusmill[tiktoken]', or give one of: {', '.join(PATTERNS)}"
        ) from error
    expression = OTHERS.get(ranks.pattern, ranks.pattern)
    try:
        peer = tiktoken.Encoding(name, pat_str=expression, mergeable_ranks=ranks.tokens, special_tokens={})
    except ValueError as error:
        raise ResourceError(
            f"{name}: pattern: found {expression!r}, which is no regular expression: {error}"
        ) from error
    lengths = {number: len(token) for token, number in ranks.tokens.items()}

    def encode(text: str) -> Sequence[int]:
        size = len(text.encode())
        with _GivingUp(name, size):
            ids = peer.encode_ordinary(text)
        there = sum(map(lengths.__getitem__, ids))
        if there != size:
            raise ResourceError(
                f"{name}: the pattern {expression!r} leaves out {size - there:,} of the {size:,} bytes of a text;"
                " expected one that matches every character"
            )
        return ids

    return lambda texts: [encode(text) for text in texts]


class _GivingUp:
    """Tells that tiktoken panics, as its regular expressions do over a million blanks."""

    def __init__(self, name: str, size: int) -> None:
        self._told = f"{name}: tiktoken cannot encode a text of {size:,} bytes"

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Translate the panic, whose class cannot be imported."""
        if kind is not None and kind.__name__ == "PanicException":
            advice = "drop such texts by a step before (a long run of blanks is enough)"
            raise RunError(f"{self._told}: {error}; {advice}") from error


def _cache(merges: Merges, pattern: str, entries: int) -> "Cache":
    """An empty cache for what is merged, but for the pre-tokens that are ids whatever the merges say."""
    from corpusmill.kernels import bpe, bpe_cache
    from corpusmill.kernels.pretokens import Shape

    columns = np.array(merges.pairs, np.uint64).reshape(-1, 4).T
    table = bpe.make_table(*(np.ascontiguousarray(column) for column in columns))
    cache = bpe_cache.Cache(
        bpe_cache.Merges(np.array(merges.byte_ids, np.int64), table), Shape(*PATTERNS[pattern][1:]), entries
    )
    first = merges.first
    if first:
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(token) for token in first])])
        data = np.frombuffer(b"".join(first), np.uint8)
        cache.seed(offsets.astype(np.int64), data, np.array(list(first.values()), np.uint32))
    return cache


def _same_classes() -> bool:
    """Whether the library's regular expressions know the letters, numbers and spaces that the kernel knows.

    Its ends of ranges are asked for; another Unicode version would move some.
    """
    from tokenizers import Regex, pre_tokenizers

    from corpusmill.kernels import pretokens

    classes = pretokens.classes()
    points = {point for first, last, _ in pretokens.ranges() for point in (first - 1, first, last, last + 1)}
    asked = [chr(point) for point in sorted(points) if 0 <= point < len(classes) and not 0xD800 <= point < 0xE000]
    for kind, expression in (pretokens.LETTER, r"\p{L}"), (pretokens.NUMBER, r"\p{N}"), (pretokens.SPACE, r"\s"):
        split = pre_tokenizers.Split(Regex(expression), "removed")
        left = set("".join(piece for piece, _ in split.pre_tokenize_str("".join(asked))))
        if any((classes[ord(character)] == kind) != (character not in left) for character in asked):
            return False
    return True
