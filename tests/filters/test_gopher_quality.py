"""The Gopher quality rules and their readings."""

import pytest

from corpusmill import documents
from corpusmill.filters.gopher_quality import GopherQuality
from corpusmill.signals import judge
from corpusmill.spec import limits
from corpusmill.view import View

PLAIN = "the cats and dogs played with " * 10  # 60 words of 4 letters, half of them stop words
TEXTS = {
    None: PLAIN,
    "words<50": "the cat and " * 16,
    "words>100000": "the cat and " * 33_334,
    "mean_word_length<3": "the a b " * 20,
    "mean_word_length>10": "the and " + "incomprehensible " * 50,
    "hash_ratio>0.1": PLAIN + "#" * 7,
    "ellipsis_ratio>0.1": PLAIN + "x......y… " * 3,
    "bullet_lines>0.9": "\n".join(["  - the horses and ponies"] * 19 + ["the end"]),
    "ellipsis_lines>0.3": "\n".join(["the cat and dogs sat with the hens... "] * 4 + [PLAIN + PLAIN + "end"] * 9),
    "alphabetic_words<0.8": PLAIN + "1999 " * 16,
    "stop_words<2": "the cat has dogs sat " * 12,
}


def verdicts(step, texts):
    """The reason of each text, or None."""
    view = View(documents.from_texts(texts))
    signals = step.build()(view).signals
    assert list(limits(step)) == list(signals)
    found = judge(step, signals)
    return [found.reasons[code] if code >= 0 else None for code in found.codes]


def signals(text, **options):
    """The signals of one text."""
    found = GopherQuality(**options).build()(View(documents.from_texts(["päd", text]))).signals
    return {name: values[1] for name, values in found.items()}


@pytest.mark.parametrize("dialect", ["paper", "datatrove"])
@pytest.mark.parametrize("reason", [r for r in TEXTS if r != "words>100000"])
def test_each_rule_drops_its_text(dialect, reason):
    """Every rule has a text that it alone drops, in both dialects."""
    if dialect == "datatrove":
        pytest.importorskip("spacy")
    assert [reason] == verdicts(GopherQuality(dialect=dialect), [TEXTS[reason]])


def test_a_document_may_be_too_long():
    """A hundred thousand words are the most."""
    assert ["words>100000", None] == verdicts(GopherQuality(), [TEXTS["words>100000"], "the cat and dogs " * 25_000])


def test_worked_signals_of_the_paper():
    """Signals of a small text are those counted by hand."""
    text = "• The #cat…\n\n* and 1 the...\n  dogs “be”. \r\n"
    expected = {
        "words": 9,  # • The #cat… * and 1 the... dogs “be”.
        "mean_word_length": (1 + 3 + 5 + 1 + 3 + 1 + 6 + 4 + 5) / 9,
        "hash_ratio": 1 / 9,
        "ellipsis_ratio": 2 / 9,
        "symbol_ratio": 0,
        "bullet_lines": 2 / 3,
        "ellipsis_lines": 2 / 3,
        "alphabetic_words": 6 / 9,
        "stop_words": 2,  # The, and
    }
    assert expected == signals(text)


def test_worked_signals_of_datatrove():
    """The same text, read with spaCy's tokens, blank lines and small letters only."""
    pytest.importorskip("spacy")
    text = "• The #cat…\n\n* and 1 the...\n  dogs “be”. \r\n"
    # • The # cat … * and 1 the ... dogs “ be ” .
    expected = {
        "words": 8,  # • The cat and 1 the dogs be: datatrove does not count • as punctuation
        "mean_word_length": (1 + 3 + 3 + 3 + 1 + 3 + 4 + 2) / 8,
        "hash_ratio": 1 / 15,
        "ellipsis_ratio": 2 / 15,
        "symbol_ratio": 0,
        "bullet_lines": 1 / 4,
        "ellipsis_lines": 2 / 4,
        "alphabetic_words": 6 / 15,
        "stop_words": 3,  # and, the, be
    }
    assert expected == signals(text, dialect="datatrove")


def test_worked_signals_of_dclm():
    """Unicode's words are counted, words between white space measured; symbols count together, stop words each."""
    expected = {
        "words": 4,  # The the THE 2, but not _x
        "mean_word_length": (4 + 3 + 3 + 2 + 2 + 3 + 1 + 1 + 1) / 9,
        "hash_ratio": 1 / 9,
        "ellipsis_ratio": 2 / 9,  # the two ways of writing it share a dot
        "symbol_ratio": 3 / 9,
        "bullet_lines": 0,
        "ellipsis_lines": 1,
        "alphabetic_words": 4 / 9,
        "stop_words": 2,  # the THE, but not The,
    }
    assert expected == signals("The, the THE _x 2# ... . . .", dialect="dclm")


