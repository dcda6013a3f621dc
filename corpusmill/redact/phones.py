"""Telephone numbers, by `phonenumbers`, which sees only digits that a region could have given out."""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from corpusmill.errors import RecipeError
from corpusmill.redact.hits import Hit, says

_WORDS = re.compile(
    rb"(?:(?<![a-z])(?:tel|tele(?:phone|fon|f\xc3\xb3n|fax|fono)|phones?|t\xc3\xa9l(?:\xc3\xa9phone)?|mobiles?|mobil|"
    rb"m\xc3\xb3vil|cell(?:phone|ular)?s?|fax|calls?|called|calling|dial|ring|sms|text(?:ed|ing)?|messag(?:e|es|ing)|"
    rb"answer(?:s|ed|ing)?|whatsapp|viber|hotline|helpline|toll[ -]?free|contact|reach(?:ed)?|rufnummer|handy|portable|"
    rb"celular|ph|tlf|mob|fono|desk|office)(?![a-z])"
    rb"|\xe2\x98\x8e|\xf0\x9f\x93\x9e|\xf0\x9f\x93\xb1|\xe2\x9c\x86|\xe9\x9b\xbb\xe8\xa9\xb1|\xe7\x94\xb5\xe8\xaf\x9d)"
)
# Digits after these are something else, unless a word above stands nearer.
_OTHERS = re.compile(
    rb"(?<![a-z])(?:isbn|issn|doi|asin|ean|upc|sku|order|invoice|serial|patent|item|model|part|pmid|arxiv|lot|"
    rb"version|ver|ssn|card|account|acct|iban|routing|id|zip|p\.?o\.? ?box|license|passport|vat|case)(?![a-z])"
)
# What stands between a word and a number that is not its: another paragraph, code, other numbers.
_BREAKS = re.compile(rb"\n\s*\n|[=\"{}\[\]<>]|\d[.,]?\s+\d|\d{5}|_|\([^)]*$")  # after these
_NAMED = re.compile(
    rb"(?:my|your|his|her|our|their|registered) (?:new |home |work )?(?:number|no\.?|nr\.?)"
    rb"[\s:.]*(?:is|was|are)?[\s:.(+]*$"
)  # "my number is"
_AFTER = re.compile(rb"(?i)[ \t(,/-]{0,2}(?:office|fax|mobile|cell|home|work|tel|phone|direct|voice|hotline)\b")
_DOCUMENTATION = re.compile(r"(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d")  # addresses that actions write
_LEAD = re.compile(rb"(?:\+|\(\+?|\+\()$")
_TAIL = re.compile(rb" ?(?:x|ext?n?\.?|extension|#|durchwahl|poste)[ .:]{0,3}(\d{1,6})(?![\dA-Za-z])", re.IGNORECASE)
_GROUP = re.compile(rb"\d+")
_MOST_GROUPS = 7
_FEWEST, _MOST = 7, 17  # digits, with those of the country
_FICTION = re.compile(r"55501\d\d$")  # numbers that North America keeps for fiction
_MONEY = (b"$", b"\xa3", b"\xac", b"\xa5", b"#", b"=", b"%")
_AROUND = re.compile(rb"[^0-9a-z_]|$")


class Regions(NamedTuple):
    """The regions whose national numbers are looked for, each with the digits that it gives out."""

    names: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]
    any: re.Pattern[str]  # of the patterns


def regions(names: tuple[str, ...]) -> Regions:
    """Load the numbering plans of regions named by ISO 3166-1 codes.

    Raises:
        RecipeError: for a region that phonenumbers does not know.
    """
    import phonenumbers

    unknown = [name for name in names if name not in phonenumbers.SUPPORTED_REGIONS]
    if unknown:
        raise RecipeError(
            f"regions: no numbering plan for {unknown}; give ISO 3166-1 codes in capitals, like US, GB, DE"
        )
    plans: dict[int, tuple[str, list[str]]] = {}  # regions with one country code share a plan, like US and CA
    for name in names:
        code = phonenumbers.country_code_for_region(name)
        plans.setdefault(code, (name, []))[1].append(_plan(phonenumbers.PhoneMetadata.metadata_for_region(name)))
    patterns = ["|".join(own) for _, own in plans.values()]
    together = re.compile("|".join(patterns) or r"(?!)")
    first = tuple(name for name, _ in plans.values())
    return Regions(first, tuple(re.compile(pattern) for pattern in patterns), together)


