"""Estimates against whole runs: windows, the funnel, and the command."""

import gzip
import json
import time
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill import cli, drive, local, plan, recipe
from corpusmill.errors import InputError, UsageError
from corpusmill.estimate import whole, windows
from corpusmill.storage.read import read
from corpusmill.tokenize import encode
from corpusmill.tokenize.training import train
from tests import crawl, runs
from tests.report import asked_run
from tests.stages import texts

STEPS = """{use: gopher_quality, words: [30, 100000], mean_word_length: [3, 7], alphabetic_words: [0.7, null], stop_words: [0, null]}
{use: c4, sentences: [3, null]}
{use: exact_dedup, keep: longest}
{use: near_dedup, threshold: 0.6}
{use: line_dedup, lines_kept: [2, null]}"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A recipe over 6,000 texts in five files, packed."""
    folder = tmp_path_factory.mktemp("estimated")
    documents = asked_run.documents(6000, seed=8)
    texts.write(folder / "texts", documents, files=5)
    (folder / "small.json").write_text(train([d["text"] for d in documents[:300]], vocabulary_size=300).to_str())
    packed = f"{{use: tokenize, tokenizer: {folder / 'small.json'}, sequence_length: 64}}"
    steps = "\n".join(f"  - {line}" for line in f"{STEPS}\n{packed}".splitlines())
    file = folder / "small.yaml"
    file.write_text(texts.RECIPE.format(folder=folder / "texts", out=folder / "out", steps=steps))
    return file


def truth(results):
    """What a run counts by step, and the tokens it packed, if it packs."""
    steps = {}
    for result in results:
        for name, step in result.report.steps.items():
            steps.setdefault(name, step)
    return steps, results[-1].report.tallies["tokenize.tokens"]


def test_the_funnel_lies_in_its_intervals(made):
    """A sample of a tenth: every step, the tokens and the bytes; and one of everything is exact."""
    chosen = recipe.load(str(made))
    steps, tokens = truth(drive.run(plan.make(chosen), local.executor(), runs.Silent()))
    told = whole.estimate(chosen, 500, local.executor(), runs.Silent())
    assert not told.whole
    assert 350 < told.documents < 700
    names = [step.name for step in told.steps]
    assert [name for name in steps if name != "tokenize"] == names
    for step in told.steps:
        real = steps[step.name]
        assert step.out.holds(real.documents_out), step
        assert step.into.holds(real.documents_in), step
        assert step.size.low <= real.bytes_out <= step.size.high, step
        assert step.out.low < step.out.value < step.out.high
    assert told.tokens.low <= tokens <= told.tokens.high
    assert ["scaled"] * 3 + ["fitted"] * 2 + ["at least"] == [step.way for step in told.steps]
    assert {"exact_dedup", "near_dedup"} == set(told.fits)
    again = whole.estimate(chosen, 500, local.executor(), runs.Silent())
    assert (again.steps, again.tokens, again.fits) == (told.steps, told.tokens, told.fits)
    everything = whole.estimate(chosen, 6000, local.executor(), runs.Silent())
    assert everything.whole
    for step in everything.steps:
        assert steps[step.name].documents_out == round(step.out.low) == round(step.out.high), step
    assert tokens == round(everything.tokens.value)


