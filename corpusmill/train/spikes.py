"""Steps that are not taken: a loss or a gradient far above those before it, or not finite.

The judgement is made on numbers that all ranks have reduced already, so all skip alike, and it stays on the device, so
nothing waits for it.
"""

import torch
from torch import Tensor

LEAST_SHARE = 0.005  # of the mean: a window of nearly equal losses must not make every wobble a spike
LOSS, NORM = 0, 1


class SpikeGuard:
    """Judges a step by the loss and the gradient norm of the last `window` steps.

    A spike enters the window as the limit that it broke, so that one outlier does not open the gate for the next, and a
    level that has really changed is accepted after some steps. The rule is that of OLMo-core's `SkipStepOptimizer`
    (6 standard deviations, 128 steps), but for that and for the least deviation.

    Attributes:
        seen: (2, window) float32, losses and norms, written round and round.
        count: int64, how many have been written.
        skipped: int64, steps that were not taken.
    """

    def __init__(self, deviations: float | None, window: int, device: torch.device) -> None:
        """Start with nothing seen; without `deviations` only what is not finite is skipped."""
        self.deviations = deviations
        self.window = window
        self.seen = torch.zeros((2, window), device=device)
        self.count = torch.zeros((), dtype=torch.int64, device=device)
        self.skipped = torch.zeros((), dtype=torch.int64, device=device)

    @torch.no_grad()
    def judge(self, loss: Tensor, norm: Tensor) -> Tensor:
        """Whether the step is to be skipped: a bool of shape (), on the device.

        Args:
            loss: (), mean over the batch of all ranks.
            norm: (), of the whole gradient before clipping.
        """
        values = torch.stack([loss.detach(), norm.detach()]).float()
        finite = values.isfinite().all()
        limits = self._limits()
        bad = ~finite | (values > limits).any()
        entering = torch.minimum(values, limits)
        place = self.count % self.window
        at = torch.arange(self.window, device=values.device) == place
        # What is not finite says nothing of the level, and would stay in the mean: it is not counted.
        self.seen = torch.where(at & finite, entering[:, None], self.seen)
        self.count += finite
        self.skipped += bad
        return bad

    def _limits(self) -> Tensor:
        """What loss and norm must not exceed, (2,); infinite until half a window has been seen."""
        if self.deviations is None:
            return self.seen.new_full((2,), torch.inf)
        known = torch.arange(self.window, device=self.seen.device) < self.count
        size = known.sum().clamp(min=1)
        mean = (self.seen * known).sum(1) / size
        deviation = (((self.seen - mean[:, None]) ** 2 * known).sum(1) / size).sqrt()
        limits = mean + self.deviations * torch.maximum(deviation, LEAST_SHARE * mean.abs())
        return torch.where(self.count * 2 >= self.window, limits, torch.inf)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint holds; the tensors are those in use, and loading writes into them."""
        return {"seen": self.seen, "count": self.count, "skipped": self.skipped}
