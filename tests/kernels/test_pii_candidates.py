"""Places where personal data could be, beside a slow twin made of regular expressions."""

import re

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusmill.kernels import buffers
from corpusmill.kernels import pii_candidates as kernel

ANCHOR = re.compile(rb"[0-9@\[(-]")
LOCAL = re.compile(rb"[A-Za-z0-9_.%+'\x80-\xff-]*\Z")
DOMAIN = re.compile(rb"[A-Za-z0-9\x80-\xff-]+(?:\.[A-Za-z0-9\x80-\xff-]+)*\.?")
WORD = re.compile(rb"[A-Za-z0-9_-]+")
WORD_BEFORE = re.compile(rb"[A-Za-z0-9_-]*\Z")
GROUP = re.compile(rb"[0-9]+")
GAP = re.compile(rb"(?:[ \-./()]|\xc2\xa0|\xe2\x80[\x80-\x95\xaf]){1,3}(?=[0-9])")
DOTTED = re.compile(rb"[0-9]+(?:\.[0-9]+)*")


def address(text: bytes, last: int, at: int) -> tuple[int, int] | None:
    """An `@` with a local part before it and a domain with a dot after it."""
    begin = max(last, at - 128)
    left = begin + LOCAL.search(text[begin:at]).start()
    before = text[left - 1 : left] if left > last else b""
    if left == at or before == b"@" or text[left : left + 1] == b"@":
        return None
    window = text[at + 1 : min(len(text), at + 300)]
    found = DOMAIN.match(window)
    if found is None:
        return None
    domain = found[0].removesuffix(b".")
    right = at + 1 + len(domain)
    if b"." not in domain or text[right : right + 1] == b"@":
        return None
    return left, right


def userinfo(text: bytes, last: int, at: int) -> int | None:
    """The place after `://`, if nothing but user and password stands between it and the `@`."""
    found = re.search(rb"://([^\x00-\x20@<>\"/]*)\Z", text[max(last, at - 303, 0) : at])
    return None if found is None or len(found[1]) >= 300 else at - len(found[1])


def colons(text: bytes, at: int) -> tuple[int, int] | None:
    """Hexadecimal digits and colons around a digit that could be an IPv6 address."""
    left, right = at, at
    while left > 0 and at - left <= 45 and re.match(rb"[0-9A-Fa-f:.]", text[left - 1 : left]):
        left -= 1
    while right < len(text) and right - at <= 45 and re.match(rb"[0-9A-Fa-f:.]", text[right : right + 1]):
        right += 1
    run = text[left:right]
    while run and (run.endswith(b".") or (run.endswith(b":") and not run.endswith(b"::"))):
        run = run[:-1]
    right = left + len(run)
    while run and (run.startswith(b".") or (run.startswith(b":") and not run.startswith(b"::"))):
        run = run[1:]
    left = right - len(run)
    pairs = sum(run[i : i + 2] == b"::" for i in range(len(run)))
    if len(run) > 45 or run.count(b":") < 2 or pairs > 1 or (pairs == 0 and run.count(b":") < 6):
        return None
    around = text[left - 1 : left] if left else b"", text[right : right + 1]
    return None if any(re.match(rb"[A-Za-z0-9_\x80-\xff-]", byte) for byte in around) else (left, right)


def number(text: bytes, at: int) -> tuple[int, bool]:
    """The end of the groups of digits from `at` on, and whether they are worth a look."""
    groups: list[bytes] = []
    right = here = at
    while True:
        group = GROUP.match(text, here)
        after = text[group.end() : group.end() + 2]
        glued = re.match(rb"[A-Za-z_]", after) and not re.match(rb"[xX][0-9]|[A-Z][a-z]", after)
        if glued:
            break
        groups.append(group[0])
        right = group.end()
        gap = GAP.match(text, right)
        if gap is None:
            break
        here = gap.end()
    digits = len(b"".join(groups))
    years = [bool(re.fullmatch(rb"1[6-9]..|20..", group)) for group in groups]
    sizes = [len(group) for group in groups]
    if len(groups) == 0 or digits < 7 or (len(groups) == 1 and digits > 40) or all(years):
        return right, False
    date = (sizes[0] == 4 and max(sizes[1:], default=9) <= 2) or (max(sizes[:2]) <= 2 and sizes[-1] == 4)
    if len(groups) == 3 and digits <= 8 and date:
        return right, not any(years)
    return right, True


def quads(text: bytes, begin: int, end: int, seen: int) -> tuple[list[tuple[int, int]], int]:
    """Runs of digits and dots that begin in [begin, end) and have four short parts."""
    found = []
    at = max(begin, seen)
    while at < end:
        run = DOTTED.match(text, at)
        if run:
            parts = run[0].split(b".")
            around = text[at - 1 : at] if at else b"", text[run.end() : run.end() + 1]
            glued = any(re.match(rb"[A-Za-z_]", byte) for byte in around)
            if len(parts) == 4 and max(map(len, parts)) <= 3 and not glued:
                found.append((at, run.end()))
            at = seen = run.end()
        at += 1
    return found, seen


