"""Ids beside those of `tokenizers` and tiktoken."""

import gzip
import json
import lzma
import sys

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, models, normalizers, pre_tokenizers

from corpusmill.errors import ResourceError, RunError
from corpusmill.kernels import buffers, pretokens
from corpusmill.tokenize import encode, tokenizer
from corpusmill.tokenize.decode import decoder
from corpusmill.tokenize.patterns import OTHERS, PATTERNS
from tests.data import shared
from tests.tokenize.made import ODD, gpt2, rank_file, ranks, small_texts, trained

TEXTS = st.lists(
    st.one_of(st.text(), st.text(alphabet=ODD), st.text(alphabet="the in,'s 1\n", max_size=200)), max_size=6
)
TRAINED = [(pattern, digits) for pattern in ("gpt2", "llama3", "cl100k") for digits in (False, True)]
SETS = [
    "fastapi-docs-multilingual", "hplt-multilingual-web", "langid-lingua-sentences", "code-python", "openwebtext-1000",
    "rust-book", "hplt-cc-sample100", "spamassassin",
]  # fmt: skip


def encoded(encoder, texts):
    """Ids of each text, from a slice of a larger array."""
    placed, ids = encoder(buffers.text(pa.array(["before", *texts]).slice(1)))
    assert (np.int64, np.uint32) == (placed.dtype, ids.dtype)
    assert len(texts) + 1 == len(placed)
    assert len(ids) == placed[-1]
    return [ids[placed[row] : placed[row + 1]].tolist() for row in range(len(texts))]


def expected(made, texts):
    """Ids of each text as the library gives them."""
    return [made.encode(text, add_special_tokens=False).ids for text in texts]


def encoder_of(made, **options):
    """Our encoder with the library's tokenizer."""
    return encode.Encoder(tokenizer.from_json(made.to_str(), "made"), **options)


def rank_encoders(data, pattern):
    """Ours and tiktoken's with the same ranks; what tiktoken calls r50k's pattern is another way to write gpt2's."""
    known = tokenizer.from_ranks(data, "made.tiktoken", pattern, {})
    table = {bytes.fromhex(token): rank for token, rank in json.loads(json.dumps(_ranks(data)))}
    expression = OTHERS.get(pattern) or PATTERNS[pattern].expression
    peer = tiktoken.Encoding("made", pat_str=expression, mergeable_ranks=table, special_tokens={})
    return encode.Encoder(known), peer


def _ranks(data):
    import base64

    return [(base64.b64decode(token).hex(), int(rank)) for token, rank in map(bytes.split, data.splitlines())]


def shared_texts(name, most):
    """Texts of a set of the shared data."""
    found = []
    for path in sorted(shared(name).iterdir()):
        opener = {".xz": lzma.open, ".gz": gzip.open}.get(path.suffix, open)
        if ".jsonl" not in path.name:
            continue
        with opener(path, "rt", encoding="utf-8") as lines:
            for line, _ in zip(lines, range(most), strict=False):
                found += [value for value in json.loads(line).values() if isinstance(value, str)]
    assert found
    return [text.encode("utf-8", "replace").decode() for text in found]


@pytest.mark.parametrize(("pattern", "digits"), TRAINED)
@given(TEXTS)
def test_ids_are_those_of_tokenizers(pattern, digits, texts):
    """For vocabularies trained here, on any Unicode text; the second time out of the cache."""
    made = trained(pattern, digits)
    encoder = _kept(pattern, digits)
    assert encoder.whole is None
    wanted = expected(made, texts)
    assert wanted == encoded(encoder, texts)
    assert wanted == encoded(encoder, texts)


_ENCODERS = {}


def _kept(pattern, digits):
    if (pattern, digits) not in _ENCODERS:
        _ENCODERS[pattern, digits] = encoder_of(trained(pattern, digits))
    return _ENCODERS[pattern, digits]


@pytest.mark.parametrize("pattern", ["gpt2", "cl100k", "llama3_digits", "o200k"])
@given(TEXTS)
def test_ids_are_those_of_tiktoken(pattern, texts):
    """For a rank file made of a trained vocabulary."""
    if pattern not in _ENCODERS:
        _ENCODERS[pattern] = rank_encoders(rank_file(trained("llama3")), pattern)
    encoder, peer = _ENCODERS[pattern]
    assert [peer.encode_ordinary(text) for text in texts] == encoded(encoder, texts)


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_shared_texts(name):
    """Web pages, code, mail, documentation and sentences in many languages: GPT-2 and a trained vocabulary."""
    texts = shared_texts(name, 300)
    for made in (gpt2(), trained("llama3")):
        assert expected(made, texts) == encoded(encoder_of(made), texts)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["cl100k_base", "r50k_base", "p50k_base"])
