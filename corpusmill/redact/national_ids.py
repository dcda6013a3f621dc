"""Numbers that a state gives to people, with their check digits; the kinds are named as Presidio names them.

A kind whose form and check leave little room for chance is found anywhere. The others are digits like any digits, and
are found only after a word that names them (`context`).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from corpusmill.redact import checksums
from corpusmill.redact.hits import Hit, near


class NationalId(NamedTuple):
    """A kind of number: how it is written, how it is checked, and the words near it (None where none are needed)."""

    kind: str
    pattern: re.Pattern[bytes]
    check: Callable[[str], bool]
    context: re.Pattern[bytes] | None = None


def _words(words: str) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![a-z0-9])(?:" + words.encode() + rb")(?![a-z])")


def _date(year: int, month: int, day: int) -> bool:
    """A day that exists; `year` decides about 29 February only."""
    if not 1 <= month <= 12:
        return False
    leap = year % 4 == 0
    return 1 <= day <= (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]


def _itin(v: str) -> bool:
    return v[0] == "9" and int(v[3:5]) in {*range(50, 66), *range(70, 89), 90, 91, 92, *range(94, 100)}


def _npi(v: str) -> bool:
    return v[0] in "12" and checksums.luhn("80840" + v)


def _nhs(v: str) -> bool:
    rest = 11 - checksums.weighted(v[:9], (10, 9, 8, 7, 6, 5, 4, 3, 2), 11)
    return len(set(v)) > 1 and rest % 11 == int(v[9]) and rest != 10


def _nino(v: str) -> bool:
    first = v[0] not in "DFIQUV" and v[1] not in "DFIQUVO"
    return first and v[:2] not in {"BG", "GB", "NK", "KN", "NT", "TN", "ZZ"}


def _nif(v: str) -> bool:
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(v[:-1]) % 23] == v[-1]


def _nie(v: str) -> bool:
    return _nif(str("XYZ".index(v[0])) + v[1:])


_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22,
    25, 24, 23,
), strict=True))  # fmt: skip


def _fiscal_code(v: str) -> bool:
    even = sum(int(c) if c.isdigit() else ord(c) - 65 for c in v[1:15:2])
    return chr(65 + (even + sum(_ODD[c] for c in v[0:15:2])) % 26) == v[15]


def _pesel(v: str) -> bool:
    month = int(v[2:4])
    real = _date(int(v[:2]), month % 20, int(v[4:6])) and month // 20 < 5
    return real and checksums.weighted(v, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10) == 0


def _fi(v: str) -> bool:
    digits = v[:6] + v[7:10]
    return _date(int(v[4:6]), int(v[2:4]), int(v[:2])) and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(digits) % 31] == v[10]


def _rrn(v: str) -> bool:
    if not _date(int(v[:2]), int(v[2:4]), int(v[4:6])):
        return False
    return (11 - checksums.weighted(v[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5), 11)) % 10 == int(v[12])


def _thai(v: str) -> bool:
    return v[0] != "0" and (11 - checksums.weighted(v[:12], tuple(range(13, 1, -1)), 11)) % 10 == int(v[12])


def _nric(v: str) -> bool:
    total = checksums.weighted(v[1:8], (2, 7, 6, 5, 4, 3, 2), 11)
    shift = {"S": 0, "T": 4, "F": 0, "G": 4, "M": 3}[v[0]]
    letters = "JZIHGFEDCBA" if v[0] in "ST" else "XWUTRQPNMLK" if v[0] in "FG" else "XWUTRQPNJLK"
    place = (total + shift) % 11
    return letters[10 - place if v[0] == "M" else place] == v[8]


def _tax_id_de(v: str) -> bool:
    counts = sorted((v[:10].count(d) for d in set(v[:10])), reverse=True)
    return v[0] != "0" and counts[0] in (2, 3) and counts[1] == 1 and checksums.mod11_10(v)


def _tr(v: str) -> bool:
    d = [int(c) for c in v]
    return v[0] != "0" and (sum(d[0:9:2]) * 7 - sum(d[1:8:2])) % 10 == d[9] and sum(d[:10]) % 10 == d[10]


def _tfn(v: str) -> bool:
    return checksums.weighted(v, (1, 4, 3, 7, 5, 8, 6, 9, 10), 11) == 0


def _abn(v: str) -> bool:
    if v[0] == "0":
        return False
    return checksums.weighted(str(int(v[0]) - 1) + v[1:], (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19), 89) == 0


def _acn(v: str) -> bool:
    return (10 - checksums.weighted(v[:8], (8, 7, 6, 5, 4, 3, 2, 1), 10)) % 10 == int(v[8])


def _medicare_au(v: str) -> bool:
    return v[0] in "23456" and checksums.weighted(v[:8], (1, 3, 7, 9, 1, 3, 7, 9), 10) == int(v[8])


def _personnummer(v: str) -> bool:
    v = v[-10:]
    return _date(int(v[:2]), int(v[2:4]), int(v[4:6]) % 60) and checksums.luhn(v)


def _za(v: str) -> bool:
    return _date(int(v[:2]), int(v[2:4]), int(v[4:6])) and v[10] in "012" and checksums.luhn(v)


def _cpf(v: str) -> bool:
    first = checksums.weighted(v[:9], tuple(range(10, 1, -1)), 11)
    second = checksums.weighted(v[:10], tuple(range(11, 1, -1)), 11)
    wanted = "".join("0" if rest < 2 else str(11 - rest) for rest in (first, second))
    return len(set(v)) > 1 and wanted == v[9:]


def _bsn(v: str) -> bool:
    return checksums.weighted(v, (9, 8, 7, 6, 5, 4, 3, 2, 10), 11) == 0 and int(v) > 0


def _nir(v: str) -> bool:
    number = v[:13].replace("2A", "19").replace("2B", "18")
    return 97 - int(number) % 97 == int(v[13:])


def _aadhaar(v: str) -> bool:
    return v[0] not in "01" and v != v[::-1] and checksums.verhoeff(v)


def _routing(v: str) -> bool:
    first = int(v[:2])
    return (first <= 12 or 21 <= first <= 32 or 61 <= first <= 72 or first == 80) and (
        checksums.weighted(v, (3, 7, 1, 3, 7, 1, 3, 7, 1), 10) == 0 and int(v) > 0
    )


def _gstin(v: str) -> bool:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    total = 0
    for place, char in enumerate(v[:14]):
        product = alphabet.index(char) * (1 + place % 2)
        total += product // 36 + product % 36
    return alphabet[(36 - total % 36) % 36] == v[14]


def _any(_v: str) -> bool:
    return True


def _p(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode() + rb"(?![A-Za-z0-9_]|-[A-Za-z0-9])")


_MBI_LETTER = "[AC-HJKMNP-RT-Y]"  # without what looks like a digit
_MBI = r"[1-9]L[0-9L]\d-?L[0-9L]\d-?LL\d\d".replace("[0-9L]", "[0-9AC-HJKMNP-RT-Y]").replace("L", _MBI_LETTER)
_FISCAL_CODE = r"[A-Za-z]{6}[0-9LMNP-V]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9LMNP-V]{2}[A-Za-z][0-9LMNP-V]{3}[A-Za-z]"
_NUMBERS = [
    NationalId("us_itin", _p(r"9\d\d([ -]?)\d\d\1\d{4}"), _itin, _words("itin|taxpayer|tax ?id|tax|tin|individual")),
    NationalId("us_npi", _p(r"[12]\d{3}[ -]?\d{3}[ -]?\d{3}"), _npi, _words("npi|national provider|provider id[a-z]*")),
    NationalId("aba_routing", _p(r"\d{4}-?\d{4}-?\d"), _routing, _words("aba|routing|rtn|bank ?routing")),
    NationalId("uk_nhs", _p(r"\d{3}([ -]?)\d{3}\1\d{4}"), _nhs, _words("nhs|national health|health authority")),
    NationalId("pl_pesel", _p(r"\d{11}"), _pesel, _words("pesel")),
    NationalId("kr_rrn", _p(r"\d{6}-[1-8]\d{6}"), _rrn),
    NationalId("kr_rrn", _p(r"\d{6}[1-8]\d{6}"), _rrn, _words("rrn|resident registration|주민등록번호")),
    NationalId("th_tnin", _p(r"\d-\d{4}-\d{5}-\d\d-\d"), _thai),
    NationalId("th_tnin", _p(r"\d{13}"), _thai, _words("tnin|thai|national id|เลขบัตรประชาชน|เลขประจำตัวประชาชน")),
    NationalId(
        "de_tax_id",
        _p(r"\d{2} ?\d{3} ?\d{3} ?\d{3}"),
        _tax_id_de,
        _words("steuer[a-z-]*|idnr|tax ?id|identifikationsnummer"),
    ),
    NationalId("tr_national_id", _p(r"\d{11}"), _tr, _words("tc|tckn|kimlik|t\\.c\\.|national id")),
    NationalId("au_tfn", _p(r"\d{3} ?\d{3} ?\d{3}"), _tfn, _words("tfn|tax file")),
    NationalId("au_abn", _p(r"\d{2} ?\d{3} ?\d{3} ?\d{3}"), _abn, _words("abn|australian business")),
    NationalId("au_acn", _p(r"\d{3} ?\d{3} ?\d{3}"), _acn, _words("acn|australian company")),
    NationalId("au_medicare", _p(r"[2-6]\d{3} ?\d{5} ?\d{1,2}"), _medicare_au, _words("medicare")),
    NationalId(
        "ca_sin",
        _p(r"[1-79]\d\d([ -]?)\d{3}\1\d{3}"),
        checksums.luhn,
        _words("sin|social insurance|assurance sociale|nas"),
    ),
    NationalId(
        "se_personnummer",
        _p(r"(?:19|20)?\d{6}[-+]?\d{4}"),
        _personnummer,
        _words("personnummer|personal identity|samordningsnummer|pers\\.?nr|ssn"),
    ),
    NationalId("za_id_number", _p(r"\d{13}"), _za, _words("id|identity|id number|rsa")),
    NationalId("br_cpf", _p(r"\d{3}\.\d{3}\.\d{3}-\d\d"), _cpf),
    NationalId("br_cpf", _p(r"\d{11}"), _cpf, _words("cpf")),
    NationalId("nl_bsn", _p(r"\d{9}|\d{4}[. ]\d\d[. ]\d{3}"), _bsn, _words("bsn|burgerservicenummer|sofi(?:nummer)?")),
    NationalId(
        "fr_nir",
        _p(r"[12378] ?\d\d ?\d\d ?\d\d ?\d{3} ?\d{3} ?\d\d"),
        _nir,
        _words("nir|sécurité sociale|securite sociale|insee|secu|sécu|nss"),
    ),
    NationalId("in_aadhaar", _p(r"[2-9]\d{3}([ -]?)\d{4}\1\d{4}"), _aadhaar, _words("aadhaar|aadhar|uidai|uid")),
    NationalId("ng_nin", _p(r"\d{11}"), checksums.verhoeff, _words("nin|nimc|national identi[a-z]*")),
]
_LETTERS = [
    NationalId("us_mbi", _p(_MBI), _any, _words("medicare|mbi|beneficiary")),
    NationalId(
        "uk_nino", _p(r"[A-Za-z]{2}\d{6}[A-Da-d]"), _nino, _words("national insurance|ni|nino|insurance (?:number|no)")
    ),
    NationalId("es_nif", _p(r"\d{7,8}-?[A-Z]"), _nif),
    NationalId("es_nie", _p(r"[XYZ]-?\d{7}-?[A-Z]"), _nie),
    NationalId("it_fiscal_code", _p(_FISCAL_CODE), _fiscal_code),
    NationalId("fi_personal_identity_code", _p(r"\d{6}[-+A-FYXWVU]\d{3}[0-9A-Y]"), _fi),
    NationalId("sg_nric_fin", _p(r"[STFGM]\d{7}[A-Z]"), _nric),
    NationalId(
        "in_pan", _p(r"[A-Za-z]{3}[ABCFGHJLPTabcfghjlpt][A-Za-z]\d{4}[A-Za-z]"), _any, _words("pan|permanent account")
    ),
    NationalId("in_gstin", _p(r"(?:0[1-9]|[1-3]\d)[A-Z]{5}\d{4}[A-Z][1-9A-Z]Z[0-9A-Z]"), _gstin),
]
KINDS = tuple(dict.fromkeys(one.kind for one in [*_NUMBERS, *_LETTERS]))
_DIGIT_KINDS = frozenset(one.kind for one in _NUMBERS)
_FICTION = re.compile(rb"\d{3}-555-01\d\d")  # telephone numbers that nobody has
_SHAPE = re.compile(rb"[A-Za-z]{0,6}\d")
# Digits that the first group of a kind may have, so that a run of digits is tried against a few kinds only.
_FIRST_GROUPS = {
    "us_itin": (3, 9),
    "us_npi": (4, 7, 10),
    "aba_routing": (4, 8, 9),
    "uk_nhs": (3, 10),
    "pl_pesel": (11,),
    "kr_rrn": (6, 13),
    "th_tnin": (1, 13),
    "de_tax_id": (2, 5, 8, 11),
    "tr_national_id": (11,),
    "au_tfn": (3, 6, 9),
    "au_abn": (2, 5, 8, 11),
    "au_acn": (3, 6, 9),
    "au_medicare": (4, 9, 10, 11),
    "ca_sin": (3, 9),
    "se_personnummer": (6, 8, 10, 12),
    "za_id_number": (13,),
    "br_cpf": (3, 11),
    "nl_bsn": (4, 9),
    "fr_nir": (1, 3, 5, 7, 10, 13, 15),
    "in_aadhaar": (4, 12),
    "ng_nin": (11,),
}
_BY_SIZE = {size: [one for one in _NUMBERS if size in _FIRST_GROUPS[one.kind]] for size in range(1, 16)}


def number(text: bytes, at: int, end: int, size: int, kinds: frozenset[str]) -> Hit | None:
    """The national number whose first group, of `size` digits, begins at `at`; it ends by `end`."""
    if size not in _BY_SIZE or text[max(0, at - 1) : at] in (b"-", b".") or _FICTION.match(text, at):
        return None
    return _find(text, at, end, _BY_SIZE[size], kinds)


def word(text: bytes, start: int, end: int, kinds: frozenset[str]) -> Hit | None:
    """The national number with letters in it that is the word `text[start:end]`."""
    if end - start > 20 or _SHAPE.match(text, start, end) is None:
        return None
    found = _find(text, start, end, _LETTERS, kinds)
    return found if found is not None and found.end == end else None


def _find(text: bytes, at: int, end: int, table: list[NationalId], kinds: frozenset[str]) -> Hit | None:
    for one in table:
        found = one.pattern.match(text, at) if one.kind in kinds else None
        if found is None or found.end() > end:
            continue
        value = re.sub(rb"[ .+-]", b"", found[0]) if one.kind in _DIGIT_KINDS else found[0].replace(b"-", b"")
        if one.kind == "fi_personal_identity_code":
            value = found[0]
        value = value.upper()
        if one.check(value.decode()) and (one.context is None or near(text, at, found.end(), one.context)):
            return Hit(at, found.end(), "national_id", value, one.kind)
    return None
