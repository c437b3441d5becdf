"""A number that judges predictions: all that lossbench knows of a metric, in one object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossbench.plan import Direction, Target

if TYPE_CHECKING:
    from torch import Tensor

Values = NDArray[np.float64]


class Need(Enum):
    """What of a prediction a metric is computed from; a loss that does not give it has no such metric."""

    SCORE = "score"
    """A number in the target's unit; of two classes anything that is larger for class 1."""
    LABEL = "label"
    PROBABILITY = "probability"
    INTERVAL = "interval"
    """The bounds of the central 90 %: [2, ..., n]."""
    QUANTILES = "quantiles"
    """Several quantiles and their levels, one after the other: [2 k, ..., n]."""
    DENSITY = "density"
    """Centre and scale of Student's t, and its degrees of freedom, infinite for a normal: [3, ..., n]."""


@dataclass(frozen=True)
class Metric:
    """How predictions of n targets become one number, alone and side by side.

    `value(target, given)` takes tensors [n] and gives the number; `stacked` takes [..., n] and gives [...], so that a
    stack of trainings is judged in one call. `given` is what the metric needs, in the shape that `Need` says.
    """

    name: str
    direction: Direction
    target: Target
    need: Need = Need.SCORE
    label: str = ""
    """As people write it; empty where that is the name with spaces."""
    value: Callable[[Tensor, Tensor], float] | None = None
    """None: what `stacked` gives of one."""
    stacked: Callable[[Tensor, Tensor], Tensor] | None = None
    """None: `value`, one after the other."""
    influence: Callable[[Values, Values], Values | None] | None = None
    """Of targets and what is needed [n]: numbers [n] whose mean is the metric, each holding one example's influence.

    None of these: by leaving out groups of examples."""
    margin: float | None = None
    """Differences that are the same in practice; None where only the data can say."""
    best: float | None = None
    """The value of a perfect prediction, where there is one."""
    of_counts: Callable[[Any, Any, Any, Any], Any] | None = None
    """Of a metric that judges decisions between two classes: its formula in true positives, false positives, false
    negatives and true negatives, arrays or tensors alike. Its threshold is chosen on validation data."""
    proper: bool = False
    """Whether it rewards probabilities that are right, not only their order."""
    rewards: str = ""
    """The point of a distribution that it asks for, as a loss says what it elicits; empty for the middle."""
    quantile: float | None = None
    """The quantile of the targets at which it is least for one prediction for all, where it is not the mean."""
    describes: bool = False
    """Whether it only describes predictions, as the width of an interval, so that nothing can be chosen by it."""
    usual: bool = False
    """Whether every record of such targets has it; others are there where they are asked for."""

    @property
    def written(self) -> str:
        """As people write it."""
        return self.label or self.name.replace("_", " ")

    @property
    def decides(self) -> bool:
        return self.of_counts is not None

    def of(self, target: Tensor, given: Tensor) -> float:
        """The number for one prediction of n targets."""
        if self.value is not None and (self.stacked is None or len(target) > 1):  # torchmetrics refuses a single one
            return float(self.value(target, given))
        assert self.stacked is not None
        return float(self.stacked(target, given))

    def of_stored(self, target: Values, given: Values) -> float:
        """The number for one prediction as it is stored: arrays [n]."""
        import torch

        return self.of(torch.from_numpy(target), torch.from_numpy(given))

    def of_many(self, target: Tensor, given: Tensor) -> Tensor:
        """The numbers [...] for predictions of targets [..., n] side by side."""
        if self.stacked is not None:
            return self.stacked(target, given)
        import torch

        rows = zip(target.reshape(-1, target.shape[-1]), given.reshape(-1, given.shape[-1]), strict=True)
        return torch.tensor([self.of(y, z) for y, z in rows], dtype=torch.double).view(target.shape[:-1])

    def parts(self, target: Values, given: Values) -> Values | None:
        """Numbers whose mean is the metric, for intervals: one an example, or one for each of 50 groups of them."""
        if self.influence is not None:
            return self.influence(target, given)
        if len(target) < 2:  # nothing is left where one is left out
            return None
        from lossbench.metrics.jackknife import by_groups

        def of(rows: NDArray[np.int64]) -> float:
            return self.of_stored(target[rows], given[..., rows])

        return by_groups(of, len(target))


def numbered(name: str, number: float) -> str:
    """`pinball_0.9`, `f_beta_2`: a name from which the very same number can be read."""
    short = f"{number:g}"
    return f"{name}_{short if float(short) == number else repr(number)}"


@dataclass(frozen=True)
class Family:
    """Metrics that differ in one number, as `pinball_0.9`: `make` takes the number, or none for the usual one."""

    name: str
    parameter: str
    usual: float
    make: Callable[[float], Metric]
