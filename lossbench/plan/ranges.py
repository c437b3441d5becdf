"""Where a loss parameter is worth tuning."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """The interval in which a loss parameter is worth tuning; `log` draws it evenly on a log scale."""

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise ValueError(f"A range needs low < high (and low > 0 on a log scale), not {self.low}..{self.high}.")

    def at(self, x: float) -> float:
        """The point at x in [0, 1] of the way from low to high."""
        if self.log:
            return math.exp(math.log(self.low) + x * math.log(self.high / self.low))
        return self.low + x * (self.high - self.low)
