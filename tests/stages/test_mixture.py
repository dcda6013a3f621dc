"""Mixtures through whole runs: tokens by source, copies of documents, refusals, the same bytes everywhere."""

import io
import json
import math
import random
import shutil
from collections import Counter

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from corpusmill import cli, local, recipe
from corpusmill.errors import RecipeError
from corpusmill.pipelines import engine
from corpusmill.report.planned import foreseen, planned
from corpusmill.report.stage import stage
from corpusmill.stages.mixture import grouped
from corpusmill.storage import exchange
from corpusmill.storage.packed import Shard
from corpusmill.storage.unpack import documents as unpacked
from corpusmill.tokenize.training import train
from tests import runs
from tests.stages import texts

WORDS = ["the", "house", "by", "a", "river", "had", "garden", "and", "letter", "came", "with", "music", "in", "winter"]
MIXTURE = "{web: {weight: 6}, wiki: {weight: 3, epochs: 3}, code: {tokens: 500}, forum: {weight: 0}}"
SOURCES = {"web": 120, "wiki": 12, "code": 30, "forum": 9}


def corpus():
    """Documents of four sources, a few to some dozen words each."""
    pick = random.Random(5)
    found = [
        {"id": f"{source}-{n}", "source": source, "text": " ".join(pick.choices(WORDS, k=pick.randint(3, 60)))}
        for source, count in SOURCES.items()
        for n in range(count)
    ]
    pick.shuffle(found)
    return found


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokenizer") / "small.json"
    path.write_text(train([d["text"] for d in corpus()], vocabulary_size=300).to_str())
    return path


@pytest.fixture
def folder(tmp_path):
    return texts.write(tmp_path / "texts", corpus(), 4)


def step(tokenizer, mixture=MIXTURE, more=""):
    mixed = f", mixture: {mixture}" if mixture else ""
    return f"{{use: tokenize, tokenizer: {tokenizer}, sequence_length: 64, shard_mb: 0.006{mixed}{more}}}"


def copies(curated, result, kind="train"):
    """How often each document lies in the packed shards, by id; and the tokens by source."""
    names = {}
    for entry in curated.manifest.shards:
        rows = pq.read_table(curated.layout.documents(entry["shard"]), columns=["id", "source"]).to_pylist()
        names |= {(entry["shard"], at): (row["id"], row["source"]) for at, row in enumerate(rows)}
    found, tokens = Counter(), Counter()
    for entry in result.manifest.shards:
        if kind not in entry["files"]:
            continue
        here = Counter()
        for part in unpacked(Shard(result.layout.file(kind, entry["shard"]))):
            sizes = part.offsets[1:] - part.offsets[:-1]
            for shard, row, size in zip(part.shards.tolist(), part.rows.tolist(), sizes.tolist(), strict=True):
                name, source = names[shard, row]
                here[name] += 1
                tokens[source] += size
        assert {1} == set(here.values())  # never twice in one shard
        found.update(here)
    return found, tokens


def told(result, what):
    """A tally of the mixture by source."""
    start, end = "tokenize.mixture.", f".{what}"
    tallies = result.report.tallies.items()
    return {n.removeprefix(start).removesuffix(end): v for n, v in tallies if n.startswith(start) and n.endswith(end)}


@pytest.mark.parametrize("strategy", ["best_fit", "concat", "pad"])
def test_each_source_gives_its_tokens(folder, tokenizer, tmp_path, strategy):
    """Within the error that is stated; each document as often as any other of its source, or once more."""
    more = f", strategy: {strategy}, validation: 0.1"
    curated, result = texts.run(folder, tmp_path / "out", step(tokenizer, more=more))
    found, tokens = copies(curated, result)
    held, _ = copies(curated, result, "validation")
    wanted, available, within = (told(result, what) for what in ("wanted", "available", "within"))
    assert {**tokens, "forum": 0} == {**told(result, "got"), "forum": 0}
    assert not set(found) & set(held)
    for source in SOURCES:
        assert abs(tokens[source] - wanted[source]) <= within[source]
        ids = [d["id"] for d in corpus() if d["source"] == source and d["id"] not in held]
        epochs = wanted[source] / available[source]
        assert {math.floor(epochs), math.ceil(epochs)} >= {found[name] for name in ids}
    assert 500 == wanted["code"]
    assert 3 * available["wiki"] == wanted["wiki"]
    assert 2 * wanted["wiki"] == wanted["web"]
    assert {3} == {found[d["id"]] for d in corpus() if d["source"] == "wiki" and d["id"] not in held}
    assert sum(tokens.values()) == result.report.tallies["tokenize.train.tokens"]
    report = result.report
    kept = len(found) + len(held)
    assert (171, kept, 171 - kept) == (report.records, report.kept, report.dropped)
    assert {"tokenize.mixture": 171 - kept} == dict(report.steps["tokenize"].reasons)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=80), st.floats(1, 1e9))
