"""Keys of lines and of runs of sentences equal their plain definitions, on all of Unicode."""

import hashlib
import itertools
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from corpusmill.kernels import buffers, line_keys, lines
from corpusmill.kernels.sentences import pack
from tests.kernels import reference_c4

ALL = (1 << 64) - 1
NO_TABLE = np.zeros(0, np.int32)
ABBREVIATIONS = ("mr", "fig")
TEXTS = st.lists(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
        st.text("aAzZ@[`{ΣσςİiIẞßȺÅK𐐀éÉ \n\t\u3000\u0307", max_size=40),
        st.text("abcAB \n", max_size=60),
    ),
    max_size=5,
)
PROSE = st.lists(st.sampled_from([*".?!\"') \n\u3000\x1cé", "Mr", "One two", "fig", "...", "a"]), max_size=25).map(
    "".join
)


def mix(value):
    """The finalizer of SplitMix64, on a Python int."""
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & ALL
    value = (value ^ value >> 27) * 0x94D049BB133111EB & ALL
    return value ^ value >> 31


def plain_key(raw):
    """The key of bytes: they are padded with zeros to a number of eights, one eight after the other is mixed in."""
    high, low = 0x9AE16A3B2F90404F, 0xC3A5C85C97CB3127
    whole = raw + b"\0" * (8 - len(raw) % 8)
    for at in range(0, len(whole), 8):
        word = int.from_bytes(whole[at : at + 8], "little")
        high, low = mix(high ^ word), mix(low + word * 0xB492B66FBE98F273 & ALL)
    length = 8 * len(raw) * 0x9E3779B97F4A7C15
    return mix(high + length & ALL), mix((low ^ length) & ALL)


def lowered(text):
    """Lower case as the kernel has it: Python's, but all forms of sigma are one."""
    return text.lower().replace("ς", "σ")


def view(texts):
    """Texts as the kernels see them, from a slice of a larger array."""
    return buffers.text(pa.array(["päd\n", *texts], pa.string()).slice(1))


def test_lower_case_is_that_of_python_for_every_code_point():
    """Each code point by itself has the lower case of `str.lower`; sigma alone, and the dotted I by its mark."""
    table = line_keys.lower_case()
    for point in range(sys.maxunicode + 1):
        expected = lowered(chr(point))
        found = point if point >= len(table) else table[point]
        assert expected == ("i\u0307" if found == -1 else chr(found))


def test_the_lower_case_is_the_same_under_every_python():
    """Keys are stored and compared across runs, so a Python with other tables must not change them unnoticed."""
    digest = hashlib.sha256(line_keys.lower_case().astype("<i4").tobytes()).hexdigest()
    assert digest[:16] == "5c6a32149d9ab90e"


@given(TEXTS)
@example(["ΟΔΟΣ İİİİİİİ ẞ", "Ⱥ" * 9, "K" * 9, "a" * 8, "a" * 7 + "İ", "a" * 6 + "İ" + "B" * 20])
def test_a_key_is_that_of_the_lower_case_bytes(texts):
    """The key of each range, wherever it stands, equals the plain key of the text in lower case, or as it is."""
    text = view(texts)
    for k, value in enumerate(texts):
        start, end = text.offsets[k], text.offsets[k + 1]
        assert line_keys.key(text.data, start, end, line_keys.lower_case()) == plain_key(lowered(value).encode())
        assert line_keys.key(text.data, start, end, NO_TABLE) == plain_key(value.encode())


@given(st.lists(st.binary(max_size=24), max_size=40))
def test_keys_tell_ranges_apart(values):
    """Two ranges share a half of their keys only where they are equal, also where they differ by zeros at the end."""
    values += [value + b"\0" for value in values]
    data = np.frombuffer(b"".join(values) + b"x", np.uint8)
    bounds = [0, *itertools.accumulate(map(len, values))]
    found = [line_keys.key(data, a, b, NO_TABLE) for a, b in itertools.pairwise(bounds)]
    for half in (0, 1):
        assert len({key[half] for key in found}) == len(set(values))


def plain_lines(text, least):
    """(start, end, key) of each line with words enough."""
    found, at = [], 0
    for line in text.split("\n"):
        size = len(line.encode())
        if len(line.split()) >= least:
            found.append((at, at + size, plain_key(lowered(line.strip()).encode())))
        at += size + 1
    return found


def as_rows(units):
    """Units as one list of (start, end, key) for each document."""
    keys = zip(units.high.tolist(), units.low.tolist(), strict=True)
    flat = list(zip(units.starts.tolist(), units.ends.tolist(), keys, strict=True))
    return [flat[a:b] for a, b in itertools.pairwise(units.offsets)]


