"""The runs of bytes around a digit or an `@`: where they begin and end. Inlined by `pii_candidates`.

All places are absolute: indexes of `data`, the bytes of all documents; `base` and `stop` are the document's.
"""

from corpusmill.kernels.buffers import Bytes
from corpusmill.kernels.compiled import kernel

LOCAL = 128  # bytes of a local part that are looked at; 64 characters are allowed
DOMAIN = 300  # bytes of a domain that are looked at; 253 are allowed
USERINFO = 300  # bytes between "://" and "@" that are looked at
COLONS = 45  # bytes of an IPv6 address, at most
WORDS = 64  # bytes of a word that are looked at to the left of its first digit


@kernel
def digit(byte: int) -> bool:
    """ASCII digits."""
    return 48 <= byte <= 57


@kernel
def letter(byte: int) -> bool:
    """ASCII letters."""
    return 97 <= (byte | 32) <= 122


@kernel
def in_word(byte: int) -> bool:
    """Letters, digits, `_` and `-`: what keys and tokens are made of."""
    return 97 <= (byte | 32) <= 122 or 48 <= byte <= 57 or byte == 95 or byte == 45


@kernel
def in_local(byte: int) -> bool:
    """What a local part may hold: letters, digits, `._%+-'` and all beyond ASCII."""
    return in_word(byte) or byte >= 128 or byte == 46 or byte == 37 or byte == 43 or byte == 39


@kernel
def _in_label(byte: int) -> bool:
    return (in_word(byte) and byte != 95) or byte >= 128


@kernel
def address_around(data: Bytes, base: int, at: int, stop: int) -> tuple[int, int]:
    """Give what could be an e-mail address around the `@` at `at`; two equal places where it cannot.

    `base` is the last `@` before, or the start of the document. The domain must hold a dot between other bytes.
    """
    left = at
    least = max(base, at - LOCAL)
    while left > least and in_local(data[left - 1]):
        left -= 1
    if left == at or data[left] == 64 or (left > base and data[left - 1] == 64):
        return at, at
    if left == base and data[base] == 64:
        return at, at
    right = at + 1
    most = min(stop, at + DOMAIN)
    dots = False
    while right < most:
        byte = data[right]
        if byte == 46:
            if right == at + 1 or right + 1 >= most or not _in_label(data[right + 1]):
                break
            dots = True
        elif not _in_label(byte):
            break
        right += 1
    if not dots or (right < stop and data[right] == 64):
        return at, at
    return left, right


@kernel
def userinfo_start(data: Bytes, base: int, at: int) -> int:
    """Give the place after the `://` that begins the authority which ends at the `@` at `at`; -1 if there is none."""
    left = at
    least = max(base, at - USERINFO)
    while left > least:
        byte = data[left - 1]
        if byte == 47:
            if left - 3 >= base and data[left - 2] == 47 and data[left - 3] == 58:
                return left
            return -1
        if byte <= 32 or byte == 64 or byte == 60 or byte == 62 or byte == 34:
            return -1
        left -= 1
    return -1


@kernel
def obfuscated_at(data: Bytes, at: int, stop: int) -> bool:
    """Tell whether `[at]` or `(at)` stands at `at`, in any case."""
    if at + 4 > stop or data[at + 1] | 32 != 97 or data[at + 2] | 32 != 116:
        return False
    return bool((data[at] == 91 and data[at + 3] == 93) or (data[at] == 40 and data[at + 3] == 41))


@kernel
def address_colons(data: Bytes, base: int, at: int, stop: int) -> tuple[int, int]:
    """Give the run of hexadecimal digits, colons and dots around `at`, where it could be an IPv6 address."""
    left = at
    while left > base and at - left <= COLONS and _in_colons(data[left - 1]):
        left -= 1
    right = at
    while right < stop and right - at <= COLONS and _in_colons(data[right]):
        right += 1
    while right > left and (data[right - 1] == 46 or (data[right - 1] == 58 and data[right - 2] != 58)):
        right -= 1
    while left < right and (data[left] == 46 or (data[left] == 58 and data[left + 1] != 58)):
        left += 1
    if right - left > COLONS:
        return at, at
    colons, pairs = 0, 0
    for place in range(left, right):
        if data[place] == 58:
            colons += 1
            if place > left and data[place - 1] == 58:
                pairs += 1
    if colons < 2 or pairs > 1 or (pairs == 0 and colons < 6):  # six where the end is written as IPv4
        return at, at
    if left > base and (in_word(data[left - 1]) or data[left - 1] >= 128):
        return at, at
    if right < stop and (in_word(data[right]) or data[right] >= 128):
        return at, at
    return left, right


@kernel
def _in_colons(byte: int) -> bool:
    return 48 <= byte <= 58 or 97 <= (byte | 32) <= 102 or byte == 46