def _plan(metadata: Any) -> str:
    """What the digits of a national number look like, with the prefix that is dialled inside the country."""
    kinds = (
        "fixed_line",
        "mobile",
        "toll_free",
        "premium_rate",
        "shared_cost",
        "voip",
        "personal_number",
        "uan",
        "pager",
    )
    given = [getattr(metadata, kind) for kind in kinds]
    numbers = "|".join(sorted({one.national_number_pattern for one in given if one and one.national_number_pattern}))
    prefix = f"(?:{metadata.national_prefix})?" if metadata.national_prefix else ""
    return f"(?:{metadata.country_code}(?:0)?|{prefix})(?:{numbers})"


def find(text: bytes, start: int, end: int, plans: Regions) -> list[Hit]:
    """The telephone numbers in the digits and separators `text[start:end]`.

    A number is one if it is valid and written as in its country, or if it begins with `+` and is valid, or if a word
    like "phone" or "call" stands before it and it is valid or has the size of one.
    """
    groups = [(match.start(), match.end()) for match in _GROUP.finditer(text, start, end)]
    hits: list[Hit] = []
    first = 0
    while first < len(groups):
        hit, step = _at(text, groups, first, plans)
        if hit is not None:
            hits.append(hit)
        first += step
    return hits


def _at(text: bytes, groups: list[tuple[int, int]], first: int, plans: Regions) -> tuple[Hit | None, int]:
    """The longest number that begins with the group `first`, and how many groups to go on."""
    start = groups[first][0]
    sizes = [b - a for a, b in groups[first : first + _MOST_GROUPS]]
    total = sum(sizes)
    if total < _FEWEST:
        return None, 1
    if text[start - 1 : start] in (b"-", b".", b"/") and text[start - 2 : start - 1].isalnum():
        return None, 1  # in the middle of a longer number
    lead = _LEAD.search(text[max(0, start - 2) : start])
    international = lead is not None and b"+" in lead[0]
    named: bool | None = None
    digits = "".join(text[a:b].decode() for a, b in groups[first : first + _MOST_GROUPS])
    for count in range(len(sizes), 0, -1):
        if count < len(sizes):
            total -= sizes[count]
        if not _FEWEST <= total <= _MOST:
            continue
        end = groups[first + count - 1][1]
        alone = first + count == len(groups) or text[end : groups[first + count][0]] != b" "
        some = digits[:total]
        if _FICTION.search(some) or some.startswith("000"):
            return None, count
        fits = _fitting(some, international, plans)
        if not fits and not (alone and count == len(sizes)):
            continue
        if named is None:
            named = _is_named(text, start - (len(lead[0]) if lead else 0))
        hit = _judge(text, start, end, international, named, fits)
        if hit is not None:
            return hit, count
    return None, 1


def _fitting(digits: str, international: bool, plans: Regions) -> tuple[str | None, ...]:
    """The regions in which the digits could be a number; None stands for the world."""
    if international:
        return (None,)
    if digits.startswith(("00", "011")):
        return plans.names
    if plans.any.fullmatch(digits) is None:
        return ()
    return tuple(name for name, plan in zip(plans.names, plans.patterns, strict=True) if plan.fullmatch(digits))


def _is_named(text: bytes, start: int) -> bool:
    """Tell whether the text before speaks of telephones, and of nothing else after that."""
    before = text[max(0, start - 48) : start].lower()
    last = max((said.end() for said in _WORDS.finditer(before)), default=None)
    if last is None:
        return _NAMED.search(before) is not None and _OTHERS.search(before) is None
    return _OTHERS.search(before, last) is None and _BREAKS.search(before, last) is None


