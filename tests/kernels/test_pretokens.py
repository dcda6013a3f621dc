"""Pre-tokens beside the regular expressions of the library."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from corpusmill.kernels import buffers, pretokens
from corpusmill.kernels.pretokens import CL100K, GPT2, Shape
from corpusmill.tokenize.patterns import PATTERNS
from tests.tokenize.made import ODD

TEXTS = st.lists(st.one_of(st.text(), st.text(alphabet=ODD), st.text(alphabet="a' sS\n1.", max_size=30)), max_size=8)
NAMES = sorted(PATTERNS)
VALID = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]


def shape_of(name):
    """The shape of a pattern."""
    return Shape(*PATTERNS[name][1:])


def library(name):
    """Cuts one text by the pattern's regular expression."""
    split = pre_tokenizers.Split(Regex(PATTERNS[name].expression), "isolated")
    return lambda text: [piece for piece, _ in split.pre_tokenize_str(text)]


def cut(texts, shape):
    """Pieces of each text, as strings, from a slice of a larger array."""
    text = buffers.text(pa.array(["Ä1", *texts]).slice(1))
    data = text.data.tobytes()
    placed, ends = pretokens.split(*text, shape)
    found = []
    for row in range(len(texts)):
        begin, pieces = text.offsets[row], []
        for end in ends[placed[row] : placed[row + 1]]:
            pieces.append(data[begin:end].decode())
            begin = end
        assert begin == text.offsets[row + 1]
        found.append(pieces)
    return found


@pytest.mark.parametrize("name", NAMES)
@given(TEXTS)
@example(["0000 12345678"])
def test_pieces_are_those_of_the_regular_expression(name, texts):
    """On any Unicode text, documents on their own."""
    expected = library(name)
    assert [expected(text) for text in texts] == cut(texts, shape_of(name))


@pytest.mark.parametrize("name", NAMES)
def test_code_points_between_others(name):
    """The ends of all ranges of a class and every 97th: alone, after an apostrophe, doubled and at the end."""
    ends = {point for first, last, _ in pretokens.ranges() for point in (first - 1, first, last, last + 1)}
    points = sorted((ends & set(VALID)) | set(VALID[::97]))
    texts = [f"{c}a {c}{c} {c}1'{c}, '{c}l'l{c}\n{c}" for c in map(chr, points)]
    expected = library(name)
    found = cut(texts, shape_of(name))
    assert [] == [hex(p) for p, t, f in zip(points, texts, found, strict=True) if expected(t) != f]


def test_classes_are_those_of_the_library():
    """For every code point; a new version of the library with another Unicode version needs a new file."""
    for kind, expression in (pretokens.LETTER, r"\p{L}"), (pretokens.NUMBER, r"\p{N}"), (pretokens.SPACE, r"\s"):
        split = pre_tokenizers.Split(Regex(expression), "removed")
        known = set()
        for first in range(0, len(VALID), 4096):
            block = [chr(point) for point in VALID[first : first + 4096]]
            known |= set(block) - set("".join(piece for piece, _ in split.pre_tokenize_str("".join(block))))
        wrong = [hex(point) for point in VALID if (pretokens.classes()[point] == kind) != (chr(point) in known)]
        assert [] == wrong, "run tools/pretoken_tables.py"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'm sure it's 'sure  2024!!", ["I", "'m", " sure", " it", "'s", " '", "sure", " ", " 2024", "!!"]),
        ("a\n\n  b \n", ["a", "\n\n ", " b", " \n"]),
        ("I'M", ["I", "'", "M"]),
        ("", []),
    ],
)
def test_known_pieces_of_gpt2(text, expected):
    """Contractions in small letters, the space that goes with a word, white space to the end."""
    assert [expected] == cut([text], Shape(GPT2, 0, last_spaces=False))


@pytest.mark.parametrize(
    ("text", "expected", "last"),
    [
        ("I'M 12345,\r\n\n x", ["I", "'M", " ", "123", "45", ",\r\n\n", " x"], False),
        ("(word)\tx  y", ["(word", ")", "\tx", " ", " y"], False),
        ("end \n  ", ["end", " \n", "  "], False),
        ("end \n  ", ["end", " \n  "], True),
    ],
)
def test_known_pieces_of_cl100k(text, expected, last):
    """Numbers by three, line ends with punctuation, one character before a word, white space at the end."""
    assert [expected] == cut([text], Shape(CL100K, 3, last_spaces=last))
