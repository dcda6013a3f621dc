"""URLs as bytes: their canonical form.

Shapes: N URLs of B bytes.
    offsets   int64 (N+1,)   data  uint8 (B,)
    tracking  uint64 (S,)    a set of `byte_sets`: names of parameters, and beginnings of names up to an underscore

Case is folded for ASCII only. Bytes in numbers: 35 #, 38 &, 46 ., 47 /, 58 :, 61 =, 63 ?, 64 @, 95 _.
"""

import numpy as np

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.byte_sets import SEED, Table, contains, letter, lower, mix
from corpusmill.kernels.compiled import kernel


@kernel
def canonical(offsets: Int64s, data: Bytes, tracking: Table) -> tuple[Int64s, Bytes]:
    """Every URL in the form that `urls.canonical` describes: new offsets (N+1,) and bytes.

    One pass can uncover what the next removes (`http://http://x`), so each URL is passed until it stays.
    """
    ends = np.zeros(len(offsets), np.int64)
    out = np.empty(len(data), np.uint8)
    write = 0
    for row in range(len(offsets) - 1):
        length = offsets[row + 1] - offsets[row]
        out[write : write + length] = data[offsets[row] : offsets[row + 1]]
        end = write + length
        while True:
            shorter = tidy(out, write, end, tracking)
            if shorter == end:
                break
            end = shorter
        write = end
        ends[row + 1] = end
    return ends, out[:write].copy()


@kernel
def tidy(text: Bytes, start: int, end: int, tracking: Table) -> int:
    """One pass over `text[start:end]`, in place; the new end. What is written never passes what is still to be read."""
    read, end = trim(text, start, end)
    read = after_scheme(text, read, end)
    host_end = read
    while host_end < end and text[host_end] != 47 and text[host_end] != 63:  # / ?
        host_end += 1
    write = host(text, read, host_end, start)
    query = host_end
    while query < end and text[query] != 63:
        query += 1
    path_end = query
    while path_end > host_end and text[path_end - 1] == 47:
        path_end -= 1
    for at in range(host_end, path_end):
        text[write] = text[at]
        write += 1
    return parameters(text, query, end, write, tracking)


@kernel
def trim(text: Bytes, start: int, end: int) -> tuple[int, int]:
    """The range without a fragment and without blanks and control bytes at its ends."""
    for at in range(start, end):
        if text[at] == 35:  # #
            end = at
            break
    while start < end and text[start] <= 32:
        start += 1
    while end > start and text[end - 1] <= 32:
        end -= 1
    return start, end


@kernel
def after_scheme(text: Bytes, start: int, end: int) -> int:
    """Where the host begins: after `scheme://` or `//`, also where they are repeated."""
    while True:
        at = start
        while at < end and in_scheme(text[at]):
            at += 1
        if at > start and at < end and text[at] == 58:
            at += 1
        elif at > start:
            return start
        if at + 1 >= end or text[at] != 47 or text[at + 1] != 47:
            return start
        start = at + 2


@kernel
def in_scheme(byte: int) -> bool:
    """Whether a byte may stand in a scheme's name."""
    return 0 <= letter(byte) < 36 or byte == 43 or byte == 45 or byte == 46


@kernel
def host(text: Bytes, read: int, end: int, write: int) -> int:
    """Write the host in lower case without user, `www.`, closing dots and default port; the new write position."""
    for at in range(read, end):
        if text[at] == 64:  # @
            read = at + 1
    port = end
    while port > read and 48 <= text[port - 1] <= 57:
        port -= 1
    port = port - 1 if port > read and text[port - 1] == 58 else end
    name_end = port
    while name_end > read and text[name_end - 1] == 46:
        name_end -= 1
    while is_www(text, read, name_end):
        read += 4
    for at in range(read, name_end):
        text[write] = lower(text[at])
        write += 1
    digits = end - port
    if digits > 1 and not is_port(text, port, end, 8, 0, 0) and not is_port(text, port, end, 4, 4, 3):
        for at in range(port, end):
            text[write] = text[at]
            write += 1
    return write


@kernel
def is_www(text: Bytes, start: int, end: int) -> bool:
    """Whether the host begins with `www.` and what follows still has a dot."""
    if end - start < 5 or text[start + 3] != 46:
        return False
    for at in range(start, start + 3):
        if lower(text[at]) != 119:  # w
            return False
    for at in range(start + 4, end):  # noqa: SIM110 - numba has no any()
        if text[at] == 46:
            return True
    return False


@kernel
def is_port(text: Bytes, start: int, end: int, first: int, second: int, third: int) -> bool:
    """Whether `:port` is 80 (8, 0) or 443 (4, 4, 3)."""
    length = 3 if first == 8 else 4
    if end - start != length or text[start + 1] != 48 + first or text[start + 2] != 48 + second:
        return False
    return length == 3 or text[start + 3] == 48 + third


@kernel
def parameters(text: Bytes, query: int, end: int, write: int, tracking: Table) -> int:
    """Write the query's parameters that are neither empty nor tracking; `text[query]` is `?`, or query is end."""
    joint = 63
    at = query + 1
    while at < end:
        stop = at
        while stop < end and text[stop] != 38:  # &
            stop += 1
        if stop > at and not is_tracking(text, at, stop, tracking):
            text[write] = joint
            write += 1
            for place in range(at, stop):
                text[write] = text[place]
                write += 1
            joint = 38
        at = stop + 1
    return write


@kernel
def is_tracking(text: Bytes, start: int, end: int, tracking: Table) -> bool:
    """Whether a parameter's name, or its beginning up to and with an underscore, is in the set."""
    state = SEED
    at = start
    while at < end and text[at] != 61:  # =
        state = mix(state, lower(text[at]))
        if text[at] == 95 and contains(tracking, state):  # _
            return True
        at += 1
    return contains(tracking, state)
