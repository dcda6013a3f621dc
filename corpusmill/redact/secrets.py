"""Secrets by their published formats: private keys, and tokens of clouds and services.

A token needs its prefix, its length and alphabet, letters that look drawn at random, and a right checksum where the
format has one (GitHub, npm). Examples of documentation (`AKIAIOSFODNN7EXAMPLE`, `xxxx`) are no secrets.
"""

import base64
import binascii
import json
import math
import re
from collections import Counter
from typing import NamedTuple

from corpusmill.redact.checksums import crc32_base62
from corpusmill.redact.hits import Hit

_BEGIN = re.compile(rb"-----BEGIN ([A-Z0-9 ]{0,40}?)PRIVATE KEY( BLOCK)?-----")
_KEY_BYTES = re.compile(
    rb"(?:[A-Za-z0-9+/=\s\\,:.()]|-(?!-)){16,32768}-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
)
_OPEN_KEY = re.compile(rb"(?:[\s\\nr\"'>|]{1,8}[A-Za-z0-9+/=]{16,})+")
_EXAMPLE = re.compile(rb"(?i)example|sample|dummy|placeholder|your[_-]|x{6}|0{8}|1234567890|abcdefgh|redacted|\*{3}")


class Format(NamedTuple):
    """A token: its kind, its pattern, and how many bits a letter must carry at least."""

    kind: str
    pattern: re.Pattern[bytes]
    bits: float = 3.0


