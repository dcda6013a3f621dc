"""Sets of strings as hashes, and looking the hosts, beginnings and words of URLs up in them.

Shapes: N strings of B bytes, S slots of a set (a power of two), K nodes of an automaton.
    offsets  int64 (N+1,)   data  uint8 (B,)
    table    uint64 (S,)    a set of 64-bit hashes by open addressing, 0 = empty slot; at most three quarters full
    nodes    int32 (K, 37)  Aho-Corasick automaton over a-z, 0-9 and one class for all bytes from 0x80 on
    ends     bool (K,)      nodes at which a pattern ends

Sets hold hashes only, 8 bytes a slot. A string that is not among n entries is taken for one of them with
probability n / 2^64 a look-up: with 5 million entries, once in some 4 * 10^12 look-ups.
Case is folded for ASCII only.
"""

import numpy as np
import numpy.typing as npt

from corpusmill.kernels.buffers import Bytes, Int64s
from corpusmill.kernels.compiled import kernel

Table = npt.NDArray[np.uint64]
Nodes = npt.NDArray[np.int32]

SEED = np.uint64(0x9E3779B97F4A7C15)
FACTOR = np.uint64(0xD6E8FEB86659FD93)
SHIFT = np.uint64(29)
CLASSES = 37  # of the automaton's alphabet
DISTINCT = 64  # at most so many distinct words are counted in one URL


@kernel
def lower(byte: int) -> int:
    """An ASCII capital as its small letter, any other byte as it is."""
    return byte + 32 if 65 <= byte <= 90 else byte


@kernel
def letter(byte: int) -> int:
    """The class of a byte that words are made of, 0 to 36, or -1: ASCII letters and digits, and all beyond ASCII."""
    byte = lower(byte)
    if 97 <= byte <= 122:
        return byte - 97
    if 48 <= byte <= 57:
        return byte - 22
    return 36 if byte >= 128 else -1


@kernel
def mix(state: np.uint64, byte: int) -> np.uint64:
    """One step of the hash; a bijection of the state for each byte."""
    state = (state ^ np.uint64(byte)) * FACTOR
    return state ^ (state >> SHIFT)


@kernel
def insert(table: Table, key: np.uint64) -> None:
    """Add a hash to a set that has room."""
    key = max(key, np.uint64(1))
    mask = np.uint64(len(table) - 1)
    slot = key & mask
    while table[slot] != np.uint64(0) and table[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    table[slot] = key


@kernel
def contains(table: Table, key: np.uint64) -> bool:
    """Whether a hash is in the set."""
    key = max(key, np.uint64(1))
    mask = np.uint64(len(table) - 1)
    slot = key & mask
    while table[slot] != np.uint64(0):
        if table[slot] == key:
            return True
        slot = (slot + np.uint64(1)) & mask
    return False


@kernel
def hash_forwards(offsets: Int64s, data: Bytes) -> Table:
    """The hash of each string in lower case, read from its start: for words, URLs and parameter names."""
    hashes = np.empty(len(offsets) - 1, np.uint64)
    for row in range(len(hashes)):
        state = SEED
        for at in range(offsets[row], offsets[row + 1]):
            state = mix(state, lower(data[at]))
        hashes[row] = state
    return hashes


@kernel
def hash_backwards(offsets: Int64s, data: Bytes) -> Table:
    """The hash of each string in lower case, read from its end: for domains, whose parents are their endings."""
    hashes = np.empty(len(offsets) - 1, np.uint64)
    for row in range(len(hashes)):
        state = SEED
        for at in range(offsets[row + 1] - 1, offsets[row] - 1, -1):
            state = mix(state, lower(data[at]))
        hashes[row] = state
    return hashes


@kernel
def fill(table: Table, hashes: Table) -> None:
    """Add all hashes to a set that has room."""
    for key in hashes:
        insert(table, key)


@kernel
def domain_listed(offsets: Int64s, data: Bytes, table: Table) -> npt.NDArray[np.float64]:
    """1 where the host of a canonical URL, or a parent domain of it, is in a set of `hash_backwards`; shape (N,)."""
    found = np.zeros(len(offsets) - 1)
    for row in range(len(found)):
        end = offsets[row]
        while end < offsets[row + 1] and data[end] != 47 and data[end] != 63 and data[end] != 58:
            end += 1
        state = SEED
        for at in range(end - 1, offsets[row] - 1, -1):
            if data[at] == 46 and contains(table, state):
                found[row] = 1
                break
            state = mix(state, data[at])
        else:
            found[row] = end > offsets[row] and contains(table, state)
    return found


@kernel
def url_listed(offsets: Int64s, data: Bytes, table: Table, below: bool) -> npt.NDArray[np.float64]:
    """1 where a canonical URL is in a set of `hash_forwards`; shape (N,).

    With `below`, also where a listed URL is its beginning up to a `/`, `?` or `&`.
    """
    found = np.zeros(len(offsets) - 1)
    for row in range(len(found)):
        state = SEED
        for at in range(offsets[row], offsets[row + 1]):
            byte = data[at]
            if below and at > offsets[row] and (byte == 47 or byte == 63 or byte == 38) and contains(table, state):
                found[row] = 1
                break
            state = mix(state, lower(byte))
        else:
            found[row] = offsets[row + 1] > offsets[row] and contains(table, state)
    return found


@kernel
def words_found(offsets: Int64s, data: Bytes, table: Table) -> npt.NDArray[np.float64]:
    """The number of distinct words of each URL that are in a set of `hash_forwards`; shape (N,)."""
    found = np.zeros(len(offsets) - 1)
    seen = np.empty(DISTINCT, np.uint64)
    for row in range(len(found)):
        count = 0
        state = SEED
        inside = False
        for at in range(offsets[row], offsets[row + 1] + 1):
            if at < offsets[row + 1] and letter(data[at]) >= 0:
                state = mix(state, lower(data[at]))
                inside = True
                continue
            if inside and contains(table, state):
                count = note(seen, count, state)
            state = SEED
            inside = False
        found[row] = count
    return found


@kernel
def note(seen: Table, count: int, key: np.uint64) -> int:
    """Add a key to the first `count` of `seen` if it is new and there is room; the new count."""
    for at in range(count):
        if seen[at] == key:
            return count
    if count == len(seen):
        return count
    seen[count] = key
    return count + 1


@kernel
def substrings_found(
    offsets: Int64s, data: Bytes, nodes: Nodes, ends: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """At how many places of each URL, read without its punctuation, a listed substring ends; shape (N,)."""
    found = np.zeros(len(offsets) - 1)
    for row in range(len(found)):
        node = 0
        for at in range(offsets[row], offsets[row + 1]):
            kind = letter(data[at])
            if kind >= 0:
                node = nodes[node, kind]
                found[row] += ends[node]
    return found
