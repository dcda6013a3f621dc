r"""The pre-token patterns known by name, and how they are recognised in a `tokenizer.json`.

Names:
    gpt2: GPT-2, r50k, p50k, GPT-NeoX, OLMo.
    llama3: Llama 3; also what `tokenizers` files take for cl100k.
    cl100k: as tiktoken matches it, which is llama3 but for white space that ends a text: that is one piece.
    gpt2_digits, llama3_digits, cl100k_digits: the same, each digit alone; llama3_digits is Qwen 2's.
    o200k: GPT-4o's, for rank files. No kernel cuts by it, so tiktoken encodes whole texts.
"""

import re
from typing import Any, NamedTuple

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|%s| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|%s"
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_END = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+%s"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*%s"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


class Pattern(NamedTuple):
    """A pattern as a regular expression, and as the fields of `kernels.pretokens.Shape`."""

    expression: str
    family: int
    digits: int
    last_spaces: bool


PATTERNS = {
    "gpt2": Pattern(_GPT2 % r" ?\p{N}+", 0, 0, last_spaces=False),
    "gpt2_digits": Pattern(_GPT2 % r"\p{N}", 0, 1, last_spaces=False),
    "llama3": Pattern(_LLAMA3 % r"\p{N}{1,3}", 1, 3, last_spaces=False),
    "llama3_digits": Pattern(_LLAMA3 % r"\p{N}", 1, 1, last_spaces=False),
    "cl100k": Pattern(_CL100K % r"\p{N}{1,3}", 1, 3, last_spaces=True),
    "cl100k_digits": Pattern(_CL100K % r"\p{N}", 1, 1, last_spaces=True),
}
OTHERS = {"o200k": _O200K % (_END, _END)}  # expressions that no kernel knows
# As tiktoken writes it. In the regular expressions of `tokenizers` a + behind {1,3} is no possessive quantifier, but
# repeats it: there this is another pattern, which no kernel knows.
_AS_WRITTEN = {_CL100K % r"\p{N}{1,3}+": "cl100k"}
_NAMES = {pattern.expression: name for name, pattern in PATTERNS.items()}


def recognise(pre_tokenizer: dict[str, Any] | None) -> str | None:
    """The name of the pattern that a `pre_tokenizer` of a `tokenizer.json` cuts by; None for any other."""
    if pre_tokenizer is None:
        return None
    parts = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    if not parts or parts[-1]["type"] != "ByteLevel" or parts[-1].get("add_prefix_space", True):
        return None
    splits = parts[-1].get("use_regex", True)
    if len(parts) == 1:
        return "gpt2" if splits else None
    if splits or len(parts) != 2 or parts[0]["type"] != "Split":
        return None
    isolated = (parts[0]["behavior"], parts[0]["invert"]) in {("Isolated", False), ("Removed", True)}
    return _NAMES.get(parts[0]["pattern"].get("Regex", "")) if isolated else None


def named(pattern: str) -> str | None:
    """A pattern by its name where it has one, else the expression that it is; None for a name that nothing has."""
    if pattern in PATTERNS or pattern in OTHERS:
        return pattern
    known = _NAMES | _AS_WRITTEN | {expression: name for name, expression in OTHERS.items()}
    return known.get(pattern, None if re.fullmatch(r"[\w-]*", pattern) else pattern)
