"""Tokenizers from files: a `tokenizer.json`, a tiktoken rank file, or a name on the hub.

What is loaded is plain data, so that a plan knows vocabulary and digest; `encode` makes it fast. A tokenizer whose
pattern is known and whose model is byte-level BPE carries `merges`; any other is left whole to its library, and
`whole` says why.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from corpusmill import resources
from corpusmill.errors import ResourceError
from corpusmill.tokenize import ranks
from corpusmill.tokenize.patterns import OTHERS, PATTERNS, recognise
from corpusmill.tokenize.ranks import Ranks

if TYPE_CHECKING:
    import tokenizers

END_OF_TEXT = ranks.END_OF_TEXT
LONGEST = ranks.LONGEST
_KINDS = "a tokenizer is a tokenizer.json, a rank file of tiktoken, or a name on the hub, org/name"
_HUB = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = (".json", ".tiktoken", ".model")  # what files are called; no name on the hub ends so


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
        ranks: the rank file; None for a tokenizer of `tokenizers`.
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
    ranks: Ranks | None = field(repr=False)
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
        if self.ranks is not None:
            return self.ranks.to_json()
        assert self.settings is not None
        return self.settings


def load(reference: str, *, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None) -> Tokenizer:
    """Load a tokenizer.

    Args:
        reference: a file or URL as `resources.locate` takes it, of JSON or of ranks, which its first line tells; or a
            name on the hub, `org/name`, for which `tokenizers` is asked.
        pattern: for a rank file that is not one of OpenAI's, the pattern to cut by, by name or as an expression.
        special_tokens: for such a file, ids by text.

    Raises:
        ResourceError: no such file, not a tokenizer, ranks that are no byte-level BPE, or no pattern given.
    """
    name, _ = resources.split(reference)
    data = None if _on_hub(name) else _read(name, reference)
    if data is not None and (ranks.is_rank_file(data) or name.removesuffix(".gz").endswith(".tiktoken")):
        return from_ranks(data, reference, pattern, special_tokens)
    if pattern is not None or special_tokens is not None:
        raise ResourceError(
            f"{reference}: no rank file (a token in base 64 and its rank on each line), but pattern and special tokens"
            " are given, which are for rank files only"
        )
    if data is not None:
        return from_json(data.decode("utf-8", "replace"), reference)
    import tokenizers

    with _Told(reference, "is no file here and cannot be had from the hub"):
        found = tokenizers.Tokenizer.from_pretrained(name)
    return from_json(found.to_str(), reference)


def _on_hub(name: str) -> bool:
    """Whether a name is one on the hub: there is no such file, and it is not called as files are."""
    return bool(_HUB.fullmatch(name)) and not Path(name).exists() and not name.removesuffix(".gz").endswith(_FILES)


def _read(name: str, reference: str) -> bytes:
    """The bytes of a file; what is said where there is none is about tokenizers."""
    if "://" not in name and not Path(name).is_file():
        found = "a folder" if Path(name).is_dir() else "no such file"
        hint = "" if "/" in name or "." in name else "; names on the hub have a slash: gpt2 is openai-community/gpt2"
        raise ResourceError(f"{reference}: {found}; {_KINDS}{hint}")
    data = resources.read(reference)
    if data.startswith(b"\n") and b"<unk>" in data[:64]:
        raise ResourceError(
            f"{reference}: a model of SentencePiece, which is not read; give the model's tokenizer.json"
        )
    return data


def from_json(text: str, name: str) -> Tokenizer:
    """A tokenizer from the text of a `tokenizer.json`.

    Raises:
        ResourceError: it is not one.
    """
    import tokenizers

    try:
        settings = json.loads(text)
    except ValueError as error:
        raise ResourceError(f"{name}: expected a tokenizer.json or a rank file, found no JSON: {error}") from error
    if isinstance(settings, dict) and ranks.KEY in settings:
        return _of_ranks(ranks.from_settings(settings[ranks.KEY], name), name)
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
        ranks=None,
        settings=canonical,
    )


def from_ranks(
    data: bytes, name: str, pattern: str | None = None, special_tokens: Mapping[str, int] | None = None
) -> Tokenizer:
    """A tokenizer from the bytes of a tiktoken rank file: a token in base 64 and its rank on each line.

    Raises:
        ResourceError: as `ranks.parse`.
    """
    return _of_ranks(ranks.parse(data, name, pattern, special_tokens), name)


def _of_ranks(found: Ranks, name: str) -> Tokenizer:
    merges, whole = None, None
    if found.pattern in PATTERNS:
        byte_ids = [found.tokens[bytes([byte])] for byte in range(256)]
        merges = Merges(byte_ids, found.pairs(), found.tokens)
    else:
        called = found.pattern if found.pattern in OTHERS else repr(found.pattern)
        whole = f"the pattern {called} is none that a kernel knows"
    return Tokenizer(
        name=name,
        size=max(*found.tokens.values(), *found.special_tokens.values()) + 1,
        digest=found.digest(),
        special_tokens=found.special_tokens,
        added=(),
        pattern=found.pattern if merges else None,
        merges=merges,
        whole=whole,
        ranks=found,
        settings=None,
    )


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
