"""A number that changes while a training goes on, as a configuration writes it: `{from: 0, to: 0.5, until: 0.3}`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHAPES = ("linear", "cosine")
REQUIRED, OPTIONAL = ("from", "to"), ("until", "shape")


@dataclass(frozen=True)
class Schedule:
    """From `start` to `end` over the first share `until` of a training, then `end`.

    shape: `linear`, or `cosine`, which leaves `start` and reaches `end` slowly: start + (end - start)(1 - cos πt)/2.
    Raises ValueError for what is no schedule.
    """

    start: float
    end: float
    until: float = 1.0
    shape: str = "linear"

    def __post_init__(self) -> None:
        for name, value in (("from", self.start), ("to", self.end), ("until", self.until)):
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ValueError(f"'{name}' of a schedule is a finite number, not {value!r}")
        if not 0 < self.until <= 1:
            raise ValueError(
                f"'until' of a schedule is a share of the training, above 0 and at most 1, not {self.until}"
            )
        if self.shape not in SHAPES:
            raise ValueError(f"'shape' of a schedule is {' or '.join(SHAPES)}, not {self.shape!r}")

    @classmethod
    def read(cls, said: Mapping[Any, Any]) -> Schedule:
        """Of `{from: 0, to: 0.5}`, with `until` and `shape` if need be."""
        unknown = [key for key in said if key not in (*REQUIRED, *OPTIONAL)]
        missing = [key for key in REQUIRED if key not in said]
        if unknown or missing:
            what = f"knows no '{unknown[0]}'" if unknown else f"needs '{missing[0]}'"
            raise ValueError(f"a schedule {what}: {{from: 0, to: 0.5}} is one, with until: 0.3 or shape: cosine beside")
        named = {{"from": "start", "to": "end"}.get(key, key): value for key, value in said.items()}
        return cls(**named)

    def at(self, progress: float) -> float:
        """The number when the training has come so far, from 0 to 1."""
        t = min(max(progress / self.until, 0.0), 1.0)
        if self.shape == "cosine":
            t = (1 - math.cos(math.pi * t)) / 2
        # just `end` at the end, and a number that does not change is just itself all the way
        return float(self.end if t == 1 else self.start + t * (self.end - self.start))
