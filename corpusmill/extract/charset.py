"""From the bytes of a page to its characters, as browsers do it (WHATWG HTML, "determining the character encoding")."""

import codecs
import re

from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

# The standard's decoders for these labels read more than Python's codecs of the same name (Encoding, section 4.2).
WIDER = {"gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"}

HEAD = 8192  # bytes searched for <meta>: the standard looks at 1,024 first, and later ones still count when met
META = re.compile(rb"""<meta\s[^>]*?charset\s*=\s*["']?\s*([A-Za-z0-9:_.-]+)""", re.IGNORECASE)
COMMENT = re.compile(rb"<!--.*?(-->|$)", re.DOTALL)
REPLACEMENT = "\ufffd"


def decode(html: bytes, header: str | None) -> str:
    """The characters of a page; what cannot be decoded becomes U+FFFD.

    A byte order mark comes first, then the HTTP header, then `<meta>`, then UTF-8 if the bytes are valid UTF-8, then
    detection. A declared encoding that turns more than half of the non-ASCII characters into U+FFFD is wrong, and
    the page is read as if it were not declared; single bad bytes (truncated pages) leave the declaration standing.

    Args:
        html: the page as it came, with Content-Encoding undone.
        header: `charset` of the HTTP Content-Type header, or None.
    """
    for mark, name in BOMS:
        if html.startswith(mark):
            return html[len(mark) :].decode(name, "replace")
    if html.isascii() and b"\x1b" not in html and b"\0" not in html:
        return html.decode("ascii")  # nothing to decide
    for declared in (_canonical(header), _canonical(_meta(html))):
        if declared is not None:
            text = html.decode(declared, "replace")
            if text.count(REPLACEMENT) * 2 <= len(text) - len(text.encode("ascii", "ignore")):
                return text
    return _undeclared(html)


def _undeclared(html: bytes) -> str:
    try:
        return html.decode("utf-8")
    except UnicodeDecodeError:
        name = detect_encoding(html) or "utf-8"
        return html.decode(WIDER.get(name, name), "replace")


def _canonical(label: str | None) -> str | None:
    """Python's name for an encoding label, or None if the standard does not know the label."""
    if not label:
        return None
    name = map_encoding_to_html5(label.strip(" \t\r\n\f\"'"), fallback_utf8=False)
    return None if name is None else WIDER.get(name, name)


def _meta(html: bytes) -> str | None:
    found = META.search(COMMENT.sub(b"", html[:HEAD]))
    if found is None:
        return None
    label = found[1].decode("ascii")
    return "utf-8" if label.lower().startswith("utf-16") else label  # a <meta> that can be read is not in UTF-16
