"""How the chosen trainings of each loss went, on the task's own metric on validation data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lossbench.verdicts.comparison import Contest

Values = NDArray[np.float64]
SPAN = (0.1, 0.5, 0.9)
"""The quantiles of a band and its middle."""


@dataclass(frozen=True)
class Curve:
    """How one loss's chosen trainings went, epoch by epoch: the median over repeats and the range of 8 in 10.

    A repeat that has stopped keeps its last value; the curve ends where fewer than half of the repeats still train.
    """

    title: str
    median: Values
    low: Values
    high: Values
    training: NDArray[np.int64]
    """How many repeats still train in each epoch."""

    @property
    def epochs(self) -> Values:
        return np.arange(1, len(self.median) + 1, dtype=float)


def learning_curves(contest: Contest) -> list[Curve]:
    """One curve per loss, in the contest's order; none for a loss without stored curves."""
    found = []
    for contender in contest.contenders:
        with contender.record.stored() as stored:
            names = [f"curve/{repeat.repeat}/validation" for repeat in contender.record.repeats]
            curves = [np.asarray(stored[name], dtype=float) for name in names if name in stored]
        curve = over_epochs(contender.title, [c for c in curves if len(c) and np.isfinite(c).all()])
        found += [curve] if curve else []
    return found


def over_epochs(title: str, curves: Sequence[Values]) -> Curve | None:
    """Curves of different lengths, put together."""
    if not curves:
        return None
    lengths = np.array([len(curve) for curve in curves])
    training = np.array([int((lengths > epoch).sum()) for epoch in range(lengths.max())])
    end = int((2 * training >= len(curves)).sum())
    whole = np.array([np.concatenate([c, np.full(max(0, end - len(c)), c[-1])])[:end] for c in curves])
    low, median, high = np.quantile(whole, SPAN, axis=0)
    return Curve(title, median, low, high, training[:end])
