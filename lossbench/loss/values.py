"""What losses take and return: kinds of targets, packed sequences, predictions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor


class Kind(Enum):
    """What is predicted, and the shapes that follow."""

    CONTINUOUS = "continuous"  # output [n] or [n, outputs], target [n] float
    BINARY = "binary"  # logits [n], target [n] in {0., 1.}
    CLASSES = "classes"  # logits [n, classes], target [n] int: rows of a table or real tokens of a text alike
    SEQUENCES = "sequences"  # Sequences(values [sum of lengths, classes], lengths), target Sequences of int labels


class Domain(Enum):
    """The unit in which a continuous target reaches the loss."""

    REAL = "real"  # training standard deviations from the training mean
    NONNEGATIVE = "nonnegative"  # multiples of the training mean, never below 0 (poisson, msle)


@dataclass(frozen=True)
class Sequences:
    """n sequences, concatenated without padding.

    Args:
        values: raw outputs [sum of lengths, classes], or integer labels [sum of lengths].
        lengths: [n] int64, each at least 1.
    """

    values: Tensor
    lengths: Tensor

    def __len__(self) -> int:
        return len(self.lengths)

    def split(self) -> tuple[Tensor, ...]:
        """One tensor per sequence, views of `values`."""
        return torch.split(self.values, self.lengths.tolist())


@dataclass(frozen=True)
class Prediction:
    """The predictions that a loss reads from raw outputs; metrics use these and never assume a sigmoid.

    Args:
        score: point prediction in the target's unit [n] (continuous), larger for class 1 [n] (binary), or larger for
            more likely classes [n, classes] (classes; sequences over all packed positions).
        label: the decision without a tuned threshold [n] int; None for continuous targets.
        probability: of class 1 [n], or [n, classes] summing to 1; None if the loss has none (hinge).
        interval: lower and upper bound of the central 90 % in the target's unit ([n], [n]), or None.
        quantiles: the levels of several quantiles and their values [n, levels] in the target's unit, or None.
        density: the scale of Student's t around the score, and its degrees of freedom, infinite for a normal
            distribution ([n], [n]); None if the loss does not model the distribution.
    """

    score: Tensor
    label: Tensor | None = None
    probability: Tensor | None = None
    interval: tuple[Tensor, Tensor] | None = None
    quantiles: tuple[tuple[float, ...], Tensor] | None = None
    density: tuple[Tensor, Tensor] | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> Prediction:
        """The same with every tensor changed."""

        def both(pair: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor] | None:
            return None if pair is None else (change(pair[0]), change(pair[1]))

        return Prediction(
            change(self.score),
            None if self.label is None else change(self.label),
            None if self.probability is None else change(self.probability),
            both(self.interval),
            None if self.quantiles is None else (self.quantiles[0], change(self.quantiles[1])),
            both(self.density),
        )