def digits(text: bytes, at: int, seen: dict[str, int]) -> tuple[int, list[tuple[int, int, int]]]:
    """Where to go on after the digit at `at`, and what it makes."""
    out = []
    if at >= seen["colons"]:
        run = colons(text, at)
        if run:
            out.append((kernel.COLONS, *run))
            seen["colons"] = run[1]
    begin = max(0, at - 65)
    left = begin + WORD_BEFORE.search(text[begin:at]).start()
    whole = WORD.match(text, at).end()
    if re.search(rb"[A-Za-z_]", text[left:at]):
        left += len(text[left:at]) - len(text[left:at].lstrip(b"-"))
        head = text[left : left + 4]
        begins = re.fullmatch(rb"[A-Za-z]{2}[0-9]{2}", head) and (
            whole - left > 4 or re.match(rb" [A-Za-z0-9]", text[whole : whole + 2])
        )
        if whole - left >= 8 or (whole - left >= 4 and begins):
            out.append((kernel.WORD, left, whole))
        return whole, out
    right, wanted = number(text, at)
    if right > at and whole - at >= 8 and re.search(rb"[A-Za-z]", text[at:whole]):
        out.append((kernel.WORD, at, whole))
    if wanted:
        out.append((kernel.NUMBER, at, right))
    if right > at:
        found, seen["dots"] = quads(text, at, right, seen["dots"])
        return right, out + [(kernel.DOTTED, *one) for one in found]
    if whole - at >= 8:
        out.append((kernel.WORD, at, whole))
    return whole, out


def twin(text: bytes) -> list[tuple[int, int, int]]:
    """Kind, start and end of the candidates of one document."""
    out: list[tuple[int, int, int]] = []
    at = last = 0
    seen = {"colons": 0, "dots": 0}
    while True:
        anchor = ANCHOR.search(text, at)
        if anchor is None:
            return out
        at = anchor.start()
        if anchor[0].isdigit():
            at, found = digits(text, at, seen)
            out += found
            continue
        if anchor[0] == b"@":
            user = userinfo(text, last, at)
            around = address(text, last, at)
            if user is not None:
                out.append((kernel.USERINFO, user, at))
            elif around is not None:
                out.append((kernel.ADDRESS, *around))
            last = at
        elif text.startswith(b"-----BEGIN", at):
            out.append((kernel.HEADER, at, at + 10))
            at += 10
        elif re.match(rb"(?i)\[at\]|\(at\)", text[at : at + 4]):
            out.append((kernel.OBFUSCATED, at, at + 4))
        at += 1


PIECES = [
    *(
        "ann@mail.de",
        "@",
        "a",
        "Ab",
        ".",
        "-",
        "--",
        " ",
        "\n",
        "1",
        "12",
        "202",
        "2019",
        "456-1111",
        "(0) ",
        "+49",
        "81.2.3.94",
        "_",
    ),
    *(
        "::",
        ":",
        "fe80",
        "2a00:1450:",
        "8a",
        "4539 1488",
        "GB29 ",
        "GB29",
        "://",
        "https://u:p@",
        "[at]",
        "(AT)",
        "-----BEGIN",
        "é",
    ),
    *("\u00a0", "\u2013", "x1", "X2", "Fax", "/", "漢", "🙂", "1" * 41, "a" * 70 + "1", "%", "'", "<", '"', "d" * 130),
]
texts = st.one_of(
    st.text(max_size=80), st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=2)), max_size=16).map("".join)
)


def candidates(rows: list[str]) -> list[list[tuple[int, int, int]]]:
    """What the kernel gives, by row."""
    found = kernel.find(*buffers.text(pa.array(rows, pa.string())))
    out: list[list[tuple[int, int, int]]] = [[] for _ in rows]
    for row, kind, start, end in zip(*(part.tolist() for part in found), strict=True):
        out[row].append((kind, start, end))
    return out


@settings(max_examples=600, deadline=None)
@given(st.lists(texts, max_size=4))
@example(["call 202-456-1111x12 or 81.2.3.94 81.2.3.95", "https://u:p@h.com a@b.cc@d.ee", "2001:db8::1 131052-308T"])
def test_the_kernel_agrees_with_its_twin(rows: list[str]) -> None:
    """The same candidates, whatever stands in the documents before and after."""
    assert [sorted(twin(row.encode())) for row in rows] == [sorted(found) for found in candidates(rows)]


@settings(max_examples=300, deadline=None)
@given(st.lists(texts, max_size=4))
@example(["://@"])
def test_candidates_lie_inside_their_documents_and_begin_code_points(rows: list[str]) -> None:
    """Only windows of addresses may cut a character, at 128 bytes before and 300 after the sign."""
    for row, found in zip(rows, candidates(rows), strict=True):
        data = row.encode()
        for kind, start, end in found:
            assert 0 <= start <= end <= len(data)
            assert start < end or kind == kernel.USERINFO  # nobody between "://" and "@"
            if kind != kernel.ADDRESS:
                data[start:end].decode()


@pytest.mark.parametrize("piece", ["a-", "7", "1-", "1.", "@", "a@b.cc ", "81.2.3.94 ", "::1", "f1", "(1) ", "1 1a "])
def test_many_candidates_fit(piece: str) -> None:
    """The table grows."""
    row = piece * 20_000
    found = candidates([row, "ann@mail.de"])
    assert [(kernel.ADDRESS, 0, 11)] == found[1]
    assert len(found[0]) <= 2 * len(row)


def test_no_documents() -> None:
    """Nothing to find."""
    assert [] == candidates([])
    assert [[], []] == candidates(["", ""])
