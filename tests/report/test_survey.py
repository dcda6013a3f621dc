"""What rules remove alone and together, against the ledger read row by row; scripts of languages."""

import math
from collections import Counter
from itertools import combinations

import pytest

from corpusmill.report import survey
from corpusmill.report.asked import parse
from corpusmill.report.page import fairness, interaction, render
from corpusmill.report.scripts import UNKNOWN, script
from corpusmill.report.sweep import sweep
from corpusmill.spec import limits
from tests.report import asked_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with a map stage, copies removed, and texts in German that lose more to one rule."""
    return asked_run.make(tmp_path_factory.mktemp("survey"), f"{asked_run.STEPS}\n{{use: exact_dedup}}")


def rows_and_breaks(run):
    """Each ledger row of the first stage with the reasons that it gives, spelled out."""
    found = []
    for entry in run.stages[0].manifest["shards"]:
        for row in run.stages[0].ledger(entry["shard"]).to_pylist():
            broken = []
            for step in run.recipe.steps[:4]:
                for signal, (low, high) in limits(step).items():
                    value = row[f"{step.use}.{signal}"]
                    value = math.nan if value is None else value
                    below, above = (f"{step.use}.{reason}" for reason in step.__getattribute__(signal).breaks(signal))
                    broken += [below] if low is not None and value < low else []
                    broken += [above] if high is not None and value > high else []
            found.append((row, broken))
    return found


def test_the_survey_counts_what_the_ledger_says(run):
    """Broken by language, alone with and without doubt, pairs, what a step removes alone."""
    first, second = survey.survey(run)
    rows = rows_and_breaks(run)
    broken = Counter(reason for _, reasons in rows for reason in reasons)
    assert broken == Counter({hit.reason: hit.broken.total() for hit in first.hits if hit.broken.total()})
    assert len(broken) > 5
    for hit in first.hits:
        mine = [row for row, reasons in rows if hit.reason in reasons]
        assert Counter(row["language"] or survey.NOT_NAMED for row in mine) == hit.broken
        alone = [row for row, reasons in rows if reasons == [hit.reason]]
        sure = [row for row in alone if row["redact.hits"] is not None]
        assert (len(sure), len(alone)) == hit.alone.documents
        assert (sum(r["bytes_out"] for r in sure), sum(r["bytes_out"] for r in alone)) == hit.alone.size
    reasons = [hit.reason for hit in first.hits]
    for a, b in combinations(range(len(reasons)), 2):
        assert first.pairs[a, b] == sum(reasons[a] in r and reasons[b] in r for _, r in rows)
    for name, alone in first.steps.items():
        mine = [r for _, r in rows if r and all(reason.startswith(f"{name}.") for reason in r)]
        assert len(mine) == alone.documents.high
    report = run.stages[1].report()
    (hit,) = second.hits
    assert (hit.decided, hit.broken.total(), hit.measured.total()) == (report.dropped, report.dropped, report.records)
    assert survey.survey(run) is survey.survey(run)


def test_curves_are_those_of_a_sweep(run):
    """The keep-rate by bound is the same as when it is asked for."""
    first, _ = survey.survey(run)
    dropped = {reason for step in run.stages[0].report().steps.values() for reason in step.reasons}
    assert {curve.rule.reason for curve in first.curves} == dropped
    for curve in first.curves:
        same = next(c for c in sweep(run, parse(run), curve.rule.signal) if c.above == curve.rule.above)
        assert [(p.bound, *p.kept) for p in same.points] == [
            tuple(row) for row in zip(curve.bounds.tolist(), curve.low.tolist(), curve.high.tolist(), strict=True)
        ]


def test_a_part_of_the_shards_stands_for_all(run, monkeypatch):
    """Over the limit, whole shards are left out, and the page says how many records were looked at."""
    monkeypatch.setattr(survey, "SAMPLE", 100)
    survey._survey.cache_clear()
    first, _ = survey.survey(run)
    section = interaction.section(run)
    survey._survey.cache_clear()
    assert (80, 240) == (first.looked_at, first.records)
    assert "01-curate: 80 of 240 records looked at, in whole shards evenly chosen." in section.notes


def test_the_sections(run):
    """Their figures are the report's; languages that a rule kills are flagged; all of it can be drawn."""
    report = run.stages[0].report()
    section = interaction.section(run)
    told = section.data["01-curate"]
    dropped = {reason: n for step in report.steps.values() for reason, n in step.reasons.items()}
    assert dropped == {reason: figures["decided"] for reason, figures in told.items() if figures["decided"]}
    assert all(figures["breaks"] >= figures["decided"] for figures in told.values())
    fair = fairness.section(run)
    assert {"en", "de", survey.NOT_NAMED} == set(fair.data["documents"])
    assert 240 == sum(fair.data["documents"].values())
    assert [] == fair.data["flagged"]
    rules = {row["rule"] for row in fair.charts[0].spec["data"]["values"]}
    assert rules == {hit.reason for stage in survey.survey(run) for hit in stage.hits if hit.broken.total()}
    page = render.html("small", "", [fair, section])
    assert "Keep-rate of every rule by language" in page
    assert "Keep-rate of every rule by script" in page


