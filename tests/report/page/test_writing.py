"""Text and figures as the page writes them."""

import sys
import unicodedata

import pytest

from corpusmill.report.page import writing
from corpusmill.report.page.sections import Bytes, Name, Share


def test_what_deceives_or_is_unseen_is_a_code_point():
    """Every control but tab and line feed, every bidi control, every surrogate; letters and joiners stay."""
    stay = "\t\n é ক্\u200dষ می\u200cخواهم 日本 😀"
    assert writing.visible(stay) == stay
    assert writing.visible("a\0b\rc\u202ed\ud800") == "a⟨U+0000⟩b⟨U+000D⟩c⟨U+202E⟩d⟨U+D800⟩"
    hidden = [code for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in {"Cc", "Cs", "Zl", "Zp"}]
    bidi = [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x61C]
    planes = [plane + end for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF)]
    for code in {*hidden, *bidi, *planes, 0xAD, 0x200B, 0x2060, 0xFEFF, 0xE0041} - {9, 10}:
        assert writing.visible(chr(code)) == f"⟨U+{code:04X}⟩"


def test_escaped_is_safe_in_elements_and_attributes():
    """Markup is text; what is too long says how much is left out."""
    assert writing.escaped("<b a='1'>&\"") == "&lt;b a=&#x27;1&#x27;&gt;&amp;&quot;"
    assert writing.escaped("x" * 1_000_000, 10) == "xxxxxxxxxx… (999,990 more characters)"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, ""), (0, "0"), (1234567, "1,234,567"), (0.123456, "0.1235"), (12345.6, "12,346"), (0.0, "0"),
        (0.00001234, "1.23e-05"), (Share(0.351), "35.1%"), (Share(0.0), "0.0%"), (Share(1.0), "100.0%"),
        (Share(0.0004), "0.04%"), (Share(0.00001), "0.001%"), (Share(None), ""), (Bytes(1_234_567), "1.2 MB"),
        (Bytes(None), ""), (Name("c4.sentences"), "c4.sentences"), ("as it is", "as it is"),
    ],
)  # fmt: skip
def test_figures(value, told):
    """Figures as people read them."""
    assert writing.figure(value) == told


@pytest.mark.parametrize(
    ("value", "reason", "told"),
    [
        (0.11002, "r.duplicate_9_grams>0.11", "0.11002"), (0.12, "r.duplicate_9_grams>0.11", "0.12"),
        (0.11, "r.duplicate_9_grams>0.11", "0.11"), (0.6499924, "language.score<0.65", "0.64999"),
        (1000.25, "gopher_quality.words>1000", "1000.2"), (48.0, "gopher_quality.words<50", "48"),
        (2.0000000000000004, "x.y>2", "2.0000000000000004"), (0.7, "near_dedup.similarity>=0.7", "0.7"),
        (0.00001000001, "x.y>1e-05", "1.000001e-05"), (0.25, "kept", "0.25"), (0.25, "read.failed", "0.25"),
    ],
)  # fmt: skip
def test_a_value_is_not_rounded_onto_its_bound(value, reason, told):
    """Beside a bound that it is not, a value gets more digits; where both are equal, or far apart, it does not."""
    assert writing.against(value, reason) == told
