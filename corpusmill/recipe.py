"""Recipes: YAML to specs, and back with every default written; the only place that knows pydantic and YAML."""

import dataclasses
import difflib
import functools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from corpusmill.dedup import Dedup
from corpusmill.dedup.keep import Keep
from corpusmill.errors import RecipeError
from corpusmill.extract import Extractor
from corpusmill.filters import Filter
from corpusmill.redact import Redactor
from corpusmill.spec import Bounds, members, numbered, spec, takes_limit
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
    if Path(path).is_file():
        return Path(path)
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.yaml"))}
    name = Path(path).stem if Path(path).parent.name in ("", "recipes") else ""
    if name in shipped:
        return shipped[name]
    folder = Path(path).parent
    there = [str(file) for file in sorted(folder.glob("*.yaml"))] if folder.is_dir() else []
    raise RecipeError(f"{path}: no such recipe{_near(path, [*there, *shipped])}; shipped recipes: {', '.join(shipped)}")


def parse(text: str, file: str = "recipe", settings: Iterable[str] = ()) -> Recipe:
    """Turn YAML text into a recipe; `file` is named in messages."""
    root = _compose(text, file)
    data = _construct(root, file)
    for setting in settings:
        _set(data, setting)
    if isinstance(data.get("input"), dict) and isinstance(data["input"].get("paths"), str):
        data["input"]["paths"] = [data["input"]["paths"]]
    try:
        return _adapter().validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        faults = [_fault(item, root, file) for item in error.errors()]
        raise RecipeError("\n".join(dict.fromkeys(faults))) from None


def one_step(use: str, settings: Iterable[str] = ()) -> Any:
    """One step by its name, with settings as `key=value`, outside of any recipe.

    Raises:
        RecipeError: for settings that it does not take.
    """
    whole = f"{{name: step, input: {{format: jsonl, paths: [none]}}, steps: [{{use: {use}}}]}}"
    return parse(whole, "--set", [f"steps.{use}.{setting}" for setting in settings]).steps[0]


