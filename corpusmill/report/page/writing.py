"""Text of the page: everything is escaped here, and what could deceive the reader is shown as a code point."""

import html
import re
from collections.abc import Callable

from corpusmill.report.page.sections import Bytes, Cell, Name, Share
from corpusmill.report.progress import megabytes

LONGEST_CELL = 300  # code points of a cell, heading or address
LONGEST_PASSAGE = 6000  # code points of a text to read
# Controls but tab and line feed; bidi controls; characters without ink, but for the joiners that many scripts are
# spelled with (U+200C, U+200D); surrogates; tags; what is no character (Unicode 17, DerivedCoreProperties and Cc).
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    + "".join(f"{chr(p + 0xFFFE)}{chr(p + 0xFFFF)}" for p in range(0x10000, 0x110000, 0x10000))
    + "]"
)
_BOUND = re.compile(r"[<>]=?(-?[0-9.]+(?:e[-+]?[0-9]+)?)$")  # as `spec.number` writes it


def visible(text: str) -> str:
    """The text with control, bidi and other unseen characters as `⟨U+202E⟩`; lone surrogates and non-characters too.

    What stays is valid in UTF-8 and in HTML, and reads in the order in which it is written.
    """
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def short(text: str, longest: int = LONGEST_CELL) -> str:
    """The text, or its beginning and how much more there is of it."""
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text) - longest:,} more characters)"


def escaped(text: str, longest: int = LONGEST_CELL) -> str:
    """Text ready for HTML, in elements and in quoted attributes."""
    return html.escape(visible(short(text, longest)))


def figure(value: Cell) -> str:
    """A value as people read it, not escaped: thousands separators, four significant digits, decimal units."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return decimal(value)
        case Share():
            return percent(value.value)
        case Bytes():
            return "" if value.value is None else megabytes(value.value)
        case Name():
            return value.text
        case str():
            return value


def decimal(value: float) -> str:
    """Four significant digits at most, never an exponent where people would not write one."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) >= 1e-4 else f"{value:.2e}"


def beside(value: float, *ends: float | None, form: Callable[[float], str] = decimal) -> str:
    """A value next to bounds: with as many more digits as it takes not to read like one that it is not.

    Args:
        value: of a signal.
        ends: of its bounds; None for an open one.
        form: how it is written where that is clear.
    """
    others = [end for end in ends if end is not None and end != value]
    first = form(value)
    finer = (text for digits in range(5, 17) if len(text := f"{value:.{digits}g}") > len(first))
    return next((text for text in (first, *finer) if float(text.replace(",", "")) not in others), repr(value))


def against(value: float, reason: str, form: Callable[[float], str] = decimal) -> str:
    """A value next to the bound that a reason names, e.g. `c4.sentences<3`; any other reason bounds nothing."""
    found = _BOUND.search(reason)
    return beside(value, float(found[1]) if found else None, form=form)


def bounded(value: float | None, reason: str) -> Cell:
    """The same as a cell: the number itself where it reads well as one."""
    told = None if value is None else against(value, reason)
    return value if value is None or told == decimal(value) else told


def percent(share: float | None) -> str:
    """A share as a percentage: one decimal, more where it would read as nothing or all."""
    if share is None:
        return ""
    if share in (0.0, 1.0) or 0.00095 <= abs(share) <= 0.9995:
        return f"{share:.1%}"
    return f"{share:.2%}" if abs(share) >= 0.00005 else f"{100 * share:.2g}%"
