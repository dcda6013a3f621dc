"""What real crawls and disks do to a run: a clear message or a reason, and nothing lost."""

import errno
import gzip
import json

import pyarrow.parquet as pq
import pytest

from corpusmill import local, plan, recipe
from corpusmill.errors import InputError, RecipeError, StorageError
from corpusmill.storage import write
from tests import crawl, runs
from tests.data import shared


def over(tmp_path, source, *settings, steps="[{use: fineweb_quality}]", out="out"):
    """Run steps over another input; gives the stage's result."""
    chosen = [f"input={source}", f"steps={steps}", *settings]
    (result,) = runs.run(tmp_path, tmp_path / out, *chosen)
    return result


def ledger(result):
    """The reason of every record of a run, in order."""
    return pq.read_table(f"{result.layout.folder}/ledger")["reason"].to_pylist()


def jsonl(tmp_path, *lines):
    """A JSONL input of these lines, as bytes."""
    (tmp_path / "in.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
    return f"{{format: jsonl, paths: ['{tmp_path}/in.jsonl']}}"


def test_lines_that_are_no_documents_become_dead_letters(tmp_path):
    """Broken JSON, invalid UTF-8, missing and non-string text are kept as dead letters with their bytes."""
    bad = [b"{broken", b'{"text": "\xff\xfe"}', b'{"other": 1}', b'{"text": 3}', b'{"text": null}']
    result = over(tmp_path, jsonl(tmp_path, b'{"text": "fine"}', *bad))
    assert (6, 5) == (result.report.records, result.report.dead)
    dead = pq.read_table(f"{result.layout.folder}/dead")
    assert bad == [payload.rstrip(b"\n") for payload in dead["payload"].to_pylist()]
    assert {"read"} == set(dead["step"].to_pylist())
    assert 5 == ledger(result).count("read.failed")


def test_odd_texts_go_through(tmp_path):
    """NULs, empty and blank texts, lone surrogates' escapes and unknown scripts never stop a run."""
    texts = ["a\0b " * 30, "", " \n\t ", "\u2028\u0085", "𝕬𝖇𝖈 " * 50, "one line of text, quite short"]
    lines = [json.dumps({"text": text}).encode() for text in texts]
    steps = "[{use: gopher_quality}, {use: gopher_repetition}, {use: c4}, {use: fineweb_quality}]"
    result = over(tmp_path, jsonl(tmp_path, *lines), steps=steps)
    assert 6 == result.report.records == len(ledger(result))
    assert 0 == result.report.dead


def test_a_truncated_archive_keeps_what_is_readable(tmp_path):
    """The records before the cut are kept, the damage is an incident with file and offset."""
    whole = crawl.crawl(tmp_path / "crawl", files=1)[0]
    whole.write_bytes(whole.read_bytes()[:-700])
    (result,) = runs.run(tmp_path / "crawl", tmp_path / "out", "input.split_mb=64")
    expected = [("crawl-0.warc.gz", "record ends early"), ("crawl-0.warc.gz", "truncated gzip member")]
    assert expected == [(file, what) for file, _, what in result.report.incidents]
    assert all(0 < offset <= whole.stat().st_size for _, offset, _ in result.report.incidents)
    assert (12, 9) == (result.report.records, result.report.kept)


def test_a_huge_page_is_dropped_with_a_reason(tmp_path):
    """50 MB of HTML are counted and not parsed; its neighbours are unharmed."""
    pages = [crawl.page(1), "<p>" + "x " * 25_000_000, crawl.page(2)]
    records = [crawl.response(f"https://a.example/{i}", page, i) for i, page in enumerate(pages)]
    crawl.write(tmp_path / "crawl/big.warc.gz", records)
    (result,) = runs.run(tmp_path / "crawl", tmp_path / "out")
    reasons = ledger(result)
    assert reasons[0] is None
    assert reasons[1].startswith("read.bytes>")
    assert reasons[2] is None


def test_what_is_no_archive_is_an_incident(tmp_path):
    """A file of noise named .warc.gz is counted, not guessed at, and does not stop the others."""
    crawl.crawl(tmp_path / "crawl", files=1)
    (tmp_path / "crawl/noise.warc.gz").write_bytes(bytes(range(256)) * 64)
    (tmp_path / "crawl/text.warc.gz").write_bytes(gzip.compress(b"hello, no archive\n" * 50))
    (result,) = runs.run(tmp_path / "crawl", tmp_path / "out", "input.split_mb=64")
    assert 14 == result.report.records
    assert {"noise.warc.gz", "text.warc.gz"} == {incident[0] for incident in result.report.incidents}


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path, monkeypatch):
    """ENOSPC in the middle of a shard: a clear message, no half file, and the next run completes."""
    crawl.crawl(tmp_path / "crawl")
    runs.run(tmp_path / "crawl", tmp_path / "reference")
    written, real = [0], write._Hashing.write

    def filling(self, data):
        written[0] += len(memoryview(data).cast("B"))
        if written[0] > 90_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    monkeypatch.setattr(write._Hashing, "write", filling)
    with pytest.raises((StorageError, OSError), match="No space left on device") as caught:
        runs.run(tmp_path / "crawl", tmp_path / "out")
    assert "free space and run again; committed shards are kept" in str(caught.value)
    monkeypatch.setattr(write._Hashing, "write", real)
    assert not list((tmp_path / "out").rglob(".tmp-*"))
    (result,) = runs.run(tmp_path / "crawl", tmp_path / "out")
    assert result.resumed > 0
    assert [] == runs.same(tmp_path / "reference", tmp_path / "out")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("{format: warc, paths: ['/nowhere/a.warc.gz']}", InputError, "/nowhere/a.warc.gz: no such file"),
        ("{format: warc, paths: ['{tmp}/*.nothing']}", InputError, "no file matches"),
        ("{format: warc, paths: ['@{tmp}/list.txt']}", InputError, "no such list of paths"),
        ("{format: parquet, paths: ['{tmp}/in.parquet']}", InputError, "in.parquet"),
        ("{format: warc, paths: []}", RecipeError, "paths: empty"),
        ("{format: jsonl, paths: [x], fields: {txt: body}}", RecipeError, "fields: .*not columns of a document"),
    ],
)
def test_inputs_that_cannot_be_read_are_refused_before_anything_is_written(source, error, message, tmp_path):
    """Missing files, empty globs and lists, wrong formats: one message, no output."""
    (tmp_path / "in.parquet").write_bytes(b"not parquet at all")
    with pytest.raises(error, match=message):
        over(tmp_path, source.replace("{tmp}", str(tmp_path)))
    assert not (tmp_path / "out").exists()


