"""A metric of predictions: everything that lossbench knows about it, in one object."""

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
    """The part of a prediction that a metric is computed from; a loss that does not give it lacks the metric."""

    SCORE = "score"
    """A number in the target's unit; for two classes, anything that is larger for class 1."""
    LABEL = "label"
    PROBABILITY = "probability"
    INTERVAL = "interval"
    """The bounds of the central 90 %: [2, ..., n]."""
    QUANTILES = "quantiles"
    """Several quantiles, then their levels: [2 k, ..., n]."""
    DENSITY = "density"
    """Centre and scale of Student's t, and its degrees of freedom, infinite for a normal: [3, ..., n]."""


@dataclass(frozen=True)
class Metric:
    """A metric: how predictions of n targets become one number.

    `value(target, given)` takes tensors [n] and returns the number; `stacked` takes [..., n] and returns [...], so that
    a stack of runs is evaluated in one call. `given` is what the metric needs, with the shape described in `Need`. At
    least one of the two must be given.
    """

    name: str
    direction: Direction
    target: Target
    need: Need = Need.SCORE
    label: str = ""
    """The name as people write it; empty if that is `name` with spaces."""
    value: Callable[[Tensor, Tensor], float] | None = None
    """None: computed by `stacked`."""
    stacked: Callable[[Tensor, Tensor], Tensor] | None = None
    """None: computed by `value`, one run at a time."""
    influence: Callable[[Values, Values], Values | None] | None = None
    """From targets and `given` [n]: numbers [n] whose mean is the metric, each with one example's influence.

    None: computed by leaving out groups of examples."""
    margin: float | None = None
    """Differences that are the same in practice; None if that depends on the data."""
    best: float | None = None
    """The value of a perfect prediction; None if there is none."""
    of_counts: Callable[[Any, Any, Any, Any], Any] | None = None
    """For a metric of decisions between two classes: its formula in true positives, false positives, false negatives
    and true negatives, arrays or tensors. Its threshold is chosen on validation data."""
    proper: bool = False
    """Whether it rewards calibrated probabilities, not only their order."""
    rewards: str = ""
    """The point of a distribution that it rewards, in the words of `Loss.elicits`; empty for the middle."""
    quantile: float | None = None
    """The quantile of the targets that is the best constant prediction; None if that is the mean."""
    describes: bool = False
    """Whether it only describes predictions, such as the width of an interval, and cannot be a primary metric."""
    usual: bool = False
    """Whether it is in every record of such targets; others are computed on request."""

    @property
    def written(self) -> str:
        """The name as people write it."""
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
        """The number for one stored prediction: arrays [n]."""
        import torch

        return self.of(torch.from_numpy(target), torch.from_numpy(given))

    def of_many(self, target: Tensor, given: Tensor) -> Tensor:
        """The numbers [...] for several predictions of targets [..., n]."""
        if self.stacked is not None:
            return self.stacked(target, given)
        import torch

        rows = zip(target.reshape(-1, target.shape[-1]), given.reshape(-1, given.shape[-1]), strict=True)
        return torch.tensor([self.of(y, z) for y, z in rows], dtype=torch.double).view(target.shape[:-1])

    def parts(self, target: Values, given: Values) -> Values | None:
        """Numbers whose mean is the metric, for intervals: one per example, or one for each of 50 groups."""
        if self.influence is not None:
            return self.influence(target, given)
        if len(target) < 2:  # leaving one out would leave nothing
            return None
        from lossbench.metrics.jackknife import by_groups

        def of(rows: NDArray[np.int64]) -> float:
            return self.of_stored(target[rows], given[..., rows])

        return by_groups(of, len(target))


def numbered(name: str, number: float) -> str:
    """`pinball_0.9`, `f_beta_2`: a name from which the exact number can be read."""
    short = f"{number:g}"
    return f"{name}_{short if float(short) == number else repr(number)}"


@dataclass(frozen=True)
class Family:
    """Metrics that differ in one number, such as `pinball_0.9`: `make` takes it, or nothing for the usual one."""

    name: str
    parameter: str
    usual: float
    make: Callable[[float], Metric]