def test_a_rule_that_kills_a_language_is_flagged():
    """Over half of at least twenty documents, and over three times its average; rules that choose are left out."""
    measured = Counter({"en": 900, "th": 40, "de": 40, "xx": 10, survey.NOT_NAMED: 50})
    broken = Counter({"en": 20, "th": 30, "de": 15, "xx": 10, survey.NOT_NAMED: 50})
    hit = survey.Hit("a.words<5", "a", False, 9, None, measured, broken)
    assert [("th", 40, 30, 0.75)] == [(k.language, k.documents, k.lost, k.share) for k in fairness.killed("01", hit)]
    assert [] == list(fairness.killed("01", survey.Hit("a.words<5", "a", True, 9, None, measured, broken)))
    most = Counter({"en": 500, "th": 39, "de": 24, "xx": 10, survey.NOT_NAMED: 50})
    assert ["th"] == [k.language for k in fairness.killed("01", survey.Hit("a", "a", False, 9, None, measured, most))]
    everywhere = Counter({name: count * 3 // 4 for name, count in measured.items()})
    assert [] == list(fairness.killed("01", survey.Hit("a.words<5", "a", False, 9, None, measured, everywhere)))


def test_flagged_languages_stand_below_their_rule():
    """The rule once, with its share of all documents; the worst rule first, and in it the worst language."""
    measured = Counter({"en": 900, "th": 40, "km": 20, "de": 40})
    few, many = Counter({"en": 20, "th": 30}), Counter({"en": 90, "th": 30, "km": 20})
    hits = [survey.Hit(reason, "a", False, 9, None, measured, broken) for reason, broken in
            (("a.words<5", few), ("b.words<5", many))]  # fmt: skip
    flagged = sorted((k for hit in hits for k in fairness.killed("01", hit)), key=lambda k: -k.share)
    rows = fairness._flagged(flagged).rows
    assert [("b.words<5", 1000, 140, 0.14), ("km", 20, 20, 1.0), ("th", 40, 30, 0.75),
            ("a.words<5", 1000, 50, 0.05), ("th", 40, 30, 0.75)] == [
        (getattr(row.cells[0], "text", row.cells[0]), *row.cells[1:3], row.cells[3].value) for row in rows
    ]  # fmt: skip
    assert [0, 1, 1, 0, 1] == [row.level for row in rows]


def test_scripts():
    """By the code, by the code's own part, or not at all."""
    assert ["Latin", "Cyrillic", "Han", "Latn", UNKNOWN] == [script(c) for c in ("de", "ru", "zh", "srp_Latn", "q1")]
