"""Payment cards (ISO/IEC 7812), IBANs (ISO 13616) and addresses of crypto currencies."""

import re
from collections.abc import Iterator

from corpusmill.redact.checksums import base58check, bech32, luhn, mod97
from corpusmill.redact.hits import Hit, says

_CARD = re.compile(
    rb"\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?(?![\d])|\d{4}([ -])\d{6}\2\d{4,5}(?!\d)|\d{12,19}(?!\d)"
)
# Issuer identification numbers with the lengths that they are issued in.
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-5]|[689]\d)\d{11}(?:\d{2})?"  # Diners Club
    r"|6(?:011|4[4-9]\d|5\d\d)\d{12}(?:\d{3})?"  # Discover
    r"|35(?:2[89]|[3-8]\d)\d{12}(?:\d{3})?|(?:1800|2131)\d{11}"  # JCB
    r"|62\d{14,17}|81\d{14}"  # UnionPay
    r"|(?:50(?:18|20|38)|5[6-8]\d\d|6304|6390|67\d\d|0604)\d{8,15}"  # Maestro
    r"|220[0-4]\d{12}|9792\d{12}|6(?:0|52[12]|08)\d{14}"  # Mir, Troy, RuPay
)
_CARD_WORDS = re.compile(
    rb"\b(?:cards?|credit|debit|visa|master ?card|amex|american express|discover|diners|jcb|maestro|cc|ccn|pan|"
    rb"payment|kreditkarte|karte|carte|tarjeta|carta)\b"
)
_MADE_UP = re.compile(r"35\d{14}")  # beginnings that no issuer has, but that people write down as cards
_USUAL = (14, 15, 16)  # digits; of other lengths a card needs a word like "card" before it

# Lengths by country, as SWIFT's registry of IBANs gives them.
_IBAN_LENGTHS = {
    country: int(size)
    for size, countries in {
        "15": "NO",
        "16": "BE",
        "18": "DK FO FI GL NL FK SD",
        "19": "MK SI",
        "20": "AT BA EE KZ XK LT LU MN",
        "21": "HR LV LI CH",
        "22": "BH BG CR GE DE IE ME RS GB VA",
        "23": "TL GI IQ IL OM SO AE",
        "24": "AD CZ MD PK RO SA SK ES SE TN VG DZ",
        "25": "AO CV GW LY MZ PT ST",
        "26": "IS TR",
        "27": "BF BJ BI CM CF CG FR GR IT MC MR SM SN CI DJ KM GA GQ MG ML TD TG MA NE",
        "28": "AL AZ BY CY DO EG GT HU LB NI PL SV HN",
        "29": "BR PS QA UA",
        "30": "JO KW MU YE",
        "31": "MT SC",
        "32": "LC",
        "33": "RU",
    }.items()
    for country in countries.split()
}
_IBAN = re.compile(rb"[A-Za-z]{2}\d{2}(?:[A-Za-z0-9]{11,31}|(?:([ -])[A-Za-z0-9]{4}){2,7}(?:\1[A-Za-z0-9]{1,4})?)")
_LOOSE_IBAN = re.compile(rb"[A-Za-z]{2}\d{2}[ -]?[A-Z0-9]{8,30}(?![A-Za-z0-9])")
_IBAN_WORDS = re.compile(rb"\biban\b")
_ACCOUNT_WORDS = re.compile(rb"\b(?:accounts?|konto(?:nummer)?|kontonr|compte|cuenta|conto|bic|swift)\b")

_BITCOIN_LIKE = re.compile(rb"[13LMDAT9][1-9A-HJ-NP-Za-km-z]{25,34}")
_VERSIONS = frozenset({0x00, 0x05, 0x30, 0x32, 0x1E, 0x16, 0x41, 0x4C, 0x10})  # BTC, LTC, DOGE, TRX, DASH
_SEGWIT = re.compile(rb"(?i)(?:bc1|ltc1|tb1)[02-9ac-hj-np-z]{11,87}|(?:addr1|cosmos1|stake1)[02-9ac-hj-np-z]{38,120}")
_ETHEREUM = re.compile(rb"0[xX][0-9A-Fa-f]{40}")


