"""What a rule found, and what stands around it."""

import re
from typing import NamedTuple

# By priority: where two hits overlap, the one of the earlier entity stays.
ENTITIES = (
    "private_key",
    "credentials",
    "token",
    "email",
    "iban",
    "crypto",
    "ip",
    "credit_card",
    "us_ssn",
    "national_id",
    "phone",
    "presidio",
)


class Hit(NamedTuple):
    """A value in the UTF-8 bytes of one document.

    Attributes:
        start, end: bytes from the start of the document.
        entity: one of `ENTITIES`.
        value: the value without what does not matter (case, separators), by which equal values are known.
        kind: which of the entity's kinds, e.g. `es_nif`; the entity itself where it has one only.
    """

    start: int
    end: int
    entity: str
    value: bytes
    kind: str = ""


def says(text: bytes, at: int, words: re.Pattern[bytes], reach: int = 48) -> bool:
    """Tell whether one of `words` (a pattern of small letters) stands in the `reach` bytes before `at`."""
    return words.search(text[max(0, at - reach) : at].lower()) is not None


def near(text: bytes, start: int, end: int, words: re.Pattern[bytes], reach: int = 48) -> bool:
    """Tell whether one of `words` stands before `start` or shortly after `end`."""
    return says(text, start, words, reach) or words.search(text[end : end + reach // 2].lower()) is not None


def disjoint(hits: list[Hit]) -> list[Hit]:
    """The hits that stay: by priority of the entity, then the longer, then the earlier; in order of place."""
    order = sorted(hits, key=lambda hit: (ENTITIES.index(hit.entity), hit.start - hit.end, hit.start, hit.kind))
    if len(order) < 2:
        return order
    kept: list[Hit] = []
    taken: dict[int, int] = {}  # place // 64 → bits of the bytes that are taken, so that this stays linear
    for hit in order:
        cells = _cells(hit)
        if all(taken.get(cell, 0) & bits == 0 for cell, bits in cells):
            kept.append(hit)
            for cell, bits in cells:
                taken[cell] = taken.get(cell, 0) | bits
    return sorted(kept)


def _cells(hit: Hit) -> list[tuple[int, int]]:
    cells = []
    for cell in range(hit.start // 64, (hit.end - 1) // 64 + 1):
        low, high = max(hit.start - 64 * cell, 0), min(hit.end - 64 * cell, 64)
        cells.append((cell, ((1 << (high - low)) - 1) << low))
    return cells
