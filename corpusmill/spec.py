"""What a step is made of: `@spec` classes, closed bounds, and how a bound is named when it is broken."""

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, dataclass_transform, get_args, runtime_checkable

ANY_LANGUAGE = "*"
T = TypeVar("T")


class Bounds(NamedTuple):
    """A closed interval `[low, high]` on a signal; `None` leaves that end open.

    Always written whole, so that giving one end never erases the other's default.
    """

    low: float | None
    high: float | None

    def breaks(self, signal: str) -> tuple[str, str]:
        """The reasons for falling below and rising above, e.g. ``("words<50", "words>100000")``."""
        return f"{signal}<{number(self.low)}", f"{signal}>{number(self.high)}"


# A limit that depends on the document's language: `{en: [0.65, null], "*": [0.5, null]}`.
# A language that is not named, where there is no "*", is not judged by this limit.
Limit = Bounds | Mapping[str, Bounds]


@runtime_checkable
class Spec(Protocol):
    """A step as written in a recipe: frozen data, and `build()`, which loads what it needs once per worker.

    `build()` returns a callable of one `view.View` giving one `signals.Measured`.
    """

    use: str
    measures_dropped: ClassVar[bool]

    def build(self) -> Callable[[Any], Any]:
        """Load models and tables; called once per worker, never at construction."""
        ...


@dataclass_transform(frozen_default=True, kw_only_default=True)
def spec(cls: type[T]) -> type[T]:
    """Make `cls` a frozen, keyword-only dataclass that refuses unknown keys and reversed bounds.

    `measures_dropped` is True where a step is cheap enough to be measured on documents that an earlier
    step dropped (so that the ledger can answer what-if questions); a step that costs more sets it False.
    """
    if "measures_dropped" not in cls.__dict__:
        cls.measures_dropped = True  # type: ignore[attr-defined]
    own_check = getattr(cls, "__post_init__", None)

    def check(self: Any) -> None:
        check_bounds(self)
        if own_check is not None:
            own_check(self)

    cls.__post_init__ = check  # type: ignore[attr-defined]
    cls.__pydantic_config__ = {"extra": "forbid", "strict": False}  # type: ignore[attr-defined]
    return dataclasses.dataclass(frozen=True, kw_only=True)(cls)


def limits(step: Any) -> dict[str, Limit]:
    """The limits of a spec by signal name, in field order, which is the order of judging."""
    values = ((field.name, getattr(step, field.name)) for field in dataclasses.fields(step))
    return {name: value for name, value in values if is_limit(value)}


def is_limit(value: object) -> bool:
    """True for `Bounds` and for a non-empty mapping of languages to `Bounds`."""
    if isinstance(value, Mapping):
        return bool(value) and all(isinstance(item, Bounds) for item in value.values())
    return isinstance(value, Bounds)


def takes_limit(field: dataclasses.Field[Any]) -> bool:
    """True for a field of a spec that holds a limit, whatever its default is."""
    return Bounds in (field.type, *get_args(field.type))


def intervals(limit: Limit) -> dict[str, Bounds]:
    """A limit as a mapping from language to interval, with `ANY_LANGUAGE` for the rest."""
    return {ANY_LANGUAGE: limit} if isinstance(limit, Bounds) else dict(limit)


def check_bounds(step: Any) -> None:
    """Refuse bounds that no value can meet.

    Raises:
        ValueError: naming the field, the bounds found and what was expected.
    """
    for name, limit in limits(step).items():
        for low, high in intervals(limit).values():
            if any(end is not None and math.isnan(end) for end in (low, high)):
                raise ValueError(f"{name}: a bound is NaN; give a number or null")
            if low is not None and high is not None and low > high:
                found = f"[{number(low)}, {number(high)}]"
                raise ValueError(f"{name}: bounds are reversed: {found}; the low end comes first")


def number(value: float | None) -> str:
    """A bound or a signal as people write it: `0.2`, `100000`, never `1e+05`."""
    if value is None:
        return "null"
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.6g}"


def members(union: Any) -> tuple[Any, ...]:
    """The classes of a family's type union, or the one class where a family has a single member."""
    return get_args(union) or (union,)


def names(specs: Sequence[Any]) -> list[str]:
    """The name of each step of a chain: its `use`, numbered where it stands there twice."""
    return numbered([step.use for step in specs])


def numbered(uses: Sequence[str]) -> list[str]:
    """Names made unique: `fasttext`, `fasttext_2`, ..."""
    seen: Counter[str] = Counter()
    found = []
    for use in uses:
        seen[use] += 1
        found.append(use if seen[use] == 1 else f"{use}_{seen[use]}")
    return found
