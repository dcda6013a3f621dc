"""Ids back to text."""

from collections.abc import Callable, Sequence

from corpusmill.tokenize.tokenizer import Tokenizer


def decoder(tokenizer: Tokenizer, *, special: bool = False) -> Callable[[Sequence[int]], str]:
    """Prepare to decode: a function of ids that gives their text.

    Bytes that are no UTF-8, as at the cut of a character, become U+FFFD.

    Args:
        tokenizer: as `tokenizer.load` gives it.
        special: whether special tokens are written out; else they are left out.
    """
    if tokenizer.settings is not None:
        library = tokenizer.library()
        return lambda ids: str(library.decode([int(number) for number in ids], skip_special_tokens=not special))
    assert tokenizer.ranks is not None
    contents = {number: content for content, number in tokenizer.ranks.tokens.items()}
    if special:
        contents |= {number: name.encode() for name, number in tokenizer.special_tokens.items()}
    return lambda ids: b"".join(contents.get(int(number), b"") for number in ids).decode("utf-8", "replace")
