"""Tokenizers from files: a `tokenizer.json`, a tiktoken rank file, or a name on the hub.

What is loaded is plain data, so that a plan knows vocabulary and digest; `encode` makes it fast. A tokenizer whose
pattern is known and whose model is byte-level BPE carries `merges`; any other is left whole to its library, and
`whole` says why.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusmill import resources
from corpusmill.errors import ResourceError
from corpusmill.tokenize.patterns import PATTERNS, recognise

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = "<|endoftext|>"
RANKS = "corpusmill.ranks"  # the one key of a tokenizer.json that holds a rank file
LONGEST = 255  # bytes of a token that is looked for before merging, as in `kernels.bpe_cache`
# Rank files by the sha256 that tiktoken pins them with: their pattern and special tokens, which are not in the file.
_R50K = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
_P50K = "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"
_CL100K = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
RANK_FILES: dict[str, tuple[str, dict[str, int]]] = {
    _R50K: ("gpt2", {END_OF_TEXT: 50256}),
    _P50K: ("gpt2", {END_OF_TEXT: 50256}),
    _CL100K: (
        "cl100k",
        {
            END_OF_TEXT: 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Merges:
    """Byte-level BPE as numbers.

    Attributes:
        byte_ids: the id of each of the 256 bytes.
        pairs: left id, right id, rank, merged id; the pair of least rank is merged first.
        first: pre-tokens that are one id whatever the merges say, or none.
    """

    byte_ids: list[int]
    pairs: list[tuple[int, int, int, int]]
    first: dict[bytes, int]


@dataclass(frozen=True)
class AddedToken:
    """A token that `tokenizers` cuts out of the text before anything else."""

    content: str
    id: int
    special: bool


@dataclass(frozen=True)
class Tokenizer:
    """A tokenizer as data.

    Attributes:
        name: the reference it was loaded by.
        size: of the vocabulary: the highest id and one.
        digest: sha256 of its canonical JSON, 64 hexadecimal digits.
        special_tokens: ids by text.
        added: tokens that are cut out of the text; none for a rank file, whose special tokens are no text.
        pattern: a name of `patterns.PATTERNS`, or None.
        merges: what `encode` merges by, or None where the library encodes.
        whole: why the library encodes whole documents, or None.
        settings: the tokenizer as JSON for `tokenizers`; None for a rank file.
    """

    name: str
    size: int
    digest: str
    special_tokens: Mapping[str, int]
    added: tuple[AddedToken, ...]
    pattern: str | None
    merges: Merges | None = field(repr=False)
    whole: str | None
    settings: str | None = field(repr=False)

    def library(self) -> "tokenizers.Tokenizer":
        """The tokenizer of the library, which cuts off nothing and fills up nothing.

        Raises:
            ResourceError: for a rank file, which has none.
        """
        import tokenizers

        if self.settings is None:
            raise ResourceError(f"{self.name}: a rank file is no tokenizer of `tokenizers`")
        return tokenizers.Tokenizer.from_str(self.settings)

    def to_json(self) -> str:
        """The tokenizer as one file, `tokenizer.json`, which `load` reads; equal tokenizers give equal text.

        It is the library's, or for a rank file its ranks, pattern and special tokens, which no library reads.
        """
        if self.settings is not None:
            return self.settings
        assert self.merges is not None
        ranks = [[base64.b64encode(token).decode(), rank] for token, rank in _by_rank(self.merges.first)]
        told = {"pattern": self.pattern, "special_tokens": dict(self.special_tokens), "ranks": ranks}
        return json.dumps({RANKS: told}, ensure_ascii=False, separators=(",", ":"))

    def id_of(self, token: str) -> int:
        """The id of a special token.

        Raises:
            ResourceError: naming those there are.
        """
        if token not in self.special_tokens:
            known = ", ".join(sorted(self.special_tokens)) or "none"
            raise ResourceError(f"{self.name} has no special token {token!r}; it has: {known}")
        return self.special_tokens[token]


def load(reference: str, *, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None) -> Tokenizer:
    """Load a tokenizer.

    Args:
        reference: a file or URL as `resources.locate` takes it, of JSON or (named `*.tiktoken`, `*.tiktoken.gz`) of
            ranks; or a name on the hub such as `org/name`, for which `tokenizers` is asked.
        pattern: for a rank file that is not one of OpenAI's, the pattern to cut by.
        special_tokens: for such a file, ids by text.

    Raises:
        ResourceError: no such file, not a tokenizer, ranks that are no byte-level BPE, or no pattern given.
    """
    name, _ = resources.split(reference)
    base = name.rsplit("/", 1)[-1].removesuffix(".gz")
    if base.endswith(".tiktoken"):
        return from_ranks(resources.read(reference), reference, pattern, special_tokens)
    if pattern is not None or special_tokens is not None:
        raise ResourceError(f"{reference}: pattern and special tokens are given for rank files (*.tiktoken) only")
    if base.endswith(".json") or "://" in name or Path(name).exists() or "/" not in name:
        return from_json(resources.read(reference).decode("utf-8", "replace"), reference)
    import tokenizers

    with _Told(reference, "is no file here and cannot be had from the hub"):
        found = tokenizers.Tokenizer.from_pretrained(name)
    return from_json(found.to_str(), reference)


def from_json(text: str, name: str) -> Tokenizer:
    """A tokenizer from the text of a `tokenizer.json`.

    Raises:
        ResourceError: it is not one.
    """
    import tokenizers

    try:
        settings = json.loads(text)
    except ValueError as error:
        raise ResourceError(f"{name}: expected a tokenizer.json, found no JSON: {error}") from error
    if isinstance(settings, dict) and RANKS in settings:
        told = settings[RANKS]
        lines = "".join(f"{token} {rank}\n" for token, rank in told["ranks"])
        return from_ranks(lines.encode(), name, told["pattern"], told["special_tokens"])
    if not isinstance(settings, dict) or not isinstance(settings.get("model"), dict):
        raise ResourceError(f"{name}: expected a tokenizer.json of `tokenizers`, found JSON without a model")
    with _Told(name, "is no tokenizer that `tokenizers` can read"):
        library = tokenizers.Tokenizer.from_str(text)
    library.no_truncation()  # a document is encoded whole
    library.no_padding()
    canonical = library.to_str()
    settings = json.loads(canonical)
    pattern = recognise(settings["pre_tokenizer"])
    merges, whole = _merges(settings, pattern)
    added = library.get_added_tokens_decoder()
    return Tokenizer(
        name=name,
        size=max(library.get_vocab(with_added_tokens=True).values(), default=-1) + 1,
        digest=hashlib.sha256(_canonical(settings)).hexdigest(),
        special_tokens={token.content: number for number, token in sorted(added.items()) if token.special},
        added=tuple(AddedToken(token.content, number, token.special) for number, token in sorted(added.items())),
        pattern=pattern,
        merges=merges,
        whole=whole,
        settings=canonical,
    )


def from_ranks(
    data: bytes, name: str, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None
) -> Tokenizer:
    """A tokenizer from the bytes of a tiktoken rank file: a token in base 64 and its rank on each line.

    Raises:
        ResourceError: another format, bytes without a rank, or an unknown file without a pattern.
    """
    ranks: dict[bytes, int] = {}
    for number, line in enumerate(data.splitlines(), 1):
        try:
            token, rank = line.split()
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            found = line[:40].decode("utf-8", "replace")
            raise ResourceError(
                f"{name}, line {number}: expected a token in base 64 and its rank, found {found!r}"
            ) from error
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing or len(set(ranks.values())) < len(ranks) or not all(0 <= rank < 2**31 for rank in ranks.values()):
        fault = f"no rank for byte {missing[0]}" if missing else "a rank twice or out of 0 to 2147483647"
        raise ResourceError(f"{name}: expected ranks of byte-level BPE, found {fault}")
    longest = max(ranks, key=len)
    if len(longest) > LONGEST:
        raise ResourceError(f"{name}: expected tokens of at most {LONGEST} bytes, found one of {len(longest)}")
    ordinary = b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in ranks.items())
    known = RANK_FILES.get(hashlib.sha256(ordinary).hexdigest(), ("", dict[str, int]()))
    pattern, specials = pattern or known[0], dict(special_tokens if special_tokens is not None else known[1])
    if pattern not in PATTERNS:
        names = ", ".join(PATTERNS)
        raise ResourceError(
            f"{name}: a rank file does not say its pattern; found {pattern or 'none'!r}, give one of: {names}"
        )
    pairs = [
        (ranks[token[:cut]], ranks[token[cut:]], rank, rank)
        for token, rank in ranks.items()
        for cut in range(1, len(token))
        if token[:cut] in ranks and token[cut:] in ranks
    ]
    said = {"ranks": [[token.hex(), rank] for token, rank in sorted(ranks.items())], "special_tokens": specials}
    return Tokenizer(
        name=name,
        size=max(*ranks.values(), *specials.values()) + 1,
        digest=hashlib.sha256(_canonical({**said, "pattern": pattern})).hexdigest(),
        special_tokens=specials,
        added=(),
        pattern=pattern,
        merges=Merges([ranks[bytes([byte])] for byte in range(256)], pairs, {t: r for t, r in ranks.items() if t}),
        whole=None,
        settings=None,
    )


def _by_rank(ranks: Mapping[bytes, int]) -> list[tuple[bytes, int]]:
    return sorted(ranks.items(), key=lambda item: item[1])


def byte_characters() -> dict[str, int]:
    """The byte behind each character of byte-level vocabularies: printable ones are themselves, others follow 255."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + place): byte for place, byte in enumerate(others)}


