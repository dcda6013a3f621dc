"""Records of web archives: what becomes a page or a document, what is rejected, dead, or no page at all."""

from corpusmill.documents import make_id
from corpusmill.errors import RecordError
from corpusmill.storage import responses
from corpusmill.storage.archive import Record
from corpusmill.storage.read import Batcher, parse_date

SKIPPED = frozenset({"warcinfo", "request", "metadata"})
PAGES = frozenset({"response", "resource", "revisit", "conversion", "continuation"})


def take_page(record: Record, source: str, limit: int, out: Batcher) -> None:
    """Put one record where it belongs: a page, a rejected or dead page record, or a record that is no page."""
    if _set_aside(record, out, frozenset({"response", "resource"})):
        return
    url, name = _url(record), _name(record)
    try:
        kind, charset, body = _page(record, limit)
    except _RejectedError as rejected:
        out.reject(name, url, record.offset, f"read.{rejected}")
    except responses.TooLargeError:
        out.reject(name, url, record.offset, f"read.bytes>{limit}")
    except RecordError as error:
        out.die(name, url, record.offset, f"{type(error).__name__}: {error}", record.body)
    else:
        if kind not in responses.HTML:
            out.reject(name, url, record.offset, f"read.content_type={kind or 'unknown'}")
        elif not body:
            out.reject(name, url, record.offset, "read.bytes<1")
        else:
            out.row(
                id=name,
                html=body,
                charset=charset,
                url=url,
                source=source,
                date=_date(record),
                file=out.file,
                offset=record.offset,
            )


def take_text(record: Record, source: str, limit: int, out: Batcher) -> None:
    """Put one record of a WET archive where it belongs."""
    if _set_aside(record, out, frozenset({"conversion"})):
        return
    url, name = _url(record), _name(record)
    kind = responses.media_type(record.fields.get("content-type", "text/plain"))
    if kind != "text/plain":
        out.reject(name, url, record.offset, f"read.content_type={kind or 'unknown'}")
    elif record.length > limit:
        out.reject(name, url, record.offset, f"read.bytes>{limit}")
    elif not record.body:
        out.reject(name, url, record.offset, "read.bytes<1")
    else:
        try:
            text = record.body.decode()
        except UnicodeDecodeError as error:
            out.die(name, url, record.offset, f"UnicodeDecodeError: {error}", record.body)
            return
        out.row(id=name, text=text, url=url, source=source, date=_date(record), file=out.file, offset=record.offset)


class _RejectedError(Exception):
    """A page record that is not used; says why."""


def _set_aside(record: Record, out: Batcher, wanted: frozenset[str]) -> bool:
    """Deal with records that are no pages (skipped) or pages of another kind (rejected)."""
    if record.kind == "":
        error = "RecordError: expected a WARC-Type, found none"
        out.die(_name(record), _url(record), record.offset, error, record.body)
    elif record.kind in SKIPPED or record.kind not in PAGES:
        out.skip(record.kind if record.kind in SKIPPED else "unknown")
    elif record.kind in {"response", "resource"} and (_url(record) or "").lower().startswith("dns:"):
        out.skip("dns")
    elif record.kind not in wanted:
        out.reject(_name(record), _url(record), record.offset, f"read.record_type={record.kind}")
    else:
        return False
    return True


def _page(record: Record, limit: int) -> tuple[str, str | None, bytes]:
    """Media type, claimed charset and decoded body of a response or resource."""
    declared = record.fields.get("content-type", "")
    is_http = record.kind == "response" and (
        "application/http" in declared.lower() or responses.STATUS.match(record.body[:200]) is not None
    )
    if not is_http:
        if record.length > limit:
            raise responses.TooLargeError
        return _kind(declared, record, record.body), responses.charset(declared), record.body
    if not record.body:
        raise _RejectedError("bytes<1")
    response = responses.parse_response(record.body)
    if response.status != 200:
        raise _RejectedError(f"status={response.status}")
    value = response.fields.get("content-type", "")
    if value and responses.media_type(value) not in responses.HTML:
        raise _RejectedError(f"content_type={responses.media_type(value) or 'unknown'}")
    if record.length > len(record.body):
        raise responses.TooLargeError
    body = responses.decode_body(response, limit)
    return _kind(value, record, body), responses.charset(value), body


def _kind(value: str, record: Record, body: bytes) -> str:
    """The media type as declared, else as the crawler identified it, else as the body looks."""
    kind = responses.media_type(value) or responses.media_type(record.fields.get("warc-identified-payload-type", ""))
    return kind or ("text/html" if responses.is_markup(body) else "")


def _url(record: Record) -> str | None:
    """The record's address; some writers put it in angle brackets."""
    url = record.fields.get("warc-target-uri", "").strip()
    url = url[1:-1] if url.startswith("<") and url.endswith(">") else url
    return url or None


def _name(record: Record) -> str:
    """The document's id: WARC-Record-ID without its wrapping, else a hash of address, date and payload."""
    found = record.fields.get("warc-record-id", "").strip().strip("<>").strip().removeprefix("urn:uuid:")
    return found or make_id(_url(record), record.fields.get("warc-date"), record.body)


def _date(record: Record) -> int | None:
    return parse_date(record.fields.get("warc-date", ""))