def test_a_table_without_text_is_refused_with_its_columns(tmp_path):
    """The message names the columns there are and how to map one."""
    import pyarrow as pa

    pq.write_table(pa.table({"content": ["a"], "url": ["b"]}), tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"content"):
        over(tmp_path, f"{{format: parquet, paths: ['{tmp_path}/in.parquet']}}")
    result = over(tmp_path, f"{{format: parquet, paths: ['{tmp_path}/in.parquet'], fields: {{text: content}}}}")
    assert 1 == result.report.records


@pytest.mark.slow
def test_every_sample_archive_reconciles(tmp_path):
    """Good, odd and broken archives of the shared data: nothing crashes, nothing vanishes, damage is reported."""
    folder = shared("warc-samples")
    kinds = (".warc", ".warc.gz", ".arc", ".arc.gz", ".warc.zst")
    archives = [file for file in sorted(folder.rglob("*")) if file.name.endswith(kinds)]
    source = f"{{format: warc, paths: {json.dumps([str(file) for file in archives])}, split_mb: 1}}"
    steps = "[{use: resiliparse}, {use: gopher_quality}, {use: fineweb_quality}]"
    text = crawl.recipe(tmp_path, tmp_path / "out")
    chosen = plan.make(recipe.parse(text, "x", [f"input={source}", f"steps={steps}", "errors.at_least=1000"]))
    (result,) = runs.drive.run(chosen, local.executor(), runs.Silent())
    report = result.report
    assert [] == report.faults()
    assert report.records == len(ledger(result)) > 500
    assert report.incident_count > 0
    malformed = {file.name for file in archives if "malformed" in file.parts}
    assert malformed & {incident[0] for incident in report.incidents}