def test_groups_are_about_equal(sizes, most):
    """Each thing in one group, in order; a group is above its share, and above what is asked, by a member at most."""
    most = max(most, sum(sizes) / 1000)
    groups = grouped(sizes, most)
    assert list(range(len(sizes))) == [n for first, last in groups for n in range(first, last)]
    assert all(first < last for first, last in groups)
    largest = max(sizes)
    assert all(sum(sizes[first:last]) <= (most + largest) * 1.001 for first, last in groups)


def test_many_workers_can_pack_at_once():
    """Sixteen groups of a corpus that has enough, also where fewer would hold what is asked for."""
    assert {3, 4} == {last - first for first, last in grouped([12e6] * 58, 256e6)}
    assert 16 == len(grouped([12e6] * 58, 256e6))
    assert [(0, 2), (2, 4)] == grouped([10e6] * 4, 256e6)
    assert [(0, 3)] == grouped([5e6] * 3, 256e6)
    assert 40 == len(grouped([256e6] * 40, 256e6))
    assert [(0, 3)] == grouped([0, 0, 0], 256e6)


def test_the_same_bytes_whatever_runs_it(folder, tokenizer, tmp_path):
    """Workers, engine, order of shards, and a run that is stopped between any two tasks leave no trace."""
    steps = step(tokenizer, more=", validation: 0.1")
    texts.run(folder, tmp_path / "a", steps)
    for name, execute in {"shuffled": runs.shuffled, "beam": engine.executor(), "pool": local.executor(2)}.items():
        texts.run(folder, tmp_path / name, steps, execute=execute)
        assert [] == runs.same(tmp_path / "a", tmp_path / name)

    class Stopped(Exception):
        pass

    def one(phase, tasks):
        phase.build()(tasks[0])
        raise Stopped

    stops = 0
    while True:
        try:
            texts.run(folder, tmp_path / "stopped", steps, execute=one)
            break
        except Stopped:
            stops += 1
    assert stops > 8
    assert [] == runs.same(tmp_path / "a", tmp_path / "stopped")


def test_documents_do_not_depend_on_how_they_are_sharded(folder, tokenizer, tmp_path):
    """The same documents come as often from other shards; another seed chooses others."""
    other = texts.write(tmp_path / "other", corpus()[::-1], 2)
    found = copies(*texts.run(folder, tmp_path / "a", step(tokenizer)))
    assert found == copies(*texts.run(other, tmp_path / "b", step(tokenizer)))
    turned = copies(*texts.run(folder, tmp_path / "c", step(tokenizer, more=", seed: b")))
    assert found[0] != turned[0]


def test_few_documents_make_few_files(folder, tokenizer, tmp_path):
    """Groups of which little comes are packed together; passes of which nothing comes leave no file."""
    whole = texts.run(folder, tmp_path / "whole", step(tokenizer, None))[-1]
    mixture = "{web: {tokens: 300, epochs: 7}, wiki: {weight: 0}, code: {weight: 0}, forum: {weight: 0}}"
    curated, few = texts.run(folder, tmp_path / "few", step(tokenizer, mixture))
    groups = len(whole.manifest.shards)
    assert groups > 2
    assert 7 * groups == len(few.manifest.shards)
    assert [["train"]] + [[]] * (7 * groups - 1) == [list(entry["files"]) for entry in few.manifest.shards]
    assert 300 >= sum(copies(curated, few)[1].values()) - told(few, "within")["web"]
    left = {path.parent.name for path in (tmp_path / "few/small/02-tokenize").rglob("*.arrow")}
    assert {"ids", "counts", "cuts", "groups", "train"} == left


