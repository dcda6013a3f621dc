"""Loading of tokenizers: what they say of themselves, and what cannot be used."""

import base64
import gzip
import json

import pytest
import tokenizers
from tokenizers import models, normalizers, pre_tokenizers

from corpusmill.errors import ResourceError
from corpusmill.tokenize import tokenizer
from tests.data import shared
from tests.tokenize.made import gpt2, rank_file, trained

BYTES = b"".join(b"%s %d\n" % (base64.b64encode(bytes([byte])), byte) for byte in range(256))


def test_a_file_of_json(tmp_path):
    """Size, special tokens, pattern and digest; the digest does not depend on the file's spaces."""
    path = tmp_path / "tokenizer.json"
    path.write_text(trained().to_str(pretty=True), encoding="utf-8")
    found = tokenizer.load(str(path))
    assert (3000, "gpt2", None) == (found.size, found.pattern, found.whole)
    assert {"<|endoftext|>": 0} == found.special_tokens
    assert 0 == found.id_of("<|endoftext|>")
    assert found.digest == tokenizer.from_json(trained().to_str(), "other name").digest
    assert found.digest != tokenizer.from_json(trained("llama3").to_str(), "other").digest
    with pytest.raises(ResourceError, match=r"no special token '<pad>'; it has: <\|endoftext\|>"):
        found.id_of("<pad>")


def test_truncation_and_padding_are_taken_off():
    """A document is encoded whole."""
    made = tokenizers.Tokenizer.from_str(trained().to_str())
    made.enable_truncation(4)
    made.enable_padding(length=64)
    found = tokenizer.from_json(made.to_str(), "cut")
    text = "a text of more than four tokens"
    assert trained().encode(text).ids == found.library().encode(text).ids
    assert found.digest == tokenizer.from_json(trained().to_str(), "whole").digest


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda made: setattr(made, "normalizer", normalizers.NFC()), "normalizer, NFC"),
        (lambda made: setattr(made, "pre_tokenizer", pre_tokenizers.Whitespace()), "known patterns"),
        (lambda made: setattr(made.model, "dropout", 0.1), "dropout"),
        (lambda made: setattr(made, "model", models.WordLevel({"a": 0}, unk_token="a")), "WordLevel, not BPE"),
        (lambda made: setattr(made, "model", models.BPE({"a": 0, "b": 1, "ab": 2}, [("a", "b")])), "all 256 bytes"),
    ],
)
def test_what_the_library_encodes_says_why(change, why):
    """Nothing is guessed about what is not known."""
    made = tokenizers.Tokenizer.from_str(trained().to_str())
    change(made)
    found = tokenizer.from_json(made.to_str(), "odd")
    assert found.merges is None
    assert why in found.whole


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "found no JSON"),
        ("[1]", "JSON without a model"),
        ('{"model": {"type": "Nonsense"}}', "cannot|can read"),
    ],
)
def test_what_is_no_tokenizer(text, message):
    """One clear error."""
    with pytest.raises(ResourceError, match=message):
        tokenizer.from_json(text, "file.json")


def test_a_missing_file(tmp_path):
    """As any other resource."""
    with pytest.raises(ResourceError, match="no such file"):
        tokenizer.load(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ResourceError, match="no such file"):
        tokenizer.load("nothing")


def test_the_hub_is_asked_for_its_names(monkeypatch):
    """And its refusal is told."""

    class Hub:
        from_str = tokenizers.Tokenizer.from_str

        @staticmethod
        def from_pretrained(name):
            if name == "org/bare":
                raise Exception("Unauthorized")  # noqa: TRY002 - what the library raises
            if name != "org/name":
                raise OSError("404")
            return trained()

    monkeypatch.setattr(tokenizers, "Tokenizer", Hub)
    assert 3000 == tokenizer.load("org/name").size
    for name in ("org/other", "org/bare"):
        with pytest.raises(ResourceError, match=f"{name} is no file here and cannot be had from the hub"):
            tokenizer.load(name)


def test_other_exceptions_come_through():
    """Only what the library is known to raise is told; anything else is a bug."""
    with pytest.raises(KeyError), tokenizer._Told("name", "what"):
        raise KeyError("bug")


