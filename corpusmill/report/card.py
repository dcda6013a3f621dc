"""The data card: what a dataset's README on the Hugging Face hub says of a run, from what the run has left.

The header follows the hub's metadata of dataset cards. The card names no path of this machine: of local paths in the
recipe the last name stays, of URLs neither user nor query.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from corpusmill import __version__, loader, plan
from corpusmill.documents import SCHEMA
from corpusmill.errors import OutputError, UsageError, near
from corpusmill.recipe import Recipe
from corpusmill.redact import Redact
from corpusmill.report import outputs
from corpusmill.report.markdown import Made, code, fenced, plain, table
from corpusmill.report.outputs import Run, StageOutput
from corpusmill.report.page.sections import Bytes, Name, Share, share
from corpusmill.report.page.totals import packed, stages, through, with_documents
from corpusmill.report.trace import Packed
from corpusmill.resources import KNOWN, split
from corpusmill.spec import Bounds, members, names
from corpusmill.takedown import journal
from corpusmill.tokenize import Packer
from corpusmill.tokenize.step import Tokenize

What: TypeAlias = Literal["documents", "packed"]
TOP = 20  # rows of a table of languages, sources or domains
REASONS = 5  # of a step
SIZES = (("n<1K", 10**3), ("1K<n<10K", 10**4), ("10K<n<100K", 10**5), ("100K<n<1M", 10**6), ("1M<n<10M", 10**7),
         ("10M<n<100M", 10**8), ("100M<n<1B", 10**9), ("1B<n<10B", 10**10), ("10B<n<100B", 10**11),
         ("100B<n<1T", 10**12))  # fmt: skip
FIELDS = {
    "id": "of the record in the crawl, or a digest of URL, date and content",
    "text": "the document",
    "url": "where it was fetched",
    "source": "the recipe's name for the input",
    "date": "of the fetch",
    "language": "as a classifier named it",
    "title": "of the page",
    "file": "the input file that it was read from",
    "offset": "its byte or row in that file",
    "cluster": "the duplicates that it stands for, by a name",
    "cluster_size": "how many they are, itself included",
}


@dataclass(frozen=True)
class Licences:
    """The hub's words for licences, e.g. `odc-by`: of the collection (None is `unknown`), and of sources by name."""

    collection: str | None = None
    sources: Mapping[str, str] = field(default_factory=dict)


UNKNOWN = Licences()


def card(run: Run, what: What = "documents", licences: Licences = UNKNOWN) -> str:
    """The card as Markdown with its header in YAML; the same for the same run.

    Args:
        run: a finished run.
        what: which files of the run lie beside the card.
        licences: of the collection and its sources.

    Raises:
        UsageError: for a licence of a source that the run has not read. OutputError: if the run is not finished, or
            has no such files.
    """
    found = chosen(run, what)
    parts = [
        f"---\n{loader.dump(header(run, what, licences))}---",
        f"# {plain(run.recipe.name)}",
        *([plain(run.recipe.about, 2000)] if run.recipe.about else []),
        _size(run, found),
        *_files(run, what),
        *_sources(run),
        *_funnel(run),
        *_languages(run),
        *_personal(run, found),
        *_contamination(run),
        *_licences(run, licences),
        *_limits(run),
        *_made(run, found),
    ]
    return "\n\n".join(parts) + "\n"


def chosen(run: Run, what: What) -> StageOutput:
    """The stage whose files are meant.

    Raises:
        OutputError: if the run is not finished, was changed half-way, or has no such files.
    """
    outputs.check(run)
    packs = members(Packer) if what == "documents" else ()  # documents are whole without their tokens
    needed = plan.titles([step for step in run.recipe.steps if not isinstance(step, packs)])
    missing = [title for title in outputs.waiting(run) if title in needed]
    if missing:
        raise OutputError(f"{run.root}: {outputs.unfinished(missing)}")
    if what == "packed":
        last = packed(run)
        if last is None:
            raise OutputError(f"{run.root}: found no packed shards; expected a recipe that ends with `use: tokenize`")
        Packed.of(run)  # refuses shards of documents that have changed since
        return last.output
    documents = with_documents(run)[-1].output
    if documents.manifest["pruned"]:
        raise OutputError(f"{documents.path}: documents were pruned (keep_intermediate: false); push --what packed")
    return documents


