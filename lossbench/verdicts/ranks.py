"""Ranks of losses over tasks: one row per task, averaged over its repeats.

Repeats of one task are not further tasks: counting them as such gives 44 % false positives where tasks differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from lossbench.verdicts.statistics import holm

Values = NDArray[np.float64]
ENOUGH_TASKS = 5
"""The fewest tasks for which a critical difference is meaningful."""
STUDENTIZED_RANGE = {
    2: 2.771807648699355,
    3: 3.314493155398122,
    4: 3.6331595749026278,
    5: 3.857655510378623,
    6: 4.030092053180576,
    7: 4.169554155006547,
    8: 4.286309409349043,
    9: 4.38650911549537,
    10: 4.474124221725907,
}
"""Its .95 quantiles for 2 to 10 means, infinite degrees of freedom; scipy.stats has more but imports slowly."""


@dataclass(frozen=True)
class Ranking:
    """k losses ranked on T tasks, 1 the best.

    ranks: [T, k]. mean: [k]. friedman: Friedman's chi-squared; f, p: Iman and Davenport's F of it and its p.
    scores: [T, k], None where only ranks are known.
    critical: the critical difference of mean ranks (Nemenyi, .05), None for fewer than five tasks.
    """

    ranks: Values
    mean: Values
    friedman: float
    f: float
    p: float
    scores: Values | None
    critical: float | None

    @cached_property
    def pairs(self) -> dict[tuple[int, int], float]:
        """Two-sided Wilcoxon p of every pair, by indices i < j; empty without scores."""
        if self.scores is None:
            return {}
        losses = self.scores.T
        return {(i, j): signed_rank(losses[i] - losses[j]) for i, j in combinations(range(len(losses)), 2)}

    @cached_property
    def pairs_holm(self) -> dict[tuple[int, int], float]:
        """The same p values after Holm over all pairs."""
        return dict(zip(self.pairs, holm(list(self.pairs.values())), strict=True))


def rank(scores: Values) -> Ranking:
    """Ranks losses by scores [T, k], larger is better, T and k at least 2. Demšar 2006, section 3.2.

    Tied losses share their mean rank, and Friedman's statistic is the plain one of the paper.
    """
    tasks, k = scores.shape
    if tasks < 2 or k < 2:
        raise ValueError("Ranks over tasks need at least two tasks and two losses.")
    return from_ranks(np.array([_places(-row) for row in scores]), scores)


def from_ranks(ranks: Values, scores: Values | None = None) -> Ranking:
    """The same from ranks [T, k] that are known already; without scores there are no pairwise tests."""
    tasks, k = ranks.shape
    mean = ranks.mean(0)
    friedman = 12 * tasks / (k * (k + 1)) * (float(np.square(mean).sum()) - k * (k + 1) ** 2 / 4)
    rest = tasks * (k - 1) - friedman
    f = (tasks - 1) * friedman / rest if rest > 1e-12 * tasks * k else math.inf
    # where all tasks agree F has no value, and p is the exact chance that they do (Conover 1999, section 5.8)
    p = float(special.fdtrc(k - 1, (k - 1) * (tasks - 1), f)) if f < math.inf else math.factorial(k) ** (1.0 - tasks)
    critical = critical_difference(k, tasks) if tasks >= ENOUGH_TASKS else None
    return Ranking(ranks, mean, friedman, f, p, scores, critical)


def critical_difference(k: int, tasks: int) -> float:
    """How far two mean ranks must lie apart (Nemenyi): q_.05 sqrt(k (k + 1) / 6T), Demšar 2006, equation 5."""
    return _studentized_range(k) / math.sqrt(2) * math.sqrt(k * (k + 1) / (6 * tasks))


def _studentized_range(k: int) -> float:
    if k in STUDENTIZED_RANGE:
        return STUDENTIZED_RANGE[k]
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(0.95, k, np.inf))


def cliques(mean: Values, critical: float) -> list[tuple[int, ...]]:
    """Groups of losses, by index, whose mean ranks cannot be told apart: the bars of the diagram, longest only."""
    order = [int(i) for i in np.argsort(mean, kind="stable")]
    found: list[tuple[int, ...]] = []
    for start, first in enumerate(order):
        run = tuple(i for i in order[start:] if mean[i] - mean[first] <= critical)
        if len(run) > 1 and not any(set(run) <= set(other) for other in found):
            found.append(run)
    return found


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """The Pareto front: points for which no other is as good in both values and better in one (larger is better)."""

    def beaten(one: tuple[float, float]) -> bool:
        return any(a >= one[0] and b >= one[1] and (a, b) != one for a, b in points)

    return [place for place, point in enumerate(points) if not beaten(point)]


def regret_elsewhere(gains: Values) -> Values:
    """The loss of gain on each task if one takes the loss that is best on the other tasks: [T], 0 where it is best.

    gains: [T, k] over the task's baseline in units that tasks share, as margins of equivalence. Ties go to the first.
    """
    tasks = len(gains)
    chosen = [int(np.argmax(np.delete(gains, task, axis=0).mean(0))) for task in range(tasks)]
    return np.array([gains[task].max() - gains[task, chosen[task]] for task in range(tasks)])


def win_tie_loss(verdicts: Sequence[int]) -> tuple[int, int, int]:
    """How many of +1, 0 and -1."""
    return tuple(sum(v == sign for v in verdicts) for sign in (1, 0, -1))  # type: ignore[return-value]


def _places(values: Values) -> Values:
    """1 for the smallest; equal values share the mean of their places."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[place])


def signed_rank(differences: Values) -> float:
    """Wilcoxon's exact two-sided p of paired differences [T]: all 2^T signs of the ranks are counted, ties and all.

    Zeros are ranked and left out (Pratt 1959); 1 where all are 0.
    """
    places = _places(np.abs(differences))
    ranks = np.rint(2 * places[differences != 0]).astype(int)  # doubled, for shared places are halves
    if not len(ranks):
        return 1.0
    chance = np.zeros(int(ranks.sum()) + 1)
    chance[0] = 1.0
    for rank in ranks:  # each rank is in the sum of the positive ones or is not
        chance[rank:] = (chance[rank:] + chance[:-rank]) / 2
        chance[:rank] /= 2
    positive = int(np.rint(2 * places[differences > 0]).sum())
    return min(1.0, 2 * float(min(chance[: positive + 1].sum(), chance[positive:].sum())))
