"""The command line: its flags, its messages, its exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from corpusmill import cli
from corpusmill.cli import shared
from tests import crawl, runs


@pytest.fixture
def done(tmp_path):
    """A finished run of the small recipe."""
    crawl.crawl(tmp_path / "crawl")
    runs.run(tmp_path / "crawl", tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def recipe_file(tmp_path):
    """The small recipe as a file, over a small crawl."""
    crawl.crawl(tmp_path / "crawl")
    (tmp_path / "small.yaml").write_text(crawl.recipe(tmp_path / "crawl", tmp_path / "out"))
    return tmp_path / "small.yaml"


def test_no_new_flags():
    """Knobs belong into the recipe; a new flag needs a reason, and this list."""
    expected = {
        "run": ["--exchange", "--help", "--json", "--price-per-hour", "--quiet", "--runner", "--set", "--workers"],
        "plan": ["--help", "--json", "--set"],
        "report": ["--fail-on-drift", "--help", "--html", "--json", "--price-per-hour"],
        "explain": ["--help", "--json", "--text"], "trace": ["--help", "--json", "--run", "--step", "--text"], "export": ["--help", "--out"],
        "estimate": ["--help", "--json", "--machine", "--price-per-hour", "--quiet", "--sample", "--set", "--workers"],
        "what-if": ["--drop", "--examples", "--help", "--json", "--sweep"],
        "card": ["--help", "--json", "--license", "--out", "--what"],
        "serve": ["--help", "--host", "--port"],
        "push": ["--help", "--json", "--license", "--public", "--raw", "--what"],
        "verify": ["--help", "--json"], "redact": ["--help", "--set"], "remove": ["--dry-run", "--help", "--json"],
        "steps": ["--help", "--json"], "recipes": ["--copy", "--help", "--json"], "mixtures": ["--help", "--json", "--yaml"],
        "tokenizer": ["--help"], "tokenizer train": [
            "--help", "--longest-token", "--min-frequency", "--out", "--overwrite", "--pattern", "--quiet", "--run", "--runner",
            "--sample-mb", "--special-token", "--split-digits", "--texts", "--vocabulary-size", "--weights", "--workers",
        ],
        "classifier": ["--help"], "classifier train": [
            "--dim", "--epochs", "--held-out", "--help", "--lr", "--negative", "--ngrams", "--out", "--positive",
            "--quantize", "--seed",
        ],
        "plan-model": [
            "--budget-flops", "--budget-hours", "--budget-money", "--gpu", "--gpus", "--help", "--json", "--mfu", "--price",
            "--sequence-length", "--set", "--shards", "--tokens", "--vocabulary-size",
        ],
        "eval": [
            "--baselines", "--batch", "--compare", "--data", "--device", "--harness", "--help", "--limit", "--out",
            "--quiet", "--shards", "--shots", "--start", "--tasks",
        ],
        "train": ["--help", "--quiet", "--ranks", "--set"], "export-model": ["--dtype", "--help", "--out"],
        "generate": [
            "--count", "--device", "--greedy", "--help", "--max-tokens", "--prompt", "--seed", "--stop", "--temperature",
            "--top-k", "--top-p",
        ],
    }  # fmt: skip
    (commands,) = [action.choices for action in cli.parser()._actions if action.choices]
    for group in ("classifier", "tokenizer"):
        (actions,) = [action.choices for action in commands[group]._actions if action.choices]
        commands = {**commands, f"{group} train": actions["train"]}
    found = {
        name: sorted(flag for action in command._actions for flag in action.option_strings if flag.startswith("--"))
        for name, command in commands.items()
    }
    assert expected == found


@pytest.mark.parametrize(
    "name",
    [
        None,
        "run",
        "plan",
        "report",
        "explain",
        "trace",
        "verify",
        "remove",
        "export",
        "steps",
        "recipes",
        "classifier",
        "train",
    ],
)
def test_every_command_has_help(name, capsys):
    """--help prints and ends well."""
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"] if name else ["--help"])
    assert 0 == ended.value.code
    assert "usage: corpusmill" in capsys.readouterr().out


def test_run_prints_the_funnel_and_where_things_lie(recipe_file, capsys):
    """A run ends with the table, the shards, the report and the next command."""
    assert 0 == cli.main(["run", str(recipe_file), "--runner", "local"])
    out = capsys.readouterr()
    assert "gopher_quality" in out.out
    assert "28 records = " in out.out
    assert "01-curate/documents" in out.out
    assert "corpusmill explain" in out.out
    assert "shards in" in out.err


def test_a_run_says_last_what_was_damaged_and_first_what_it_replaces(recipe_file, tmp_path, capsys):
    """Files that end early; shards of an earlier run with other settings; an output that is no folder."""
    whole = min((tmp_path / "crawl").glob("*.warc.gz"))
    whole.write_bytes(whole.read_bytes()[:-700])
    run = ["run", str(recipe_file), "--runner", "local"]
    assert 0 == cli.main(run)
    told = capsys.readouterr().err
    assert "replaces" not in told
    assert "damaged input: 2 found, the first: record ends early in " in told
    assert 0 == cli.main([*run, "--set", "steps.gopher_quality.words=[3, null]"])
    assert "small/01-curate: replaces " in capsys.readouterr().err
    assert 0 == cli.main([*run, "--set", "steps.gopher_quality.words=[3, null]"])
    assert "replaces" not in capsys.readouterr().err
    assert 2 == cli.main([*run, "--set", f"output={recipe_file}"])
    assert f"{recipe_file}: is a file; expected a folder" in capsys.readouterr().err


def test_plan_writes_nothing(recipe_file, tmp_path, capsys):
    """plan shows stages and shards, and leaves no file."""
    assert 0 == cli.main(["plan", str(recipe_file)])
    assert "resiliparse | gopher_quality | fineweb_quality" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_report_prints_the_same_funnel_later(done, capsys):
    """report finds the run below its folder."""
    assert 0 == cli.main(["report", str(done)])
    assert "28 records = " in capsys.readouterr().out
    assert 0 == cli.main(["report", str(done), "--html", "--price-per-hour", "0.04"])
    assert f"page     {done}/small/report.html" in capsys.readouterr().out
    assert 0 == cli.main(["report", str(done), "--price-per-hour", "40"])
    told = capsys.readouterr().out
    assert 0 == cli.main(["report", str(done), "--price-per-hour", "40", "--json"])
    data = json.loads(capsys.readouterr().out)
    spent = sum(sum(stage["seconds"].values()) for stage in data["stages"])
    assert {"core_hours": spent / 3600, "price_per_hour": 40.0, "cost": spent / 90} == pytest.approx(data["cost"])
    hours, cost = data["cost"]["core_hours"], data["cost"]["cost"]
    assert f"cost     {cost:,.4g} in the currency of the price: {hours:,.4g} core-hours at 40 an hour" in told


def test_explain_by_url_and_by_id(done, capsys):
    """A short page's table names the bound that dropped it; its id finds the same record."""
    assert 0 == cli.main(["explain", str(done), "https://site0.example/0/0"])
    out = capsys.readouterr().out
    assert "dropped: gopher_quality.words<50" in out
    assert "[50, 100000]" in out
    assert 0 == cli.main(["explain", str(done), "00000000-0000-0000-0000-000000000000"])
    assert "https://site0.example/0/0" in capsys.readouterr().out