# By the first two bytes, so that a word is tried against a few patterns only.
_FORMATS = [
    Format("aws_access_key", re.compile(rb"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])"), 3.0),
    Format("github", re.compile(rb"gh[pousr]_[A-Za-z0-9]{36}(?![A-Za-z0-9])")),
    Format("github", re.compile(rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}(?![A-Za-z0-9])")),
    Format("gitlab", re.compile(rb"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas)-[A-Za-z0-9_-]{20,64}(?![A-Za-z0-9])")),
    Format("openai", re.compile(rb"sk-(?:proj-|svcacct-|admin-)?[A-Za-z0-9_-]{20,200}(?![A-Za-z0-9])"), 3.5),
    Format("stripe", re.compile(rb"[srp]k_(?:live|test)_[A-Za-z0-9]{16,247}(?![A-Za-z0-9])")),
    Format("stripe_webhook", re.compile(rb"whsec_[A-Za-z0-9+/=]{32,64}(?![A-Za-z0-9])")),
    Format("slack", re.compile(rb"xox[abeoprs](?:\.xox[bp])?-[A-Za-z0-9-]{20,250}(?![A-Za-z0-9])"), 2.5),
    Format("slack_app", re.compile(rb"xapp-\d-[A-Z0-9]{8,14}-\d{10,14}-[a-f0-9]{64}(?![A-Za-z0-9])"), 2.5),
    Format("google_api_key", re.compile(rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])")),
    Format("google_oauth", re.compile(rb"GOCSPX-[A-Za-z0-9_-]{28}(?![A-Za-z0-9_-])")),
    Format("google_access", re.compile(rb"ya29\.[A-Za-z0-9_-]{30,512}")),
    Format("jwt", re.compile(rb"eyJ[A-Za-z0-9_-]{10,4096}\.eyJ[A-Za-z0-9_-]{5,8192}\.[A-Za-z0-9_-]{10,4096}"), 3.5),
    Format("huggingface", re.compile(rb"hf_[A-Za-z]{34}(?![A-Za-z0-9])")),
    Format("npm", re.compile(rb"npm_[A-Za-z0-9]{36}(?![A-Za-z0-9])")),
    Format("pypi", re.compile(rb"pypi-AgE[A-Za-z0-9_-]{50,512}")),
    Format("sendgrid", re.compile(rb"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9])")),
    Format("mailgun", re.compile(rb"key-[0-9a-f]{32}(?![A-Za-z0-9])")),
    Format("mailchimp", re.compile(rb"[0-9a-f]{32}-us\d{1,2}(?![A-Za-z0-9])")),
    Format("twilio", re.compile(rb"(?:AC|SK)[0-9a-f]{32}(?![A-Za-z0-9])")),
    Format("digitalocean", re.compile(rb"do[opr]_v1_[a-f0-9]{64}(?![A-Za-z0-9])")),
    Format("shopify", re.compile(rb"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}(?![A-Za-z0-9])")),
    Format("databricks", re.compile(rb"dapi[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])")),
    Format("linear", re.compile(rb"lin_api_[A-Za-z0-9]{40}(?![A-Za-z0-9])")),
    Format("notion", re.compile(rb"(?:secret_[A-Za-z0-9]{43}|ntn_[A-Za-z0-9]{46})(?![A-Za-z0-9])")),
    Format("vault", re.compile(rb"hv[sbr]\.[A-Za-z0-9_-]{90,300}")),
    Format("terraform", re.compile(rb"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}")),
    Format(
        "discord", re.compile(rb"[MNO][A-Za-z\d_-]{23,27}\.[A-Za-z\d_-]{6}\.[A-Za-z\d_-]{27,40}(?![A-Za-z0-9])"), 3.5
    ),
    Format("anthropic", re.compile(rb"sk-ant-[A-Za-z0-9]{3,8}-[A-Za-z0-9_-]{80,120}(?![A-Za-z0-9])"), 3.5),
    Format("grafana", re.compile(rb"glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}(?![A-Za-z0-9])")),
    Format("age", re.compile(rb"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}(?![A-Za-z0-9])")),
]
_DOTTED_HEAD = re.compile(rb"(?:\bSG|\bya29|\bhv[sbr])\.$")
_HEADS = re.compile(
    rb"A[KSBC]|A[CGI]|gh[pousr]_|gith|gl[a-z]{1,5}[-_]|sk[-_]|[rp]k_|whse|xox|xapp|GOCS|ya29|eyJ|hf_|npm_|pypi|SG\.|key-"
    rb"|SK|do[opr]_|shp|dapi|lin_|secr|ntn_|hv[sbr]\.|[MNO][A-Za-z\d_-]{23}|[A-Za-z0-9]{14}$|[0-9a-f]{32}-us"
)


def token(text: bytes, start: int, end: int) -> Hit | None:
    """The token that begins with the word `text[start:end]`, or None."""
    before = _DOTTED_HEAD.search(text[max(0, start - 5) : start])
    start -= 0 if before is None else len(before[0])
    if _HEADS.match(text, start, end) is None:
        return None
    for form in _FORMATS:
        found = form.pattern.match(text, start)
        if found is None:
            continue
        value = found[0]
        if _EXAMPLE.search(value) or _bits(value[4:]) < form.bits or not _checks(form.kind, value):
            continue
        return Hit(start, found.end(), "token", value, form.kind)
    return None


def private_key(text: bytes, start: int) -> Hit | None:
    """The private key whose `-----BEGIN` is at `start`, to the end of its block, or of its last line of base64."""
    head = _BEGIN.match(text, start)
    if head is None:
        return None
    body = _KEY_BYTES.match(text, head.end()) or _OPEN_KEY.match(text, head.end(), head.end() + 32768)
    if body is None or len(re.sub(rb"[^A-Za-z0-9+/]", b"", body[0])) < 64:
        return None
    return Hit(start, body.end(), "private_key", text[start : body.end()])


def _bits(value: bytes) -> float:
    """Shannon's entropy of the bytes, in bits a byte."""
    size = len(value)
    return -sum(n / size * math.log2(n / size) for n in Counter(value).values())


def _checks(kind: str, value: bytes) -> bool:
    if kind in ("github", "npm") and not value.startswith(b"github_pat"):
        body = value.split(b"_", 1)[1].decode()
        return crc32_base62(body[:30], body[30:])
    if kind == "jwt":
        return _is_header(value.split(b".", 1)[0])
    return True


def _is_header(part: bytes) -> bool:
    """Tell whether the first part of a JWT is a JSON object that names an algorithm."""
    try:
        found = json.loads(base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4)))
    except (binascii.Error, ValueError):
        return False
    return isinstance(found, dict) and "alg" in found
