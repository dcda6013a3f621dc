"""From a recipe to stages and keys; nothing runs and nothing is written."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from corpusmill import __version__, loader, resources
from corpusmill.dedup import Dedup
from corpusmill.errors import OutputError, RecipeError
from corpusmill.extract import Extractor
from corpusmill.recipe import Recipe
from corpusmill.redact import Redact, Redactor
from corpusmill.spec import members, names
from corpusmill.stages.curate import MapStage
from corpusmill.stages.work import Stage, digest
from corpusmill.storage import commit, paths, splits
from corpusmill.storage.inputs import Stored
from corpusmill.storage.layout import StageLayout
from corpusmill.storage.manifest import Manifest
from corpusmill.storage.shards import stored_splits
from corpusmill.storage.splits import Split
from corpusmill.tokenize import Packer

FORMAT = 2  # of the files on disk; part of every key


@dataclass(frozen=True)
class Plan:
    """All stages of a run, what the first one reads, and the folder they write to."""

    recipe: Recipe
    root: str
    splits: tuple[Split, ...]
    stages: tuple[Stage, ...]

    @property
    def input_bytes(self) -> int:
        """Bytes of the source that the run will read, as stored."""
        return sum(split.length for split in self.splits)


def make(chosen: Recipe) -> Plan:
    """Decide stages, shards and keys; looks at names and sizes of the input, not at its content.

    Steps that go through one document at a time share a stage; a step that compares documents is one of its own.

    Raises:
        InputError: if the input is missing. ResourceError: if a model or list is. OutputError: if there are tokens
            of another tokenizer.
    """
    root = paths.join(chosen.output, chosen.name)
    _check_folder(root)
    made = Plan(chosen, root, tuple(splits.plan_splits(chosen.input)), stages(chosen, root))
    if _packs(made.stages[-1].specs):
        last: Any = made.stages[-1]
        last.check()
    return made


def _check_folder(root: str) -> None:
    """Refuse an output below a file of this machine.

    Raises:
        OutputError: naming the file.
    """
    if not paths.is_local(root):
        return
    for path in [paths.local(root), *paths.local(root).parents]:
        if path.is_file():
            raise OutputError(f"{path}: is a file; expected a folder or a free name for one. Choose another output.")


def ready(made: Plan) -> Iterator[tuple[Stage, list[Split]]]:
    """Each stage whose input is there, with it: the first, and those after stages that are finished as planned."""
    splits = list(made.splits)
    for stage in made.stages:
        yield stage, splits
        record = None if stage is made.stages[-1] else _record(stage)
        if record is None or [task.key for task in stage.works(splits)[-1].tasks] != [e["key"] for e in record.shards]:
            return
        splits = stored_splits(stage.layout, record)


def refuse(stage: Stage, splits: Sequence[Split]) -> None:
    """Refuse what a stage cannot do with the documents of these splits, before it touches anything.

    Raises:
        RecipeError: if it packs tokens, and sources lack what is asked of them.
    """
    if _packs(stage.specs):
        packing: Any = stage
        packing.refuse(splits)


def replaced(made: Plan) -> str | None:
    """What an earlier run with other settings, or of another input, has left that a run will replace; None for none."""
    *_, (stage, splits) = ready(made)
    record = _record(stage)
    if _packs(stage.specs):
        packing: Any = stage
        return packing.replaced()  # type: ignore[no-any-return]
    if record is None:
        return None
    kept = {task.key for task in stage.works(splits)[-1].tasks}
    gone = sum(entry["key"] not in kept for entry in record.shards)
    if not gone:
        return None
    found = f"{gone} shard{'s' * (gone > 1)} of another input or made with other settings, and all that follows"
    return f"{stage.layout.folder}: replaces {found}; another output keeps them"


def _record(stage: Stage) -> Manifest | None:
    told = commit.read_json(stage.layout.manifest)
    try:
        return None if told is None else Manifest.from_json(told)
    except OutputError:  # of another version: the stage is made anew
        return None


def stages(chosen: Recipe, root: str, keys: Sequence[str] | None = None) -> tuple[Stage, ...]:
    """The stages of a recipe, in order.

    Args:
        chosen: the recipe.
        root: folder of the run.
        keys: of the stages, where they are known from a finished run; then neither input nor models need be there.
    """
    found: list[Stage] = []
    for number, (title, (called, specs)) in enumerate(zip(titles(chosen.steps), cut(chosen.steps), strict=True)):
        layout = StageLayout.at(paths.join(root, title))
        source = chosen.input if number == 0 else Stored()
        key = stage_key(source, specs) if keys is None else keys[number]
        stage: Any = _stage(chosen, layout, source, tuple(called), tuple(specs), key, found)
        found.append(stage if keys is None else replace(stage, key=key))
    return tuple(found)


def titles(steps: Sequence[Any]) -> list[str]:
    """The folders of the stages of some steps: `01-curate`, and so on."""
    named = [specs[0].use if specs and _is_stage(specs[0]) else _title(specs) for _, specs in cut(steps)]
    return [f"{number:02d}-{name}" for number, name in enumerate(named, 1)]


def cut(steps: Sequence[Any]) -> list[tuple[list[str], list[Any]]]:
    """The steps of a recipe by stage, with their names; the first stage, which reads the input, may have none."""
    found: list[tuple[list[str], list[Any]]] = [([], [])]
    for name, step in zip(names(steps), steps, strict=True):
        before = found[-1][1]
        if _is_stage(step) or (before and _is_stage(before[0])):
            found.append(([], []))
        found[-1][0].append(name)
        found[-1][1].append(step)
    return found


def _title(specs: Sequence[Any]) -> str:
    """What a stage of steps that look at one document at a time is called."""
    return "redact" if specs and all(isinstance(step, members(Redactor)) for step in specs) else "curate"


def masking(steps: Sequence[Any]) -> Redact:
    """What is masked in reports: what the recipe redacts, or all that is validated."""
    return next((step for step in steps if isinstance(step, Redact)), Redact())


def _packs(specs: Sequence[Any]) -> bool:
    return bool(specs) and isinstance(specs[0], members(Packer))


def _is_stage(step: Any) -> bool:
    return isinstance(step, (*members(Dedup), *members(Packer)))


def _stage(
    chosen: Recipe,
    layout: StageLayout,
    source: Any,
    called: tuple[str, ...],
    specs: tuple[Any, ...],
    key: str,
    before: Sequence[Stage],
) -> Stage:
    if before and _packs(before[-1].specs):
        raise RecipeError(f"step {called[0]}: after {before[-1].names[0]} there are no documents; put it before")
    if _packs(specs):
        from corpusmill.stages.tokens import TokenStage

        return TokenStage(layout, specs[0], called[0], key, masking(chosen.steps))
    if specs and _is_stage(specs[0]):
        from corpusmill.stages.dedup import dedup_stage

        return dedup_stage(layout, called[0], specs[0], key, masking(chosen.steps), tuple(before))
    extractors = [name for name, step in zip(called, specs, strict=True) if isinstance(step, members(Extractor))]
    if extractors and before:
        raise RecipeError(
            f"step {extractors[0]}: it needs pages, and {before[-1].layout.title} gives texts; put it first"
        )
    budget = chosen.errors
    return MapStage(layout, source, specs, called, key, budget.max_share, budget.at_least, masking(chosen.steps))


def stage_key(source: Any, specs: Iterable[Any]) -> str:
    """A digest of all that decides a stage's output but for the input's bytes.

    It covers the package's version, each step with its defaults and the digests of the files it reads, and how the
    input is read (but not where it lies, so that a copy elsewhere has the same key). What a step names in
    `outside_key` decides nothing of its output, or enters in another way.
    """
    where = ("paths", "prefix", "split_mb")
    reading = {name: value for name, value in loader.plain(source).items() if name not in where}
    steps = [{**_settings(step), **_derived(step), "files": _digests(step)} for step in specs]
    return digest({"format": FORMAT, "version": __version__, "input": reading, "steps": steps})


def _settings(step: Any) -> dict[str, Any]:
    outside = getattr(step, "outside_key", ())
    return {name: value for name, value in loader.plain(step).items() if name not in outside}


def _derived(step: Any) -> dict[str, Any]:
    return dict(step.derived()) if hasattr(step, "derived") else {}


def _digests(step: Any) -> list[str]:
    references = step.references() if hasattr(step, "references") else ()
    return [resources.digest(reference) for reference in references]
