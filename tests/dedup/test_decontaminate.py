"""Decontamination on small worked corpora: what is found, what is not, and what is left."""

import gzip
import json
import pickle

import numpy as np
import pytest

from corpusmill import documents, spans
from corpusmill.dedup import decontaminate
from corpusmill.dedup.decontaminate import Decontaminate
from corpusmill.dedup.shingles import Shingling, shingles
from corpusmill.errors import InputError
from corpusmill.kernels.contamination import ngrams
from corpusmill.kernels.normalise import plain_points
from corpusmill.signals import judge
from corpusmill.spec import Bounds, limits
from corpusmill.view import View
from tests.data import shared

LONG = "A farmer has seventeen sheep, and all but nine of them run away; how many sheep does the farmer have left?"
SHORT = "Which of the nine planets is the largest one?"  # nine words
TINY = "Who wrote the play?"
OTHER = (
    "Trains leave two towns at noon and meet after three hours; the slower one covers ninety miles by then, doesn't it?"
)
FILLER = "The harbour was rebuilt by families who lived there, and nobody remembers how long the work took them. "
FILES = {
    "sheep.jsonl": [{"question": LONG, "answer": "9"}, {"question": OTHER}],
    "short.jsonl": [{"query": SHORT}, {"query": TINY}],
}


def reader(files):
    """Read JSONL "files" of given items, or bytes as they are."""

    def read(path):
        if path not in files:
            raise FileNotFoundError(path)
        items = files[path]
        return items if isinstance(items, bytes) else "".join(json.dumps(item) + "\n" for item in items).encode()

    return read


def spec(files=FILES, **options):
    """A spec over those files, each named by its stem."""
    return Decontaminate(benchmarks={name.split(".")[0]: name for name in files}, **options)


class Run:
    """Both passes over some texts, with everything that comes of them."""

    def __init__(self, texts, files=FILES, **options):
        self.step = spec(files, **options)
        self.table = pickle.loads(pickle.dumps(decontaminate.load(self.step, reader(files))))
        batch = documents.from_texts(texts)
        view = View(batch)
        found = decontaminate.hits(view, self.table)
        self.frequencies = decontaminate.count(found, self.table)
        measured = decontaminate.decide(view, found, self.frequencies, self.step)
        assert list(measured.signals) == list(limits(self.step))
        self.ngrams = measured.signals["contaminated_ngrams"].tolist()
        self.share = measured.signals["contaminated_share"].tolist()
        verdict = judge(self.step, measured.signals)
        self.reasons = [None if code < 0 else verdict.reasons[code] for code in verdict.codes]
        self.edits = measured.edits
        self.after = None if self.edits is None else spans.apply(batch.column("text"), self.edits).to_pylist()
        self.matches = decontaminate.matches(found, self.frequencies, self.step, self.table)
        self.tally = decontaminate.tally(self.matches, self.table)
        self.rows = decontaminate.contamination(self.tally, self.frequencies, self.step, self.table)


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        FILLER + LONG + " " + FILLER,
        FILLER + LONG.upper() + FILLER,
        FILLER + LONG.replace(" ", "\n").replace(",", " --").replace(";", "") + FILLER,
        FILLER + "... " + " ".join(LONG.split()[4:17]) + " ...",
    ],
    ids=["alone", "inside", "case", "punctuation", "thirteen words of it"],
)
def test_planted_items_are_found(text):
    """Verbatim, in other case, with other punctuation and lines, in the middle of a page, and in part."""
    run = Run([FILLER, text])
    assert run.reasons == [None, "contaminated_ngrams>0"]
    assert run.matches.rows.tolist() == [1]
    assert run.matches.items.tolist() == [0]


def test_fewer_words_than_an_ngram_are_no_hit():
    """Twelve words of a longer item are not enough, nor thirteen with one changed."""
    twelve = " ".join(LONG.split()[3:15])
    changed = LONG.replace("nine of", "ten of").replace("sheep does", "goats does")
    assert Run([twelve, FILLER + twelve + FILLER, changed]).ngrams == [0, 0, 0]


