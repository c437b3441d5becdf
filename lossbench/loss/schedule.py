"""A number that changes during training, written as `{from: 0, to: 0.5, until: 0.3}` in a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHAPES = ("linear", "cosine")
REQUIRED, OPTIONAL = ("from", "to"), ("until", "shape")


@dataclass(frozen=True)
class Schedule:
    """A number that moves from `start` to `end` during training.

    Args:
        start: the value at the beginning.
        end: the value after the share `until` of the training, and from then on.
        until: share of the training, above 0 and at most 1.
        shape: `linear`, or `cosine`, which changes slowly at both ends: start + (end - start)(1 - cos πt)/2.

    Raises:
        ValueError: one of these is out of range.
    """

    start: float
    end: float
    until: float = 1.0
    shape: str = "linear"

    def __post_init__(self) -> None:
        for name, value in (("from", self.start), ("to", self.end), ("until", self.until)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"'{name}' of a schedule must be a finite number, not {value!r}")
        if not 0 < self.until <= 1:
            raise ValueError(
                f"'until' of a schedule must be a share of the training, above 0 and at most 1, not {self.until}"
            )
        if self.shape not in SHAPES:
            raise ValueError(f"'shape' of a schedule must be {' or '.join(SHAPES)}, not {self.shape!r}")

    @classmethod
    def read(cls, said: Mapping[Any, Any]) -> Schedule:
        """A schedule from a mapping `{from: 0, to: 0.5}`, optionally with `until` and `shape`."""
        unknown = [key for key in said if key not in (*REQUIRED, *OPTIONAL)]
        missing = [key for key in REQUIRED if key not in said]
        if unknown or missing:
            what = f"has no '{unknown[0]}'" if unknown else f"needs '{missing[0]}'"
            raise ValueError(
                f"a schedule {what}: write {{from: 0, to: 0.5}}, optionally with until: 0.3 or shape: cosine"
            )
        named = {{"from": "start", "to": "end"}.get(key, key): value for key, value in said.items()}
        return cls(**named)

    def at(self, progress: float) -> float:
        """The number at this progress of the training, from 0 to 1."""
        t = min(max(progress / self.until, 0.0), 1.0)
        if self.shape == "cosine":
            t = (1 - math.cos(math.pi * t)) / 2
        # exactly `end` at the end, and a constant stays exactly itself
        return float(self.end if t == 1 else self.start + t * (self.end - self.start))