@given(TEXTS, st.integers(1, 3))
def test_line_units_are_the_lines_with_words(texts, least):
    """Each line that is not blank and has words enough is a unit, without regard to case and white space around it."""
    text = view(texts)
    units = line_keys.line_units(*text, *lines.split(*text), least, line_keys.lower_case())
    assert as_rows(units) == [plain_lines(value, least) for value in texts]


def sentences(text):
    """Starts and ends of the sentences of each line of one text, from the kernel."""
    data = np.frombuffer(text.encode() + b"..", np.uint8)
    _, starts, ends = lines.split(np.array([0, len(data) - 2]), data[:-2])
    return data, starts, ends, line_keys.split_sentences(data[:-2], starts, ends, pack(ABBREVIATIONS))


@given(PROSE)
@example("Mr. One. 'Two!') \u3000three... Four... five? ")
def test_sentences_are_those_that_are_counted(text):
    """Each line has as many sentences as the rules count, and together they are the line but for white space."""
    data, starts, ends, (offsets, first, last) = sentences(text)
    raw = data.tobytes()
    for line, (start, end) in enumerate(zip(starts, ends, strict=True)):
        value = raw[start:end].decode()
        places = range(offsets[line], offsets[line + 1])
        parts = [raw[first[k] : last[k]].decode() for k in places]
        assert len(parts) == reference_c4.sentences(value, ABBREVIATIONS)
        assert "".join(value.split()) == "".join("".join(part.split()) for part in parts)
        assert all(part == part.strip() != "" for part in parts)
        assert all(last[k] < first[k + 1] for k in places[:-1])


@given(st.lists(PROSE, max_size=4), st.integers(1, 4), st.integers(1, 9))
def test_window_units_are_runs_of_sentences(texts, span, least):
    """Every run of so many sentences with words enough is a unit; its key is made of its sentences' keys."""
    text = view(texts)
    owned, starts, ends = lines.split(*text)
    of_lines, first, last = line_keys.split_sentences(text.data, starts, ends, pack(ABBREVIATIONS))
    units = line_keys.window_units(*text, of_lines[owned], first, last, span, least, line_keys.lower_case())
    raw = text.data.tobytes()
    expected = []
    for row, (a, b) in enumerate(itertools.pairwise(of_lines[owned].tolist())):
        base = text.offsets[row]
        found = []
        for k in range(a, b - span + 1):
            parts = [raw[first[j] : last[j]].decode() for j in range(k, k + span)]
            if len(" ".join(parts).split()) >= least:
                keys = [plain_key(lowered(part).encode()) for part in parts]
                high, low = keys[0]
                for up, down in keys[1:]:
                    high = mix(high * 0x9E3779B97F4A7C15 + up & ALL)
                    low = mix(low * 0xB492B66FBE98F273 + down & ALL)
                found.append((first[k] - base, last[k + span - 1] - base, (high, low)))
        expected.append(found)
    assert as_rows(units) == expected


OCCURRENCES = st.lists(st.tuples(*[st.integers(0, 3)] * 4), max_size=40, unique=True)


@given(OCCURRENCES, st.booleans(), st.randoms(use_true_random=False))
def test_first_copies_are_the_smallest_of_each_key(found, spread, random):
    """One occurrence of each key is flagged: the smallest by tie (or its mix with the key), document and unit."""
    random.shuffle(found)
    key, tie, document, unit = (np.array([item[k] for item in found], np.int64) for k in range(4))
    ties = (tie * 77).astype(np.uint64)
    # Keys that share all their lower bits, as those of one partition may.
    high, low = key.astype(np.uint64) << np.uint64(62), np.zeros(len(found), np.uint64)

    def rank(k):
        value = int(ties[k])
        return (mix(mix(value) ^ int(high[k])) if spread else value, document[k], unit[k])

    best = {min((k for k in range(len(found)) if key[k] == one), key=rank) for one in set(key.tolist())}
    flags = line_keys.first_copies(high, low, ties, document, unit, spread)
    assert flags.tolist() == [k in best for k in range(len(found))]


@pytest.mark.parametrize("keys", [1, 1_000_000])
def test_a_million_occurrences_are_one_pass(keys):
    """A million occurrences of one key, or of as many keys, leave one of each."""
    count = 1_000_000
    high = np.arange(count, dtype=np.uint64) % np.uint64(keys) << np.uint64(40)
    places = np.arange(count)
    flags = line_keys.first_copies(high, high, np.ones(count, np.uint64), places[::-1].copy(), places, False)
    assert flags.sum() == keys
    assert flags[-1]