def dump(value: Any) -> str:
    """A recipe, an input or a step as YAML with every default written, bounds on one line."""
    return yaml.dump(plain(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def inline(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.dump(
        plain(value), Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return text.strip().removesuffix("...").strip()


def resolved(chosen: Recipe) -> str:
    """What is kept beside the output: all but where the output lies, so that equal runs keep equal files."""
    data = plain(chosen)
    del data["output"]
    return "# As it was run, every default written. `output` is left out: this file lies there.\n" + dump(data)


def plain(value: Any) -> Any:
    """Specs as plain data: mappings, lists, numbers (whole floats as integers) and strings."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Bounds):
        return _Flow(plain(end) for end in value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def classes() -> dict[str, Any]:
    """Every step by its `use` and every input by its `format`."""
    found = [(cls, "use") for cls in members(Step)] + [(cls, "format") for cls in members(Input)]
    return {str(next(f.default for f in dataclasses.fields(cls) if f.name == key)): cls for cls, key in found}


class _Flow(list):  # type: ignore[type-arg]
    """A list that YAML writes on one line."""


class _Dumper(yaml.SafeDumper):
    """Knows `_Flow`."""


_Dumper.add_representer(
    _Flow, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


@functools.cache
def _adapter() -> TypeAdapter[Recipe]:
    return TypeAdapter(Recipe)


def _compose(text: str, file: str) -> yaml.Node:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecipeError(f"{file}:{line}: not valid YAML: {error.problem}") from None
    if not isinstance(root, yaml.MappingNode):
        found = "nothing" if root is None else root.tag.rpartition(":")[2]
        raise RecipeError(f"{file}: expected a mapping with the keys name, input and steps, found {found}")
    return root


def _construct(root: yaml.Node, file: str) -> dict[str, Any]:
    for node in _mappings(root):
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise RecipeError(f"{file}:{line}: '{key.value}' is given twice, first in line {seen[key.value]}")
            seen[key.value] = line
    loader = yaml.SafeLoader("")
    return loader.construct_document(root)  # type: ignore[no-any-return]


def _mappings(node: yaml.Node) -> Iterable[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value)


def _set(data: dict[str, Any], setting: str) -> None:
    path, equals, text = setting.partition("=")
    if not equals:
        raise RecipeError(
            f"--set {setting}: expected key=value, e.g. --set output=out or --set steps.language.keep=[en]"
        )
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text  # globs such as *.warc.gz are no YAML
    at: Any = data
    *parents, last = path.split(".")
    for key in parents:
        at = _child(at, key, setting)
    if isinstance(at, list):
        at[_index(at, last, setting)] = value
    else:
        at[last] = value


def _child(at: Any, key: str, setting: str) -> Any:
    if isinstance(at, list):
        return at[_index(at, key, setting)]
    child = at.setdefault(key, {})
    if not isinstance(child, dict | list):
        raise RecipeError(f"--set {setting}: '{key}' is {child!r}, which has no keys")
    return child


def _index(items: list[Any], key: str, setting: str) -> int:
    names = numbered([str(item.get("use")) if isinstance(item, dict) else "?" for item in items])
    if key in names:
        return names.index(key)
    if key.isdigit() and int(key) < len(items):
        return int(key)
    raise RecipeError(f"--set {setting}: no step '{key}'{_near(key, names)}; the steps are {', '.join(names)}")


def _fault(item: Any, root: yaml.Node, file: str) -> str:
    """One fault as `file:line: where: what was found, what was expected`."""
    spot = _walk(root, item["loc"])
    place = f"{file}:{spot.node.start_mark.line + 1}: {'.'.join(spot.path) or 'recipe'}"
    found = item.get("input")
    if spot.in_bounds:
        value = yaml.SafeLoader("").construct_document(spot.node)
        return f"{place}: found {json.dumps(value)}: expected [low, high], two numbers; null leaves an end open"
    if spot.expected and item["type"] != "value_error":
        value = yaml.SafeLoader("").construct_document(spot.node)
        return f"{place}: found {json.dumps(value)}: expected {spot.expected}"
    if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = [field.name for field in dataclasses.fields(spot.owner)]
        return f"{place}: unknown key{_near(spot.path[-1], known)}; the keys are {', '.join(known)}"
    if item["type"] == "union_tag_invalid":
        context = item["ctx"]
        tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        key = context["discriminator"].strip("'")
        return f"{place}: no {key} '{context['tag']}'{_near(context['tag'], tags)}; there are {', '.join(tags)}"
    if item["type"] in ("missing", "missing_argument"):
        return f"{place}: this key is missing"
    if item["type"] == "value_error":
        message = str(item["ctx"]["error"])
        field = _node_at(spot.node, message.partition(":")[0]) or spot.node
        return f"{file}:{field.start_mark.line + 1}: {'.'.join(spot.path) or 'recipe'}: {message}"
    return f"{place}: found {found!r}: {item['msg'][0].lower()}{item['msg'][1:]}"


@dataclasses.dataclass
class _Spot:
    """Where in the YAML a fault lies: the nearest node, the path as the user wrote it, and the spec around it."""

    node: yaml.Node
    path: list[str]
    owner: Any = Recipe
    in_bounds: bool = False
    expected: str = ""


def _walk(root: yaml.Node, location: Iterable[Any]) -> _Spot:
    """Follow a pydantic location, which holds the tags of unions besides the keys of the recipe."""
    spot = _Spot(root, [])
    tagged = classes()
    for key in location:
        child = _node_at(spot.node, key)
        if child is None and key in tagged:
            spot.owner = tagged[key]
            spot.path[-1] += f" ({key})"
            continue
        spot.path.append(str(key))
        if child is None:
            continue
        spot.node = child
        field = spot.owner.__dataclass_fields__.get(key)
        if field is not None and takes_limit(field):
            spot.in_bounds = True
            break
        if field is not None and field.type == Keep:
            spot.expected = KEEP
            break
        if field is not None and dataclasses.is_dataclass(field.type):
            spot.owner = field.type
    return spot


def _node_at(node: yaml.Node, key: Any) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == str(key)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key]  # type: ignore[no-any-return]
    return None


def _near(word: str, known: Iterable[str]) -> str:
    match = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{match[0]}'?" if match else ""