def test_json_for_programs_says_what_the_tables_say(recipe_file, tmp_path, capsys):
    """Standard output is JSON and nothing else: plan, run, report, explain, remove, verify."""

    def told(*arguments, code=0):
        assert code == cli.main([*arguments, "--json"])
        return json.loads(capsys.readouterr().out)

    plan = told("plan", str(recipe_file))
    assert [["resiliparse", "gopher_quality", "fineweb_quality"]] == [stage["steps"] for stage in plan["stages"]]
    run = told("run", str(recipe_file), "--runner", "local", "--quiet", "--price-per-hour", "40")
    assert run["cost"]["cost"] == run["cost"]["core_hours"] * 40 > 0
    assert "40 an hour of one core" in Path(run["page"]).read_text()
    out = run["output"]
    assert len(plan["shards"]) == run["stages"][0]["shards"]
    assert 28 == run["stages"][0]["report"]["records"]
    assert Path(run["page"]).exists()
    written = json.loads((tmp_path / "out" / "small" / "01-curate" / "report.json").read_text())
    assert written == told("report", out)["stages"][0]["report"]
    found = told("explain", out, "https://site0.example/0/0")
    assert "gopher_quality.words<50" == found["reason"] == found["stages"][0]["reason"]
    words = found["stages"][0]["signals"]["gopher_quality.words"]
    assert [50, 100000] == words["bounds"]
    assert words["value"] < 50
    assert found["packed"] is None
    assert "text" not in found["stages"][0]
    kept = told("explain", out, "https://site1.example/0/1", "--text")
    assert kept["reason"] is None
    assert len(kept["stages"][0]["text"]) > 100
    assert {"same": True, "differences": []} == told("verify", out, out)
    (tmp_path / "ids").write_text("https://site0.example/0/0\nhttps://nobody.example/\n")
    would = told("remove", out, str(tmp_path / "ids"), "--dry-run")
    assert [1] == [stage["records"] for stage in would["stages"]]
    assert [{"line": 2, "entry": "https://nobody.example/"}] == would["missing"]
    assert would["proof"] is None
    runs.run(tmp_path / "crawl", tmp_path / "other", "steps.gopher_quality.words=[1, 100000]")
    assert not told("verify", out, str(tmp_path / "other"), code=1)["same"]


