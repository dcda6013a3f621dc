"""Mixtures as people read them: those of the literature, one as asked for, and what a run got."""

from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill.errors import RecipeError
from corpusmill.report.catalogue import listed
from corpusmill.spec import number
from corpusmill.stats import Report
from corpusmill.tokenize.mixtures import Allotment, Published, from_published, published
from corpusmill.tokenize.step import Tokenize

NOTHING_CAME = "too few or too large documents for so small a part: ask for more, or weigh it 0"


def listing() -> list[tuple[str, str]]:
    """Every mixture of the literature with where it is told."""
    return [(name, entry.source) for name, entry in published().items()]


def table() -> Table:
    """The same to print."""
    return listed(("mixture", "told in"), listing())


def to_json(name: str | None = None) -> Any:
    """The mixtures of the literature, or one with its weights and epochs as printed and its shares, as plain data.

    Raises:
        RecipeError: for a name that is not there.
    """
    if name is None:
        return [{"name": name, "source": source} for name, source in listing()]
    asked, entry = from_published(name), published()[name]
    total = sum(entry.weights.values())
    shares = {source: weight / total for source, weight in entry.weights.items()}
    return {
        "name": name, "source": entry.source, "weights": entry.weights, "shares": shares, "epochs": dict(entry.epochs),
        "epochs_of": entry.epochs_of or None, "caps": {source: ask.epochs for source, ask in asked.items()},
    }  # fmt: skip


def page(name: str) -> Group:
    """The weights and epochs of one mixture, as printed, its shares, how often it takes a source, and its source.

    Raises:
        RecipeError: for a name that is not there.
    """
    asked, entry = from_published(name), published()[name]
    total = sum(entry.weights.values())
    rows = []
    for source, weight in entry.weights.items():
        seen = number(entry.epochs[source]) if source in entry.epochs else ""
        rows.append([source, number(weight), f"{weight / total:.2%}", seen, number(asked[source].epochs)])
    heads = ("source", "weight", "share", "epochs there", "at most here")
    return Group(Text(name, "bold"), Text(entry.source), Text(_epochs(entry)), _table(heads, rows))


def to_yaml(name: str) -> str:
    """One mixture as the lines of a recipe, to be pasted under the step `tokenize` and edited.

    Raises:
        RecipeError: for a name that is not there.
    """
    asked, entry = from_published(name), published()[name]
    lines = [
        f"    # {entry.source}",
        f"    # {_epochs(entry)}",
        "    # Each line is a source, as your documents' `source` names it: put in yours; {weight: 0} leaves one out.",
        "    mixture:",
    ]
    for source, ask in asked.items():
        seen = f"  # {number(entry.epochs[source])} there" if source in entry.epochs else ""
        lines.append(f"      {source}: {{weight: {number(ask.weight)}, epochs: {number(ask.epochs)}}}{seen}")
    return "\n".join(lines)


def _epochs(entry: Published) -> str:
    if not entry.epochs:
        return "How often each source was seen is not told there: each comes once at most."
    return f"Epochs are those of {entry.epochs_of}; rounded up, and 1 at least, they are the caps here."


def asked(step: Tokenize, gives: Sequence[Allotment] | RecipeError | None) -> Group:
    """A mixture as a recipe asks for it, and what each source gives where its tokens are counted already.

    Args:
        step: with a mixture.
        gives: what each source gives, why it cannot, or None where tokens are not counted yet.
    """
    name = f"mixture {step.mixture}" if isinstance(step.mixture, str) else "mixture"
    total = "as many tokens as the caps allow" if step.mixture_tokens is None else f"{step.mixture_tokens:,} tokens"
    heads = ["source", "asked", "epochs at most"]
    known = {entry.source: entry for entry in gives} if isinstance(gives, Sequence) else {}
    rows = []
    for source, ask in (step.asked() or {}).items():
        what = f"weight {number(ask.weight)}" if ask.tokens is None else f"{ask.tokens:,} tokens"
        row = [source, what, number(ask.epochs)]
        if source in known:
            entry = known[source]
            row += [f"{entry.tokens:,}", f"{entry.available:,}", f"{entry.epochs:.2f}", f"{entry.share:.2%}"]
        rows.append(row)
    if known:
        heads += ["tokens", "there are", "epochs", "share"]
    parts: list[Text | Table] = [Text(f"  {name}: {total}"), _table(heads, rows)]
    if isinstance(gives, RecipeError):
        parts.append(Text(f"  this cannot be met:\n{gives}", "red"))
    elif gives is None:
        parts.append(Text("  what each source gives is known when all documents are encoded"))
    return Group(*parts)


def got(name: str, report: Report) -> list[Text | Table]:
    """What a run got of each source; nothing for a step without a mixture."""
    prefix = f"{name}.mixture."
    told: dict[str, dict[str, int]] = {}
    for key, count in report.tallies.items():
        if key.startswith(prefix):
            source, _, what = key.removeprefix(prefix).rpartition(".")
            told.setdefault(source, {})[what] = count
    if not told:
        return []
    everything = sum(counts.get("got", 0) for counts in told.values())
    rows = []
    for source, counts in sorted(told.items(), key=lambda item: (-item[1].get("got", 0), item[0])):
        tokens, available = counts.get("got", 0), counts["available"]
        epochs, share = tokens / (available or 1), tokens / (everything or 1)
        wanted, within = f"{counts['wanted']:,}", f"± {counts['within']:,}"
        rows.append([source, f"{tokens:,}", wanted, within, f"{available:,}", f"{epochs:.2f}", f"{share:.2%}"])
    left = report.steps[name].reasons.get(f"{name}.mixture", 0)
    heads = ("source", "tokens", "asked", "within", "there are", "epochs", "share")
    lost = [
        Text(f"worth a look: of {source} came nothing, {wanted:,} tokens asked; {NOTHING_CAME}", "yellow")
        for source, wanted in nothing_came(name, report).items()
    ]
    return [Text(f"{'mixture':<24}{left:,} documents left out"), _table(heads, rows), *lost]


def nothing_came(name: str, report: Report) -> dict[str, int]:
    """Tokens asked of the sources of which a mixture got none, by source."""
    told = report.tallied(f"{name}.mixture.")
    wanted = {key.removesuffix(".wanted"): count for key, count in sorted(told.items()) if key.endswith(".wanted")}
    return {source: count for source, count in wanted.items() if count and not told.get(f"{source}.got")}


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for head in heads:
        table.add_column(head, justify="left" if head == "source" else "right")
    for row in rows:
        table.add_row(*row)
    return table
