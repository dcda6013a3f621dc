"""What `kernels/url.py` does, slowly and obviously."""

import re

from corpusmill.urls import TRACKING

SCHEME = re.compile(r"[A-Za-z0-9+.-]+://|//")
BLANKS = "".join(map(chr, range(33)))


def canonical(url: str) -> str:
    """Repeat one pass until nothing changes."""
    while (shorter := tidy(url)) != url:
        url = shorter
    return url


def tidy(url: str) -> str:
    url = url.partition("#")[0].strip(BLANKS)
    while found := SCHEME.match(url):
        url = url[found.end() :]
    host, rest = split(url, "/?")
    host = ascii_lower(host.rpartition("@")[2])
    port = re.search(r":[0-9]*\Z", host)
    name = host[: port.start()] if port else host
    name = name.rstrip(".")
    while name.startswith("www.") and "." in name[4:]:
        name = name[4:]
    if port and port[0] not in (":", ":80", ":443"):
        name += port[0]
    path, query = split(rest, "?")
    kept = [item for item in query[1:].split("&") if item and not is_tracking(item)]
    return name + path.rstrip("/") + ("?" + "&".join(kept) if kept else "")


def split(text: str, marks: str) -> tuple[str, str]:
    at = next((i for i, character in enumerate(text) if character in marks), len(text))
    return text[:at], text[at:]


def is_tracking(item: str) -> bool:
    name = ascii_lower(item.partition("=")[0])
    starts = tuple(known for known in TRACKING if known.endswith("_"))
    return name in TRACKING or name.startswith(starts)


def ascii_lower(text: str) -> str:
    return "".join(c.lower() if "A" <= c <= "Z" else c for c in text)
