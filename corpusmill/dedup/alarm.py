"""Stopping a run in which one source or domain loses too much to duplicates."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from corpusmill.spec import spec


@spec
class Alarm:
    """A source or domain that loses more than a share of its documents stops the run, with a table."""

    max_loss: float = 0.9  # share of a source's or domain's documents; 1 turns the alarm off
    min_documents: int = 1000  # smaller sources and domains are not looked at
    by: tuple[Literal["source", "domain"], ...] = ("source", "domain")

    def __post_init__(self) -> None:
        """Refuse shares outside [0, 1]."""
        if not 0 <= self.max_loss <= 1:
            raise ValueError(f"max_loss: found {self.max_loss}; expected a share from 0 to 1")


class Loss(NamedTuple):
    """What one source or domain lost."""

    kind: str
    name: str
    documents: int
    kept: int


def losses(alarm: Alarm, kind: Literal["source", "domain"], counts: Mapping[str, Sequence[int]]) -> list[Loss]:
    """Those that lost more than the alarm allows, the largest first.

    Args:
        alarm: the bounds.
        kind: what the names are.
        counts: name -> (documents in, documents kept, …).
    """
    found = [
        Loss(kind, name, before, kept)
        for name, (before, kept, *_) in counts.items()
        if kind in alarm.by and before >= alarm.min_documents and before - kept > alarm.max_loss * before
    ]
    return sorted(found, key=lambda loss: (-loss.documents, loss.name))


def table(found: Sequence[Loss]) -> str:
    """Losses as lines for people."""
    head = f"{'':<8}{'documents':>12}{'kept':>12}{'lost':>8}  name"
    rows = [
        f"{loss.kind:<8}{loss.documents:>12,}{loss.kept:>12,}{1 - loss.kept / loss.documents:>8.1%}  {loss.name}"
        for loss in found
    ]
    return "\n".join([head, *rows])