def test_a_rank_file(tmp_path):
    """Pattern and special tokens are given, because the file does not say them."""
    path = tmp_path / "small.tiktoken"
    path.write_bytes(rank_file(trained()))
    found = tokenizer.load(str(path), pattern="cl100k", special_tokens={"<|endoftext|>": 5000})
    assert (5001, "cl100k", 5000) == (found.size, found.pattern, found.id_of("<|endoftext|>"))
    packed = tmp_path / "small.tiktoken.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert found.digest == tokenizer.load(str(packed), pattern="cl100k", special_tokens={"<|endoftext|>": 5000}).digest
    assert found.digest != tokenizer.load(str(path), pattern="gpt2", special_tokens={"<|endoftext|>": 5000}).digest
    with pytest.raises(ResourceError, match="no tokenizer of `tokenizers`"):
        found.library()
    with pytest.raises(ResourceError, match="does not say its pattern; found 'none', give one of: gpt2"):
        tokenizer.load(str(path))


def test_a_rank_file_as_json(tmp_path):
    """Any tokenizer is kept as one tokenizer.json, from which the same is loaded."""
    known = tokenizer.load(str(shared("models/tiktoken/r50k_base.tiktoken.gz")))
    kept = tmp_path / "tokenizer.json"
    kept.write_text(known.to_json())
    again = tokenizer.load(str(kept))
    assert (known.digest, known.merges, known.special_tokens) == (again.digest, again.merges, again.special_tokens)
    assert again.to_json() == known.to_json()


@pytest.mark.parametrize(("name", "pattern", "size"), [("cl100k_base", "cl100k", 100277), ("r50k_base", "gpt2", 50257), ("p50k_base", "gpt2", 50281)])  # fmt: skip
def test_openais_rank_files_are_known_by_their_bytes(name, pattern, size):
    """Pattern and end of text come with them."""
    found = tokenizer.load(str(shared(f"models/tiktoken/{name}.tiktoken.gz")))
    assert (pattern, size) == (found.pattern, found.size)
    assert size > found.id_of("<|endoftext|>") >= 50256


def test_the_merges_of_gpt2():
    """50,000 of them, in their order."""
    found = tokenizer.from_json(gpt2().to_str(), "gpt2")
    assert (50257, 50256) == (found.size, found.id_of("<|endoftext|>"))
    assert list(range(50000)) == [rank for _, _, rank, _ in found.merges.pairs]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BYTES.replace(b"\n", b" x\n", 1), "line 1: expected a token in base 64 and its rank"),
        (BYTES + b"!!! 300\n", "line 257"),
        (b"", "no rank for byte 0"),
        (BYTES.split(b"\n", 1)[1], "no rank for byte"),
        (BYTES + base64.b64encode(b"ab") + b" 255\n", "a rank twice"),
        (BYTES + base64.b64encode(b"ab") + b" -1\n", "out of 0"),
        (BYTES + base64.b64encode(b"a" * 256) + b" 256\n", "at most 255 bytes, found one of 256"),
    ],
)
def test_what_is_no_rank_file(data, message):
    """The line is named where there is one."""
    with pytest.raises(ResourceError, match=message):
        tokenizer.from_ranks(data, "file.tiktoken", "gpt2")


def test_a_pattern_is_for_rank_files_only(tmp_path):
    """A tokenizer.json says its own."""
    path = tmp_path / "tokenizer.json"
    path.write_text(trained().to_str(), encoding="utf-8")
    with pytest.raises(ResourceError, match="for rank files"):
        tokenizer.load(str(path), pattern="gpt2")


def test_byte_characters_are_those_of_the_library():
    """Each byte has one."""
    found = tokenizer.byte_characters()
    assert set(pre_tokenizers.ByteLevel.alphabet()) == set(found)
    assert list(range(256)) == sorted(found.values())
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    text = "".join(chr(point) for point in (*range(0x80), 0xE9, 0x6F22, 0x1F600))
    assert text.encode() == bytes(found[character] for character in cut.pre_tokenize_str(text)[0][0])
    assert json.loads(trained().to_str())["model"]["vocab"].keys() >= found.keys()


def test_the_longest_token_is_that_of_the_cache():
    """One bound, said twice, because a plan must not load the kernels."""
    from corpusmill.kernels import bpe_cache

    assert bpe_cache.LONGEST == tokenizer.LONGEST
