"""Slow, plain twins of the normalising kernels, by what Python itself knows of characters."""

import re
import unicodedata

import pytest
import regex

# The kernels' file was written by a Python with this Unicode version; another one knows other characters.
same_unicode = pytest.mark.skipif(
    unicodedata.unidata_version != "14.0.0", reason="needs a Python of Unicode 14, as the kernels' file"
)

# Letters that change length in lower case, sigmas, composed letters, marks that sort, digits, separators, spaces.
SAMPLES = (
    "abAB zZ09_.,،٫;:'\"-$\n\t\x00\x1c\x85\xa0éÉßİıΣσςK\u212bȺȾẞ½²٣１一ー漢字한글각ไทยא\u0301\u0323\u0344\u0345ʰ\xad’“”—…\u2028\u3000"
    "\u0ddd\u0f43\u1fef\u2260\u302e\u302f\u1715\u093e\U0001d15e\U0001d160\U0001d165\U0001d16d😀\u200d𝔸𝟙𐐀"
)

DATATROVE_PUNCTUATION = set(
    "!/—”:％１〈&(、━\\【#%「」，】；+^]~“《„';’{|∶´[=-`*．（–？！：$～«〉,><》)?）。…@_.\"}►»"
) | {chr(point) for low, high in ((0, 9), (11, 13), (13, 32), (127, 160)) for point in range(low, high)}


def plain(text):
    """Runs of letters, marks and numbers in simple lower case."""
    lower = "".join("i" if c == "\u0130" else c.lower() for c in text)
    return regex.findall(r"[\p{L}\p{M}\p{N}]+", lower)


def bigcode(text):
    """Runs of ASCII letters, digits and underscores."""
    return re.findall(r"[A-Za-z_0-9]+", text)


def datatrove(text):
    """The words of `simplify_text`, step by step as it is published."""
    text = regex.sub(r"\p{Nd}+(?:[.,،٫⎖⎗⎘]\p{Nd}+)?", "0", text.lower())
    text = "".join(" " if c in DATATROVE_PUNCTUATION else c for c in text)
    text = "".join(" " if c.isspace() else c for c in text)
    return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn").split()