def _judge(
    text: bytes, start: int, end: int, international: bool, named: bool, fits: tuple[str | None, ...]
) -> Hit | None:
    """The number whose digits are `text[start:end]`, or None; see `find`."""
    begin, value = _with_lead(text, start, end, international)
    tail = _TAIL.match(text, end, end + 24)
    labelled = _AFTER.match(text, end if tail is None else tail.end()) is not None
    named = named or labelled
    if not _stands_alone(text, begin, end, named, labelled) or (tail is None and _AROUND.match(text, end) is None):
        return None
    if not named and not international and (value.count(" - ") > 1 or ". " in value):
        return None
    if not named and not international and (_DECIMAL.fullmatch(value) or _other(text, begin)):
        return None
    if _DOCUMENTATION.search(value):
        return None
    level = 1 if international or named else 2
    if not (named and _looks_like(value)) and not any(_valid(value, name, level) for name in fits):
        return None
    return Hit(begin, end if tail is None else tail.end(), "phone", re.sub(rb"[^\d+]", b"", text[begin:end]))


def _with_lead(text: bytes, start: int, end: int, international: bool) -> tuple[int, str]:
    """Where the number begins with its `+` and `(`, and the number."""
    begin = start
    if text[begin - 1 : begin] == b"(":
        begin -= 1
    if international and text[begin - 1 : begin] == b"+":
        begin -= 1
        if text[begin - 1 : begin] == b"(":
            begin -= 1
    value = text[begin:end].decode(errors="replace")
    while value.count("(") > value.count(")") and value[0] in "(+":
        if value[0] == "+" and "(" not in value[1:]:
            break
        value = value[1:]
        begin += 1
    return begin, value


def _stands_alone(text: bytes, begin: int, end: int, named: bool, labelled: bool) -> bool:
    """Tell whether the number is not a part of a longer one, of a name, or of a table of numbers."""
    before = text[max(0, begin - 2) : begin]
    after = text[end : end + 2]
    if before[-1:].isalnum() or before[-1:] == b"_" or (before[-1:] in _MONEY and not named):
        return False
    if before[-1:] in (b"-", b".", b"/") and before[:1].isalnum():
        return False
    if after[:1] == b"%" or (not labelled and after[:1] in (b"-", b".", b"/") and after[1:].isalnum()):
        return False
    spaced = set(re.sub(rb"[\d()+]", b"", text[begin:end])) <= {32}
    in_table = (before[-1:] == b" " and before[:1].isdigit()) or (after[:1] == b" " and after[1:].isdigit())
    if after[:1] == b"," and after[1:].isdigit() and before[-1:] in (b",", b" ", b"["):
        return labelled
    return named or not (spaced and in_table)


def _other(text: bytes, begin: int) -> bool:
    """Tell whether the text before speaks of other numbers."""
    return says(text, begin, _OTHERS, 24)


_DECIMAL = re.compile(r"\d+\.\d+|\d{1,3}(?:\.\d{3})+")
_DATE = re.compile(
    r"(?:\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)?\d\d)(?: .*)?|(?:19|20)\d\d[ -](?:19|20)\d\d"
)
_SHAPE = re.compile(r"\(?\+?\d{1,5}\)?(?:[ ./\u00a0\u2010-\u2015-]{0,2}\(?\d{1,10}\)?){0,6}")


def _looks_like(value: str) -> bool:
    """Tell whether a number after a word for telephones has the size and the signs of one."""
    digits = sum(char.isdigit() for char in value)
    groups = re.findall(r"\d+", value)
    if "." in value and (_DECIMAL.fullmatch(value) or ". " in value):
        return False
    if not 7 <= digits <= 15 or _DATE.fullmatch(value) or _SHAPE.fullmatch(value) is None:
        return False
    return len(groups) == 1 or sum(len(group) == 1 for group in groups) <= 2


@lru_cache(maxsize=1 << 16)
def _valid(value: str, region: str | None, level: int) -> bool:
    """Tell whether phonenumbers takes the whole of `value` for a valid number; level 2 asks for a usual grouping too.

    Digits without any separator have no grouping, so that level 2 refuses them: they are mostly other numbers.
    """
    import phonenumbers

    if level == 2 and value.isdigit():
        return False
    try:
        valid = bool(phonenumbers.is_valid_number(phonenumbers.parse(value, region)))
    except phonenumbers.NumberParseException:
        return False
    if level == 1 or not valid:
        return valid
    grouped = phonenumbers.Leniency.STRICT_GROUPING
    matcher = phonenumbers.PhoneNumberMatcher(value, region, leniency=grouped, max_tries=4)
    for match in matcher:
        return bool(match.end - match.start >= len(value) - 1)
    return False
