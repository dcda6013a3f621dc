"""HTTP responses as archives hold them: heads, transfer and content encodings, types, character sets."""

import re
import zlib
from functools import lru_cache
from io import BytesIO
from typing import NamedTuple

from corpusmill.errors import RecordError
from corpusmill.storage.archive import head_length, parse_fields

HEAD_LIMIT = 64 << 10  # bytes of an HTTP head
STATUS = re.compile(rb"\s*HTTP/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)")
CHUNK_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,12})[ \t]*(?:;[^\r\n]*)?\r?\n")
CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([A-Za-z0-9][A-Za-z0-9._:+-]{0,39})", re.IGNORECASE)
MARKUP = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<!--.*?-->|<\?xml[^>]*>)*<(?:!doctype\s+html|html|head|body|title|meta|script|div|p|h1|table)[\s>]",
    re.IGNORECASE | re.DOTALL,
)
HTML = frozenset({"text/html", "application/xhtml+xml", "application/vnd.wap.xhtml+xml"})


class TooLargeError(Exception):
    """A body that decodes to more than the limit."""


class Response(NamedTuple):
    """The head of an HTTP response, and its body still encoded."""

    status: int
    fields: dict[str, str]
    body: bytes


def parse_response(block: bytes) -> Response:
    """Split an HTTP response into status, fields and body.

    Raises:
        RecordError: if it does not begin with a status line.
    """
    match = STATUS.match(block[:200])
    if match is None:
        raise RecordError(f"expected an HTTP status line such as 'HTTP/1.1 200 OK', found {block[:60]!r}")
    block = block.lstrip() if block[:1].isspace() else block
    length = head_length(block[:HEAD_LIMIT])
    if length is None:  # a head without its blank line has no body
        length = len(block)
    return Response(int(match.group(1)), parse_fields(block[: min(length, HEAD_LIMIT)]), block[length:])


def decode_body(response: Response, limit: int) -> bytes:
    """Undo the transfer and content encodings that the head names, where the body really has them.

    Crawlers often store the decoded body under the old head, so each encoding is undone only if its mark is there.

    Raises:
        TooLargeError: if the result is longer than `limit` bytes.
        RecordError: if an encoding is named and present but damaged from its first bytes on, or is not known.
    """
    body = response.body
    if "chunked" in response.fields.get("transfer-encoding", "").lower():
        body = dechunk(body)
    names = [name.strip().lower() for name in response.fields.get("content-encoding", "").split(",")]
    for name in reversed(
        [name for name in names if name not in {"", "identity", "none", "utf-8", "binary", "8bit", "7bit"}]
    ):
        body = decompress(name, body, limit)
    if len(body) > limit:
        raise TooLargeError
    return body


def dechunk(body: bytes) -> bytes:
    """Join the chunks of a body (RFC 9112, 7.1); a body that is not chunked, or is from some byte on, is kept so."""
    parts: list[bytes] = []
    at = 0
    while match := CHUNK_SIZE.match(body, at):
        size = int(match.group(1), 16)
        at = match.end()
        if size == 0:
            return b"".join(parts)
        parts.append(body[at : at + size])
        at += size
        ending = body[at : at + 2]
        at += 2 if ending == b"\r\n" else 1 if ending[:1] == b"\n" else 0
    return b"".join([*parts, body[at:]])


def decompress(name: str, body: bytes, limit: int) -> bytes:
    """Undo one content encoding; what was readable before a damage is kept."""
    if name in {"gzip", "x-gzip"}:
        return inflate(body, 16 + zlib.MAX_WBITS, limit) if body[:2] == b"\x1f\x8b" else body
    if name == "deflate":
        zlib_head = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
        return (
            inflate(body, zlib.MAX_WBITS if zlib_head else -zlib.MAX_WBITS, limit) if not MARKUP.match(body) else body
        )
    if name in {"br", "zstd"}:
        return body if MARKUP.match(body[:4096]) else _fastwarc_decode(name, body, limit)
    raise RecordError(f"Content-Encoding {name!r} is not known; expected gzip, deflate, br or zstd")


def inflate(body: bytes, wbits: int, limit: int) -> bytes:
    """Inflate up to `limit` bytes and one; members in a row are joined."""
    out = b""
    while body and len(out) <= limit:
        decoder = zlib.decompressobj(wbits)
        try:
            out += decoder.decompress(body, limit + 1 - len(out))
        except zlib.error as error:
            return _readable(body, wbits, out, limit, error)
        body = decoder.unused_data if decoder.eof and decoder.unused_data[:2] == b"\x1f\x8b" else b""
    if len(out) > limit:
        raise TooLargeError
    return out


def _readable(body: bytes, wbits: int, out: bytes, limit: int, error: zlib.error) -> bytes:
    """What a damaged body gives before the damage, found by inflating it again in small steps."""
    decoder = zlib.decompressobj(wbits)
    parts = [out]
    size = len(out)
    try:
        for at in range(0, len(body), 64):
            parts.append(decoder.decompress(body[at : at + 64], limit + 1))
            size += len(parts[-1])
            if size > limit:
                raise TooLargeError
    except zlib.error:
        pass
    if not size:
        raise RecordError(f"Content-Encoding cannot be undone: {error}") from error
    return b"".join(parts)


def _fastwarc_decode(name: str, body: bytes, limit: int) -> bytes:
    from fastwarc import stream_io

    reader = (stream_io.BrotliReader if name == "br" else stream_io.ZstdReader)(BytesIO(body))
    parts: list[bytes] = []
    size = 0
    try:
        while piece := reader.read(1 << 16):
            parts.append(piece)
            size += len(piece)
            if size > limit:
                raise TooLargeError
    except OSError as error:
        if not size:
            raise RecordError(f"Content-Encoding {name} cannot be undone: {error}") from error
    return b"".join(parts)


@lru_cache(4096)
def media_type(value: str) -> str:
    """The type of a Content-Type value in lower case, without parameters, fit for a reason: at most 60 characters."""
    name = re.split("[;,]", value, maxsplit=1)[0].strip().lower()
    return "".join(char for char in name if char.isascii() and char.isprintable() and char != " ")[:60]


def charset(value: str) -> str | None:
    """The character set that a Content-Type value claims, in lower case, or None."""
    match = CHARSET.search(value)
    return match.group(1).lower() if match else None


def is_markup(body: bytes) -> bool:
    """True if a body that came without a type begins as HTML pages do."""
    return bool(MARKUP.match(body[:4096]))
