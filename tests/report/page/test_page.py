"""The page's figures are those of the reports on disk, and it says what looks wrong."""

import json
import re
import shutil
from pathlib import Path

import pytest

from corpusmill import cli
from corpusmill.report import outputs, page
from corpusmill.report.page import lint, recipe, signals
from corpusmill.spec import Bounds
from corpusmill.storage import verify
from tests.browser import page_charts, page_figures
from tests.report.page import hostile
from tests.stages import texts
from tests.tokenize.made import trained


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run with all sections."""
    return hostile.run(tmp_path_factory.mktemp("figures"))


def test_figures_equal_the_reports(folder):
    """Funnel, signals, duplicates, personal data, contamination, tokens: each figure is the one in report.json."""
    made = {section.name: section.data for section in page.sections(outputs.find(str(folder)))}
    wanted = {
        "funnel",
        "lint",
        "signals",
        "duplicates",
        "languages",
        "domains",
        "personal",
        "contamination",
        "tokens",
        "speed",
    }
    assert wanted <= set(made)
    told = {path.parent.name: json.loads(path.read_text()) for path in sorted(folder.glob("*/report.json"))}
    for stage, report in told.items():
        assert made["funnel"][stage] == {name: report[name] for name in made["funnel"][stage]}
        assert made["funnel"][stage]["steps"] == report["steps"]
        assert made["speed"][stage] == json.loads((folder / stage / "timing.json").read_text())["seconds"]
        for signal in report["bounds"]:
            if signal in report["histograms"]:
                assert made["signals"][signal]["documents"] == sum(report["histograms"][signal].values())
    first, last = told["01-curate"], told["06-redact"]
    step = next(step for step in first["steps"] if step["step"] == "gopher_quality")
    assert made["signals"]["gopher_quality.words"]["lost_below"] == step["reasons"]["gopher_quality.words<30"] > 0
    for stage, name in (("03-exact_dedup", "exact_dedup"), ("04-near_dedup", "near_dedup")):
        assert made["duplicates"][name]["removed"] == told[stage]["dropped"] > 0
    for what in ("languages", "domains", "sources"):
        rows = made["languages"] if what == "languages" else made["domains"][what]
        assert rows == {n: [c[0], *last[what].get(n, [0, 0, 0])[1:]] for n, c in first[what].items()}
    assert made["personal"]["redact"]["edits"]["email"] == last["tallies"]["redact.edits.email"] > 0
    assert made["contamination"]["02-decontaminate"] == told["02-decontaminate"]["contamination"]
    packed = {name.removeprefix("tokenize."): n for name, n in told["07-tokenize"]["tallies"].items()}
    assert made["tokens"]["tallies"] == packed


def test_the_recipe_is_on_the_page(folder, tmp_path, monkeypatch):
    """Every line of it, each stage's key, each file of the input; a password in an address is masked, numbers stay."""
    other = tmp_path / "small"
    shutil.copytree(folder, other)
    told = (other / "recipe.yaml").read_text()
    secret = "https://me:Hunter2xy@store.example/web"
    (other / "recipe.yaml").write_text(re.sub("about: .*", f"about: {secret}", told))
    monkeypatch.setattr(recipe, "LONGEST_PASSAGE", 1000)
    run = outputs.find(str(other))
    made = recipe.section(run)
    shown = "".join(piece.text for card in made.examples for p in card.passages for piece in p.pieces)
    assert shown == re.sub("about: .*", "about: https://<CREDENTIALS>@store.example/web", told)
    assert len(made.examples) > 1
    manifests = {path.parent.name: json.loads(path.read_text()) for path in sorted(other.glob("*/manifest.json"))}
    assert made.data["keys"] == {stage: manifest["key"] for stage, manifest in manifests.items()}
    splits = {shard["split"]["path"]: shard["split"] for shard in manifests["01-curate"]["shards"]}
    assert [(path, splits[path]["size"], splits[path]["fingerprint"]) for path in splits] == [
        (row[0].text, row[2].value, row[3].text) for row in made.tables[1].rows
    ]
    written = page.page(run).partition('<section id="recipe"')[2]
    assert "Hunter2xy" not in written
    assert all(f"<code>{manifest['key']}</code>" in written for manifest in manifests.values())


