"""The mixtures of the literature on the command line, and tables of what a run got."""

from collections import Counter

from rich.console import Console

from corpusmill import cli, recipe, stats
from corpusmill.report import mixtures
from corpusmill.tokenize.mixtures import published


def test_mixtures_are_listed_and_shown(capsys):
    """All with where they are told; one with its weights and shares; a near name for one that is not there."""
    assert 0 == cli.main(["mixtures"])
    head, *lines = capsys.readouterr().out.splitlines()
    assert ["mixture", "told", "in"] == head.split()
    assert ["bloomberggpt", "gopher", "gpt3", "llama", "pile", "redpajama"] == [line.split()[0] for line in lines]
    assert all("Table" in line for line in lines)
    assert 0 == cli.main(["mixtures", "gpt3"])
    shown = capsys.readouterr().out
    assert "Brown et al. 2020" in shown
    assert ["webtext2", "22", "21.78%", "2.9", "3"] in [line.split() for line in shown.splitlines()]
    assert "Epochs are those of 300 billion tokens" in shown
    assert 2 == cli.main(["mixtures", "lama"])
    assert "'lama' is not known; did you mean 'llama'?" in capsys.readouterr().err


def test_a_mixture_to_paste_is_the_one_of_that_name(capsys):
    """Under the step, with its weights and caps; a name is needed."""
    recipe_ = "name: x\ninput: {format: jsonl, paths: [a]}\nsteps:\n  - use: tokenize\n    tokenizer: t\n"
    for name in published():
        assert 0 == cli.main(["mixtures", name, "--yaml"])
        pasted = recipe.parse(recipe_ + capsys.readouterr().out, "r.yaml")
        named = recipe.parse(f"{recipe_}    mixture: {name}\n", "r.yaml")
        assert named.steps[0].asked() == pasted.steps[0].asked()
    assert 2 == cli.main(["mixtures", "--yaml"])
    assert "no mixture named" in capsys.readouterr().err


def test_a_source_that_gives_nothing(capsys):
    """Though tokens were asked of it, it is worth a look; not one of weight 0, nor one that gives less than asked."""
    report = stats.Report(steps={"tokenize": stats.StepCounts()})
    for source, wanted, got in (("books", 25_505, None), ("wiki.en", 7, 0), ("web", 500, 1), ("forum", 0, None)):
        told = {"wanted": wanted, "available": 9, "within": 7} | ({} if got is None else {"got": got})
        report.tallies.update({f"tokenize.mixture.{source}.{what}": count for what, count in told.items()})
    assert {"books": 25_505, "wiki.en": 7} == mixtures.nothing_came("tokenize", report)
    assert {} == mixtures.nothing_came("other", report)
    for part in mixtures.got("tokenize", report):
        Console(width=200).print(part)
    shown = capsys.readouterr().out
    assert "worth a look: of books came nothing, 25,505 tokens asked; too few or too large documents" in shown
    assert 2 == shown.count("worth a look")


def test_what_a_run_got(capsys):
    """A row for each source, names with dots too, the largest first; nothing without a mixture."""
    report = stats.Report(steps={"tokenize": stats.StepCounts(reasons=Counter({"tokenize.mixture": 1234}))})
    assert [] == mixtures.got("tokenize", report)
    for source, got, wanted, available in (("a.b", 500, 498, 1000), ("wiki.got", 1500, 1500, 500)):
        told = {"got": got, "wanted": wanted, "available": available, "within": 7}
        report.tallies.update({f"tokenize.mixture.{source}.{what}": count for what, count in told.items()})
    for part in mixtures.got("tokenize", report):
        Console(width=100).print(part)
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert "mixture                 1,234 documents left out" == head.rstrip()
    assert "wiki.got 1,500 1,500 ± 7 500 3.00 75.00%" == " ".join(rows[0].split())
    assert "a.b 500 498 ± 7 1,000 0.50 25.00%" == " ".join(rows[1].split())