def test_short_items_are_found_only_whole():
    """Nine words are looked for in sequence; eight of them, or all with one between, are not the item."""
    lead, rest = SHORT.split(" ", 1)
    run = Run([FILLER + SHORT.lower(), FILLER + rest, f"{lead} one {rest}", FILLER + SHORT + SHORT])
    assert run.ngrams == [1, 0, 0, 1]
    assert run.matches.whole.tolist() == [True, True]


def test_items_of_few_words_are_not_looked_for_and_said():
    """The tiny item is in the page and counts as too short, unless it is asked for."""
    run = Run([TINY])
    assert (run.ngrams, run.rows[1].too_short) == ([0], 1)
    run = Run([TINY], min_words=4)
    assert (run.ngrams, run.rows[1].too_short) == ([1], 0)


def test_labels_and_lines_do_not_hide_a_short_item():
    """A question between labels, or above its choices, is looked for without them."""
    files = {
        "a.jsonl": [
            {"query": f"Question: {SHORT}\nAnswer:"},
            {"query": OTHER[:40] + "\n" + SHORT.upper() + "\nA. Mars"},
        ]
    }
    run = Run([FILLER + SHORT], files)
    assert run.matches.items.tolist() == [0, 1]
    assert Run([FILLER + SHORT], files, labels=()).matches.items.tolist() == [1]


def test_common_ngrams_are_no_evidence():
    """What is in more documents than allowed is discounted; the item is then not checkable, and the others are."""
    texts = [f"{number} {LONG}" for number in range(3)] + [OTHER]
    run = Run(texts, max_document_frequency=2)
    assert run.reasons == [None, None, None, "contaminated_ngrams>0"]
    assert run.share[:3] == [0, 0, 0]
    assert run.rows[0] == ("sheep", 2, 0, 1, 1, 1, 1)
    assert Run(texts, max_document_frequency=3).reasons == ["contaminated_ngrams>0"] * 4
    assert Run(texts * 20, max_document_frequency=None).reasons == ["contaminated_ngrams>0"] * 80


def test_an_item_with_a_common_beginning_is_found_by_its_rest():
    """Only the n-grams that are common are discounted, and the whole item is still known to be whole."""
    phrase = "as everybody who has ever lived in a village by the sea knows very well"
    item = phrase + " the lighthouse keeper counts eleven boats before breakfast"
    run = Run(
        [phrase + f" {number}" for number in range(4)] + [item], {"a.jsonl": [{"text": item}]}, max_document_frequency=4
    )
    assert run.reasons == [None] * 4 + ["contaminated_ngrams>0"]
    assert run.matches.rows.tolist() == [4]
    assert run.matches.whole.tolist() == [True]


def test_a_repeated_item_counts_once():
    """A document in which an item stands twice has its n-grams once, and is one document of their frequency."""
    once, twice = Run([LONG]), Run([LONG + " " + FILLER + LONG])
    assert once.ngrams == twice.ngrams == [len(LONG.split()) - 12]
    assert twice.frequencies.max() == 1


def test_cut_keeps_the_rest_byte_for_byte():
    """The words of the item go, from the first to the last; no bound is set, so the page stays."""
    before, after = "Größe é 漢字 «\n", "?» " + FILLER + "ü"
    middle = LONG.removesuffix("?")
    run = Run([before + middle + after, FILLER, "", middle], action="cut")
    assert run.after == [before + after, FILLER, "", ""]
    assert run.reasons == [None] * 4
    assert run.share == [pytest.approx(len(middle) / len((before + middle + after).encode())), 0, 0, 1]


def test_cut_joins_what_overlaps_and_leaves_what_lies_between():
    """Two items with words between them are two spans; neighbours in the batch do not join."""
    text = f"{OTHER} and then {LONG} {LONG}"
    run = Run([text, text], action="cut")
    assert run.after == ["? and then ? ?"] * 2
    assert run.edits.rows.tolist() == [0, 0, 0, 1, 1, 1]


