"""The report of a trained tokenizer as tables."""

import io

from rich.console import Console

from corpusmill.report.tokenizer import trained


def figures(documents, size, tokens, words):
    return {
        "documents": documents, "bytes": size, "tokens": tokens, "words": words, "single": 1,
        "bytes_per_token": size / tokens, "tokens_per_word": tokens / words if words else None,
        "single_byte_share": 1 / tokens,
    }  # fmt: skip


def report(held):
    source = {"weight": None, "available_bytes": 5000, "available_documents": 9, "asked_bytes": 1000, "cut": 0.2,
              "bytes": 900, "documents": 2}  # fmt: skip
    one = {"documents": 2, "bytes": 900}
    sample = figures(2, 900, 300, 150)
    apart = figures(1, 100, 50, 0)
    return {
        "tokenizer": {"vocabulary_size": 300}, "asked": {"vocabulary_size": 400, "sample_bytes": 1_000_000},
        "sources": {"web": source, "wiki": {**source, **one, "weight": 2.5}},
        "sample": {"total": sample, "source": {"web": sample, "wiki": sample}, "language": {"en": sample, "de": sample}},
        "held_out": {"total": apart, "source": {"web": apart}, "language": {"en": apart}} if held else None,
        "vocabulary": {
            "merges": 40, "unused": 1, "unused_bytes": 130,
            "unused_examples": [{"id": 7, "token": "\n ab", "bytes": 4, "uses": 0}],
            "longest": [{"id": 8, "token": "house", "bytes": 5, "uses": 3}],
        },
    }  # fmt: skip


def printed(told):
    console = Console(width=140, file=io.StringIO(), highlight=False)
    console.print(trained(told))
    return console.file.getvalue()


def test_held_out_documents_are_measured_where_there_are_some():
    """A source with documents left over is measured on them, another on its sample; each line says which."""
    lines = printed(report(held=True)).splitlines()
    assert "vocabulary               300 ids, 400 asked: the sample has no more pairs" == lines[0].rstrip()
    assert any(line.split() == ["wiki", "2.5", "5.0", "kB", "1.0", "kB", "900", "B", "2"] for line in lines)
    assert any(line.split() == ["web", "its", "size", "5.0", "kB", "1.0", "kB", "900", "B", "2"] for line in lines)
    assert any(line.split() == ["web", "2.00", "2.0%", "1", "held", "out"] for line in lines)
    assert any(line.split() == ["wiki", "3.00", "2.00", "0.3%", "2", "the", "sample"] for line in lines)
    assert any(line.split() == ["all", "2.00", "2.0%", "1", "held", "out"] for line in lines)
    assert "never used on the sample 1 of 40 merged tokens (2.5%), and 130 of 256 bytes" in [x.rstrip() for x in lines]
    assert r"'\n ab'" in "".join(lines)
    assert "longest tokens           'house'" == lines[-1].rstrip()


def test_a_source_that_gives_nothing():
    """Though something was asked of it; one of weight 0 was not asked."""
    told = report(held=True)
    nothing = {**told["sources"]["web"], "bytes": 0, "documents": 0}
    told["sources"] |= {"books": nothing, "forum": {**nothing, "asked_bytes": 0}}
    lines = [line for line in printed(told).splitlines() if "worth a look" in line]
    assert 1 == len(lines)
    assert "of books came nothing, 1.0 kB asked; its first document is larger" in lines[0]


def test_without_held_out_documents_it_says_so():
    """Figures of the training sample itself are flattering; the reader is told."""
    told = printed(report(held=False))
    assert "nothing is left over: all is measured on the training sample itself" in told
    assert "de" in told.split()
    told = printed({**report(held=False), "sample": {**report(held=False)["sample"], "language": {}}})
    assert "language" not in told
