"""`explain --text`: what a document was before and after each stage, and the one in whose place it went."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusmill import recipe
from corpusmill.report import explain, outputs, texts
from corpusmill.report.passages import difference
from tests import crawl, runs
from tests.crawl import WORDS
from tests.stages import texts as corpora

STEPS = """
{use: c4, min_words_per_line: 3, sentences: [2, null], curly_bracket: [null, 0]}
{use: near_dedup, threshold: 0.5}
{use: redact}
"""
BODY = "\n".join(
    f"The {word} is one of the things that we have in the {other}." for word, other in zip(WORDS, WORDS[3:])
)
DOCUMENTS = [
    {"id": "first", "url": "https://a.example/1", "text": f"Menu\n{BODY}\nWrite to person@riverhouse.org, they said."},
    {"id": "second", "url": "https://b.example/2", "text": BODY + "\nThis line is in this one alone.\nAnd so is this."},
    {"id": "braces", "url": "https://c.example/3", "text": "A line of words with a {brace} in it.\nAnother line of words."},
    {"id": "short", "url": "https://d.example/4", "text": "\u202eNot a line\nOnly one \x1b[31mline of them\x07 is left here."},
]  # fmt: skip


@pytest.mark.parametrize("size", [0, 60, 85])
def test_a_long_masked_value_moves_no_half_value_into_sight(folder, size):
    """Whatever length of a key goes from the front, no address that the end of what is read cuts in two is shown."""
    key = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEpAIBAAKCAQEA7bqa\n" * size + "-----END RSA PRIVATE KEY-----\n"
    mail = "write to person@riverhouse.org or to anyone\n"
    known = texts.Texts(outputs.find(str(folder / "out")))
    every = [f"{key}{'z' * shift} {mail * 200}" for shift in range(len(mail))]
    for shown in known.masked(every, 4000):
        assert "<EMAIL>" in shown
        assert "riverh" not in shown
        assert "person" not in shown
        assert 1400 < len(shown) <= 4000
    plain = "plain words and no more\n" * 400
    assert [plain[:4000], plain[:50]] == known.masked([plain, plain[:50]], 4000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two shards in which each document meets another end."""
    folder = tmp_path_factory.mktemp("passages")
    corpora.write(folder / "texts", DOCUMENTS, 2)
    corpora.run(folder / "texts", folder / "out", STEPS)
    return folder


def told(folder, query):
    """What there is to read, as plain lines."""
    run = outputs.find(str(folder / "out"))
    with_text = explain.answer(run, query, text=True)
    lines = [line for group in with_text for line in _plain(group)]
    assert lines[: len(_lines(run, query))] == _lines(run, query)
    return "\n".join(lines[len(_lines(run, query)) :])


def _lines(run, query):
    return [line for group in explain.answer(run, query) for line in _plain(group)][:-1]


def _plain(part):
    """The texts of a part; tables are left out."""
    parts = getattr(part, "renderables", [part])
    return [line for item in parts if hasattr(item, "plain") for line in item.plain.split("\n")]


def test_kept_and_changed(folder):
    """The record as it was read, what C4 cut, and nothing of what is masked."""
    out = told(folder, "first") + told(folder, "second")
    assert "as read: part-0.jsonl at 0, " in out
    assert "- Menu" in out
    assert "… " in out
    assert "lines that are the same" in out
    assert "Write to <EMAIL>, they said." in out
    assert "riverhouse" not in out


def test_the_duplicate_that_stays(folder):
    """Of the two that are alike one goes, and what is different in the other is shown."""
    run = outputs.find(str(folder / "out"))
    rows = [
        row for entry in run.stages[1].manifest["shards"] for row in run.stages[1].ledger(entry["shard"]).to_pylist()
    ]
    (gone,) = (row for row in rows if row["reason"])
    assert {gone["id"], gone["near_dedup.kept"]} == {"first", "second"}
    out = told(folder, gone["id"])
    assert f"dropped in 02-near_dedup: - is in this document alone, + in {gone['near_dedup.kept']} alone" in out
    signs = {"first": "-", "second": "+"} if gone["id"] == "first" else {"first": "+", "second": "-"}
    assert f"{signs['second']} This line is in this one alone." in out
    assert f"{signs['first']} Write to <EMAIL>, they said." in out


def test_what_makes_the_signal_is_marked(folder):
    """The brace of the document that was dropped for it; a line that went before sentences were counted."""
    run = outputs.find(str(folder / "out"))
    (group, _) = explain.answer(run, "braces", text=True)
    shown = group.renderables[-1]
    assert [("{", "reverse")] == [(shown.plain[span.start : span.end], span.style) for span in shown.spans]
    (group, _) = explain.answer(run, "short", text=True)
    shown = group.renderables[-1]
    assert [("⟨U+202E⟩Not a line", "red strike")] == [
        (shown.plain[span.start : span.end], span.style) for span in shown.spans
    ]
    assert "\x1b" not in shown.plain


