"""Patterns are recognised in files, and nothing else is taken for one."""

import pytest

from corpusmill.tokenize import tokenizer
from corpusmill.tokenize.patterns import PATTERNS, recognise
from tests.tokenize.made import trained


def byte_level(**options):
    """A ByteLevel part, as in a file."""
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False} | options


def split(expression, behavior="Isolated", invert=False):
    """A Split part, as in a file."""
    return {"type": "Split", "pattern": {"Regex": expression}, "behavior": behavior, "invert": invert}


def sequence(*parts):
    """Parts one after the other."""
    return {"type": "Sequence", "pretokenizers": list(parts)}


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_a_split_before_bytes(name):
    """As Llama 3 and Qwen write it, or as conversions of tiktoken do."""
    expression = PATTERNS[name].expression
    assert name == recognise(sequence(split(expression), byte_level()))
    assert name == recognise(sequence(split(expression, "Removed", invert=True), byte_level()))


@pytest.mark.parametrize(("pattern", "digits", "name"), [("gpt2", False, "gpt2"), ("gpt2", True, "gpt2_digits"), ("llama3", False, "llama3"), ("cl100k", False, "cl100k"), ("cl100k", True, "cl100k_digits"), ("llama3", True, "llama3_digits")])  # fmt: skip
def test_what_we_train_is_recognised(pattern, digits, name):
    """By its file."""
    found = tokenizer.from_json(trained(pattern, digits).to_str(), "trained")
    assert (name, None) == (found.pattern, found.whole)


@pytest.mark.parametrize(
    "part",
    [
        None,
        byte_level(),
        byte_level(use_regex=True, add_prefix_space=True),
        {"type": "Whitespace"},
        sequence(),
        sequence(split(PATTERNS["gpt2"].expression), byte_level(use_regex=True)),
        sequence(split(PATTERNS["gpt2"].expression), byte_level(add_prefix_space=True)),
        sequence(split(PATTERNS["gpt2"].expression, "MergedWithNext"), byte_level()),
        sequence(split(PATTERNS["gpt2"].expression, "Removed"), byte_level()),
        sequence({"type": "Split", "pattern": {"String": "a"}, "behavior": "Isolated", "invert": False}, byte_level()),
        sequence({"type": "Digits", "individual_digits": True}, byte_level(use_regex=True)),
    ],
)
def test_nothing_else_is(part):
    """Other parts, other behaviour."""
    assert recognise(part) is None
