"""Runs of digits and separators: cards, social security numbers, national numbers, telephone numbers."""

import re
from collections.abc import Callable

from corpusmill.redact import accounts, national_ids, phones
from corpusmill.redact.hits import Hit, near
from corpusmill.redact.phones import Regions

_GROUP = re.compile(rb"\d+")
_SSN = re.compile(rb"(\d{3})([- .])(\d\d)\2(\d{4})(?![\d]|[-.]\d)")
_BARE_SSN = re.compile(rb"\d{9}(?!\d)")
_SSN_WORDS = re.compile(rb"(?<![a-z])(?:ssns?|social security|soc(?:ial)? sec|ss ?(?:#|no|number)|ssid)(?![a-z])")
# Printed in advertisements, so that they are everybody's.
_PUBLISHED = frozenset({"078051120", "219099999", "457555462", "123456789"})


def ssn(text: bytes, at: int, end: int) -> Hit | None:
    """The US social security number at `at`: an area, group and serial that can be given out.

    Written with spaces or dots or without separators it needs a word before it; after "SSN" any area but 000 will do.
    Numbers that were printed as examples are nobody's.
    """
    found = _SSN.match(text, at, end) or _BARE_SSN.match(text, at, end)
    if found is None or text[max(0, at - 1) : at] in (b"-", b"."):
        return None
    digits = re.sub(rb"\D", b"", found[0]).decode()
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area == "000" or group == "00" or serial == "0000" or len(set(digits)) == 1 or digits in _PUBLISHED:
        return None
    plain = b"-" in found[0] and area != "666" and area < "900"
    if plain or near(text, at, found.end(), _SSN_WORDS):
        return Hit(at, found.end(), "us_ssn", digits.encode())
    return None


class Numbers:
    """Finds what the recipe asks for in a run of digits."""

    def __init__(self, entities: frozenset[str], kinds: frozenset[str], regions: tuple[str, ...]) -> None:
        """Load the numbering plans of the regions; kinds of national numbers by their names."""
        self.entities = entities
        self.kinds = kinds if "national_id" in entities else frozenset()
        self.plans: Regions | None = phones.regions(regions) if "phone" in entities else None

    def find(self, text: bytes, start: int, end: int) -> list[Hit]:
        """What the digits and separators `text[start:end]` hold; the hits may overlap."""
        hits = []
        for group in _GROUP.finditer(text, start, end):
            at, size = group.start(), group.end() - group.start()
            if size > 40:
                continue
            for look in self._looks(size):
                hit = look(text, at, end)
                if hit is not None:
                    hits.append(hit)
            if self.kinds:
                hit = national_ids.number(text, at, end, size, self.kinds)
                if hit is not None:
                    hits.append(hit)
        if self.plans is not None:
            hits += phones.find(text, start, end, self.plans)
        return hits

    def _looks(self, size: int) -> list[Callable[[bytes, int, int], Hit | None]]:
        looks: list[Callable[[bytes, int, int], Hit | None]] = []
        if (size == 4 or 12 <= size <= 19) and "credit_card" in self.entities:
            looks.append(accounts.card)
        if size in (3, 9) and "us_ssn" in self.entities:
            looks.append(ssn)
        return looks
