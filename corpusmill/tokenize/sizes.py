"""How many bytes of text a token stands for, so that losses of any tokenizer are told in bits per byte."""

import json
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from corpusmill.errors import ResourceError
from corpusmill.tokenize.tokenizer import Tokenizer, byte_characters

Int64s = npt.NDArray[np.int64]

_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")  # byte fall-back of SentencePiece
_METASPACE = "▁"


def token_bytes(tokenizer: Tokenizer) -> Int64s:
    """Bytes of UTF-8 behind each id.

    Special tokens, and ids that stand for no token, have none: what is no text is not counted as text.

    Returns:
        int64 (V,).

    Raises:
        ResourceError: for a model whose tokens do not say where spaces were, such as WordPiece.
    """
    sizes = np.zeros(tokenizer.size, np.int64)
    if tokenizer.ranks is not None:
        for content, number in tokenizer.ranks.tokens.items():
            sizes[number] = len(content)
        return sizes
    assert tokenizer.settings is not None
    settings = json.loads(tokenizer.settings)
    byte_level = '"ByteLevel"' in json.dumps([settings["pre_tokenizer"], settings["decoder"]])
    fall_back = bool(settings["model"].get("byte_fallback"))
    for token, number in _vocabulary(settings, tokenizer.name):
        sizes[number] = _byte_level_size(token) if byte_level else _size(token, fall_back=fall_back)
    for added in tokenizer.added:
        sizes[added.id] = 0 if added.special else len(added.content.encode())
    return sizes


def _vocabulary(settings: dict[str, Any], name: str) -> list[tuple[str, int]]:
    model = settings["model"]
    if model["type"] == "BPE":
        return list(model["vocab"].items())
    if model["type"] == "Unigram":
        return [(token, number) for number, (token, _) in enumerate(model["vocab"])]
    raise ResourceError(
        f"{name}: a {model['type']} model does not keep spaces, so bits per byte cannot be told; "
        "expected BPE or Unigram"
    )


_CHARACTERS = byte_characters()


def _byte_level_size(token: str) -> int:
    return sum(1 if character in _CHARACTERS else len(character.encode()) for character in token)


def _size(token: str, *, fall_back: bool) -> int:
    return 1 if fall_back and _BYTE.fullmatch(token) else len(token.replace(_METASPACE, " ").encode())
