"""Recipes: what a run is made of, and where they are found."""

import dataclasses
import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from corpusmill import loader
from corpusmill.dedup import Dedup
from corpusmill.dedup.keep import Keep
from corpusmill.extract import Extractor
from corpusmill.filters import Filter
from corpusmill.redact import Redactor
from corpusmill.spec import members, spec
from corpusmill.storage.inputs import Input
from corpusmill.tokenize import Packer

KEEP = "longest, newest, oldest, {best: step.signal} or {source_order: [source, …]}"
Step = Extractor | Filter | Dedup | Redactor | Packer
SHIPPED = Path(__file__).parent / "recipes"


@spec
class ErrorBudget:
    """How many records of a shard may fail before the run stops."""

    max_share: float = 0.001  # of the shard's page records
    at_least: int = 10  # records that may always fail, however small the shard

    def __post_init__(self) -> None:
        """Refuse shares outside [0, 1] and negative counts."""
        if not 0 <= self.max_share <= 1:
            raise ValueError(f"max_share: found {self.max_share}; expected a share from 0 to 1")
        if self.at_least < 0:
            raise ValueError(f"at_least: found {self.at_least}; expected 0 or more")


@spec
class Recipe:
    """A whole run: what is read, what is done with it, where it goes."""

    name: str  # the folder below `output`
    about: str = ""
    sources: tuple[str, ...] = ()  # where its numbers come from: papers, published code
    input: Annotated[Input, Field(discriminator="format")]
    steps: tuple[Annotated[Step, Field(discriminator="use")], ...]
    output: str = "out"
    keep_intermediate: bool = True  # false removes the documents of all stages but the last when the run is done
    errors: ErrorBudget = ErrorBudget()

    def __post_init__(self) -> None:
        """Refuse a name that is no name of a folder."""
        if not re.fullmatch(r"\w[\w.-]*", self.name):
            raise ValueError(f"name: found {self.name!r}; it names a folder: letters, digits, '-', '_', '.'")


def load(path: str, settings: Iterable[str] = ()) -> Recipe:
    """Read a recipe file, or a shipped recipe by its name, and apply `--set` settings.

    Args:
        path: a YAML file; a bare name such as `fineweb` means a shipped recipe if there is no such file.
        settings: `path.to.key=value`, the value in YAML; steps are addressed by number or name
            (`steps.gopher_quality.words=[100, null]`).

    Raises:
        RecipeError: listing every fault with its file and line.
    """
    file = locate(path)
    return parse(file.read_text(encoding="utf-8"), str(file), settings)


def locate(path: str) -> Path:
    """The file of a recipe given as a path or as a shipped recipe's name."""
    return loader.locate(path, SHIPPED, "recipe")


def parse(text: str, file: str = "recipe", settings: Iterable[str] = ()) -> Recipe:
    """Turn YAML text into a recipe; `file` is named in messages."""
    return loader.parse(_kind(), text, file, settings)


def one_step(use: str, settings: Iterable[str] = ()) -> Any:
    """One step by its name, with settings as `key=value`, outside of any recipe.

    Raises:
        RecipeError: for settings that it does not take.
    """
    whole = f"{{name: step, input: {{format: jsonl, paths: [none]}}, steps: [{{use: {use}}}]}}"
    return parse(whole, "--set", [f"steps.{use}.{setting}" for setting in settings]).steps[0]


def resolved(chosen: Recipe) -> str:
    """What is kept beside the output: all but where the output lies, so that equal runs keep equal files."""
    data = loader.plain(chosen)
    del data["output"]
    return "# As it was run, every default written. `output` is left out: this file lies there.\n" + loader.dump(data)


def classes() -> dict[str, Any]:
    """Every step by its `use` and every input by its `format`."""
    found = [(cls, "use") for cls in members(Step)] + [(cls, "format") for cls in members(Input)]
    return {str(next(f.default for f in dataclasses.fields(cls) if f.name == key)): cls for cls, key in found}


@functools.cache
def _kind() -> loader.Kind[Recipe]:
    return loader.Kind(Recipe, "recipe", "name, input and steps", classes, ((Keep, KEEP),), _as_meant)


def _as_meant(data: dict[str, Any]) -> None:
    """Put a single path into a list, and make a seed that is text out of a number, which YAML takes `seed: 7` for."""
    if isinstance(data.get("input"), dict) and isinstance(data["input"].get("paths"), str):
        data["input"]["paths"] = [data["input"]["paths"]]
    steps = data.get("steps")
    for item in steps if isinstance(steps, list) else ():
        if isinstance(item, dict) and type(item.get("seed")) is int:  # a truth value is no number here
            fields = getattr(classes().get(str(item.get("use"))), "__dataclass_fields__", {})
            if "seed" in fields and fields["seed"].type is str:
                item["seed"] = str(item["seed"])
