"""Rows and what is predicted of them: the parts of a data set, the rarest class."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import ClassVar


class Part(Enum):
    """Which rows: learned from, chosen on, or judged by."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True)
class Rarest:
    """The class that has the fewest targets, counted where training rows come from."""

    ENOUGH: ClassVar[int] = 5
    """So many in a batch, on average, leave fewer than 1 batch in 100 without any (exp(-5) = .007)."""

    name: str
    count: int
    """Its own targets."""
    targets: int
    """Those of all classes."""
    rows: int
    """The rows that hold them: one target each in a table, many in a sentence."""

    def per_batch(self, batch_size: int) -> float:
        """How many of it a batch of so many rows holds on average."""
        return batch_size * self.count / self.rows
