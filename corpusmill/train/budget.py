"""What training costs, and what a budget or a corpus is enough for: tokens, FLOPs, hours, money. Plain arithmetic.

Two counts of FLOPs are told apart. Papers quote 6·N·D (Kaplan et al. 2020; N parameters, D tokens), which leaves out
attention and counts embeddings that are only looked up. `planner.flops_per_token` is exact; hours come from it.
"""

import math
from dataclasses import dataclass

from corpusmill.train.hardware import Peak

TOKENS_PER_PARAMETER = 20.0  # compute-optimal (Hoffmann et al. 2022, approach 1, table 3: 20.0 at 400M, 20.5 at 10B)
PETAFLOP_DAY = 1e15 * 86_400  # FLOPs of one petaflop/s for a day
MOST_EPOCHS = 4.0  # up to here repeated tokens are nearly as good as new ones (Muennighoff et al. 2023)
_DECAY = 15.39  # R* of repeated tokens (Muennighoff et al. 2023, section 6)
DEFAULT_MFU = 0.4


def rule_flops(parameters: float, tokens: float) -> float:
    """FLOPs of training by the rule of 6·N·D."""
    return 6 * parameters * tokens


def optimal_tokens(parameters: float) -> float:
    """Tokens at which a model of this size is the best for its compute."""
    return TOKENS_PER_PARAMETER * parameters


def optimal_parameters(flops: float) -> float:
    """Parameters of the best model for this compute: 6·N·20·N = C."""
    return math.sqrt(flops / (6 * TOKENS_PER_PARAMETER))


def over_training(parameters: float, tokens: float) -> float:
    """Tokens over the compute-optimal ones: above 1 the model is smaller than compute alone would have it."""
    return tokens / optimal_tokens(parameters)


def effective_tokens(tokens: float, epochs: float) -> float:
    """New tokens that are worth as much as some tokens seen several times.

    U + U·R*·(1 - exp(-R / R*)) for R = epochs - 1 repetitions (Muennighoff et al. 2023, equation 5).

    Args:
        tokens: different ones, U.
        epochs: how often each is seen; up to 1, a share of them.
    """
    if epochs <= 1:
        return tokens * epochs
    return tokens * (1 + _DECAY * (1 - math.exp(-(epochs - 1) / _DECAY)))


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Devices that work together.

    Attributes:
        peak: of one.
        count: of devices.
        mfu: share of the data sheet's FLOP/s that training reaches.
        price: of one hour of one device, in any currency; null if nobody asks.

    Raises:
        ValueError: for a share that cannot be.
    """

    peak: Peak
    count: int = 8
    mfu: float = DEFAULT_MFU
    price: float | None = None

    def __post_init__(self) -> None:
        """Refuse shares that cannot be."""
        if not 0 < self.mfu <= 1:
            raise ValueError(f"mfu: found {self.mfu:g}; expected a share above 0, at most 1")

    def device_hours(self, flops: float) -> float:
        """Hours of one device; of all at once, a `count`-th of it."""
        return flops / (self.peak.flops * self.mfu * 3600)

    def flops(self, device_hours: float) -> float:
        """The inverse."""
        return device_hours * 3600 * self.peak.flops * self.mfu

    def cost(self, flops: float) -> float | None:
        """Money, if there is a price."""
        return None if self.price is None else self.price * self.device_hours(flops)
