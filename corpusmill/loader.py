"""YAML to specs and back: one typed loader for all files that users write; YAML stops here."""

import dataclasses
import functools
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar, get_args

import yaml
from pydantic import TypeAdapter, ValidationError

from corpusmill.errors import RecipeError, near
from corpusmill.spec import Bounds, numbered, takes_limit

T = TypeVar("T")
Keys = tuple[str | int, ...]  # where a value lies in the data
MEMBER = re.compile(r"(str|int|float|bool|dict|list|tuple)(\[.*\])?")  # what pydantic calls members of a union


def _unchanged(data: dict[str, Any]) -> None:
    """Leave the data as written."""


@dataclasses.dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of file.

    Attributes:
        cls: the spec that it becomes. name: what it is called in messages. keys: some of its keys, for messages.
        tagged: members of unions by the tag that chooses them. told: types whose faults are told in words of their own.
        prepare: changes the data before they are checked, e.g. puts a single path into a list.
    """

    cls: type[T]
    name: str
    keys: str
    tagged: Callable[[], Mapping[str, Any]] = dict
    told: tuple[tuple[Any, str], ...] = ()
    prepare: Callable[[dict[str, Any]], None] = _unchanged


def parse(kind: Kind[T], text: str, file: str, settings: Iterable[str] = ()) -> T:
    """Turn YAML text into a spec.

    Args:
        kind: of the file.
        text: YAML.
        file: is named in messages.
        settings: `path.to.key=value`, the value in YAML; items of lists are addressed by number or `use`.

    Raises:
        RecipeError: listing every fault with its file and line.
    """
    root = _compose(text, file, kind.keys)
    data = _construct(root, file)
    given = {_set(data, setting): setting for setting in settings}
    kind.prepare(data)
    try:
        found: T = _adapter(kind).validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        source = _Source(root, file, data, given)
        faults = [_fault(item, source, kind) for item in _as_meant(error.errors())]
        raise RecipeError("\n".join(dict.fromkeys(faults))) from None
    return found


def locate(path: str, shipped_in: Path, kind: str) -> Path:
    """The file at a path, or a shipped one by its name.

    Args:
        path: a file, or a bare name such as `fineweb`.
        shipped_in: folder of the shipped ones.
        kind: what they are called in messages.

    Raises:
        RecipeError: if there is neither, naming those that are there.
    """
    if Path(path).is_file():
        return Path(path)
    shipped = {file.stem: file for file in sorted(shipped_in.glob("*.yaml"))}
    name = Path(path).stem if Path(path).parent.name in ("", shipped_in.name) else ""
    if name in shipped:
        return shipped[name]
    folder = Path(path).parent
    there = [str(file) for file in sorted(folder.glob("*.yaml"))] if folder.is_dir() else []
    hint = near(path, [*there, *shipped])
    raise RecipeError(f"{path}: no such {kind}{hint}; shipped {kind}s: {', '.join(shipped)}")


def dump(value: Any) -> str:
    """A recipe, an input or a step as YAML with every default written, bounds on one line."""
    return yaml.dump(plain(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


def inline(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.dump(
        plain(value), Dumper=_Dumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return text.strip().removesuffix("...").strip()


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


class _Flow(list):  # type: ignore[type-arg]
    """A list that YAML writes on one line."""


class _Loader(yaml.SafeLoader):
    """Reads 1e-05 as a number, as YAML 1.2 does and Python writes it."""


class _Dumper(yaml.SafeDumper):
    """Knows `_Flow`."""


EXPONENT = re.compile(r"[-+]?\d+[eE][-+]?\d+")
for _class in (_Loader, _Dumper):
    _class.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+0123456789"))

_Dumper.add_representer(
    _Flow, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


@functools.cache
def _adapter(kind: Kind[Any]) -> TypeAdapter[Any]:
    return TypeAdapter(kind.cls)


def _compose(text: str, file: str, keys: str) -> yaml.Node:
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RecipeError(f"{file}:{line}: not valid YAML: {error.problem}") from None
    if not isinstance(root, yaml.MappingNode):
        found = "nothing" if root is None else root.tag.rpartition(":")[2]
        raise RecipeError(f"{file}: expected a mapping with the keys {keys}, found {found}")
    return root


def _construct(root: yaml.Node, file: str) -> dict[str, Any]:
    for node in _mappings(root):
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.value in seen:
                raise RecipeError(f"{file}:{line}: '{key.value}' is given twice, first in line {seen[key.value]}")
            seen[key.value] = line
    loader = _Loader("")
    return loader.construct_document(root)  # type: ignore[no-any-return]


def _mappings(node: yaml.Node) -> Iterable[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value)


def _set(data: dict[str, Any], setting: str) -> Keys:
    """Set a value; gives where, with numbers for names of items."""
    path, equals, text = setting.partition("=")
    if not equals:
        raise RecipeError(
            f"--set {setting}: expected key=value, e.g. --set output=out or --set steps.language.keep=[en]"
        )
    first, steps = path.partition(".")[0], data.get("steps")
    named = [step.get("use") for step in steps if isinstance(step, dict)] if isinstance(steps, list) else []
    if first not in data and first in named:
        raise RecipeError(f"--set {setting}: no key '{first}'; did you mean --set steps.{setting}?")
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - a safe loader that knows more numbers
    except yaml.YAMLError:
        value = text  # globs such as *.warc.gz are no YAML
    at: Any = data
    *parents, last = path.split(".")
    keys: list[str | int] = []
    for key in parents:
        keys.append(_index(at, key, setting) if isinstance(at, list) else key)
        at = _child(at, key, setting)
    keys.append(_index(at, last, setting) if isinstance(at, list) else last)
    at[keys[-1]] = value
    return tuple(keys)


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
    raise RecipeError(f"--set {setting}: no step '{key}'{near(key, names)}; the steps are {', '.join(names)}")


def _as_meant(found: list[Any]) -> list[Any]:
    """The faults without those of union members that were not meant: another member's fault lies deeper."""

    def told_deeper(item: Any) -> bool:
        above, depth = item["loc"][:-1], len(item["loc"])
        return any(len(other["loc"]) > depth and other["loc"][: depth - 1] == above for other in found)

    return [
        item for item in found if not (item["loc"] and MEMBER.fullmatch(str(item["loc"][-1])) and told_deeper(item))
    ]