def test_quiet_shows_nothing(recipe_file, capsys):
    """A run that ends well says nothing with --quiet; errors are told all the same."""
    assert 0 == cli.main(["run", str(recipe_file), "--runner", "local", "--quiet"])
    assert ("", "") == tuple(capsys.readouterr())
    assert 2 == cli.main(["run", "nothing.yaml", "--quiet"])
    assert "nothing.yaml: no such recipe" in capsys.readouterr().err


def test_errors_on_a_terminal_and_in_a_pipe(tmp_path, capsys, monkeypatch):
    """A terminal shows what was found in red and what to do below; a pipe gets one line without colour."""
    assert 2 == cli.main(["report", str(tmp_path)])
    line = capsys.readouterr().err
    assert "\x1b" not in line
    assert 1 == line.count("\n")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert 2 == cli.main(["report", str(tmp_path) + "\u202e\x1b]0;owned\x07"])
    shown = capsys.readouterr().err
    assert "\x1b[31mcorpusmill: " in shown
    assert "\n  Expected the output of" in shown
    assert "\x1b]0" not in shown
    assert "\u202e" not in shown


def test_what_to_do_is_what_stands_after_the_last_semicolon():
    """A list of faults stays whole, and brackets are not torn apart."""
    assert ("a: found 1", "Expected 2") == shared.parted("a: found 1; expected 2")
    assert ("a: found 1; or 2", "Do that") == shared.parted("a: found 1; or 2; do that")
    for whole in ("two faults:\na; b\nc; d", "a (one; two)", "a"):
        assert (whole, "") == shared.parted(whole)


def test_explain_what_the_reader_dropped(done, capsys):
    """A record that never reached a step is explained too."""
    assert 0 == cli.main(["explain", str(done), "https://site.example/gone"])
    assert "dropped: read.status=404" in capsys.readouterr().out


def test_verify_says_same_or_where_not(done, tmp_path, capsys):
    """Exit code 0 for equal outputs, 1 and the files for others."""
    runs.run(tmp_path / "crawl", tmp_path / "again")
    assert 0 == cli.main(["verify", str(done), str(tmp_path / "again")])
    runs.run(tmp_path / "crawl", tmp_path / "other", "steps.gopher_quality.words=[1, 100000]")
    assert 1 == cli.main(["verify", str(done), str(tmp_path / "other")])
    assert "documents" in capsys.readouterr().out