def test_cut_takes_the_longest_of_nested_items():
    """A short item inside a longer one ends no span early."""
    outer = LONG.split()[:13]
    files = {"a.jsonl": [{"q": " ".join(outer)}, {"q": " ".join(outer[2:11])}]}
    run = Run(["x: " + " ".join(outer) + " y"], files, action="cut")
    assert (run.ngrams, run.after) == ([2], ["x: ; y"])


def test_bounds_may_be_given():
    """A share of the document, and a bound for cut."""
    step = spec(contaminated_ngrams=Bounds(None, None), contaminated_share=Bounds(None, 0.5))
    options = {"contaminated_ngrams": step.contaminated_ngrams, "contaminated_share": step.contaminated_share}
    assert Run([LONG, FILLER * 5 + LONG], **options).reasons == ["contaminated_share>0.5", None]
    assert spec().contaminated_ngrams == Bounds(None, 0)
    assert spec(action="cut").contaminated_ngrams == Bounds(None, None)


def test_parts_add_up_to_the_whole():
    """Frequencies and tallies of batches add up, so the table does not depend on how documents are cut into shards."""
    texts = [LONG, FILLER, OTHER + LONG, SHORT, FILLER + LONG]
    whole = Run(texts)
    parts = [Run([text]) for text in reversed(texts)]
    assert sum(part.frequencies for part in parts).tolist() == whole.frequencies.tolist()
    total = parts[0].tally
    for part in parts[1:]:
        total += part.tally
    assert decontaminate.contamination(total, whole.frequencies, whole.step, whole.table) == whole.rows
    assert whole.rows == [("sheep", 2, 0, 0, 2, 2, 3), ("short", 2, 1, 0, 1, 1, 1)]


def test_part_of_an_item_is_found_but_not_whole():
    """The table tells a copied item from one of which some words are there."""
    run = Run([" ".join(LONG.split()[:14])])
    assert run.matches.found.tolist() == [2]
    assert run.matches.whole.tolist() == [False]
    assert run.rows[0] == ("sheep", 2, 0, 0, 1, 0, 1)


def test_an_ngram_of_two_sets_is_told_of_both():
    """One document, two sets; each has it in its row."""
    files = {"one.jsonl": [{"q": LONG}], "two.jsonl": [{"q": "x"}, {"q": LONG}]}
    run = Run([LONG], files)
    assert [(row.found, row.documents) for row in run.rows] == [(1, 1), (1, 1)]
    assert run.table.item_lines[run.matches.items].tolist() == [1, 2]


def test_fields_choose_what_is_looked_for():
    """Only the strings of named fields count, in lists and objects too; by default all do."""
    files = {"a.jsonl": [{"q": "x", "choices": ["y", LONG], "meta": {"note": OTHER}, "n": 3, "none": None}]}
    assert Run([LONG, OTHER], files).ngrams[1] > 0
    assert Run([LONG, OTHER], files, fields=("q", "choices")).reasons == ["contaminated_ngrams>0", None]
    assert Run([LONG, OTHER], files, fields=("meta",)).reasons == [None, "contaminated_ngrams>0"]


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        ({"a.jsonl": b""}, {}, r"a\.jsonl: the file is empty"),
        ({"a.jsonl": b"\n \n"}, {}, r"a\.jsonl: the file is empty"),
        ({"a.jsonl": b'{"q": "x"}\n\n{"q": }\n'}, {}, r"a\.jsonl: line 3: expected a JSON object, found '\{\"q\": \}'"),
        ({"a.jsonl": b'["x"]\n'}, {}, r"a\.jsonl: line 1: expected a JSON object, found"),
        ({"a.jsonl": b'{"q": "\xff"}\n'}, {}, r"a\.jsonl: line 1: expected a JSON object"),
        ({"a.jsonl": [{"q": "x"}, {"r": "x"}]}, {"fields": ("q",)}, r"a\.jsonl: line 2: .* fields q, found r"),
        ({"a.jsonl": [{"q": "x"}]}, {"fields": ("q", "answr")}, r"no file of `benchmarks` has answr"),
    ],
)
def test_evaluation_sets_that_cannot_be_read(files, options, message):
    """The message names the file and line, what was found, and what was expected."""
    with pytest.raises(InputError, match=message):
        decontaminate.load(spec(files, **options), reader(files))