class _Source(NamedTuple):
    """Where values come from: the file, and the settings by what they set."""

    root: yaml.Node
    file: str
    data: dict[str, Any]
    given: Mapping[Keys, str]

    def place(self, keys: Sequence[str | int], node: yaml.Node) -> str:
        """The setting that gave a value or what it is in, else its line in the file."""
        for length in range(len(keys), 0, -1):
            setting = self.given.get(tuple(keys[:length]))
            if setting is not None:
                return f"--set {setting}"
        return f"{self.file}:{node.start_mark.line + 1}"

    def value(self, keys: Sequence[str | int]) -> str:
        """A value as it was given, in JSON."""
        found: Any = self.data
        for key in keys:
            found = found[key]
        return json.dumps(found, default=str)


def _fault(item: Any, source: _Source, kind: Kind[Any]) -> str:
    """One fault as `where it was given: what: what was found, what was expected`."""
    spot = _walk(source.root, item["loc"], kind)
    name = ".".join(spot.path) or kind.name
    place = f"{source.place(spot.keys, spot.node)}: {name}"
    found = item.get("input")
    if item["type"] in ("missing", "missing_argument") and item["loc"][-1] == spot.keys[-1]:
        return f"{place}: this key is missing"
    if spot.in_bounds:
        value = source.value(spot.keys)
        return f"{place}: found {value}: expected [low, high], two numbers; null leaves an end open"
    if spot.expected and item["type"] != "value_error":
        return f"{place}: found {source.value(spot.keys)}: expected {spot.expected}"
    if item["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = [field.name for field in dataclasses.fields(spot.owner)]
        return f"{place}: unknown key{near(spot.path[-1], known)}; the keys are {', '.join(known)}"
    if item["type"] == "union_tag_invalid":
        context = item["ctx"]
        tags = [tag.strip(" '") for tag in context["expected_tags"].split(",")]
        key = context["discriminator"].strip("'")
        return f"{place}: no {key} '{context['tag']}'{near(context['tag'], tags)}; there are {', '.join(tags)}"
    if item["type"] == "value_error":
        message = str(item["ctx"]["error"])
        field = message.partition(":")[0]
        node = _node_at(spot.node, field) or spot.node
        return f"{source.place([*spot.keys, field], node)}: {name}: {message}"
    return f"{place}: found {found!r}: {item['msg'][0].lower()}{item['msg'][1:]}"


@dataclasses.dataclass
class _Spot:
    """Where in the YAML a fault lies: the nearest node, the path in words and in keys, and the spec around it."""

    node: yaml.Node
    path: list[str]
    keys: list[str | int]
    owner: Any
    in_bounds: bool = False
    expected: str = ""


def _walk(root: yaml.Node, location: Iterable[Any], kind: Kind[Any]) -> _Spot:
    """Follow a pydantic location, which holds the tags of unions besides the keys of the file."""
    spot = _Spot(root, [], [], kind.cls)
    tagged = kind.tagged()
    for key in location:
        child = _node_at(spot.node, key)
        if child is None and key in tagged and spot.path:
            spot.owner = tagged[key]
            spot.path[-1] += f" ({key})"
            continue
        if child is None and MEMBER.fullmatch(str(key)):
            continue
        spot.path.append(str(key))
        spot.keys.append(key)
        if child is not None:
            spot.node = child
        field = spot.owner.__dataclass_fields__.get(key)
        if field is not None and takes_limit(field):
            spot.in_bounds = True
            break
        told = None if field is None else next((words for type_, words in kind.told if field.type == type_), None)
        if told is not None:
            spot.expected = told
            break
        inner = set() if field is None else _specs(field.type)
        if len(inner) == 1:
            spot.owner = inner.pop()
    return spot


def _specs(declared: Any) -> set[Any]:
    """The specs that a type is made of, e.g. that of the values of a mapping."""
    if dataclasses.is_dataclass(declared):
        return {declared}
    return {found for part in get_args(declared) for found in _specs(part)}


def _node_at(node: yaml.Node, key: Any) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == str(key)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        return node.value[key]  # type: ignore[no-any-return]
    return None
