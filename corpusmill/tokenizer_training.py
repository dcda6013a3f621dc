"""Trains a tokenizer on a sample of a finished run or of texts, and reports how well it suits them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from corpusmill import plan, resources
from corpusmill.drive import Execute, Progress, run_work
from corpusmill.errors import InputError, OutputError, UsageError
from corpusmill.recipe import Recipe
from corpusmill.spec import members
from corpusmill.stages.sampling import Bytes, Counted, Draw, Sample, Texts, counted
from corpusmill.storage import commit, manifest, paths
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.shards import stored_splits
from corpusmill.storage.splits import Split, identify
from corpusmill.tokenize import Packer, sampling, training
from corpusmill.tokenize.sampling import Budget
from corpusmill.tokenize.splits import ANY_SOURCE

FIGURES = ("text", "source", "language")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What tokenizer is wanted, and on how much.

    Attributes:
        out: where `tokenizer.json` goes; the report lies beside it, and the sample in a folder beside it.
        vocabulary_size, pattern, split_digits, special_tokens: as for `tokenize.training.train`.
        min_frequency, longest_token: likewise.
        sample_bytes: of UTF-8 text at most.
        weights: by source, `*` for all others; empty for the sources' own bytes.
        overwrite: another tokenizer that is there already.
    """

    out: str
    vocabulary_size: int = 32_768
    pattern: str = "gpt2"
    split_digits: bool = False
    special_tokens: tuple[str, ...] = ("<|endoftext|>",)
    min_frequency: int = 0
    longest_token: int | None = None
    sample_bytes: int = 1_000_000_000
    weights: dict[str, float] = field(default_factory=dict)
    overwrite: bool = False

    @property
    def report(self) -> str:
        """Where the report goes: `tokenizer.report.json` for `tokenizer.json`."""
        return self.out.removesuffix(".json") + ".report.json"

    @property
    def folder(self) -> str:
        """Where the sample lies."""
        return f"{self.out}.sample"

    @property
    def terms(self) -> dict[str, Any]:
        """All that is asked, as the report tells it: other terms make another report."""
        return {
            "vocabulary_size": self.vocabulary_size, "pattern": self.pattern, "split_digits": self.split_digits,
            "special_tokens": list(self.special_tokens), "min_frequency": self.min_frequency,
            "longest_token": self.longest_token, "sample_bytes": self.sample_bytes, "weights": self.weights,
        }  # fmt: skip

    def check(self) -> None:
        """Refuse what cannot be trained or written before anything is read.

        Raises:
            RecipeError: see `tokenize.training.check`.
            UsageError: a sample of nothing, or a folder where the tokenizer is to go.
            OutputError: what is there was trained on other terms, or nothing says on which.
        """
        training.check(self.vocabulary_size, self.pattern, self.special_tokens)
        if self.sample_bytes < 1:
            raise UsageError(f"--sample-mb: found {self.sample_bytes / 1e6:g}; expected more than 0")
        for path in (self.out, self.report):
            if path.endswith("/") or paths.is_folder(path):
                name = paths.join(self.out, "tokenizer.json")
                raise UsageError(f"--out: found the folder {path}; expected the name of a file, as in {name}")
        there = [path for path in (self.out, self.report) if paths.exists(path)]
        if there and not self.overwrite:
            told = commit.read_json(self.report)
            if told is None:
                raise OutputError(_taken(there[0], "and no report beside it tells on what terms it was trained"))
            if told.get("asked") != self.terms:
                raise OutputError(_taken(there[0], "trained on other terms than these"))

    def put(self, text: str, report: bytes) -> None:
        """Write both files; the report first, so that a tokenizer never lies there without one.

        Raises:
            OutputError: one of them is there, and is not the same.
        """
        made = {self.report: report, self.out: text.encode()}
        for path, content in made.items():
            if not self.overwrite and paths.exists(path) and _content(path) != content:
                raise OutputError(_taken(path, "trained on other documents"))
        for path, content in made.items():
            commit.put(path, content)


def train_on_run(ask: Ask, root: str, recipe: Recipe, execute: Execute, progress: Progress) -> dict[str, Any]:
    """Train on the documents of a finished run; its report, which is also written beside the tokenizer.

    Args:
        ask: what is wanted.
        root: folder of the run.
        recipe: as it was run.
        execute: as for `drive.run`.
        progress: as for `drive.run`.

    Raises:
        OutputError: the run is not finished, or its documents are gone; or another tokenizer is there already.
        InputError: no documents. RecipeError: a vocabulary that cannot be.
        UsageError: weights that do not suit the sources, or a folder where the tokenizer is to go.
    """
    ask.check()
    return _train(ask, documents_of(root, recipe), execute, progress)