def test_the_catalogue(capsys):
    """steps lists every step; one in full has its fields, defaults, source."""
    assert 0 == cli.main(["steps"])
    assert "gopher_quality" in capsys.readouterr().out
    assert 0 == cli.main(["steps", "gopher_quality"])
    page = capsys.readouterr().out
    assert "[50, 100000]" in page
    assert "Rae et al." in page


def test_recipes_are_listed_printed_and_copied(tmp_path, capsys):
    """A shipped recipe is copied once and never over something."""
    assert 0 == cli.main(["recipes"])
    assert "fineweb" in capsys.readouterr().out
    target = tmp_path / "mine.yaml"
    assert 0 == cli.main(["recipes", "fineweb", "--copy", str(target)])
    assert "name: fineweb" in target.read_text()
    assert 2 == cli.main(["recipes", "fineweb", "--copy", str(target)])
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nothing.yaml"], "nothing.yaml: no such recipe"),
        (["run", "{recipe}", "--set", "input.paths=/nowhere/*.gz"], "/nowhere/*.gz: no file matches"),
        (["run", "{recipe}", "--set", "steps.gopher_quality.wrods=[1, 2]"], "did you mean 'words'?"),
        (["run", "{recipe}", "--runner", "DirectRunner"], "is refused"),
        (["run", "{recipe}", "--runner", "local", "--", "--project=x"], "takes no options after --"),
        (["report", "/nowhere"], "/nowhere: no such folder"),
        (["report", "/nowhere", "--html", "--json"], "one of the two at a time"),
        (["recipes", "gopher", "--json", "--copy", "/nowhere"], "one of the two at a time"),
        (["steps", "gopher", "--json"], "no step 'gopher'; did you mean 'gopher_quality'?"),
        (["steps", "gopher"], "no step 'gopher'; did you mean 'gopher_quality'?"),
        (["verify", "/nowhere", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_usage_is_one_message_and_exit_code_2(arguments, message, recipe_file, tmp_path, capsys):
    """What the user can mend is told in one message; nothing is written."""
    assert 2 == cli.main([argument.format(recipe=recipe_file) for argument in arguments])
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not (tmp_path / "out").exists()


def test_arguments_that_are_no_numbers(capsys):
    """--workers wants a whole number from 1 up."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", "x.yaml", "--workers", "0"])
    assert 2 == ended.value.code
    assert "expected a whole number from 1 up, found '0'" in capsys.readouterr().err


def test_a_classifier_is_trained_and_its_figures_are_printed(tmp_path, capsys):
    """classifier train writes the model and its figures, and prints them."""
    for name, word in (("good", "prose"), ("bad", "spam")):
        lines = [json.dumps({"text": f"{word} {'the quick fox ' * 3} {i}"}) for i in range(600)]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    files = ["--positive", str(tmp_path / "good.jsonl"), "--negative", str(tmp_path / "bad.jsonl")]
    assert 0 == cli.main(["classifier", "train", *files, "--out", str(tmp_path / "model.bin"), "--dim", "8"])
    assert "AUC" in capsys.readouterr().out
    assert (tmp_path / "model.bin").stat().st_size > 0
    assert 2 == cli.main(
        ["classifier", "train", "--positive", "/nowhere", *files[2:], "--out", str(tmp_path / "m.bin")]
    )
    assert "/nowhere" in capsys.readouterr().err


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_help_and_plan_load_nothing_heavy(flags, recipe_file):
    """Neither Beam nor numba nor a model is imported to show help or a plan."""
    code = (
        "import sys; from corpusmill import cli; cli.main(sys.argv[1:]);"
        "print(sorted({'apache_beam', 'numba', 'fasttext', 'trafilatura', 'spacy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "plan", str(recipe_file), *flags], capture_output=True, text=True, check=True
    )
    assert "[]" == done.stdout.strip().splitlines()[-1]


def test_a_closed_pipe_is_no_error():
    """`corpusmill steps | head -1` ends quietly."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "corpusmill", "steps"], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert b"Traceback" not in done.stderr
