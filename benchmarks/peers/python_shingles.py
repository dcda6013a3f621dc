"""Five-word shingles as simply and fast as Python makes them; for the peers that take shingles, in any interpreter."""

import re

WORD = re.compile(r"[^\W_]+")


def shingles(text, size=5):
    """Lower case, runs of letters and numbers, joined by one space; str."""
    words = WORD.findall(text.lower())
    return [" ".join(words[at : at + size]) for at in range(len(words) - size + 1)]
