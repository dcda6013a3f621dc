"""What-if answers against runs and chains that were really made with the bounds asked for."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusmill import cli, documents
from corpusmill.errors import OutputError, UsageError
from corpusmill.report import asked, outputs, whatif, whatif_shown
from corpusmill.report.sides import Sides
from corpusmill.report.sweep import sweep
from corpusmill.report.ways import Range
from corpusmill.steps import Chain
from corpusmill.tokenize.training import train
from tests import crawl, runs
from tests.report import asked_run
from tests.stages import texts

SIGNALS = {
    "gopher_quality.words": st.integers(0, 130),
    "gopher_quality.mean_word_length": st.floats(2, 9),
    "gopher_quality.alphabetic_words": st.floats(0.01, 1),
    "c4.sentences": st.integers(0, 12),
    "c4.curly_bracket": st.integers(0, 2),
    "fineweb_quality.line_punct_ratio": st.floats(0.01, 1),
    "redact.hits": st.integers(0, 1),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of every kind of stage, packed."""
    folder = tmp_path_factory.mktemp("asked")
    made = train([d["text"] for d in asked_run.documents()], vocabulary_size=300).to_str()
    (folder / "small.json").write_text(made)
    packed = f"{{use: tokenize, tokenizer: {folder / 'small.json'}, sequence_length: 64, shard_mb: 0.01}}"
    return asked_run.make(folder, f"{asked_run.STEPS}\n{asked_run.DEDUP}\n{packed}")


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    """A run of one map stage, its last step costly."""
    return asked_run.make(tmp_path_factory.mktemp("mapped"), asked_run.STEPS)


@pytest.fixture(scope="module")
def measures(mapped):
    """What measures for each step, whatever its bounds; building it takes a moment."""
    return {step.use: step.build() for step in mapped.recipe.steps}


def exact(count):
    """A count that is known."""
    return Range(count, count)


def same_as(told, before):
    """Nothing differs between a step's answer and what a report counts."""
    assert exact(before.documents_in) == told.into, told.name
    assert exact(before.documents_out) == told.out, told.name
    assert {reason: exact(count) for reason, count in before.reasons.items()} == told.reasons
    assert exact(before.failed) == told.failed


def test_own_bounds_give_the_own_funnel(whole, tmp_path):
    """Every count of every stage, bytes and tokens; also of a crawl with records that the reader rejects."""
    crawl.crawl(tmp_path / "crawl")
    runs.run(tmp_path / "crawl", tmp_path / "out")
    for run in (whole, outputs.find(str(tmp_path / "out"))):
        answer = whatif.answer(run, asked.parse(run))
        reports = [stage.report() for stage in run.stages if "tokenize" not in stage.title]
        assert len(reports) == len(answer.stages)
        for stage, report in zip(answer.stages, reports, strict=True):
            for way in stage.ways:
                same_as(way, report.steps[way.name])
            size = [step.bytes_out for step in report.steps.values()][-1]
            assert (exact(report.kept), exact(size), size) == (stage.kept, stage.size, stage.size_before)
            assert (exact(0), exact(0), {}) == (stage.gained, stage.lost, stage.approximate)
        assert answer.tokens == (None if answer.tokens_before is None else exact(answer.tokens_before))
        assert [] == whatif_shown.notes(answer)
    tallies = whole.stages[-1].report().tallies
    assert whatif.answer(whole, asked.parse(whole)).tokens_before == tallies["tokenize.tokens"] > 0


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_other_bounds_give_what_a_run_would(mapped, measures, data):
    """Random bounds: exact as long as no costly step had to be asked again, inside the range where it had."""
    changes = []
    for signal in data.draw(st.sets(st.sampled_from(sorted(SIGNALS)), min_size=1, max_size=3)):
        low, high = sorted([data.draw(SIGNALS[signal]), data.draw(SIGNALS[signal])])
        ends = data.draw(st.sampled_from([(low, high), (low, None), (None, high)]))
        changes.append(f"{signal}={json.dumps(ends)}")
    question = asked.parse(mapped, changes)
    drop = data.draw(st.sampled_from([None, "gopher_quality", "fineweb_quality"]))
    specs = [step for step in question.recipe.steps if step.use != drop]
    question = asked.parse(mapped, changes, [drop] if drop else [])
    (answer,) = whatif.answer(mapped, question).stages
    batch = {k: [d[k] for d in asked_run.documents()] for k in ("id", "text", "url", "language")}
    chain = Chain(specs, measures=[measures[step.use] for step in specs])
    truth = chain(documents.conform(batch)).report
    for way in answer.ways:
        if way.name == drop:
            assert (way.out, {}) == (way.into, way.reasons)
        elif way.name != "redact":
            same_as(way, truth.steps[way.name])
        else:
            within(way, truth.steps[way.name])
    assert answer.kept.low <= truth.kept <= answer.kept.high
    size = list(truth.steps.values())[-1].bytes_out
    if answer.kept.low == answer.kept.high:
        assert exact(size) == answer.size