def test_shared_texts_with_openais_ranks(file):
    """Beside tiktoken."""
    path = shared(f"models/tiktoken/{file}.tiktoken.gz")
    known = tokenizer.load(str(path))
    expression = PATTERNS[known.pattern].expression
    peer = tiktoken.Encoding(file, pat_str=expression, mergeable_ranks=ranks(path), special_tokens={})
    encoder = encode.Encoder(known)
    for name in SETS:
        texts = shared_texts(name, 200)
        assert [peer.encode_ordinary(text) for text in texts] == encoded(encoder, texts)


def test_published_examples_of_cl100k():
    """A file of texts with their ids, made by OpenAI's own encodings."""
    encoders = {}
    asked = 0
    for block in shared("models/tiktoken/TestPlans.txt").read_text(encoding="utf-8").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        name = fields.get("EncodingName")
        if name not in {"cl100k_base", "r50k_base", "p50k_base"}:
            continue
        if name not in encoders:
            path = shared(f"models/tiktoken/{name}.tiktoken.gz")
            encoders[name] = encode.Encoder(tokenizer.load(str(path)))
        assert [json.loads(fields["Encoded"])] == encoded(encoders[name], [fields["Sample"]])
        asked += 1
    assert asked > 10


def test_added_tokens_are_cut_out_first():
    """Special ones and others, with spaces taken in, longest first; other documents are not disturbed."""
    made = tokenizers.Tokenizer.from_str(trained().to_str())
    made.add_special_tokens([AddedToken("<|pad|>", lstrip=True), "<|", "é"])
    made.add_tokens([AddedToken("the", single_word=True), AddedToken("  ", normalized=True)])
    encoder = encoder_of(made)
    texts = [
        "a<|endoftext|>b", "<|endoftext|>", "plain text", "x   <|pad|> y", "<|endof", "caf\u00e9", "cafe\u0301", "in the end",
        "other", "two  spaces", "", "<|<|pad|>",
    ]  # fmt: skip
    assert expected(made, texts) == encoded(encoder, texts)
    assert encoder.whole is None


@given(
    st.lists(st.text(alphabet="<|endoftxpa >é"), max_size=5),
    st.lists(st.sampled_from(["<|endoftext|>", "<|", "pad", ">"])),
)
def test_added_tokens_anywhere(texts, tokens):
    """In any mixture with what looks like them."""
    if "added" not in _ENCODERS:
        made = tokenizers.Tokenizer.from_str(trained("llama3").to_str())
        made.add_special_tokens(["<|pad|>", "é"])
        _ENCODERS["added"] = made, encoder_of(made)
    made, encoder = _ENCODERS["added"]
    texts = [*texts, "".join(tokens)]
    assert expected(made, texts) == encoded(encoder, texts)


def test_many_added_tokens_of_many_beginnings():
    """More than are looked for by two bytes each."""
    made = tokenizers.Tokenizer.from_str(trained().to_str())
    made.add_tokens([chr(0x41 + first) + chr(0x61 + second) + "_" for first in range(26) for second in range(3)])
    texts = ["plain text", "Ab_ and Zc_", "B", "A"]
    assert expected(made, texts) == encoded(encoder_of(made), texts)


def test_special_tokens_of_rank_files_are_no_text():
    """As in tiktoken's `encode_ordinary`."""
    data = rank_file(trained())
    known = tokenizer.from_ranks(data, "made.tiktoken", "gpt2", {"<|endoftext|>": 9999})
    found = encoded(encode.Encoder(known), ["<|endoftext|>"])[0]
    assert 9999 not in found
    assert rank_encoders(data, "gpt2")[1].encode_ordinary("<|endoftext|>") == found


def test_ignored_merges():
    """A pre-token in the vocabulary is its id, even if no merges lead there (Llama 3)."""
    made = tokenizers.Tokenizer.from_str(trained("llama3").to_str())
    settings = json.loads(made.to_str())
    vocabulary, size = settings["model"]["vocab"], len(settings["model"]["vocab"])
    vocabulary |= {"zqxj": size, "Ġxqjzv": size + 1, "z" * 255: size + 2, "日": size + 3}
    for ignore in (True, False):
        settings["model"]["ignore_merges"] = ignore
        made = tokenizers.Tokenizer.from_str(json.dumps(settings))
        texts = ["zqxj xqjzv xqjzvv", "z" * 255, "z" * 254, "日", *small_texts()[:3]]
        found = encoded(encoder_of(made), texts)
        assert expected(made, texts) == found
        assert ignore == (size in found[0])
    settings["model"] |= {"ignore_merges": True, "vocab": {**vocabulary, "y" * 256: size + 4}}
    made = tokenizers.Tokenizer.from_str(json.dumps(settings))
    assert [[size + 4]] == encoded(encoder_of(made), ["y" * 256])
    assert "more than 255 bytes" in tokenizer.from_json(made.to_str(), "made").whole


