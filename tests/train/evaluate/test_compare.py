"""Results on disk, and two of them question by question."""

import json
import math

import pytest

from corpusmill.errors import InputError
from corpusmill.train.evaluate import results
from corpusmill.train.evaluate.compare import compare
from corpusmill.train.evaluate.results import Results, Row


def made(values, metric="acc", **changes):
    """Results of one task with these values of its questions."""
    items = [{"key": f"k{at}", "group": "", metric: value} for at, value in enumerate(values)]
    told = {"file": "f", "digest": "d", "shots": 0, "asked": len(items), **changes}
    return Results({"path": "m"}, {"t": told}, [Row("t", "", metric, 0.5, 0.1, len(items))], {"t": items})


def test_results_come_back_and_equal_results_are_equal_bytes(tmp_path):
    """What is written is read; the file does not depend on the order in which keys were put in."""
    one = made([1.0, 0.0])
    results.write(str(tmp_path / "a.json"), one)
    assert one == results.read(str(tmp_path / "a.json"))
    one.tasks["t"] = dict(reversed(one.tasks["t"].items()))
    results.write(str(tmp_path / "b.json"), one)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.items.jsonl").read_bytes() == (tmp_path / "b.items.jsonl").read_bytes()
    assert "t" == json.loads((tmp_path / "a.json").read_text())["scores"][0]["task"]


def test_results_that_are_none_are_told(tmp_path):
    """No file, other JSON, another version, items missing."""
    path = tmp_path / "a.json"
    with pytest.raises(InputError, match="no such file"):
        results.read(str(path))
    path.write_text('{"a": 1}')
    with pytest.raises(InputError, match="expected the JSON that `corpusmill eval` wrote"):
        results.read(str(path))
    results.write(str(path), made([1.0]))
    path.write_text(path.read_text().replace('"version": 1', '"version": 9'))
    with pytest.raises(InputError, match="results of version 9"):
        results.read(str(path))
    results.write(str(path), made([1.0]))
    (tmp_path / "a.items.jsonl").unlink()
    with pytest.raises(InputError, match=r"a\.items\.jsonl: missing"):
        results.read(str(path))


def test_a_paired_difference_by_hand():
    """The error is that of the differences, which is smaller than that of either."""
    (found,) = compare(made([0.0, 0.0, 1.0, 1.0]), made([0.0, 1.0, 1.0, 1.0]))
    assert (0.5, 0.75, 4) == (found.first, found.second, found.items)
    assert 0.25 == pytest.approx(found.error)  # of 0, 1, 0, 0: deviation 1/2, by the root of 4
    assert math.erfc(1 / math.sqrt(2)) == pytest.approx(found.p)


def test_bits_per_byte_are_a_ratio_of_sums():
    """A document that costs a bit more of ten moves the ratio by its share of bytes."""
    one, two = made([]), made([])
    one.items["t"] = [{"key": "a", "bits": 10.0, "bytes": 5}, {"key": "b", "bits": 4.0, "bytes": 5}]
    two.items["t"] = [{"key": "b", "bits": 4.0, "bytes": 5}, {"key": "a", "bits": 12.0, "bytes": 5}]
    (found,) = compare(one, two)
    assert ("bits_per_byte", 1.4, 1.6) == (found.metric, found.first, pytest.approx(found.second))
    assert 0.2 == pytest.approx(found.error)  # per document 2/5 and 0: deviation 0.2 root 2, by root 2


def test_equal_results_differ_by_nothing():
    """The same answers: no difference, no error, p is 1."""
    (found,) = compare(made([1.0, 0.0]), made([1.0, 0.0]))
    assert (0.0, 1.0) == (found.error, found.p)
    (single,) = compare(made([1.0]), made([0.0]))
    assert (None, None) == (single.error, single.p)


def test_what_cannot_be_compared_is_told():
    """Other questions, other shots, no task or no question in common."""
    with pytest.raises(InputError, match="t: digest is d in one and e in the other"):
        compare(made([1.0]), made([1.0], digest="e"))
    with pytest.raises(InputError, match="t: shots is 0 in one and 5"):
        compare(made([1.0]), made([1.0], shots=5))
    with pytest.raises(InputError, match="nothing to compare: one has t, the other no task"):
        compare(made([1.0]), Results({}))
    other = made([1.0])
    other.items["t"][0]["key"] = "else"
    with pytest.raises(InputError, match="no question is in both"):
        compare(made([1.0]), other)