def test_figures_stand_on_the_page(folder):
    """The written page shows the funnel's counts, and twice the same bytes; verify leaves it out."""
    run = outputs.find(str(folder))
    path = page.write(run, price_per_hour=0.5)
    written = Path(path).read_text()
    report = json.loads((folder / "01-curate/report.json").read_text())
    assert f"<dd>{report['records']:,}</dd>" in written
    for reason, count in report["steps"][1]["reasons"].items():
        short = reason.removeprefix("gopher_quality.").replace("<", "&lt;").replace(">", "&gt;")
        assert f"{short}</code>" in written
        assert f'<td class="r">{count:,}</td>' in written
    assert "<dt>cost</dt>" in written
    assert page.page(run, 0.5) == written
    assert "report.html" not in verify.files(str(folder))


def test_every_figure_is_held_against_the_reports(folder):
    """Worked out anew from report.json and timing.json, each table says the same; in each section a change is seen."""
    written = page.page(outputs.find(str(folder)))
    compared = page_figures.compare(written, folder)
    assert compared.differences == []
    assert compared.figures > 380
    head, *parts = written.split("<section ")
    for at, part in enumerate(parts):
        name = re.match(r'id="(\w+)"', part)[1]
        # the last figure of the section's last table that is compared; other sections show texts, or ask the ledgers
        if name in ("lint", "nearest", "examples", "interaction", "fairness", "pairs", "recipe"):
            continue
        start = part.rindex('<td class="r">', 0, part.index("</tbody>"))
        row = part.rindex("<tr", 0, start)
        changed = re.sub(r'<td class="r">([\d,.]+)</td>', r'<td class="r">1\1</td>', part[row:], count=1)
        other = "<section ".join([head, *parts[:at], part[:row] + changed, *parts[at + 1 :]])
        found = page_figures.compare(other, folder).differences
        assert [name] == [told.partition(", ")[0] for told in found]


def test_every_bar_is_held_against_the_reports(folder):
    """The bars of signals, similarities, token lengths and steps hold what the reports have; one that does not is seen."""
    written = page.page(outputs.find(str(folder)))
    compared = page_charts.compare(written, folder)
    assert compared.differences == []
    assert compared.figures > 40
    specs = written.partition('id="charts">')[2].partition("</script>")[0]
    seen = set()
    for number in range(spec_count := specs.count('"documents":')):
        parts = specs.split('"documents":')
        parts[number + 1] = "1" + parts[number + 1]
        found = page_charts.compare(written.replace(specs, '"documents":'.join(parts)), folder).differences
        seen.update(told.partition(":")[0] for told in found)
    assert spec_count > 40
    assert {"chart of the funnel", "chart token-lengths", "chart similarity-near_dedup"} < seen
    assert len(seen) > 8


def test_two_runs_side_by_side_are_held_against_their_reports(folder, tmp_path):
    """The page of two runs shows both funnels as their reports have them; a change is seen."""
    texts.run(folder.parents[1] / "texts", tmp_path, "{use: gopher_quality, words: [50, 90], stop_words: [0, null]}")
    other = tmp_path / "small"
    assert 0 == cli.main(["report", str(folder), str(other), "--html", str(tmp_path / "page.html")])
    written = (tmp_path / "page.html").read_text()
    compared = page_figures.beside(written, folder, other)
    assert compared.differences == []
    assert compared.figures > 30
    changed = page_figures.beside(written.replace('<td class="r">90</td>', '<td class="r">91</td>', 1), folder, other)
    assert len(changed.differences) == 1


def test_counts_that_do_not_add_up_are_seen(folder, tmp_path):
    """A stage that received less than was kept before says so, in funnel and lint."""
    run = outputs.find(str(folder))
    report = run.stages[1]._told
    report["records"] -= 1
    told = {section.name: section for section in page.sections(run)}
    row = told["funnel"].tables[1].rows[1]
    assert row.tone == "alarm"
    assert "were kept by the stage before" in row.cells[-1]
    assert any(item.what == "counts do not add up" and item.grave for item in lint.findings(run))


def test_lint_finds_what_is_planted(tmp_path):
    """A rule that never fires, a percentage for a share, a source that is lost, a step that takes everything."""
    documents = [{"id": f"d{n}", "text": hostile.prose(n, 5), "source": "books"} for n in range(1100)]
    documents += [{"id": f"w{n}", "text": "Too short.", "source": "web"} for n in range(30)]
    corpus = texts.write(tmp_path / "texts", documents)
    steps = """
        {use: gopher_quality, words: [30, 100000], stop_words: [0, null]}
        {use: gopher_repetition, top_2_grams: [null, 30], top_3_grams: [0.9, null]}
    """
    texts.run(corpus, tmp_path / "out", steps)
    found = {(item.what, item.subject): item for item in lint.findings(outputs.find(str(tmp_path / "out/small")))}
    assert found["source lost", "web"].grave
    assert found["removed everything", "gopher_repetition"].grave
    assert found["bound out of range", "gopher_repetition.top_3_grams"].grave
    assert not found["bound out of range", "gopher_repetition.top_2_grams"].grave
    assert "mean_word_length" in found["rules that never fired", "gopher_quality"].found
    assert list(found.values()) == sorted(found.values(), key=lambda item: not item.grave)


