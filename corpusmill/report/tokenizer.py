"""A trained tokenizer as tables: what it was trained on, how far it compresses, what of it is never used."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.report.progress import megabytes

SHOWN = 20  # sources or languages, those of most bytes first
NAMED = 8  # tokens in a line
HELD, SAMPLE = "held out", "the sample"


def trained(report: Mapping[str, Any]) -> Group:
    """The report of `tokenizer_training` for a terminal."""
    sample, held = report["sample"]["total"], report["held_out"]
    size, wanted = report["tokenizer"]["vocabulary_size"], report["asked"]["vocabulary_size"]
    short = f", {wanted:,} asked: the sample has no more pairs" if size < wanted else ""
    lines = [
        f"vocabulary               {size:,} ids{short}",
        f"sample                   {_size(sample)}, at most {megabytes(report['asked']['sample_bytes'])} asked",
    ]
    if held:
        lines.append(f"held out                 {_size(held['total'])} beside the sample")
    else:
        lines.append("held out                 nothing is left over: all is measured on the training sample itself")
    parts: list[Text | Table] = [Text("\n".join(lines)), _sources(report["sources"]), *_lost(report["sources"])]
    parts.append(_figures("source", report))
    if len(report["sample"]["language"]) > 1:
        parts.append(_figures("language", report))
    return Group(*parts, Text("\n".join(_vocabulary(report["vocabulary"]))))


def _sources(sources: Mapping[str, Mapping[str, Any]]) -> Table:
    """What was asked of each source, and what it gave."""
    table = _table("sampled from", "weight", "there is", "asked", "in the sample", "documents")
    for source, one in _largest(sources, "bytes"):
        weight = "its size" if one["weight"] is None else f"{one['weight']:g}"
        sizes = (megabytes(one[name]) for name in ("available_bytes", "asked_bytes", "bytes"))
        table.add_row(source, weight, *sizes, f"{one['documents']:,}")
    return table


def _lost(sources: Mapping[str, Mapping[str, Any]]) -> list[Text]:
    """Sources of which something was asked and nothing came."""
    lost = {source: one for source, one in sorted(sources.items()) if one["asked_bytes"] and not one["bytes"]}
    return [
        Text(f"worth a look: of {source} came nothing, {megabytes(one['asked_bytes'])} asked; its first document is"
             " larger: give more --sample-mb, or weight 0", "yellow")
        for source, one in lost.items()
    ]  # fmt: skip


def _figures(kind: str, report: Mapping[str, Any]) -> Table:
    """How far each source or language is compressed; on held-out documents where it has some."""
    held = (report["held_out"] or {}).get(kind, {})
    rows = {name: (one, SAMPLE) for name, one in report["sample"][kind].items()}
    rows |= {name: (one, HELD) for name, one in held.items()}
    on_all = (report["held_out"]["total"], HELD) if report["held_out"] else (report["sample"]["total"], SAMPLE)
    table = _table(kind, "bytes per token", "tokens per word", "single bytes", "documents")
    table.add_column("measured on")
    chosen = _largest({name: one for name, (one, _) in rows.items()}, "bytes")
    for name, (one, where) in [*((name, rows[name]) for name, _ in chosen), ("all", on_all)]:
        ratios = _number(one["bytes_per_token"], ".2f"), _number(one["tokens_per_word"], ".2f")
        table.add_row(name, *ratios, _number(one["single_byte_share"], ".1%"), f"{one['documents']:,}", where)
    return table


def _vocabulary(vocabulary: Mapping[str, Any]) -> list[str]:
    merges, unused, idle = (vocabulary[name] for name in ("merges", "unused", "unused_bytes"))
    share = f" ({unused / merges:.1%})" if merges else ""
    return [
        f"never used on the sample {unused:,} of {merges:,} merged tokens{share}, and {idle} of 256 bytes",
        *([f"                         {_named(vocabulary['unused_examples'])}"] if unused else []),
        f"longest tokens           {_named(vocabulary['longest'])}",
    ]


def _size(counts: Mapping[str, Any]) -> str:
    return f"{megabytes(counts['bytes'])} in {counts['documents']:,} documents"


def _named(tokens: list[Mapping[str, Any]]) -> str:
    return " ".join(repr(token["token"]) for token in tokens[:NAMED])


def _largest(rows: Mapping[str, Mapping[str, Any]], by: str) -> list[tuple[str, Mapping[str, Any]]]:
    return sorted(rows.items(), key=lambda item: (-item[1][by], item[0]))[:SHOWN]


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)