def phases(monkeypatch=None):
    """An executor that notes which phases had tasks to run."""
    begun = Counter()

    def execute(phase, tasks):
        begun[phase.layout.label] += len(tasks)
        local.executor()(phase, tasks)

    return begun, execute


def test_a_refusal_keeps_the_ids(folder, tokenizer, tmp_path):
    """Nothing is packed, every source that falls short is named; a corrected mixture encodes nothing again."""
    out = tmp_path / "out"
    begun, execute = phases()
    with pytest.raises(RecipeError) as caught:
        texts.run(folder, out, step(tokenizer, MIXTURE.replace("500", "500_000")), execute=execute)
    assert "mixture: code: asked for 500,000 tokens, found " in str(caught.value)
    assert "at 1 epochs give" in str(caught.value)
    assert {"01-curate", "02-tokenize/01-ids", "02-tokenize/02-mixture"} == set(begun)
    assert not (out / "small/02-tokenize/train").exists()
    begun, execute = phases()
    texts.run(folder, out, step(tokenizer), execute=execute)
    assert {"02-tokenize/02-mixture": 1, "02-tokenize": 3 * 4} == begun
    shutil.rmtree(out / "small/02-tokenize/failures", ignore_errors=True)
    texts.run(folder, tmp_path / "direct", step(tokenizer))
    assert [] == runs.same(out, tmp_path / "direct")


