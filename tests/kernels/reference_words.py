"""Slow, plain twins of the word kernels."""

import itertools

from corpusmill.kernels import unicode

IGNORED = {unicode.EXTEND, unicode.FORMAT, unicode.ZWJ}
LETTERS = {unicode.ALETTER, unicode.HEBREW_LETTER}
ENDS = {unicode.CR, unicode.LF, unicode.NEWLINE}
MID_LETTER = {unicode.MIDLETTER, unicode.MIDNUMLET, unicode.SINGLE_QUOTE}
MID_NUMBER = {unicode.MIDNUM, unicode.MIDNUMLET, unicode.SINGLE_QUOTE}

# One character or more of every Word_Break class, and of each length in UTF-8.
SAMPLES = "ab1 2.,:;'\"_-#@\n\r\x0b\x00\x1c\x85\xa0\xadéß½²ァー漢字ทไא״׳١٫\u0301\u200d\u2028\u202f\u3000…“”•☺🇦🇧🇨👩🏽❤️𝔸𝟙\U000e0001"


def boundaries(text: str) -> list[int]:
    """The places between characters, ends included, where UAX #29 has a word boundary, place by place."""
    if not text:
        return [0]
    classes = [int(unicode.tables().word_break[ord(c)]) for c in text]
    return [0, *(i for i in range(1, len(text)) if _breaks(text, classes, i)), len(text)]


def _before(classes: list[int], i: int) -> int:
    """The place of the last character before `i` that is not ignored (a run that nothing leads is itself)."""
    at = i - 1
    while at > 0 and classes[at] in IGNORED and classes[at - 1] not in ENDS:
        at -= 1
    return at


def _breaks(text: str, classes: list[int], i: int) -> bool:
    raw, kind = classes[i - 1], classes[i]
    if raw in ENDS or kind in ENDS:
        return not (raw == unicode.CR and kind == unicode.LF)
    if raw == unicode.ZWJ and unicode.tables().kinds[ord(text[i])] & unicode.PICTOGRAPH:
        return False
    if raw == kind == unicode.WSEGSPACE or kind in IGNORED:
        return False
    place = _before(classes, i)
    left = classes[place]
    earlier = classes[_before(classes, place)] if place else None
    after = next((c for c in classes[i + 1 :] if c not in IGNORED), None)
    return not _joined(earlier, left, kind, after) and not _pair(classes, place, kind)


def _joined(earlier: int | None, left: int, kind: int, after: int | None) -> bool:
    numeric, hebrew, quote = unicode.NUMERIC, unicode.HEBREW_LETTER, unicode.DOUBLE_QUOTE
    katakana, extend = unicode.KATAKANA, unicode.EXTENDNUMLET
    both = LETTERS | {numeric}
    rules = (
        left in both and kind in both,
        left in LETTERS and kind in MID_LETTER and after in LETTERS,
        earlier in LETTERS and left in MID_LETTER and kind in LETTERS,
        left == hebrew and kind == unicode.SINGLE_QUOTE,
        left == hebrew and kind == quote and after == hebrew,
        earlier == hebrew and left == quote and kind == hebrew,
        earlier == numeric and left in MID_NUMBER and kind == numeric,
        left == numeric and kind in MID_NUMBER and after == numeric,
        left == katakana and kind == katakana,
        left in both | {katakana, extend} and kind == extend,
        left == extend and kind in both | {katakana},
    )
    return any(rules)


def _pair(classes: list[int], place: int, kind: int) -> bool:
    """Whether a regional indicator follows an odd number of them."""
    run, at = 0, place
    while classes[at] == unicode.REGIONAL_INDICATOR:
        run += 1
        if at == 0:
            break
        at = _before(classes, at)
    return kind == unicode.REGIONAL_INDICATOR and run % 2 == 1


def uax29_words(text: str) -> list[str]:
    """The segments between boundaries that hold a letter or a number."""
    places = boundaries(text)
    kinds = unicode.tables().kinds
    segments = [text[i:j] for i, j in itertools.pairwise(places)]
    return [s for s in segments if any(kinds[ord(c)] & (unicode.LETTER | unicode.NUMBER) for c in s)]
