"""Rank files of tiktoken: tokens with their ranks. Pattern and special tokens are not in the file, but told apart."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from corpusmill.errors import ResourceError
from corpusmill.tokenize.patterns import OTHERS, PATTERNS, named

LONGEST = 255  # bytes of a token that is looked for before merging, as in `kernels.bpe_cache`
KEY = "corpusmill.ranks"  # the one key of a tokenizer.json that holds a rank file
END_OF_TEXT = "<|endoftext|>"
_SHAPE = '{"pattern": name, "special_tokens": {text: id, …}, "ranks": [[token in base 64, rank], …]}'
_LINE = re.compile(rb"\s*[A-Za-z0-9+/]+={0,2}[ \t]+\d+[ \t]*\r?(\n|\Z)")
# Rank files by the sha256 that tiktoken pins them with: their pattern and special tokens.
_R50K = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
_P50K = "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"
_CL100K = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
_O200K = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
KNOWN: dict[str, tuple[str, dict[str, int]]] = {
    _R50K: ("gpt2", {END_OF_TEXT: 50256}),
    _P50K: ("gpt2", {END_OF_TEXT: 50256}),
    _CL100K: (
        "cl100k",
        {
            END_OF_TEXT: 100257, "<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260,
            "<|endofprompt|>": 100276,
        },
    ),
    _O200K: ("o200k", {END_OF_TEXT: 199999, "<|endofprompt|>": 200018}),
}  # fmt: skip


class Ranks(NamedTuple):
    """A rank file with what is told beside it.

    Attributes:
        tokens: the rank of each token, which is its id; all 256 bytes are there.
        pattern: to cut by: a name of `patterns.PATTERNS` or `patterns.OTHERS`, or a regular expression.
        special_tokens: ids by text; none is that of a token.
    """

    tokens: dict[bytes, int]
    pattern: str
    special_tokens: dict[str, int]

    def digest(self) -> str:
        """The sha256 of all that ids depend on, 64 hexadecimal digits."""
        said = {
            "ranks": [[token.hex(), rank] for token, rank in sorted(self.tokens.items())],
            "special_tokens": self.special_tokens, "pattern": self.pattern,
        }  # fmt: skip
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> str:
        """As one JSON object, which `from_settings` reads; equal ranks give equal text."""
        ordered = sorted(self.tokens.items(), key=lambda item: item[1])
        ranks = [[base64.b64encode(token).decode(), rank] for token, rank in ordered]
        told = {"pattern": self.pattern, "special_tokens": self.special_tokens, "ranks": ranks}
        return json.dumps({KEY: told}, ensure_ascii=False, separators=(",", ":"))

    def pairs(self) -> list[tuple[int, int, int, int]]:
        """Left id, right id, rank and merged id of every two tokens that make a token."""
        ranks = self.tokens
        return [
            (ranks[token[:cut]], ranks[token[cut:]], rank, rank)
            for token, rank in ranks.items()
            for cut in range(1, len(token))
            if token[:cut] in ranks and token[cut:] in ranks
        ]


def is_rank_file(data: bytes) -> bool:
    """Whether bytes begin with a line of a rank file, whatever the file is called (Llama 3: `tokenizer.model`)."""
    return _LINE.match(data) is not None


def parse(data: bytes, name: str, pattern: str | None, special_tokens: Mapping[str, int] | None) -> Ranks:
    """Ranks from the bytes of a rank file: a token in base 64 and its rank on each line.

    Raises:
        ResourceError: another format, bytes without a rank, no pattern for an unknown file, or special tokens whose
            ids are negative, not single, or those of tokens.
    """
    lines = ((f"line {number}", line.split(), line) for number, line in enumerate(data.splitlines(), 1))
    tokens = _tokens(lines, name)
    ordinary = b"".join(b"%s %d\n" % (base64.b64encode(token), rank) for token, rank in tokens.items())
    known = KNOWN.get(hashlib.sha256(ordinary).hexdigest(), ("", dict[str, int]()))
    specials = known[1] if special_tokens is None else special_tokens
    return _checked(tokens, name, pattern or known[0], specials)


def from_settings(told: Any, name: str) -> Ranks:
    """Ranks from what `Ranks.to_json` keeps under its key.

    Raises:
        ResourceError: it has another shape, or as `parse`.
    """
    shapes = {"pattern": str, "special_tokens": dict, "ranks": list}
    found = told if isinstance(told, dict) else {}
    wrong = [key for key, shape in shapes.items() if not isinstance(found.get(key), shape)]
    ids = [] if wrong else list(found["special_tokens"].values())
    if wrong or not all(type(number) is int for number in ids):
        what = wrong[0] if wrong else "special_tokens"
        raise ResourceError(f"{name}: {KEY}: no {what} as expected, which is {_SHAPE}; take the file from its run anew")
    entries = (
        (f"{KEY}.ranks[{number}]", [str(part).encode() for part in entry] if isinstance(entry, list) else [], entry)
        for number, entry in enumerate(found["ranks"])
    )
    return _checked(_tokens(entries, name), name, found["pattern"], found["special_tokens"])


def _tokens(entries: Iterable[tuple[str, list[bytes], Any]], name: str) -> dict[bytes, int]:
    """The rank of each token, from entries: where it stands, its parts, and how it is shown."""
    ranks: dict[bytes, int] = {}
    for where, parts, shown in entries:
        try:
            encoded, rank = parts
            token = base64.b64decode(encoded, validate=True)
            if token in ranks:
                raise ResourceError(f"{name}, {where}: expected each token once, found {token!r} again")
            ranks[token] = int(rank)
        except (ValueError, binascii.Error) as error:
            found = repr(shown.decode("utf-8", "replace")[:40] if isinstance(shown, bytes) else shown)[:42]
            raise ResourceError(f"{name}, {where}: expected a token in base 64 and its rank, found {found}") from error
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing or len(set(ranks.values())) < len(ranks) or not all(0 <= rank < 2**31 for rank in ranks.values()):
        fault = f"no rank for byte {missing[0]}" if missing else "a rank twice or out of 0 to 2147483647"
        raise ResourceError(f"{name}: expected ranks of byte-level BPE, found {fault}")
    ranks.pop(b"", None)  # no text holds it
    longest = max(ranks, key=len)
    if len(longest) > LONGEST:
        raise ResourceError(f"{name}: expected tokens of at most {LONGEST} bytes, found one of {len(longest)}")
    return ranks


def _checked(tokens: dict[bytes, int], name: str, pattern: str, special_tokens: Mapping[str, int]) -> Ranks:
    """What is told beside the ranks, checked against them."""
    found = named(pattern)
    if found is None:
        names = ", ".join([*PATTERNS, *OTHERS])
        raise ResourceError(
            f"{name}: a rank file does not say its pattern; found {pattern or 'none'!r}, give one of: {names};"
            " or a regular expression"
        )
    by_id = {rank: token for token, rank in tokens.items()}
    others: dict[int, str] = {}
    for text, number in special_tokens.items():
        fault = ""
        if number < 0:
            fault = "; ids are 0 or more"
        elif number in by_id:
            fault = f", the id of the token {by_id[number].decode('utf-8', 'backslashreplace')!r}"
        elif number in others:
            fault = f", the id of {others[number]!r} too"
        if fault:
            free = max(*by_id, *special_tokens.values()) + 1
            raise ResourceError(
                f"{name}: special_tokens: found {number} for {text!r}{fault}; expected an id of its own, e.g. {free}"
            )
        others[number] = text
    return Ranks(tokens, found, dict(special_tokens))
