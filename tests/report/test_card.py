"""The data card: its header is the hub's, its figures are the reports', and names from the web stay names."""

import json
import re
import shutil

import pyarrow.parquet as pq
import pytest
import yaml

from corpusmill import cli
from corpusmill.errors import OutputError
from corpusmill.report import card, markdown, outputs, publish
from corpusmill.report.page.sections import Name, Share
from corpusmill.report.page.totals import through
from corpusmill.takedown.remove import remove
from corpusmill.takedown.wanted import Wanted
from tests.report.page import hostile
from tests.stages import texts


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run."""
    return outputs.find(str(hostile.run(tmp_path_factory.mktemp("card"))))


def parts(text):
    """The header as data, and the body."""
    _, header, body = text.split("---\n", 2)
    return yaml.safe_load(header), body


def test_the_header_is_what_the_hub_reads(run):
    """Languages that were kept and are codes, size, licence, task, and where the files of each split lie."""
    header, _ = parts(card.card(run, licences=card.Licences("odc-by")))
    assert ["de", "en", "ru"] == sorted(header["language"])
    assert "odc-by" == header["license"]
    assert ["n<1K"] == header["size_categories"]
    assert ["text-generation"] == header["task_categories"]
    assert [{"split": "train", "path": "documents/*.parquet"}] == header["configs"][0]["data_files"]
    assert "unknown" == parts(card.card(run))[0]["license"]
    files = parts(card.card(run, "packed"))[0]["configs"][0]["data_files"]
    assert ["train/*.arrow", "validation/*.arrow"] == [file["path"] for file in files]


def test_licences_of_sources(run, capsys):
    """Each source's stands beside its name, the others are said to be open; a source that is none is refused."""
    arguments = ["card", run.root, "--license", "odc-by", "--license", "books=cc0-1.0"]
    assert 0 == cli.main(arguments)
    text = capsys.readouterr().out
    assert "odc-by" == parts(text)[0]["license"]
    assert "The collection: odc-by." in text
    assert "| `books` | cc0-1.0 |" in text
    assert "Of the other sources no licence is stated." in text
    every = {row.name: "mit" for row in through(run, "sources")}
    told = card.card(run, licences=card.Licences(None, every))
    assert "unknown" == parts(told)[0]["license"]
    assert "| `web` | mit |" in told
    assert "other sources" not in told
    assert 2 == cli.main([*arguments, "--license", "book=mit"])
    assert "licence of book: the run has read no such source; did you mean 'books'?" in capsys.readouterr().err
    assert 2 == cli.main([*arguments, "--license", "mit"])
    assert "of the collection both odc-by and mit" in capsys.readouterr().err
    for wrong in ("=mit", "books=", "MIT", "books=M T"):
        with pytest.raises(SystemExit):
            cli.main(["card", run.root, "--license", wrong])


def test_it_is_told_to_programs(run, tmp_path, capsys):
    """With --json, header and text as they are written, and where they were."""
    arguments = ["card", run.root, "--what", "packed", "--license", "books=mit"]
    assert 0 == cli.main(arguments)
    text = capsys.readouterr().out
    assert 0 == cli.main([*arguments, "--json", "--out", str(tmp_path / "card.md")])
    told = json.loads(capsys.readouterr().out)
    assert (text, text) == (told["text"], (tmp_path / "card.md").read_text())
    assert parts(text)[0] == told["header"]
    assert (str(tmp_path / "card.md"), "packed", run.stages[-1].title) == (told["path"], told["what"], told["stage"])


def test_its_figures_are_those_of_the_reports(run):
    """Every step's documents in and out, every language, every replaced value stand in it."""
    _, body = parts(card.card(run))
    for stage in run.stages:
        for name, step in stage.report().steps.items():
            if name != "read" or stage.title.startswith("01-"):
                assert f"| `{name}` | {step.documents_in:,} | {step.documents_out:,} |" in body
            for reason, count in step.reasons.items():
                assert f"`{reason.removeprefix(name + '.')}` {count:,}" in body
    rows = next(stage.further()["contamination"] for stage in run.stages if "contamination" in stage.further())
    assert f"| `quiz` | {rows[0]['items']} | {rows[0]['found']} |" in body
    assert rows[0]["found"] > 0
    redact = next(stage.report() for stage in run.stages if stage.title.endswith("redact"))
    values, holding = (redact.tallies[f"redact.{kind}.email"] for kind in ("edits", "documents"))
    assert f"| `email` | {values} | {holding} |" in body
    assert values > 0
    assert "Nothing was removed" not in body
    assert card.card(run) == card.card(outputs.find(run.root))