def test_what_is_not_there_is_said(folder, tmp_path):
    """A source that changed or went, documents that were removed, a document that was taken down."""
    shutil.copytree(folder, tmp_path / "copy")
    moved = tmp_path / "copy"
    for manifest in (moved / "out" / "small").glob("*/manifest.json"):
        data = json.loads(manifest.read_text().replace(str(folder), str(moved)))
        manifest.write_text(json.dumps({**data, "pruned": data["stage"] != "03-redact"}))
    yaml = moved / "out" / "small" / "recipe.yaml"
    yaml.write_text(yaml.read_text().replace(str(folder), str(moved)))
    part = moved / "texts" / "part-0.jsonl"
    part.write_text(part.read_text() + "\n")
    out = told(moved, "first")
    assert "part-0.jsonl is not the file that was read; its record is not shown" in out
    assert "after 01-curate: its documents were removed when the run was done" in out
    part.unlink()
    assert "the input cannot be read again: " in told(moved, "first")
    ledger = moved / "out" / "small" / "01-curate" / "ledger" / "00001.parquet"
    table = pq.read_table(ledger)
    at = table.schema.get_field_index("reason")
    taken = pa.array(["takedown"] * table.num_rows)
    pq.write_table(table.set_column(at, table.schema.field(at), taken), ledger)
    assert "taken down: no text of it is shown" == told(moved, "short").strip()


@pytest.mark.parametrize("name", ["pages.warc.gz", "texts.jsonl", "texts.jsonl.gz", "texts.parquet", "texts.arrow"])
def test_the_source_is_read_again(name, tmp_path):
    """The third record of a file of each format: pages as HTML, texts as they were."""
    documents = [
        {"id": f"d{n}", "url": f"https://a.example/{n}", "text": f"Text {n} é\n" + "and more " * n} for n in range(9)
    ]
    path = tmp_path / name
    kind = {"gz": "jsonl"}.get(name.rpartition(".")[2], name.rpartition(".")[2])
    if name.startswith("pages"):
        kind = "warc"
        crawl.write(path, [crawl.response(d["url"], crawl.page(n), n) for n, d in enumerate(documents)])
    elif kind == "jsonl":
        import gzip

        data = "".join(json.dumps(d) + "\n" for d in documents).encode()
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith("gz") else data)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(documents), path, row_group_size=2)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, pa.Table.from_pylist(documents).schema) as file:
            file.write_table(pa.Table.from_pylist(documents), max_chunksize=2)
    step = "{use: resiliparse, characters: [100000, null]}" if kind == "warc" else "{use: gopher_quality}"
    text = f"name: one\ninput: {{format: {kind}, paths: ['{path}'], split_mb: 0.0002}}\nsteps: [{step}]\noutput: {tmp_path}/out\n"
    from corpusmill import drive, local, plan

    drive.run(plan.make(recipe.parse(text, "one.yaml")), local.executor(), runs.Silent())
    run = outputs.find(str(tmp_path / "out"))
    ((found,),) = explain.search(run, "https://a.example/2")
    source = texts.Texts(run).source(found.shard, found.row)
    assert source.text == (crawl.page(2) if kind == "warc" else documents[2]["text"])
    assert source.note.startswith(f"{name} at {found.row['offset']}, ")


def test_differences():
    """Both texts can be read off their difference; what is long and the same is counted."""
    before, after = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n", "a\nb\nc\nd\ne\nf\ng\nh\nX\nj\nk"
    found = texts.lines(before, after)
    assert (before, after) == ("".join(c.before for c in found), "".join(c.after for c in found))
    lines = ["… 5 lines that are the same", "f", "g", "h", "i", "X", "j", "k"]
    shown = difference(found).plain.splitlines()
    assert [f"{sign} {line}" for sign, line in zip("    -+ +", lines, strict=True)] == shown
    words = texts.changes("one two  three", "one 2  three four")
    assert [("one ", "one "), ("two", "2"), ("  three", "  three"), ("", " four")] == [tuple(c) for c in words]


def test_what_was_judged_of_a_page_is_shown(tmp_path):
    """Of a page that the first stage dropped, the text that its extractor found, masked like all others."""
    html = "<html><body><nav>Menu</nav><p>Too short. Write to mary.poe@riverhouse.org, please.</p></body></html>"
    crawl.write(tmp_path / "crawl/a.warc.gz", [crawl.response("https://a.example/1", html, 1)])
    runs.run(tmp_path / "crawl", tmp_path / "out")
    run = outputs.find(str(tmp_path / "out"))
    lines = [line for group in explain.answer(run, "https://a.example/1", text=True) for line in _plain(group)]
    at = next(number for number, line in enumerate(lines) if line.startswith("as extracted: "))
    assert "Too short. Write to <EMAIL>, please." in "\n".join(lines[at:])
    assert "<nav>" in "\n".join(lines[:at])
    assert "riverhouse" not in "\n".join(lines)
