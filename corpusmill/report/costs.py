"""What a run cost, where the price of a core is given."""

from typing import NamedTuple

from corpusmill.report.outputs import Run

HOUR = 3600.0


class Cost(NamedTuple):
    """What the work of a run cost: `cost` is in the currency of `price_per_hour`, which is of one core."""

    core_hours: float
    price_per_hour: float
    cost: float


def of(run: Run, price_per_hour: float) -> Cost:
    """The cost of all steps of all stages; time for starting and waiting is not in it.

    Args:
        run: the run.
        price_per_hour: of one core, in any currency.
    """
    hours = sum(sum(stage.seconds().values()) for stage in run.stages) / HOUR
    return Cost(hours, price_per_hour, hours * price_per_hour)


def line(found: Cost) -> str:
    """The same for people."""
    return (
        f"cost     {found.cost:,.4g} in the currency of the price: {found.core_hours:,.4g} core-hours at"
        f" {found.price_per_hour:g} an hour of one core"
    )
