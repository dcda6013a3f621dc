"""The catalogue of steps and inputs: fields, defaults, what each drops and where its numbers come from."""

import dataclasses
import difflib
import inspect
from typing import Any

from corpusmill import loader, recipe
from corpusmill.errors import UsageError
from corpusmill.spec import Bounds, number, takes_limit


def listing() -> list[tuple[str, str]]:
    """Every step and input format with the first line of what it says of itself."""
    return [
        (name, (inspect.getdoc(cls) or "").splitlines()[0])
        for name, cls in dict(sorted(recipe.classes().items())).items()
    ]


def page(name: str) -> str:
    """One step in full, as text.

    Raises:
        UsageError: naming the nearest step there is.
    """
    classes = recipe.classes()
    if name not in classes:
        near = difflib.get_close_matches(name, classes, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise UsageError(f"no step '{name}'{hint}; there are {', '.join(classes)}")
    cls = classes[name]
    comments = _comments(cls)
    lines = [name, "", inspect.getdoc(cls) or "", ""]
    fields = [field for field in dataclasses.fields(cls) if field.name not in ("use", "format")]
    width = max(len(field.name) for field in fields) if fields else 0
    shown = {field.name: _default(field) for field in fields}
    middle = max(len(text) for text in shown.values()) if fields else 0
    for field in fields:
        kind = "bounds" if takes_limit(field) else "option"
        comment = comments.get(field.name, "")
        lines.append(f"  {field.name:<{width}}  {kind}  {shown[field.name]:<{middle}}  {comment}".rstrip())
    return "\n".join(lines)


def _default(field: dataclasses.Field[Any]) -> str:
    value = field.default
    if value is dataclasses.MISSING:
        if field.default_factory is dataclasses.MISSING:
            return "(required)"
        value = field.default_factory()
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
