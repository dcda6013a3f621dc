"""Dialects, units, and the hash of a shingle in plain Python."""

import importlib.util
import itertools
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusmill.dedup.shingles import Shingling, normalised_words, shingle_hash, shingle_sets, shingles
from corpusmill.kernels import buffers
from tests.kernels.reference_normalise import SAMPLES

HOWS = [
    Shingling(),
    Shingling("datatrove"),
    Shingling("none", ngram=2),
    Shingling("bigcode", ngram=1),
    Shingling("plain", "characters", 24),
    Shingling("none", "characters", 3),
    Shingling("datatrove", "characters", 2),
    Shingling("bigcode", "characters", 5),
]
TEXTS = st.lists(st.one_of(st.text(), st.text(alphabet=SAMPLES), st.text(alphabet="aZ3., -\n", max_size=60)))


def as_text(texts):
    """The texts from a slice of a larger array."""
    return buffers.text(pa.array(["Ä1 x", *texts]).slice(1))


def expected(texts, how):
    """Hashes of the shingles of each text by the plain function."""
    joint = " " if how.unit == "words" else ""
    return [
        [
            shingle_hash(joint.join(parts[i : i + how.ngram]).encode(), how.unit)
            for i in range(len(parts) - how.ngram + 1)
        ]
        for parts in normalised_words(as_text(texts), how)
    ]


def lists(offsets, values):
    """The values of each document."""
    return [values[a:b].tolist() for a, b in itertools.pairwise(offsets)]


@pytest.mark.parametrize("how", HOWS, ids=lambda how: f"{how.dialect}-{how.unit}")
@given(texts=TEXTS)
def test_hashes_are_those_of_the_shingles(how, texts):
    """A shingle's hash is a function of its normalised words or characters and of nothing else."""
    assert expected(texts, how) == lists(*shingles(as_text(texts), how))


@pytest.mark.parametrize("how", HOWS, ids=lambda how: f"{how.dialect}-{how.unit}")
@given(texts=TEXTS)
def test_sets(how, texts):
    """The different high halves, sorted."""
    found = shingle_sets(as_text(texts), how)
    assert [sorted({value >> 32 for value in values}) for values in expected(texts, how)] == lists(*found)
    assert np.uint32 == found[1].dtype


def test_dialects_differ_as_they_say():
    """One text, four readings."""
    text = as_text(["Don't pay $1,234.56 to Café_Müller…"])
    found = {
        dialect: normalised_words(text, Shingling(dialect))[0] for dialect in ("plain", "datatrove", "none", "bigcode")
    }
    assert {
        "plain": ["don", "t", "pay", "1", "234", "56", "to", "café", "müller"],
        "datatrove": ["don", "t", "pay", "0", "0", "to", "cafe", "muller"],
        "none": ["Don't", "pay", "$1,234.56", "to", "Café_Müller…"],
        "bigcode": ["Don", "t", "pay", "1", "234", "56", "to", "Caf", "_M", "ller"],
    } == found


def test_characters():
    """Of the normalised words joined by one space; of the text itself for `none`."""
    text = as_text([" Ab,  é\n"])
    assert [list(" Ab,  é\n")] == normalised_words(text, Shingling("none", "characters"))
    assert [list("ab é")] == normalised_words(text, Shingling("plain", "characters"))


def test_short_documents_have_no_shingles():
    """Empty, blank, and one word too few; one more is one shingle."""
    texts = ["", " . ", "one two three four", "one two three four five", "one two, three-four five SIX"]
    offsets, hashes = shingles(as_text(texts), Shingling())
    assert [0, 0, 0, 0, 1, 3] == offsets.tolist()
    assert hashes[0] == hashes[1]
    assert [0] == shingles(as_text([]), Shingling())[0].tolist()


def test_order_and_bounds_of_words_matter():
    """`a b` is not `b a`, and not `ab`."""
    found = [shingle_hash(shingle) for shingle in (b"a b", b"b a", b"ab", b"a", b"a b c", b"a  b")]
    assert len(found) == len(set(found))
    assert shingle_hash(b"ab") != shingle_hash(b"ab", "characters")


@pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="needs spaCy")
def test_datatroves_own_tokenizer():
    """spaCy splits what white space does not: `gonna` is two tokens."""
    text = as_text(["We’re gonna stop 3.5km away, can’t we?"])
    how = Shingling("datatrove", ngram=3, tokenizer="spacy")
    assert [["we", "re", "gon", "na", "stop", "0", "km", "away", "can", "t", "we"]] == normalised_words(text, how)
    assert expected(["We’re gonna stop 3.5km away, can’t we?"], how) == lists(*shingles(text, how))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"dialect": "datatrov"}, "dialect: found 'datatrov', expected one of plain, datatrove, none, bigcode"),
        ({"unit": "bytes"}, "unit: found 'bytes', expected one of words, characters"),
        ({"ngram": 0}, "ngram: found 0, expected at least 1"),
        ({"tokenizer": "nltk"}, "tokenizer: found 'nltk', expected one of whitespace, spacy"),
        (
            {"tokenizer": "spacy"},
            "tokenizer: spacy is for words of the datatrove dialect; found dialect plain, unit words",
        ),
    ],
)
def test_what_means_nothing_is_refused(fields, message):
    """With what was found and what was expected."""
    with pytest.raises(ValueError) as caught:
        Shingling(**fields)
    assert message == str(caught.value)


def test_a_plan_needs_no_numba():
    """The classes can be imported and made without the kernels."""
    code = "import sys, corpusmill.dedup.minhash as m, corpusmill.dedup.shingles as s; s.Shingling(); m.Permutations()"
    code += "; print([name for name in ('numba', 'datasketch', 'scipy', 'spacy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert "[]" == done.stdout.strip()