def within(told, truth):
    """A step's true counts lie inside its ranges."""
    assert told.into.low <= truth.documents_in <= told.into.high, told.name
    assert told.out.low <= truth.documents_out <= told.out.high, told.name
    for reason in {*truth.reasons, *told.reasons}:
        low, high = told.reasons.get(reason, Range(0, 0))
        assert low <= truth.reasons[reason] <= high + told.unseen, reason


@pytest.mark.parametrize("words", ["[45, 100000]", "[30, {}]", "[20, 100000]"])
def test_ranges_hold_the_truth_behind_dedup(whole, tmp_path, words):
    """With keepers gone and newcomers there, what a real run counts lies inside the ranges of every stage."""
    keepers_go = "{}" in words
    words = words.format(_below_a_keeper(whole))
    answer = whatif.answer(whole, asked.parse(whole, [f"gopher_quality.words={words}"]))
    texts.write(tmp_path / "texts", asked_run.documents())
    steps = f"{asked_run.STEPS}\n{asked_run.DEDUP}".replace("words: [30, 100000]", f"words: {words}")
    truth = texts.run(tmp_path / "texts", tmp_path / "out", steps)
    for stage, result in zip(answer.stages, truth, strict=True):
        assert stage.kept.low <= result.report.kept <= stage.kept.high, stage.title
        for way in stage.ways:
            found = result.report.steps[way.name]
            assert way.out.low <= found.documents_out <= way.out.high, way.name
    compared = {step for stage in answer.stages for step in stage.approximate}
    assert {"exact_dedup", "near_dedup", "line_dedup"} == compared
    if keepers_go:  # in whose place the others may stay
        assert answer.stages[2].kept.low < answer.stages[2].kept.high


def _below_a_keeper(run):
    """A bound on words that drops the longest document of a cluster, and not the others."""
    rows = [[row for shard in range(3) for row in stage.ledger(shard).to_pylist()] for stage in run.stages[:3]]
    words = {row["id"]: int(row["gopher_quality.words"]) for row in rows[0]}
    gone = [(words[row["id"]], words[row["near_dedup.kept"]]) for row in rows[2] if row["reason"]]
    return next(own for own, kept in sorted(gone) if own < kept)


def test_a_dropped_editor_names_what_it_makes_inexact(whole):
    """Steps behind c4 measured the text that it had cut; without it, their counts are named as approximations."""
    answer = whatif.answer(whole, asked.parse(whole, drop=["c4"]))
    named = {step: why for stage in answer.stages for step, why in stage.approximate.items()}
    assert {"fineweb_quality", "redact", "exact_dedup", "near_dedup", "line_dedup"} == set(named)
    assert "its values are of texts as c4 left them in the run" == named["fineweb_quality"]
    (note,) = [line for line in whatif_shown.notes(answer) if "as c4 left" in line and "fineweb" in line]
    assert note.startswith("approximate: fineweb_quality")