def train_on_texts(ask: Ask, files: Sequence[str], execute: Execute, progress: Progress) -> dict[str, Any]:
    """Train on files of texts, each a source of its own; otherwise as `train_on_run`.

    Raises:
        InputError: a file is missing, damaged or has no texts.
    """
    ask.check()
    located = [str(resources.locate(name)) for name in files]
    found = []
    for path in located:
        size, fingerprint = identify(path)
        found.append(Split(path, 0, size, size, size, fingerprint))
    layout = StageLayout(ask.folder, 0, "texts")
    work = Texts(layout, tuple(_sources(files))).work(found)
    run_work(work, execute, progress)
    made = [commit.committed(layout, task.shard, task.key) for task in work.tasks]
    entries = [{"shard": task.shard, **(told or {})} for task, told in zip(work.tasks, made, strict=True)]
    return _train(ask, stored_splits(layout, Manifest(layout.title, "", None, entries)), execute, progress)


def documents_of(root: str, recipe: Recipe) -> list[Split]:
    """The documents that a finished run leaves, or feeds to the step that packs them.

    Raises:
        OutputError: a stage is missing, or its documents were removed when the run was done.
    """
    named = zip(plan.titles(recipe.steps), plan.cut(recipe.steps), strict=True)
    wanted = [title for title, (_, specs) in named if not (specs and isinstance(specs[0], members(Packer)))]
    for title in wanted:
        layout = StageLayout.at(paths.join(root, title))
        if not paths.exists(layout.manifest):
            raise OutputError(f"{root}: {title} is not finished; run the recipe again, then train")
    told = commit.read_json(layout.manifest)
    if told is None:
        raise OutputError(f"{layout.manifest}: expected the manifest of a stage, found no JSON; run the recipe again")
    record = Manifest.from_json(told)
    if record.pruned:
        raise OutputError(
            f"{layout.folder}: its documents were removed when the run was done (keep_intermediate: false); train"
            " before the step that packs is in the recipe, or run it into another output with keep_intermediate: true"
        )
    return stored_splits(layout, record)


def _taken(path: str, why: str) -> str:
    return f"{path}: exists already, {why}; give another --out, or --overwrite"


def _content(path: str) -> bytes:
    with paths.open_read(path) as file:
        return file.read()


def _sources(files: Sequence[str]) -> list[str]:
    """What the files are called: by name, by the whole path where a name is there twice."""
    names = [paths.name(resources.split(file)[0]) for file in files]
    return [name if names.count(name) == 1 else file for name, file in zip(names, files, strict=True)]


def _train(ask: Ask, stored: Sequence[Split], execute: Execute, progress: Progress) -> dict[str, Any]:
    counting = Bytes(StageLayout(ask.folder, 1, "bytes")).work(stored)
    run_work(counting, execute, progress)
    available = counted(counting)
    sizes = {source: int(one.sizes.sum()) for source, one in available.items()}
    if not any(sizes.values()):
        raise InputError("a tokenizer cannot be trained: found no text; give documents that are not empty")
    asked = sampling.budgets(sizes, ask.weights, ask.sample_bytes)
    drawing = Draw.of(StageLayout(ask.folder, 2, "sample"), available, asked).work(stored)
    run_work(drawing, execute, progress)
    sample = Sample(drawing, asked)
    if not any(cut.sample for cut in sample.cuts.values()):
        raise UsageError(
            f"--sample-mb: found {ask.sample_bytes / 1e6:g}, and no document is so small that it fits; give more"
        )
    found = training.train(
        sample.texts(), vocabulary_size=ask.vocabulary_size, pattern=ask.pattern, split_digits=ask.split_digits,
        special_tokens=ask.special_tokens, min_frequency=ask.min_frequency, longest_token=ask.longest_token,
    )  # fmt: skip
    text = found.to_str(pretty=True)
    report = _report(ask, text, sample, available, asked)
    ask.put(text, manifest.encode(report))
    return report


def _report(
    ask: Ask, text: str, sample: Sample, available: dict[str, Counted], asked: dict[str, Budget]
) -> dict[str, Any]:
    from corpusmill.tokenize.measuring import Measure
    from corpusmill.tokenize.tokenizer import from_json

    tokenizer = from_json(text, ask.out)
    inside, held = Measure(tokenizer), Measure(tokenizer)
    for chosen, apart in sample.batches(FIGURES):
        inside.add(chosen)
        held.add(apart)
    on_sample, on_held = inside.figures(), held.figures()
    nothing = {"bytes": 0, "documents": 0}
    by_source = {
        source: {
            "weight": ask.weights.get(source, ask.weights.get(ANY_SOURCE)) if ask.weights else None,
            "available_bytes": int(one.sizes.sum()), "available_documents": one.documents,
            "asked_bytes": asked[source].sample, "cut": sample.cuts[source].sample,
            **{name: on_sample["source"].get(source, nothing)[name] for name in nothing},
        }
        for source, one in available.items()
    }  # fmt: skip
    apart = bool(on_held["total"]["documents"])
    return {
        "tokenizer": {"digest": tokenizer.digest, "vocabulary_size": tokenizer.size}, "asked": ask.terms,
        "sources": by_source, "sample": on_sample, "held_out": on_held if apart else None,
        "vocabulary": inside.vocabulary(),
    }  # fmt: skip
