"""What a run and its plan say of the encoding, and of packed tokens."""

import json
import sys

import numpy as np
import pytest
import tokenizers
from rich.console import Console
from tokenizers import normalizers

from corpusmill import cli, stats
from corpusmill.errors import ResourceError
from corpusmill.report.planned import planned
from corpusmill.report.tokens import tokens
from corpusmill.tokenize import pack
from tests.stages import texts
from tests.tokenize.made import OTHERS, rank_file, trained

END = "<|endoftext|>"


def shown(*parts):
    """As a wide screen shows it."""
    console = Console(width=400)
    with console.capture() as caught:
        for part in parts:
            console.print(part)
    return caught.get()


@pytest.fixture
def corpus(tmp_path):
    """Texts in some languages; the folder has a tokenizer of each kind beside it."""
    made = tokenizers.Tokenizer.from_str(trained().to_str())
    (tmp_path / "fast.json").write_text(made.to_str())
    made.normalizer = normalizers.NFC()
    (tmp_path / "slow.json").write_text(made.to_str())
    (tmp_path / "tokenizer.model").write_bytes(rank_file(trained("llama3")))
    return texts.write(tmp_path / "texts", [{"text": text * 3, "id": str(n)} for n, text in enumerate(OTHERS)])


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("fast.json", None),
        ("slow.json", "there is a normalizer, NFC"),
        (
            f"tokenizer.model, pattern: o200k, special_tokens: {{'{END}': 9999}}",
            "the pattern o200k is none that a kernel",
        ),
    ],
)
def test_why_the_library_encodes_is_told(corpus, tmp_path, settings, why, capsys):
    """Before a run and at its end; where the kernel encodes, nothing is. The text of rows is there in each case."""
    step = f"{{use: tokenize, sequence_length: 512, tokenizer: {tmp_path}/{settings}}}"
    before = shown(planned(texts.planned(corpus, tmp_path / "out", step)))
    result = texts.run(corpus, tmp_path / "out", step)[-1]
    after = shown(*tokens(result.report))
    for told in (before, after):
        assert (why is not None) == ("slower than by the kernel" in told)
        assert why is None or why in told
    assert (why is not None) == ("by the library          6 documents" in after)
    (path, *_) = sorted((tmp_path / "out").rglob("train/*.arrow"))
    assert 0 == cli.main(["trace", str(path), "0", "--text", "--json"])
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    assert any(line["text"].startswith(text) for text in OTHERS)


def test_a_missing_tiktoken_is_told_by_the_plan(corpus, tmp_path, monkeypatch):
    """Not by a worker."""
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    step = f"{{use: tokenize, tokenizer: {tmp_path}/tokenizer.model, special_tokens: {{'{END}': 9999}}, pattern: %s}}"
    with pytest.raises(ResourceError, match="tiktoken, which does, is not installed"):
        texts.planned(corpus, tmp_path / "out", step % "o200k")
    texts.planned(corpus, tmp_path / "out", step % "llama3")


def report_of(**tallies):
    """A report of the step that packs; keys have `__` for dots."""
    found = stats.Report(steps={"tokenize": stats.StepCounts(12, 4000, 12, 4000)})
    told = {f"tokenize.{name.replace('__', '.')}": count for name, count in tallies.items()}
    usage = pack.plan(np.array([300, 700]), 1024, "best_fit").usage()._asdict()
    found.tallies.update({"tokenize.tokens": 1000, **told})
    found.tallies.update({f"tokenize.train.{name}": int(count) for name, count in usage.items()})
    return found


def test_a_run_ends_with_its_figures():
    """Tables of sources and languages, which say what they count, stand before tokens, bytes per token and the model."""
    told = report_of(source__web=600, source__wiki=400, language__de=10, language__en=990)
    told.tallies.update({f"tokenize.mixture.web.{what}": 500 for what in ("wanted", "got", "available", "within")})
    lines = [line.strip() for line in shown(*tokens(told)).splitlines() if line.strip()]
    assert ["train", "bytes", "suits"] == [line.split()[0] for line in lines[-3:]]
    assert ["mixture", "source", "web", "source", "web", "wiki", "language", "en", "de"] == [
        line.split()[0] for line in lines[:-3]
    ]
    assert 2 == sum(line.endswith("tokens encoded, each document once, validation included") for line in lines)


def test_what_is_not_listed_is_counted():
    """The ten largest, then how many more and their tokens."""
    told = report_of(**{f"language__l{number}": 100 - number for number in range(13)})
    lines = [line.split() for line in shown(*tokens(told)).splitlines()]
    assert ["l9", "91"] in lines
    assert ["…", "and", "3", "more", "267"] in lines
    assert "l10" not in [line[0] for line in lines if line]
