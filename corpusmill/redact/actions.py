"""What a value becomes. Nothing that is written here is ever found again, so that a second run changes nothing.

How that is kept: tokens in angle brackets hold no digits but a counter and no `@`; addresses lie at `example.com` and
in the networks that are kept for documentation; numbers begin as none that is given out does.
"""

import hashlib
from typing import NamedTuple

from corpusmill.redact.hits import Hit

KEEPS_FORMAT = ("email", "ip", "phone", "credit_card", "us_ssn")
_NETWORKS = ("192.0.2", "198.51.100", "203.0.113")  # RFC 5737
_LETTERS = bytes.maketrans(b"0123456789abcdef", b"abcdefghijklmnop")  # letters only: digits could be a number's


class Rule(NamedTuple):
    """What happens to the values of one entity.

    Attributes:
        action: `mask`, `pseudonym`, `format` or `hash`.
        name: of the entity, as it stands in masks.
        key: for tokens that are the same in all documents; None counts the values of each document.
    """

    action: str
    name: str
    key: bytes | None


Names = dict[tuple[str, bytes], int]  # the number of each value of a document, by entity and value


def write(rules: dict[str, Rule], hits: list[Hit], names: Names) -> list[bytes]:
    """The replacements of one document's hits, which are in order of place; new values are numbered into `names`."""
    out = []
    for hit in hits:
        named = (hit.entity, hit.value)
        if named not in names:
            names[named] = 1 + sum(entity == hit.entity for entity, _ in names)
        out.append(replacement(rules[hit.entity], hit, names[named]))
    return out


def replacement(rule: Rule, hit: Hit, number: int) -> bytes:
    """What `hit` becomes; `number` counts the different values of its entity in its document, from 1."""
    name = (hit.kind if hit.entity == "presidio" else rule.name).upper()
    if rule.action == "mask":
        return f"<{name}>".encode()
    token = _token(rule.key, hit) if rule.key is not None else str(number)
    if rule.action == "hash":
        return f"<{name}_{token}>".encode()
    if hit.entity == "email":
        return f"user-{token}@example.com".encode()
    seed = _seed(rule.key, hit) if rule.key is not None else number - 1
    if hit.entity == "ip":
        return _address(hit.kind, seed)
    if rule.action == "format":
        return _digits(hit, seed)
    return f"<{name}_{token}>".encode()


def _seed(key: bytes, hit: Hit) -> int:
    """64 bits that depend on the key and the value."""
    digest = hashlib.blake2b(hit.entity.encode() + b"\0" + hit.value, key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _token(key: bytes, hit: Hit) -> str:
    """The seed as sixteen letters."""
    return f"{_seed(key, hit):016x}".encode().translate(_LETTERS).decode()


def _address(kind: str, seed: int) -> bytes:
    """An address that is kept for documentation (RFC 5737, RFC 3849)."""
    if kind == "ipv6":
        return f"2001:db8::{seed // 0xFFFF % 0xFFFF:x}:{seed % 0xFFFF + 1:x}".encode()
    return f"{_NETWORKS[seed // 254 % 3]}.{seed % 254 + 1}".encode()


def _digits(hit: Hit, seed: int) -> bytes:
    """A number of the same form that nobody has."""
    if hit.entity == "phone":  # kept for fiction in every area of North America
        return f"{200 + 100 * (seed // 100 % 8) + 2}-555-01{seed % 100:02}".encode()
    if hit.entity == "us_ssn":  # no area 000
        return f"000-{seed // 9999 % 99 + 1:02}-{seed % 9999 + 1:04}".encode()
    number = f"{seed % 10**12:012}"  # no issuer has 0000
    return f"0000-{number[:4]}-{number[4:8]}-{number[8:]}".encode()