@kernel
def dotted_end(data: Bytes, base: int, at: int, stop: int) -> tuple[int, bool]:
    """Give the end of the digits and single dots at `at`, and whether they are four parts of at most three digits."""
    right = at
    dots, size, most = 0, 0, 0
    while right < stop:
        byte = data[right]
        if digit(byte):
            size += 1
            most = max(most, size)
        elif byte == 46 and right + 1 < stop and digit(data[right + 1]):
            dots += 1
            size = 0
        else:
            break
        right += 1
    if dots != 3 or most > 3:
        return right, False
    if right < stop and (letter(data[right]) or data[right] == 95):
        return right, False
    if at > base and (letter(data[at - 1]) or data[at - 1] == 95):
        return right, False
    return right, True


@kernel
def word_start(data: Bytes, base: int, at: int) -> int:
    """Give where the word begins whose first digit is at `at`; `at` itself where no letter stands before it."""
    left = at
    letters = False
    while left > base and at - left <= WORDS and in_word(data[left - 1]):
        left -= 1
        letters = letters or letter(data[left]) or data[left] == 95
    if not letters:
        return at
    while left < at and data[left] == 45:
        left += 1
    return left


@kernel
def word_end(data: Bytes, at: int, stop: int) -> int:
    """Give the end of the letters, digits, `_` and `-` from `at` on."""
    while at < stop and in_word(data[at]):
        at += 1
    return at


@kernel
def mixed_end(data: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """Give the end of the letters, digits, `_` and `-` from `at` on, and whether a letter is among them."""
    letters = False
    while at < stop and in_word(data[at]):
        letters = letters or letter(data[at])
        at += 1
    return at, letters


@kernel
def begins(data: Bytes, left: int, right: int, stop: int) -> bool:
    """Tell whether a short word could begin an account number in groups: two letters, two digits, and more after it."""
    if not (letter(data[left]) and letter(data[left + 1]) and digit(data[left + 2]) and digit(data[left + 3])):
        return False
    if right - left > 4:
        return True
    return right + 1 < stop and data[right] == 32 and (letter(data[right + 1]) or digit(data[right + 1]))


@kernel
def separator(data: Bytes, at: int, stop: int) -> int:
    """Give the size of the separator of a number at `at`, 0 if there is none: ` -./()`, wide spaces and dashes."""
    byte = data[at]
    if byte == 32 or 45 <= byte <= 47 or byte == 40 or byte == 41:
        return 1
    if byte == 0xC2 and at + 1 < stop and data[at + 1] == 0xA0:
        return 2
    if byte == 0xE2 and at + 2 < stop and data[at + 1] == 0x80:
        third = data[at + 2]
        if 0x80 <= third <= 0x95 or third == 0xAF:
            return 3
    return 0


@kernel
def number_end(data: Bytes, at: int, stop: int) -> tuple[int, bool]:
    """Give the end of the digits and separators from the digit at `at` on, and whether they are worth a look.

    At most three separators stand between groups of digits. A group that is glued to letters does not belong, unless
    an extension (`x12`) or a capitalized word follows it. `at` itself is given back where the first group does not.
    Dates, and pairs of years, are not worth a look.
    """
    right = at
    digits, groups = 0, 0
    sizes = (0, 0, 0)
    years = 0
    here = at
    while here < stop:
        begin = here
        while here < stop and digit(data[here]):
            here += 1
        if here < stop and (letter(data[here]) or data[here] == 95) and not _glue(data, here, stop):
            break
        right = here
        size = here - begin
        digits += size
        sizes = (sizes[1], sizes[2], size)
        groups += 1
        if size == 4 and (
            (data[begin] == 49 and data[begin + 1] >= 54) or (data[begin] == 50 and data[begin + 1] == 48)
        ):
            years += 1
        gaps = 0
        while here < stop and gaps < 3:
            size = separator(data, here, stop)
            if size == 0:
                break
            here += size
            gaps += 1
        if here == right or here >= stop or not digit(data[here]):
            break
    if digits < 7 or (groups == 1 and digits > 40):
        return right, False
    if years == groups:
        return right, False
    if groups == 3 and digits <= 8:
        if (sizes[0] == 4 and sizes[1] <= 2 and sizes[2] <= 2) or (sizes[0] <= 2 and sizes[1] <= 2 and sizes[2] == 4):
            return right, years == 0
    return right, True


@kernel
def _glue(data: Bytes, at: int, stop: int) -> bool:
    """Tell whether the letter after a number begins an extension or a word of its own."""
    if at + 1 >= stop:
        return False
    if data[at] | 32 == 120:
        return bool(digit(data[at + 1]))
    return bool(65 <= data[at] <= 90 and 97 <= data[at + 1] <= 122)
