"""Loading of tokenizers: what they say of themselves, and what cannot be used."""

import base64
import gzip
import inspect
import json
import re

import pytest
import tokenizers
from tiktoken_ext import openai_public
from tokenizers import models, normalizers, pre_tokenizers

from corpusmill.errors import ResourceError
from corpusmill.tokenize import ranks, tokenizer
from corpusmill.tokenize.patterns import OTHERS, PATTERNS, named
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
    assert 0 == found.special_tokens["<|endoftext|>"]
    assert found.digest == tokenizer.from_json(trained().to_str(), "other name").digest
    assert found.digest != tokenizer.from_json(trained("llama3").to_str(), "other").digest


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


@pytest.mark.parametrize("name", ["nothing", "folder/tokenizer.model", "a/b/c", "lid.176.ftz", "tokenizer.json"])
def test_a_missing_file(tmp_path, name):
    """What a tokenizer can be is told, not which word lists there are."""
    for reference in (name, str(tmp_path / name)):
        with pytest.raises(
            ResourceError, match=r"no such file; a tokenizer is a tokenizer.json, a rank file"
        ) as caught:
            tokenizer.load(reference)
        assert "english_abbreviations" not in str(caught.value)
    with pytest.raises(ResourceError, match=f"{tmp_path}: a folder; a tokenizer is"):
        tokenizer.load(str(tmp_path))


def test_names_on_the_hub_have_a_slash():
    """As `gpt2`, which everybody writes."""
    with pytest.raises(
        ResourceError, match=r"gpt2: no such file; .*names on the hub have a slash: .* openai-community/"
    ):
        tokenizer.load("gpt2")


def test_a_model_of_sentencepiece_is_told(tmp_path):
    """Llama 2's tokenizer.model is no JSON either, but its bytes are of no use in a message."""
    path = tmp_path / "tokenizer.model"
    path.write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00\x00\x00\x18\x02")
    with pytest.raises(
        ResourceError, match=r"a model of SentencePiece, which is not read; give the model's tokenizer.j"
    ):
        tokenizer.load(str(path))


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
    assert (5001, "cl100k", 5000) == (found.size, found.pattern, found.special_tokens["<|endoftext|>"])
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
    assert size > found.special_tokens["<|endoftext|>"] >= 50256


def test_the_merges_of_gpt2():
    """50,000 of them, in their order."""
    found = tokenizer.from_json(gpt2().to_str(), "gpt2")
    assert (50257, 50256) == (found.size, found.special_tokens["<|endoftext|>"])
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
        (BYTES + base64.b64encode(b"a") + b" 256\n", "line 257: expected each token once, found b'a' again"),
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
    with pytest.raises(ResourceError, match=r"no rank file .* which are for rank files only"):
        tokenizer.load(str(path), pattern="gpt2")


@pytest.mark.parametrize("ending", [b"\n", b"\r\n"])
def test_a_rank_file_is_known_by_its_first_line(tmp_path, ending):
    """Llama 3 calls its own `tokenizer.model`."""
    data = rank_file(trained()).replace(b"\n", ending)
    path = tmp_path / "tokenizer.model"
    path.write_bytes(data)
    found = tokenizer.load(str(path), pattern="llama3", special_tokens={"<|end_of_text|>": 128001})
    assert found.digest == tokenizer.from_ranks(data, "any", "llama3", {"<|end_of_text|>": 128001}).digest
    assert (128002, "llama3") == (found.size, found.pattern)


@pytest.mark.parametrize(
    ("special_tokens", "message"),
    [
        ({"<|endoftext|>": 5}, r"found 5 for '<\|endoftext\|>', the id of the token '\\x05'; .*, e.g. 256"),
        ({"<a>": 300, "<b>": 300}, "found 300 for '<b>', the id of '<a>' too; expected an id of its own, e.g. 301"),
        ({"<a>": -1}, "found -1 for '<a>'; ids are 0 or more"),
    ],
)
def test_special_tokens_have_ids_of_their_own(special_tokens, message):
    """Else an end-of-text would be read as an ampersand, or the other way round."""
    with pytest.raises(ResourceError, match=message):
        tokenizer.from_ranks(BYTES, "file.tiktoken", "gpt2", special_tokens)


