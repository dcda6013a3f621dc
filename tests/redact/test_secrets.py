"""Keys and tokens. All values here are made up by the test."""

import base64
import json
import random
import zlib

import pytest

from tests.redact.finding import values

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def drawn(size: int, letters: str = LETTERS, seed: int = 7) -> str:
    """Letters as a service draws them."""
    return "".join(random.Random(seed).choices(letters, k=size))


def checked(prefix: str) -> str:
    """A token with GitHub's checksum."""
    body = drawn(30)
    value, digits = zlib.crc32(body.encode()), ""
    while value:
        value, rest = divmod(value, 62)
        digits = BASE62[rest] + digits
    return prefix + body + digits.rjust(6, "0")


def jwt() -> str:
    """A signed token."""
    parts = [json.dumps({"alg": "HS256", "typ": "JWT"}), json.dumps({"sub": "12", "name": "Ann"}), drawn(32)]
    return ".".join(base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts)


TOKENS = [
    "AKIA" + drawn(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
    checked("ghp_"),
    checked("npm_"),
    "glpat-" + drawn(20),
    "sk-" + drawn(48),
    "sk-proj-" + drawn(60),
    "sk_live_" + drawn(24),
    "xoxb-" + drawn(12, "0123456789") + "-" + drawn(12, "0123456789", 8) + "-" + drawn(24),
    "AIza" + drawn(35),
    "SG." + drawn(22) + "." + drawn(43, seed=9),
    jwt(),
    "shpat_" + drawn(32, "0123456789abcdef"),
    "dop_v1_" + drawn(64, "0123456789abcdef"),
]
NOT_TOKENS = [
    "AKIAIOSFODNN7EXAMPLE",
    checked("ghp_")[:-1] + "!",
    checked("ghp_")[:-2] + "zz",
    "sk-" + "a1" * 24,
    "sk-your-key-here-1234567890",
    "AIza" + "x" * 34 + "1",
    "eyJhbGciOi1.eyJzdWIiOi.abcdefghijklm1",
    "ghp_short1",
    "skeleton-key-2000-of-the-museum",
]


@pytest.mark.parametrize("value", TOKENS, ids=lambda value: value[:8])
def test_tokens_by_their_formats(value: str) -> None:
    """In a line of a configuration."""
    assert [value] == values(f'key = "{value}"\n', "token")


@pytest.mark.parametrize("text", NOT_TOKENS)
def test_examples_and_wrong_checks_are_no_tokens(text: str) -> None:
    """Documentation keys, repeated letters, broken checksums."""
    assert [] == values(text, "token")


def block(kind: str) -> str:
    """A key as files hold it."""
    lines = "\n".join(drawn(64, LETTERS + "+/", seed) for seed in range(6))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{lines}\n-----END {kind}PRIVATE KEY-----"


@pytest.mark.parametrize("kind", ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "])
def test_private_keys_go_whole(kind: str) -> None:
    """From the first hyphen to the last."""
    assert [block(kind)] == values(f"before\n{block(kind)}\nafter", "private_key")


def test_a_cut_private_key_goes_to_its_last_line() -> None:
    """The page ends before the key does."""
    cut = block("RSA ").split("-----END")[0].rstrip()
    assert [cut] == values(cut + "\n\nsome words after it", "private_key")


def test_headers_without_a_key_stay() -> None:
    """Public keys, certificates, and talk about keys."""
    for text in [
        "-----BEGIN PUBLIC KEY-----",
        "-----BEGIN RSA PRIVATE KEY----- is the header",
        block("").replace("PRIVATE", "PUBLIC"),
    ]:
        assert [] == values(text, "private_key")