def test_names_from_the_web_stay_names(run):
    """Hostile languages and domains are shown as code: no HTML, no link, no broken table."""
    _, body = parts(card.card(run))
    assert "| `<script>window.broken = 1</script><img src=x onerror='window.broken = 1'>` |" in body
    assert "\u202e" not in body
    assert "| `evil.example` |" in body
    for line in re.sub(r"`[^`\n]*`", "", body.split("```", 1)[0]).splitlines():
        assert "<" not in line.replace("\\<", "")
    assert "\\<i\\> \\[x\\](y) \\| \\`z\\` ⟨U+202E⟩" == markdown.plain("<i> [x](y) | `z`\n\u202e")
    assert "`a'b\\|c ⟨U+0000⟩`" == markdown.code("a`b|c\n\x00")
    assert "````yaml\n```\n````" == markdown.fenced("```", "yaml")
    shown = markdown.table(["a", "b", "c"], [[Name("x|y"), 1234, Share(0.5)]], more=2)
    assert "| a | b | c |\n| --- | ---: | ---: |\n| `x\\|y` | 1,234 | 50.0% |\n\nand 2 more" == shown


def test_it_names_nothing_of_this_machine(run, tmp_path):
    """Of local paths the last name stays, of URLs neither user nor query."""
    text = card.card(run)
    assert str(tmp_path.parent) not in text
    assert "/" + "tmp" not in text
    assert "'*.jsonl'" in text or "`*.jsonl`" in text
    given = ["/home/me/a/*.gz", "@/home/me/list", "s3://key:secret@bucket/a", "https://x.example/a?sig=1", "crawl/*.gz"]
    wanted = ["*.gz", "@list", "s3://bucket/a", "https://x.example/a", "crawl/*.gz"]
    assert wanted == card.published(given)
    assert "x" == card.published("file:///home/x")


def test_raw_texts_are_said_to_be_raw(tmp_path):
    """Without a step that redacts, the card says so; without tokens there are none to describe."""
    texts.run(texts.write(tmp_path / "texts", [{"text": "a text"}], 1), tmp_path / "out", "{use: exact_dedup}")
    raw = outputs.find(str(tmp_path / "out"))
    assert "**Nothing was removed**" in card.card(raw)
    assert "No evaluation set was looked for" in card.card(raw)
    with pytest.raises(OutputError, match="found no packed shards"):
        card.card(raw, "packed")


def test_an_unfinished_run_has_no_card(run, tmp_path):
    """Stages that are missing are named; documents need no tokens."""
    shutil.copytree(run.root, tmp_path / "out")
    for stage in (-1, -2):
        (tmp_path / "out" / run.stages[stage].title / "manifest.json").unlink()
        left = outputs.find(str(tmp_path / "out"))
        with pytest.raises(
            OutputError, match="07-tokenize is not finished" if stage == -1 else "06-redact, 07-tokenize"
        ):
            card.card(left, "packed")
        if stage == -1:
            assert "tokens, train" not in card.card(left)
    with pytest.raises(OutputError, match="06-redact is not finished"):
        card.card(left)


def test_after_a_takedown(run, tmp_path):
    """Documents can be published at once, without those taken down; the card counts the takedown."""
    shutil.copytree(run.root, tmp_path / "out")
    assert "Takedowns so far: 0" in card.card(run)
    remove(str(tmp_path / "out"), run.recipe, Wanted.parse(b"d30\n", "ids"))
    left = outputs.find(str(tmp_path / "out"))
    assert "Takedowns so far: 1" in card.card(left)
    publish.publish(left, str(tmp_path / "there"), "documents")
    there = pq.read_table(tmp_path / "there" / "documents")["id"].to_pylist()
    assert "d30" not in there
    assert "d31" in there
    with pytest.raises(OutputError, match="07-tokenize is not finished"):
        card.card(left, "packed")


def test_the_hub_reads_the_header(run):
    """The hub's own client parses it."""
    hub = pytest.importorskip("huggingface_hub")
    data = hub.DatasetCard(card.card(run, licences=card.Licences("odc-by"))).data
    assert ("odc-by", ["n<1K"], "small") == (data.license, data.size_categories, data.pretty_name)
