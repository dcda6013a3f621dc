"""Reports add up in any order."""

import itertools
import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from corpusmill import stats
from corpusmill.stats import Report, StepCounts


def small(seed):
    """A report with something in every field."""
    step = StepCounts(documents_in=seed + 2, documents_out=seed + 1, bytes_in=10 * seed, bytes_out=seed)
    step.reasons["a.x<1"] = 1
    report = Report(records=seed + 2, kept=seed + 1, dropped=1, bytes_read=seed, steps={"a": step})
    report.skipped["request"] = seed
    report.histograms["a.x"] = stats.bins(np.arange(seed, dtype=float))
    report.add_incidents([("f", seed, "cut")])
    report.add_examples("a.x<1", [stats.example(f"{seed}-{i}", None, 1.0, "text") for i in range(4)])
    report.languages["en"] = [seed, 1, 2]
    report.domains[f"d{seed % 2}"] = [1, 1, 1]
    return report


def added(reports):
    """Their sum as text."""
    total = Report()
    for report in reports:
        total.add(report)
    return json.dumps(total.to_json())


def test_the_order_of_adding_does_not_matter():
    """Every order of adding gives the same bytes."""
    orders = itertools.permutations([small(1), small(2), small(3), small(7)])
    assert 1 == len({added(order) for order in orders})


def test_the_grouping_does_not_matter():
    """Adding sums of parts gives what adding all at once does."""
    left, right = Report(), Report()
    for seed in (1, 2):
        left.add(small(seed))
    for seed in (3, 4):
        right.add(small(seed))
    assert added([left, right]) == added([small(seed) for seed in (1, 2, 3, 4)])


def test_json_there_and_back():
    """A report read back equals the one written."""
    report = small(5)
    assert report.to_json() == Report.from_json(json.loads(json.dumps(report.to_json()))).to_json()


def test_a_lost_document_is_found():
    """Faults name the step where counts break."""
    assert [] == small(3).faults()
    broken = small(3)
    broken.steps["a"].documents_out -= 1
    assert ["a: 5 in, but 3 out and 1 with a reason", "3 out of a, but 4 kept"] == broken.faults()
    broken = small(3)
    broken.kept -= 1
    assert "5 records in, but 3 kept + 1 dropped + 0 dead" in broken.faults()


def test_examples_are_the_smallest_keys():
    """The same few examples stay whichever shard came first."""
    many = [stats.example(str(i), None, None, "") for i in range(50)]
    forward, backward = Report(), Report()
    for item in many:
        forward.add_examples("r", [item])
    backward.add_examples("r", reversed(many))
    assert forward.examples == backward.examples
    assert sorted(many)[:5] == forward.examples["r"]


def test_an_excerpt_is_short_and_on_one_line():
    """White space is run together and the text is cut by code points."""
    assert "a b" == stats.example("i", None, None, "a \n\t b").excerpt
    assert 1200 == len(stats.example("i", None, None, "é" * 5000).excerpt)
    spaced = stats.example("i", None, None, "ab" + " " * 3000 + "c" * 2000).excerpt  # white space is not counted
    assert f"ab {'c' * 1197}" == spaced


def test_excerpts_are_changed_before_they_are_cut():
    """What is masked is seen whole first: a value across the cut does not stay in half."""
    report = stats.Report()
    report.add_examples("kept", [stats.example("i", "u", None, "x" * 295 + " secret-value and more")])
    report.add_largest("near.size", [stats.example("j", None, 2.0, "secret-value")])
    report.change_excerpts(lambda texts: [text.replace("secret-value", "<S>") for text in texts])
    (one,), (other,) = report.examples["kept"], report.largest["near.size"]
    assert ("x" * 295 + " <S> ")[:300] == one.excerpt
    assert ("u", "<S>", None) == (one.url, other.excerpt, other.url)


@given(st.floats(-1e12, 1e12, allow_nan=False))
def test_a_value_lies_in_its_bin(value):
    """The edges of a value's bin enclose it."""
    ((index, count),) = stats.bins(np.array([value])).items()
    low, high = stats.bin_edges(index)
    tiny = 0 < abs(value) < 2.0**-65  # below the smallest bin, into which it falls
    assert count == 1
    assert tiny or low <= value <= high


@given(st.lists(st.floats(0.001, 1e9), min_size=2, max_size=2))
def test_bins_are_ordered(values):
    """A larger value never has a smaller bin."""
    low, high = sorted(values)
    assert next(iter(stats.bins(np.array([low])))) <= next(iter(stats.bins(np.array([high]))))
