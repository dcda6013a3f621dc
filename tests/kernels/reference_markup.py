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
BREAKOUT = {
    "b",
    "big",
    "body",
    "br",
    "center",
    "code",
    "dd",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "hr",
    "i",
    "img",
    "li",
    "listing",
    "menu",
    "meta",
    "nobr",
    "ol",
    "p",
    "pre",
    "ruby",
    "s",
    "small",
    "span",
    "strong",
    "strike",
    "sub",
    "sup",
    "table",
    "tt",
    "u",
    "ul",
    "var",
    "desc",
    "title",
}
OPENING = re.compile(rb"<(?:(!--)|(/?)(?=[A-Za-z]))")
NAME = re.compile(rb"[^\x00-\x20/>]*")


def burden(page: bytes) -> tuple[int, int]:
    """Tags and nesting of one page."""
    tags = total = depth = at = 0
    foreign = False
    while found := OPENING.search(page, at):
        if found[1]:
            end = page.find(b"-->", found.end())
            at = len(page) if end < 0 else end + 3
            continue
        name = NAME.match(page, found.end())[0].lower()
        count, at = attributes(page, found.end() + len(name))
        tags += 1
        total += depth + sum(range(count))
        known = name.decode("latin-1")
        flat = known in FLAT or (foreign and page[:at].endswith((b"/>", b"/" + page[at - 1 : at])))
        if found[2]:
            depth = depth if flat else max(depth - 1, 0)
            foreign = foreign and known not in {"svg", "math"}
        elif name in (b"script", b"style"):
            closing = re.compile(rb"(?=</" + name + rb"(?:[\x00-\x20/>]|\Z))", re.IGNORECASE).search(page, at)
            at = closing.start() if closing else len(page)
        else:
            depth += not flat
            stays = len(name) <= 8 and known not in BREAKOUT
            foreign = (foreign or known in {"svg", "math"}) and stays
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
