"""How many tokens of each source a training run gets: weights or budgets, and how often a source may be repeated."""

import json
import math
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from corpusmill.errors import RecipeError, near
from corpusmill.spec import number, spec

_FILE = Path(__file__).parents[1] / "mixtures.json"
MOST_EPOCHS = 100  # more than anybody trains; each is a pass over the ids


@spec
class Ask:
    """What a mixture asks of one source: `{weight: 67, epochs: 2}` or `{tokens: 5_000_000}`.

    Up to four epochs are nearly as good as new data (Muennighoff et al. 2023).
    """

    weight: float | None = None  # against the other weights; they need not add up to anything; 0 leaves the source out
    tokens: int | None = None  # a budget, taken before weights divide the rest
    epochs: float = 1.0  # how often the source may be repeated at most, 1 for not at all

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: naming the field, what was found and what was expected.
        """
        for name, value in (("weight", self.weight), ("tokens", self.tokens)):
            if value is not None and not 0 <= value < math.inf:
                raise ValueError(f"{name}: found {number(value)}; expected 0 or more")
        if not 0 <= self.epochs <= MOST_EPOCHS:
            raise ValueError(f"epochs: found {number(self.epochs)}; expected 0 to {MOST_EPOCHS}")
        if (self.weight is None) == (self.tokens is None):
            found = "neither" if self.weight is None else "both"
            raise ValueError(f"expected a weight or a number of tokens, found {found}")


class Allotment(NamedTuple):
    """What one source gives: its tokens, how many it has, and its share of the whole mixture."""

    source: str
    tokens: int
    available: int
    share: float

    @property
    def epochs(self) -> float:
        """How often the source is seen."""
        return self.tokens / self.available if self.available else 0.0


class Published(NamedTuple):
    """A mixture of the literature.

    Attributes:
        source: where it is told. weights: of each source as told there.
        epochs: how often each source was seen, empty where that is not told. epochs_of: in how long a training.
    """

    source: str
    weights: dict[str, float]
    epochs: Mapping[str, float] = MappingProxyType({})
    epochs_of: str = ""

    def most(self, source: str) -> int:
        """The cap on a source: how often any of its documents came there at most.

        2.45 epochs are documents that came twice and others that came a third time. A source that was not used up,
        or of which it is not told, may be used up.
        """
        return max(1, math.ceil(self.epochs.get(source, 1)))


def published() -> dict[str, Published]:
    """The mixtures of the literature by name."""
    return {name: Published(**entry) for name, entry in json.loads(_FILE.read_text("utf-8")).items()}


def from_published(name: str) -> dict[str, Ask]:
    """A mixture of the literature as asked of one's own sources, which must have its names; see `Published.most`.

    Raises:
        RecipeError: for a name that is not there.
    """
    known = published()
    if name not in known:
        raise RecipeError(f"mixture: {name!r} is not known{near(name, known)}; expected one of {', '.join(known)}")
    entry = known[name]
    return {source: Ask(weight=weight, epochs=entry.most(source)) for source, weight in entry.weights.items()}


def allot(available: Mapping[str, int], asked: Mapping[str, Ask], total: int | None = None) -> list[Allotment]:
    """Divide tokens among sources.

    Args:
        available: tokens of each source.
        asked: what is asked of each; every source must be named.
        total: tokens in all; by default the budgets, and of the weights as much as their caps allow.

    Returns:
        One entry per source in the order of `asked`, rounded so that they add up to `total`.

    Raises:
        RecipeError: listing every source that cannot give what is asked of it.
    """
    _refuse(_misnamed(available, asked) or faults(asked, total))
    budgets = sum(ask.tokens or 0 for ask in asked.values())
    weights = {source: _exact(ask.weight) for source, ask in asked.items() if ask.weight}
    limits = {source: math.floor(_exact(ask.epochs) * available[source]) for source, ask in asked.items()}
    sum_of_weights = sum(weights.values(), Fraction(0))
    most = min((math.floor(limits[source] * sum_of_weights / weight) for source, weight in weights.items()), default=0)
    rest = most if total is None else total - budgets
    ideal = {source: rest * weights.get(source, Fraction(0)) / (sum_of_weights or 1) for source in asked}
    ideal = {source: ideal[source] + (ask.tokens or 0) for source, ask in asked.items()}
    empty = [source for source in weights if not limits[source]]
    short = [
        f"{source}: {available[source]:,} tokens at {asked[source].epochs:g} epochs; weigh it 0" for source in empty
    ]
    for source, ask in asked.items():
        if ideal[source] > limits[source] and source not in empty:
            advice = (
                "ask for less"
                if ask.tokens is not None
                else f"ask for at most {budgets + most:,} in all, lower its weight"
            )
            needed = f", or allow {_enough(ideal[source], available[source])} epochs" if available[source] else ""
            short.append(
                f"{source}: asked for {math.ceil(ideal[source]):,} tokens, found {available[source]:,}, which at"
                f" {ask.epochs:g} epochs give {limits[source]:,}; {advice}{needed}"
            )
    _refuse(short)
    whole = _rounded(ideal)
    everything = sum(whole.values())
    return [
        Allotment(source, tokens, available[source], tokens / everything if everything else 0.0)
        for source, tokens in whole.items()
    ]


def _misnamed(available: Mapping[str, int], asked: Mapping[str, Ask]) -> list[str]:
    """Sources that are not there, and sources that nobody asks for; what there is is said once."""
    missing = [source for source in asked if source not in available]
    found = []
    for at, source in enumerate(missing):
        there = "" if at else f"; found {', '.join(sorted(available)) or 'none'}"
        found.append(f"{source}: no such source{there}{near(source, available)}")
    unasked = sorted(set(available) - set(asked))
    found += [f"{source}: {available[source]:,} tokens, but no weight; give it one, or 0" for source in unasked]
    name = next((name for name in published() if missing and from_published(name) == asked), None)
    if name:
        found.append(f"to use it for sources of other names, edit what this prints: corpusmill mixtures {name} --yaml")
    return found


def faults(asked: Mapping[str, Ask], total: int | None) -> list[str]:
    """What is wrong with a mixture, whatever the sources have; one text each, empty if nothing is."""
    budgets = sum(ask.tokens or 0 for ask in asked.values())
    weighted = any(ask.weight for ask in asked.values())
    if not weighted and not budgets:
        return ["no source has a weight or a budget above 0"]
    if total is not None and (total < budgets or (total > budgets and not weighted)):
        return [f"{total:,} tokens are asked for in all, but the budgets add up to {budgets:,}; change one of the two"]
    return []


def _refuse(found: list[str]) -> None:
    if found:
        raise RecipeError("\n".join(f"mixture: {fault}" for fault in found))


def _exact(value: float | None) -> Fraction:
    """The number as it is written, so that weights of 0.1 and 0.2 make exactly 0.3."""
    return Fraction(str(value)) if value is not None else Fraction(0)


def _enough(tokens: Fraction, available: int) -> str:
    """Epochs that give so many tokens, to two places, rounded up."""
    return f"{math.ceil(tokens * 100 / available) / 100:g}"


def _rounded(ideal: Mapping[str, Fraction]) -> dict[str, int]:
    """Whole tokens of the same sum, rounded down: what is left goes to the largest remainders, the first of equals."""
    whole = {source: math.floor(tokens) for source, tokens in ideal.items()}
    left = math.floor(sum(ideal.values())) - sum(whole.values())
    for source in sorted(ideal, key=lambda source: whole[source] - ideal[source])[:left]:
        whole[source] += 1
    return whole
