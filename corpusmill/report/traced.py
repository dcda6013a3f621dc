"""The documents of packed rows, as a table for people and as JSON for programs."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill import plan
from corpusmill.errors import ResourceError
from corpusmill.report.explain import bounds_of, interval
from corpusmill.report.outputs import Run
from corpusmill.report.trace import Packed, Segment
from corpusmill.spec import Bounds, limits, number
from corpusmill.stages.tokens import TOKENIZER
from corpusmill.storage import paths
from corpusmill.storage.packed import Shard
from corpusmill.tokenize.decode import decoder
from corpusmill.tokenize.step import Tokenize
from corpusmill.tokenize.tokenizer import Tokenizer, from_json

SIGNALS = 3  # of a ledger row; `explain` shows all

CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}

TextOf = Callable[[Segment], str]


def texts(run: Run, path: str) -> TextOf:
    """A function that decodes segments of a packed shard, with the tokenizer that lies beside the packed shards.

    Where it is not there any more, or another, the one that the recipe names is looked at.

    Raises:
        ResourceError: if there is none, or it is not the one that encoded.
    """
    shard = Shard(path)
    tokenizer = _beside(Packed.of(run).stage.path, shard.header.tokenizer)
    if tokenizer is None:
        (step,) = (step for step in run.recipe.steps if isinstance(step, Tokenize))
        tokenizer = step.load()
    if tokenizer.digest != shard.header.tokenizer:
        found = f"digest {tokenizer.digest[:12]}…, but {path} was encoded with {shard.header.tokenizer[:12]}…"
        raise ResourceError(f"{tokenizer.name}: {found}; put the tokenizer back that the run was made with")
    decode = decoder(tokenizer, special=True)
    return lambda segment: decode(shard.row(segment.row)[slice(*segment.tokens)].tolist())


def _beside(folder: str, digest: str) -> Tokenizer | None:
    """The tokenizer in a folder of packed shards, if it is there and has this digest."""
    path = paths.join(folder, TOKENIZER)
    if not paths.exists(path):
        return None
    found = from_json(paths.read_text(path), path)
    return found if found.digest == digest else None


def table(run: Run, segments: Iterable[Segment]) -> Group:
    """A table for each row."""
    stage = Packed.of(run).before
    steps = _limits(run, int(stage.title[:2]))
    parts: list[Any] = []
    for (path, row), several in groupby(segments, lambda segment: (segment.path, segment.row)):
        found = list(several)
        parts.append(Text(f"{path}, row {row}: {found[-1].tokens[1]:,} tokens of {_documents(found)}", "bold"))
        shown = Table(box=None, pad_edge=False, header_style="dim")
        for name in ("tokens", "of the document", "id and URL", "source", stage.title):
            shown.add_column(name)
        for segment in found:
            known = [value for value in (segment.ledger["id"], segment.ledger["url"]) if value]
            about = [value for value in (segment.source, segment.ledger["language"]) if value]
            where = f"shard {segment.address.shard}, row {segment.address.row}"
            shown.add_row(
                _range(segment.tokens), f"{_range(segment.document_tokens)}\n{where}",
                Text("\n".join(known), overflow="fold"), Text("\n".join(about)), Text(verdict(segment.ledger, steps)),
            )  # fmt: skip
        parts += [shown, Text("")]
    return Group(*parts)


def shown_texts(segments: Iterable[Segment], text_of: TextOf) -> Iterator[str]:
    """Each segment's text with a line above it; control characters, which a terminal would obey, are spelled out."""
    for segment in segments:
        yield f"row {segment.row}, tokens {_range(segment.tokens)}, {segment.ledger['id']}"
        yield text_of(segment).translate(CONTROL)
        yield ""


def lines(segments: Iterable[Segment], text_of: TextOf | None = None) -> Iterator[str]:
    """A JSON object a line for each segment, with its whole ledger row."""
    for segment in segments:
        told = {**segment._asdict(), "address": segment.address._asdict()}
        if text_of is not None:
            told["text"] = text_of(segment)
        yield json.dumps(told, sort_keys=True, ensure_ascii=False)


def verdict(ledger: dict[str, Any], steps: Sequence[tuple[str, Any]]) -> str:
    """What a ledger row of a kept document says, in short: a few signals beside their bounds, its cluster."""
    measured = [
        (f"{name}.{signal}", ledger[f"{name}.{signal}"], bounds_of(limit, ledger["language"]))
        for name, step in steps
        for signal, limit in limits(step).items()
        if ledger[f"{name}.{signal}"] is not None
    ]
    bounded = [item for item in measured if item[2] not in (None, Bounds(None, None))][:SIGNALS]
    told = ["kept", *(f"{name} {number(value)} in {interval(bounds)}" for name, value, bounds in bounded if bounds)]
    if len(measured) > len(bounded):
        told.append(f"{len(measured) - len(bounded)} {'more ' if bounded else ''}signals")
    for name, _ in steps:
        size = ledger.get(f"{name}.cluster_size") or 0
        if size > 1:
            told.append(f"{name}: stands for {size} documents")
    return "; ".join(told)


def _limits(run: Run, stage: int) -> list[tuple[str, Any]]:
    called, specs = plan.cut(run.recipe.steps)[stage - 1]
    return list(zip(called, specs, strict=True))


def _documents(found: Sequence[Segment]) -> str:
    count = len({segment.address for segment in found})
    return "1 document" if count == 1 else f"{count} documents"


def _range(tokens: tuple[int, int]) -> str:
    """First token and last, as people count them from 0."""
    return f"{tokens[0]}-{tokens[1] - 1}"