def _merges(settings: dict[str, Any], pattern: str | None) -> tuple[Merges | None, str | None]:
    """What to merge by, or why the library has to encode."""
    model = settings["model"]
    if model["type"] != "BPE":
        return None, f"the model is {model['type']}, not BPE"
    if pattern is None:
        return None, "the pre-tokenizer is none of the known patterns"
    if settings["normalizer"] is not None:
        return None, f"there is a normalizer, {settings['normalizer']['type']}"
    odd = ("dropout", "continuing_subword_prefix", "end_of_word_suffix")
    if any(model.get(key) for key in odd):
        return None, f"the model sets one of {', '.join(odd)}"
    vocabulary: dict[str, int] = model["vocab"]
    characters = byte_characters()
    if not set(characters) <= set(vocabulary):
        return None, "the vocabulary does not have all 256 bytes"
    byte_ids = [0] * 256
    for character, byte in characters.items():
        byte_ids[byte] = vocabulary[character]
    pairs = []
    for rank, merge in enumerate(model["merges"]):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        pairs.append((vocabulary[left], vocabulary[right], rank, vocabulary[left + right]))
    first = {}
    if model.get("ignore_merges"):
        for token, number in vocabulary.items():
            if token and set(token) <= set(characters):
                first[bytes(characters[character] for character in token)] = number
    if max(map(len, first), default=0) > LONGEST:
        return None, f"merges are ignored for a token of more than {LONGEST} bytes"
    return Merges(byte_ids, pairs, first), None


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


class _Told:
    """Tells what the library raises, which is a bare Exception, or an OSError of the hub's client."""

    def __init__(self, name: str, what: str) -> None:
        self._told = f"{name} {what}"

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Translate; anything else is a bug and comes through."""
        if kind is Exception or isinstance(error, OSError | ValueError | ImportError):
            raise ResourceError(f"{self._told}: {error}") from error
