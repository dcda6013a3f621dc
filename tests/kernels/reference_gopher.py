"""Slow, plain twins of the counts behind the Gopher rules."""

import re
from collections import Counter


def symbols(text: str) -> list[int]:
    """Hash signs, ellipses, spaced ellipses."""
    return [text.count("#"), text.count("...") + text.count("…"), text.count(". . .")]


def lines(found: list[str], bullets: str, ends: tuple[str, ...], *, blank: bool) -> list[int]:
    """Lines, bullet lines, lines that end with one of `ends` in any case."""
    kept = [line for line in found if blank or line]
    bulleted = sum(line.startswith(tuple(bullets)) for line in kept)
    return [len(kept), bulleted, sum(line.lower().endswith(ends) for line in kept)]


def words(found: list[str], symbol: set[str], stops: list[str], *, any_case: bool, marks: str = "") -> list[int]:
    """Words and their characters but for symbols, words with a letter or mark, stop words, distinct ones."""
    counted = [w for w in found if w not in symbol]
    lowered = [w.lower() if any_case and w.isascii() else w for w in found]
    stopped = [w for w in lowered if w in stops]
    letters = sum(any(c.isalpha() or c in marks for c in w) for w in found)
    return [len(counted), sum(map(len, counted)), letters, len(stopped), len(set(stopped))]


def top(found: list[str], n: int, *, gaps: bool, longest: bool, singles: bool) -> int:
    """Characters in all copies of the n-gram with most copies."""
    grams = [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]
    counts = Counter(grams)
    if not counts or (max(counts.values()) == 1 and not singles):
        return 0
    most = max(counts.values())
    sizes = [len((" " if gaps else "").join(gram)) for gram in counts if counts[gram] == most]
    return most * (max(sizes) if longest and most > 1 else sizes[0])


def covered(found: list[str], n: int) -> int:
    """Characters of words in an n-gram that occurs twice or more, each word once."""
    grams = [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]
    counts = Counter(grams)
    places = {i + k for i, gram in enumerate(grams) if counts[gram] > 1 for k in range(n)}
    return sum(len(found[i]) for i in places)


def skipped(found: list[str], n: int) -> int:
    """Characters of n-grams that were met before, going on behind each."""
    seen, total, at = set(), 0, 0
    while at + n <= len(found):
        gram = tuple(found[at : at + n])
        if gram in seen:
            total += sum(map(len, gram))
            at += n
        else:
            seen.add(gram)
            at += 1
    return total


def each(found: list[str], n: int) -> int:
    """Characters of all copies of n-grams that occur twice or more, overlaps counted again."""
    counts = Counter(tuple(found[i : i + n]) for i in range(len(found) - n + 1))
    return sum(count * len("".join(gram)) for gram, count in counts.items() if count > 1)


def all_grams(found: list[str], n: int) -> int:
    """Characters of all n-grams, overlaps counted again."""
    return sum(len("".join(found[i : i + n])) for i in range(len(found) - n + 1))


def later(found: list[str], n: int) -> int:
    """Characters of words in copies after the first, and of a space after each but a copy's last, if not met before."""
    seen, total, end = set(), 0, 0
    for i in range(len(found) - n + 1):
        gram = tuple(found[i : i + n])
        if gram in seen:
            new = found[max(i, end) : i + n]
            total += len("".join(new)) + min(len(new), n - 1)
            end = i + n
        seen.add(gram)
    return total


def top_place(found: list[str], n: int, *, singles: bool) -> int:
    """Where the first of the n-grams with most copies begins, or -1."""
    grams = [tuple(found[i : i + n]) for i in range(len(found) - n + 1)]
    counts = Counter(grams)
    most = max(counts.values(), default=0)
    if most == 0 or (most == 1 and not singles):
        return -1
    return min(i for i, gram in enumerate(grams) if counts[gram] == most)


def phrase(text: str, n: int) -> int:
    """Characters that go with the top n-gram, its words joined by spaces, where it is cut out of the text."""
    found = text.split()
    place = top_place(found, n, singles=True)
    return 0 if place < 0 else len(text) - len(text.replace(" ".join(found[place : place + n]), ""))


def symbol_words(found: list[str], ellipses: tuple[str, ...]) -> int:
    """Words that are an ellipsis, or of which runs of hash signs are more than half."""
    return sum(w.lower() in ellipses or len(re.findall("#+", w)) / len(w) > 0.5 for w in found)


def sums(pieces: list[str]) -> list[int]:
    """Pieces, pieces that repeat an earlier one, characters, characters in those that repeat."""
    again = [piece for i, piece in enumerate(pieces) if piece in pieces[:i]]
    return [len(pieces), len(again), sum(map(len, pieces)), sum(map(len, again))]


def runs(text: str, least: int) -> list[str]:
    """The text split at runs of line feeds."""
    return re.split(rf"\n{{{least},}}", text)


def solid(text: str) -> tuple[list[str], list[list[str]]]:
    """Stripped lines that are not blank, and the runs they make."""
    found: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip():
            found[-1].append(line.strip())
        elif found[-1]:
            found.append([])
    return [line for part in found for line in part], [part for part in found if part]
