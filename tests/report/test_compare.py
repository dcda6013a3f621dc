"""Two runs side by side: drift that is planted is found, and records are matched however much memory there is."""

import dataclasses
import json

import numpy as np
import pytest

from corpusmill import cli, stats
from corpusmill.report import compare, drift, fates, outputs
from corpusmill.report.settings import differing
from tests.report import asked_run
from tests.stages import texts

STEPS = asked_run.STEPS
STRICT = STEPS.replace("words: [30, 100000]", "words: [45, 100000]").replace(
    "sentences: [3, null]", "sentences: [2, null]"
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The same texts through two recipes with dedup, and other texts, with longer words, through the first."""
    folder = tmp_path_factory.mktemp("compared")
    texts.write(folder / "texts", asked_run.documents())
    other = [{**d, "id": f"o{d['id']}", "text": d["text"].replace("e", "ee")} for d in asked_run.documents(400, 9)]
    texts.write(folder / "others", other)
    dedup = asked_run.DEDUP
    texts.run(folder / "texts", folder / "a", f"{STEPS}\n{dedup}")
    texts.run(folder / "texts", folder / "b", f"{STRICT}\n{dedup}")
    texts.run(folder / "others", folder / "c", f"{STEPS}\n{dedup}")
    return {name: outputs.find(str(folder / name)) for name in "abc"}


def ends(run):
    """What became of each id, read from the ledgers row by row."""
    found = {}
    for stage in run.stages:
        for entry in stage.manifest["shards"]:
            found.update({row["id"]: row["reason"] for row in stage.ledger(entry["shard"]).to_pylist()})
    return found


@pytest.mark.parametrize("part", [2_000_000, 50])
def test_records_are_matched_and_counted(runs, part):
    """Every count is what the ledgers say row by row, with all records at once and with fifty at a time."""
    found = fates.fates(runs["a"], runs["b"], part=part)
    a, b = ends(runs["a"]), ends(runs["b"])
    assert ("id", len(a)) == (found.by, found.matched)
    assert sum(a[i] is None and b[i] is None for i in a) == found.kept > 0
    assert sum(a[i] is not None and b[i] is not None for i in a) == found.dropped > 0
    wanted: dict = {}
    for i in a:
        if (a[i] is None) != (b[i] is None):
            change = fates.Change("A", b[i]) if a[i] is None else fates.Change("B", a[i])
            wanted.setdefault(change, []).append(i)
    assert {change: len(ids) for change, ids in wanted.items()} == found.changes
    assert {"A", "B"} == {change.keeps for change in found.changes}
    ledger = {r["id"]: r for s in range(3) for r in runs["b"].stages[0].ledger(s).to_pylist()}
    for change, examples in found.examples.items():
        assert {one.id for one in examples} <= set(wanted[change])
        assert min(3, len(wanted[change])) == len(examples)
        for one in examples:
            assert one.text
            assert "@mail.example" not in one.text
            if change.reason == "gopher_quality.words<45":
                assert ledger[one.id]["gopher_quality.words"] == one.value < 45
    assert fates.fates(runs["a"], runs["b"]) == found


def test_settings_that_differ_are_named(runs):
    """Bounds by their path; steps of one run alone; nothing where recipes are equal but for where they lie."""
    found = compare.compare(runs["a"], runs["b"]).settings
    assert ("steps.gopher_quality.words", "[30, 100000]", "[45, 100000]") in found
    assert 2 == len(found)
    a = runs["a"].recipe
    assert [("input.paths", json.dumps(list(a.input.paths)), json.dumps(list(runs["c"].recipe.input.paths)))] == (
        differing(a, runs["c"].recipe)
    )
    short = dataclasses.replace(a, steps=a.steps[:-1], name="short")
    (gone,) = differing(a, short)
    assert (f"steps.{a.steps[-1].use}", "there", None) == gone
    secret = dataclasses.replace(a, input=dataclasses.replace(a.input, paths=["https://user:hunter22@a.example/x"]))
    assert "hunter22" not in str(differing(a, secret))


def test_runs_without_a_common_id_are_matched_by_url(runs):
    """Two dumps have ids of their own; pages of one address are compared."""
    found = fates.fates(runs["a"], runs["c"])
    assert "url" == found.by
    urls = [{d["url"] for d in asked_run.documents(n, seed)} for n, seed in ((240, 3), (400, 9))]
    assert len(urls[0] & urls[1]) == found.matched > 0
    assert 400 == found.matched + found.only["B"][0]


def test_equal_runs_do_not_drift_and_changed_texts_do(runs):
    """A run beside itself has no drift at all; the signal of the planted change leads the list of another's."""
    same = compare.compare(runs["a"], runs["a"])
    assert {0.0} == {one.psi for one in same.drifts}
    assert ({}, [], {"A": [0, 0], "B": [0, 0]}) == (dict(same.fates.changes), same.alarms(0.0), same.fates.only)
    assert {"languages": [], "domains": [], "sources": []} == same.moved
    other = compare.compare(runs["a"], runs["c"])
    found = {one.name: one for one in other.drifts}
    assert "drifted" == found["gopher_quality.mean_word_length"].reading
    assert "gopher_quality.mean_word_length" in [one.name for one in other.alarms(drift.MUCH)]
    assert [240, 400] == [found["sources"].a, found["sources"].b]
    assert 0 == found["sources"].psi


@pytest.mark.parametrize("kind", ["values", "names", "lumped"])
def test_samples_of_one_distribution_stay_below_chance(kind):
    """In 300 pairs of samples of one distribution about 5 in 100 are above what is called chance, and few far above."""
    pick = np.random.default_rng(7)
    above = 0
    for _ in range(300):
        sizes = (400, 900)
        if kind == "names":
            drawn = [pick.choice(list("abcdef"), size, p=[0.4, 0.25, 0.15, 0.1, 0.06, 0.04]) for size in sizes]
            counts = [
                dict(zip(*map(np.ndarray.tolist, np.unique(of, return_counts=True)), strict=True)) for of in drawn
            ]
            one = drift.of_names("languages", *counts)
        else:
            drawn = [
                pick.lognormal(3, 1, size) * (pick.random(size) > (0.6 if kind == "lumped" else 0)) for size in sizes
            ]
            one = drift.of_values("x", *(stats.bins(of) for of in drawn))
            assert len(one.classes) >= (4 if kind == "lumped" else 9)
        assert list(sizes) == [sum(c.a for c in one.classes), sum(c.b for c in one.classes)]
        above += one.psi > one.chance
    assert 3 <= above <= 30


def test_the_index_is_the_textbooks():
    """By hand: shares 50, 50 against 80, 20 of a thousand, but for half a document a class."""
    by_hand = (0.8 - 0.5) * np.log(0.8 / 0.5) + (0.2 - 0.5) * np.log(0.2 / 0.5)
    assert abs(drift.psi([500, 500], [800, 200]) - by_hand) < 0.002
    assert drift.psi([0, 10], [10, 0]) < float("inf")
    assert abs(drift.chance(2, 1000, 1000) - 3.84 * 2 / 1000) < 0.0003


@pytest.mark.parametrize("kind", ["no records", "none kept", "not measured"])
def test_a_run_with_nothing_to_compare_is_an_alarm(runs, tmp_path, capsys, kind):
    """A dump without records, one of which nothing is kept, and a signal that is gone end with 1 and are told."""
    texts.write(tmp_path / "texts", [] if kind == "no records" else asked_run.documents())
    steps = f"{STEPS}\n{asked_run.DEDUP}"
    if kind == "no records":
        for file in (tmp_path / "texts").iterdir():
            file.write_text("\n")
    if kind == "none kept":
        steps = steps.replace("words: [30, 100000]", "words: [100000, 100000]")
    if kind == "not measured":
        steps = "\n".join(line for line in steps.splitlines() if "fineweb" not in line)
    texts.run(tmp_path / "texts", tmp_path / "d", steps)
    a, d = runs["a"].root, str(tmp_path / "d")
    wanted = {
        "no records": "B has no records",
        "none kept": "B keeps none of its 240 records",
        "not measured": "gone: fineweb_quality.line_punct_ratio: measured in A, and nowhere in B",
    }[kind]
    assert 1 == cli.main(["report", a, d, "--fail-on-drift", "1000", "--json"])
    told = capsys.readouterr()
    alarm = json.loads(told.out)["alarm"]
    assert ([], True) == (alarm["above"], wanted in alarm["gone"])
    assert wanted in told.err
    page = tmp_path / "both.html"
    assert 0 == cli.main(["report", a, d, "--html", str(page)])
    assert wanted in page.read_text()
    capsys.readouterr()
    assert 0 == cli.main(["report", a, d])
    assert wanted in capsys.readouterr().out
    swapped = compare.compare(outputs.find(d), runs["a"]).gone
    assert [wanted.replace("B ", "A ")] * (kind != "not measured") == swapped


def test_the_command(runs, tmp_path, capsys):
    """Tables, JSON and a page tell the same; the alarm names the signals and ends with 1."""
    roots = [runs[name].root for name in "abc"]
    assert 0 == cli.main(["report", roots[0], roots[1]])
    out = capsys.readouterr().out
    assert "kept in A, dropped in B for gopher_quality.words<45" in out
    assert 1 == cli.main(["report", roots[0], roots[2], "--fail-on-drift", "0.25", "--json"])
    told = capsys.readouterr()
    data = json.loads(told.out)
    assert "gopher_quality.mean_word_length" in data["alarm"]["above"]
    assert "drift above 0.25: " in told.err
    assert all(name in told.err for name in data["alarm"]["above"])
    assert 0 == cli.main(["report", roots[0], roots[0], "--fail-on-drift", "0"])
    page = tmp_path / "both.html"
    assert 0 == cli.main(["report", roots[0], roots[1], "--html", str(page)])
    assert all(f'href="#{name}"' in page.read_text() for name in ("funnel", "drift", "fates"))
    capsys.readouterr()
    for wrong, message in (
        (["--html"], "give it a file"),
        (["--price-per-hour", "1"], "cost of one run"),
    ):
        assert 2 == cli.main(["report", roots[0], roots[1], *wrong])
        assert message in capsys.readouterr().err
    assert 2 == cli.main(["report", roots[0], "--fail-on-drift", "0.1"])
    assert "name the other too" in capsys.readouterr().err
