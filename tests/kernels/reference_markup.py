"""The slow, obvious twin of `kernels.markup`."""

import re

FLAT = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "param",
    "source",
    "track",
    "wbr",
    "p",
    "li",
    "dt",
    "dd",
    "td",
    "th",
    "tr",
    "tbody",
    "thead",
    "tfoot",
    "colgroup",
    "caption",
    "option",
    "optgroup",
    "rp",
    "rt",
    "html",
    "head",
    "body",
}
OPENING = re.compile(rb"<(?:(!--)|(/?)(?=[A-Za-z]))")
NAME = re.compile(rb"[^\x00-\x20/>]*")


def burden(page: bytes) -> tuple[int, int]:
    """Tags and nesting of one page."""
    tags = total = depth = at = 0
    while found := OPENING.search(page, at):
        if found[1]:
            end = page.find(b"-->", found.end())
            at = len(page) if end < 0 else end + 3
            continue
        name = NAME.match(page, found.end())[0].lower()
        count, at = attributes(page, found.end() + len(name))
        tags += 1
        total += depth + sum(range(count))
        flat = name.decode("latin-1") in FLAT
        if found[2]:
            depth = depth if flat else max(depth - 1, 0)
        elif name in (b"script", b"style"):
            closing = re.compile(rb"(?=</" + name + rb"(?:[\x00-\x20/>]|\Z))", re.IGNORECASE).search(page, at)
            at = closing.start() if closing else len(page)
        elif not flat:
            depth += 1
    return tags, total


def attributes(page: bytes, at: int) -> tuple[int, int]:
    """How many words that follow a space a tag has outside quotes, and where the tag ends."""
    count, quote = 0, b""
    while at < len(page):
        byte, before = page[at : at + 1], page[at - 1 : at]
        if quote:
            quote = b"" if byte == quote else quote
        elif byte == b">":
            return count, at + 1
        elif byte in (b"'", b'"') and before == b"=":
            quote = byte
        elif byte > b" " and before <= b" ":
            count += 1
        at += 1
    return count, at
