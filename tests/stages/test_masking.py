"""Personal data through whole runs: in no report, and in no document from the redact stage on."""

import io
import json
import sys

import pyarrow.parquet as pq
import pytest

from corpusmill import cli
from corpusmill.errors import OutputError
from tests import runs
from tests.stages import texts

PLANTED = (
    "john.smith@yahoo.com",
    "212-736-5000",
    "93.184.216.34",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
)
WORDS = "It was a long day at the house by the river and nobody had anything to say about the letter that came."
STEPS = "{use: exact_dedup, by: normalised}\n{use: near_dedup}\n{use: redact}"


def documents():
    """Texts, some of them copies of others, with values planted at the beginning, in the middle and at the end."""
    return [
        {
            "id": f"d{i}",
            "url": f"https://a.example/{i}",
            "text": f"{PLANTED[i % 5]} is where we start with {i // 2}. {WORDS} Then {PLANTED[(i + 1) % 5]}, and again {WORDS.lower()}"
            f" and number {i} ends with {PLANTED[(i + 2) % 5]}",
        }
        for i in range(20)
    ]


@pytest.fixture
def done(tmp_path):
    folder = texts.write(tmp_path / "texts", [*documents(), {"id": "copy", "text": documents()[0]["text"]}])
    texts.run(folder, tmp_path / "out", STEPS)
    return tmp_path / "out/small"


def holds(path) -> bool:
    """Whether a file holds a planted value, compressed or not."""
    whole = json.dumps(pq.read_table(path).to_pylist(), default=str) if path.suffix == ".parquet" else path.read_bytes()
    text = whole if isinstance(whole, str) else whole.decode("utf-8", "replace")
    return any(value in text for value in PLANTED)


def test_no_report_shows_a_value(done):
    """Of all files of a run only documents before the redact stage hold what was planted."""
    found = {str(path.relative_to(done)) for path in done.rglob("*") if path.is_file() and holds(path)}
    assert found
    assert all(name.startswith(("01-curate/documents/", "02-exact_dedup/documents/", "03-near_dedup/documents/"))
               for name in found)  # fmt: skip
    examples = json.loads((done / "04-redact/report.json").read_text())["examples"]
    assert any("<EMAIL>" in example[-1] for reason in examples.values() for example in reason)
    texts_kept = [json.loads((done / f"0{n}/manifest.json").read_text())["text"]
                  for n in ("1-curate", "2-exact_dedup", "3-near_dedup", "4-redact")]  # fmt: skip
    assert ["raw", "raw", "raw", "redacted"] == texts_kept


def test_without_a_redact_step_reports_are_masked_all_the_same(tmp_path):
    """The default patterns stand in."""
    folder = texts.write(tmp_path / "texts", documents())
    texts.run(folder, tmp_path / "out", "{use: gopher_quality, words: [50, null]}\n{use: near_dedup}")
    found = {path.parent.name for path in (tmp_path / "out/small").rglob("*") if path.is_file() and holds(path)}
    assert {"documents"} == found


def test_intermediate_documents_go_if_they_are_not_to_be_kept(tmp_path):
    """The run stays done without them, and a change of its last step makes again what it needs."""
    folder = texts.write(tmp_path / "texts", documents())
    keep, drop = "keep_intermediate=true", "keep_intermediate=false"
    texts.run(folder, tmp_path / "whole", STEPS, keep)
    texts.run(folder, tmp_path / "out", STEPS, drop)
    out = tmp_path / "out/small"
    assert not [path for path in out.rglob("*") if path.is_file() and holds(path)]
    progress = runs.Silent()
    again = texts.run(folder, tmp_path / "out", STEPS, drop, progress=progress)
    assert [] == progress.begun
    assert [result.report.kept for result in again] == [
        json.loads((out / f"{stage}/report.json").read_text())["kept"]
        for stage in ("01-curate", "02-exact_dedup", "03-near_dedup", "04-redact")
    ]
    for name in ("04-redact/documents/00000.parquet", "03-near_dedup/ledger/00001.parquet", "04-redact/report.json"):
        assert (tmp_path / "whole/small" / name).read_bytes() == (out / name).read_bytes()
    report = out / "02-exact_dedup/report.json"
    whole = report.read_bytes()
    report.write_bytes(whole[:20])
    texts.run(folder, tmp_path / "out", STEPS, drop)
    assert whole == report.read_bytes()
    ids = tmp_path / "ids.txt"
    ids.write_text("d0\n")
    assert OutputError.exit_code == cli.main(["remove", str(out), str(ids)])
    changed = texts.run(folder, tmp_path / "out", STEPS.replace("redact}", "redact, action: pseudonym}"), drop)
    assert changed[-1].report.kept == again[-1].report.kept
    assert "user-1@example.com" in "".join(texts.kept(changed[-1])["text"].to_pylist())


def test_killed_while_it_removed(tmp_path, monkeypatch):
    """The next run removes the rest."""
    folder = texts.write(tmp_path / "texts", documents())
    texts.run(folder, tmp_path / "out", STEPS, "keep_intermediate=true")
    monkeypatch.setattr("corpusmill.storage.paths.remove", lambda path: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        texts.run(folder, tmp_path / "out", STEPS, "keep_intermediate=false")
    monkeypatch.undo()
    texts.run(folder, tmp_path / "out", STEPS, "keep_intermediate=false")
    assert not list((tmp_path / "out").rglob("0[123]*/documents/*.parquet"))


def test_a_single_text_on_the_command_line(tmp_path, capsysbinary, monkeypatch):
    """A file or standard input goes in, the redacted text comes out, counts go to the other channel."""
    path = tmp_path / "letter.txt"
    path.write_text(f"Grüße an {PLANTED[0]} und {PLANTED[0]}.\n")
    assert 0 == cli.main(["redact", str(path)])
    out = capsysbinary.readouterr()
    assert "Grüße an <EMAIL> und <EMAIL>.\n" == out.out.decode()
    assert b"2 email" in out.err
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert 0 == cli.main(["redact", "-", "--set", "action=pseudonym"])
    assert "Grüße an user-1@example.com und user-1@example.com.\n" == capsysbinary.readouterr().out.decode()
    path.write_bytes(b"ab\xff")
    assert 2 == cli.main(["redact", str(path)])
    assert b"expected UTF-8, found byte 0xff at byte 2" in capsysbinary.readouterr().err
    assert 2 == cli.main(["redact", str(tmp_path / "nowhere")])
    assert 2 == cli.main(["redact", str(path), "--set", "actoin=mask"])
    assert b"did you mean 'action'" in capsysbinary.readouterr().err