def test_lint_says_what_took_a_language_and_a_source(tmp_path):
    """The rule by name with a link to Fairness; of a source in files of its own, also the id of a document to ask after."""
    fine = [{"id": f"e{n}", "text": hostile.prose(n), "language": "en", "source": "books"} for n in range(60)]
    short = [{"id": f"t{n}", "text": hostile.prose(n, 1), "language": "th", "source": "thai"} for n in range(30)]
    few = [{"id": f"k{n}", "text": hostile.prose(n, 1), "language": "km", "source": "books"} for n in range(10)]
    steps = "{use: gopher_quality, words: [30, 100000], stop_words: [0, null]}\n{use: exact_dedup}"
    for name, files in (("mixed", [fine + short + few]), ("own", [fine + few, short])):
        for number, documents in enumerate(files):
            texts.write(tmp_path / name / f"texts{number}", documents)
        texts.run(tmp_path / name / "texts*", tmp_path / name / "out", steps)
    told = {}
    for name in ("mixed", "own"):
        run = outputs.find(str(tmp_path / name / "out/small"))
        told[name] = {item.what: item for item in lint.findings(run) if "lost" in item.what}
        language, source = told[name]["language lost"], told[name]["source lost"]
        assert ("gopher_quality.words<30", "fairness", False) == (language.subject, language.to, language.grave)
        assert language.found == "th: 0 of 30 documents are left, 30 break it"
        assert ("thai", "fairness", True) == (source.subject, source.to, source.grave)
        assert source.found.startswith("all 30 documents were dropped, all in 01-curate")
        assert "gopher_quality.words<30" in source.found
    assert "shards that hold it" in told["mixed"]["source lost"].found
    assert "explain" not in told["mixed"]["source lost"].advice
    command = re.search(r"corpusmill explain (\S+) (t\d+) --text", told["own"]["source lost"].advice)
    assert str(tmp_path / "own/out/small") == command[1]


def test_a_source_that_gives_nothing_to_a_mixture(tmp_path):
    """One long document cannot give a tenth of its tokens; a source of weight 0 is not missed."""
    (tmp_path / "small.json").write_text(trained().to_str())
    documents = [{"id": f"d{n}", "text": hostile.prose(n, 5), "source": "web"} for n in range(60)]
    documents += [{"id": name, "text": hostile.prose(0, 400), "source": name} for name in ("books", "forum")]
    corpus = texts.write(tmp_path / "texts", documents)
    mixture = "{web: {weight: 1}, books: {tokens: 200}, forum: {weight: 0}}"
    texts.run(corpus, tmp_path / "out", f"{{use: tokenize, tokenizer: {tmp_path}/small.json, mixture: {mixture}}}")
    found = [item for item in lint.findings(outputs.find(str(tmp_path / "out/small"))) if "nothing" in item.what]
    assert [("source gives nothing", "books", "200 tokens asked by the mixture, none got", True)] == [
        (item.what, item.subject, item.found, item.grave) for item in found
    ]


def test_bounds_by_language_are_written_out():
    """One bound for all is short; several are named."""
    assert signals.written({"*": Bounds(1, None)}) == "[1, null]"
    assert signals.written({"*": Bounds(1, None), "en": Bounds(None, 0.5)}) == "*: [1, null], en: [null, 0.5]"
    assert signals.written({"*": Bounds(None, None)}) == "none"


def test_a_takedown_takes_the_page_along(tmp_path, capsys):
    """After remove, the page is made anew and no longer shows the document's address."""
    documents = [{"id": f"d{n}", "url": f"https://site.example/{n}", "text": hostile.prose(n)} for n in range(6)]
    documents.append({"id": "gone", "url": "https://gone.example/page", "text": "Too short."})
    texts.run(
        texts.write(tmp_path / "texts", documents), tmp_path / "out", "{use: gopher_quality, stop_words: [0, null]}"
    )
    assert 0 == cli.main(["report", str(tmp_path / "out"), "--html"])
    before = (tmp_path / "out/small/report.html").read_text()
    assert "gone.example" in before
    (tmp_path / "ids").write_text("gone\n")
    assert 0 == cli.main(["remove", str(tmp_path / "out"), str(tmp_path / "ids")])
    assert "gone.example/page" not in (tmp_path / "out/small/report.html").read_text()
    assert capsys.readouterr().err == ""
