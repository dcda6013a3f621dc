"""Addresses of machines (IPv4, IPv6), and user names with passwords in URLs."""

import ipaddress
import re
from functools import cache

from corpusmill.redact.hits import Hit, says

_VERSION = re.compile(
    rb"(?:\b(?:versions?|vers?|v|release|rel|build|firmware|driver|update|sections?|sec|chapter|clause|article|annex|"
    rb"appendix|figure|fig|table|rule|paragraph|para|kapitel|abschnitt|oid)\b\.?|\xc2\xa7)[\s:#=(]{0,3}$"
)
_ADDRESS = re.compile(
    rb"(?:\b(?:ips?|ipv4|address(?:es)?|addr|hosts?|servers?|ping|dns|nameserver|gateway|router|proxy|subnet|netmask|"
    rb"from|port|tcp|udp|ssh|telnet|curl|traceroute|whois|login|clients?|listen)\b|//|@|\[)[^\n]{0,24}$"
)
_LOW = 40  # parts of section and version numbers are mostly below it; of 600 random addresses one has no part above
_DOCUMENTATION = tuple(ipaddress.ip_network(net) for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"))
_DOCUMENTATION_6 = tuple(ipaddress.ip_network(net) for net in ("2001:db8::/32", "3fff::/20"))
# IANA's registries of special-purpose addresses; named here so that every Python says the same.
_SPECIAL = tuple(
    ipaddress.ip_network(net)
    for net in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3"),
    )
)
_SPECIAL_6 = tuple(
    ipaddress.ip_network(net)
    for net in ("::/16", "64:ff9b::/96", "100::/64", "2001::/23", "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8")
)


def ipv4(text: bytes, start: int, end: int, *, private: bool) -> Hit | None:
    """The IPv4 address `text[start:end]`, four parts of digits, or None.

    Not addresses are: numbers after words like "version" and "section", parts of names and paths (`Chrome/1.2.3.4`,
    `jquery-1.2.3.4`), parts with leading zeros, and numbers with low parts only, unless the text before speaks of
    addresses. Networks that nobody owns are left out, and so are private ones unless `private` is set.
    """
    found = _quad(text[start:end])
    if found is None or found in _documentation() or not (private or _is_public(found)):
        return None
    before = text[max(0, start - 2) : start]
    after = text[end : end + 2]
    if before[-1:] in (b"-", b"_", b".") or (
        before[-1:] in (b"/", b"\\") and before[:1] not in (b"/", b"\\", b" ", b"")
    ):
        return None
    if before[-1:].isalnum() or (after[:1] in (b"-", b"+") and after[1:].isalnum() and not after[1:].isdigit()):
        return None
    if after[:1] == b"." and after[1:].isdigit():
        return None
    if says(text, start, _VERSION, 24):
        return None
    low = all(part < _LOW for part in found.packed)
    if low and not (says(text, start, _ADDRESS, 40) or re.match(rb":\d{2,5}\b|/\d\d?\b", text[end : end + 7])):
        return None
    return Hit(start, end, "ip", str(found).encode(), "ipv4")


def ipv6(text: bytes, start: int, end: int, *, private: bool) -> Hit | None:
    """The IPv6 address `text[start:end]`, or None; shortened ones must lie in the networks that are given out."""
    try:
        found = ipaddress.IPv6Address(text[start:end].decode("ascii"))
    except ValueError:
        return None
    if any(found in net for net in _DOCUMENTATION_6):
        return None
    if any(found in net for net in _SPECIAL_6) and not (private and found.packed[0] >= 0xFC):
        return None
    if b"::" in text[start:end] and not (found.packed[0] >> 5 == 1 or (private and found.packed[0] >= 0xFC)):
        return None  # outside 2000::/3 a short one is more often code, like x[1::2]
    return Hit(start, end, "ip", str(found).encode(), "ipv6")


_USERINFO = re.compile(rb"[^\s/@<>\"':]{1,64}:[^\s/@<>\"']{1,128}")
_HOST = re.compile(rb"@(?:[A-Za-z0-9\x80-\xff][A-Za-z0-9.\x80-\xff-]*|\[[0-9A-Fa-f:.]+\])")
_SHOWN = re.compile(rb"(?i)[\[{$*]|%[sd(]|^(?:user(?:name)?|name|login):(?:pass(?:word|wd)?|pw|secret|token)$|x{3,}")


def credentials(text: bytes, start: int, end: int) -> Hit | None:
    """The user name and password `text[start:end]` before an `@`, or None where they stand for any (`user:pass`)."""
    value = text[start:end]
    if _USERINFO.fullmatch(value) is None or _HOST.match(text, end, end + 260) is None or _SHOWN.search(value):
        return None
    return Hit(start, end, "credentials", value)


def _quad(text: bytes) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(text.decode("ascii"))
    except ValueError:
        return None


class _Networks:
    """Membership in any of some networks."""

    def __init__(self, nets: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> None:
        self.ranges = [(int(net.network_address), int(net.broadcast_address)) for net in nets]

    def __contains__(self, found: ipaddress.IPv4Address) -> bool:
        return any(low <= int(found) <= high for low, high in self.ranges)


@cache
def _documentation() -> _Networks:
    return _Networks(_DOCUMENTATION)


@cache
def _special() -> _Networks:
    return _Networks(_SPECIAL)


def _is_public(found: ipaddress.IPv4Address) -> bool:
    return found not in _special()
