"""The catalogue of steps and inputs: fields, defaults, what each drops and where its numbers come from."""

import dataclasses
import inspect
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from rich.console import Group
from rich.table import Table
from rich.text import Text

from corpusmill import loader, recipe
from corpusmill.dedup import Dedup
from corpusmill.errors import UsageError, near
from corpusmill.extract import Extractor
from corpusmill.filters import Filter
from corpusmill.redact import Redactor
from corpusmill.spec import Bounds, members, number, takes_limit
from corpusmill.storage.inputs import Input
from corpusmill.tokenize import Packer

FAMILIES = (
    ("input", Input), ("extractor", Extractor), ("filter", Filter), ("dedup", Dedup), ("redaction", Redactor),
    ("packing", Packer),
)  # fmt: skip
REQUIRED = "(required)"
HEAD = ("field", "kind", "default", "what it is")


class Setting(NamedTuple):
    """A field of a step, as a recipe sets it.

    Attributes:
        name: its key.
        kind: `bounds` of a signal, or `option`.
        default: as YAML on one line, `(required)` where there is none.
        about: unit and meaning.
        value: the default as plain data; None where there is none, and where it is null.
    """

    name: str
    kind: str
    default: str
    about: str
    value: Any


def listing() -> list[tuple[str, str]]:
    """Every step and input format with the first line of what it says of itself."""
    return [(name, _about(cls).splitlines()[0]) for name, cls in sorted(recipe.classes().items())]


def page(name: str) -> str:
    """One step in full, as plain text: what docs/steps.md holds.

    Raises:
        UsageError: naming the nearest step there is.
    """
    cls = _class(name)
    rows = settings(name)
    width, middle = (max((len(row[at]) for row in rows), default=0) for at in (0, 2))
    fields = [f"  {row.name:<{width}}  {row.kind}  {row.default:<{middle}}  {row.about}".rstrip() for row in rows]
    return "\n".join([name, "", _about(cls), "", *fields])


def settings(name: str) -> list[Setting]:
    """The fields of a step or input.

    Raises:
        UsageError: naming the nearest step there is.
    """
    cls = _class(name)
    comments, found = _comments(cls), []
    for field in dataclasses.fields(cls):
        if field.name not in ("use", "format"):
            default, value = _default(field)
            kind = "bounds" if takes_limit(field) else "option"
            found.append(Setting(field.name, kind, default, comments.get(field.name, ""), value))
    return found


def table() -> Table:
    """The steps and input formats to print, in the order in which a page meets them."""
    rows = [(name, family, line) for family, _ in FAMILIES for name, line in listing() if _family(name) == family]
    return listed(("step", "kind", "what it does"), rows)


def shown(name: str) -> Group:
    """One step in full, to print in any width.

    Raises:
        UsageError: naming the nearest step there is.
    """
    paragraphs = [" ".join(part.split()) + "\n" for part in _about(_class(name)).split("\n\n")]
    head = Text.assemble((name, "bold"), (f"  {_family(name)}\n", "dim"))
    return Group(head, *map(Text, paragraphs), listed(HEAD, [row[:4] for row in settings(name)]))


def listed(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Rows under a head, the first column in bold; what is too long for its column goes on in the next line, uncut."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for at, title in enumerate(head):
        made.add_column(title, style="" if at else "bold", no_wrap=not at, overflow="fold")
    for row in rows:
        made.add_row(*map(Text, row))
    return made


def to_json(name: str | None = None) -> Any:
    """The catalogue, or one step in full, as plain data.

    Raises:
        UsageError: naming the nearest step there is.
    """
    if name is None:
        return [{"name": name, "kind": _family(name), "about": line} for name, line in listing()]
    fields = [
        {"name": row.name, "kind": row.kind, "required": row.default == REQUIRED, "default": row.value,
         "about": row.about}
        for row in settings(name)
    ]  # fmt: skip
    return {"name": name, "kind": _family(name), "about": _about(_class(name)), "fields": fields}


def _class(name: str) -> Any:
    classes = recipe.classes()
    if name not in classes:
        raise UsageError(f"no step '{name}'{near(name, classes)}; there are {', '.join(classes)}")
    return classes[name]


def _family(name: str) -> str:
    return next(family for family, union in FAMILIES if _class(name) in members(union))


def _about(cls: type) -> str:
    return inspect.getdoc(cls) or ""


def _default(field: dataclasses.Field[Any]) -> tuple[str, Any]:
    value = field.default
    if value is dataclasses.MISSING:
        if field.default_factory is dataclasses.MISSING:
            return REQUIRED, None
        value = field.default_factory()
    return _written(value), loader.plain(value)


def _written(value: Any) -> str:
    if isinstance(value, Bounds):
        return f"[{number(value.low)}, {number(value.high)}]"
    return loader.inline(value) if not isinstance(value, str) else value or '""'


def _comments(cls: type) -> dict[str, str]:
    """The comment behind each field in the source: its unit and meaning."""
    found = {}
    for line in inspect.getsource(cls).splitlines():
        before, mark, comment = line.partition("  # ")
        name, colon, _ = before.strip().partition(":")
        if mark and colon and name.isidentifier():
            found[name] = comment.strip()
    return found