def test_windows_of_an_archive(tmp_path):
    """Of files of very different sizes every record is read at most once, and by windows of everything just once."""
    crawl.crawl(tmp_path / "crawl", files=1, pages=300)
    for at, pages in enumerate((3, 40)):
        crawl.write(tmp_path / "crawl" / f"more-{at}.warc.gz",
                    [crawl.response(f"https://m{at}.example/{n}", crawl.page(n), n) for n in range(pages)])  # fmt: skip
    chosen = runs.planned(tmp_path / "crawl", tmp_path / "out")
    source = chosen.recipe.input
    for documents, every in ((100, False), (2000, True)):
        found = windows.choose(source, chosen.splits, documents)
        assert found == windows.choose(source, chosen.splits, documents)
        assert every == found.whole
        urls = [
            url
            for window in found.windows
            for split in window.splits
            for part in read(source, split)
            for url in [*part.batch.column("url").to_pylist(), *(item.url for item in part.rejected)]
        ]
        assert len(urls) == len(set(urls))
        assert len(urls) == (300 + 2 + 3 + 40) if every else 50 < len(urls) < 200
        assert found.input_bytes == sum(split.length for split in chosen.splits)
        assert (found.size == found.input_bytes) == every
        for before, after in pairwise(found.windows):
            assert (before.splits[-1].path, before.splits[-1].end) <= (after.splits[0].path, after.splits[0].start)


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_files_that_are_read_from_their_beginning(tmp_path, kind):
    """Compressed lines and Parquet: records the reader drops are counted, the funnel holds, and everything is exact."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for at in range(4):
        found = [{**d, "id": f"{at}-{d['id']}"} for d in asked_run.documents(300 + 200 * at, seed=at)]
        lines = [json.dumps(d) for d in found]
        if kind == "jsonl":
            lines[::9] = ["{broken"] * len(lines[::9])
            (folder / f"{at}.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))
        else:
            pq.write_table(pa.Table.from_pylist(found), folder / f"{at}.parquet", row_group_size=300)
    steps = "[{use: gopher_quality, words: [30, null]}, {use: exact_dedup}]"
    told = f"input: {{format: {kind}, paths: ['{folder}/*']}}, errors: {{max_share: 1}}, output: '{tmp_path}/out'"
    chosen = recipe.parse(f"{{name: x, {told}, steps: {steps}}}")
    real, _ = truth([*drive.run(plan.make(chosen), local.executor(), runs.Silent())])
    for count, everything in ((400, False), (20_000, True)):
        found = whole.estimate(chosen, count, local.executor(), runs.Silent())
        assert (everything, True) == (found.whole, found.stored)
        for step in found.steps:
            assert step.out.holds(real[step.name].documents_out), step
            assert step.into.holds(real[step.name].documents_in), step
            assert (step.out.low < step.out.high) != everything
        if kind == "jsonl":
            assert found.steps[0].lost.low <= 1 / 9 + 0.002
            assert found.steps[0].lost.high >= 1 / 9 - 0.002


def test_what_compiling_takes_is_no_work(made, monkeypatch):
    """An encoder whose first call is slow, as where its kernel is compiled, costs no core-hours."""
    late = 0.0

    class Slow(encode.Encoder):
        def __call__(self, text):
            nonlocal late
            late += 0.0 if late else 1e6
            return super().__call__(text)

    clock = time.process_time
    monkeypatch.setattr(time, "process_time", lambda: clock() + late)
    monkeypatch.setattr(encode, "Encoder", Slow)
    found = whole.estimate(recipe.load(str(made)), 300, local.executor(), runs.Silent())
    assert late
    assert 0 < found.core_seconds.high < 1e6


def test_what_cannot_be_estimated_is_told(tmp_path):
    """Files that have no middle, inputs without a byte, samples of a few records."""
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.warc.zst").write_bytes(b"none")
    (folder / "b.jsonl").write_bytes(b"")
    for name, error, message in (
        ("a.warc.zst", UsageError, "only be read from its beginning"),
        ("b.jsonl", InputError, "the input is empty"),
    ):
        where = f"input: {{format: {name.split('.')[1]}, paths: ['{folder}/{name}']}}"
        chosen = recipe.parse(f"{{name: x, {where}, steps: [{{use: resiliparse}}]}}")
        with pytest.raises(error, match=message):
            whole.estimate(chosen, 1000, local.executor(), runs.Silent())
    with pytest.raises(UsageError, match="at least 100 records"):
        whole.estimate(chosen, 99, local.executor(), runs.Silent())


def test_the_command(made, capsys):
    """The table names steps, notes and machines; JSON has the same; nothing is left in the output."""
    assert 0 == cli.main(
        ["estimate", str(made), "--sample", "300", "--machine", "n2-standard-8", "--price-per-hour", "0.05"]
    )
    out = capsys.readouterr().out
    for told in (
        "near_dedup",
        "fitted",
        "n2-standard-8",
        "one core",
        "95 % interval",
        "core-hours",
        "placed by a keyed hash",
    ):
        assert told in out
    assert 0 == cli.main(
        ["estimate", str(made), "--sample", "300", "--json", "--quiet", "--set", f"output={made.parent / 'none'}"]
    )
    printed = capsys.readouterr()
    assert not printed.err
    told = json.loads(printed.out)
    assert not (made.parent / "none").exists()
    assert {"e2-standard-8", "m6i.8xlarge"} <= {machine["name"] for machine in told["machines"]}
    value, low, high = told["core_seconds"]
    assert 0 < low <= value <= high
    assert told["worker_peak_bytes"] > 50_000_000
    hours, cost = told["machines"][1]["hours"], told["machines"][1]["cost"]
    assert abs(hours[0] * 8 * 3600 - value) < 1e-6
    assert abs(cost[0] - hours[0] * told["machines"][1]["price"]) < 1e-9
    assert 2 == cli.main(["estimate", str(made), "--machine", "abacus"])
    assert "expected some of e2-standard-8" in capsys.readouterr().err
