"""What repeats can tell: pure functions, numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy import optimize, stats


def power(effect: float, n: int, alpha: float = 0.05) -> float:
    """The chance that a two-sided paired t-test of n differences finds an effect, in their standard deviations.

    By the noncentral t distribution; Cohen 1988, section 2.
    """
    critical = stats.t.ppf(1 - alpha / 2, n - 1)
    shift = effect * math.sqrt(n)
    other = 0.0 if shift > 10 else stats.nct.cdf(-critical, n - 1, shift)  # scipy has NaN where it is below 1e-20
    return float(stats.nct.sf(critical, n - 1, shift) + other)


def detectable(n: int, chance: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest effect, in standard deviations of the paired differences, that n repeats find with this chance.

    Infinite for fewer than two repeats, which leave no spread to measure it by.
    """
    if n < 2:
        return math.inf
    high = 0.5
    while power(high, n, alpha) < chance:
        high *= 2
    return float(optimize.brentq(lambda effect: power(effect, n, alpha) - chance, 0.0, high))


def paired_interval(differences: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The t interval of the mean of paired differences; their own value twice where all of them are equal."""
    n, mean = len(differences), math.fsum(differences) / len(differences)
    if n < 2:
        raise ValueError("An interval needs at least two repeats.")
    spread = math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (n - 1))
    reach = float(stats.t.ppf((1 + level) / 2, n - 1)) * spread / math.sqrt(n)
    return mean - reach, mean + reach
