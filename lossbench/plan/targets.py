"""What is predicted, of which rows, and which way a score improves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar


class Target(Enum):
    """What is predicted. A task names one of these; verdicts and reports read it from the record."""

    NUMBERS = "numbers"
    TWO_CLASSES = "two classes"
    TAGS = "tags"

    @property
    def task(self) -> str:
        """The built-in task that predicts it."""
        return {Target.NUMBERS: "regression", Target.TWO_CLASSES: "binary", Target.TAGS: "ner"}[self]

    @property
    def classes(self) -> bool:
        """Whether a prediction is one of several classes, so that it can have a probability."""
        return self is not Target.NUMBERS

    @property
    def several(self) -> bool:
        """Whether there may be more than two classes: then the likeliest one is judged."""
        return self is Target.TAGS


class Direction(Enum):
    """Which way a metric improves."""

    MIN = "min"
    MAX = "max"

    @property
    def sign(self) -> int:
        """The factor that makes larger better: 1 for max, -1 for min."""
        return -1 if self is Direction.MIN else 1

    def better(self, new: float, old: float) -> bool:
        """Strictly better; NaN is never better, and every number beats NaN."""
        if new != new:
            return False
        return old != old or (new < old if self is Direction.MIN else new > old)


class Part(Enum):
    """The rows used for training, for choosing, or for judging."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True)
class Rarest:
    """The class that has the fewest targets, counted where training rows come from."""

    ENOUGH: ClassVar[int] = 5
    """With this many per batch on average, fewer than 1 batch in 100 without any (exp(-5) = .007)."""

    name: str
    count: int
    """Its own targets."""
    targets: int
    """Those of all classes."""
    rows: int
    """The rows that hold them: one target each in a table, many in a sentence."""

    def per_batch(self, batch_size: int) -> float:
        """Its mean count in a batch of this many rows."""
        return batch_size * self.count / self.rows


@dataclass(frozen=True)
class DataCard:
    """Facts of a data set before any training; only its name if it was never loaded."""

    name: str
    source: str = ""
    rows: int = 0
    columns: int = 0
    target: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the target: mean, sd and skew; the share of positives; the tags."""
    digest: str = ""
    """Sixteen hex digits over all features and targets."""
    warnings: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    """The warnings that limit the conclusions; they are also in the report."""
