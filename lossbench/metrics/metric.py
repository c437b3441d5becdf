"""A number that judges predictions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Direction(Enum):
    """Which way a metric improves."""

    MIN = "min"
    MAX = "max"

    def better(self, new: float, old: float) -> bool:
        """Strictly better; NaN never is, and anything beats NaN."""
        if new != new:
            return False
        return old != old or (new < old if self is Direction.MIN else new > old)


@dataclass(frozen=True)
class Metric:
    """A number that judges predictions, and the way it improves."""

    name: str
    direction: Direction