def contents(folder):
    """Every file below a folder, with its bytes."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_refusal_leaves_what_is_finished(folder, tokenizer, tmp_path):
    """Nothing of an output is touched where counts are there; else what was packed stays whole, to be traced."""
    out = tmp_path / "out"
    texts.run(folder, out, step(tokenizer))
    before = contents(out)
    with pytest.raises(RecipeError, match="mixture: code: asked for "):
        texts.run(folder, out, step(tokenizer, MIXTURE.replace("500", "500_000")))
    assert before == contents(out)
    begun, execute = phases()
    with pytest.raises(RecipeError, match="mixture: code: asked for "):
        texts.run(folder, out, step(tokenizer, MIXTURE.replace("500", "500_000"), ", validation: 0.5"), execute=execute)
    assert {"02-tokenize/01-ids", "02-tokenize/02-mixture"} == set(begun)
    stage_of = out / "small/02-tokenize"
    packed = {path: data for path, data in before.items() if path.parent in (stage_of, stage_of / "train")}
    assert {"manifest.json", "report.json", "timing.json", "00000.arrow"} <= {path.name for path in packed}
    assert packed == {path: data for path, data in contents(out).items() if path in packed}


def test_a_refusal_is_of_the_input_as_it_is(folder, tokenizer, tmp_path):
    """Counts of an input that has changed since refuse nothing: what it has grown by is looked at first."""
    out, mixture = tmp_path / "out", MIXTURE.replace("500", "2_000")
    texts.run(folder, out, step(tokenizer))
    with pytest.raises(RecipeError, match="mixture: code: asked for "):
        texts.run(folder, out, step(tokenizer, mixture))
    more = [json.dumps({**d, "id": f"more-{d['id']}"}) + "\n" for d in corpus() if d["source"] == "code"]
    with (folder / "part-0.jsonl").open("a") as file:
        file.writelines(more * 4)
    texts.run(folder, out, step(tokenizer, mixture))
    texts.run(folder, tmp_path / "direct", step(tokenizer, mixture))
    assert [] == runs.same(out, tmp_path / "direct")


def test_plan_and_run_tell_before_they_write(folder, tokenizer, tmp_path, capsys):
    """What a run replaces is one line; a mixture that cannot be met makes both commands fail, and replaces nothing."""
    path = tmp_path / "small.yaml"
    path.write_text(texts.RECIPE.format(folder=folder, out=tmp_path / "out", steps=f"  - {step(tokenizer)}"))
    run = ["run", str(path), "--runner", "local"]
    assert 0 == cli.main(run)
    assert 0 == cli.main(["plan", str(path)])
    assert "replaces" not in "".join(capsys.readouterr())
    longer = ["--set", "steps.tokenize.sequence_length=128"]
    assert 0 == cli.main(["plan", str(path), *longer])
    shards = len(list((tmp_path / "out/small/02-tokenize/train").iterdir()))
    line = f"02-tokenize: replaces {shards} packed shards of 64 tokens a row, packed with other settings; "
    assert line in " ".join(capsys.readouterr().out.split())
    many = ["--set", "steps.tokenize.mixture_tokens=4000000"]
    for command in (["plan", str(path)], ["plan", str(path), "--json"], run):
        assert 2 == cli.main([*command, *longer, *many])
        told = "".join(capsys.readouterr())
        assert "web: asked for " in told
        assert "replaces" not in told
    assert 0 == cli.main([*run, *longer])
    assert line in capsys.readouterr().err


def test_what_ids_do_not_depend_on(folder, tokenizer, tmp_path):
    """Length, strategy, size of shards, seed and mixture change without a second encoding; nothing old stays."""
    out = tmp_path / "out"
    texts.run(folder, out, step(tokenizer))
    counts = []
    for steps in (
        step(tokenizer, None),
        step(tokenizer, None, ", seed: b").replace("64", "32"),
        step(tokenizer, "{web: {tokens: 90}, wiki: {weight: 0}, code: {weight: 0}, forum: {weight: 0}}"),
        step(tokenizer, None, ", strategy: pad").replace("0.006", "1"),
    ):
        begun, execute = phases()
        result = texts.run(folder, out, steps, execute=execute)[-1]
        assert "02-tokenize/01-ids" not in begun
        files = {f"{entry['shard']:05d}.arrow" for entry in result.manifest.shards if entry["files"]}
        assert files == {path.name for path in (out / "small/02-tokenize/train").iterdir()}
        counts.append(len(files))
    assert [4, 4, 1, 1] == counts
    begun, execute = phases()
    texts.run(folder, out, step(tokenizer, None, ", validation: 0.5"), execute=execute)
    assert 4 == begun["02-tokenize/01-ids"]
    texts.run(folder, out, step(tokenizer, None), execute=execute)
    assert not list((out / "small/02-tokenize").glob("validation/*"))


def test_sources_that_are_not_there(folder, tokenizer, tmp_path):
    """A near name is offered; a source of the corpus that nobody asks for is named; one without a name is `unknown`."""
    with pytest.raises(RecipeError, match=r"mixture: wikki: no such source; .*; did you mean 'wiki'") as caught:
        texts.run(folder, tmp_path / "o", step(tokenizer, "{web: {weight: 1}, wikki: {weight: 1}}"))
    assert "mixture: wiki: " in str(caught.value)
    assert "tokens, but no weight" in str(caught.value)
    with pytest.raises(RecipeError, match="arxiv: no such source; found code, forum, web, wiki"):
        texts.run(folder, tmp_path / "o", step(tokenizer, "redpajama"))
    mixture = "{web: {weight: 1}, wiki: {weight: 1}, code: {weight: 1}, forum: {tokens: 9}}"
    with pytest.raises(RecipeError, match=r"mixture: forum: asked for .* found 0"):
        texts.run(folder, tmp_path / "o", step(tokenizer, mixture, ", validation: {forum: 1.0}"))


def test_counts_lie_beside_the_ids(folder, tokenizer, tmp_path):
    """By source and bucket, training tokens only, each bucket once."""
    result = texts.run(folder, tmp_path / "out", step(tokenizer, None, ", validation: 0.3"))[-1]
    ids = result.layout.phase(1, "ids")
    rows = [row for shard in range(4) for b in exchange.read_all(ids.file("counts", shard)) for row in b.to_pylist()]
    assert result.report.tallies["tokenize.train.tokens"] == sum(row["tokens"] for row in rows)
    sources = Counter()
    for row in rows:
        sources[row["source"]] += row["tokens"]
    assert set(SOURCES) == set(sources)
    sidecar = json.loads((tmp_path / "out/small/02-tokenize/01-ids/reports/00000.json").read_text())
    assert {"ids", "counts"} == set(sidecar["files"])


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("mixture: redpyjama", "r.yaml:6: steps.0 (tokenize): mixture: 'redpyjama' is not known; did you mean 'redpa"),
        ("mixture: {wiki: {weight: 0}}", "r.yaml:6: steps.0 (tokenize): mixture: no source has a weight or a budget"),
        ("mixture_tokens: 7", "r.yaml:6: steps.0 (tokenize): mixture_tokens: found 7, but no mixture"),
        (
            "mixture: {wiki: {tokens: 5}}\n    mixture_tokens: 6",
            "r.yaml:6: steps.0 (tokenize): mixture: 6 tokens are asked for in all, but the budgets add up to 5",
        ),
        (
            "mixture:\n      web: {weight: 2}\n      wiki:\n        weight: -1",
            "r.yaml:9: steps.0 (tokenize).mixture.wiki: weight: found -1; expected 0 or more",
        ),
        (
            "mixture:\n      web: {weight: 2}\n      wiki: {wieght: 1}",
            "r.yaml:8: steps.0 (tokenize).mixture.wiki.wieght: unknown key; did you mean 'weight'?; the keys are",
        ),
        (
            "mixture:\n      web: {weight: 2}\n      wiki: {epochs: 1}",
            "r.yaml:8: steps.0 (tokenize).mixture.wiki: expected a weight or a number of tokens, found neither",
        ),
    ],
)
def test_mixtures_that_are_written_wrong(written, told):
    """When the recipe is read, with file and line, and one fault each."""
    text = (
        f"name: x\ninput: {{format: jsonl, paths: [a]}}\nsteps:\n  - use: tokenize\n    tokenizer: t\n    {written}\n"
    )
    with pytest.raises(RecipeError) as caught:
        recipe.parse(text, "r.yaml")
    assert str(caught.value).startswith(told)
    assert "\n" not in str(caught.value)


def screen(item):
    """What a command would print."""
    console = Console(width=140, file=io.StringIO())
    console.print(item)
    return console.file.getvalue()


def plan_of(folder, out, steps):
    """What `corpusmill plan` would print."""
    made = texts.planned(folder, out, steps)
    return screen(planned(made, foreseen(made)))


def test_what_plan_and_report_say(folder, tokenizer, tmp_path):
    """Before ids are there what is asked; then what each source gives, or why it cannot; and what a run got."""
    out = tmp_path / "out"
    shown = plan_of(folder, out, step(tokenizer))
    assert "mixture: as many tokens as the caps allow" in shown
    assert ["wiki", "weight", "3", "3"] in [line.split() for line in shown.splitlines()]
    assert "what each source gives is known when all documents are encoded" in shown
    assert not out.exists()
    result = texts.run(folder, out, step(tokenizer))[-1]
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    shown = plan_of(folder, out, step(tokenizer))
    wiki = next(line for line in shown.splitlines() if line.startswith("wiki"))
    have = told(result, "available")["wiki"]
    assert ["wiki", "weight", "3", "3", f"{3 * have:,}", f"{have}", "3.00"] == wiki.split()[:-1]
    shown = plan_of(folder, out, step(tokenizer, MIXTURE.replace("500", "9_999")))
    assert "this cannot be met:" in shown
    assert "code: asked for 9,999 tokens, found " in shown
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*")}
    shown = screen(stage(result.layout.title, result.report, {}, {}))
    assert f"{result.report.dropped} documents left out" in shown
    wiki = next(line for line in shown.splitlines() if line.startswith("wiki") and "±" in line)
    assert ["wiki", f"{3 * have:,}", f"{3 * have:,}", "±", "0", f"{have}", "3.00"] == wiki.split()[:-1]
    assert f"bytes per token         {sum(len(d['text']) for d in corpus()) / tokens_of(result):.2f}" in shown


def tokens_of(result):
    """Tokens of all documents, once."""
    return result.report.tallies["tokenize.tokens"]