def _kept(**changes):
    """The JSON of a rank file, with some of it changed."""
    told = json.loads(tokenizer.from_ranks(BYTES, "a", "gpt2", {"<e>": 256}).to_json())["corpusmill.ranks"]
    return json.dumps({"corpusmill.ranks": told | changes})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{"corpusmill.ranks": {}}',
            "corpusmill.ranks: no pattern as expected, which is {.*take the file from its run",
        ),
        ('{"corpusmill.ranks": [1]}', "no pattern as expected"),
        (_kept(ranks=None), "no ranks as expected"),
        (_kept(special_tokens={"<e>": "256"}), "no special_tokens as expected"),
        (_kept(special_tokens={"<e>": 1}), "found 1 for '<e>'"),
        (
            _kept(ranks=[["AA==", 0], ["AQ=="]]),
            r"ranks\[1\]: expected a token in base 64 and its rank, found \['AQ=='\]",
        ),
        (_kept(ranks=[["AA==", 0], 7]), r"ranks\[1\]: .* found 7"),
        (_kept(ranks=[["é", 0]]), r"ranks\[0\]: "),
        (_kept(ranks=[["AA==", 0.5]]), r"ranks\[0\]: "),
        (_kept(ranks=[["AA==", 0]]), "no rank for byte 1"),
        (_kept(pattern="none"), "found 'none', give one of"),
    ],
)
def test_a_damaged_json_of_ranks(text, message):
    """Its shape is checked, and the entry told."""
    with pytest.raises(ResourceError, match=f"kept.json.*{message}"):
        tokenizer.from_json(text, "kept.json")


def test_what_no_kernel_knows_says_why(tmp_path):
    """o200k by its name or its expression, and any other expression; they are kept as any other."""
    data = rank_file(trained())
    found = tokenizer.from_ranks(data, "made", "o200k", {"<e>": 5000})
    assert (None, None, 5001) == (found.pattern, found.merges, found.size)
    assert "the pattern o200k is none that a kernel knows" == found.whole
    assert found.digest == tokenizer.from_ranks(data, "made", OTHERS["o200k"], {"<e>": 5000}).digest
    assert found.digest != tokenizer.from_ranks(data, "made", "llama3", {"<e>": 5000}).digest
    again = tokenizer.from_json(found.to_json(), "again")
    assert (found.digest, found.ranks, found.to_json()) == (again.digest, again.ranks, again.to_json())
    assert "gpt2" == tokenizer.from_ranks(data, "made", PATTERNS["gpt2"].expression, {}).pattern
    assert r"the pattern '\\w+|\\W+' is" in tokenizer.from_ranks(data, "made", r"\w+|\W+", {}).whole


def test_openais_files_are_those_that_tiktoken_knows():
    """Digests, patterns and special tokens, as they stand in its source."""
    source = inspect.getsource(openai_public)
    known = {}
    for name in ("r50k_base", "p50k_base", "cl100k_base", "o200k_base"):
        digest = re.search(rf'{name}.tiktoken",\s*expected_hash="(\w+)"', source)[1]
        known[digest] = name
    assert known.keys() == ranks.KNOWN.keys()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(openai_public, "load_tiktoken_bpe", lambda *_, **__: {})
        for digest, name in known.items():
            told = openai_public.ENCODING_CONSTRUCTORS[name]()
            pattern, special_tokens = ranks.KNOWN[digest]
            assert told["special_tokens"] == special_tokens
            if pattern != "gpt2":  # which tiktoken writes in another way
                assert pattern == named(told["pat_str"])


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
