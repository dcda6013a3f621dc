"""What a packed corpus holds: tokens by source and language, rows, and the model that it suits."""

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.report import mixtures
from corpusmill.report.progress import megabytes
from corpusmill.stats import Report
from corpusmill.tokenize.pack import usage_from

PER_PARAMETER = 20  # tokens (Hoffmann et al. 2022)
SHOWN = 10
SLOW = "encoded by its library, slower than by the kernel (tokenizers 20 to 40 times, tiktoken 4 to 7)"


def tokens(report: Report) -> list[Group]:
    """A part for each step that packs."""
    ends = ".train.tokens"
    return [_step(name, report) for name in report.steps if f"{name}{ends}" in report.tallies]


def _step(name: str, report: Report) -> Group:
    """The tables first: what a run ends with is what people look for."""
    parts: list[Text | Table] = [Text(""), *mixtures.got(name, report)]
    tables = [_table(kind, report.tallied(f"{name}.{kind}.")) for kind in ("source", "language")]
    parts += [table for table in tables if table is not None]
    for kind in ("train", "validation"):
        counts = report.tallied(f"{name}.{kind}.")
        if counts:
            usage = usage_from(counts)
            parts.append(
                Text(f"{kind:<24}{usage.tokens:,} tokens of {usage.documents:,} documents in {usage.rows:,} rows,"
                     f" {usage.utilisation:.2%} used; {usage.cut:,} documents cut, {usage.cut_needlessly:,} of them"
                     " needlessly")
            )  # fmt: skip
    for why, count in report.tallied(f"{name}.by_library.").items():
        parts.append(Text(f"{'by the library':<24}{count:,} documents {SLOW}: {why}"))
    size, total = report.steps[name].bytes_in, report.tallies[f"{name}.train.tokens"]
    encoded = report.tallies[f"{name}.tokens"]  # once, whatever a mixture repeats or leaves out
    parts.append(Text(f"{'bytes per token':<24}{size / encoded:.2f}" if encoded else "no tokens", ""))
    if total:  # else all documents are held out
        suits = f"{_parameters(total / PER_PARAMETER)} parameters, at {PER_PARAMETER} tokens each"
        parts.append(Text(f"{'suits a model of':<24}{suits}"))
    return Group(*parts)


def _table(kind: str, counts: dict[str, int]) -> Table | None:
    """Tokens by source or language as they were encoded, which differs from what a mixture takes of them."""
    if len(counts) < 2:
        return None
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column(kind)
    table.add_column("tokens encoded, each document once, validation included", justify="right")
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    for key, count in ordered[:SHOWN]:
        table.add_row(key, f"{count:,}")
    left = [count for _, count in ordered[SHOWN:]]
    if left:
        table.add_row(f"… and {len(left):,} more", f"{sum(left):,}")
    return table


def _parameters(count: float) -> str:
    names = {"kB": "thousand", "MB": "million", "GB": "billion", "TB": "trillion", "B": ""}
    number, unit = megabytes(count).split(" ")
    return f"{number} {names[unit]}".rstrip()
