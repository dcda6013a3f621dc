"""What is due when, as pure functions of the counters: rows of a step, its samples, its learning rate. No torch here.

A sample is a row of the data's order; sample 0 is the first that is trained on. The state of a run is its number of
samples, so everything here is a function of that number alone, whatever the ranks.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from corpusmill.errors import RecipeError
from corpusmill.train.config import Batches, Schedule


class Leg(NamedTuple):
    """Steps of one size: from step `step` and sample `sample` on, `rows` samples each."""

    step: int
    sample: int
    rows: int


@dataclass(frozen=True)
class Steps:
    """All steps of a run.

    Attributes:
        legs: of growing batches; one where there is no ramp.
        count: of steps.
        sequence_length: tokens of a sample.
    """

    legs: tuple[Leg, ...]
    count: int
    sequence_length: int

    @property
    def samples(self) -> int:
        """Samples of the whole run."""
        return self.at(self.count)[0]

    @property
    def tokens(self) -> int:
        """Positions of the whole run, which is what the schedule counts in."""
        return self.samples * self.sequence_length

    def at(self, step: int) -> tuple[int, int]:
        """The first sample of a step, counted from 0, and its rows."""
        leg = next(leg for leg in reversed(self.legs) if leg.step <= step)
        return leg.sample + (step - leg.step) * leg.rows, leg.rows

    @classmethod
    def of(cls, batches: Batches, sequence_length: int, tokens: float, most_samples: int | None = None) -> "Steps":
        """Lay out whole steps: as many as it takes to see `tokens`, and no more than there are samples for.

        Args:
            batches: rows of a step, and the ramp to them.
            sequence_length: tokens of a row.
            tokens: positions to train on; the last step may go beyond.
            most_samples: the steps end before they need more; None is no limit.

        Raises:
            RecipeError: the ramp does not end in `rows`, or not one step fits.
        """
        legs = _legs(batches, sequence_length)
        wanted = math.ceil(tokens / sequence_length)
        leg = next(leg for leg in reversed(legs) if leg.sample < max(wanted, 1))
        count = leg.step + math.ceil((wanted - leg.sample) / leg.rows)
        if most_samples is not None:
            leg = next(leg for leg in reversed(legs) if leg.sample <= most_samples)
            count = min(count, leg.step + (most_samples - leg.sample) // leg.rows)
        if count < 1:
            found = f"length: found {wanted if most_samples is None else most_samples} rows of {sequence_length} tokens"
            raise RecipeError(f"{found}; expected at least one step of {legs[0].rows}; give more data or fewer rows")
        return cls(tuple(legs), count, sequence_length)


def _legs(batches: Batches, sequence_length: int) -> list[Leg]:
    ramp = batches.ramp or ((0, batches.rows),)
    if ramp[-1][1] != batches.rows:
        found = f"batches.ramp: found {ramp[-1][1]} rows at its end, but {batches.rows} in batches.rows"
        raise RecipeError(f"{found}; end the ramp with the tokens from which on a step has {batches.rows} rows")
    legs = [Leg(0, 0, ramp[0][1])]
    for tokens, rows in ramp[1:]:
        last = legs[-1]
        steps = math.ceil((math.ceil(tokens / sequence_length) - last.sample) / last.rows)
        if steps > 0:
            legs.append(Leg(last.step + steps, last.sample + steps * last.rows, rows))
        else:  # a leg shorter than a step of the one before it
            legs[-1] = Leg(last.step, last.sample, rows)
    return legs


def rate(schedule: Schedule, done: float) -> float:
    """The learning rate as a share of its peak, where `done` (0 to 1) of all tokens have been seen.

    Warm-up is linear. `done` counts the step's own tokens, so that the first step has a rate above 0 and the last one
    the final rate. Cosine goes from 1 to `final` (Hoffmann et al. 2022 decay to 10 %); wsd stays at 1 and falls
    linearly over its last `decay` (Hu et al. 2024, section 4); constant stays.
    """
    if schedule.warmup and done <= schedule.warmup:
        return done / schedule.warmup
    if schedule.shape == "constant":
        return 1.0
    if schedule.shape == "wsd":
        left = (1 - done) / schedule.decay if schedule.decay else 1.0
        return schedule.final + (1 - schedule.final) * min(max(left, 0.0), 1.0)
    share = min((done - schedule.warmup) / (1 - schedule.warmup), 1.0)
    return schedule.final + (1 - schedule.final) * (1 + math.cos(math.pi * share)) / 2
