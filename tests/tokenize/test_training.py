"""Training: the gold merges up to ties, and what cannot be trained."""

import json
from collections import Counter
from itertools import pairwise

import pytest
import regex

from corpusmill.errors import InputError, RecipeError
from corpusmill.tokenize import training
from corpusmill.tokenize.patterns import PATTERNS
from corpusmill.tokenize.tokenizer import byte_characters
from tests.data import shared
from tests.tokenize.made import small_texts, trained


def merges_of(made):
    """Pairs of tokens in the order of their ranks."""
    return [tuple(merge) for merge in json.loads(made.to_str())["model"]["merges"]]


def counted_words(texts):
    """Pre-tokens as lists of characters of bytes, with how often they occur."""
    characters = {byte: character for character, byte in byte_characters().items()}
    found = Counter(piece for text in texts for piece in regex.findall(PATTERNS["gpt2"].expression, text))
    return [([characters[byte] for byte in piece.encode()], count) for piece, count in found.items()]


def replay(words, merges):
    """For each merge, how often its pair occurs when it is its turn, and all pairs that occur most often then."""
    words = [(list(word), count) for word, count in words]
    counts = Counter()
    where = {}
    for place, (word, count) in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += count
            where.setdefault(pair, set()).add(place)
    for left, right in merges:
        most = max(counts.values())
        yield counts[left, right], {pair for pair, count in counts.items() if count == most}, most
        for place in where.pop((left, right), set()):
            word, count = words[place]
            for pair in pairwise(word):
                counts[pair] -= count
            at = 0
            while at + 1 < len(word):
                if (word[at], word[at + 1]) == (left, right):
                    word[at : at + 2] = [left + right]
                at += 1
            for pair in pairwise(word):
                counts[pair] += count
                where.setdefault(pair, set()).add(place)


def as_bytes(pair):
    """A pair of tokens as bytes, by which the gold breaks ties."""
    characters = byte_characters()
    return tuple(bytes(characters[character] for character in token) for token in pair)


def test_differences_from_the_gold_come_from_ties_only():
    """Each merge of either is of a pair that is most frequent when its turn comes; the gold takes the greater one."""
    folder = shared("bpe-train-gold")
    text = (folder / "corpus.en").read_text(encoding="utf-8")
    lines = (folder / "train-bpe-reference-merges.txt").read_text(encoding="utf-8").splitlines()
    gold = [tuple(line.split(" ")) for line in lines if line]
    ours = merges_of(training.train([text], vocabulary_size=500))
    words = counted_words([text])
    assert len(ours) == len(gold) == 500 - 256 - 1
    assert [] == [pair for pair, (count, _, most) in zip(ours, replay(words, ours), strict=True) if count != most]
    for pair, (count, ties, most) in zip(gold, replay(words, gold), strict=True):
        assert count == most
        assert max(ties, key=as_bytes) == pair
    untied = [next(iter(ties)) for _, ties, _ in replay(words, gold) if len(ties) == 1]
    assert set(untied[:100]) <= set(ours)
    assert ours[:31] == gold[:31], "before the first tie"
    assert ours[31] != gold[31]


def test_training_twice_gives_the_same():
    """And the order of texts does not matter."""
    texts = small_texts()
    first = training.train(texts, vocabulary_size=600).to_str()
    assert first == training.train(iter(texts), vocabulary_size=600).to_str()
    assert first == training.train(texts[::-1], vocabulary_size=600).to_str()


def test_special_tokens_come_first():
    """In the order they were given, as one id in text."""
    made = training.train(["some text"], vocabulary_size=300, special_tokens=["<|endoftext|>", "<|pad|>"])
    assert [0, 1] == made.encode("<|endoftext|><|pad|>").ids


@pytest.mark.parametrize("pattern", ["gpt2", "llama3", "cl100k"])
def test_digits_are_split(pattern):
    """No token has two digits, whatever is frequent."""
    made = training.train(["2024 2024 2024"] * 9, vocabulary_size=300, pattern=pattern, split_digits=True)
    assert [] == [
        token
        for token in made.get_vocab()
        if sum(character.isdigit() and character.isascii() for character in token) > 1
    ]
    joined = training.train(["2024 2024 2024"] * 9, vocabulary_size=300, pattern=pattern)
    assert "202" in joined.get_vocab() or "2024" in joined.get_vocab()


def test_limits():
    """Rare pairs are not merged, long tokens not made."""
    made = training.train(["abab xy"] * 2 + ["abab"], vocabulary_size=300, min_frequency=3)
    assert "ab" in made.get_vocab()
    assert "xy" not in made.get_vocab()
    made = training.train(["abcdefgh"] * 9, vocabulary_size=300, longest_token=4)
    assert 4 == max(len(token) for token in made.get_vocab() if token.isascii() and token.isalpha())


def test_all_text_comes_back():
    """Through decode, also what was never seen."""
    text = "Grüße 漢字 😀 \u0301\0\t\r\n  end"
    for made in (trained(), trained("llama3"), trained("gpt2", split_digits=True)):
        assert text == made.decode(made.encode(text).ids)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"vocabulary_size": 256}, RecipeError, "found 256, expected at least 257"),
        ({"pattern": "gpt3"}, RecipeError, "found 'gpt3', expected one of gpt2, llama3, cl100k"),
        ({"special_tokens": ["<a>", "<a>"]}, RecipeError, "found '<a>', expected each once"),
        ({"special_tokens": [""]}, RecipeError, "none empty"),
        ({"texts": []}, InputError, "found no text"),
        ({"texts": ["", ""]}, InputError, "found no text"),
    ],
)
def test_what_cannot_be_trained(options, error, message):
    """One clear error."""
    options = {"texts": ["some text"], "vocabulary_size": 300} | options
    with pytest.raises(error, match=message):
        training.train(options.pop("texts"), **options)
