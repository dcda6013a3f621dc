"""E-mail addresses: which bytes around an `@` are one."""

import re
from functools import cache
from importlib import resources as packages

from corpusmill.redact.hits import Hit

_LONGEST_LOCAL, _LONGEST_DOMAIN = 64, 253  # characters, RFC 5321
_LABEL = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?")
_ASCII_START = re.compile(r"[A-Za-z]{2,}")
# Names that no one can own (RFC 2606, RFC 6761): what stands there is an example, or was written by an action.
_RESERVED = re.compile(r"(?:^|\.)(?:example\.(?:com|net|org|edu)|(?:example|test|invalid|localhost))$")
_WORD_DOT = rb"\s{0,2}(?:[\[(]\s{0,2}(?:dot|punkt|point|punto)\s{0,2}[\])]|\sdot\s)\s{0,2}"
_AFTER = re.compile(rb"\s{0,2}([A-Za-z0-9-]{1,63}(?:(?:\.|" + _WORD_DOT + rb")[A-Za-z0-9-]{1,63}){1,5})")
_BEFORE = re.compile(rb"([A-Za-z0-9](?:[A-Za-z0-9._+-]|" + _WORD_DOT + rb"){0,80})\s{0,2}$")
_DOT = re.compile(_WORD_DOT)
_SSH_USERS = ("git", "svn", "hg", "ssh", "cvs")
# Scripts that are written without spaces: a Latin address that follows them has no space before it either.
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


@cache
def top_level_domains() -> frozenset[str]:
    """The names of the root zone in ASCII form."""
    text = packages.files("corpusmill.redact").joinpath("tlds.txt").read_text(encoding="ascii")
    return frozenset(line for line in text.splitlines() if line and not line.startswith("#"))


def address(text: bytes, start: int, end: int) -> Hit | None:
    """The address in the candidate `text[start:end]`, which holds one `@`, or None.

    No addresses are: what names a path (`git@host:path`), versions (`user@1.2.3`), package scopes and handles
    (`@bob@host`, kept out by the kernel), calls (`x@module.to(...)`), and names that are reserved for examples.
    """
    window = text[start:end]
    at = window.index(b"@")
    local = _local(_decode_tail(window[:at]))
    if local is None:
        return None
    domain = _domain(_decode_head(window[at + 1 :]))
    if domain is None or _RESERVED.search(domain.lower()):
        return None
    begin = start + at - len(local.encode())
    stop = start + at + 1 + len(domain.encode())
    after = text[stop : stop + 2]
    if after[:1] in (b"(", b"[", b"@") or (after[:1] == b":" and _names_path(local, text, stop)):
        return None
    if text[max(0, begin - 1) : begin] in (b"@", b"/"):
        return None
    return Hit(begin, stop, "email", f"{local}@{domain}".casefold().encode())


def written_out(text: bytes, start: int, end: int) -> Hit | None:
    """The address whose `@` is written `[at]` or `(at)` at `text[start:end]`, or None.

    Its dots may be written out too: `name [at] host [dot] tld`.
    """
    after = _AFTER.match(text, end, end + 200)
    before = _BEFORE.search(text[max(0, start - 100) : start])
    if after is None or before is None:
        return None
    # A sentence may go on after the domain, and before the name, with words that the pattern took for parts of it.
    domain = _domain(_DOT.sub(b".", after[1]).decode())
    if domain is None or _RESERVED.search(domain.lower()):
        return None
    local = _DOT.sub(b".", before[1]).decode()
    stop = after.start(1)
    parts = domain.count(".") + 1
    for part in re.finditer(rb"[A-Za-z0-9-]{1,63}(?:\.|" + _WORD_DOT + rb")?", after[1]):
        parts -= 1
        stop = after.start(1) + part.end()
        if parts == 0:
            last = domain.rsplit(".", 1)[-1]
            stop = after.start(1) + part.start() + len(last)
            break
    begin = max(0, start - 100) + before.start(1)
    return Hit(begin, stop, "email", f"{local}@{domain}".casefold().encode())


def _names_path(local: str, text: bytes, at: int) -> bool:
    """Tell whether the colon at `at` begins a path on the host, as in `git@host:group/project`."""
    if local.lower() in _SSH_USERS:
        return True
    path = re.compile(rb":[~\w.-]{0,64}/").match(text, at)
    return path is not None and path[0][1:2] != b"/"


def _local(text: str) -> str | None:
    """The end of `text` that can be a local part."""
    found = len(text)
    while found and (text[found - 1].isalnum() or text[found - 1] in "._%+-'"):
        found -= 1
    text = text[found:]
    if text.isascii():
        cut = text.lstrip(".'-%")
    else:
        places = [match.end() for match in _UNSPACED.finditer(text)]
        latin = text[places[-1] :] if places else text
        cut = (latin or text).lstrip(".'-%")
    if cut.endswith(".") or ".." in cut or not any(char.isalnum() for char in cut):
        return None
    return cut if len(cut) <= _LONGEST_LOCAL else None


def _domain(text: str) -> str | None:
    """The longest beginning of `text` that is a domain with a known top-level domain."""
    labels = []
    for label in text.split("."):
        found = _LABEL.match(label)
        if found is None:
            break
        labels.append(found[0])
        if found[0] != label:
            break
    for count in range(len(labels), 1, -1):
        for last in _last_labels(labels[count - 1]):
            if _is_top_level(last):
                domain = ".".join([*labels[: count - 1], last])
                return domain if len(domain) <= _LONGEST_DOMAIN else None
    return None


def _last_labels(label: str) -> list[str]:
    """A label, and its ASCII beginning where other letters follow it without a space."""
    start = None if label.isascii() else _ASCII_START.match(label)
    return [label] if start is None else [label, start[0]]


@cache
def _is_top_level(label: str) -> bool:
    try:
        name = label if label.isascii() else label.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    return name.lower() in top_level_domains()


def _decode_tail(part: bytes) -> str:
    """Decode the end of a text, whose first character may be cut."""
    while part and part[0] & 0xC0 == 0x80:
        part = part[1:]
    return part.decode()


def _decode_head(part: bytes) -> str:
    """Decode the beginning of a text, whose last character may be cut."""
    return part.decode(errors="ignore")
