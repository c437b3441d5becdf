"""What a loss costs in time and memory, as measured after a training."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class StepCost:
    """The time of one step relative to one with the loss `against`, both run in turn after the cell had ended.

    ratio: how many times as long, with an interval from low to high. seconds: CPU time of its own step. rounds: how
    often each was run.
    """

    against: str
    ratio: float
    low: float
    high: float
    seconds: float
    rounds: int = 0

    @property
    def sound(self) -> bool:
        """Whether the values are usable: above 0 and finite."""
        return all(0 < number < math.inf for number in (self.ratio, self.low, self.high, self.seconds))


@dataclass(frozen=True)
class CostAt:
    """Forward and backward of a loss at one size of batch: seconds and bytes kept per target, operations per step.

    ratio: of its time to that of the cheapest loss of its kind in the same moment, with an interval from low to high;
    old records have none.
    """

    batch: int
    classes: int
    seconds: float
    ratio: float
    bytes: float
    operations: int
    threads: int = 1
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class LossCost:
    """What the loss alone costs. against: the cheapest built-in loss of its kind."""

    against: str
    at: tuple[CostAt, ...]