def test_what_is_not_known_goes_to_the_library_whole():
    """Other models, normalizers and patterns: the same ids, more slowly."""
    normalised = tokenizers.Tokenizer.from_str(trained().to_str())
    normalised.normalizer = normalizers.NFC()
    words = tokenizers.Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    prefixed = tokenizers.Tokenizer.from_str(trained().to_str())
    prefixed.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    texts = ["e\u0301 a b", "", "a c", *small_texts()[:2]]
    for made in (normalised, words, prefixed):
        encoder = encoder_of(made)
        assert encoder.whole
        assert expected(made, texts) == encoded(encoder, texts)


def test_another_unicode_version_goes_to_the_library_whole(monkeypatch):
    """Should a future library know other letters, ids would differ."""
    other = pretokens.classes().copy()
    other[pretokens.ranges()[-1][0]] ^= pretokens.LETTER
    monkeypatch.setattr(pretokens, "classes", lambda: other)
    encoder = encoder_of(trained())
    assert encoder.whole
    assert expected(trained(), ["a text"]) == encoded(encoder, ["a text"])


def test_a_rank_file_of_another_pattern():
    """tiktoken encodes it whole: documents with nothing in them, long ones, and what the pattern is for."""
    encoder, peer = rank_encoders(rank_file(trained("llama3")), "o200k")
    assert "o200k" in encoder.whole
    texts = [
        "",
        "HTTPServer's JSONData isn't//\n\n  x",
        "<|endoftext|>",
        "",
        "a\u0301É ǅ漢字 12345",
        *small_texts()[:5],
    ]
    assert [peer.encode_ordinary(text) for text in texts] == encoded(encoder, texts)
    known = encoder.tokenizer
    assert texts == [decoder(known)(ids) for ids in encoded(encoder, texts)]


def test_a_pattern_that_cannot_be_used(monkeypatch):
    """No expression at all, one that leaves text out, one that takes too much stack, and no tiktoken."""
    data = rank_file(trained())
    with pytest.raises(ResourceError, match=r"pattern: found '\(', which is no regular expression: .*parenthesis"):
        encode.Encoder(tokenizer.from_ranks(data, "made", "(", {}))
    letters = encode.Encoder(tokenizer.from_ranks(data, "made", r"\p{L}+", {}))
    assert encoded(letters, ["one"])
    with pytest.raises(ResourceError, match=r"leaves out 2 of the 11 bytes of a text; expected one that matches every"):
        encoded(letters, ["one, hundred"[:11]])
    deep, _ = rank_encoders(data, "o200k")
    with pytest.raises(RunError, match=r"tiktoken cannot encode a text of 3,000,000 bytes: .*; drop such texts"):
        encoded(deep, [" " * 3_000_000])
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(ResourceError, match=r"'o200k', and tiktoken, .* pip install 'corpusmill\[tiktoken\]', or give"):
        encode.Encoder(tokenizer.from_ranks(data, "made", "o200k", {}))
    assert encode.Encoder(tokenizer.from_ranks(data, "made", "gpt2", {})).whole is None


def test_what_was_encoded_before_changes_nothing():
    """A small cache that is full, a fresh one, and single documents give the same ids."""
    texts = small_texts()
    small, fresh = encoder_of(trained(), cache_entries=1), encoder_of(trained())
    wanted = encoded(fresh, texts)
    encoded(small, ["".join(chr(97 + n // 26**place % 26) for place in range(4)) + " " for n in range(0, 400000, 7)])
    assert wanted == encoded(small, texts) == [encoded(fresh, [text])[0] for text in texts]


def test_very_long_pre_tokens():
    """Letters, spaces and marks without end, and no documents at all."""
    texts = ["a" * 20000, " " * 20000, "\n" * 5000 + " x", "=" * 9999, "漢字" * 3000, "ab" * 127 + "a"]
    for made in (trained(), trained("llama3")):
        assert expected(made, texts) == encoded(encoder_of(made), texts)
    assert [] == encoded(encoder_of(trained()), [])
