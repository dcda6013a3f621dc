"""Where the recipes of two runs differ."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from corpusmill.loader import plain
from corpusmill.recipe import Recipe
from corpusmill.redact import Redact
from corpusmill.spec import numbered
from corpusmill.stages.masking import masker

SECRETS = Redact(entities=("private_key", "credentials", "token"))  # an address of the input may hold one
WHERE = ("name", "output", "about")  # say where a run lies and what it is for, not what it does


class Setting(NamedTuple):
    """A setting by its path in the recipe, with its value in JSON in each run; None where a run has none."""

    name: str
    a: str | None
    b: str | None


def differing(a: Recipe, b: Recipe) -> list[Setting]:
    """The settings, defaults included, that differ, in the order of A's; a step that only one has is one entry."""
    first, second = _parts(a), _parts(b)
    found = [
        setting
        for part in dict.fromkeys([*first, *second])
        for setting in _between(part, first.get(part), second.get(part))
    ]
    mask = masker(SECRETS)
    return [Setting(one.name, *(value and mask([value])[0] for value in (one.a, one.b))) for one in found]


def _parts(recipe: Recipe) -> dict[str, Any]:
    told = {name: value for name, value in plain(recipe).items() if name not in WHERE}
    steps = told.pop("steps")
    names = numbered([step["use"] for step in steps])
    return {**told, **{f"steps.{name}": step for name, step in zip(names, steps, strict=True)}}


def _between(name: str, a: Any, b: Any) -> Iterator[Setting]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            yield from _between(f"{name}.{key}", a.get(key), b.get(key))
    elif a != b:
        yield Setting(name, _told(a), _told(b))


def _told(value: Any) -> str | None:
    if isinstance(value, Mapping) and "use" in value:
        return "there"
    return None if value is None else json.dumps(value)