def header(run: Run, what: What, licences: Licences) -> dict[str, Any]:
    """The hub's metadata, as plain values."""
    kept = with_documents(run)[-1].report.kept
    spoken = [row.name for row in through(run, "languages") if row.kept and re.fullmatch("[a-z]{2,3}", row.name)]
    train = "documents/*.parquet" if what == "documents" else "train/*.arrow"
    files = [{"split": "train", "path": train}]
    if what == "packed" and "validation" in chosen(run, what).manifest["totals"]:
        files.append({"split": "validation", "path": "validation/*.arrow"})
    return {
        "pretty_name": run.recipe.name,
        **({"language": spoken} if spoken else {}),
        "license": licences.collection or "unknown",
        "size_categories": [next((name for name, below in SIZES if kept < below), "n>1T")],
        "task_categories": ["text-generation"],
        "tags": ["corpusmill", "pretraining"],
        "configs": [{"config_name": "default", "data_files": files}],
    }


def _size(run: Run, found: StageOutput) -> str:
    last, report = packed(run), with_documents(run)[-1].report
    text = list(report.steps.values())[-1].bytes_out if report.steps else 0
    rows: list[tuple[str, Any]] = [
        ("records read", stages(run)[0].report.records),
        ("documents", report.kept),
        ("text", Bytes(text)),
    ]
    if last is not None:
        counts = last.report.tallied(f"{last.packs}.")
        rows += [(f"tokens, {kind}", counts[f"{kind}.tokens"]) for kind in ("train", "validation")
                 if counts.get(f"{kind}.tokens")]  # fmt: skip
    rows += [(f"files: {kind}", Bytes(total["bytes"])) for kind, total in found.manifest["totals"].items()
             if kind in {"documents", "train", "validation"}]  # fmt: skip
    return table(["", ""], rows)


def _files(run: Run, what: What) -> Iterator[str]:
    yield "## Files"
    if what == "documents":
        yield "Parquet, one row for each document, in the order of the input:"
        yield table(["field", "type", "what it is"], [(Name(f.name), str(f.type), FIELDS[f.name]) for f in SCHEMA])
        return
    step = run.recipe.steps[-1]
    assert isinstance(step, Tokenize)  # nothing else packs
    yield (
        f"Arrow files of rows of {step.sequence_length:,} token ids (`input_ids`), packed by {code(step.strategy)};"
        " `document_lengths` says where a document ends, `lineage` which document of the run it is. The tokenizer lies"
        " beside them as `tokenizer.json`."
    )


def _sources(run: Run) -> Iterator[str]:
    yield "## Sources"
    read = published(run.recipe.input)
    where = read.get("paths") or [read.get("dataset", "")]
    yield f"Read as {code(read['format'])} from {', '.join(code(path) for path in where)}."
    for what in ("sources", "domains"):
        rows = through(run, what)
        if rows:
            cells = [(Name(row.name), row.documents, row.kept, Share(row.rate), Bytes(row.bytes)) for row in rows[:TOP]]
            yield table([what.removesuffix("s"), "documents", "kept", "share", "text kept"], cells, len(rows[TOP:]))
    if run.recipe.sources:
        yield "The rules and their numbers come from:"
        yield "\n".join(f"- {plain(source)}" for source in run.recipe.sources)


def _funnel(run: Run) -> Iterator[str]:
    yield "## Funnel"
    yield "Every record that was read was kept, or dropped for a reason, or is a dead letter (it could not be used)."
    rows = []
    for stage in stages(run):
        for name, step in stage.report.steps.items():
            lost = step.documents_in - step.documents_out
            if name == "read" and not lost and not stage.title.startswith("01-"):
                continue
            most = ", ".join(f"{code(reason.removeprefix(name + '.'))} {n:,}" for reason, n in
                             sorted(step.reasons.items(), key=lambda item: (-item[1], item[0]))[:REASONS])  # fmt: skip
            counts = step.documents_in, step.documents_out, share(lost, step.documents_in)
            rows.append((Name(name), *counts, Bytes(step.bytes_out), Made(most)))
    yield table(["step", "documents in", "out", "lost", "bytes out", "most frequent reasons"], rows)


def _languages(run: Run) -> Iterator[str]:
    rows = [row for row in through(run, "languages") if row.name]
    yield "## Languages"
    if not rows:
        yield "The recipe has no step that names languages."
        return
    cells = [(Name(row.name), row.documents, row.kept, Share(row.rate), Bytes(row.bytes)) for row in rows[:TOP]]
    yield table(["language", "documents", "kept", "share", "text kept"], cells, len(rows[TOP:]))