def test_a_missing_set_is_named():
    """A path that leads nowhere."""
    with pytest.raises(InputError, match=r"gone\.jsonl: no such file"):
        decontaminate.load(spec({"gone.jsonl": []}), reader({}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_words": 14}, "min_words: 14; give a number from 1 to ngram, which is 13"),
        ({"min_words": 0}, "min_words: 0"),
        ({"max_document_frequency": 0}, "max_document_frequency: 0; give at least 1, or null"),
        ({"contaminated_share": Bounds(1, 0)}, "contaminated_share: bounds are reversed"),
    ],
)
def test_options_that_cannot_be_meant(options, message):
    """Refused when the recipe is read."""
    with pytest.raises(ValueError, match=message):
        spec(**options)


def test_no_benchmarks_are_refused():
    """A step without evaluation sets would find nothing, silently."""
    with pytest.raises(ValueError, match="benchmarks: empty"):
        Decontaminate(benchmarks={})


def test_odd_files_are_read():
    """A byte order mark, carriage returns, blank lines, and half a surrogate pair."""
    content = "\ufeff".encode() + json.dumps({"q": LONG}).encode() + b'\r\n\r\n{"q": "\\ud800 x"}'
    run = Run([LONG], {"a.jsonl": content})
    assert (run.reasons, run.table.item_lines.tolist()) == (["contaminated_ngrams>0"], [1, 3])


def test_no_documents_and_nothing_found():
    """Empty batches, and sets without a string that is long enough."""
    run = Run([], action="cut")
    assert (run.ngrams, run.after) == ([], [])
    run = Run(["", LONG], {"a.jsonl": [{"q": TINY}, {}]}, action="cut")
    assert (run.after, run.rows) == (["", LONG], [("a", 2, 2, 0, 0, 0, 0)])


def test_words_are_those_of_plain_shingles():
    """Near dedup and decontamination mean the same by a word: what one counts, the other does."""
    texts = [LONG, "Ünïcode_«漢字» n\u0303o; K9-10.5 İstanbul\u0345", "", "one two", FILLER.upper()]
    text = View(documents.from_texts(texts)).text
    for size in (1, 2, 5):
        offsets, _ = shingles(text, Shingling(dialect="plain", ngram=size))
        _, found, hashes = ngrams(*text, plain_points(), size, size)
        assert found.tolist() == offsets.tolist()
        assert hashes.size == found[-1]


def test_real_items_planted_in_real_pages():
    """Every 20th question of GSM8K, hidden in pages, is found by its own page; clean pages are left alone."""
    questions = shared("eval-gsm8k/test.jsonl.gz")
    pages = shared("wikitext-2/valid.txt.gz")
    text = gzip.decompress(pages.read_bytes()).decode()
    items = [json.loads(line)["question"] for line in gzip.decompress(questions.read_bytes()).splitlines()]
    clean = [text[at : at + 3000] for at in range(0, len(text) - 3000, 3000)]
    planted = range(0, len(items), 20)
    hidden = [
        clean[i % len(clean)][:1500] + " " + items[i].upper() + " " + clean[i % len(clean)][1500:] for i in planted
    ]
    run = Run([*clean, *hidden], {"gsm8k.jsonl": gzip.decompress(questions.read_bytes())}, fields=("question",))
    assert not any(run.ngrams[: len(clean)])
    evidence = set(zip(run.matches.rows.tolist(), run.matches.items.tolist(), strict=True))
    assert {(len(clean) + place, item) for place, item in enumerate(planted)} <= evidence
    assert np.all(run.matches.whole[np.isin(run.matches.items, list(planted))])