def test_dclm_has_one_bound_for_both_symbols():
    """Four hash signs and four ellipses to 61 words are too many for DCLM, and for it alone."""
    assert [None] == verdicts(GopherQuality(), [PLAIN + "#…" * 4 + "x"])
    assert ["symbol_ratio>0.1"] == verdicts(GopherQuality(dialect="dclm"), [PLAIN + "#…" * 4 + "x"])


def test_worked_signals_of_dolma():
    """The median length, words that hold a symbol, lines as they stand, small stop words each time."""
    expected = {
        "words": 8,  # - The #cat… * and and the… with…
        "mean_word_length": 3,  # 1 1 3 3 3 4 5 5
        "hash_ratio": 0,
        "ellipsis_ratio": 0,
        "symbol_ratio": 3 / 8,
        "bullet_lines": 1 / 5,
        "ellipsis_lines": 2 / 5,
        "alphabetic_words": 6 / 8,
        "stop_words": 2,
    }
    assert expected == signals("- The #cat…\n\n * and and the…\nwith… \n", dialect="dolma")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (None, PLAIN + "## ... " * 7),
        ("mean_word_length<3", "the a b " * 20),
        ("mean_word_length>10", "the and " + "incomprehensible " * 50),
        ("symbol_ratio>0.1", PLAIN + "c# etc… " * 4),
        ("bullet_lines>0.9", "\n".join(["- the horses and ponies"] * 19 + ["the end"])),
        (None, "\n".join(["  - the horses and ponies"] * 19 + ["the end"])),
        ("ellipsis_lines>0.3", "\n".join(["the cat and dogs sat with the hens… "[:-1]] * 4 + [PLAIN + PLAIN] * 9)),
        ("stop_words<2", "The cat has dogs sat " * 12),
    ],
)
def test_rules_of_dolma(reason, text):
    """Texts that Dolma drops, and two that only others drop."""
    assert [reason] == verdicts(GopherQuality(dialect="dolma"), [text])


def test_worked_signals_of_nemo():
    """Words that are symbols, Unicode's bullets, more ways to end a line, letters as Unicode's Alphabetic has them."""
    expected = {
        "words": 13,  # • The # ## a#b#c ... * Ⅳ and and Read MORE 12[…]
        "mean_word_length": (1 + 3 + 1 + 2 + 5 + 3 + 1 + 1 + 3 + 3 + 4 + 4 + 5) / 13,
        "hash_ratio": 0,
        "ellipsis_ratio": 0,
        "symbol_ratio": 2 / 13,  # # and ..., but not ##, of which a run is one half
        "bullet_lines": 1 / 4,
        "ellipsis_lines": 3 / 4,
        "alphabetic_words": 7 / 13,  # The a#b#c Ⅳ and and Read MORE
        "stop_words": 2,
    }
    text = " • The # ## a#b#c ...\n \n* Ⅳ and\nand Read MORE \n12[…]"
    assert expected == signals(text, dialect="nemo")


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (None, PLAIN + "#tag " * 9),
        ("symbol_ratio>0.1", PLAIN + "... # " * 4),
        ("bullet_lines>0.9", "\n".join(["⦿ the horses and ponies"] * 19 + ["the end"])),
        (None, "\n".join(["- the horses and ponies"] * 19 + ["the end"])),
        ("ellipsis_lines>0.3", "\n\n".join(["the cat and dogs sat with the hens Read more.."] * 4 + [PLAIN] * 9)),
        ("stop_words<2", "The cat has dogs sat " * 12),
        (None, "the cat has dogs sat and the hen " * 8),
    ],
)
def test_rules_of_nemo(reason, text):
    """Texts that NeMo Curator drops, and some that only others drop."""
    assert [reason] == verdicts(GopherQuality(dialect="nemo"), [text])


def test_nothing_to_count_for_nemo():
    """Without words, three of NeMo Curator's shares are 1, so that the text is dropped whatever its word bounds."""
    found = signals("\n \n", dialect="nemo")
    ones = [name for name, value in found.items() if value == 1]
    assert ["symbol_ratio", "bullet_lines", "ellipsis_lines"] == ones


def test_splitter_of_the_paper():
    """With Unicode's words, punctuation is none."""
    found = signals("The cat, and — the 2 dogs!", splitter="uax29")
    assert (6, 17 / 6, 5 / 6, 2) == tuple(
        found[name] for name in ("words", "mean_word_length", "alphabetic_words", "stop_words")
    )


def test_nothing_to_count():
    """Texts without words or lines have signals of zero, and are too short."""
    texts = ["", " \n\n\u3000", "\x00"]
    assert ["words<50"] * 3 == verdicts(GopherQuality(), texts)
    assert [0] * 9 == list(signals("").values())
    assert [] == verdicts(GopherQuality(), [])


def test_a_splitter_does_not_go_with_a_dialect_of_its_own():
    """A splitter is refused where the dialect names its own."""
    with pytest.raises(ValueError, match="dialect datatrove splits words its own way"):
        GopherQuality(dialect="datatrove", splitter="uax29")