@pytest.mark.parametrize("name", ["exact_dedup", "near_dedup"])
def test_text_comes_back_with_the_documents_of_a_dropped_dedup(whole, name):
    """Without a stage that compares, the text that leaves it is all that came in, and there are more tokens."""
    answer = whatif.answer(whole, asked.parse(whole, drop=[name]))
    (stage,) = [stage for stage in answer.stages if stage.title.endswith(name)]
    before = stage.before[name]
    assert (exact(before.bytes_in), before.bytes_out) == (stage.size, stage.size_before)
    assert before.bytes_in > before.bytes_out
    assert answer.tokens.high > answer.tokens_before


def test_sweeps_agree_with_the_answers(mapped):
    """Each point of a curve is what the same bound gives when it is asked for alone; the run's own is among them."""
    for signal, end in (("gopher_quality.words", 0), ("c4.sentences", 0), ("redact.hits", 1)):
        curve = next(c for c in sweep(mapped, asked.parse(mapped), signal) if c.above == bool(end))
        ((_, own),) = curve.own.items()
        assert own in [point.bound for point in curve.points]
        for point in curve.points[:: max(1, len(curve.points) // 6)]:
            before = asked.signals(mapped.recipe)[signal]
            ends = [point.bound if at == end else before[at] for at in (0, 1)]
            if None in ends or ends[0] <= ends[1]:
                question = asked.parse(mapped, [f"{signal}={json.dumps(ends)}"])
                (answer,) = whatif.answer(mapped, question).stages
                assert (answer.kept, answer.size) == (point.kept, point.size)
        (stage,) = mapped.stages
        assert stage.report().kept == next(p.kept.low for p in curve.points if p.bound == own)


def test_documents_that_change_sides(mapped):
    """Examples are documents whose value lies between the old bound and the new; the choice does not change."""
    question = asked.parse(mapped, ["gopher_quality.words=[50,null]", "redact.hits=[null,1]"])
    found = [Sides(mapped, question, 4) for _ in range(2)]
    for sides in found:
        whatif.answer(mapped, question, sides)
    assert found[0].examples == found[1].examples
    told = {(group.side, group.reason): group for group in found[0].counts}
    assert {("lost", "gopher_quality.words<50"), ("gained", "redact.hits>0")} == set(told)
    ledger = {row["id"]: row for shard in range(3) for row in mapped.stages[0].ledger(shard).to_pylist()}
    lost = told["lost", "gopher_quality.words<50"]
    wanted = [i for i, row in ledger.items() if row["reason"] is None and row["gopher_quality.words"] < 50]
    assert exact(len(wanted)) == found[0].counts[lost]
    assert 4 == len(found[0].examples[lost])
    for one in found[0].examples[lost]:
        assert (one.id in wanted, ledger[one.id]["url"], one.perhaps) == (True, one.url, False)
        assert ledger[one.id]["gopher_quality.words"] == one.value < 50


def test_examples_have_the_beginning_of_their_text(whole):
    """From documents that lie there, else from the report or the input; masked, and never of another document."""
    question = asked.parse(whole, ["gopher_quality.words=[20,40]", "redact.hits=[null,2]"], ["exact_dedup"])
    sides = Sides(whole, question, 4)
    whatif.answer(whole, question, sides)
    sides.read()
    texts_of = {d["id"]: d["text"] for d in asked_run.documents()}
    groups = {(group.stage[3:], group.side) for group in sides.counts}
    assert {("curate", "gained"), ("curate", "lost"), ("exact_dedup", "gained")} <= groups
    for group, examples in sides.examples.items():
        for one in examples:
            assert one.text, group
            assert "@harbour-mail.com" not in one.text
            assert " ".join(one.text.strip("…").split()[:2]) in " ".join(texts_of[one.id].split())
    (words,) = [group for group in sides.counts if (group.side, group.reason) == ("gained", "gopher_quality.words<30")]
    (hits,) = [group for group in sides.counts if (group.side, group.reason) == ("gained", "redact.hits>0")]
    first = sides.examples[words][0].id
    report = whole.stages[0].report()
    assert first in {e.id for of in (report.examples, report.nearest_dropped) for e in of[words.reason]}
    assert "<EMAIL" in " ".join(one.text or "" for one in sides.examples[hits])
    told = whatif_shown.to_json(question, whatif.answer(whole, question), sides, [])
    assert [True] * 4 == ["text" in one for one in told["sides"][0]["examples"]]


def test_what_is_asked_wrongly_is_told(whole, tmp_path):
    """Unknown signals and steps, bounds that are none, steps that cannot go, stages that do not fit together."""
    for changes, drop, error, message in (
        (["gopher_quality.word=[1,2]"], [], UsageError, "did you mean 'gopher_quality.words'"),
        (["gopher_quality.words"], [], UsageError, r"expected step.signal=\[low, high\]"),
        (["gopher_quality.words=[3,2]"], [], UsageError, r"^gopher_quality.words=\[3,2\]: bounds are reversed: \[3, 2"),
        (["c4.sentences=[4,null]", "redact.hits=abc"], [], UsageError, "^redact.hits=abc: found abc; expected .low, h"),
        (["gopher_quality.words="], [], UsageError, "^gopher_quality.words=: found nothing; expected"),
        (["gopher_quality.dialect=paper"], [], UsageError, "judges no such signal.*stop_words$"),
        (["near_dedup.similarity=[0.8,null]"], [], UsageError, "no bound can be asked of near_dedup: it compares"),
        (["tokenize.words=[1,2]"], [], UsageError, "tokenize has no bounds; the steps that have some are gopher_qu"),
        (["wikipedia.words=[1,2]"], [], UsageError, "the steps with bounds are gopher_quality, c4, "),
        ([], ["line_dedupe"], UsageError, "no such step; did you mean 'line_dedup'"),
        ([], ["tokenize"], UsageError, "nothing is left without it"),
    ):
        with pytest.raises(error, match=message):
            asked.parse(whole, changes, drop)
    with pytest.raises(UsageError, match="leaves its step out"):
        sweep(whole, asked.parse(whole, drop=["c4"]), "c4.sentences")
    with pytest.raises(UsageError, match="--drop near_dedup"):
        sweep(whole, asked.parse(whole), "near_dedup.similarity")
    first, second, third, *_ = whole.stages
    other = replace(second, manifest={**second.manifest, "key": "another"})
    for stages, message in (([first, other, third], "not of one run"), ([first, third], "02-exact_dedup is not fin")):
        mixed = outputs.Run(whole.root, whole.recipe, stages)
        with pytest.raises(OutputError, match=message):
            whatif.answer(mixed, asked.parse(mixed))


def test_the_command(whole, capsys):
    """The funnel, its JSON, and a sweep, as they are printed."""
    assert 0 == cli.main(["what-if", whole.root, "gopher_quality.words=[45,null]", "--drop", "fineweb_quality"])
    out = capsys.readouterr().out
    assert "gopher_quality.words: [30, 100000] as run, [45, null] asked\nfineweb_quality: left out" in out
    assert "would be dropped for gopher_quality.words<45" in out
    assert "approximate: exact_dedup, near_dedup: it compares documents" in out
    assert 0 == cli.main(["what-if", whole.root, "gopher_quality.words=[45,null]", "--json", "--examples", "1"])
    told = json.loads(capsys.readouterr().out)
    assert {"gopher_quality.words": [[30, 100000], [45, None]]} == told["asked"]["limits"]
    (first, *_) = told["stages"]
    answer = whatif.answer(whole, asked.parse(whole, ["gopher_quality.words=[45,null]"]))
    assert list(answer.stages[0].kept) == first["kept"]
    assert list(answer.tokens) == told["tokens"]["asked"]
    assert all(len(side["examples"]) == 1 for side in told["sides"])
    assert 0 == cli.main(["what-if", whole.root, "--sweep", "c4.sentences"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("c4.sentences at least: documents that 01-curate keeps, of 240 records")
    assert [line for line in lines if "as run" in line and line.split()[0] == "3"]
    assert 2 == cli.main(["what-if", whole.root, "c4.sentence=[1,2]"])
    assert "did you mean 'c4.sentences'" in capsys.readouterr().err