def _personal(run: Run, found: StageOutput) -> Iterator[str]:
    yield "## Personal data"
    steps = [(n, s) for n, s in zip(names(run.recipe.steps), run.recipe.steps, strict=True) if isinstance(s, Redact)]
    if not steps or found.manifest["text"] != "redacted":
        yield "**Nothing was removed**: the texts are as they were on the web, names, addresses and numbers included."
    for name, step in steps:
        yield f"{code(name)} looked for {', '.join(step.entities)} by their published forms (action: {step.action})."
        for stage in stages(run):
            values, holding = (stage.report.tallied(f"{name}.{kind}.") for kind in ("edits", "documents"))
            if values:
                rows = [(Name(kind), count, holding.get(kind, 0)) for kind, count in sorted(values.items())]
                yield table(["what", "values replaced", "documents"], rows)
    yield (
        "No search finds everything; names of people are left in. The field `url` is as it was fetched."
        " Excerpts in the run's reports are masked."
    )
    proofs = len(journal.proofs(run.root))
    yield f"Takedowns so far: {proofs:,}. Documents are taken down by id or URL; later revisions lack them."


def _contamination(run: Run) -> Iterator[str]:
    yield "## Contamination"
    told = [row for stage in run.stages for row in stage.further().get("contamination", ())]
    if not told:
        yield "No evaluation set was looked for: scores on public benchmarks may be too good."
        return
    kinds = ("items", "found", "whole", "too_short", "too_common", "documents")
    rows = [(Name(row["benchmark"]), *(row[kind] for kind in kinds)) for row in told]
    yield table(["evaluation set", "items", "found", "whole", "too short", "too common", "documents"], rows)
    yield "Found: a document held a part; whole: all of it. Too short and too common items cannot be checked."


def _licences(run: Run, licences: Licences) -> Iterator[str]:
    yield "## Licences"
    told = plain(licences.collection) if licences.collection else "not stated"
    yield f"The collection: {told}. The texts belong to those who wrote them."
    read = [row.name for row in through(run, "sources")]
    for name in licences.sources:
        if name not in read:
            raise UsageError(
                f"licence of {name}: the run has read no such source{near(name, read)}; expected one of"
                f" {', '.join(read[:TOP])}"
            )
    rows = [(Name(name), plain(licences.sources[name])) for name in read if name in licences.sources]
    if rows:
        yield table(["source", "licence"], rows)
        if len(rows) < len(read):
            yield "Of the other sources no licence is stated."
    used = sorted({name for text in _strings(loader.plain(run.recipe)) if (name := split(text)[0]) in KNOWN})
    for name in used:
        yield f"- {code(name)}, which a step used: {plain(KNOWN[name].licence)}"


def _limits(run: Run) -> Iterator[str]:
    yield "## Limits"
    yield "\n".join(f"- {line}" for line in _known(run))


def _known(run: Run) -> Iterator[str]:
    found = stages(run)
    dead, bad = sum(stage.report.dead for stage in found), found[0].report.incident_count
    if dead:
        yield f"{dead:,} records could not be read or measured, and are missing."
    if bad:
        yield f"{bad:,} incidents in the input: damaged or cut files, whose records are missing from there on."
    rows = [row for row in through(run, "languages") if row.name and row.documents >= 20]
    all_ = sum(row.kept for row in rows) / (sum(row.documents for row in rows) or 1)
    worse = [row.name for row in rows if row.rate is not None and row.rate < all_ / 2]
    if worse:
        yield f"Kept less than half as often as the average: {', '.join(code(name) for name in worse[:TOP])}."
    yield "Rules of quality were made for one kind of text; what they drop is not always bad, nor what they keep good."
    yield "Language, quality and duplicates are judged by programs, and texts of the web may be false or harmful."


def _made(run: Run, found: StageOutput) -> Iterator[str]:
    yield "## How it was made"
    yield f"By corpusmill {__version__}; the same recipe and input give the same bytes. Stage keys:"
    yield table(["stage", "key"], [(Name(stage.title), Name(stage.manifest["key"])) for stage in run.stages])
    yield f"The files beside this card are of {code(found.title)}. The recipe, every default written:"
    yield fenced(loader.dump(_recipe(run.recipe)), "yaml")


def _recipe(recipe: Recipe) -> Any:
    data = published(recipe)
    del data["output"]
    return data


def published(value: Any) -> Any:
    """Specs as plain data without what only this machine knows: folders of local paths, users and queries of URLs."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: published(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: published(item) for key, item in value.items()}
    if isinstance(value, list | tuple) and not isinstance(value, Bounds):
        return [published(item) for item in value]
    if not isinstance(value, str):
        return value
    value = re.sub(r"(?i)^(\w[\w+.-]*://)[^/@\s]*@", r"\1", value)
    if re.match(r"(?i)https?://", value):
        return value.partition("?")[0]
    here = re.fullmatch(r"(@?)(?:file://)?[/~].*?([^/]*)/?", value, re.DOTALL)
    return f"{here[1]}{here[2]}" if here else value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        inside: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value
        for item in inside:
            yield from _strings(item)