def card(text: bytes, at: int, end: int) -> Hit | None:
    """The payment card whose digits begin at `at` and end by `end`, or None.

    It has the beginning and the length of an issuer and a right check digit (Luhn). Lengths that are rarely issued
    need a word before it, and after "card" the check digit may be wrong: such numbers are misread or made up.
    """
    found = _CARD.match(text, at, end)
    if found is None or in_decimal(text, at, found.end()):
        return None
    digits = re.sub(rb"\D", b"", found[0]).decode()
    issued = _ISSUERS.fullmatch(digits) is not None
    if not (issued or _MADE_UP.fullmatch(digits)) or len(set(digits)) < 2:
        return None
    right, bare = luhn(digits), found[0].isdigit()
    if not right and bare and len(digits) != 16:
        return None
    if not (right and issued and len(digits) in _USUAL) and not says(text, at, _CARD_WORDS):
        return None
    return Hit(at, found.end(), "credit_card", digits.encode())


def in_decimal(text: bytes, start: int, end: int) -> bool:
    """Tell whether the digits are a part of a number with a point or commas, like 3.5776792428178217."""
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    left = before[:1].isdigit() and before[1:] in (b".", b",")
    return left or (after[:1] in (b".", b",") and after[1:].isdigit())


def iban(text: bytes, start: int) -> Hit | None:
    """The IBAN that begins at `start`: compact or in groups of four, with its country's length and check (mod 97).

    After the word "IBAN" the length and the check may be wrong, after "account" the check.
    """
    found = _IBAN.match(text, start, start + 48) or _LOOSE_IBAN.match(text, start, start + 48)
    if found is None:
        return None
    size = _IBAN_LENGTHS.get(found[0][:2].decode().upper())
    compact, ends = _compact(found[0], start)
    if size is not None and len(compact) >= size and mod97(compact[:size]):
        end = ends[size - 1]
        if not text[end : end + 1].isalnum():
            return Hit(start, end, "iban", compact[:size].encode())
    if (
        size == len(compact)
        and says(text, start, _ACCOUNT_WORDS, 24)
        and not text[found.end() : found.end() + 1].isalnum()
    ):
        return Hit(start, found.end(), "iban", compact.encode())
    if not says(text, start, _IBAN_WORDS, 24) or text[found.end() : found.end() + 1].isalnum():
        return None
    end = _digits_end(found[0], start)
    return Hit(start, end, "iban", re.sub(rb"[ -]", b"", text[start:end]).upper()) if end - start >= 14 else None


def _compact(value: bytes, start: int) -> tuple[str, list[int]]:
    """The characters without separators, in capitals, and the place after each in the text."""
    places = [start + place + 1 for place, byte in enumerate(value) if byte not in b" -"]
    return re.sub(rb"[ -]", b"", value).decode().upper(), places


def _digits_end(value: bytes, start: int) -> int:
    """Where an account in groups ends when words follow it: after the last group with a digit in it."""
    end = len(value)
    for group in reversed(list(re.finditer(rb"[A-Za-z0-9]+", value))):
        if re.search(rb"\d", group[0]):
            break
        end = group.start()
    return start + len(value[:end].rstrip(b" -"))


def crypto(text: bytes, start: int, end: int) -> Iterator[Hit]:
    """The address of a crypto currency that is the word `text[start:end]`, with a right checksum.

    An Ethereum address in small letters has none; `0x` and forty hexadecimal digits are enough.
    """
    word = text[start:end]
    if _BITCOIN_LIKE.fullmatch(word):
        payload = base58check(word.decode())
        if payload is not None and len(payload) == 21 and payload[0] in _VERSIONS:
            yield Hit(start, end, "crypto", word)
    elif _SEGWIT.fullmatch(word):
        if bech32(word.decode()):
            yield Hit(start, end, "crypto", word.lower())
    elif _ETHEREUM.fullmatch(word) and len(set(word[2:].lower())) > 6:
        yield Hit(start, end, "crypto", word.lower())
