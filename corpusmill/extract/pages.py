"""What every extractor does around its library: which pages to parse, how to clean the text, what to report."""

import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from corpusmill.signals import Measured, judge

if TYPE_CHECKING:  # a recipe can be read and planned without the kernels
    from corpusmill.view import View

MAX_TITLE = 1000  # code points; longer ones are broken pages

LINE_END = re.compile(r"\r\n?|[\u2028\u2029\x85]")
CONTROL_BYTES = bytes([*range(0x09), 0x0B, *range(0x0E, 0x20), 0x7F])
CONTROLS = re.compile(f"[{re.escape(CONTROL_BYTES.decode())}]")
# Controls, surrogates, soft hyphens and byte order marks say nothing and break tokenization and JSON readers.
NOISE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\ufeff\ud800-\udfff]")
TRAILING = re.compile(r"[^\S\n]+$", re.MULTILINE)
BLANK_LINES = re.compile(r"\n{3,}")


class Page(NamedTuple):
    """What a library found in a page: raw text and title, "" where there is none."""

    text: str
    title: str


def measure_pages(
    view: "View", step: Any, parse: Callable[[str], Page], failures: tuple[type[Exception], ...]
) -> Measured:
    """Give every page its text and title.

    Pages whose `html_bytes`, `tags` or `nesting` lie outside their bounds are not parsed: such a page would cost
    seconds or gigabytes. Counting is done on the bytes, so that the verdict does not depend on the machine.

    Args:
        view: N pages, of `documents.PAGE_SCHEMA`.
        step: the extractor's spec, with the limits `html_bytes`, `tags`, `nesting` and `characters`.
        parse: called with the characters of one page.
        failures: what `parse` raises for pages that its library cannot take; these become dead letters.
    """
    from corpusmill.kernels import buffers, markup

    offsets, data = buffers.text(view.column("html"))
    tags, nesting = markup.burden(offsets, data)
    signals = {"html_bytes": np.diff(offsets), "tags": tags, "nesting": nesting}
    safe = judge(step, signals | {"characters": np.full(len(view), np.nan)}).codes < 0
    pages, charsets = view.column("html"), view.column("charset")
    found, failed = [Page("", "")] * len(view), {}
    for row in np.flatnonzero(safe).tolist():
        try:
            page = parse(characters(pages[row].as_py(), charsets[row].as_py()))
        except failures as error:
            failed[row] = f"{type(error).__name__}: {error}"
        else:
            found[row] = Page(clean(page.text), clean_title(page.title))
    columns = {
        "text": pa.array([page.text for page in found], pa.string()),
        "title": pa.array([page.title for page in found], pa.string()),
    }
    signals["characters"] = np.array([len(page.text) for page in found], np.int64)
    return Measured(signals, columns, failed=failed)


def characters(html: bytes, header: str | None) -> str:
    """The decoded page without control characters, which parsers replace or refuse."""
    from corpusmill.extract.charset import decode

    text = decode(html, header)
    some = len(html.translate(None, CONTROL_BYTES)) < len(html)  # five times as fast as looking in the text
    return CONTROLS.sub("", text) if some else text


def clean(text: str) -> str:
    r"""Text in its one canonical form.

    Unicode NFC; lines end with "\n" and without trailing space; at most one blank line in a row; no control
    characters but tab and newline, no surrogates, no soft hyphens, no byte order marks.
    """
    text = NOISE.sub("", LINE_END.sub("\n", text))
    text = unicodedata.normalize("NFC", text)
    return BLANK_LINES.sub("\n\n", TRAILING.sub("", text)).strip()


def clean_title(title: str) -> str:
    """The title on one line, cleaned like text, cut to `MAX_TITLE` code points."""
    return " ".join(clean(title).split())[:MAX_TITLE].rstrip()
