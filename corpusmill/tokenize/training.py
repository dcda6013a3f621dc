"""Training of byte-level BPE by `tokenizers`, so that any text has ids and the file is read everywhere."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from corpusmill.errors import InputError, RecipeError
from corpusmill.tokenize.patterns import PATTERNS

if TYPE_CHECKING:
    import tokenizers

BYTES = 256


def train(
    texts: Iterable[str],
    *,
    vocabulary_size: int,
    pattern: str = "gpt2",
    split_digits: bool = False,
    special_tokens: Sequence[str] = ("<|endoftext|>",),
    min_frequency: int = 0,
    longest_token: int | None = None,
) -> "tokenizers.Tokenizer":
    """Learn merges: the most frequent pair of neighbours first, until the vocabulary is full.

    Equal texts in equal order give equal tokenizers; between pairs that are equally frequent the library takes the
    one of lower ids, others the lexicographically greater.

    Args:
        texts: what to learn from; read once, held as counted pre-tokens.
        vocabulary_size: special tokens, 256 bytes and merges together. Fewer where the texts have no more pairs.
        pattern: `gpt2`, `llama3` or `cl100k`.
        split_digits: each digit is a pre-token of its own.
        special_tokens: take the first ids, in this order.
        min_frequency: of a pair that is merged.
        longest_token: of a merged token, in bytes; None for no limit.

    Raises:
        RecipeError: an unknown pattern, a token twice, or a size that has no room for bytes and special tokens.
        InputError: no text at all.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    check(vocabulary_size, pattern, special_tokens)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(_splits(pattern, split_digits))
    if pattern == "gpt2" and not split_digits:
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in special_tokens],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=None if longest_token is None else longest_token + 1,  # the library means fewer than that
    )
    characters = 0

    def counted() -> Iterable[str]:
        nonlocal characters
        for text in texts:
            characters += len(text)
            yield text

    tokenizer.train_from_iterator(counted(), trainer)
    if characters == 0:
        raise InputError("a tokenizer cannot be trained: found no text; give documents that are not empty")
    return tokenizer


def check(vocabulary_size: int, pattern: str, special_tokens: Sequence[str]) -> None:
    """Refuse what cannot be trained, whatever the texts are; see `train`.

    Raises:
        RecipeError: an unknown pattern, a token twice, or a size that has no room for bytes and special tokens.
    """
    names = [name for name in PATTERNS if not name.endswith("_digits")]
    if pattern not in names:
        raise RecipeError(f"pattern: found {pattern!r}, expected one of {', '.join(names)}")
    twice = sorted({token for token in special_tokens if special_tokens.count(token) > 1})
    if twice or "" in special_tokens:
        raise RecipeError(f"special_tokens: found {twice[0] if twice else ''!r}, expected each once and none empty")
    least = BYTES + len(special_tokens)
    if vocabulary_size < least:
        raise RecipeError(
            f"vocabulary_size: found {vocabulary_size}, expected at least {least}: "
            f"{BYTES} bytes and {len(special_tokens)} special tokens"
        )


def _splits(pattern: str, split_digits: bool) -> list[object]:
    """The pre-tokenizers of a pattern: its regular expression, then bytes as characters."""
    from tokenizers import Regex, pre_tokenizers

    expression = PATTERNS[f"{pattern}_digits" if split_digits else pattern].expression
    return [
        pre_tokenizers.Split(Regex(expression), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
